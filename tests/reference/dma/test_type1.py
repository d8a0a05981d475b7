"""Type1 call by call: which errno, in which order, and what is left; versions 1 and 2, and where the kernels differ."""

from __future__ import annotations

import pytest

from tenure.reference.dma import Access, Bounds, Range
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.processes import RESERVED, Process
from tenure.reference.dma.type1 import Flags, Tracking, Type1
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_pins import Sleeps
from tenure.reference.dma.type1_state import Device, Group
from tenure.reference.dma.type1_unmap import StillPinned
from tenure.reference.dma.type1_versions import V6_1, V6_12, V7_2, Version

PAGE = 0x1000
TOP = (1 << 64) - 1
RW = Flags.READ | Flags.WRITE
GROUP = Group("g0", Range(0, (1 << 48) - 1), (Range(0xFEE0_0000, 0xFEEF_FFFF),))
MDEV = Group("mdev", emulated=True)
VERSIONS = pytest.mark.parametrize("version", [V6_1, V6_12, V7_2], ids=lambda version: version.name)


def process(name: str = "p0", limit: int = 64, *, may_lock: bool = False) -> Process:
    """A process with 64 pages of memory at 1 MiB, one that may not be written after them, and one without `struct page`."""
    made = Process(name, limit, may_lock=may_lock)
    made.has(Range(0x10_0000, 0x13_FFFF), 0x7000_0000)
    made.has(Range(0x14_0000, 0x14_0FFF), 0x9000_0000, Access.READ)
    made.has(Range(0x15_0000, 0x15_0FFF), 0xF000_0000, kind=RESERVED)
    return made


def opened(*groups: Group, v2: bool = True, version: Version = V7_2, entries: int = 65535) -> Type1:
    """A container with these groups."""
    made = Type1(version, v2=v2, bounds=Bounds(entries=entries))
    assert [made.attach(group) for group in groups] == [None] * len(groups)
    return made


def mapped(made: Type1, who: Process, *ranges: tuple[int, int]) -> Type1:
    """The container with memory of a process mapped at these addresses, each of so many pages."""
    assert [made.map_dma(who, iova, 0x10_0000, pages * PAGE, RW) for iova, pages in ranges] == [None] * len(ranges)
    return made


def held(made: Type1) -> list[Range]:
    """What is mapped."""
    return [mapping.range for mapping in made.container.space]


