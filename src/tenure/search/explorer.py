"""Breadth-first exploration: every state of a scope, the shortest way to each fault, and what is ever reached."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tenure.search.symmetry import orbit
from tenure.vocabulary.machine import Machine, State, Transition
from tenure.vocabulary.sentences import Sentence, quantified
from tenure.vocabulary.terms import TRUE, Term, both
from tenure.vocabulary.traces import Trace, TraceStep

Progress = Callable[[int, int], None]
"""Told how many states and transitions there are so far."""

StepCheck = Callable[[Transition, State], bool]
"""Whether a sentence is true of a transition from a state."""


@dataclass(frozen=True)
class Way:
    """A shortest run: the states that it visits, and its last transition, which may leave the state as it is."""

    states: tuple[State, ...]
    last: Transition | None = None
    calls: frozenset[str] | None = None
    """The calls by which it was searched; None: all."""

    @property
    def before_last(self) -> State:
        """The state in which the last transition is taken."""
        return self.states[-2] if self.last is not None else self.states[-1]


@dataclass
class Exploration:
    """What a search found."""

    machine: Machine
    states: int = 0
    """How many states were gone on from; with `orbits`, one of each orbit."""
    orbits: bool = False
    transitions: int = 0
    depth: int = 0
    complete: bool = False
    violations: dict[str, Way] = field(default_factory=dict)
    """For each property that fell, a shortest run to it."""
    leaves: dict[str, Way] = field(default_factory=dict)
    """For each case of a step ever taken, a shortest run that takes it."""
    pairs: dict[tuple[str, str], Way] = field(default_factory=dict)
    """For each two cases taken one after the other, a shortest run that does so."""
    calls: frozenset[str] | None = None
    parents: dict[State, State | None] = field(default_factory=dict)
    entries: dict[State, str] = field(default_factory=dict)
    """The case by which each state was first reached; kept only where pairs are wanted."""

    def path(self, state: State, last: Transition | None = None) -> Way:
        """The way from an initial state to `state`, and by one more transition from there."""
        found = [state]
        while (parent := self.parents[found[-1]]) is not None:
            found.append(parent)
        states = found[::-1]
        return Way(tuple(states) if last is None else (*states, last.state), last, self.calls)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """States make no cycles, and to look for cycles among so many of them takes a sixth of a search."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_no_cycles()
def explore(  # noqa: PLR0913  # each is one independent choice of the caller
    machine: Machine,
    sentences: Iterable[Sentence] = (),
    *,
    calls: frozenset[str] | None = None,
    limit: int | None = None,
    witness: bool = False,
    pairs: bool = False,
    exhaust: bool = False,
    orbits: bool = False,
    until: Term | None = None,
    progress: Progress | None = None,
) -> Exploration:
    """Explore from the initial states, by `calls` alone if given, until all is seen.

    It ends before where `until` holds, and at the end of a level that has `limit` states or, unless `exhaust`, after
    which every sentence has fallen. Of states that differ only in the names of objects, all are seen, and with `orbits`
    the first alone is gone on from: what can be from there, and how soon, does not depend on names.
    """
    found = Exploration(machine, orbits=orbits, calls=calls)
    watch = _Watch(machine, tuple(sentences))
    goal = machine.function(until) if until is not None else None
    transitions = machine.transitions(
        i for i, r in enumerate(machine.rules.rules) if calls is None or r.call.name in calls
    )
    seen: set[tuple[int, int]] = set()
    frontier = list(machine.initial())
    found.parents = dict.fromkeys(frontier)
    for state in frontier:
        watch.state(state, found)
    parents = found.parents
    is_known = _known(machine, frontier) if orbits else parents.__contains__
    while frontier:
        upcoming: list[State] = []
        for state in frontier:
            for made in transitions(state):
                found.transitions += 1
                if witness and (leaf := (made.rule, made.leaf)) not in seen:
                    seen.add(leaf)
                    _note_leaves(machine, made, state, found)
                if watch.steps:
                    watch.step(state, made, found)
                if pairs:
                    _note_pair(machine, made, state, found)
                if made.state is state or is_known(made.state):
                    continue
                parents[made.state] = state
                upcoming.append(made.state)
                watch.state(made.state, found)
                if goal is not None and goal(made.state):
                    found.violations["until"] = found.path(made.state)
                    found.states = len(parents)
                    return found
        if (watch.watched and watch.idle and not exhaust) or (limit is not None and len(parents) >= limit):
            found.states, found.depth = len(parents), found.depth + 1
            return found
        frontier = upcoming
        found.depth += 1
        found.states = len(parents)
        if progress is not None:
            progress(found.states, found.transitions)
    found.complete = True
    return found


