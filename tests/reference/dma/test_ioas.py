"""iommufd's IO address space call by call: which errno, in which order, what is left, and what others see in between."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import pytest

from tenure.reference.dma import Access, Bounds, Range, Shift, Width
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.ioas import Flags, Ioas, Unmapped
from tenure.reference.dma.ioas_holes import first_fit
from tenure.reference.dma.ioas_pages import AccessUser, Domain, Mode
from tenure.reference.dma.ioas_state import WouldWait
from tenure.reference.dma.ioas_versions import V6_12, V7_2, Version
from tenure.reference.dma.processes import Process
from tenure.reference.dma.steps import finish

PAGE = 0x1000
MAX = (1 << 64) - 1
RW = Flags.READ | Flags.WRITE
FIXED = RW | Flags.FIXED
GIB = 1 << 30
SPACE = Range(0, (1 << 48) - 1)
BEYOND = Range(1 << 48, MAX)
MSI = Range(0xFEE0_0000, 0xFEEF_FFFF)


def process(limit: int = 64, *, may_lock: bool = False) -> Process:
    """64 pages of memory at 1 MiB, in two runs, and one that may not be written after them."""
    made = Process("p0", limit, may_lock=may_lock)
    made.has(Range(0x10_0000, 0x11_FFFF), 0x7000_0000)
    made.has(Range(0x12_0000, 0x13_FFFF), 0x5000_0000)
    made.has(Range(0x14_0000, 0x14_0FFF), 0x9000_0000, Access.READ)
    return made


def domain(name: str = "d0") -> Domain:
    """48 bits wide, with a hole for interrupts."""
    return Domain(name, (MSI, BEYOND))


def areas(made: Ioas) -> list[tuple[int, int]]:
    """What is mapped, in pages."""
    return [(one.range.first // PAGE, (one.range.last + 1 - one.range.first) // PAGE) for one in made.kept.space]


def mapped(made: Ioas, who: Process, *pages: tuple[int, int]) -> Ioas:
    """With the process's memory mapped at these pages."""
    for first, count in pages:
        assert made.map(who, 0x10_0000, count * PAGE, FIXED, first * PAGE) == first * PAGE
    return made


