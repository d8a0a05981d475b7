"""Pairs in flight: from every orbit of states at rest, every two calls interleaved in every way, compared after every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from tenure.gate.conform import Comparison, Conformance, Difference, parting, reference_said, was_gone
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
) -> Iterator[tuple[State, Transition]]:
    """Every call from one state, with every other beside it; then the state after it alone, with the reference left there."""
    for made in _beginnings(both, state):
        _pair(both, (state, snapshot), history, made, report)
        end = _alone(both, state, snapshot, made)
        if end is not None:
            yield end, made


def _beginnings(both: Comparison, state: State) -> list[Transition]:
    return [made for number in both.begins for made in both.machine.canonical(state, number)]


def _alone(both: Comparison, state: State, snapshot: Snapshot, made: Transition) -> State | None:
    """The state after a call that runs alone, with the reference left there; None where it sleeps or kills the kernel.

    None, too, of a way that the rules leave open and the reference does not go.
    """
    ends = _ends(both, made)
    if not ends:
        return None
    both.kernel.restore(snapshot)
    given = reference_said(both.kernel.do(both.rules.rules[made.rule].call.name, both.arguments(made)))
    if len(both.alike(state, made)) == 1 == len(ends):
        return ends[0].state
    return next((one.state for one in ends if was_gone(both, one, given)), None)


def _ends(both: Comparison, made: Transition) -> list[Transition]:
    """Every end of a call once begun, while nothing else happens; none where it sleeps.

    The rounds of a loop may come in any order, and come to one end; a step that ends the call may do so in several ways.
    """
    ways = [] if both.waits(made) else [made]
    while ways and both.machine.pauses(ways[0]):
        after = _going_on(both, ways[0].state, ways[0])
        ways = after[:1] if any(map(both.machine.pauses, after)) else after
    return ways


@dataclass(frozen=True)
class _Move:
    """One step of an interleaving: who begins or goes on, and what the model says of it."""

    made: Transition
    label: str
    begins: bool
    waiting: tuple[_Move, ...] = ()
    """The last moves of those who cannot go on afterwards: in the reference they must wait too."""


def _pair(
    both: Comparison, start: tuple[State, Snapshot], history: History, first: Transition, report: Conformance
) -> None:
    """Every interleaving of one call that pauses with every other call, replayed on the reference."""
    if not both.machine.pauses(first):
        return
    agreed: list[_Move] = []
    for path in _interleavings(both, [_Move(first, _label(both, first), begins=True)], started=1):
        report.transitions += len(path)
        both.kernel.restore(start[1])
        agreed = _replay(both, (start[0], history), path, _common(agreed, path), report)


def _common(before: list[_Move], path: list[_Move]) -> int:
    """How many moves two interleavings have in common before they part."""
    return sum(1 for _ in takewhile(lambda two: two[0] is two[1], zip(before, path, strict=False)))


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
    return _going_on(both, state, mover.made)


def _going_on(both: Comparison, state: State, made: Transition) -> list[Transition]:
    """What the actor of a call can do next in a state, where this is the last that it did."""
    machine = both.machine
    step = getattr(machine.leaves[made.rule][made.leaf].outcome, "step", "")
    return machine.proceed(state, machine.continuing(step), machine.actor(made))


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


def _replay(
    both: Comparison, start: tuple[State, History], path: list[_Move], known: int, report: Conformance
) -> list[_Move]:
    """Lead the reference along an interleaving, as far as it agrees; after as many moves as are `known` it is known to agree."""
    state, history = start
    for move in path[:known]:
        for one in (move, *move.waiting):
            _given(both, one)
    for end, move in enumerate(path[known:], known + 1):
        given = _given(both, move)
        parted = parting(both, report, move.made, given)
        before = path[end - 2].made.state if end > 1 else state
        if parted is not None and _went_another_way(both, before, move, given):
            return path[: end - 1]
        if parted is not None:
            report.differences.append(Difference(_told(both, history, path[:end]), *parted))
            return path[: end - 1]
        for one in move.waiting:
            if (given := _given(both, one)) not in ("waiting", "cannot be called"):  # a kernel that stopped runs nobody
                calls = (*_told(both, history, path[:end]), f"{one.label} goes on")
                report.differences.append(Difference(calls, "waiting", given))
                return path[: end - 1]
    return path


def _went_another_way(both: Comparison, state: State, move: _Move, given: str) -> bool:
    """Of the ways that the rules leave open to a call, the reference went one that is not this move."""
    made = move.made
    ways = both.alike(state, made) if move.begins else both.machine.proceed(state, made.rule, both.machine.actor(made))
    return any(was_gone(both, one, given) for one in ways)


def _told(both: Comparison, history: History, path: list[_Move]) -> History:
    """The calls that led to an interleaving, and its moves, as a report writes them."""
    return *history, *(
        both.words(move.made) if move.begins else f"{move.label}: {both.rules.rules[move.made.rule].name}"
        for move in path
    )


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
