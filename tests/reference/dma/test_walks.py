"""Random walks: whatever is called in whatever order, and whatever step fails, tracker and page table answer alike."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tenure.reference.dma import (
    Access,
    AddressSpace,
    Bounds,
    Failed,
    Mapping,
    PageTable,
    Range,
    Removal,
    Shift,
    Tracker,
    Width,
    covering,
    exact,
    overlap,
    page_count,
    splitting,
    usable,
)

WIDTH = Width(6)
SHIFTS = st.sampled_from([Shift(0), Shift(1)])
BYTES = st.builds(lambda first, more: Range(first, min(first + more, 63)), st.integers(0, 63), st.integers(0, 11))
RANGES = BYTES.map(lambda r: Range(r.first & ~1, r.last | 1))
REMOVALS = st.sampled_from([exact, covering, splitting])
OWNERS = ("p0", "p1")
TARGETS = st.integers(0, 96).map(lambda half: 2 * half)
MAPPINGS = st.builds(
    Mapping,
    RANGES | BYTES,
    TARGETS,
    st.sampled_from([Access.READ, Access.WRITE, Access.READ | Access.WRITE]),
    st.sampled_from(OWNERS),
)
VALID = st.lists(BYTES, max_size=1).map(lambda reserved: usable(Range(0, 63), reserved))
LIMITS = st.none() | st.integers(2, 6)


class Failing:
    """Effects of which nothing stays, and the one of this number fails."""

    fails_in = -1

    def allocate(self, records: int) -> None:
        self._step(records)

    def pin(self, piece: Mapping) -> None:
        self._step(piece)

    def install(self, piece: Mapping) -> None:
        self._step(piece)

    def copy_out(self, answer: object) -> None:
        self._step(answer)

    def pieces(self, mapping: Mapping) -> list[Mapping]:
        return [mapping]

    def free(self, records: int) -> None:
        assert records > 0

    def unpin(self, piece: Mapping) -> None:
        assert piece.range.first <= piece.range.last

    def uninstall(self, piece: Mapping) -> None:
        assert piece.range.first <= piece.range.last

    def _step(self, what: object) -> None:
        self.fails_in -= 1
        if self.fails_in == -1:
            raise Failed(what)


class Walk(RuleBasedStateMachine):
    """A tracker and a page table that are called alike."""

    def __init__(self) -> None:
        super().__init__()
        self.effects = (Failing(), Failing())
        self.bounds = Bounds(WIDTH, Width(8), Shift(0))
        self.valid: tuple[Range, ...] = ()
        self.tracker: AddressSpace = Tracker(self.bounds)
        self.table: AddressSpace = PageTable(self.bounds)

    @initialize(shift=SHIFTS, valid=VALID, entries=LIMITS, pages=LIMITS)
    def begin(self, shift: Shift, valid: tuple[Range, ...], entries: int | None, pages: int | None) -> None:
        limits = {} if pages is None else {"p0": 3 * pages}
        self.bounds = Bounds(WIDTH, Width(8), shift, valid, entries, limits)
        self.valid = valid
        self.tracker = Tracker(self.bounds, self.effects[0])
        self.table = PageTable(self.bounds, self.effects[1])

    @precondition(lambda self: len(self.tracker) > 1)
    @rule(step=st.integers(0, 4))
    def fail_soon(self, step: int) -> None:
        for one in self.effects:
            one.fails_in = step

    @rule(mapping=MAPPINGS)
    def map(self, mapping: Mapping) -> None:
        self.alike(lambda space: space.map(mapping))

    @rule(mapping=MAPPINGS, r=RANGES)
    def map_whole_pages(self, mapping: Mapping, r: Range) -> None:
        self.alike(lambda space: space.map(mapping._replace(range=r)))

    @rule(mapping=MAPPINGS, byte=st.integers(0, 63))
    def map_next_to_another(self, mapping: Mapping, byte: int) -> None:
        below = max((one.range.last + 1 for one in self.tracker if one.range.last < byte), default=0)
        r = Range(below & ~1, min(below + byte % 8, 63) | 1)
        self.alike(lambda space: space.map(mapping._replace(range=r)))

    @precondition(lambda self: len(self.tracker) > 0)
    @rule(request=RANGES | BYTES, removal=REMOVALS)
    def unmap(self, request: Range, removal: Removal) -> None:
        self.alike(lambda space: space.unmap(request, removal))

    @precondition(lambda self: len(self.tracker) > 1)
    @rule(data=st.data(), removal=REMOVALS)
    def unmap_from_one_to_another(self, data: st.DataObject, removal: Removal) -> None:
        ends = st.sampled_from([mapping.range for mapping in self.tracker])
        low, high = sorted([data.draw(ends), data.draw(ends)])
        self.alike(lambda space: space.unmap(Range(low.first, high.last), removal))

    @precondition(lambda self: len(self.tracker) > 4)
    @rule()
    def unmap_all(self) -> None:
        self.alike(lambda space: space.unmap_all())

    @rule(valid=VALID)
    def set_valid(self, valid: tuple[Range, ...]) -> None:
        if self.alike(lambda space: space.set_valid(valid)) is None:
            self.valid = valid

    @precondition(lambda self: len(self.tracker) > 1)
    @rule(r=BYTES)
    def overlapping(self, r: Range) -> None:
        found = self.alike(lambda space: space.overlapping(r))
        assert found == tuple(mapping for mapping in self.tracker if overlap(mapping.range, r))

    @invariant()
    def both_hold_the_same(self) -> None:
        assert list(self.tracker) == list(self.table)
        assert len(self.tracker) == len(self.table) == len(list(self.tracker))
        assert [self.tracker.at(byte) for byte in range(64)] == [self.table.at(byte) for byte in range(64)]

    @invariant()
    def the_charge_is_the_pages_held(self) -> None:
        for owner in OWNERS:
            mapped = sum(page_count(one.range, self.bounds.shift) for one in self.tracker if one.owner == owner)
            assert self.tracker.pages_held(owner) == self.table.pages_held(owner) == mapped

    @invariant()
    def nothing_is_beyond_the_bounds(self) -> None:
        assert self.bounds.entries is None or len(self.tracker) <= self.bounds.entries
        for mapping in self.tracker:
            assert any(r.first <= mapping.range.first and mapping.range.last <= r.last for r in self.valid)

    def alike(self, call: Callable[[AddressSpace], object]) -> object:
        """Both answer the same, or fail at the same step."""
        answers = [answer_or_failure(call, space) for space in (self.tracker, self.table)]
        assert answers[0] == answers[1]
        return answers[0]


def answer_or_failure(call: Callable[[AddressSpace], object], space: AddressSpace) -> object:
    """What a call answers; or what it failed with, as text."""
    try:
        return call(space)
    except Failed as failed:
        return str(failed)


Walk.TestCase.settings = settings(max_examples=150, stateful_step_count=30, derandomize=True, database=None)
TestWalk = Walk.TestCase