@pytest.mark.parametrize("version", [V6_12, V7_2], ids=lambda version: version.name)
@pytest.mark.parametrize(
    ("vaddr", "length", "flags", "iova", "old", "new"),
    [
        (0, 0, Flags.UNKNOWN, MAX, Errno.EOPNOTSUPP, Errno.EOPNOTSUPP),
        (0, PAGE, Flags.FIXED, MAX, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (0, MAX, Flags.FIXED, 0, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (0, 0, Flags.FIXED, 0, Errno.EINVAL, Errno.EINVAL),
        (0, 0, FIXED, 0, Errno.EINVAL, Errno.EINVAL),
        (MAX, 2, FIXED, 0, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (MAX, 1, FIXED, 0, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (PAGE, MAX - 1, FIXED, 0, Errno.EINVAL, Errno.EOVERFLOW),
        (0, MAX - 1, FIXED, 0, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE, FIXED, MAX - 1, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (0, 2 * PAGE, FIXED, MAX - PAGE, Errno.EOVERFLOW, Errno.EOVERFLOW),
        (0, 1, FIXED, 0x5FFF, Errno.EEXIST, Errno.EEXIST),
        (0, 8 * PAGE, FIXED, 0, Errno.EEXIST, Errno.EEXIST),
        (0, MAX >> 1, RW, 0, Errno.EOVERFLOW, Errno.EOVERFLOW),
    ],
)
def test_map_refuses(  # noqa: PLR0913  # a row of the table of errnos
    version: Version, vaddr: int, length: int, flags: Flags, iova: int, old: Errno, new: Errno
) -> None:
    """In the order of the tests, and nothing has changed."""
    made = mapped(Ioas(version), process(), (5, 1))

    assert made.map(process(), vaddr, length, flags, iova) is (new if version is V7_2 else old)

    assert areas(made) == [(5, 1)]


@pytest.mark.parametrize(
    ("vaddr", "length", "flags", "iova", "errno"),
    [
        (0x10_0000, PAGE + 1, RW, 0, Errno.EINVAL),
        (0x10_0000, PAGE, FIXED, 1, Errno.EINVAL),
        (0x10_0001, PAGE, FIXED, 0, Errno.EINVAL),
        (0x10_0001, PAGE, RW, 0, Errno.EINVAL),
        (0x10_0000, 2 * PAGE, FIXED, 0xFEDF_F000, Errno.EINVAL),
        (0x10_0000, PAGE, FIXED, 1 << 48, Errno.EINVAL),
        (0x10_0000, PAGE, FIXED, 0x5000, Errno.EEXIST),
        (0x20_0000, PAGE, FIXED, 0, Errno.EFAULT),
        (0x14_0000, PAGE, FIXED, 0, Errno.EFAULT),
        (0x10_0000, 64 * PAGE, RW, 0, Errno.ENOMEM),
    ],
)
def test_map_with_a_domain_refuses(vaddr: int, length: int, flags: Flags, iova: int, errno: Errno) -> None:
    """What no IOMMU can do, and memory that is not there, or too much of it."""
    who = process(limit=64)
    made = mapped(Ioas(), who, (5, 1))
    assert made.attach(domain()) is None

    assert made.map(who, vaddr, length, flags, iova) is errno

    assert (areas(made), made.user.locked, who.pinned) == ([(5, 1)], 1, 1)


def test_without_a_domain_any_memory_and_any_byte_will_do() -> None:
    """Nothing is pinned; the last page of 64 bits is a page, and a byte is a range."""
    made = Ioas()

    assert made.map(process(), 0x5555_5555, 1, FIXED, 3) == 3
    assert made.map(process(), 0, PAGE, FIXED, MAX - 0xFFF) == MAX - 0xFFF
    assert made.user.locked == 0


def test_addresses_are_chosen_from_the_second_page_on_and_aligned_as_far_as_it_pays() -> None:
    """By the length, the memory's address, and a huge page; never 0."""
    made = Ioas()

    assert made.map(process(), 0x10_0000, PAGE, RW) == PAGE
    assert made.map(process(), 0x10_0000, 2 * PAGE, RW) == 2 * PAGE
    assert made.map(process(), 0x10_0000, 3 * PAGE, RW) == 4 * PAGE
    assert made.map(process(), 0x10_0000, PAGE, RW) == 7 * PAGE
    assert made.map(process(), 0x1_0000_0000, GIB, RW) == 0x20_0000
    assert made.map(process(), 0x10_0800, PAGE, RW) == 0x8800


def test_memory_that_no_iommu_could_align_to_is_told_before_the_want_of_room() -> None:
    """EINVAL, not ENOSPC."""
    made = Ioas()
    made.attach(domain())
    made.allow_iovas([(0x1_0000, 0x1_0001)])

    assert made.map(process(), 0x10_0800, PAGE, RW) is Errno.EINVAL
    assert made.map(process(), 0x10_0000, PAGE, RW) is Errno.ENOSPC


def test_addresses_are_chosen_where_it_is_allowed() -> None:
    """A fixed one is not held to it; where there is no room, ENOSPC."""
    made = Ioas()
    assert made.allow_iovas([(0x1_0000, 0x1_FFFF), (0x2_0000, 0x2_FFFF)]) is None

    assert made.map(process(), 0x10_0000, PAGE, RW) == 0x1_0000
    assert made.map(process(), 0x10_0000, 16 * PAGE, RW) == 0x2_0000
    assert made.map(process(), 0x10_0000, 16 * PAGE, RW) is Errno.ENOSPC
    assert made.map(process(), 0x10_0000, PAGE, FIXED, 0x9_0000) == 0x9_0000


def test_allowed_ranges_that_touch_are_one() -> None:
    """As interval_tree_span_iter walks them; with a byte between them there is no room in either."""
    made = Ioas()
    made.allow_iovas([(0x1_8000, 0x1_FFFF), (0x1_0000, 0x1_7FFF)])
    assert made.map(process(), 0x10_0000, 16 * PAGE, RW) == 0x1_0000

    made.unmap(0x1_0000, 16 * PAGE)
    made.allow_iovas([(0x1_8000, 0x1_FFFF), (0x1_0000, 0x1_7FFE)])
    assert made.map(process(), 0x10_0000, 16 * PAGE, RW) is Errno.ENOSPC


def test_a_hole_is_found_as_a_few_lines_have_it() -> None:
    """Every pair of taken ranges of 5 bits, every length and alignment, byte by byte; a hole of one byte is never used."""
    ranges = [Range(a, b) for a, b in combinations_with_replacement(range(0, 32, 3), 2)]
    within = Range(2, 29)
    for a, b in product(ranges, repeat=2):
        free = [byte for byte in range(2, 30) if byte not in a and byte not in b]
        for length, shift, offset in product((1, 2, 5, 8), (0, 1, 2, 3), (0, 1, 4)):
            if offset % (1 << shift):
                continue
            found = first_fit([within], [a, b], length, Shift(shift), offset)
            assert found == expected(free, length, 1 << shift, offset)


def expected(free: list[int], length: int, step: int, offset: int) -> int | Errno:
    """The first byte of each hole, up to a multiple, with the offset; if the hole goes on for so long, and is no single byte."""
    for first in (byte for byte in free if byte - 1 not in free):
        last = next(byte for byte in range(first, 33) if byte + 1 not in free)
        begin = -(-first // step) * step | offset
        if begin < last and begin + length - 1 <= last:
            return begin
    return Errno.ENOSPC


@pytest.mark.parametrize(
    ("iova", "length", "answer"),
    [
        (MAX, 1, Errno.EOVERFLOW),
        (0x1000, MAX, Errno.EOVERFLOW),
        (0, 0, Errno.EINVAL),
        (MAX - 1, 0, Errno.EINVAL),
        (MAX - 1, 3, Errno.EOVERFLOW),
        (0, PAGE, Errno.ENOENT),
        (PAGE, PAGE, Errno.ENOENT),
        (2 * PAGE, PAGE, Errno.ENOENT),
        (0, 3 * PAGE, 2 * PAGE),
        (0, MAX, 3 * PAGE),
        (0, MAX - 1, 3 * PAGE),
    ],
)
def test_unmap_takes_whole_areas(iova: int, length: int, answer: object) -> None:
    """Nothing there, or one in part, is ENOENT; all of it is asked for by 2^64 - 1."""
    assert mapped(Ioas(), process(), (1, 2), (5, 1)).unmap(iova, length) == answer


def test_unmap_of_everything_finds_nothing_to_complain_of() -> None:
    """Where nothing is mapped; any other range would be ENOENT."""
    assert Ioas().unmap(0, MAX) == 0


def test_unmap_is_not_atomic() -> None:
    """What lies below the area in the way is gone, and the answer does not say so."""
    made = mapped(Ioas(), process(), (0, 1), (1, 1), (4, 2), (7, 1))

    assert made.unmap(0, 5 * PAGE) is Errno.ENOENT

    assert areas(made) == [(4, 2), (7, 1)]


@pytest.mark.parametrize(("limit", "copies"), [(4, 1), (4, 5)])
def test_pages_are_charged_once_however_often_they_are_copied(limit: int, copies: int) -> None:
    """ACT-4: and until the last area of them goes; two maps of the same memory are two."""
    who = process(limit)
    made, other = Ioas(), Ioas()
    assert [made.attach(domain()), other.attach(domain())] == [None, None]
    mapped(made, who, (16, 4))
    for number in range(copies):
        assert other.copy(made, FIXED, 2 * PAGE, 17 * PAGE, number * 2 * PAGE) == number * 2 * PAGE

    assert (made.user.locked, other.user.locked, who.pinned) == (4, 0, 4)
    assert made.map(who, 0x10_0000, PAGE, RW) is Errno.ENOMEM
    assert made.unmap(0, MAX) == 4 * PAGE
    assert (made.user.locked, who.pinned) == (2, 2)
    assert other.unmap(0, MAX) == 2 * copies * PAGE
    assert (made.user.locked, who.pinned) == (0, 0)


@pytest.mark.parametrize(
    ("mode", "may_lock", "user", "mm"), [(Mode.USER, False, 4, 0), (Mode.MM, False, 0, 4), (Mode.USER, True, 0, 0)]
)
def test_the_context_says_who_is_charged(mode: Mode, may_lock: bool, user: int, mm: int) -> None:  # noqa: FBT001  # a row
    """The user, the address space, or nobody, up to the limit; pinned it is in any case."""
    who = process(4, may_lock=may_lock)
    made = Ioas(mode=mode)
    made.attach(domain())
    mapped(made, who, (16, 4))

    assert (made.user.locked, who.locked, who.pinned) == (user, mm, 4)
    assert made.map(who, 0x10_0000, PAGE, FIXED, 0) == (0 if may_lock else Errno.ENOMEM)


@pytest.mark.parametrize(
    ("flags", "length", "source", "iova", "errno"),
    [
        (Flags.UNKNOWN, 0, 0, 0, Errno.EOPNOTSUPP),
        (Flags.FIXED, PAGE, MAX, 0, Errno.EOVERFLOW),
        (Flags.FIXED, PAGE, 0, MAX, Errno.EOVERFLOW),
        (Flags.FIXED, MAX, 0, 0, Errno.EOVERFLOW),
        (Flags.FIXED, 0, 0, 0, Errno.EINVAL),
        (FIXED, 0, 0, 0, Errno.EINVAL),
        (FIXED, 3, MAX - 1, 0, Errno.EOVERFLOW),
        (FIXED, PAGE, 0, 0, Errno.ENOENT),
        (FIXED, 4 * PAGE, PAGE, 0, Errno.ENOENT),
        (FIXED, PAGE, 8 * PAGE, 0, Errno.EPERM),
        (FIXED, PAGE, PAGE, 0x2_0000, Errno.EEXIST),
    ],
)
def test_copy_refuses(flags: Flags, length: int, source: int, iova: int, errno: Errno) -> None:
    """In the order of the tests; a hole in the source, memory that is not writable, addresses that are taken."""
    made, other = mapped(Ioas(), process(), (1, 2), (4, 1)), mapped(Ioas(), process(), (0x20, 1))
    assert made.map(process(), 0x14_0000, PAGE, Flags.READ | Flags.FIXED, 8 * PAGE) == 8 * PAGE

    assert other.copy(made, flags, length, source, iova) is errno
    assert areas(other) == [(0x20, 1)]


def test_a_copy_over_several_areas_has_as_many() -> None:
    """And leads where they lead, from the middle of one to the middle of the next; aligned as the first memory is."""
    made, other = mapped(Ioas(), process(), (1, 2), (3, 2)), Ioas()

    assert other.copy(made, RW, 2 * PAGE, 2 * PAGE) == PAGE

    assert [(one.range.first, one.target) for one in other.kept.space] == [(0x1000, 0x10_1000), (0x2000, 0x10_0000)]


def test_a_copy_that_may_not_write_the_second_area_leaves_nothing() -> None:
    """The first had been inserted."""
    made, other = mapped(Ioas(), process(), (1, 1)), Ioas()
    made.map(process(), 0x14_0000, PAGE, Flags.READ | Flags.FIXED, 2 * PAGE)

    assert other.copy(made, FIXED, 2 * PAGE, PAGE, PAGE) is Errno.EPERM
    assert areas(other) == []


@pytest.mark.parametrize(
    ("ranges", "errno"),
    [
        ([(5, 5)], Errno.EINVAL),
        ([(5, 4)], Errno.EINVAL),
        ([(0, 9), (9, 12)], Errno.EINVAL),
        ([(0, 9), (0xFEE0_0000, 0xFEE0_0001)], Errno.EADDRINUSE),
    ],
)
def test_allow_iovas_refuses_and_keeps_the_old_ones(ranges: list[tuple[int, int]], errno: Errno) -> None:
    """A range of one byte is none; what is mapped already is not looked at."""
    made = Ioas()
    made.attach(domain())
    assert made.allow_iovas([(0x1_0000, 0x1_FFFF)]) is None

    assert made.allow_iovas(ranges) is errno
    assert made.allow_iovas([], has_unknown=True) is Errno.EOPNOTSUPP

    assert made.kept.allowed == (Range(0x1_0000, 0x1_FFFF),)


def test_no_allowed_range_is_no_restriction() -> None:
    """Any more."""
    made = Ioas()
    made.allow_iovas([(0x1_0000, 0x1_FFFF)])

    assert made.allow_iovas([]) is None
    assert made.map(process(), 0x10_0000, PAGE, RW) == PAGE


def test_iova_ranges_are_what_is_not_reserved() -> None:
    """With too little room the number is told all the same."""
    made = Ioas()
    assert made.iova_ranges(1) == (None, 1, (Range(0, MAX),))
    made.attach(domain())

    low, high = Range(0, 0xFEDF_FFFF), Range(0xFEF0_0000, (1 << 48) - 1)
    assert made.iova_ranges(2) == (None, 2, (low, high))
    assert made.iova_ranges(1) == (Errno.EMSGSIZE, 2, (low,))


def test_huge_pages_go_where_nothing_is_in_the_way() -> None:
    """Domains and areas both, or an area of bytes; off already is no error."""
    made = mapped(Ioas(), process(), (1, 1))
    assert made.set_huge_pages(2) is Errno.EINVAL
    made.map(process(), 0, 1, FIXED, 0)
    assert made.set_huge_pages(0) is Errno.EADDRINUSE
    made.unmap(0, 1)
    made.attach(domain())
    assert made.set_huge_pages(0) is Errno.EINVAL
    made.unmap(0, MAX)
    assert made.set_huge_pages(0) is None
    mapped(made, process(), (1, 1))
    assert made.set_huge_pages(0) is None


@pytest.mark.parametrize(
    ("vaddr", "length", "iova", "allowed", "errno"),
    [
        (0x10_0000, 1, 0, [], Errno.EADDRINUSE),
        (0x10_0001, PAGE, 0, [], Errno.EADDRINUSE),
        (0x10_0000, PAGE, 1 << 48, [], Errno.EADDRINUSE),
        (0x10_0000, PAGE, 0, [(0xFEE0_0000, 0xFEE0_0FFF)], Errno.EADDRINUSE),
        (0x20_0000, PAGE, 0, [], Errno.EFAULT),
    ],
)
def test_attach_refuses_and_changes_nothing(
    vaddr: int, length: int, iova: int, allowed: list[tuple[int, int]], errno: Errno
) -> None:
    """What the IOMMU cannot do, and memory that is not there; the areas before it are pinned no more."""
    who = process()
    made = mapped(Ioas(), who, (5, 1))
    assert made.map(who, vaddr, length, FIXED, iova) == iova
    assert made.allow_iovas(allowed) is None

    coming = domain()

    assert made.attach(coming) is errno

    assert (made.kept.domains, len(coming.table), made.user.locked, who.pinned) == ([], 0, 0, 0)


def test_what_is_pinned_for_the_last_domain_goes_with_it() -> None:
    """And is pinned once for any number."""
    who = process()
    made = mapped(Ioas(), who, (5, 3))
    first, second = domain(), domain("d1")

    assert [made.attach(first), made.attach(second)] == [None, None]
    assert [len(one.table) for one in (first, second)] == [1, 1]
    made.detach(first)
    assert made.user.locked == 3
    made.detach(second)
    assert made.user.locked == 0


def test_an_area_that_is_being_built_is_in_the_way_and_nobodys_to_use() -> None:
    """DMA-9: an unmap is EBUSY, a map EEXIST, a copy and a pin find nothing; a domain that comes is filled by who builds."""
    made, other, who = Ioas(), Ioas(), process()
    steps = made.map_steps(who, 0x10_0000, PAGE, FIXED, 0)
    assert next(steps) == "fill"

    assert made.unmap(0, PAGE) is Errno.EBUSY
    assert made.map(who, 0x10_0000, PAGE, FIXED, 0) is Errno.EEXIST
    assert other.copy(made, RW, PAGE, 0) is Errno.ENOENT
    assert made.pin(0, PAGE, Access.READ) is Errno.ENOENT
    coming = domain()
    assert made.attach(coming) is None
    assert len(coming.table) == 0

    assert next(steps) == "publish"
    assert len(coming.table) == 1
    with pytest.raises(WouldWait):
        made.detach(coming)
    assert finish(steps) == 0
    assert (made.unmap(0, PAGE), made.user.locked) == (PAGE, 0)


def test_an_area_that_cannot_be_filled_is_in_the_way_until_it_is_removed() -> None:
    """And then is gone."""
    made, who = Ioas(), process()
    made.attach(domain())
    steps = made.map_steps(who, 0x20_0000, PAGE, FIXED, 0)
    assert [next(steps), next(steps)] == ["fill", "remove"]
    assert made.map(who, 0x10_0000, PAGE, FIXED, 0) is Errno.EEXIST

    assert finish(steps) is Errno.EFAULT
    assert made.map(who, 0x10_0000, PAGE, FIXED, 0) == 0


def test_an_area_that_is_taken_down_is_in_the_way() -> None:
    """To a second unmap, which is EBUSY; domains wait; and what is mapped below meanwhile is not touched."""
    made = mapped(Ioas(), process(), (1, 1), (2, 1))
    steps = made.unmap_steps(0, 4 * PAGE)
    assert next(steps) == "unfill"

    assert made.unmap(0, 4 * PAGE) is Errno.EBUSY
    with pytest.raises(WouldWait):
        made.attach(domain())
    assert [next(steps), next(steps)] == ["remove", "unfill"]
    assert made.map(process(), 0x10_0000, PAGE, FIXED, 0) == 0

    assert finish(steps) == Unmapped(None, 2 * PAGE)
    assert areas(made) == [(0, 1)]


def test_a_copy_outlives_its_source_from_the_moment_that_it_has_the_pages() -> None:
    """The source is unmapped before the copy is inserted."""
    made, other, who = Ioas(), Ioas(), process()
    mapped(made, who, (1, 1))
    steps = other.copy_steps(made, FIXED, PAGE, PAGE, 0)
    assert next(steps) == "insert"
    assert made.unmap(0, MAX) == PAGE

    assert finish(steps) == 0
    assert other.attach(domain()) is None
    assert made.user.locked == 1


def test_a_driver_that_reaches_in_is_told_before_the_area_goes() -> None:
    """DMA-6: and cannot reach in anew while it is asked to let go."""
    who = process()
    made = mapped(Ioas(), who, (1, 2), (3, 1))
    told: list[tuple[Range, object]] = []

    def let_go(r: Range) -> None:
        told.append((r, made.pin(PAGE, PAGE, Access.READ)))
        made.unpin(2 * PAGE, 2 * PAGE)

    made.register(AccessUser("a0", let_go))
    assert made.pin(2 * PAGE, 2 * PAGE, Access.WRITE) is None
    assert made.user.locked == 2

    assert made.unmap(0, 8 * PAGE) == 3 * PAGE
    assert told == [(Range(PAGE, 3 * PAGE - 1), Errno.EINVAL)]
    assert made.user.locked == 0


def test_a_driver_that_never_lets_go_ends_in_edeadlock() -> None:
    """After a hundred and one times; what lies below is gone."""
    made = mapped(Ioas(), process(), (0, 1), (1, 1))
    told: list[Range] = []
    made.register(AccessUser("a0", told.append))
    made.pin(PAGE, PAGE, Access.READ)

    assert finish(made.unmap_steps(0, 4 * PAGE)) == Unmapped(Errno.EDEADLOCK, PAGE)
    assert len(told) == 101
    assert areas(made) == [(1, 1)]


def test_pin_refuses() -> None:
    """No byte, a wrap, a gap, no permission, no memory; and then nothing is pinned."""
    who = process(limit=1)
    made = mapped(Ioas(), who, (1, 2), (4, 1))
    made.map(who, 0x14_0000, PAGE, Flags.READ | Flags.FIXED, 8 * PAGE)
    made.map(who, 0x20_0000, PAGE, FIXED, 9 * PAGE)

    assert made.pin(PAGE, 0, Access.READ) is Errno.EINVAL
    assert made.pin(MAX, 2, Access.READ) is Errno.EOVERFLOW
    assert made.pin(PAGE, 4 * PAGE, Access.READ) is Errno.ENOENT
    assert made.pin(8 * PAGE, PAGE, Access.WRITE) is Errno.EPERM
    assert made.pin(9 * PAGE, PAGE, Access.READ) is Errno.EFAULT
    assert made.pin(8 * PAGE, 2 * PAGE, Access.READ) is Errno.EFAULT
    assert made.pin(PAGE, 2 * PAGE, Access.READ) is Errno.ENOMEM

    assert made.user.locked == 0
    assert made.pin(PAGE, PAGE, Access.READ) is None
    assert made.user.locked == 1


def test_every_unmap_in_every_small_state_takes_what_a_few_lines_have_it_take() -> None:
    """Areas of bytes, of 4 bits: from the lowest on, whole, until one reaches out of what is left of the request."""
    ranges = [Range(a, b) for a, b in combinations_with_replacement(range(0, 14, 2), 2)]
    bounds = Bounds(Width(5), Width(8), Shift(2))
    who = Process("p0", bounds=Bounds(Width(8), Width(8), Shift(0)))
    for a, b, request in product(ranges, ranges, ranges[::2]):
        if a.last >= b.first:
            continue
        made = Ioas(bounds=bounds)
        for r in (a, b):
            assert made.map(who, 0, r.last + 1 - r.first, FIXED, r.first) == r.first
        hit = [r for r in (a, b) if any(byte in r for byte in range(request.first, request.last + 1))]
        whole = [request.first <= r.first and r.last <= request.last for r in hit]
        gone = hit[: (*whole, False).index(False)]  # up to the first that is not whole
        done = finish(made.unmap_steps(request.first, request.last + 1 - request.first))

        assert done.bytes == sum(r.last + 1 - r.first for r in gone)
        assert done.errno is (None if hit and gone == hit else Errno.ENOENT)
        assert [one.range for one in made.kept.space] == [r for r in (a, b) if r not in gone]
