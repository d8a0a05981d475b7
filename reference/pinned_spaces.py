"""An address space of type1 without IOMMU, for emulated IOMMU devices alone: it is the container of `reference/dma`, page by page."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Width
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.processes import Process
from tenure.reference.dma.type1 import Flags, Type1
from tenure.reference.dma.type1_pins import pin_page
from tenure.reference.dma.type1_state import Dma
from tenure.reference.dma.type1_unmap import is_bisecting, remove
from tenure.reference.locks import Lock
from tenure.reference.spaces import Payer, Space, SpaceState
from tenure.vocabulary.objects import DEVICE, PROCESS
from tenure.vocabulary.types import NONE

_WIDTH, _SHIFT = Width(16), Shift(0)
_EVERYWHERE = Range(0, (1 << _WIDTH) - 1)


class PinnedSpace(Space):
    """One address space whose pages drivers pin; a page is charged when the first of them does."""

    def __init__(self, configuration: Configuration, table: int) -> None:
        super().__init__(configuration, table)
        self.type1 = Type1(bounds=Bounds(width=_WIDTH, target_width=_WIDTH, shift=_SHIFT, entries=self.most))
        self.mappings = self.type1.container.space
        self.processes = [_process(configuration, index) for index in range(configuration.number(PROCESS))]
        self.names: dict[int, int] = {}
        """The name of each mapping, by its first address."""
        self.charged: dict[int, Payer] = {}
        self.lets_go = configuration.lets_go
        self.most_repeats = configuration.most_repeats[table]
        self.devices: list[int] = []
        """Those whose drivers are told of an unmap, in this order (device_list)."""
        self.list_lock = Lock()
        """device_list_lock."""
        self.pages: list[set[int]] = [set() for _ in range(configuration.number(DEVICE))]
        """The pages that each driver has, as it knows itself."""
        self.want_list = self.want_lock = 0
        """How many calls are about to take device_list_lock, with the lock; and how many the lock, with device_list_lock."""

    def is_entangled(self) -> bool:
        """One call has the lock and is about to take device_list_lock, and another one the other way round."""
        return self.want_list > 0 and self.want_lock > 0

    def place(self, name: int, r: Range, access: int, payer: Payer) -> Errno | None:
        """Make a mapping: nothing is pinned for it, and nothing charged (vfio_dma_do_map without a domain)."""
        answer = self.type1.map_dma(
            self.processes[payer.index], r.first, r.first, r.last - r.first + 1, Flags(access), argsz=32
        )
        if answer is None:
            self.names[r.first] = name
            self.payers[name] = self.charged[payer.index] = payer
            self.translate(r, name)
        return answer

    def concerned(self, r: Range | None) -> list[Dma]:
        """The mappings that an unmap of a range, or of everything, comes to, the lowest first."""
        return self.type1.container.walked(r)

    def is_cut_by(self, r: Range) -> bool:
        """An end of the range lies within a mapping."""
        return is_bisecting(self.type1.container, r)

    def is_pinned(self, dma: Dma) -> bool:
        """A page of the mapping is pinned (its pfn_list is not empty)."""
        return bool(dma.pinned)

    def drop(self, dma: Dma) -> None:
        """End a mapping of which no page is pinned (vfio_remove_dma)."""
        del self.payers[self.names.pop(dma.range.first)]
        self.translate(dma.range, NONE)
        self.unmapped += remove(self.type1.container, dma)

    def pin(self, device: int, page: int, access: int) -> None:
        """Pin a page for a driver; raises FailedWith where it cannot be."""
        pin_page(self.type1.container, page, Access(access))
        self.pages[device].add(page)
        self._charge()

    def unpin(self, device: int, page: int) -> None:
        """Let a page go that a driver has."""
        self.pages[device].remove(page)
        self.type1.unpin_pages(page, 1)
        self._charge()

    def pages_within(self, device: int, r: Range) -> list[int]:
        """The pages of a range that a driver has, the lowest first."""
        return sorted(page for page in self.pages[device] if page in r)

    def references(self, page: int) -> int:
        """How often a page is pinned (vfio_pfn.ref_count)."""
        dma = self.type1.container.at(page)
        return 0 if dma is None else dma.pinned[page]

    def named(self) -> dict[int, Mapping]:
        return {self.names[one.range.first]: one for one in self.mappings}

    def pages_of(self, name: int) -> int:
        dma = self.type1.container.at(self.named()[name].range.first)
        return 0 if dma is None else dma.locked

    def locks(self) -> tuple[Lock, ...]:
        return self.lock, self.list_lock

    def state(self) -> SpaceState:
        pins = tuple((device, tuple(sorted(self.pages[device]))) for device in self.devices)
        return (*super().state()[:-2], pins, ())

    def become(self, state: SpaceState, payers: list[Payer]) -> None:
        told, translated, groups, _, _, pins, _ = state
        self._forget()
        self.groups = set(groups)
        for name, first, last, access, payer in told:
            self.place(name, Range(first, last), access, payers[payer])
        self.translated = list(translated)
        for device, pages in pins:
            self.devices.append(device)
            for page in pages:
                self.pin(device, page, 0)
        self.charged = {payer.index: payer for payer in payers}
        self._charge()

    def _forget(self) -> None:
        """Be as at the start."""
        for dma in self.concerned(None):
            dma.pinned.clear()
            remove(self.type1.container, dma)
        for process in self.processes:
            process.locked = 0
        self.payers, self.names, self.devices = {}, {}, []
        for pages in self.pages:
            pages.clear()
        self.unmapped = self.want_list = self.want_lock = 0

    def _charge(self) -> None:
        """Whoever has ever mapped something is charged what that process has locked."""
        for payer in self.charged.values():
            payer.locked = self.processes[payer.index].locked


def _process(configuration: Configuration, index: int) -> Process:
    """A process with memory wherever it says that it has some."""
    bounds = Bounds(width=_WIDTH, target_width=_WIDTH, shift=_SHIFT)
    limit, may_lock = configuration.page_limit[index], configuration.may_exceed[index]
    made = Process(f"p{index}", limit, may_lock=may_lock, bounds=bounds)
    made.has(_EVERYWHERE, 0)
    return made
