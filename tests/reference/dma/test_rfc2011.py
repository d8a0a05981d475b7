"""The RFC of November 2011: what was meant, each defect of what was written by its trigger, and both against the page table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement, product

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tenure.reference.dma import Access, Bounds, Mapping, PageTable, Range, Refusal, Shift, Tracker, Width, splitting
from tenure.reference.dma.coalescing import coalesce
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.processes import READ_WRITE, RESERVED, SHARED, Process
from tenure.reference.dma.rfc2011 import Flags, Rfc2011
from tenure.reference.dma.rfc2011_as_written import AsWritten
from tenure.reference.dma.rfc2011_ways import AS_WRITTEN, DEFECTS, IN_3_6, MEANT, WRAPPING

PAGE = 0x1000
TOP = 1 << 64
V = 0x10_0000_0000
HUGE = 1 << 46
Subject = Rfc2011 | AsWritten


def process(limit: int = 16, *, may_lock: bool = True) -> Process:
    """A process with 64 TiB of memory at V; below, 32 reserved pages, the page of frame 0, and a page that it shares."""
    made = Process("p0", limit, may_lock=may_lock)
    made.has(Range(V, V + HUGE - 1), 1 << 47)
    made.has(Range(0x10_0000, 0x11_FFFF), 0xF000_0000, kind=RESERVED)
    made.has(Range(0x5000, 0x5FFF), 0, kind=RESERVED)
    made.has(Range(0x6000, 0x6FFF), 0x9000, kind=SHARED)
    return made


def subjects(defect: str, who: Callable[[], Process] = process, bounds: Bounds | None = None) -> tuple[Subject, ...]:
    """What was meant, by tracker and by list; and what was written, alone and together with all the rest."""
    return Rfc2011(who(), bounds), AsWritten(who(), MEANT, bounds), AsWritten(who(), DEFECTS[defect], bounds)


def translated(subject: Subject) -> list[tuple[int, int]]:
    """The IO addresses that devices can use: first byte and number of pages of each run."""
    return [(one.range.first, (one.range.last - one.range.first + 1) // PAGE) for one in subject.memory.table]


Act = Callable[[Subject], object]
Row = tuple[str, Act, object, object]


def maps(*requests: tuple[int, int, int]) -> Act:
    """Map each, and say the last answer, the entries and what is translated."""

    def act(subject: Subject) -> object:
        answers = [subject.map(*request) for request in requests]
        return answers[-1], subject.entries(), translated(subject)

    return act


def top_page_unmapped(subject: Subject) -> object:
    """Map the last page, unmap it, and map it again."""
    first = subject.map(TOP - PAGE, PAGE, V), subject.unmap(TOP - PAGE, PAGE), subject.entries(), translated(subject)
    return *first, subject.map(TOP - PAGE, PAGE, V)


def mapped_over_the_top(subject: Subject) -> object:
    """Map the last page and what comes after; then look for it at 0, and take it away as it was made."""
    mapped = subject.map(TOP - PAGE, 2 * PAGE, V), [one.target for one in subject.memory.table]
    return (
        *mapped,
        subject.unmap(0, PAGE),
        subject.map(0, PAGE, V),
        subject.unmap(TOP - PAGE, 2 * PAGE),
        subject.entries(),
    )


def two_of_4096_pages_unmapped(subject: Subject) -> object:
    """Two single pages that do not abut, and an unmap of 4096 pages over both."""
    subject.map(0, PAGE, V)
    subject.map(0x10_0000, PAGE, V + 0x10_0000)
    return subject.unmap(0, 0x100_0000), translated(subject)


def negative_pages(subject: Subject) -> object:
    """2^43 bytes, and another map anywhere above."""
    return (
        subject.map(0x10_0000, 1 << 43, V),
        subject.entries(),
        subject.map(1 << 60, PAGE, V),
        subject.unmap(1 << 60, PAGE),
    )


def nothing_unmapped(subject: Subject) -> object:
    """An unmap of no bytes in the middle, and one at the edge."""
    subject.map(0, 2 * PAGE, V)
    return subject.unmap(0, 0), subject.entries(), subject.unmap(PAGE, 0), subject.entries(), translated(subject)


def unmapped_over_the_top(subject: Subject) -> object:
    """An unmap that begins in the middle and wraps to the second page."""
    subject.map(0, 0x10_0000, V)
    return subject.unmap(0x8_0000, 0xFFFF_FFFF_FFF8_1000), subject.entries(), translated(subject)


def frame_0(subject: Subject) -> object:
    """The page whose frame is 0 is unmapped, and its IO address used again."""
    subject.map(0x5000, PAGE, 0x5000)
    return subject.unmap(0x5000, PAGE), subject.entries(), translated(subject), subject.map(0x5000, PAGE, V)


def bar_within_the_limit(subject: Subject) -> object:
    """128 KiB of reserved pages, with a limit of 64 KiB."""
    return subject.map(0, 0x2_0000, 0x10_0000), subject.memory.process.locked


def the_same_twice(subject: Subject) -> object:
    """16 pages at two IO addresses, with a limit of 31."""
    return subject.map(0, 0x1_0000, V), subject.map(0x10_0000, 0x1_0000, V), subject.memory.process.locked


def no_memory_for_the_entry(subject: Subject) -> object:
    """The entry cannot be had: whether a device could use the page all the same, for a while."""
    subject.memory.faults.fails_in = 2 if isinstance(subject, AsWritten) and subject.ways.records_last else 0
    return subject.map(0, PAGE, V), translated(subject), bool(subject.memory.seen)


def on_a_host_of_32_bits(subject: Subject) -> object:
    """A page at 4 GiB of the bus, one at 0, and a size that a host of 32 bits does not have."""
    high = subject.map(0x1_0000_0000, PAGE, 0x5000), translated(subject), subject.entries()
    return *high, subject.map(0, PAGE, 0x6000), subject.map(0x10_0000, 0x1_0000_1000, 0x6000)


def read_only_and_written(subject: Subject) -> object:
    """A shared page is mapped for reading, and then the process writes it: whether the device sees what it wrote."""
    subject.map(0, PAGE, 0x6000)
    who = subject.memory.process
    who.own(Range(0x6000, 0x6FFF))
    seen, own = subject.memory.table.at(0), who.memory.at(0x6000)
    assert seen is not None
    assert own is not None
    return seen.target == own.target


def unknown_arguments(subject: Subject) -> object:
    """A flag that nobody knows, and a structure that is too short."""
    return (
        subject.map(0, PAGE, V, Flags.UNKNOWN),
        subject.map(PAGE, PAGE, V, length=8),
        subject.unmap(0, PAGE, length=8),
    )


def many_pages_unmapped(subject: Subject) -> object:
    """2^31 pages are mapped and unmapped."""
    return subject.map(0, 1 << 43, V), subject.unmap(0, 1 << 43), subject.entries(), translated(subject)


def answer_lost(subject: Subject) -> object:
    """The arguments cannot be written back: of a map, and of an unmap."""
    subject.memory.faults.fails_in = 3
    of_map = subject.map(0, PAGE, V), translated(subject)
    subject.memory.faults.fails_in = None
    subject.map(0, PAGE, V)
    subject.memory.faults.fails_in = 0
    return *of_map, subject.unmap(0, PAGE), translated(subject)


def poor() -> Process:
    """16 pages, and no privilege."""
    return process(16, may_lock=False)


def one_short() -> Process:
    """31 pages."""
    return process(31, may_lock=False)


NARROW = Bounds(target_width=Width(32))
E = Errno
ROWS: dict[str, tuple[str, Act, object, object]] = {
    "the top page is never found": (
        "D-G1-01",
        top_page_unmapped,
        (None, None, [], [], None),
        (None, None, [(TOP - PAGE, 1)], [(TOP - PAGE, 1)], E.EBUSY),
    ),
    "a map wraps to 0": (
        "D-G1-02",
        mapped_over_the_top,
        (E.EINVAL, [], None, None, E.EINVAL, [(0, 1)]),
        (None, [(1 << 47) + PAGE, 1 << 47], None, E.EBUSY, None, [(TOP - PAGE, 2)]),
    ),
    "bytes are counted as pages": ("D-G1-03", two_of_4096_pages_unmapped, (None, []), (None, [(0, 1)])),
    "2^44 bytes are no pages": (
        "D-G1-04",
        maps((0x10_0000, 1 << 44, V)),
        (None, [(0x10_0000, 1 << 32)], [(0x10_0000, 1 << 32)]),
        (E.EINVAL, [], []),
    ),
    "2^44 bytes and a page are a page": (
        "D-G1-05",
        maps((0x10_0000, (1 << 44) + PAGE, V)),
        (None, [(0x10_0000, (1 << 32) + 1)], [(0x10_0000, (1 << 32) + 1)]),
        (None, [(0x10_0000, 1)], [(0x10_0000, 1)]),
    ),
    "2^43 bytes are a negative number of pages": (
        "D-G1-06",
        negative_pages,
        (None, [(0x10_0000, 1 << 31)], None, None),
        (None, [(0x10_0000, -(1 << 31))], E.EBUSY, None),
    ),
    "an unmap of nothing splits": (
        "D-G1-07",
        nothing_unmapped,
        (E.EINVAL, [(0, 2)], E.EINVAL, [(0, 2)], [(0, 2)]),
        (None, [(0, 2)], None, [(0, 1), (PAGE, 1)], [(0, 2)]),
    ),
    "an unmap that wraps makes entries overlap": (
        "D-G1-08",
        unmapped_over_the_top,
        (E.EINVAL, [(0, 0x100)], [(0, 0x100)]),
        (E.EKEYEXPIRED, [(0, 0x80), (PAGE, 0xFF)], [(0, 0x100)]),
    ),
    "frame 0 is taken for none": (
        "D-G1-09",
        frame_0,
        (None, [], [], None),
        (None, [], [(0x5000, 1)], E.EBUSY),
    ),
    "two abutting maps of 4 TiB are negative": (
        "D-G1-29",
        maps((0, 1 << 42, V), (1 << 42, 1 << 42, V + (1 << 42)), (1 << 60, PAGE, V)),
        (None, [(0, 1 << 31), (1 << 60, 1)], [(0, 1 << 30), (1 << 42, 1 << 30), (1 << 60, 1)]),
        (E.EBUSY, [(0, -(1 << 31))], [(0, 1 << 30), (1 << 42, 1 << 30)]),
    ),
    "the page at the top is not joined": (
        "D-G1-28",
        maps((TOP - PAGE, PAGE, V + PAGE), (TOP - 2 * PAGE, PAGE, V)),
        (None, [(TOP - 2 * PAGE, 2)], [(TOP - 2 * PAGE, 1), (TOP - PAGE, 1)]),
        (None, [(TOP - 2 * PAGE, 1), (TOP - PAGE, 1)], [(TOP - 2 * PAGE, 1), (TOP - PAGE, 1)]),
    ),
    "an entry comes after the translation": (
        "D-G1-16",
        no_memory_for_the_entry,
        (E.ENOMEM, [], False),
        (E.ENOMEM, [], True),
    ),
    "a read-only page is pinned as shared": ("D-G1-26", read_only_and_written, True, False),
    "whatever is not known is accepted": ("D-G1-27", unknown_arguments, (E.EINVAL,) * 3, (None,) * 3),
    "2^31 pages are not unmapped": (
        "D-G1-30",
        many_pages_unmapped,
        (None, None, [], []),
        (None, None, [], [(0, 1 << 31)]),
    ),
    "the answer is lost after the effect": (
        "D-G1-31",
        answer_lost,
        (E.EFAULT, [], E.EFAULT, [(0, 1)]),
        (E.EFAULT, [(0, 1)], E.EFAULT, []),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_defect_has_its_trigger_and_its_wrong_result(name: str) -> None:
    """What was meant answers right, by tracker and by list; the one deviation answers wrong, just as it is told."""
    defect, act, right, wrong = ROWS[name]
    meant, listed, written = subjects(defect)

    assert act(meant) == right
    assert act(listed) == right
    assert act(written) == wrong


@pytest.mark.parametrize(
    ("defect", "who", "bounds", "act", "right", "wrong"),
    [
        ("D-G1-06", poor, None, maps((0x10_0000, 1 << 43, V)), (E.ENOMEM, [], []), (E.ENOMEM, [], [])),
        ("D-G1-10", poor, None, bar_within_the_limit, (None, 0), (E.ENOMEM, 0)),
        ("D-G1-11", one_short, None, the_same_twice, (None, None, 16), (None, E.ENOMEM, 16)),
        ("D-G1-11", process, None, the_same_twice, (None, None, 16), (None, None, 32)),
    ],
)
def test_each_defect_of_accounting_has_its_limit(
    defect: str, who: Callable[[], Process], bounds: Bounds | None, act: Act, right: object, wrong: object
) -> None:
    """With a limit that the right sum does not pass, and the wrong one does."""
    meant, listed, written = subjects(defect, who, bounds)

    assert act(meant) == right
    assert act(listed) == right
    assert act(written) == wrong


def test_a_host_of_32_bits_takes_4_gib_for_0() -> None:
    """D-G1-17: the list has the address and the IOMMU another; a size loses its upper half."""
    meant, _, written = subjects("D-G1-17", process_on_32_bits, NARROW)

    assert on_a_host_of_32_bits(meant) == (None, [(1 << 32, 1)], [(1 << 32, 1)], None, E.EINVAL)
    assert on_a_host_of_32_bits(written) == (None, [(0, 1)], [(1 << 32, 1)], E.EBUSY, None)
    assert (0x10_0000, 1) in written.entries()


def process_on_32_bits() -> Process:
    """Two pages of memory, at addresses of 32 bits."""
    made = Process("p0", may_lock=True)
    made.has(Range(0x5000, 0x6FFF), 0x7000_0000)
    return made


def test_an_unmap_of_nothing_can_fail_for_want_of_memory() -> None:
    """D-G1-07: it needs an entry more."""
    written = AsWritten(process(), DEFECTS["D-G1-07"])
    written.map(0, 2 * PAGE, V)
    written.memory.faults.fails_in = 1

    assert written.unmap(PAGE, 0) is Errno.ENOMEM
    assert written.entries() == [(0, 2)]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row[0] != "D-G1-30"])
def test_all_defects_together_show_each(name: str) -> None:
    """As the code did, which had them all: none hides another."""
    _, act, _, wrong = ROWS[name]

    assert act(AsWritten(process(), AS_WRITTEN)) == wrong


def test_all_defects_together_answer_with_a_number_that_is_no_errno() -> None:
    """D-G1-30 needs pages that D-G1-06 does not map: together they leave an entry of none, and answer -2^31."""
    left = [(TOP - (1 << 43), 0)]

    assert many_pages_unmapped(AsWritten(process(), AS_WRITTEN)) == (None, -(1 << 31), left, [])


def test_in_3_6_an_unmap_up_to_the_top_leaves_a_negative_entry_at_0() -> None:
    """The look-up finds the page below it, and the cut takes two pages of one."""
    written = AsWritten(process(), IN_3_6)
    written.map(TOP - 2 * PAGE, PAGE, V)

    assert written.unmap(TOP - 2 * PAGE, 2 * PAGE) is None
    assert (written.entries(), translated(written)) == ([(0, -1)], [])


def test_every_defect_has_a_row() -> None:
    """None is named without being shown."""
    assert {row[0] for row in ROWS.values()} | {"D-G1-10", "D-G1-11", "D-G1-17"} == set(DEFECTS)


@pytest.mark.parametrize(
    ("iova", "size", "vaddr", "flags", "length"),
    [
        (1, PAGE, V, Flags.NONE, 40),
        (0, PAGE + 1, V, Flags.NONE, 40),
        (0, PAGE, V + 1, Flags.NONE, 40),
        (0, 0, V, Flags.NONE, 40),
        (TOP - PAGE, 2 * PAGE, V, Flags.NONE, 40),
        (0, 2 * PAGE, TOP - PAGE, Flags.NONE, 40),
        (TOP, PAGE, V, Flags.NONE, 40),
        (0, PAGE, V, Flags.UNKNOWN, 40),
        (0, PAGE, V, Flags.NONE, 39),
    ],
)
def test_map_refuses(iova: int, size: int, vaddr: int, flags: Flags, length: int) -> None:
    """EINVAL, before anything is looked up."""
    for subject in (Rfc2011(process()), AsWritten(process(), MEANT)):
        subject.map(0, PAGE, V)
        assert subject.map(iova, size, vaddr, flags, length) is Errno.EINVAL
        assert subject.entries() == [(0, 1)]


def test_a_call_is_made_in_rounds_and_each_is_named_before_it_is_made() -> None:
    """A round for each run of pages, each entry that is cut and each two that join; and one more, in which a loop finds nothing left."""
    who = Process("p0", may_lock=True)
    for page, frame in ((0, 9), (1, 5), (2, 7)):
        who.has(Range(page * PAGE, (page + 1) * PAGE - 1), frame * PAGE)
    for subject in (Rfc2011(who), AsWritten(who, MEANT)):
        made = [one.step for one in subject.map_steps(0, 2 * PAGE, 0)]
        failed = [one.step for one in subject.map_steps(2 * PAGE, 2 * PAGE, 2 * PAGE)]
        joined = [one.step for one in subject.map_steps(2 * PAGE, PAGE, 2 * PAGE)]
        cut = list(subject.unmap_steps(PAGE, PAGE))
        released = [one.at for one in subject.release_steps()]

        assert made == ["pin", "pin", "pin", "record", "join"]
        assert failed == ["pin", "pin", "undo", "undo"]
        assert joined == ["pin", "pin", "record", "join", "join"]
        assert cut == [("cut", None), ("cut", None), ("unpin", PAGE), ("unpin", None)]
        assert released == [0, 2 * PAGE, None]
        assert (subject.entries(), translated(subject)) == ([], [])


def test_mappings_of_two_owners_stay_two() -> None:
    """Each holds its own pages."""
    space = Tracker()
    space.map(Mapping(Range(0, 0xFFF), 0, READ_WRITE, "p0"))
    other = Mapping(Range(0x1000, 0x1FFF), 0x1000, READ_WRITE, "p1")
    space.map(other)

    assert coalesce(space, other) == other
    assert [space.pages_held(owner) for owner in ("p0", "p1")] == [1, 1]


SMALL = Bounds(Width(4), Width(6), Shift(1))


def small() -> Process:
    """Memory behind 64 addresses."""
    made = Process("p0", 64, bounds=Bounds(Width(6), Width(8), Shift(1)))
    made.has(Range(0, 63), 128)
    return made


def requests() -> Iterator[tuple[int, int]]:
    """Every address and size of whole pages, of eight, and some that wrap or are none."""
    return product(range(0, 16, 2), (0, 2, 4, 6, 10, 14, 18))


def test_every_call_in_every_small_state_is_answered_as_the_page_table_has_it() -> None:
    """By tracker and by list, whose words are right as long as nothing wraps; after at most two maps, which join or not."""
    states: list[list[tuple[int, int, int]]] = [[]]
    for first, last in combinations_with_replacement(range(8), 2):
        one = (2 * first, 2 * (last - first + 1), 16)
        states += [[one, (2 * last + 2, 2, 16 + one[1])], [one, (2 * last + 2, 4, 40)] if first % 2 else [one]]
    for state in states:
        for iova, length in requests():
            compare(state, iova, length)


def compare(state: list[tuple[int, int, int]], iova: int, length: int) -> None:
    """Both answer an unmap alike and then translate what the page table does, with as few entries as can be."""
    tracker, table = Rfc2011(small(), SMALL), PageTable(SMALL)
    all_three: tuple[Subject, ...] = (tracker, *(AsWritten(small(), ways, SMALL) for ways in (MEANT, WRAPPING)))
    for request in state:
        answers = [subject.map(*request, Flags.WRITE) for subject in all_three]
        assert len(set(answers)) == 1
        if answers[0] is None:
            table.map(Mapping(Range(request[0], request[0] + request[1] - 1), request[2], READ_WRITE, "p0"))
    ends = [subject.unmap(iova, length) for subject in all_three]
    refused = length == 0 or iova + length > 16 or length > 15
    assert ends == [Errno.EINVAL if refused else None] * 3
    if not refused:
        assert not isinstance(table.unmap(Range(iova, iova + length - 1), splitting), Refusal)
    for subject in all_three:
        assert subject.entries() == runs(table)
        assert [led(subject, byte) for byte in range(16)] == [led_by(table, byte) for byte in range(16)]


def led(subject: Subject, byte: int) -> int | None:
    """Where a device ends up, as the address of the process that is behind."""
    found = subject.memory.table.at(byte)
    return None if found is None else found.target + (byte - found.range.first) - 128


def led_by(table: PageTable, byte: int) -> int | None:
    """The same, by the page table."""
    found = table.at(byte)
    return None if found is None else found.target + (byte - found.range.first)


def runs(table: PageTable) -> list[tuple[int, int]]:
    """What leads on without a break and permits the same, as one."""
    joined: list[tuple[int, int]] = []
    last: Mapping | None = None
    for one in table:
        if last is not None and last.range.last + 1 == one.range.first and leads_on(last, one):
            joined[-1] = joined[-1][0], joined[-1][1] + (one.range.last - one.range.first + 1) // 2
        else:
            joined.append((one.range.first, (one.range.last - one.range.first + 1) // 2))
        last = one
    return joined


def leads_on(low: Mapping, high: Mapping) -> bool:
    """The memory behind one goes on behind the other."""
    return low.target + (low.range.last - low.range.first + 1) == high.target and low.access == high.access


EDGES = (0, PAGE, 1 << 32, 1 << 63, TOP - PAGE, TOP)


def test_the_edges_at_full_width_are_as_their_numbers() -> None:
    """Every two ranges between edges of 64 bits, mapped to where they are, and every third unmapped, as five pages have it."""
    numbers = [Range(a, b) for a, b in combinations_with_replacement(range(5), 2) if (a, b) != (0, 4)]
    for a, b, request in product(numbers, numbers, numbers):
        who = Process("p0", may_lock=True)
        who.has(Range(0, TOP - 1), 0)
        subject, table = Rfc2011(who), PageTable(Bounds(Width(3), Width(3), Shift(0)))
        for r in (a, b):
            refusal = table.map(Mapping(r, r.first, READ_WRITE, "p0"))
            answer = subject.map(*wide(r), EDGES[r.first], Flags.WRITE)
            assert answer is (None if refusal is None else Errno.EBUSY)
        assert subject.unmap(*wide(request)) is None
        table.unmap(request, splitting)
        assert [subject.space.at(edge) is not None for edge in EDGES[:5]] == [table.at(n) is not None for n in range(5)]


def wide(numbers: Range) -> tuple[int, int]:
    """From one edge to before another, as address and size."""
    return EDGES[numbers.first], EDGES[numbers.last + 1] - EDGES[numbers.first]


class Walk(RuleBasedStateMachine):
    """Tracker, list and page table, called alike, whatever fails."""

    def __init__(self) -> None:
        super().__init__()
        self.both: tuple[Subject, ...] = ()
        self.table = PageTable(SMALL)

    @initialize(limit=st.integers(4, 8))
    def begin(self, limit: int) -> None:
        self.both = (Rfc2011(small(), SMALL), AsWritten(small(), MEANT, SMALL))
        self.table = PageTable(SMALL)
        for subject in self.both:
            subject.memory.process.limit = limit

    @rule(
        page=st.integers(0, 7),
        count=st.integers(1, 4),
        behind=st.integers(0, 28),
        flags=st.sampled_from([Flags.NONE, Flags.WRITE]),
    )
    def map(self, page: int, count: int, behind: int, flags: Flags) -> None:
        answers = [subject.map(2 * page, 2 * count, 2 * behind, flags) for subject in self.both]
        assert answers[0] is answers[1]
        if answers[0] is None:
            access = READ_WRITE if flags is Flags.WRITE else Access.READ
            assert self.table.map(Mapping(Range(2 * page, 2 * (page + count) - 1), 2 * behind, access, "p0")) is None
        elif answers[0] is Errno.EBUSY:
            assert self.table.overlapping(Range(2 * page, 2 * (page + count) - 1))

    @rule(page=st.integers(0, 7), count=st.integers(1, 4))
    def unmap(self, page: int, count: int) -> None:
        answers = [subject.unmap(2 * page, 2 * count) for subject in self.both]
        assert answers[0] is answers[1]
        if answers[0] is None:
            self.table.unmap(Range(2 * page, 2 * (page + count) - 1), splitting)

    @rule(step=st.integers(0, 3), page=st.integers(0, 7), behind=st.integers(0, 28))
    def fail(self, step: int, page: int, behind: int) -> None:
        taken = bool(self.table.overlapping(Range(2 * page, 2 * page + 1)))
        for subject in self.both:
            before = subject.entries(), tuple(subject.memory.table), subject.memory.process.locked
            subject.memory.faults.fails_in = step
            assert (subject.map(2 * page, 2, 2 * behind) is Errno.EBUSY) == taken
            subject.memory.faults.fails_in = None
            assert (subject.entries(), tuple(subject.memory.table), subject.memory.process.locked) == before

    @invariant()
    def all_hold_the_same(self) -> None:
        assert len({tuple(subject.entries()) for subject in self.both}) <= 1
        for subject in self.both:
            assert [led(subject, byte) for byte in range(16)] == [led_by(self.table, byte) for byte in range(16)]
            frames = {led_by(self.table, byte) for byte in range(0, 16, 2)} - {None}
            assert subject.memory.process.locked == len(frames) <= subject.memory.process.limit
            assert sum(count for _, count in subject.entries()) == sum(
                led_by(self.table, b) is not None for b in range(0, 16, 2)
            )


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=30, derandomize=True, database=None)
TestWalk = Walk.TestCase