def _known(machine: Machine, start: Iterable[State]) -> Callable[[State], bool]:
    """Whether a state's orbit was asked about before, or has a state at the start."""
    name_of = orbit(machine)
    known = set(start)
    names = set(map(name_of, known))

    def is_known(state: State) -> bool:
        if state in known:
            return True
        known.add(state)
        name = name_of(state)
        if name in names:
            return True
        names.add(name)
        return False

    return is_known


def _note_leaves(machine: Machine, made: Transition, state: State, found: Exploration) -> None:
    for branch in machine.leaves[made.rule][made.leaf].path:
        if branch.name not in found.leaves:
            found.leaves[branch.name] = found.path(state, made)


def _note_pair(machine: Machine, made: Transition, state: State, found: Exploration) -> None:
    taken = machine.leaves[made.rule][made.leaf].name
    found.entries.setdefault(made.state, taken)
    pair = (found.entries.get(state, ""), taken)
    if pair not in found.pairs:
        found.pairs[pair] = found.path(state, made)


class _Watch:
    """The sentences that still hold, compiled together so that a good state costs one test."""

    def __init__(self, machine: Machine, sentences: tuple[Sentence, ...]) -> None:
        self.machine = machine
        self.watched = bool(sentences)
        self.states = {s.about.id: s.closed for s in sentences if not s.is_about_steps}
        self.steps = {s.about.id: s for s in sentences if s.is_about_steps}
        self._all = machine.function(both(*self.states.values()))
        self._step_checks: dict[tuple[int, int], StepCheck | None] = {}

    @property
    def idle(self) -> bool:
        """Every sentence has fallen."""
        return not self.states and not self.steps

    def state(self, state: State, found: Exploration) -> None:
        """Note the sentences that are false in `state`."""
        if self._all(state):
            return
        for name, body in list(self.states.items()):
            if not self.machine.function(body)(state):
                found.violations[name] = found.path(state)
                del self.states[name]
        self._all = self.machine.function(both(*self.states.values()))

    def step(self, state: State, made: Transition, found: Exploration) -> None:
        """Note the sentences about steps that are false of this one."""
        leaf = (made.rule, made.leaf)
        if leaf not in self._step_checks:
            self._step_checks[leaf] = step_check(self.machine, *leaf, self.steps.values())
        check = self._step_checks[leaf]
        if check is None or check(made, state):
            return
        for name, sentence in list(self.steps.items()):
            one = step_check(self.machine, *leaf, [sentence])
            if one is not None and not one(made, state):
                found.violations[name] = found.path(state, made)
                del self.steps[name]
        self._step_checks.clear()


def step_check(machine: Machine, rule: int, leaf: int, sentences: Iterable[Sentence]) -> StepCheck | None:
    """A test of all the sentences on steps through this leaf; None where they can only hold there."""
    one = machine.rules.rules[rule]
    outcome = machine.leaves[rule][leaf].outcome
    closed = both(*(quantified(s.at(one, outcome), s.about.variables) for s in sentences))
    if closed.key == TRUE.key:
        return None
    names = tuple(p.name for p in one.variables)
    run = machine.function(closed, names)
    return lambda made, state: bool(run(made.state, *made.args, before=state))


def transitions_of(machine: Machine, way: Way) -> list[tuple[State, Transition]]:
    """The transitions of a way, each with the state in which it is taken."""
    pairs = list(zip(way.states, way.states[1:], strict=False))
    known = pairs if way.last is None else pairs[:-1]
    found = [(state, transition_between(machine, state, after, way.calls)) for state, after in known]
    return found if way.last is None else [*found, (way.states[-2], way.last)]


def trace_of(machine: Machine, way: Way, subject: str, reason: str) -> Trace:
    """A way as a trace."""
    return trace_along(machine, way.states[0], transitions_of(machine, way), subject, reason)


def trace_along(
    machine: Machine, start: State, taken: list[tuple[State, Transition]], subject: str, reason: str
) -> Trace:
    """Transitions taken one after the other as a trace."""
    steps = tuple(TraceStep(machine.event(state, made), machine.render(made.state)) for state, made in taken)
    rules = machine.rules
    return Trace(
        system=rules.system.id,
        granularity=rules.granularity.value,
        subject=subject,
        reason=reason,
        scope=tuple(machine.scope.sizes.items()),
        fixed=machine.layout.render_fixed(),
        initial=machine.render(start),
        steps=steps,
    )


def transition_between(machine: Machine, state: State, after: State, calls: frozenset[str] | None = None) -> Transition:
    """A transition from one state to the other, by one of `calls`; raises LookupError where the rules allow none."""
    for one in (machine.canonical, machine.exact):
        for number, rule in enumerate(machine.rules.rules):
            if calls is not None and rule.call.name not in calls:
                continue
            for made in one(state, number):
                if made.state == after:
                    return made
    raise LookupError("the rules allow no such step")
