"""Random walks over type1: it says what a page table says, and what is pinned, charged and translated adds up."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tenure.reference.dma import Access, Bounds, Mapping, PageTable, Range, Refusal, Shift, Width, covering, usable
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.processes import RESERVED, Process
from tenure.reference.dma.type1 import REFUSED, Flags, Type1
from tenure.reference.dma.type1_state import Device, Group
from tenure.reference.dma.type1_unmap import from_its_start

BOUNDS = Bounds(Width(6), Width(7), Shift(1), entries=5)
EVERYTHING = Range(0, 63)
GROUPS = (
    Group("low", Range(0, 47)),
    Group("holed", reserved=(Range(20, 23),)),
    Group("other", iommu="other"),
    Group("mdev", emulated=True),
)
PAGES = st.integers(0, 31)
COUNTS = st.integers(1, 6)
FLAGS = st.sampled_from([Flags.READ, Flags.READ | Flags.WRITE])


class Walk(RuleBasedStateMachine):
    """A container and a page table that are called alike; the rest is added up from what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Type1(bounds=BOUNDS)
        self.table = PageTable(BOUNDS)
        self.users: list[Process] = []
        self.told: list[Range] = []
        self.device = Device("d0", GROUPS[3], self.let_go)

    @initialize(limit=st.integers(2, 12), v2=st.booleans())
    def begin(self, limit: int, v2: bool) -> None:  # noqa: FBT001  # drawn
        self.made = Type1(v2=v2, bounds=BOUNDS)
        self.made.register_device(self.device)
        self.users = [Process(name, limit, bounds=Bounds(Width(7), Width(12), Shift(1))) for name in ("p0", "p1")]
        for who in self.users:
            who.has(Range(0, 31), 512)
            who.has(Range(32, 39), 32, Access.READ)
            who.has(Range(40, 47), 1024, kind=RESERVED)
            who.has(Range(48, 95), 256)

    def let_go(self, r: Range) -> None:
        assert self.made.container.at(r.first) is not None
        self.made.unpin_pages(r.first, (r.last - r.first + 1) // 2)

    @rule(who=st.integers(0, 1), page=PAGES, count=COUNTS, behind=st.integers(0, 48), flags=FLAGS)
    def map(self, who: int, page: int, count: int, behind: int, flags: Flags) -> None:
        answer = self.made.map_dma(self.users[who], 2 * page, 2 * behind, 2 * count, flags)
        if page + count > 32:
            assert answer is Errno.EOVERFLOW
            return
        mapping = Mapping(
            Range(2 * page, 2 * (page + count) - 1), 2 * behind, Access(flags.value), self.users[who].name
        )
        if answer in (Errno.EFAULT, Errno.ENOMEM):
            assert self.made.container.domains
            assert not self.is_within_limits(mapping)
            assert self.table.map(mapping) is None
            assert self.table.unmap(mapping.range, covering) == (mapping,)
            return
        refusal = self.table.map(mapping)
        assert answer is (None if refusal is None else REFUSED[refusal])
        assert refusal is not None or not self.made.container.domains or self.is_backed(mapping)

    def is_backed(self, mapping: Mapping) -> bool:
        """All of its memory is there, and may be written if it must be."""
        memory = self.users[0].memory
        there = [
            memory.at(byte)
            for byte in range(mapping.target, mapping.target + 1 + mapping.range.last - mapping.range.first)
        ]
        return all(one is not None and mapping.access in one.access for one in there)

    def is_within_limits(self, mapping: Mapping) -> bool:
        """It can be pinned, and paid for."""
        who = next(user for user in self.users if user.name == mapping.owner)
        numbers = range(mapping.target // 2, (mapping.target + 1 + mapping.range.last - mapping.range.first) // 2)
        cost = sum(not 20 <= page < 24 for page in numbers)
        return self.is_backed(mapping) and who.locked + cost <= who.limit

    @rule(page=PAGES, count=COUNTS)
    def unmap(self, page: int, count: int) -> None:
        answer = self.made.unmap_dma(2 * page, 2 * count)
        if page + count > 32:
            assert answer is Errno.EOVERFLOW
            return
        request = Range(2 * page, 2 * (page + count) - 1)
        gone = self.table.unmap(request, covering if self.made.container.v2 else from_its_start)
        if isinstance(gone, Refusal):
            assert answer == (Errno.EINVAL if self.made.container.v2 else 0)
        else:
            assert answer == sum(one.range.last - one.range.first + 1 for one in gone)

    @precondition(lambda self: len(self.table) > 3)
    @rule()
    def unmap_all(self) -> None:
        gone = self.table.unmap_all()
        assert self.made.unmap_dma(0, 0, Flags.ALL) == sum(one.range.last - one.range.first + 1 for one in gone)

    @precondition(lambda self: len(self.table) > 0)
    @rule(number=st.integers(0, 4), who=st.integers(0, 1))
    def renew(self, number: int, who: int) -> None:
        dma = [*self.made.container.dmas.values()][number % len(self.table)]
        length = dma.range.last - dma.range.first + 1
        answer = self.made.unmap_dma(dma.range.first, length, Flags.VADDR)
        if self.made.container.emulated:
            assert answer is Errno.EBUSY
            return
        assert answer == length
        assert self.made.attach(Group("late")) is Errno.EBUSY
        renewed = self.made.map_dma(self.users[who], dma.range.first, dma.vaddr, length, Flags.VADDR)
        assert renewed in (None, Errno.ENOMEM)
        if renewed is not None:
            assert self.made.map_dma(dma.process, dma.range.first, dma.vaddr, length, Flags.VADDR) is None

    @precondition(lambda self: bool(self.made.container.emulated))
    @rule(page=PAGES, count=COUNTS, again=st.booleans())
    def pin(self, page: int, count: int, again: bool) -> None:  # noqa: FBT001  # drawn
        answer = self.made.pin_pages(self.device, 2 * page, count, Access.READ)
        if isinstance(answer, tuple) and again:
            self.made.unpin_pages(2 * page, count)

    @rule(group=st.sampled_from(GROUPS))
    def attach_or_detach(self, group: Group) -> None:
        kept = self.made.container
        if group in kept.groups():
            if group.emulated:
                self.close_the_device()
            self.made.detach(group)
            if not any(True for _ in kept.groups()):
                for dma in kept.dmas.values():
                    assert not dma.pinned
                self.table.unmap_all()
        elif self.made.attach(group) is not None:
            return
        self.table.set_valid(valid(list(kept.groups())))

    def close_the_device(self) -> None:
        """A device gives back what it pinned before its group may go."""
        for dma in self.made.container.dmas.values():
            for page in tuple(dma.pinned.elements()):
                self.made.unpin_pages(2 * page, 1)

    @rule(step=st.integers(0, 5), page=PAGES, count=COUNTS)
    def fail_to_map(self, step: int, page: int, count: int) -> None:
        self.made.container.faults.fails_in = step
        answer = self.made.map_dma(self.users[0], 2 * page, 0, 2 * count, Flags.READ)
        self.made.container.faults.fails_in = None
        if answer is None:
            mapping = Mapping(Range(2 * page, 2 * (page + count) - 1), 0, Access.READ, "p0")
            assert self.table.map(mapping) is None

    @invariant()
    def the_same_is_mapped(self) -> None:
        kept = self.made.container
        assert [one.range for one in kept.space] == [one.range for one in self.table]
        assert sorted(kept.dmas) == [one.range.first for one in self.table]
        assert self.made.get_info().available == 5 - len(self.table)

    @invariant()
    def each_iommu_translates_what_is_mapped_and_nothing_else(self) -> None:
        kept = self.made.container
        for domain in kept.domains:
            for byte in range(64):
                dma, one = kept.at(byte), domain.table.at(byte)
                assert (one is None) == (dma is None)
                if dma is not None and one is not None:
                    assert one.target + (byte - one.range.first) == behind(
                        dma.process, dma.vaddr + byte - dma.range.first
                    )

    @invariant()
    def each_process_is_charged_for_what_is_its_own(self) -> None:
        kept = self.made.container
        for who in self.users:
            owed = sum(
                cost(who, dma.vaddr, dma.range, set(dma.pinned), bool(kept.domains))
                for dma in kept.dmas.values()
                if dma.process is who
            )
            assert who.locked == owed
            assert who.locked <= who.limit


def behind(who: Process, byte: int) -> int:
    """Where a byte of memory lies."""
    run = who.memory.at(byte)
    assert run is not None
    return run.target + (byte - run.range.first)


def cost(who: Process, vaddr: int, r: Range, pinned: set[int], translated: bool) -> int:  # noqa: FBT001  # a fact
    """Where an IOMMU translates, each page that has a `struct page`; elsewhere each page that a device has pinned."""
    numbers = range(r.first // 2, (r.last + 1) // 2)
    kinds = {page: who.memory.at(vaddr + 2 * page - r.first) for page in numbers}
    if not translated:
        return len(pinned)
    return sum(run is not None and run.owner != RESERVED for run in kinds.values())


def valid(groups: list[Group]) -> tuple[Range, ...]:
    """Where mappings may lie, of the four groups above."""
    low = any(group.name == "low" for group in groups)
    holed = any(group.name == "holed" for group in groups)
    return usable(Range(0, 47) if low else EVERYTHING, [Range(20, 23)] if holed else [])


Walk.TestCase.settings = settings(max_examples=100, stateful_step_count=30, derandomize=True, database=None)
TestWalk = Walk.TestCase
