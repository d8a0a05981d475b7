"""Pairs in flight: from every orbit of states at rest, every two calls interleaved in every way, compared after every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tenure.gate.conform import Comparison, Conformance, Difference, agree, reference_said
from tenure.gate.orbits import Bounds, History, Told, explore
from tenure.reference.kernel import NotCallable
from tenure.reference.saving import Snapshot
from tenure.vocabulary.machine import Scope, State, Transition
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term
from tenure.vocabulary.types import written


def conform_pairs(
    system: System,
    scope: Scope,
    *,
    within: Term = TRUE,
    budget: float | None = None,
    most: int = 5,
    told: Told | None = None,
) -> Conformance:
    """Compare every two calls in flight, in every interleaving, from every orbit of states at rest."""
    both = Comparison(system, Granularity.STEPS, scope)
    report = Conformance(system.id, str(scope), "pairs in flight")
    return explore(both, report, _pair_steps, Bounds(within, budget, most), told)


def _pair_steps(
    both: Comparison, state: State, snapshot: Snapshot, history: History, report: Conformance
) -> Iterator[tuple[State, str]]:
    """Every call from one state, with every other beside it; then the state after it alone, with the reference left there."""
    for made in _beginnings(both, state):
        _pair(both, snapshot, history, made, report)
        end = _alone(both, snapshot, made)
        if end is not None:
            yield end, both.words(made)


def _beginnings(both: Comparison, state: State) -> list[Transition]:
    return [made for number in both.begins for made in both.machine.canonical(state, number)]


def _alone(both: Comparison, snapshot: Snapshot, made: Transition) -> State | None:
    """The state after a call that runs alone, with the reference left there; None where it sleeps or kills the kernel."""
    last = both.run_on(made)
    if last is None:
        return None
    both.kernel.restore(snapshot)
    both.kernel.do(both.rules.rules[made.rule].call.name, both.arguments(made))
    return last.state


@dataclass(frozen=True)
class _Move:
    """One step of an interleaving: who begins or goes on, and what the model says of it."""

    made: Transition
    label: str
    begins: bool
    waiting: tuple[_Move, ...] = ()
    """The last moves of those who cannot go on afterwards: in the reference they must wait too."""


def _pair(both: Comparison, snapshot: Snapshot, history: History, first: Transition, report: Conformance) -> None:
    """Every interleaving of one call that pauses with every other call, replayed on the reference."""
    if not both.machine.pauses(first):
        return
    for path in _interleavings(both, [_Move(first, _label(both, first), begins=True)], started=1):
        report.transitions += len(path)
        _replay(both, snapshot, history, path, report)


def _interleavings(both: Comparison, path: list[_Move], started: int) -> Iterator[list[_Move]]:
    """Runs that extend `path` as far as they go, with at most two calls begun, or to where the rules model nothing more."""
    state = path[-1].made.state
    if not both.modelled(state):
        yield path
        return
    extended = False
    after = [(mover, _next(both, state, mover)) for mover in _unfinished(both, path)]
    waiting = tuple(replace(mover, begins=False) for mover, found in after if not found)
    path = [*path[:-1], replace(path[-1], waiting=waiting)]
    for mover, found in after:
        for made in found:
            extended = True
            yield from _interleavings(both, [*path, _Move(made, mover.label, begins=False)], started)
    if started == 1 and _unfinished(both, path):
        for made in _beginnings(both, state):
            extended = True
            begun = [*path, _Move(made, _label(both, made), begins=True)]
            yield from [begun] if both.waits(made) else _interleavings(both, begun, 2)
    if not extended and len(path) > 1:
        yield path


def _next(both: Comparison, state: State, mover: _Move) -> list[Transition]:
    """What the actor of a call in flight can do next."""
    machine = both.machine
    step = getattr(machine.leaves[mover.made.rule][mover.made.leaf].outcome, "step", "")
    return machine.proceed(state, machine.continuing(step), machine.actor(mover.made))


def _unfinished(both: Comparison, path: list[_Move]) -> list[_Move]:
    """The last move of each actor whose call is still in flight."""
    last = {move.label: move for move in path}
    return [move for move in last.values() if both.machine.pauses(move.made)]


def _label(both: Comparison, made: Transition) -> str:
    """The actor's name; a call that ends at once needs none of its own."""
    rule = both.rules.rules[made.rule]
    if rule.actor is None:
        return "th9"
    kind = next(p.type for p in rule.variables if p.name == str(rule.actor.data))
    return str(written(kind, both.machine.actor(made)))


def _replay(both: Comparison, snapshot: Snapshot, history: History, path: list[_Move], report: Conformance) -> None:
    """Lead the reference along an interleaving, as far as it agrees."""
    both.kernel.restore(snapshot)
    calls = history
    for move in path:
        calls = (
            *calls,
            both.words(move.made) if move.begins else f"{move.label}: {both.rules.rules[move.made.rule].name}",
        )
        agreed = agree(both, report, calls, move.made, _given(both, move))
        if not agreed or not all(_waits(both, report, calls, one) for one in move.waiting):
            break
    both.kernel.restore(snapshot)


def _waits(both: Comparison, report: Conformance, calls: History, move: _Move) -> bool:
    """Whoever waits by the rules waits in the reference, or cannot go on at all: a kernel that stopped runs nobody."""
    given = _given(both, move)
    if given not in ("waiting", "cannot be called"):
        report.differences.append(Difference((*calls, f"{move.label} goes on"), "waiting", given))
        return False
    return True


def _given(both: Comparison, move: _Move) -> str:
    """What the reference says when this move is made where it stands."""
    rule = both.rules.rules[move.made.rule]
    try:
        if not move.begins:
            return reference_said(both.kernel.step(move.label))
        label = move.label if rule.actor is not None and str(rule.actor.data) == "actor" else None
        return reference_said(both.kernel.begin(rule.call.name, both.arguments(move.made), label))
    except NotCallable:
        return "cannot be called"
