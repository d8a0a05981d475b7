"""What a type1 container keeps: mappings in the one tracker, and beside each what is no matter of ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tenure.reference.dma.bounds import Bounds, usable
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import Faults
from tenure.reference.dma.mappings import Access, Mapping
from tenure.reference.dma.pages import Shift, page_of, pages
from tenure.reference.dma.processes import RESERVED, Process, charged_pages
from tenure.reference.dma.ranges import Range, intersection, size
from tenure.reference.dma.tracker import Tracker
from tenure.reference.dma.type1_tree import Tree
from tenure.reference.dma.type1_versions import Version
from tenure.reference.dma.widths import top


@dataclass(slots=True, eq=False)
class Dma:
    """A mapping as type1 keeps it (vfio_dma): its range never changes; whose memory is behind it may."""

    range: Range
    access: Access
    vaddr: int
    process: Process
    may_lock: bool
    is_invalid: bool = False
    locked: int = 0
    runs: list[Mapping] = field(default_factory=list)
    pinned: Counter[int] = field(default_factory=Counter)
    dirty: set[int] = field(default_factory=set)

    def mapping(self) -> Mapping:
        """As the tracker is told of it."""
        return Mapping(self.range, self.vaddr, self.access, self.process.name)

    def charge(self, count: int) -> None:
        """Have the process that mapped it pay for so many pages; ENOMEM where it may not."""
        self.process.lock(count, exempt=self.may_lock)
        self.locked += count

    def discharge(self, count: int) -> None:
        """Give pages back to the process that mapped it, whoever asks."""
        self.process.unlock(count)
        self.locked -= count

    def owed(self, run: Mapping, shift: Shift) -> int:
        """How many pages of a run the IOMMU's use is to be charged for: those that no device has had charged."""
        if run.owner == RESERVED:
            return 0
        numbers = pages(run.range, shift)
        return charged_pages(run, shift) - sum(page in numbers for page in self.pinned)


@dataclass(frozen=True, slots=True)
class Group:
    """An IOMMU group as a container sees it: what its IOMMU can address, and what the IOMMU layer answers to attaching it.

    No aperture is all addresses. `reserved` are the regions that count; those that may be mapped over all the same (direct-relaxable) are left out.
    """

    name: str
    aperture: Range | None = None
    reserved: tuple[Range, ...] = ()
    emulated: bool = False
    iommu: str = "iommu"
    isolates_interrupts: bool = True
    refused: Errno | None = None


class Domain:
    """A page table of the IOMMU and the groups whose devices it translates for."""

    def __init__(self, iommu: str, bounds: Bounds) -> None:
        self.iommu = iommu
        self.groups: list[Group] = []
        self.table = Tracker(Bounds(width=bounds.width, shift=bounds.shift))


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A device that pins pages by itself; `dma_unmap` tells it of each range that it must let go of."""

    name: str
    group: Group
    dma_unmap: Callable[[Range], object]


class Container:
    """The data of type1 behind one container, for `type1.Type1` and its parts."""

    def __init__(self, version: Version, bounds: Bounds, *, v2: bool) -> None:
        self.version = version
        self.v2 = v2
        self.bounds = bounds
        self.space = Tracker(bounds)
        self.faults = Faults()
        self.dmas: dict[int, Dma] = {}
        self.hidden: list[Dma] = []
        self.tree: Tree[Dma] | None = None if version.sees_the_top else Tree(bounds.width)
        self.domains: list[Domain] = []
        self.emulated: list[Group] = []
        self.devices: list[Device] = []
        self.confined: set[Group] = set()
        self.tracks_dirty = False

    def groups(self) -> Iterator[Group]:
        """All that are attached."""
        for domain in self.domains:
            yield from domain.groups
        yield from self.emulated

    def every(self) -> Iterator[Dma]:
        """All mappings, those too that no look-up finds."""
        yield from self.dmas.values()
        yield from self.hidden

    def has_invalid(self) -> bool:
        """Some mapping has no valid address."""
        return any(dma.is_invalid for dma in self.every())

    def has_unconfined(self) -> bool:
        """Some group writes wherever its IOMMU lets it, and not only where it has pinned."""
        return any(group not in self.confined for domain in self.domains for group in domain.groups)

    def keep(self, dma: Dma, *, hidden: bool) -> None:
        """Have a record of a mapping: hidden, where the tracker holds none."""
        if hidden:
            self.hidden.append(dma)
        else:
            self.dmas[dma.range.first] = dma
        if self.tree is not None:
            self.tree.insert(dma)

    def forget(self, dma: Dma) -> None:
        """Have none."""
        if dma in self.hidden:
            self.hidden.remove(dma)
        else:
            del self.dmas[dma.range.first]
        if self.tree is not None:
            self.tree.remove(dma)

    def record(self, byte: int) -> Dma | None:
        """The mapping that the tracker holds at this byte."""
        found = self.space.at(byte)
        return None if found is None else self.dmas[found.range.first]

    def at(self, byte: int) -> Dma | None:
        """The mapping that the kernel finds at this byte."""
        return self.record(byte) if self.tree is None else self.tree.find(byte, 1)

    def is_taken(self, r: Range) -> bool:
        """The kernel finds something mapped there."""
        return bool(self.space.overlapping(r)) if self.tree is None else self.tree.find(r.first, size(r)) is not None

    def walked(self, request: Range | None) -> list[Dma]:
        """The mappings that an unmap of a range, or of everything, comes to, in order."""
        most = top(self.bounds.width)
        r = Range(0, most) if request is None else request
        if self.tree is None:
            return [self.dmas[one.range.first] for one in self.space.overlapping(r)]
        return self.tree.walk(r.first, most if request is None else size(r))

    def is_unending(self, r: Range) -> bool:
        """It ends at the top, before 7.2: a loop from its first byte to the one after its last makes no round."""
        return self.tree is not None and r.last == top(self.bounds.width)

    def page(self, byte: int) -> int:
        """The number of a byte's page."""
        return page_of(byte, self.bounds.shift)

    def reach(self, groups: Iterable[Group]) -> tuple[Range, ...]:
        """Where each of these groups can be led: within its aperture, and in no region reserved for any."""
        everything = Range(0, top(self.bounds.width))
        left: tuple[Range, ...] = (everything,)
        for group in groups:
            within = usable(group.aperture or everything, group.reserved)
            both = (intersection(a, b) for a in left for b in within)
            left = tuple(r for r in both if r is not None)
        return left
