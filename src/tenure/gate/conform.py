"""`conform`: the model and the reference, two tellings of one protocol, compared state by state.

Whole calls: from every orbit of states, every call with every argument must have the same answer and the same view in
both. Pairs in flight: from every orbit, every two calls interleaved in every way, compared after every step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tenure.gate.profiles import NO_GROUP_DIES_IN_USE
from tenure.reference.kernel import SHOWN, Configuration, Died, Kernel, NotCallable, Paused, Waiting, WouldBlock
from tenure.reference.saving import Snapshot
from tenure.search.symmetry import orbit
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.emission import Emission
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term, constant
from tenure.vocabulary.types import default, written
from tenure.vocabulary.verdicts import Verdict

View = tuple[tuple[int, ...], ...]
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Difference:
    """Where the two tellings part: the calls that led there, and what each said."""

    calls: tuple[str, ...]
    model: str
    reference: str


@dataclass
class Conformance:
    """What a comparison covered, and what it found."""

    system: str
    scope: str
    kind: str
    states: int = 0
    transitions: int = 0
    complete: bool = False
    seconds: float = 0.0
    refusals: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Conforms only where nothing differs in a scope that was seen whole."""
        if self.differences:
            return Verdict.DIFFERS
        return Verdict.CONFORMS if self.complete else Verdict.UNKNOWN


class Comparison:
    """One system's model and reference at one granularity, side by side."""

    def __init__(self, system: System, granularity: Granularity, scope: Scope) -> None:
        self.system = system
        self.rules: Rules = rules_of(system, granularity)
        self.machine = Machine(self.rules, scope)
        self.kernel = Kernel(system.id, configuration(scope))
        self.view = view_function(self.machine)
        self.orbit = orbit(self.machine)
        self.modelled = self.machine.function(self.rules.lower(NO_GROUP_DIES_IN_USE.term))
        self.begins = [i for i, r in enumerate(self.rules.rules) if r.begins]

    def start(self) -> tuple[State, Snapshot]:
        """The initial state, in both tellings."""
        (state,) = self.machine.initial()
        return state, self.kernel.snapshot()

    def arguments(self, made: Transition) -> dict[str, int]:
        """A beginning's arguments by name."""
        rule = self.rules.rules[made.rule]
        named = {p.name: v for p, v in zip(rule.variables, made.args, strict=True)}
        named.pop("actor", None)
        return named

    def words(self, made: Transition) -> str:
        """A beginning as a report writes it."""
        rule = self.rules.rules[made.rule]
        shown = (f"{p.name}={written(p.type, v)}" for p, v in zip(rule.variables, made.args, strict=True))
        return f"{rule.call.name} {' '.join(shown)}"

    def outcome(self, made: Transition) -> str:
        """What the model says the rule ended with: a pause, an answer, or death."""
        if self.machine.pauses(made):
            step = self.machine.leaves[made.rule][made.leaf].outcome
            return f"paused {getattr(step, 'step', '')}"
        return said(self.machine.answer(made))

    def run_on(self, made: Transition) -> Transition | None:
        """The end of a call once begun, if it comes to one while nothing else happens."""
        machine = self.machine
        while machine.pauses(made):
            step = getattr(machine.leaves[made.rule][made.leaf].outcome, "step", "")
            after = machine.proceed(made.state, machine.continuing(step), machine.actor(made))
            if not after:
                return None
            (made,) = after
        return made

    def refusal(self, made: Transition) -> str | None:
        """The name of the refusal that the transition is, if it is one."""
        answer = self.machine.answer(made)
        if isinstance(answer, Refused):
            return f"{self.machine.leaves[made.rule][made.leaf].path[-1].name} {answer.errno}"
        return None


def said(answer: Answer | None) -> str:
    """An answer in words; None is a call that never returned."""
    match answer:
        case None:
            return "died"
        case Done(values):
            return f"done {dict(sorted(values))}"
        case Refused(errno):
            return errno


def reference_said(outcome: object) -> str:
    """What the reference did, in the same words."""
    match outcome:
        case Paused():
            return f"paused {outcome.step}"
        case Waiting():
            return "waiting"
        case Died():
            return "died"
        case Done() | Refused():
            return said(outcome)
    return repr(outcome)


