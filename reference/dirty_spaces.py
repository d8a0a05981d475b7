"""An address space of type1 that tracks dirty pages: it is the container of `reference/dma` with its IOMMUs, page by page."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Width, type1_dirty
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.processes import Process
from tenure.reference.dma.type1 import Flags, Tracking, Type1
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_memory import Memory
from tenure.reference.dma.type1_state import Container, Device, Dma, Group
from tenure.reference.dma.type1_unmap import is_bisecting, remove
from tenure.reference.spaces import DirtyState, Payer, Space, SpaceState
from tenure.vocabulary.objects import GROUP, PROCESS
from tenure.vocabulary.types import NONE

_WIDTH, _SHIFT = Width(16), Shift(0)
_BOUNDS = Bounds(width=_WIDTH, target_width=_WIDTH, shift=_SHIFT)
_EVERYWHERE = Range(0, (1 << _WIDTH) - 1)


class ScarceMemory(Memory):
    """There is memory to keep dirty bits of so many mappings."""

    def __init__(self, container: Container, most: int) -> None:
        super().__init__(container)
        self.most = most

    def have_bitmap(self, dma: Dma) -> None:
        """Fail with ENOMEM where as many have bitmaps as can have."""
        super().have_bitmap(dma)
        before = takewhile(lambda one: one is not dma, self.container.every())
        if sum(1 for _ in before) >= self.most:
            raise FailedWith(Errno.ENOMEM)


class DirtySpace(Space):
    """One address space whose dirty pages are told; behind each group is the same IOMMU, which translates every address."""

    def __init__(self, configuration: Configuration, table: int, processes: list[Process]) -> None:
        super().__init__(configuration, table)
        self.processes = processes
        self.type1 = Type1(bounds=replace(_BOUNDS, entries=self.most))
        self.type1.memory = ScarceMemory(self.container, configuration.bitmap_limit[table])
        self.mappings = self.container.space
        self.mappings.effects = self.type1.memory
        self.of_type1 = [Group(f"g{index}") for index in range(configuration.number(GROUP))]
        self.drivers = [Device(group.name, group, lambda _: None) for group in self.of_type1]
        self.names: dict[int, int] = {}
        """The name of each mapping, by its first address."""
        self.kept: list[set[int]] = [set() for _ in self.of_type1]
        """The pages that each group's driver has, as it knows itself."""
        self.told: set[int] = set()
        """The pages that are dirty by what the caller got last."""
        self.unsaved: set[int] = set()
        """The pages that were written for a device, and not told since, while dirty pages are tracked."""

    @property
    def container(self) -> Container:
        """What `reference/dma` keeps of it."""
        return self.type1.container

    def place(self, name: int, r: Range, access: int, payer: Payer) -> Errno | None:
        """Make a mapping, with its bitmap where dirty pages are tracked (vfio_dma_do_map)."""
        process = self.processes[payer.index]
        answer = self.type1.map_dma(process, r.first, r.first, r.last - r.first + 1, Flags(access), argsz=32)
        if answer is None:
            self.names[r.first] = name
            self.payers[name] = payer
            self.translate(r, name)
            payer.locked = process.locked
        return answer

    def concerned(self, r: Range | None) -> list[Dma]:
        """The mappings that an unmap of a range, or of everything, comes to, the lowest first."""
        return self.container.walked(r)

    def is_cut_by(self, r: Range) -> bool:
        """An end of the range lies within a mapping."""
        return is_bisecting(self.container, r)

    def report(self, dma: Dma, bitmap: Bitmap) -> None:
        """Tell which pages of a mapping are dirty (update_user_bitmap)."""
        type1_dirty.report(self.container, dma, bitmap)
        self.told = bitmap.dirty

    def drop(self, dma: Dma) -> None:
        """End a mapping, its bits with it (vfio_remove_dma)."""
        payer = self.payers.pop(self.names.pop(dma.range.first))
        self.translate(dma.range, NONE)
        self.unmapped += remove(self.container, dma)
        self.unsaved.difference_update(range(dma.range.first, dma.range.last + 1))
        payer.locked = self.processes[payer.index].locked

    def track(self, action: Tracking) -> Errno | None:
        """Start or stop to keep dirty bits, or neither."""
        answer = self.type1.dirty_pages(action)
        if not self.container.tracks_dirty:
            self.unsaved.clear()
        return answer

    def tell(self, iova: int, length: int, bitmap: Bitmap) -> Errno | None:
        """Hand out the bits of a range."""
        answer = self.type1.dirty_pages(Tracking.GET_BITMAP, iova, length, bitmap)
        if answer is None:
            self.told = bitmap.dirty
            self.unsaved.difference_update(page for page in range(iova, iova + length) if self.translated[page] != NONE)
        return answer

    def is_confined(self, group: int) -> bool:
        """The group's driver has pinned a page (pinned_page_dirty_scope)."""
        return self.of_type1[group] in self.container.confined

    def keep(self, group: int, page: int, access: int) -> Errno | None:
        """Pin a page for a group's driver."""
        answer = self.type1.pin_pages(self.drivers[group], page, 1, Access(access))
        if isinstance(answer, Errno):
            return answer
        self.kept[group].add(page)
        return None

    def let_go(self, group: int, page: int) -> None:
        """Unpin a page that the group's driver has."""
        self.kept[group].remove(page)
        self.type1.unpin_pages(page, 1)

    def write(self, page: int) -> Errno | None:
        """Write a page for a device, in the kernel."""
        answer = self.type1.dma_rw(page, 1, Access.WRITE)
        if answer is not None:
            return answer if isinstance(answer, Errno) else Errno.EBUSY
        self.was_written(page)
        return None

    def may_write(self, page: int) -> bool:
        """A device can write there."""
        dma = self.container.at(page)
        return dma is not None and Access.WRITE in dma.access

    def was_written(self, page: int) -> None:
        """A device has written there, or somebody for it; the user will have to copy the page again."""
        if self.container.tracks_dirty:
            self.unsaved.add(page)

    def attach(self, group: int) -> bool:
        if self.type1.attach(self.of_type1[group]) is not None:
            return False
        self.type1.register_device(self.drivers[group])
        self.groups.add(group)
        return True

    def detach(self, group: int) -> None:
        """Let a group go; with the last one goes type1, and what it tracks."""
        self.type1.detach(self.of_type1[group])
        if group in self.groups:
            self.groups.remove(group)
            self.container.devices.remove(self.drivers[group])
        if not self.groups:
            self.track(Tracking.STOP)

    def named(self) -> dict[int, Mapping]:
        return {self.names[one.range.first]: one for one in self.mappings}

    def state(self) -> SpaceState:
        kept = tuple((group, tuple(sorted(self.kept[group]))) for group in sorted(self.groups))
        dirty = sorted(page for dma in self.container.every() for page in dma.dirty)
        more: DirtyState = (
            self.container.tracks_dirty,
            tuple(dirty),
            tuple(sorted(self.told)),
            tuple(sorted(self.unsaved)),
            tuple(group for group in sorted(self.groups) if self.is_confined(group)),
        )
        return (*super().state()[:-2], kept, more)

    def become(self, state: SpaceState, payers: list[Payer]) -> None:
        told, translated, groups, _, _, kept, more = state
        self._forget()
        for group in groups:
            self.attach(group)
        for name, first, last, access, payer in told:
            self._replay(name, Range(first, last), access, payers[payer])
        self.translated = list(translated)
        for group, pages in kept:
            for page in pages:
                self.keep(group, page, 0)
        if more:
            self._remember(more)

    def _remember(self, state: DirtyState) -> None:
        """Have dirty pages as they were."""
        tracks, dirty, told, unsaved, confined = state
        self.container.tracks_dirty, self.told, self.unsaved = tracks, set(told), set(unsaved)
        self.container.confined = {self.of_type1[group] for group in confined}
        for dma in self.container.every():
            dma.dirty = {page for page in dirty if page in dma.range}

    def _replay(self, name: int, r: Range, access: int, payer: Payer) -> None:
        """Make a mapping that was made once, whatever its payer may lock: other address spaces may not be back yet."""
        process = self.processes[payer.index]
        may_lock, process.may_lock = process.may_lock, True
        self.place(name, r, access, payer)
        process.may_lock = may_lock

    def _forget(self) -> None:
        """Be as at the start."""
        self.container.tracks_dirty = False
        for group, pages in enumerate(self.kept):
            for page in tuple(pages):
                self.let_go(group, page)
        for dma in self.concerned(None):
            self.drop(dma)
        for group in tuple(self.groups):
            self.detach(group)
        self.told, self.unsaved, self.unmapped = set(), set(), 0


def dirty_spaces_of(configuration: Configuration, tables: range) -> list[Space]:
    """One for each table; a process that maps in several pays for all."""
    processes = [_process(configuration, index) for index in range(configuration.number(PROCESS))]
    return [DirtySpace(configuration, table, processes) for table in tables]


def _process(configuration: Configuration, index: int) -> Process:
    """A process with memory wherever it says that it has some."""
    made = Process(
        f"p{index}", configuration.page_limit[index], may_lock=configuration.may_exceed[index], bounds=_BOUNDS
    )
    made.has(_EVERYWHERE, 0)
    return made
