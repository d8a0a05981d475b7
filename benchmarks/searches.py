"""How many states and transitions a second the explorer sees, beside a plain breadth-first search of the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.figures import Figure, Peer, Sample, side_by_side
from benchmarks.plain_search import plain_search
from tenure.commands.judging import find_system
from tenure.properties import PROPERTIES
from tenure.search.explorer import Exploration, explore
from tenure.search.scopes import main_area
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import Sentence, applies, sentence
from tenure.vocabulary.systems import Granularity

SYSTEM = "external-get-put"
LIMIT = 30_000
"""States after which both stop; the explorer ends its level, so work is counted and not the number of states."""
TIMES = 3


def searches() -> Iterator[Figure]:
    """Each granularity bare, then with every property watched and every case noted; without orbits, which the peer does not know."""
    for granularity in Granularity:
        yield from _searches(granularity, watched=False)
        yield from _searches(granularity, watched=True)


def _searches(granularity: Granularity, *, watched: bool) -> Iterator[Figure]:
    system = find_system(SYSTEM)
    rules = rules_of(system, granularity)
    area = main_area(system, granularity)
    machine = Machine(rules, area.scope)
    sentences = [sentence(rules, p) for p in PROPERTIES if applies(system, p)] if watched else []
    states: dict[str, float] = {}

    def ours() -> float:
        found = _explored(machine, sentences, area.calls, watched=watched)
        states["ours"] = found.states / found.transitions
        return found.transitions

    def plain() -> float:
        found = plain_search(machine, area.calls, None, LIMIT)
        states["plain"] = found.states / found.transitions
        return found.transitions

    samples, theirs = side_by_side(ours, plain, TIMES)
    what = f"search of {SYSTEM} {granularity.value}, {'every property watched' if watched else 'nothing watched'}"
    peer = Peer("plain breadth-first search, nothing watched", theirs)
    figure = Figure(what, samples, unit="transitions", peer=peer)
    yield figure
    ours_seen = tuple(_states(s, states["ours"]) for s in samples)
    peers_seen = tuple(_states(s, states["plain"]) for s in theirs)
    yield replace(figure, unit="states", samples=ours_seen, peer=replace(peer, samples=peers_seen))


def _explored(
    machine: Machine, sentences: list[Sentence], calls: frozenset[str] | None, *, watched: bool
) -> Exploration:
    return explore(machine, sentences, calls=calls, limit=LIMIT, witness=watched, exhaust=True)


def _states(sample: Sample, share: float) -> Sample:
    """The same run, its work counted in states."""
    return replace(sample, work=sample.work * share)