def configuration(scope: Scope) -> Configuration:
    """The reference's machine for a scope of the model."""
    sizes = {name: scope.sizes.get(name, 0) for name in scope.sizes}
    groups, devices = sizes["group"], sizes["device"]
    fixed = scope.fixed
    return Configuration(
        sizes=sizes,
        device_group=tuple(int(v) for v in fixed["group of"]),
        bridge=tuple(bool(v) for v in fixed.get("bridge", (False,) * devices)),
        no_iommu=tuple(bool(v) for v in fixed.get("no iommu", (False,) * groups)),
        rawio=tuple(bool(v) for v in fixed["rawio"]),
        driver=tuple(int(v) for v in scope.initial["driver"][0]),
    )


def view_function(machine: Machine) -> Callable[[State], View]:
    """A function that shows a model's state as the reference shows its own: the same observables in the same order."""
    emission = Emission(machine.layout)
    known = {d.observable.name: d for d in machine.rules.system.definitions}

    def cells(one: Observable) -> Iterator[str]:
        for place in machine.layout.places_of(one):
            if one.name not in known:
                yield str(int(default(one.value)))
                continue
            args = tuple(constant(i, sort) for i, sort in zip(place, one.domain, strict=True))
            term = machine.rules.lower(one.read(args))
            yield f"int({emission.value(term, 's', {})})"

    shown = ", ".join("(" + "".join(f"{c}," for c in cells(one)) + ")" for one in SHOWN)
    run: Callable[[State], View] = machine.layout.compile(f"def view(s):\n    return ({shown},)")["view"]
    return run


def conform_whole(  # each is one independent choice of the caller
    system: System,
    scope: Scope,
    *,
    within: Term = TRUE,
    budget: float | None = None,
    most: int = 5,
    told: Told | None = None,
) -> Conformance:
    """Compare whole calls from every orbit of states that satisfies `within`."""
    both = Comparison(system, Granularity.WHOLE, scope)
    report = Conformance(system.id, str(scope), "whole calls")
    started = time.monotonic()
    inside = both.machine.function(both.rules.lower(within))
    state, snapshot = both.start()
    known, seen = {state}, {both.orbit(state)}
    frontier: list[tuple[State, Snapshot, tuple[str, ...]]] = [(state, snapshot, ())]
    while frontier and len(report.differences) < most:
        upcoming: list[tuple[State, Snapshot, tuple[str, ...]]] = []
        for state, snapshot, history in frontier:
            for after, made in _whole_steps(both, state, snapshot, history, report):
                if after in known:
                    continue
                known.add(after)
                key = both.orbit(after)
                if key not in seen:
                    seen.add(key)
                    report.states = len(seen)
                    if inside(after):
                        upcoming.append((after, both.kernel.snapshot(), (*history, made)))
            if budget is not None and time.monotonic() - started > budget:
                report.seconds = time.monotonic() - started
                return report
        if told is not None:
            told(report.states, report.transitions)
        frontier = upcoming
    report.complete = not frontier
    report.seconds = time.monotonic() - started
    return report


def _whole_steps(
    both: Comparison,
    state: State,
    snapshot: Snapshot,
    history: tuple[str, ...],
    report: Conformance,  # the reference's own
) -> Iterator[tuple[State, str]]:
    """Every call from one state in both tellings; where they agree, the state after it, with the reference left there."""
    machine = both.machine
    for number in both.begins:
        for first in machine.canonical(state, number):
            report.transitions += 1
            words = both.words(first)
            last = both.run_on(first)
            both.kernel.restore(snapshot)
            expected = "blocks" if last is None else both.outcome(last)
            try:
                given = reference_said(both.kernel.do(both.rules.rules[number].call.name, both.arguments(first)))
            except WouldBlock:
                given = "blocks"
            except NotCallable:
                given = "cannot be called"
            if given != expected:
                report.differences.append(Difference((*history, words), expected, given))
                continue
            if last is None:
                continue
            refusal = both.refusal(last)
            if refusal is not None:
                report.refusals.add(refusal)
            if (shown := both.kernel.observe()) != (wanted := both.view(last.state)):
                report.differences.append(Difference((*history, words), *unlike(wanted, shown)))
                continue
            yield last.state, words


