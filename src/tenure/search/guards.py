"""What is lost with a guard, as searches see it: what takes its place in each state, and the property that falls."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from tenure.search.explorer import explore, step_check, trace_of
from tenure.search.falsify import LIMIT, describe
from tenure.search.scopes import Area, main_area, witness_areas
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.calls import Crash
from tenure.vocabulary.guards import Guard, weakened
from tenure.vocabulary.machine import Machine, State, Transition
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import Sentence, sentence
from tenure.vocabulary.traces import Trace

GOES_ON = "goes on"
"""Instead of an answer: the call stands before a later step."""


@dataclass(slots=True)
class Substitute:
    """What takes the place of one guard in the states in which it was met."""

    met: bool = False
    changes: bool = False
    """Some state after is another, or a property about steps falls."""
    answers: set[str] = field(default_factory=set)
    """What is answered instead."""
    same_answers: bool = True
    by: set[str] = field(default_factory=set)
    """The cases that are taken last instead."""


@dataclass(frozen=True)
class Fall:
    """A property that falls, and a shortest run to it."""

    broken: str
    trace: Trace
    area: str

    @property
    def length(self) -> int:
        """The transitions of the run."""
        return len(self.trace)


def areas_of(rules: Rules) -> tuple[Area, ...]:
    """Where guards are looked at: where violations are searched, and where the other cases are reached."""
    found = (main_area(rules.system, rules.granularity), *witness_areas(rules.system, rules.granularity))
    return tuple({str(a): a for a in found}.values())


def substitutes(
    rules: Rules, guards: Iterable[Guard], properties: Iterable[Property], areas: Iterable[Area], limit: int = LIMIT
) -> tuple[dict[str, Substitute], str]:
    """What takes the place of each guard in every state that a search reaches; and the extent of the first search."""
    stated = [s for p in properties if (s := sentence(rules, p)).is_about_steps]
    found = {g.name: Substitute() for g in guards}
    extents = []
    for area in areas:
        machine = Machine(rules, area.scope)
        seen = explore(machine, calls=area.calls, limit=limit, orbits=True)
        extents.append(describe(seen))
        for number, rule in enumerate(rules.rules):
            if area.calls is None or rule.call.name in area.calls:
                probes = [_Probe(machine, number, n, found[n], stated) for n in found if _speaks_of(machine, number, n)]
                if probes:
                    _compare(machine, number, probes, seen.parents)
    return found, extents[0]


def _speaks_of(machine: Machine, number: int, name: str) -> bool:
    """The guard is one of the rule's cases, or the sleep of one of its steps."""
    return any(name in (b.name, b.name.partition("#")[0]) for leaf in machine.leaves[number] for b in leaf.path)


def _compare(machine: Machine, number: int, probes: list[_Probe], states: Iterable[State]) -> None:
    passing = [[p for p in probes if p.name in {b.name for b in leaf.path}] for leaf in machine.leaves[number]]
    asleep = [p for p in probes if p.sleeps]
    for state in states:
        taken = machine.canonical(state, number)
        for probe in {p for t in taken for p in passing[t.leaf]}.union(asleep):
            probe.look(state, taken)


class _Probe:
    """One rule without one guard, beside the same rule with it."""

    def __init__(self, machine: Machine, number: int, name: str, found: Substitute, stated: list[Sentence]) -> None:
        self.name = name
        self.sleeps = "#" not in name
        self._machine = machine
        self._found = found
        bare = weakened(replace(machine.rules, rules=(machine.rules.rules[number],)), {name})
        self._weak = Machine(bare, machine.scope)
        self._usual = [leaf.name for leaf in machine.leaves[number]]
        self._instead = [leaf.name for leaf in self._weak.leaves[0]]
        self._checks = [step_check(self._weak, 0, leaf, stated) for leaf in range(len(self._instead))]

    def look(self, state: State, taken: list[Transition]) -> None:
        """Note what happens in this state without the guard, wherever something else happens with it."""
        made = self._weak.canonical(state, 0)
        usual = {(t.args, self._usual[t.leaf]) for t in taken}
        instead = {(t.args, self._instead[t.leaf]) for t in made}
        for args in {args for args, _ in usual ^ instead}:
            self._note(state, [t for t in taken if t.args == args], [t for t in made if t.args == args])

    def _note(self, state: State, with_it: list[Transition], without: list[Transition]) -> None:
        one = self._found
        one.met = True
        answered = {(t.state, self._machine.answer(t)) for t in with_it}
        instead = {(t.state, self._weak.answer(t)) for t in without}
        one.changes |= {s for s, _ in answered} != {s for s, _ in instead} or any(
            self._breaks(state, t) for t in without
        )
        one.same_answers &= answered == instead
        for made in without:
            leaf = self._weak.leaves[0][made.leaf]
            one.answers.add(_said(self._weak.answer(made), crashed=isinstance(leaf.outcome, Crash)))
            one.by.add(leaf.path[-1].name)

    def _breaks(self, state: State, made: Transition) -> bool:
        check = self._checks[made.leaf]
        return check is not None and not check(made, state)


def _said(answer: Answer | None, *, crashed: bool) -> str:
    if isinstance(answer, Refused):
        return answer.errno
    return "ok" if answer is not None else "crash" if crashed else GOES_ON


def fall(
    rules: Rules, names: Collection[str], properties: Iterable[Property], areas: Iterable[Area], limit: int
) -> tuple[Fall | None, str]:
    """The property that falls first without the guards of these names, if one does; and the extent of the first search."""
    weak = weakened(rules, names)
    stated = [sentence(rules, p) for p in properties]
    found: list[Fall] = []
    extents = []
    for area in areas:
        seen = explore(Machine(weak, area.scope), stated, calls=area.calls, limit=limit, orbits=True)
        extents.append(describe(seen))
        for property_, way in seen.violations.items():
            told = trace_of(seen.machine, way, property_, f"without {' and '.join(sorted(names))}")
            found.append(Fall(property_, told, str(area)))
    return min(found, key=lambda f: (f.length, f.broken), default=None), extents[0]
