"""Groups of 2011, the metagroups that they point to, their devices, and the memory that processes have mapped."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.descriptions import described
from tenure.reference.device_info import DeviceInfo
from tenure.reference.groups import VFIO, Device
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import METAGROUP, PAGE
from tenure.vocabulary.types import NONE

IommuState = tuple[int, bool, bool, tuple[int, ...], int] | None
"""Whose memory, open, asked for by a MERGE, its groups, its open files; None: the name is unused."""
MetagroupState = tuple[
    tuple[IommuState, ...],
    tuple[tuple[int, int], ...],
    tuple[tuple[bool, int, int], ...],
    tuple[tuple[int, int, int, bool, int], ...],
    tuple[tuple[int, bool], ...],
]
"""Each metagroup; of each group its pointer and its open files; of each device whether it is there, its domain and its open
files; of each page its metagroup, its process, its payer, whether it is left, and who owes it; of each process its locked
pages, and whether it is gone."""


class Iommu:
    """struct vfio_iommu: the groups merged here, the domain while it is open, and the process whose memory that leads to."""

    __slots__ = ("asked", "dgate", "freed", "groups", "index", "is_open", "mm", "refcnt")

    def __init__(self, index: int) -> None:
        self.index = index
        self.groups: list[Group2011] = []
        self.is_open = False
        self.mm = NONE
        self.refcnt = 0
        """Open iommu files."""
        self.asked = False
        """What whoever merged knows: MERGE opened it, and no file of it was released since."""
        self.freed = False
        self.dgate = Lock()
        """Over the mappings."""

    def touch(self) -> Iommu:
        """Look into it; the kernel stops where there is nothing any more."""
        if self.freed:
            raise Oops(USE_AFTER_FREE)
        return self

    def devices(self) -> list[Device2011]:
        """Every device of every group."""
        return [device for group in self.groups for device in group.devices]

    def is_viable(self) -> bool:
        """vfio_iommu_viable: each device has its device_data."""
        return all(device.has_data() for device in self.devices())

    def is_in_use(self) -> bool:
        """Somebody has an iommu file or one of a device."""
        return self.refcnt > 0 or any(device.refcnt for device in self.devices())

    def open(self, process: int) -> None:
        """vfio_open_iommu: nothing happens where it is open."""
        if not self.is_open:
            self.is_open, self.mm = True, process
        for device in self.devices():
            device.attached = self


class Group2011:
    """struct vfio_group: any number of files of it may be open."""

    __slots__ = ("bus", "coherent", "devices", "index", "iommu", "refcnt")

    def __init__(self, index: int, bus: int, *, coherent: bool) -> None:
        self.index = index
        self.bus = bus
        self.coherent = coherent
        self.devices: list[Device2011] = []
        """Those that are plugged in."""
        self.iommu: Iommu | None = None
        self.refcnt = 0

    def metagroup(self) -> Iommu:
        """The metagroup of a group that is open."""
        if self.iommu is None:
            raise LookupError(f"g{self.index} has no metagroup")
        return self.iommu


class Device2011:
    """struct vfio_device: the bus driver's data is set while VFIO's driver has the device."""

    __slots__ = ("attached", "group", "info", "of", "refcnt")

    def __init__(self, of: Device, group: Group2011, info: DeviceInfo) -> None:
        self.of = of
        self.info = info
        self.group = group
        self.attached: Iommu | None = None
        self.refcnt = 0

    @property
    def index(self) -> int:
        """Its number."""
        return self.of.index

    def has_data(self) -> bool:
        """VFIO's driver has it."""
        return self.of.driver == VFIO

    def is_plugged(self) -> bool:
        """It is in its group's list."""
        return self in self.group.devices


class Page2011:
    """A page that an iommu file mapped: pinned for a process, counted for one, and a metagroup leads there."""

    __slots__ = ("being_mapped", "iommu", "left", "owed", "payer", "process")

    def __init__(self) -> None:
        self.iommu: Iommu | None = None
        self.process = NONE
        self.payer = NONE
        self.being_mapped = False
        """A MAP_DMA has it between its steps."""
        self.left = False
        """It is still paid for, and nobody reaches it: a work item is to give it back."""
        self.owed = NONE
        """Whom a work item is to charge for it (D-G1-14)."""

    def is_unknown(self) -> bool:
        """Nobody has pinned it, pays for it or is to."""
        return (self.process, self.payer, self.owed) == (NONE,) * 3 and not self.left and not self.being_mapped

    def unpin(self) -> None:
        """Devices are led there no more; its payer is another matter."""
        self.iommu, self.process = None, NONE


class Memory2011:
    """A process as far as its locked memory goes; once it is gone, nobody gets its name."""

    __slots__ = ("exited", "limit", "locked", "unlimited")

    def __init__(self, limit: int, *, unlimited: bool) -> None:
        self.limit = limit
        self.unlimited = unlimited
        self.locked = 0
        self.exited = False

    def is_full(self) -> bool:
        """One page more is beyond the limit; as locked_vm is unsigned, so is a number that went below nothing."""
        return not self.unlimited and (self.locked + 1) % 2**64 > self.limit