def unlike(wanted: View, shown: View) -> tuple[str, str]:
    """The observables in which two views differ, in words."""
    parts = [(o.name, w, s) for o, w, s in zip(SHOWN, wanted, shown, strict=True) if w != s]
    return "; ".join(f"{n} {w}" for n, w, _ in parts), "; ".join(f"{n} {s}" for n, _, s in parts)


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
    started = time.monotonic()
    inside = both.machine.function(both.rules.lower(within))
    state, snapshot = both.start()
    known, seen = {state}, {both.orbit(state)}
    frontier: list[tuple[State, Snapshot, tuple[str, ...]]] = [(state, snapshot, ())]
    while frontier and len(report.differences) < most:
        upcoming: list[tuple[State, Snapshot, tuple[str, ...]]] = []
        for state, snapshot, history in frontier:
            for made in _beginnings(both, state):
                _pair(both, snapshot, history, made, report)
                end = _alone(both, snapshot, made)
                if end is None or end in known:
                    continue
                known.add(end)
                key = both.orbit(end)
                if key not in seen:
                    seen.add(key)
                    report.states = len(seen)
                    if inside(end):
                        upcoming.append((end, both.kernel.snapshot(), (*history, both.words(made))))
            if budget is not None and time.monotonic() - started > budget:
                report.seconds = time.monotonic() - started
                return report
        if told is not None:
            told(report.states, report.transitions)
        frontier = upcoming
    report.complete = not frontier
    report.seconds = time.monotonic() - started
    return report


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


def _pair(
    both: Comparison,
    snapshot: Snapshot,
    history: tuple[str, ...],
    first: Transition,
    report: Conformance,  # as above
) -> None:
    """Every interleaving of one call that pauses with every other call, replayed on the reference."""
    if not both.machine.pauses(first):
        return
    for path in _interleavings(both, [_Move(first, _label(both, first), begins=True)], started=1):
        report.transitions += len(path)
        _replay(both, snapshot, history, path, report)


def _interleavings(both: Comparison, path: list[_Move], started: int) -> Iterator[list[_Move]]:
    """Runs that extend `path` as far as they go, with at most two calls begun, or to where the rules model nothing more."""
    machine = both.machine
    state = path[-1].made.state
    if not both.modelled(state):
        yield path
        return
    extended = False
    for mover in _unfinished(both, path):
        step = getattr(machine.leaves[mover.made.rule][mover.made.leaf].outcome, "step", "")
        for made in machine.proceed(state, machine.continuing(step), machine.actor(mover.made)):
            extended = True
            yield from _interleavings(both, [*path, _Move(made, mover.label, begins=False)], started)
    if started == 1 and _unfinished(both, path):
        for made in _beginnings(both, state):
            extended = True
            yield from _interleavings(both, [*path, _Move(made, _label(both, made), begins=True)], 2)
    if not extended and len(path) > 1:
        yield path


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
    both: Comparison,
    snapshot: Snapshot,
    history: tuple[str, ...],
    path: list[_Move],
    report: Conformance,  # as above
) -> None:
    kernel = both.kernel
    kernel.restore(snapshot)
    done: list[str] = []
    for move in path:
        rule = both.rules.rules[move.made.rule]
        done.append(both.words(move.made) if move.begins else f"{move.label}: {rule.name}")
        try:
            if move.begins:
                label = move.label if rule.actor is not None and str(rule.actor.data) == "actor" else None
                given = reference_said(kernel.begin(rule.call.name, both.arguments(move.made), label))
            else:
                given = reference_said(kernel.step(move.label))
        except NotCallable:
            given = "cannot be called"
        expected = both.outcome(move.made)
        if given != expected:
            report.differences.append(Difference((*history, *done), expected, given))
            break
        refusal = both.refusal(move.made)
        if refusal is not None:
            report.refusals.add(refusal)
        if (shown := kernel.observe()) != (wanted := both.view(move.made.state)):
            report.differences.append(Difference((*history, *done), *unlike(wanted, shown)))
            break
    kernel.restore(snapshot)
