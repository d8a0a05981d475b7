"""Falsification: shortest traces to what is false, and what was searched where nothing was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenure.search.explorer import Exploration, Progress, explore, trace_of
from tenure.search.scopes import main_area, main_scope, narrow_areas, witness_areas
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.properties import Due, Property, Race
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import Sentence, sentence
from tenure.vocabulary.traces import Trace

LIMIT = 200_000
"""States after which a search stops; what it did not find by then is *searched*, nothing more."""

WITNESS_LIMIT = 40_000


@dataclass
class Falsification:
    """What searches of a system found at one granularity."""

    traces: dict[str, Trace] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    """For each property that fell, the area in which no trace is shorter."""
    false_claims: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    """The cases of steps that some run takes."""
    searched: str = ""
    """The extent of the main search, in words."""
    complete: bool = False
    """The main search saw every state of its scope."""


def falsify(rules: Rules, properties: Iterable[Property], progress: Progress | None = None) -> Falsification:
    """Look for a run that breaks each property or claim, and for one that takes each case of each step."""
    system, granularity = rules.system, rules.granularity
    sentences = [*(sentence(rules, p) for p in properties), *_claims(rules)]
    result = Falsification()
    for area in (main_area(system, granularity), *narrow_areas(system, granularity)):
        left = [s for s in sentences if s.property.id not in result.traces]
        machine = Machine(rules, area.scope)
        found = explore(machine, left, calls=area.calls, limit=LIMIT, witness=True, exhaust=True, progress=progress)
        _note(result, found, str(area))
        if not result.searched:
            result.searched, result.complete = describe(found), found.complete
    for area in witness_areas(system, granularity):
        machine = Machine(rules, area.scope)
        more = explore(machine, calls=area.calls, limit=WITNESS_LIMIT, witness=True, progress=progress)
        result.reached |= set(more.leaves)
    return result


def _note(result: Falsification, found: Exploration, area: str) -> None:
    result.reached |= set(found.leaves)
    for name, states in found.violations.items():
        if name.startswith("claim "):
            result.false_claims.add(name.removeprefix("claim "))
        else:
            result.traces[name] = trace_of(found.machine, states, name, "")
            result.scopes[name] = area


def describe(found: Exploration) -> str:
    """A search in words: its scope and how far it went."""
    extent = "every state" if found.complete else f"every run of up to {found.depth} transitions"
    return f"{extent} with {found.machine.scope}: {found.states:,} states, {found.transitions:,} transitions"


def _claims(rules: Rules) -> list[Sentence]:
    """A model's own claims, searched for counterexamples like properties before anybody tries to prove them."""
    return [
        Sentence(Property(f"claim {c.name}", c.name, c.sentence, "", Due.ALWAYS, c.variables, c.body, None), c.body)
        for c in rules.claims
    ]


def race_trace(rules: Rules, race: Race, progress: Progress | None = None) -> Trace | None:
    """A shortest run to the race's moment by its calls alone, or None where the whole scope has none."""
    machine = Machine(rules, main_scope(rules.system, rules.granularity))
    moment = rules.lower(race.moment)
    found = explore(machine, calls=frozenset(race.calls), until=moment, progress=progress)
    if "until" not in found.violations:
        return None
    return trace_of(machine, found.violations["until"], race.id, race.title)
