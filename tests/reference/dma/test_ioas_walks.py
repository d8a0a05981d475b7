"""IO address spaces at random, with failing steps: they say what page tables say, and pins, charges and translations add up."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tenure.reference.dma import Access, Bounds, Mapping, PageTable, Range, Refusal, Shift, Width, splitting
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.ioas import Flags, Ioas
from tenure.reference.dma.ioas_compat import Flags as CompatFlags
from tenure.reference.dma.ioas_compat import IoasCompat
from tenure.reference.dma.ioas_pages import Domain
from tenure.reference.dma.processes import Process

BOUNDS = Bounds(Width(6), Width(7), Shift(1))
RW = Flags.READ | Flags.WRITE
PAGES, COUNTS = st.integers(0, 30), st.integers(1, 5)


def process(limit: int = 12) -> Process:
    """Memory behind 64 of 128 addresses, in two runs."""
    made = Process("p0", limit, bounds=Bounds(Width(7), Width(10), Shift(1)))
    made.has(Range(0, 31), 512)
    made.has(Range(32, 63), 256)
    return made


def domain(name: str) -> Domain:
    """With a hole that it cannot translate."""
    return Domain(name, (Range(60, 63),), Bounds(width=Width(6), shift=Shift(1)))


class Walk(RuleBasedStateMachine):
    """Two IO address spaces that share pages, each beside a page table."""

    def __init__(self) -> None:
        super().__init__()
        self.who = process()
        self.spaces: list[Ioas] = []
        self.tables: list[PageTable] = []

    @initialize(limit=st.integers(6, 20))
    def begin(self, limit: int) -> None:
        self.who = process(limit)
        self.spaces = [Ioas(bounds=BOUNDS, largest=Shift(3)) for _ in range(2)]
        for space in self.spaces:
            space.set_huge_pages(0)
            space.user = self.spaces[0].user
        self.tables = [PageTable(BOUNDS), PageTable(BOUNDS)]

    @rule(n=st.integers(0, 1), page=PAGES, count=COUNTS, behind=st.integers(0, 34), chosen=st.booleans())
    def map(self, n: int, page: int, count: int, behind: int, chosen: bool) -> None:  # noqa: FBT001  # drawn
        flags = RW if chosen else RW | Flags.FIXED
        self.entered(n, self.spaces[n].map(self.who, 2 * behind, 2 * count, flags, 2 * page), count, 2 * behind)

    @rule(n=st.integers(0, 1), page=PAGES, source=PAGES, count=COUNTS)
    def copy(self, n: int, page: int, source: int, count: int) -> None:
        answer = self.spaces[n].copy(self.spaces[1 - n], RW | Flags.FIXED, 2 * count, 2 * source, 2 * page)
        if not isinstance(answer, Errno):
            for one in self.tables[1 - n].overlapping(Range(2 * source, 2 * (source + count) - 1)):
                first, last = max(one.range.first, 2 * source), min(one.range.last, 2 * (source + count) - 1)
                moved = Range(first + answer - 2 * source, last + answer - 2 * source)
                mapping = Mapping(moved, one.target + first - one.range.first, Access.READ | Access.WRITE, "p0")
                assert self.tables[n].map(mapping) is None

    def entered(self, n: int, answer: int | Errno, count: int, behind: int) -> None:
        """Have the page table hold it too, wherever it was put; nowhere, where it was refused."""
        if not isinstance(answer, Errno):
            r = Range(answer, answer + 2 * count - 1)
            assert self.tables[n].map(Mapping(r, behind, Access.READ | Access.WRITE, "p0")) is None

    @rule(n=st.integers(0, 1), page=PAGES, count=COUNTS)
    def unmap_by_version_1(self, n: int, page: int, count: int) -> None:
        count = min(count, 32 - page)  # one that wraps is refused after an area was cut: test_ioas_compat.py has it
        answer = IoasCompat(self.spaces[n]).unmap_dma(2 * page, 2 * count)
        gone = self.tables[n].unmap(Range(2 * page, 2 * (page + count) - 1), splitting)
        assert not isinstance(gone, Refusal)
        assert answer == (None, sum(one.range.last + 1 - one.range.first for one in gone))

    @rule(n=st.integers(0, 1))
    def unmap_everything(self, n: int) -> None:
        bytes_gone = sum(one.range.last + 1 - one.range.first for one in self.tables[n].unmap_all())
        assert self.spaces[n].unmap(0, 63) == bytes_gone

    @rule(n=st.integers(0, 1), name=st.sampled_from(["d0", "d1"]))
    def attach_or_detach(self, n: int, name: str) -> None:
        there = [one for one in self.spaces[n].kept.domains if one.name == name]
        if there:
            self.spaces[n].detach(there[0])
        else:
            assert self.spaces[n].attach(domain(name)) in (None, Errno.EADDRINUSE, Errno.EFAULT, Errno.ENOMEM)

    @rule(n=st.integers(0, 1), step=st.integers(0, 4), page=PAGES, count=COUNTS)
    def fail(self, n: int, step: int, page: int, count: int) -> None:
        self.spaces[n].kept.faults.fails_in = step
        answer = self.spaces[n].map(self.who, 0, 2 * count, RW | Flags.FIXED, 2 * page)
        self.spaces[n].kept.faults.fails_in = None
        self.entered(n, answer, count, 0)

    @invariant()
    def the_same_is_mapped(self) -> None:
        for space, table in zip(self.spaces, self.tables, strict=True):
            held = [(one.range, one.target) for one in space.kept.space]
            assert held == [(one.range, one.target) for one in table]
            assert all(area.is_finished for area in space.kept.areas.values())

    @invariant()
    def each_domain_translates_what_is_mapped_and_nothing_else(self) -> None:
        for space, table in zip(self.spaces, self.tables, strict=True):
            for one, byte in ((one, byte) for one in space.kept.domains for byte in range(64)):
                found, mapping = one.table.at(byte), table.at(byte)
                assert (found is None) == (mapping is None)
                if found is not None and mapping is not None:
                    memory = self.who.memory.at(mapping.target + byte - mapping.range.first)
                    assert memory is not None
                    there = memory.target + mapping.target + byte - mapping.range.first - memory.range.first
                    assert found.target + byte - found.range.first == there

    @invariant()
    def each_pages_object_is_charged_once(self) -> None:
        needed: dict[int, set[int]] = {}
        for space in self.spaces:
            for area in space.kept.areas.values() if space.kept.domains else ():
                numbers = range(area.target // 2, (area.target + area.range.last - area.range.first) // 2 + 1)
                needed.setdefault(id(area.pages), set()).update(numbers)
        due = sum(len(numbers) for numbers in needed.values())
        assert [space.user.locked for space in self.spaces[:1]] == [due] * len(self.spaces[:1])
        assert self.who.pinned == due <= self.who.limit


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=30, derandomize=True, database=None)
TestWalk = Walk.TestCase


def failing() -> tuple[Ioas, Ioas, Process]:
    """One with a domain and an area of two runs, and one with such an area and another after it."""
    who = process()
    made, other = Ioas(bounds=BOUNDS, largest=Shift(3)), Ioas(bounds=BOUNDS, largest=Shift(3))
    assert made.attach(domain("d0")) is None
    assert made.map(who, 28, 8, RW | Flags.FIXED, 0) == 0
    assert other.map(who, 28, 8, RW | Flags.FIXED, 16) == 16
    assert other.map(who, 0, 4, RW | Flags.FIXED, 24) == 24
    return made, other, who


def shown(*spaces: Ioas) -> list[object]:
    """All that a call could change."""
    return [
        (
            tuple(space.kept.space),
            [(dict(area.pages.needed), area.is_finished, tuple(area.accesses)) for area in space.kept.areas.values()],
            [tuple(one.table) for one in space.kept.domains],
            space.user.locked,
            space.kept.allowed,
            space.kept.fillers,
        )
        for space in spaces
    ]


CALLS: dict[str, tuple[int, Callable[[Ioas, Ioas, Process], object]]] = {
    "map": (4, lambda made, _, who: made.map(who, 28, 8, RW | Flags.FIXED, 16)),
    "map, at any address": (4, lambda made, _, who: made.map(who, 28, 8, RW)),
    "copy of two areas": (6, lambda made, other, _: made.copy(other, RW | Flags.FIXED, 12, 16, 40)),
    "attach": (5, lambda _, other, __: other.attach(domain("d1"))),
    "attach another": (2, lambda made, _, __: made.attach(domain("d1"))),
    "pin": (1, lambda made, _, __: made.pin(2, 4, Access.READ)),
    "allow": (4, lambda made, _, __: made.allow_iovas([(0, 9), (20, 29)])),
}
"""How many steps can fail: a record, the pin of an area, a translation for each run and domain; for each range its copy."""


@pytest.mark.parametrize("name", CALLS)
def test_whatever_step_fails_everything_is_as_it_was(name: str) -> None:
    """Fixed step by step; with none left to fail the call succeeds."""
    steps, act = CALLS[name]
    for step in range(steps):
        made, other, who = failing()
        before = shown(made, other), who.pinned
        for space in (made, other):
            space.kept.faults.fails_in = step

        assert isinstance(act(made, other, who), Errno), step

        assert (shown(made, other), who.pinned) == before
    made, other, who = failing()
    for space in (made, other):
        space.kept.faults.fails_in = steps
    assert not isinstance(act(made, other, who), Errno)


EDGES = (0, 1, 0x1000, 1 << 32, 1 << 63, (1 << 64) - 0x1000, (1 << 64) - 2, 1 << 64)


def test_the_edges_at_full_width_are_as_their_numbers() -> None:
    """Every two ranges between edges of 64 bits, mapped, found and unmapped, as a page table of seven pages has it."""
    numbers = [
        Range(a, b) for a in range(7) for b in range(a, 7) if (a, b) != (0, 6) and EDGES[b + 1] - EDGES[a] < 1 << 63
    ]
    who = Process("p0")
    for a in numbers:
        for b in numbers:
            made, table = IoasCompat(Ioas()), PageTable(Bounds(Width(3), Width(3), Shift(0)))
            for r in (a, b):
                refusal = table.map(Mapping(r, r.first, Access.READ, "p0"))
                length = EDGES[r.last + 1] - EDGES[r.first]
                answer = made.map_dma(who, EDGES[r.first], 0, length, CompatFlags.READ)
                assert answer is (None if refusal is None else Errno.EEXIST)
            assert made.ioas is not None
            for request in numbers[::3]:
                last = EDGES[request.last + 1] - 1
                found = made.ioas.kept.overlapping(Range(EDGES[request.first], last))
                assert [one.range.first for one in found] == [
                    EDGES[one.range.first] for one in table.overlapping(request)
                ]
            assert [made.ioas.kept.at(edge) is not None for edge in EDGES[:7]] == [
                table.at(n) is not None for n in range(7)
            ]
            assert made.ioas.unmap(0, (1 << 64) - 1) == sum(
                EDGES[one.range.last + 1] - EDGES[one.range.first] for one in table
            )
