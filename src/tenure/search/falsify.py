"""Falsification: shortest traces to what is false, and what was searched where nothing was found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tenure.search.explorer import Exploration, Progress, explore, trace_of
from tenure.search.long_runs import long_runs_of
from tenure.search.scopes import Area, main_area, main_scope, narrow_areas, witness_areas
from tenure.search.scripts import play
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.properties import Due, Property, Race
from tenure.vocabulary.rules import Rules, leaves
from tenure.vocabulary.sentences import Sentence, sentence
from tenure.vocabulary.terms import TRUE, Op, Term, both, implies, no
from tenure.vocabulary.traces import Trace

LIMIT = 60_000
"""Orbits of states after which a search stops; what it did not find by then is *searched*, nothing more."""

BRIEF = 8_000
"""Orbits after which a brief search stops: enough for most of what can fall."""

CLAIM = "claim "
PREMISE = "the premise of "


@dataclass
class Falsification:
    """What searches of a system found at one granularity."""

    traces: dict[str, Trace] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    """For each property that fell, the area of its trace: in none of those searched for violations is one shorter."""
    false_claims: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    """The cases of steps that some run takes."""
    premises: dict[str, tuple[Sentence, ...]] = field(default_factory=dict)
    """Of each property what says that a premise is never met: one of each part that says what holds where something else does."""
    met: set[str] = field(default_factory=set)
    """The premises that some run meets."""
    searched: str = ""
    """The extent of the main search, in words."""
    complete: bool = False
    """The main search saw every state of its scope."""

    def knows(self, name: str) -> bool:
        """The sentence has fallen already."""
        return name in self.traces or name in self.met or name.removeprefix(CLAIM) in self.false_claims

    def unmet(self, name: str) -> tuple[Sentence, ...]:
        """The premises of the property that no run was seen to meet: what rests on them says nothing."""
        return tuple(premise for premise in self.premises[name] if premise.about.id not in self.met)

    def is_met(self, name: str) -> bool:
        """Some run meets a premise of the property: it says something."""
        return len(self.unmet(name)) < len(self.premises[name])


def falsify(
    rules: Rules, properties: Iterable[Property], progress: Progress | None = None, *, brief: bool = False
) -> Falsification:
    """Look for a run that breaks each property or claim, and for one that takes each case of each step.

    A `brief` search for violations ends early, and looks at the main scope alone; with a claim that falls there it is over.
    """
    system, granularity = rules.system, rules.granularity
    stated = tuple(sentence(rules, p) for p in properties)
    result = Falsification(premises={s.about.id: _premises(rules, s.about) for s in stated})
    sentences = [*stated, *_claims(rules), *itertools.chain(*result.premises.values())]
    narrow = () if brief else narrow_areas(system, granularity)
    limit = BRIEF if brief else LIMIT
    looked = (main_area(system, granularity), *narrow)
    for area in looked:
        left = [s for s in sentences if s.about.id in result.traces or not result.knows(s.about.id)]
        machine = Machine(rules, area.scope)
        found = _explored(machine, left, area.calls, limit, progress)
        _note(result, found, str(area))
        if not result.searched:
            result.searched, result.complete = describe(found), found.complete
    if brief and result.false_claims:
        return result
    for script in long_runs_of(rules):
        result.reached |= play(rules, script)
    cases = {b.name for rule in rules.rules for path in leaves(rule.root) for b in path}
    for area in witness_areas(system, granularity):
        if area.limit <= limit and any((area.scope, area.calls) == (one.scope, one.calls) for one in looked):
            continue  # seen as far as this, or further
        left = [s for s in sentences if s.about.id.startswith(PREMISE) and not result.knows(s.about.id)]
        if not left and not _can_reach(area, cases - result.reached):
            continue
        machine = Machine(rules, area.scope)
        more = _explored(machine, left, area.calls, area.limit, progress)
        _note(result, more, str(area))
    return result


def _explored(
    machine: Machine, left: list[Sentence], calls: frozenset[str] | None, limit: int, progress: Progress | None
) -> Exploration:
    return explore(machine, left, calls=calls, limit=limit, witness=True, exhaust=True, orbits=True, progress=progress)


def _can_reach(area: Area, cases: Iterable[str]) -> bool:
    """Some of the cases belong to a call that is made there."""
    return any(area.calls is None or name.partition(".")[0] in area.calls for name in cases)


def _note(result: Falsification, found: Exploration, area: str) -> None:
    result.reached |= set(found.leaves)
    for name, way in found.violations.items():
        if name.startswith(CLAIM):
            result.false_claims.add(name.removeprefix(CLAIM))
        elif name.startswith(PREMISE):
            result.met.add(name)
        else:
            trace = trace_of(found.machine, way, name, "")
            if name not in result.traces or len(trace.events) < len(result.traces[name].events):
                result.traces[name], result.scopes[name] = trace, area


def describe(found: Exploration) -> str:
    """A search in words: its scope and how far it went."""
    extent = "every state" if found.complete else f"every run of up to {found.depth} transitions"
    seen = "orbits of states" if found.orbits else "states"
    return f"{extent} with {found.machine.scope}: {found.states:,} {seen}, {found.transitions:,} transitions"


def _claims(rules: Rules) -> list[Sentence]:
    """A model's own claims, searched for counterexamples like properties; lemmas are not, for they follow or are nothing."""
    return [
        Sentence(Property(CLAIM + c.name, c.name, c.sentence, "", Due.ALWAYS, c.variables, c.body, None), c.body)
        for c in rules.claims
        if not c.rests_on
    ]


def _premises(rules: Rules, one: Property) -> tuple[Sentence, ...]:
    """The sentences that say that a premise is never met: where each falls, every part of the property says something."""
    due = TRUE if one.at_rest is None else rules.lower(one.at_rest)
    premises = [both(due, premise) for premise in _where(rules.lower(one.body))]
    name = f"{PREMISE}{one.id}"
    return tuple(
        Sentence(replace(one, id=name if len(premises) == 1 else f"{name}, part {number}"), no(premise))
        for number, premise in enumerate(premises, 1)
    )


def _where(body: Term) -> Iterator[Term]:
    """Where each part of a sentence says something."""
    if body.op is Op.IMPLIES:
        yield body.args[0]
        yield from (both(body.args[0], inner) for inner in _where(body.args[1]) if inner is not TRUE)
    elif body.op is Op.AND:
        yield from itertools.chain(*map(_where, body.args))
    else:
        yield TRUE


def race_trace(rules: Rules, race: Race, broken: Property, progress: Progress | None = None) -> Trace | None:
    """A shortest run by the race's calls to its moment, at which `broken` is false; None where the whole scope has none."""
    machine = Machine(rules, main_scope(rules.system, rules.granularity, race.needs))
    moment, rule = rules.lower(race.moment), sentence(rules, broken)
    steps = [replace(rule, open_body=implies(moment, rule.open_body))] if rule.is_about_steps else []
    until = None if steps else both(moment, no(rule.closed))
    found = explore(machine, steps, calls=frozenset(race.calls), until=until, orbits=True, progress=progress)
    ways = tuple(found.violations.values())
    return trace_of(machine, ways[0], race.id, race.title) if ways else None