@pytest.mark.parametrize(
    ("iova", "vaddr", "size", "flags", "argsz", "new", "old"),
    [
        (0, 0x10_0000, PAGE, RW, 31, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, PAGE, RW | Flags.UNKNOWN, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, PAGE, RW | Flags.ALL, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, 0, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, PAGE, Flags.NONE, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, PAGE, Flags.READ | Flags.VADDR, 32, Errno.EINVAL, Errno.EINVAL),
        (TOP - 0xFFF, 0x10_0000, 2 * PAGE, RW, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (0, TOP - 0xFFF, 2 * PAGE, RW, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (TOP, 0x10_0000, 2, Flags.NONE, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (1 << 64, 0x10_0000, 0, RW, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (0, 1 << 64, PAGE, RW, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (0, 0x10_0000, 1 << 64, RW, 32, Errno.EOVERFLOW, Errno.EINVAL),
        (1, 0x10_0000, PAGE, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0001, PAGE, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x10_0000, PAGE + 1, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0x1000, 0x10_0000, 4 * PAGE, RW, 32, Errno.EEXIST, Errno.EEXIST),
        (0xFEE0_0000, 0x10_0000, PAGE, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0xFEDF_F000, 0x10_0000, 2 * PAGE, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (1 << 48, 0x10_0000, PAGE, RW, 32, Errno.EINVAL, Errno.EINVAL),
        (0, 0x20_0000, PAGE, RW, 32, Errno.EFAULT, Errno.EFAULT),
        (0, 0x14_0000, PAGE, RW, 32, Errno.EFAULT, Errno.EFAULT),
        (0x10000, 0x13_F000, 2 * PAGE, RW, 32, Errno.EFAULT, Errno.EFAULT),
        (0x10000, 0x10_0000, 64 * PAGE, RW, 32, Errno.ENOMEM, Errno.ENOMEM),
        (0x10000, 0x14_0000, 17 * PAGE, Flags.READ, 32, Errno.EFAULT, Errno.EFAULT),
        (0, 0x10_0000, PAGE, Flags.VADDR, 32, Errno.ENOENT, Errno.ENOENT),
        (0x2000, 0x10_0000, PAGE, Flags.VADDR, 32, Errno.EINVAL, Errno.EINVAL),
    ],
)
@VERSIONS
def test_map_refuses(  # noqa: PLR0913  # a row of the table of errnos
    version: Version, iova: int, vaddr: int, size: int, flags: Flags, argsz: int, new: Errno, old: Errno
) -> None:
    """In the order of the tests: a row that fails two of them has the errno of the first; and nothing has changed."""
    who = process()
    made = mapped(opened(GROUP, version=version), who, (0x2000, 1))

    assert made.map_dma(who, iova, vaddr, size, flags, argsz) is (new if version is V7_2 else old)

    assert (held(made), who.locked) == ([Range(0x2000, 0x2FFF)], 1)


def test_map_refuses_one_more_than_the_limit_before_it_looks_at_the_valid_ranges() -> None:
    """ENOSPC outside the aperture too; EEXIST where something is mapped."""
    made = mapped(opened(GROUP, entries=1), process(), (0, 1))

    assert made.map_dma(process(), 1 << 48, 0x10_0000, PAGE, RW) is Errno.ENOSPC
    assert made.map_dma(process(), 0, 0x10_0000, PAGE, RW) is Errno.EEXIST
    assert made.get_info().available == 0


def test_map_charges_each_page_each_time_and_never_a_reserved_one() -> None:
    """The same page at two addresses is charged twice; with the limit reached the third is refused, and is not charged."""
    who = process(limit=2)
    made = mapped(opened(GROUP), who, (0, 1), (0x1000, 1))

    assert made.map_dma(who, 0x2000, 0x10_0000, PAGE, RW) is Errno.ENOMEM
    assert made.map_dma(who, 0x2000, 0x15_0000, PAGE, RW) is None

    assert who.locked == 2


def test_map_goes_beyond_the_limit_for_who_may_lock() -> None:
    """CAP_IPC_LOCK; it is counted all the same."""
    who = process(limit=0, may_lock=True)
    mapped(opened(GROUP), who, (0, 3))

    assert who.locked == 3


def test_a_page_that_may_not_be_written_is_mapped_for_reading() -> None:
    """Only WRITE asks for it."""
    assert opened(GROUP).map_dma(process(), 0, 0x14_0000, PAGE, Flags.READ) is None


@pytest.mark.parametrize("v2", [False, True])
def test_where_no_iommu_translates_nothing_is_pinned(v2: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """With emulated IOMMUs alone any address will do, and the last page of 64 bits is a page."""
    who = process(limit=0)
    made = opened(MDEV, v2=v2)

    assert made.map_dma(who, TOP - 0xFFF, 0x5555_0000, PAGE, RW) is None
    assert made.map_dma(who, 0, 0x5555_0000, TOP - 0xFFF, RW) is Errno.EOVERFLOW
    assert made.map_dma(who, 0x1000, 0x5555_0000, 1 << 62, RW) is None

    assert who.locked == 0


@pytest.mark.parametrize(
    ("iova", "size", "flags", "argsz", "new", "old"),
    [
        (0, PAGE, Flags.NONE, 23, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE, Flags.READ, 24, Errno.EINVAL, Errno.EINVAL),
        (0, 0, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (1, PAGE, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE + 1, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (0, 0, Flags.ALL | Flags.DIRTY, 48, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE, Flags.VADDR | Flags.DIRTY, 48, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE, Flags.DIRTY, 47, Errno.EINVAL, Errno.EINVAL),
        (TOP - 0xFFF, 2 * PAGE, Flags.NONE, 24, Errno.EOVERFLOW, Errno.EINVAL),
        (TOP, PAGE, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (1, 1 << 64, Flags.NONE, 24, Errno.EOVERFLOW, Errno.EINVAL),
        (0, PAGE, Flags.ALL, 24, Errno.EINVAL, Errno.EINVAL),
        (PAGE, 0, Flags.ALL, 24, Errno.EINVAL, Errno.EINVAL),
        (0x2000, PAGE, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (0, 2 * PAGE, Flags.NONE, 24, Errno.EINVAL, Errno.EINVAL),
        (0, PAGE, Flags.VADDR, 24, Errno.EBUSY, Errno.EBUSY),
        (0, 0, Flags.VADDR, 24, Errno.EBUSY, Errno.EBUSY),
    ],
)
@VERSIONS
def test_unmap_refuses(  # noqa: PLR0913  # a row of the table of errnos
    version: Version, iova: int, size: int, flags: Flags, argsz: int, new: Errno, old: Errno
) -> None:
    """In the order of the tests; version 2 bisects nothing; and nothing has changed."""
    who = process()
    made = mapped(opened(GROUP, MDEV, version=version), who, (0x1000, 2), (0x8000, 1))

    assert made.unmap_dma(iova, size, flags, Bitmap(PAGE, 8), argsz) is (new if version is V7_2 else old)

    assert (held(made), who.locked) == ([Range(0x1000, 0x2FFF), Range(0x8000, 0x8FFF)], 3)


@pytest.mark.parametrize(
    ("iova", "pages", "answer", "left"),
    [
        (0, 1, 0, [(1, 2), (5, 1)]),
        (1, 2, 2, [(5, 1)]),
        (0, 16, 3, []),
        (3, 2, 0, [(1, 2), (5, 1)]),
    ],
)
def test_version_2_unmaps_what_lies_in_the_request(
    iova: int, pages: int, answer: int, left: list[tuple[int, int]]
) -> None:
    """A hole is no error, and its size is 0."""
    who = process()
    made = mapped(opened(GROUP), who, (PAGE, 2), (5 * PAGE, 1))

    assert made.unmap_dma(iova * PAGE, pages * PAGE) == answer * PAGE

    assert held(made) == [Range(page * PAGE, (page + count) * PAGE - 1) for page, count in left]
    assert who.locked == sum(count for _, count in left)


@pytest.mark.parametrize(
    ("iova", "pages", "answer", "left"),
    [
        (1, 1, 2, [5]),
        (0, 2, 2, [5]),
        (2, 1, 0, [1, 5]),
        (2, 8, 0, [1, 5]),
        (4, 8, 1, [1]),
        (0, 16, 3, []),
    ],
)
def test_version_1_unmaps_whole_what_begins_in_the_request_and_stops_where_one_begins_below(
    iova: int, pages: int, answer: int, left: list[int]
) -> None:
    """The size may exceed the request; after a stop it is 0, and what is further right stays too."""
    made = mapped(opened(GROUP, v2=False), process(), (PAGE, 2), (5 * PAGE, 1))

    assert made.unmap_dma(iova * PAGE, pages * PAGE) == answer * PAGE

    assert [r.first // PAGE for r in held(made)] == left


@pytest.mark.parametrize("v2", [False, True])
def test_unmap_all_includes_the_last_page(v2: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """7.2: a mapping that ends at the top is like any other."""
    made = mapped(opened(MDEV, v2=v2), process(), (TOP - 0xFFF, 1), (0, 1))

    assert made.map_dma(process(), TOP - 0xFFF, 0, PAGE, RW) is Errno.EEXIST
    assert made.unmap_dma(0, 0, Flags.ALL) == 2 * PAGE
    assert held(made) == []


@pytest.mark.parametrize("version", [V6_1, V6_12], ids=lambda version: version.name)
def test_before_7_2_a_mapping_that_ends_at_the_top_is_never_found(version: Version) -> None:
    """It is mapped twice and never unmapped; each counts as an entry, and what lies under it in the tree is not unmapped either."""
    who = process()
    made = mapped(opened(MDEV, version=version, entries=3), who, (TOP - 0xFFF, 1), (TOP - 0xFFF, 1))

    assert made.unmap_dma(TOP - 0xFFF, PAGE) == 0
    assert made.unmap_dma(TOP - 0x1FFF, 2 * PAGE) == 0
    assert made.unmap_dma(0, 0, Flags.ALL) == 0
    assert made.pin_pages(pinning(made), TOP - 0xFFF, 1, Access.READ) is Errno.EINVAL
    assert made.get_info().available == 1

    assert mapped(made, who, (0, 1)).map_dma(who, TOP - 0xFFF, 0, PAGE, RW) is Errno.ENOSPC
    assert made.unmap_dma(TOP - 0x1FFF, 2 * PAGE) == 0
    assert made.unmap_dma(0, 0, Flags.ALL) == 0
    assert made.unmap_dma(0, PAGE) == 0
    assert made.map_dma(who, 0, 0, PAGE, RW) is Errno.EEXIST


@pytest.mark.parametrize(
    ("pages", "answer", "available"),
    [
        ([0, -1], 2, 8),
        ([-1, 0], 0, 6),
        ([0, 2, -1], 3, 8),
        ([-1, 0, 2], 3, 8),
        ([0, -1, -1], 0, 5),
        ([0, 2, 4, -1], 4, 8),
    ],
)
def test_before_7_2_what_all_finds_depends_on_the_shape_of_the_tree(
    pages: list[int], answer: int, available: int
) -> None:
    """Where a mapping at the top is the root, nothing; where a lower one is met first, everything from the lowest on."""
    made = mapped(opened(MDEV, version=V6_12, entries=8), process(), *((page * PAGE % (TOP + 1), 1) for page in pages))

    assert made.unmap_dma(0, 0, Flags.ALL) == answer * PAGE
    assert made.get_info().available == available


def test_before_7_2_what_is_hidden_counts_as_an_entry() -> None:
    """For those that are not, too."""
    made = mapped(opened(MDEV, version=V6_12, entries=1), process(), (TOP - 0xFFF, 1))

    assert made.map_dma(process(), 0, 0x10_0000, PAGE, RW) is Errno.ENOSPC


def test_before_7_2_a_mapping_below_the_root_at_the_top_is_mapped_over() -> None:
    """A look-up that overlaps both turns away from it."""
    who = process()
    made = mapped(opened(MDEV, version=V6_12), who, (TOP - 0x1FFF, 2), (TOP - 0x2FFF, 1))

    assert made.map_dma(who, TOP - 0x2FFF, 0, PAGE, RW) is Errno.EEXIST
    assert made.map_dma(who, TOP - 0x2FFF, 0, 2 * PAGE, RW) is None
    assert made.get_info().available == 65532


def test_before_7_2_what_is_hidden_is_held_to_the_valid_ranges() -> None:
    """The aperture ends below."""
    assert opened(GROUP, version=V6_12).map_dma(process(), TOP - 0xFFF, 0x10_0000, PAGE, RW) is Errno.EINVAL


def test_before_7_2_an_unmap_that_ends_at_the_top_finds_nothing() -> None:
    """Not even what lies below; but a mapping that its first byte would bisect is seen, and refuses it."""
    made = mapped(opened(MDEV, version=V6_12), process(), (TOP - 0x3FFF, 2))

    assert made.unmap_dma(TOP - 0x3FFF, 4 * PAGE) == 0
    assert made.unmap_dma(TOP - 0x2FFF, 3 * PAGE) is Errno.EINVAL
    assert made.unmap_dma(TOP - 0x3FFF, 2 * PAGE) == 2 * PAGE


def test_before_7_2_a_translation_at_the_top_outlives_its_mapping() -> None:
    """Where the IOMMU reaches so far: the walk that takes it back begins and ends at once."""
    who = process()
    made = mapped(opened(Group("wide"), version=V6_12), who, (0, 1), (TOP - 0xFFF, 1))

    assert made.unmap_dma(0, 0, Flags.ALL) == 2 * PAGE
    assert made.get_info().available == 65535

    assert [one.range for one in made.container.domains[0].table] == [Range(TOP - 0xFFF, TOP)]
    assert who.locked == 1


def test_a_bitmap_that_is_not_asked_for_is_not_looked_at() -> None:
    """Whatever it is, and whether or not dirty pages are tracked."""
    made = mapped(opened(GROUP), process(), (0, 1))

    assert made.unmap_dma(0, PAGE, Flags.NONE, Bitmap(0, 0)) == PAGE


def test_who_unmaps_gives_back_what_the_mapper_was_charged() -> None:
    """D-G1-12 is gone: a child maps and its parent unmaps, and only the child's count changes."""
    parent, child = process("parent"), process("child")
    made = mapped(opened(GROUP), child, (0, 4))

    assert made.unmap_dma(0, 4 * PAGE) == 4 * PAGE

    assert (parent.locked, child.locked) == (0, 0)


def test_an_address_space_that_is_gone_counts_nothing() -> None:
    """Its mapper has exited; the unmap works all the same."""
    who = process()
    made = mapped(opened(GROUP), who, (0, 4))
    who.lives = False

    assert made.unmap_dma(0, 0, Flags.ALL) == 4 * PAGE
    assert who.locked == 4


def test_an_address_is_invalid_until_it_is_mapped_again_by_its_range() -> None:
    """Meanwhile nothing attaches, is pinned, or is read; the mapping itself stays."""
    who = process()
    made = mapped(opened(GROUP), who, (0, 2), (0x4000, 1))
    device = Device("d0", GROUP, lambda _: None)
    made.register_device(device)

    assert made.unmap_dma(0, 2 * PAGE, Flags.VADDR) == 2 * PAGE
    assert made.attach(Group("g1")) is Errno.EBUSY
    assert made.pin_pages(device, 0x4000, 1, Access.READ) is Errno.EBUSY
    assert made.dma_rw(0x4000, 1, Access.READ) is Errno.EBUSY
    assert made.unmap_dma(0, 0x5000, Flags.VADDR) is Errno.EINVAL
    assert made.map_dma(who, 0, 0x11_0000, PAGE, Flags.VADDR) is Errno.EINVAL
    assert made.map_dma(who, 0x4000, 0x11_0000, PAGE, Flags.VADDR) is Errno.EINVAL
    assert made.map_dma(who, 0, 0x11_0000, 2 * PAGE, Flags.VADDR) is None
    assert made.dma_rw(0, 2 * PAGE, Access.READ) is None

    assert held(made) == [Range(0, 0x1FFF), Range(0x4000, 0x4FFF)]


def test_who_gives_an_address_anew_pays_for_it() -> None:
    """The new process is charged within its own limit; if that is too small, nothing has changed."""
    old, poor, new = process("old"), process("poor", limit=1), process("new")
    made = mapped(opened(GROUP), old, (0, 2))
    made.unmap_dma(0, 2 * PAGE, Flags.VADDR)

    assert made.map_dma(poor, 0, 0x10_0000, 2 * PAGE, Flags.VADDR) is Errno.ENOMEM
    assert (old.locked, poor.locked) == (2, 0)
    assert made.map_dma(new, 0, 0x10_0000, 2 * PAGE, Flags.VADDR) is None
    assert (old.locked, new.locked) == (0, 2)

    assert made.unmap_dma(0, 2 * PAGE) == 2 * PAGE
    assert (old.locked, new.locked) == (0, 0)


def test_who_gives_an_address_anew_lends_its_privilege_too() -> None:
    """What is charged later is charged to the new process, which may lock what it likes."""
    old, new = process("old"), process("new", limit=0, may_lock=True)
    made = mapped(opened(GROUP), old, (0, 2))
    made.unmap_dma(0, 2 * PAGE, Flags.VADDR)
    assert made.map_dma(new, 0, 0x10_0000, 2 * PAGE, Flags.VADDR) is None
    assert made.attach(MDEV) is None
    made.detach(GROUP)

    assert made.pin_pages(pinning(made), 0, 1, Access.READ) == (0x7000_0000,)
    assert (old.locked, new.locked) == (0, 1)


def test_6_1_sleeps_where_others_are_refused_an_invalid_address() -> None:
    """The call is not back yet, and nothing has changed."""
    made = mapped(opened(GROUP, version=V6_1), process(), (0, 1))
    device = Device("d0", GROUP, lambda _: None)
    made.register_device(device)
    made.unmap_dma(0, PAGE, Flags.VADDR)

    assert made.pin_pages(device, 0, 1, Access.READ) is Sleeps.UNTIL_VALID
    assert made.dma_rw(0, 1, Access.READ) is Sleeps.UNTIL_VALID


def pinning(made: Type1, group: Group = MDEV) -> Device:
    """A device that lets go of whatever it is told of."""
    device = Device("d0", group, lambda r: made.unpin_pages(r.first, (r.last - r.first + 1) // PAGE))
    made.register_device(device)
    return device


def test_pages_are_pinned_by_iova_and_charged_once() -> None:
    """Where no IOMMU has them charged; a second pin of a page is counted and not charged."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 4))
    device = pinning(made)

    assert made.pin_pages(device, PAGE, 2, Access.READ) == (0x7000_1000, 0x7000_2000)
    assert made.pin_pages(device, 2 * PAGE, 2, Access.READ) == (0x7000_2000, 0x7000_3000)
    assert who.locked == 3

    made.unpin_pages(PAGE, 2)
    assert who.locked == 2
    made.unpin_pages(2 * PAGE, 2)
    assert who.locked == 0


def test_pin_pages_refuses() -> None:
    """In order: the arguments, version 1, a wrap, nobody registered, nothing mapped, no permission, no page."""
    who = process(limit=1)
    device = Device("d0", MDEV, lambda _: None)
    assert opened(MDEV, v2=False).pin_pages(device, 0, 0, Access.READ) is Errno.EINVAL
    assert opened(MDEV, v2=False).pin_pages(device, 0, 1, Access.READ) is Errno.EACCES

    made = mapped(opened(MDEV), who, (0, 2))
    assert made.map_dma(who, 0x4000, 0x14_0000, PAGE, Flags.READ) is None
    assert made.map_dma(who, 0x5000, 0x15_0000, PAGE, Flags.READ) is None
    assert made.map_dma(who, 0x6000, 0x20_0000, PAGE, Flags.READ) is None
    assert made.pin_pages(device, TOP - 0xFFF, 2, Access.READ) is Errno.EOVERFLOW
    assert made.pin_pages(device, 0, 1, Access.READ) is Errno.EINVAL
    made.register_device(device)
    assert made.pin_pages(device, 0x2000, 1, Access.READ) is Errno.EINVAL
    assert made.pin_pages(device, 0x4000, 1, Access.WRITE) is Errno.EPERM
    assert made.pin_pages(device, 0x5000, 1, Access.READ) is Errno.EINVAL
    assert made.pin_pages(device, 0x6000, 1, Access.READ) is Errno.EFAULT
    assert made.pin_pages(device, 0, 2, Access.READ) is Errno.ENOMEM
    who.lives = False
    assert made.pin_pages(device, 0, 1, Access.READ) is Errno.ENODEV

    assert who.locked == 0


def test_a_pin_that_wraps_goes_on_at_0_before_7_2() -> None:
    """Nobody looks: after the last page comes the first."""
    made = mapped(opened(MDEV, version=V6_12), process(), (0, 1))
    device = pinning(made)

    assert made.pin_pages(device, TOP - 0xFFF, 2, Access.READ) is Errno.EINVAL
    assert not made.container.dmas[0].pinned


def test_dma_rw_refuses() -> None:
    """Nothing mapped, no permission, no memory any more; what came before the error is done."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 1))
    assert made.map_dma(who, PAGE, 0x14_0000, PAGE, Flags.READ) is None
    made.dirty_pages(Tracking.START)

    assert made.dma_rw(0, PAGE + 1, Access.READ) is None
    assert made.dma_rw(0, 3 * PAGE, Access.READ) is Errno.EINVAL
    assert made.dma_rw(0x800, PAGE, Access.WRITE) is Errno.EPERM
    assert made.container.dmas[0].dirty == {0}
    who.lives = False
    assert made.dma_rw(0, 1, Access.READ) is Errno.EFAULT


def test_an_unmap_asks_whoever_has_pinned_to_let_go_first() -> None:
    """DMA-6: at the moment of the callback the mapping is still there."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 1), (PAGE, 2), (4 * PAGE, 1))
    told: list[tuple[Range, list[Range]]] = []

    def let_go(r: Range) -> None:
        told.append((r, held(made)))
        made.unpin_pages(r.first, 2)

    device = Device("d0", MDEV, let_go)
    made.register_device(device)
    assert made.pin_pages(device, PAGE, 2, Access.READ) == (0x7000_0000, 0x7000_1000)

    assert made.unmap_dma(0, 16 * PAGE) == 4 * PAGE
    assert told == [(Range(PAGE, 0x2FFF), [Range(PAGE, 0x2FFF), Range(0x4000, 0x4FFF)])]
    assert who.locked == 0


def test_what_others_did_during_the_callback_is_looked_at_anew() -> None:
    """A mapping that bisects the request now ends the call with success, and with what was removed until then."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 1), (PAGE, 1))

    def let_go(r: Range) -> None:
        made.unpin_pages(r.first, 1)
        assert made.unmap_dma(PAGE, PAGE) == PAGE
        assert made.map_dma(who, PAGE, 0x10_0000, 3 * PAGE, RW) is None

    device = Device("d0", MDEV, let_go)
    made.register_device(device)
    assert isinstance(made.pin_pages(device, PAGE, 1, Access.READ), tuple)

    assert made.unmap_dma(0, 2 * PAGE) == PAGE
    assert held(made) == [Range(PAGE, 0x3FFF)]


def test_a_device_that_never_lets_go_is_a_bug_of_the_kernel() -> None:
    """Told eleven times."""
    made = mapped(opened(MDEV), process(), (0, 1))
    told: list[Range] = []
    device = Device("d0", MDEV, told.append)
    made.register_device(device)
    made.pin_pages(device, 0, 1, Access.READ)

    with pytest.raises(StillPinned):
        made.unmap_dma(0, PAGE)
    assert len(told) == 11


def test_dirty_pages_are_for_version_2_and_where_they_are_tracked() -> None:
    """EACCES, EINVAL, and each reason of the bitmap's."""
    assert opened(MDEV, v2=False).dirty_pages(Tracking.START) is Errno.EACCES
    assert opened(MDEV, v2=False).dirty_pages(Tracking.STOP) is Errno.EACCES
    assert opened(MDEV, v2=False).dirty_pages(Tracking.GET_BITMAP, 0, PAGE, Bitmap(PAGE, 8)) is Errno.EACCES

    made = mapped(opened(MDEV), process(), (0, 2))
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 2 * PAGE, Bitmap(PAGE, 8), argsz=47) is Errno.EINVAL
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 2 * PAGE, Bitmap(PAGE, 8)) is Errno.EINVAL
    assert made.unmap_dma(0, 2 * PAGE, Flags.DIRTY, Bitmap(PAGE, 8)) is Errno.EINVAL
    assert made.dirty_pages(Tracking.START, argsz=7) is Errno.EINVAL
    for action in (Tracking.NONE, Tracking.START | Tracking.STOP, Tracking.UNKNOWN):
        assert made.dirty_pages(action) is Errno.EINVAL
    assert made.dirty_pages(Tracking.START) is made.dirty_pages(Tracking.START) is None
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 0, Bitmap(PAGE, 8)) is Errno.EINVAL
    assert made.dirty_pages(Tracking.GET_BITMAP, TOP, 2, Bitmap(PAGE, 8)) is Errno.EOVERFLOW
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, PAGE, Bitmap(PAGE, 8)) is Errno.EINVAL
    assert made.dirty_pages(Tracking.GET_BITMAP, PAGE, PAGE, Bitmap(PAGE, 8)) is Errno.EINVAL
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 65 * PAGE, Bitmap(PAGE, 8)) is Errno.EINVAL
    for bad in (Bitmap(PAGE, 0), Bitmap(PAGE, 257 << 20), Bitmap(2 * PAGE, 8), Bitmap(PAGE, 8, in_user_range=False)):
        assert made.dirty_pages(Tracking.GET_BITMAP, 0, 2 * PAGE, bad) is Errno.EINVAL
        assert made.unmap_dma(0, 2 * PAGE, Flags.DIRTY, bad) is Errno.EINVAL
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 2 * PAGE, Bitmap(PAGE, 8)) is None


def test_dirty_are_the_pages_pinned_or_written_and_all_where_a_group_writes_anywhere() -> None:
    """What is no longer pinned is reported once more, and then not."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 4))
    device = pinning(made)
    made.pin_pages(device, PAGE, 1, Access.READ)
    made.dirty_pages(Tracking.START)
    made.dma_rw(3 * PAGE, 1, Access.WRITE)
    made.unpin_pages(PAGE, 1)

    assert dirty(made) == {1, 3}
    assert dirty(made) == set()
    assert made.attach(GROUP) is None
    assert dirty(made) == {0, 1, 2, 3}
    made.pin_pages(Device("d1", GROUP, lambda _: None), 0, 1, Access.READ)
    assert dirty(made) == {0}


def dirty(made: Type1) -> set[int]:
    """What GET_BITMAP reports of the first four pages."""
    bitmap = Bitmap(PAGE, 8)
    assert made.dirty_pages(Tracking.GET_BITMAP, 0, 4 * PAGE, bitmap) is None
    return bitmap.dirty


def test_an_unmap_reports_the_dirty_pages_that_go() -> None:
    """Once they are gone nobody could ask."""
    made = mapped(opened(MDEV), process(), (0, 2), (0x4000, 1))
    made.dirty_pages(Tracking.START)
    made.dma_rw(PAGE, 1, Access.WRITE)
    made.dma_rw(0x4000, 1, Access.WRITE)
    bitmap = Bitmap(PAGE, 8)

    assert made.unmap_dma(0, 2 * PAGE, Flags.DIRTY, bitmap) == 2 * PAGE
    assert bitmap.dirty == {1}


def test_attach_refuses_and_changes_nothing() -> None:
    """Attached already, the IOMMU layer's word, no address in common, a mapping where none may be, interrupts."""
    who = process()
    made = mapped(opened(GROUP), who, (0x10_0000, 1))
    info = made.get_info()

    assert made.attach(GROUP) is Errno.EINVAL
    assert made.attach(Group("g1", refused=Errno.EBUSY)) is Errno.EBUSY
    assert made.attach(Group("g1", Range(1 << 50, 1 << 51))) is Errno.EINVAL
    assert made.attach(Group("g1", Range(0x20_0000, 0x2F_FFFF))) is Errno.EINVAL
    assert made.attach(Group("g1", reserved=(Range(0x10_0000, 0x10_0FFF),))) is Errno.EINVAL
    assert made.attach(Group("g1", Range(0, 0xFFFFFF), isolates_interrupts=False)) is Errno.EPERM

    assert made.get_info() == info
    assert made.map_dma(who, (1 << 48) - PAGE, 0x10_0000, PAGE, RW) is None
    assert made.unmap_dma((1 << 48) - PAGE, PAGE) == PAGE
    made.allows_unsafe_interrupts = True
    assert made.attach(Group("g1", Range(0, 0xFFFFFF), isolates_interrupts=False)) is None
    assert made.get_info().valid == (Range(0, 0xFFFFFF),)


def test_valid_ranges_shrink_with_each_group_and_grow_when_it_leaves() -> None:
    """And none are named where no IOMMU translates."""
    made = opened(GROUP, MDEV)
    other = Group("g1", Range(0x1000, (1 << 39) - 1), (Range(0x8_0000, 0x8_FFFF),), iommu="other")

    assert made.get_info().valid == (Range(0, 0xFEDF_FFFF), Range(0xFEF0_0000, (1 << 48) - 1))
    assert made.attach(other) is None
    assert made.get_info().valid[0] == Range(0x1000, 0x7_FFFF)
    made.detach(other)
    assert made.get_info().valid == (Range(0, 0xFEDF_FFFF), Range(0xFEF0_0000, (1 << 48) - 1))
    made.detach(GROUP)
    assert made.get_info().valid == ()


def test_mappings_are_replayed_into_another_iommu_and_pinned_once() -> None:
    """A group of an IOMMU alike shares the domain; no charge for either."""
    who = process()
    made = mapped(opened(GROUP), who, (0, 2))

    assert made.attach(Group("g1")) is None
    assert len(made.container.domains) == 1
    assert made.attach(Group("g2", iommu="other")) is None
    assert [[one.range for one in domain.table] for domain in made.container.domains] == [[Range(0, 0x1FFF)]] * 2
    assert who.locked == 2


def test_the_last_iommu_leaves_the_mappings_to_emulated_groups() -> None:
    """What devices have pinned stays charged, and nothing else; the last group takes all with it."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 4))
    device = pinning(made)
    made.pin_pages(device, 0, 1, Access.READ)

    assert made.attach(GROUP) is None
    assert who.locked == 4
    made.detach(GROUP)
    assert who.locked == 1
    made.unpin_pages(0, 1)
    made.detach(MDEV)

    assert (held(made), who.locked) == ([], 0)


def test_an_attach_that_cannot_pin_has_pinned_nothing() -> None:
    """The second mapping has no memory behind it."""
    who = process()
    made = mapped(opened(MDEV), who, (0, 4))
    assert made.map_dma(who, 0x8000, 0x5555_0000, PAGE, RW) is None

    assert made.attach(GROUP) is Errno.EFAULT

    assert (who.locked, made.container.domains, made.get_info().valid) == (0, [], ())
