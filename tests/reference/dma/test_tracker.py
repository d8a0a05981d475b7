"""The tracker and the page table: one rule a test, for both; every call in every small state; every step that can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError
from itertools import combinations_with_replacement, product

import pytest

from tenure.reference.dma import (
    Access,
    AddressSpace,
    Bounds,
    Failed,
    Mapping,
    PageTable,
    Range,
    Refusal,
    Removal,
    Shift,
    Tracker,
    Width,
    bytes_of,
    covering,
    exact,
    page_of,
    pages,
    splitting,
    translated,
    usable,
)
from tenure.reference.dma.effects import Effects

SMALL = Bounds(width=Width(4), target_width=Width(6), shift=Shift(1))
REMOVALS: tuple[Removal, ...] = (exact, covering, splitting)
BOTH = Access.READ | Access.WRITE
Made = Callable[..., AddressSpace]


@pytest.fixture(params=[Tracker, PageTable])
def made(request: pytest.FixtureRequest) -> Made:
    """Either of the two that keep track of mappings."""
    chosen: Made = request.param
    return chosen


def mapping(first: int, last: int, target: int = 0, access: Access = BOTH, owner: str = "p0") -> Mapping:
    """A mapping; where nothing is said, to 0, for any access, by p0."""
    return Mapping(Range(first, last), target, access, owner)


def filled(space: AddressSpace, *mappings: Mapping) -> AddressSpace:
    """A space with these mappings."""
    assert [space.map(one) for one in mappings] == [None] * len(mappings)
    return space


def test_map_refuses_where_something_is_mapped(made: Made) -> None:
    """One page in common is enough, at either end."""
    space = filled(made(SMALL), mapping(4, 9))

    assert space.map(mapping(8, 11)) is Refusal.OCCUPIED
    assert space.map(mapping(2, 5)) is Refusal.OCCUPIED
    assert space.map(mapping(6, 7)) is Refusal.OCCUPIED
    assert space.map(mapping(0, 15)) is Refusal.OCCUPIED

    assert tuple(space) == (mapping(4, 9),)


def test_a_byte_is_enough_to_be_mapped_refused_and_found(made: Made) -> None:
    """With pages of one byte, ranges may share just one."""
    space = filled(made(Bounds(Width(4), Width(4), Shift(0))), mapping(4, 9))

    assert space.map(mapping(9, 11)) is Refusal.OCCUPIED
    assert space.map(mapping(2, 4)) is Refusal.OCCUPIED
    assert space.map(mapping(10, 10)) is None
    assert space.overlapping(Range(2, 4)) == (mapping(4, 9),)
    assert space.overlapping(Range(9, 10)) == (mapping(4, 9), mapping(10, 10))


def test_map_refuses_what_is_not_whole_pages(made: Made) -> None:
    """Both ends, and the address behind them."""
    space = made(SMALL)

    assert space.map(mapping(1, 3)) is Refusal.MISALIGNED
    assert space.map(mapping(2, 4)) is Refusal.MISALIGNED
    assert space.map(mapping(2, 3, target=1)) is Refusal.MISALIGNED
    assert len(space) == 0


def test_map_refuses_what_no_single_valid_range_holds(made: Made) -> None:
    """Two that touch do not hold together what spans them."""
    space = made(Bounds(Width(4), Width(6), Shift(1), valid=(Range(0, 3), Range(4, 7), Range(10, 15))))

    assert space.map(mapping(2, 5)) is Refusal.OUTSIDE
    assert space.map(mapping(8, 9)) is Refusal.OUTSIDE
    assert space.map(mapping(10, 15)) is None


def test_valid_ranges_are_of_bytes_whatever_the_size_of_a_page(made: Made) -> None:
    """The last page within is mapped, the next one is not, nor is one that begins within."""
    space = made(Bounds(Width(6), Width(6), Shift(3), valid=(Range(0, 31), Range(40, 51))))

    assert space.map(mapping(24, 31)) is None
    assert space.map(mapping(32, 39)) is Refusal.OUTSIDE
    assert space.map(mapping(40, 47)) is None
    assert space.map(mapping(48, 55)) is Refusal.OUTSIDE


def test_nothing_is_mapped_where_nothing_is_valid(made: Made) -> None:
    """No valid range is not the same as none named."""
    assert made(Bounds(Width(4), Width(6), Shift(1), valid=())).map(mapping(0, 1)) is Refusal.OUTSIDE


def test_map_refuses_one_more_than_the_limit(made: Made) -> None:
    """And a limit of zero refuses the first."""
    space = filled(made(Bounds(Width(4), Width(6), Shift(1), entries=1)), mapping(0, 1))

    assert space.map(mapping(2, 3)) is Refusal.FULL
    assert made(Bounds(Width(4), Width(6), Shift(1), entries=0)).map(mapping(0, 1)) is Refusal.FULL


def test_a_limit_of_many_mappings_is_kept_too(made: Made) -> None:
    """Numbers are compared, and not the objects that Python keeps of small ones."""
    space = filled(made(Bounds(Width(9), Width(9), Shift(0), entries=300)), *(mapping(at, at) for at in range(300)))

    assert space.map(mapping(300, 300)) is Refusal.FULL
    assert len(space) == 300


def test_an_unmap_that_would_leave_more_than_the_limit_is_refused(made: Made) -> None:
    """A cut in the middle needs one mapping more."""
    space = filled(made(Bounds(Width(4), Width(6), Shift(1), entries=1)), mapping(0, 5))

    assert space.unmap(Range(2, 3), splitting) is Refusal.FULL
    assert tuple(space) == (mapping(0, 5),)


def test_an_unmap_may_leave_as_many_as_the_limit(made: Made) -> None:
    """The limit itself is not beyond it, nor is what lies below it."""
    space = filled(made(Bounds(Width(4), Width(6), Shift(1), entries=3)), mapping(0, 5), mapping(8, 13))

    assert space.unmap(Range(2, 3), splitting) == (mapping(2, 3, target=2),)
    assert len(space) == 3
    assert space.unmap(Range(0, 5), splitting) == (mapping(0, 1), mapping(4, 5, target=4))
    assert space.unmap(Range(10, 11), splitting) == (mapping(10, 11, target=2),)
    assert len(space) == 2


def test_map_refuses_more_pages_than_the_owner_may_hold(made: Made) -> None:
    """Another owner has a limit of its own, or none."""
    space = filled(made(Bounds(Width(4), Width(6), Shift(1), pages={"p0": 3})), mapping(0, 3))

    assert space.map(mapping(4, 7)) is Refusal.CHARGED
    assert space.map(mapping(4, 7, owner="p1")) is None
    assert space.map(mapping(8, 9)) is None
    assert (space.pages_held("p0"), space.pages_held("p1"), space.pages_held("p2")) == (3, 2, 0)


def test_an_owner_is_known_by_its_name(made: Made) -> None:
    """However the name was made."""
    space = filled(made(SMALL), mapping(0, 3))

    assert space.pages_held("P0".lower()) == 2


def test_a_page_has_4_kib_where_nothing_else_is_said() -> None:
    """And addresses have 64 bits on either side."""
    space = Tracker()

    assert space.map(mapping(0, 0x7FF)) is Refusal.MISALIGNED
    assert space.map(mapping(0, 0xFFF, target=(1 << 64) - 0x1000)) is None


def test_the_top_page_is_mapped_found_and_unmapped() -> None:
    """The faults of exclusive ends: twice mapped, never found, never unmapped."""
    page = mapping((1 << 64) - 0x1000, (1 << 64) - 1)
    space = filled(Tracker(), page)

    assert space.map(page) is Refusal.OCCUPIED
    assert space.at((1 << 64) - 1) == page
    assert space.unmap(page.range, covering) == (page,)
    assert len(space) == 0


def test_a_whole_address_space_is_one_mapping() -> None:
    """Its size is no 64-bit number, and nobody needs it."""
    everything = mapping(0, (1 << 64) - 1)
    space = filled(Tracker(), everything)

    assert Bounds().all_valid() == (everything.range,)
    assert space.unmap_all() == (everything,)
    assert space.pages_held("p0") == 0


def test_read_and_write_are_permitted_by_themselves(made: Made) -> None:
    """And what leads to 0 is mapped."""
    space = filled(made(SMALL), mapping(0, 1, access=Access.READ), mapping(2, 3, target=8, access=Access.WRITE))

    assert translated(space, 0, Access.READ) == 0
    assert translated(space, 0, Access.WRITE) is None
    assert translated(space, 3, Access.WRITE) == 9
    assert translated(space, 3, BOTH) is None
    assert translated(space, 4, Access.READ) is None


def test_what_is_left_of_a_cut_mapping_leads_where_it_did(made: Made) -> None:
    """The high part has a target of its own."""
    space = filled(made(SMALL), mapping(2, 13, target=32))

    assert space.unmap(Range(6, 7), splitting) == (mapping(6, 7, target=36),)
    assert tuple(space) == (mapping(2, 5, target=32), mapping(8, 13, target=38))
    assert space.pages_held("p0") == 5


def test_unmap_refuses_to_cut_and_removes_nothing(made: Made) -> None:
    """Not even the mappings that lie within."""
    space = filled(made(SMALL), mapping(0, 1), mapping(4, 7))

    assert space.unmap(Range(0, 5), covering) is Refusal.BISECTED
    assert space.unmap(Range(0, 7), exact) is Refusal.BISECTED
    assert tuple(space) == (mapping(0, 1), mapping(4, 7))


def test_unmap_of_nothing_removes_nothing(made: Made) -> None:
    """What that means is for each system to say."""
    space = filled(made(SMALL), mapping(0, 1))

    assert [space.unmap(Range(4, 9), removal) for removal in REMOVALS] == [(), (), ()]


def test_valid_ranges_change_only_where_nothing_is_left_outside(made: Made) -> None:
    """What a target announces later is held to what is mapped already."""
    space = filled(made(SMALL), mapping(4, 7))

    assert space.set_valid((Range(0, 5), Range(6, 15))) is Refusal.IN_USE
    assert space.map(mapping(0, 1)) is None
    assert space.set_valid((Range(0, 7),)) is None
    assert space.map(mapping(8, 9)) is Refusal.OUTSIDE


def test_reserved_regions_are_taken_out_of_an_aperture() -> None:
    """Whatever their order, and where they overlap."""
    assert usable(Range(0, 99), [Range(50, 59), Range(0, 9), Range(55, 69)]) == (Range(10, 49), Range(70, 99))
    assert usable(Range(0, 9), [Range(0, 9)]) == ()


@pytest.mark.parametrize(
    ("first", "last", "target", "error"),
    [
        (-1, 1, 0, ValueError),
        (-2, 1, 0, ValueError),
        (4, 3, 0, ValueError),
        (0, 16, 0, ValueError),
        (0, 1, -1, ValueError),
        (0, 1, -2, ValueError),
        (0, 3, 62, ValueError),
        (10, 13, 62, ValueError),
        (0.0, 1, 0, TypeError),
        (0, "1", 0, TypeError),
        (0, 1, None, TypeError),
    ],
)
def test_what_is_no_mapping_is_an_error_that_changes_nothing(
    made: Made, first: int, last: int, target: int, error: type[Exception]
) -> None:
    """Negative, reversed, too wide, wrapping behind, or no integer."""
    space = filled(made(SMALL), mapping(8, 9))

    with pytest.raises(error, match=r"no range|no address|ends beyond"):
        space.map(mapping(first, last, target))

    assert tuple(space) == (mapping(8, 9),)


def test_a_range_longer_than_the_side_behind_it_is_an_error(made: Made) -> None:
    """From a wide bus to a narrow side, even to its first byte; one just as long is none."""
    space = made(Bounds(Width(6), Width(4), Shift(1)))

    with pytest.raises(ValueError, match="ends beyond"):
        space.map(mapping(0, 31))

    assert tuple(space) == ()
    assert space.map(mapping(0, 15)) is None


def test_a_request_that_is_no_range_is_an_error(made: Made) -> None:
    """For whatever is asked of it."""
    space = made(SMALL)

    with pytest.raises(ValueError, match="no range of 4-bit addresses"):
        space.unmap(Range(0, 16), covering)
    with pytest.raises(ValueError, match="no range of 4-bit addresses"):
        space.overlapping(Range(3, 2))


@pytest.mark.parametrize("valid", [(Range(0, 7), Range(7, 9)), (Range(8, 9), Range(0, 1)), (Range(0, 16),)])
def test_valid_ranges_that_overlap_are_an_error(made: Made, valid: tuple[Range, ...]) -> None:
    """Or that are not in order, or too wide."""
    with pytest.raises(ValueError, match=r"overlap, or are not in order|no range"):
        made(Bounds(Width(4), Width(6), Shift(1), valid=valid))
    with pytest.raises(ValueError, match=r"overlap, or are not in order|no range"):
        made(SMALL).set_valid(valid)


def test_bounds_that_cannot_be_are_an_error() -> None:
    """A page of less than a byte or as wide as the space, a limit below zero."""
    with pytest.raises(ValueError, match="no place"):
        Bounds(Width(4), Width(6), Shift(-1))
    with pytest.raises(ValueError, match="no place"):
        Bounds(Width(4), Width(6), Shift(4))
    with pytest.raises(ValueError, match="no place"):
        Bounds(Width(6), Width(4), Shift(5))
    with pytest.raises(ValueError, match="not negative"):
        Bounds(entries=-1)
    with pytest.raises(ValueError, match="not negative"):
        Bounds(pages={"p0": -1})


def test_a_page_table_has_an_entry_for_each_of_two_to_the_24_pages_and_no_more() -> None:
    """What is larger wants the tracker, and is told so."""
    assert len(PageTable(Bounds(Width(24), Width(24), Shift(0)))) == 0
    with pytest.raises(ValueError, match="more than 16777216 pages are valid"):
        PageTable(Bounds(Width(25), Width(25), Shift(0), valid=(Range(0, 1 << 24),)))


def test_bounds_do_not_change() -> None:
    """They were checked when they were made, and never again."""
    bounds = Bounds(Width(4), Width(6), Shift(1))

    with pytest.raises(FrozenInstanceError):
        bounds.shift = Shift(2)  # type: ignore[misc]  # what the types forbid


def small_states() -> list[tuple[Mapping, ...]]:
    """Every state of at most two mappings of whole pages."""
    ranges = [Range(2 * a, 2 * b + 1) for a, b in combinations_with_replacement(range(8), 2)]
    single = [(Mapping(r, 16 + r.first, BOTH, "p0"),) for r in ranges]
    pairs = [
        (*one, Mapping(r, r.first, Access.READ, "p1"))
        for one, r in product(single, ranges)
        if one[0].range.last < r.first
    ]
    return [(), *single, *pairs]


def test_every_call_in_every_small_state_is_answered_alike() -> None:
    """Map and unmap by every rule, of every range; tracker and page table say the same and then hold the same."""
    bounds = Bounds(Width(4), Width(6), Shift(1), valid=(Range(0, 5), Range(6, 15)), entries=2, pages={"p0": 6})
    wide = Bounds(Width(4), Width(6), Shift(1), pages={"p0": 8})
    ranges = [Range(a, b) for a, b in combinations_with_replacement(range(16), 2)]
    whole = [r for r in ranges if r.first % 2 == 0 and r.last % 2]
    for state in small_states():
        for request, removal in product([*whole, Range(1, 3), Range(2, 4)], REMOVALS):
            compare(wide, state, lambda space, r=request, rule=removal: space.unmap(r, rule))  # type: ignore[misc]  # bound now
        for request in ranges:
            compare(bounds, state, lambda space, r=request: space.map(Mapping(r, 0, BOTH, "p0")))  # type: ignore[misc]  # as above


def compare(bounds: Bounds, state: tuple[Mapping, ...], act: Callable[[AddressSpace], object]) -> None:
    """Hold the tracker to the page table, in one state, for one call; a state that the bounds refuse is none."""
    tracker, table = Tracker(bounds), PageTable(bounds)
    if any(tracker.map(one) is not None or table.map(one) is not None for one in state):
        assert tuple(tracker) == tuple(table)
        return
    assert act(tracker) == act(table)
    assert tuple(tracker) == tuple(table)
    assert [tracker.pages_held(owner) for owner in ("p0", "p1")] == [table.pages_held(owner) for owner in ("p0", "p1")]


EDGES = (0, 0x1000, 0x2000, 1 << 31, 1 << 32, (1 << 32) + 0x1000, 1 << 63, (1 << 64) - 0x1000, 1 << 64)
"""Where pages of interest begin; a range from one to another is wide, and its number among them is not."""


def test_the_edges_at_full_width_are_as_their_numbers() -> None:
    """Every two ranges between edges of 64 bits, mapped and unmapped by every rule, as a page table of eight pages has it."""
    narrow = Bounds(Width(3), Width(3), Shift(0))
    numbers = [Range(a, b) for a, b in combinations_with_replacement(range(8), 2)]
    for a, b, request, removal in product(numbers, numbers, numbers[::3], REMOVALS):
        tracker, table = Tracker(), PageTable(narrow)
        assert [tracker.map(identity(wide(r))) for r in (a, b)] == [table.map(identity(r)) for r in (a, b)]
        here, there = tracker.unmap(wide(request), removal), table.unmap(request, removal)
        assert here == (there if isinstance(there, Refusal) else tuple(identity(wide(one.range)) for one in there))
        assert tuple(tracker) == tuple(identity(wide(one.range)) for one in table)


def wide(numbers: Range) -> Range:
    """From one edge to before another."""
    return Range(EDGES[numbers.first], EDGES[numbers.last + 1] - 1)


def identity(r: Range) -> Mapping:
    """A mapping of a range to itself, so that each part must lead to itself too."""
    return Mapping(r, r.first, BOTH, "p0")


class Machine:
    """What is behind an address space, with everything counted: the step of this number fails."""

    def __init__(self) -> None:
        self.records = 0
        self.pinned: Counter[tuple[str, int]] = Counter()
        self.installed: dict[int, Mapping] = {}
        self.fails_in: int | None = None

    def allocate(self, records: int) -> None:
        self._step()
        self.records += records

    def pin(self, piece: Mapping) -> None:
        self._step()
        self.pinned.update((piece.owner, page) for page in self._pages(piece))

    def install(self, piece: Mapping) -> None:
        self._step()
        self.installed |= {page: self._at(piece, page) for page in self._pages(piece)}

    def copy_out(self, answer: object) -> None:
        assert answer is not None
        self._step()

    def pieces(self, whole: Mapping) -> Iterable[Mapping]:
        return [self._at(whole, page) for page in self._pages(whole)]

    def free(self, records: int) -> None:
        self.records -= records

    def unpin(self, piece: Mapping) -> None:
        self.pinned.subtract((piece.owner, page) for page in self._pages(piece))

    def uninstall(self, piece: Mapping) -> None:
        for page in self._pages(piece):
            del self.installed[page]

    def shown(self) -> tuple[int, Counter[tuple[str, int]], dict[int, Mapping]]:
        return self.records, +self.pinned, dict(self.installed)

    def _step(self) -> None:
        if self.fails_in == 0:
            raise Failed
        if self.fails_in is not None:
            self.fails_in -= 1

    def _pages(self, piece: Mapping) -> range:
        numbers = pages(piece.range, SMALL.shift)
        return range(numbers.first, numbers.last + 1)

    def _at(self, piece: Mapping, page: int) -> Mapping:
        r = bytes_of(Range(page, page), SMALL.shift)
        return piece._replace(range=r, target=piece.target + (r.first - piece.range.first))


def owed(space: AddressSpace) -> tuple[int, Counter[tuple[str, int]], dict[int, Mapping]]:
    """What the machine must show, by what is mapped."""
    fresh = Machine()
    for one in space:
        fresh.allocate(1)
        for piece in fresh.pieces(one):
            fresh.pin(piece)
            fresh.install(piece)
    return fresh.shown()


CALLS: dict[str, tuple[int, Callable[[AddressSpace], object]]] = {
    "map": (8, lambda space: space.map(mapping(10, 15, target=4))),
    "unmap whole": (1, lambda space: space.unmap(Range(0, 3), covering)),
    "unmap the middle": (2, lambda space: space.unmap(Range(6, 7), splitting)),
    "unmap over two": (1, lambda space: space.unmap(Range(2, 5), splitting)),
    "unmap nothing": (1, lambda space: space.unmap(Range(14, 15), exact)),
    "unmap all": (1, lambda space: space.unmap_all()),
}
"""How many steps of a call can fail: for a map of three pages a record, three pins, three translations and the answer."""


@pytest.mark.parametrize("call", CALLS)
def test_whatever_step_fails_everything_is_as_it_was(made: Made, call: str) -> None:
    """One step after the other, until the call succeeds."""
    steps, act = CALLS[call]
    machine = Machine()
    space = filled(made(SMALL, machine), mapping(0, 3, target=8), mapping(4, 9, target=32, owner="p1"))
    before = tuple(space), space.pages_held("p0"), space.pages_held("p1"), machine.shown()

    for step in range(steps):
        machine.fails_in = step
        with pytest.raises(Failed):
            act(space)
        assert (tuple(space), space.pages_held("p0"), space.pages_held("p1"), machine.shown()) == before

    machine.fails_in = steps
    assert not isinstance(act(space), Refusal)
    assert machine.shown() == owed(space)


def test_an_undo_that_forgets_a_page_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep can fail: a pin that is never undone stays in sight."""
    machine = Machine()
    effects: Effects = machine
    space = Tracker(SMALL, effects)
    monkeypatch.setattr(machine, "unpin", lambda piece: None if page_of(piece.range.first, SMALL.shift) else piece)
    machine.fails_in = 3

    with pytest.raises(Failed):
        space.map(mapping(0, 5))

    assert machine.shown() != owed(space)
