"""VFIO's calls on an iommufd: what they share with IOAS_MAP and IOAS_UNMAP, where they differ, and how version 1 splits."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import pytest

from tenure.reference.dma import Access, Bounds, Mapping, PageTable, Range, Refusal, Shift, Width, splitting
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.ioas import Flags as Native
from tenure.reference.dma.ioas import Ioas, Unmapped
from tenure.reference.dma.ioas_compat import Flags, IoasCompat
from tenure.reference.dma.ioas_pages import Domain
from tenure.reference.dma.ioas_versions import V6_12, V6_12_UNFIXED, V7_2, Version
from tenure.reference.dma.processes import Process

PAGE = 0x1000
MAX = (1 << 64) - 1
RW = Flags.READ | Flags.WRITE


def process() -> Process:
    """64 pages of memory at 1 MiB."""
    made = Process("p0", 64)
    made.has(Range(0x10_0000, 0x13_FFFF), 0x7000_0000)
    return made


def opened(kind: int, *pages: tuple[int, int]) -> tuple[IoasCompat, Ioas]:
    """Of this version of the interface, with memory mapped at these pages."""
    ioas = Ioas()
    made = IoasCompat(ioas)
    assert made.set_iommu(kind) is None
    who = process()
    for first, count in pages:
        assert made.map_dma(who, first * PAGE, 0x10_0000, count * PAGE, RW) is None
    return made, ioas


def areas(ioas: Ioas) -> list[tuple[int, int, int]]:
    """Where, of how many pages, and to where, in pages."""
    return [
        (one.range.first // PAGE, (one.range.last + 1 - one.range.first) // PAGE, (one.target - 0x10_0000) // PAGE)
        for one in ioas.kept.space
    ]


def test_without_an_ioas_nothing_can_be_done() -> None:
    """ENODEV, after what is wrong with the arguments."""
    made = IoasCompat(None)

    assert [made.set_iommu(kind) for kind in (6, 1, 3)] == [Errno.EINVAL, Errno.ENODEV, Errno.ENODEV]
    assert made.map_dma(process(), 0, 0, PAGE, RW, argsz=31) is Errno.EINVAL
    assert made.map_dma(process(), 0, 0, PAGE, RW | Flags.UNKNOWN) is Errno.EINVAL
    assert made.map_dma(process(), 0, 0, PAGE, RW) is Errno.ENODEV
    assert made.unmap_dma(0, PAGE, argsz=23) is Errno.EINVAL
    assert made.unmap_dma(0, PAGE, Flags.UNKNOWN) is Errno.EINVAL
    assert made.unmap_dma(0, PAGE) is Errno.ENODEV


def test_map_is_that_of_the_ioas_at_a_fixed_address() -> None:
    """A mapping that permits nothing is no error here."""
    made, _ = opened(3, (1, 2))

    assert made.map_dma(process(), 2 * PAGE, 0x10_0000, PAGE, RW) is Errno.EEXIST
    assert made.map_dma(process(), MAX - PAGE, 0x10_0000, 2 * PAGE, RW) is Errno.EOVERFLOW
    assert made.map_dma(process(), 0, MAX, 2, RW) is Errno.EOVERFLOW
    assert made.map_dma(process(), 0, 0x10_0000, 0, RW) is Errno.EINVAL
    assert made.map_dma(process(), 4 * PAGE, 0x10_0000, PAGE, Flags.NONE) is None


def test_version_1_is_taken_again_and_again_where_nothing_is_in_the_way() -> None:
    """With domains and areas it is EINVAL, unless large pages are off already."""
    made, ioas = opened(3, (1, 1))
    ioas.attach(Domain("d0"))
    assert made.set_iommu(1) is Errno.EINVAL
    ioas.unmap(0, MAX)

    assert [made.set_iommu(1), made.set_iommu(1), made.set_iommu(3)] == [None] * 3
    assert not ioas.kept.has_large_pages


def test_version_1_splits_what_it_unmaps_in_part() -> None:
    """Exactly what was asked for goes, and what is left leads where it did."""
    made, ioas = opened(1, (4, 4))

    assert made.unmap_dma(5 * PAGE, PAGE) == Unmapped(None, PAGE)

    assert areas(ioas) == [(4, 1, 0), (6, 2, 2)]


def test_version_2_refuses_to_split_and_says_what_went_before() -> None:
    """ENOENT, where VFIO proper has EINVAL and has changed nothing; the size is written back."""
    made, ioas = opened(3, (1, 1), (4, 4))

    assert made.unmap_dma(0, 5 * PAGE) == Unmapped(Errno.ENOENT, PAGE)
    assert made.unmap_dma(5 * PAGE, PAGE) == Unmapped(Errno.ENOENT, 0)

    assert areas(ioas) == [(4, 4, 0)]


@pytest.mark.parametrize("version", [V6_12, V6_12_UNFIXED, V7_2], ids=lambda version: version.name)
def test_an_unmap_of_nothing_is_no_error_since_november_2025(version: Version) -> None:
    """Size 0; before it was that of the IOAS."""
    made = IoasCompat(Ioas(version))

    assert made.unmap_dma(0, PAGE) == Unmapped(Errno.ENOENT if version is V6_12_UNFIXED else None, 0)
    assert made.unmap_dma(0, 0, Flags.ALL) == Unmapped(None, 0)


def test_unmap_refuses() -> None:
    """No byte, a wrap, ALL with a range."""
    made, ioas = opened(3, (1, 1))

    assert made.unmap_dma(PAGE, 0) == Unmapped(Errno.EINVAL, 0)
    assert made.unmap_dma(MAX - 0xFFF, 2 * PAGE) == Unmapped(Errno.EOVERFLOW, 0)
    assert made.unmap_dma(PAGE, 0, Flags.ALL) is Errno.EINVAL
    assert made.unmap_dma(0, PAGE, Flags.ALL) is Errno.EINVAL
    assert made.unmap_dma(0, 0, Flags.ALL) == Unmapped(None, PAGE)
    assert areas(ioas) == []


def test_a_cut_refuses() -> None:
    """An area that is being built, one that a driver reaches into, a cut inside a page, no memory: nothing was tried."""
    made, ioas = opened(1, (4, 4))
    assert made.unmap_dma(5 * PAGE, PAGE + 5) is Errno.EINVAL
    ioas.kept.faults.fails_in = 0
    assert made.unmap_dma(5 * PAGE, PAGE) is Errno.ENOMEM
    ioas.pin(4 * PAGE, PAGE, Access.READ)
    assert made.unmap_dma(5 * PAGE, PAGE) is Errno.EINVAL
    steps = ioas.map_steps(process(), 0x10_0000, 2 * PAGE, Native.READ | Native.FIXED, 0)
    next(steps)
    assert made.unmap_dma(0, PAGE) is Errno.EBUSY

    assert areas(ioas) == [(0, 2, 0), (4, 4, 0)]


def test_a_cut_that_cannot_be_made_twice_has_been_made_once() -> None:
    """The end of the request is cut first; when its start cannot be, two areas are left of one."""
    made, ioas = opened(1, (4, 4))
    ioas.kept.faults.fails_in = 1

    assert made.unmap_dma(5 * PAGE, PAGE) is Errno.ENOMEM

    assert areas(ioas) == [(4, 2, 0), (6, 2, 2)]


def test_a_request_of_the_first_byte_is_not_cut() -> None:
    """The corner: a cut at the first or the last byte of an area does nothing, so the unmap finds it in part."""
    made, ioas = opened(1, (4, 4))

    assert made.unmap_dma(4 * PAGE, 1) == Unmapped(Errno.ENOENT, 0)
    assert areas(ioas) == [(4, 4, 0)]


def test_an_unmap_of_nothing_cuts_all_the_same() -> None:
    """Size 0: EINVAL, after the area was cut before the address."""
    made, ioas = opened(1, (4, 4))

    assert made.unmap_dma(5 * PAGE, 0) == Unmapped(Errno.EINVAL, 0)
    assert areas(ioas) == [(4, 1, 0), (5, 3, 1)]


def test_an_area_that_a_driver_is_to_let_go_of_is_not_cut() -> None:
    """EBUSY, while another unmap waits for it; without that one EINVAL."""
    made, ioas = opened(1, (4, 4))
    ioas.pin(4 * PAGE, PAGE, Access.READ)
    steps = ioas.unmap_steps(0, MAX)
    assert next(steps) == "notify"

    assert made.unmap_dma(5 * PAGE, PAGE) is Errno.EBUSY


def test_a_request_that_wraps_cuts_where_its_end_comes_round() -> None:
    """EOVERFLOW, and the area near 0 is two."""
    made, ioas = opened(1, (0, 4))

    assert made.unmap_dma(MAX - 0xFFF, 3 * PAGE) == Unmapped(Errno.EOVERFLOW, 0)
    assert areas(ioas) == [(0, 2, 0), (2, 2, 2)]


def test_what_is_cut_stays_pinned_and_charged_once() -> None:
    """And the IOMMU goes on translating what is left."""
    ioas = Ioas()
    made = IoasCompat(ioas)
    made.set_iommu(1)
    coming = Domain("d0")
    ioas.attach(coming)
    who = process()
    made.map_dma(who, 4 * PAGE, 0x10_0000, 4 * PAGE, RW)

    assert made.unmap_dma(5 * PAGE, PAGE) == Unmapped(None, PAGE)

    assert ioas.user.locked == who.pinned == 3
    assert [coming.table.at(page * PAGE) is not None for page in range(4, 8)] == [True, False, True, True]
    assert made.unmap_dma(0, 0, Flags.ALL) == Unmapped(None, 3 * PAGE)
    assert (ioas.user.locked, len(coming.table)) == (0, 0)


def test_every_unmap_of_version_1_in_every_small_state_is_that_of_the_page_table() -> None:
    """Whole pages, eight of them: split, and just what was asked for goes."""
    bounds = Bounds(Width(5), Width(7), Shift(1))
    ranges = [Range(2 * a, 2 * b + 1) for a, b in combinations_with_replacement(range(8), 2)]
    who = Process("p0", bounds=Bounds(Width(7), Width(7), Shift(0)))
    for a, b, request in product(ranges[::2], ranges[1::3], ranges):
        table, made = PageTable(bounds), IoasCompat(Ioas(bounds=bounds))
        made.set_iommu(1)
        for r in (a, b):
            refusal = table.map(Mapping(r, 2 * r.first, Access.READ, "p0"))
            answer = made.map_dma(who, r.first, 2 * r.first, r.last + 1 - r.first, Flags.READ)
            assert answer is (None if refusal is None else Errno.EEXIST)
        gone = table.unmap(request, splitting)

        assert not isinstance(gone, Refusal)
        assert made.ioas is not None
        bytes_gone = sum(one.range.last + 1 - one.range.first for one in gone)
        assert made.unmap_dma(request.first, request.last + 1 - request.first) == Unmapped(None, bytes_gone)
        left = [(one.range, one.target) for one in made.ioas.kept.space]
        assert left == [(one.range, one.target) for one in table]
