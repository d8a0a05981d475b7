"""How long a shortest trace of each race takes, beside a plain breadth-first search for the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.figures import Figure, Peer, side_by_side
from benchmarks.plain_search import plain_search
from tenure.commands.judging import find_system
from tenure.properties import PROPERTIES, RACES
from tenure.search.falsify import race_trace
from tenure.search.scopes import main_scope
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.properties import Property, Race
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.terms import both, no

GOAL = 5.0
TIMES = 3


def races() -> Iterator[Figure]:
    """One figure for each race that is a violation; the others have no trace."""
    for race in RACES:
        if not race.harmless:
            yield _race(race)


def _race(race: Race) -> Figure:
    rules = rules_of(find_system(race.system), Granularity(race.granularity))
    lengths: set[int] = set()
    samples, theirs = side_by_side(partial(_ours, rules, race, lengths), partial(_plain, rules, race, lengths), TIMES)
    (length, *others) = sorted(lengths)
    what = f"race {race.id} of {race.system} {race.granularity}"
    spoiled = "no trace" if length == 0 else "the lengths of the two searches differ" if others else ""
    peer = Peer("plain breadth-first search, one process", theirs)
    return Figure(what, samples, goal=GOAL, peer=peer, note=f"{length} transitions", spoiled=spoiled)


def _ours(rules: Rules, race: Race, lengths: set[int]) -> float:
    found = race_trace(rules, race, _broken(race))
    lengths.add(len(found) if found is not None else 0)
    return 1.0


def _plain(rules: Rules, race: Race, lengths: set[int]) -> float:
    """As `race_trace` does it: the machine is made anew, for the goal is a trace from nothing."""
    machine = Machine(rules, main_scope(rules.system, rules.granularity, race.needs))
    moment, rule = rules.lower(race.moment), sentence(rules, _broken(race))
    moment = moment if rule.is_about_steps else both(moment, no(rule.closed))
    lengths.add(plain_search(machine, frozenset(race.calls), machine.function(moment)).length or 0)
    return 1.0


def _broken(race: Race) -> Property:
    return next(p for p in PROPERTIES if p.id == race.property)
