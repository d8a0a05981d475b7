"""What the ranges are measured against: each space does the same calls, and the yardstick in C counts as they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks import ranges
from benchmarks.figures import Figure, Peer, Sample
from benchmarks.spaces import Maps, Sorted, Tracked, Tree, Union
from benchmarks.table import table
from tenure.reference.dma import Access, Mapping, Range

SPACES = (Tracked, Sorted, Tree, Union)


@pytest.mark.parametrize("made", SPACES)
def test_each_space_maps_where_nothing_is_mapped_and_only_there(made: Callable[[Iterable[Mapping]], Maps]) -> None:
    """A peer that does less than the work is none: one byte in common is refused, at either end."""
    batch = ranges.batch_of(200, 20)
    space = made(ranges.mapped(200))

    assert space.map(batch.taken) == 0
    assert space.map(batch.free) == 20
    assert space.map(batch.free) == 0
    assert space.map([wide(one, before=1) for one in batch.free]) == 0
    assert space.unmap(batch.free) == 20
    assert space.map([wide(one, before=4096) for one in batch.free]) == 0
    assert space.map(batch.free) == 20


def wide(one: Mapping, before: int) -> Mapping:
    """The same, some bytes earlier."""
    return one._replace(range=Range(one.range.first - before, one.range.last - before))


def test_the_yardstick_does_the_same_work() -> None:
    """Calls of each kind, in C as in Python."""
    batch = ranges.batch_of(200, 40)
    space = Tracked(ranges.mapped(200))

    found = ranges.in_c(200, batch)

    done = {call: {sample.work for sample in samples} for call, samples in found.items()}
    once = {"map": space.map(batch.free), "unmap": space.unmap(batch.free), "look-up": space.look_up(batch.taken)}
    once["range query"] = space.query(batch.asked)
    assert done == {call: {float(work * batch.rounds)} for call, work in once.items()}


def test_work_that_differs_spoils_a_figure() -> None:
    """A faster call that found nothing is not faster."""
    some, fewer = Sample(1.0, 1.0, 8.0), Sample(1.0, 1.0, 7.0)

    assert ranges.spoiled([some, some], [some]) == ""
    assert ranges.spoiled([some], [fewer]) == "not the same was done: [7.0, 8.0]"


def test_places_are_all_different() -> None:
    """Every call of a batch does its own work."""
    for size in (1_000, 20_000):
        free = sorted(one.range for one in ranges.batch_of(size, 2_000).free)
        assert all(a.last < b.first for a, b in pairwise(free))
        assert len({one.range for one in ranges.mapped(size)}) == size
    assert Mapping(Range(0, 4095), 0, Access.READ, "p0") in set(ranges.mapped(10))


@pytest.mark.parametrize(("calls", "met"), [(24.0, False), (25.0, True)])
def test_a_call_among_many_is_held_to_itself_among_few(calls: float, met: bool) -> None:  # noqa: FBT001  # an example
    """Three quarters of the speed may be lost, and no more; what the tree in C loses stands beside it."""
    small = figure_of(100.0, theirs=1_000.0)

    found = ranges.growth("map", small, figure_of(calls, theirs=300.0))

    assert found.met is met
    assert found.note == "C, tsearch of the C library, keeps 0.30 of its own speed"
    assert ranges.growth("map", replace(small, spoiled="half of it"), small).met is False


def figure_of(calls: float, theirs: float) -> Figure:
    """So many calls a second, and so many of a peer."""
    return Figure("map", (Sample(1.0, 1.0, calls),), "calls", peer=Peer("C", (Sample(1.0, 1.0, theirs),)))


@pytest.mark.parametrize(("calls", "met"), [(49.0, False), (50.0, True)])
def test_a_goal_may_mean_the_peer(calls: float, met: bool) -> None:  # noqa: FBT001  # an example
    """So many times as fast, on whatever machine; the table says so."""
    peer = Peer("a plain one", (Sample(1.0, 1.0, 1.0),))
    figure = Figure("map", (Sample(1.0, 1.0, calls),), unit="calls", peer=peer, least_ratio=50)

    assert figure.met is met
    assert ">= 50 times its peer" in list(table([figure]).columns[5].cells)