class Metagroups:
    """All that a machine of 2011 has; nothing, where a system is of another time."""

    def __init__(self, configuration: Configuration, variant: str | None, devices: list[Device]) -> None:
        self.variant = variant
        """The defect that the code has, or the proposal that it follows; empty as meant."""
        self.is_there = variant is not None
        here = zip(configuration.bus, configuration.coherent, strict=True) if self.is_there else ()
        self.groups = [Group2011(g, bus, coherent=flag) for g, (bus, flag) in enumerate(here)]
        told = configuration.descriptions
        self.devices = [
            Device2011(d, self.groups[d.group.index], described(told, d.index)) for d in devices if self.is_there
        ]
        for device in self.devices:
            device.group.devices.append(device)
        self.named: list[Iommu | None] = [None] * (configuration.number(METAGROUP) if self.is_there else 0)
        """What stands under each name now; a freed one is no longer here, whoever still points to it."""
        self.pages = [Page2011() for _ in range(configuration.number(PAGE))] if self.is_there else []
        limits = zip(configuration.page_limit, configuration.may_exceed, strict=True) if self.is_there else ()
        self.processes = [Memory2011(limit, unlimited=flag) for limit, flag in limits]
        self.sampled: list[Iommu] = []
        """Pointers that calls in flight looked up before they took the lock."""

    def is_as_written(self, variant: str) -> bool:
        """The code has this defect, or follows this proposal."""
        return self.variant == variant

    @property
    def are_from_outside(self) -> bool:
        """An administrator makes them, says what is in them, and ends them."""
        return self.variant == "metagroups-from-outside"

    def make(self, name: int) -> Iommu:
        """Allocate a metagroup."""
        made = self.named[name] = Iommu(name)
        return made

    def free(self, iommu: Iommu) -> None:
        """Free it, whoever may still point to it."""
        iommu.freed = True
        self.named[iommu.index] = None

    def is_unused(self, name: int) -> bool:
        """Nobody points to anything of this name."""
        known = [group.iommu for group in self.groups if group.iommu is not None]
        return self.named[name] is None and all(one.index != name for one in (*known, *self.sampled))

    def close(self, iommu: Iommu) -> None:
        """vfio_close_iommu: devices are detached, and nothing is mapped."""
        iommu.is_open = iommu.asked = False
        iommu.mm = NONE
        for device in self.devices:
            if device.attached is iommu:
                device.attached = None
        for page in self.pages:
            if page.iommu is iommu:
                page.unpin()
                page.left = True

    def try_dissolve(self, iommu: Iommu) -> None:
        """vfio_try_dissolve: with the last iommu and device file it is closed, with the last group file it goes, if no administrator made it."""
        iommu.asked = False
        if iommu.is_in_use():
            return
        self.close(iommu)
        if not self.are_from_outside and not any(group.refcnt for group in iommu.groups):
            for group in iommu.groups:
                group.iommu = None
            self.free(iommu)

    def move(self, group: Group2011, to: Iommu) -> None:
        """The group leaves its metagroup for another; who asks opens or closes what has to be."""
        group.metagroup().groups.remove(group)
        group.iommu = to
        to.groups.append(group)
        for device in group.devices:
            device.attached = to if to.is_open else None

    def state(self) -> MetagroupState:
        """What there is, as numbers; no call is in flight."""
        return (
            tuple([_iommu(one) for one in self.named]),
            tuple([(_pointer(group.iommu), group.refcnt) for group in self.groups]),
            tuple([(d.is_plugged(), _pointer(d.attached), d.refcnt) for d in self.devices]),
            tuple([(_pointer(page.iommu), page.process, page.payer, page.left, page.owed) for page in self.pages]),
            tuple([(process.locked, process.exited) for process in self.processes]),
        )

    def become(self, state: MetagroupState) -> None:
        """Go back to a state."""
        iommus, groups, devices, pages, processes = state
        self.sampled.clear()
        self.named = [None if one is None else Iommu(name) for name, one in enumerate(iommus)]
        for group, (pointer, files) in zip(self.groups, groups, strict=True):
            group.iommu, group.refcnt = self._at(pointer), files
            group.devices.clear()
        for device, (plugged, pointer, files) in zip(self.devices, devices, strict=True):
            device.attached, device.refcnt = self._at(pointer), files
            if plugged:
                device.group.devices.append(device)
        for page, (pointer, process, payer, left, owed) in zip(self.pages, pages, strict=True):
            page.iommu, page.process, page.payer, page.being_mapped = self._at(pointer), process, payer, False
            page.left, page.owed = left, owed
        for memory, (locked, exited) in zip(self.processes, processes, strict=True):
            memory.locked, memory.exited = locked, exited
        for iommu, one in zip(self.named, iommus, strict=True):
            if iommu is not None and one is not None:
                iommu.mm, iommu.is_open, iommu.asked, listed, iommu.refcnt = one
                iommu.groups = [self.groups[g] for g in listed]

    def _at(self, pointer: int) -> Iommu | None:
        """What a pointer points to: something freed keeps the name that it had."""
        if pointer == NONE:
            return None
        found = self.named[pointer] if pointer >= 0 else None
        if found is None:
            found = Iommu(-2 - pointer)
            found.freed = True
        return found


def _iommu(one: Iommu | None) -> IommuState:
    if one is None:
        return None
    return one.mm, one.is_open, one.asked, tuple(sorted(group.index for group in one.groups)), one.refcnt


def _pointer(iommu: Iommu | None) -> int:
    if iommu is None:
        return NONE
    return -2 - iommu.index if iommu.freed else iommu.index
