"""VFIO's type1 IOMMU driver, both versions of its interface: its calls, over the one tracker.

Neither ever splits a mapping. Version 2 refuses to bisect one; version 1 stops where one begins below the request, and
removes whole what begins inside. Source: drivers/vfio/vfio_iommu_type1.c of 6.1, 6.12 and 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Flag
from typing import NamedTuple, ParamSpec, TypeVar

from tenure.reference.dma import type1_dirty, type1_groups, type1_pins
from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.effects import take
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Refusal
from tenure.reference.dma.pages import is_aligned
from tenure.reference.dma.processes import Process
from tenure.reference.dma.ranges import Range, covers
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_memory import Memory
from tenure.reference.dma.type1_pins import Sleeps
from tenure.reference.dma.type1_state import Container, Device, Dma, Group
from tenure.reference.dma.type1_unmap import unmap
from tenure.reference.dma.type1_versions import V7_2, Version
from tenure.reference.dma.widths import Malformed, from_size

ENTRIES = 65535
"""How many mappings a container may have, where nobody says otherwise (dma_entry_limit)."""

REFUSED = {Refusal.OCCUPIED: Errno.EEXIST, Refusal.FULL: Errno.ENOSPC, Refusal.OUTSIDE: Errno.EINVAL}
"""What the tracker's reasons are called here; it looks for them in this order."""

P = ParamSpec("P")
R = TypeVar("R")


class Flags(Flag):
    """Of MAP_DMA the first three, of UNMAP_DMA the others and VADDR; UNKNOWN is any other bit."""

    NONE = 0
    READ = 1
    WRITE = 2
    VADDR = 4
    DIRTY = 8
    ALL = 16
    UNKNOWN = 32


FOR_MAP = Flags.READ | Flags.WRITE | Flags.VADDR
FOR_UNMAP = Flags.DIRTY | Flags.ALL | Flags.VADDR


class Tracking(Flag):
    """What DIRTY_PAGES is asked to do; UNKNOWN is any other bit."""

    NONE = 0
    START = 1
    STOP = 2
    GET_BITMAP = 4
    UNKNOWN = 8


class Info(NamedTuple):
    """What GET_INFO says: the page's size, how many mappings may still be made, and where; nowhere named is everywhere."""

    page_size: int
    available: int
    valid: tuple[Range, ...]


class Type1:
    """A container whose IOMMU driver is type1. A call answers with a value, None where it has none, or an errno."""

    def __init__(self, version: Version = V7_2, *, v2: bool = True, bounds: Bounds | None = None) -> None:
        chosen = bounds or Bounds()
        limited = chosen if chosen.entries is not None else replace(chosen, entries=ENTRIES)
        self.container = Container(version, limited, v2=v2)
        self.memory = Memory(self.container)
        self.container.space.effects = self.memory
        self.allows_unsafe_interrupts = False

    def map_dma(
        self, process: Process, iova: int, vaddr: int, size: int, flags: Flags, argsz: int = 32
    ) -> Errno | None:
        """VFIO_IOMMU_MAP_DMA: lead a range of IO addresses to memory of the caller."""
        return answered(self._map, process, (iova, vaddr, size), flags, argsz)

    def unmap_dma(
        self, iova: int, size: int, flags: Flags = Flags.NONE, bitmap: Bitmap | None = None, argsz: int = 48
    ) -> int | Errno:
        """VFIO_IOMMU_UNMAP_DMA: unmap what lies in a range, or mark its addresses invalid; how many bytes that were."""
        return answered(self._unmap, (iova, size), flags, bitmap, argsz)

    def dirty_pages(
        self, action: Tracking, iova: int = 0, size: int = 0, bitmap: Bitmap | None = None, argsz: int = 48
    ) -> Errno | None:
        """VFIO_IOMMU_DIRTY_PAGES: keep dirty bits, keep none, or hand out those of a range."""
        return answered(self._dirty_pages, action, (iova, size), bitmap, argsz) if self.container.v2 else Errno.EACCES

    def pin_pages(self, device: Device, iova: int, count: int, access: Access) -> tuple[int, ...] | Errno | Sleeps:
        """vfio_pin_pages: where the pages behind a range are, and will stay."""
        return type1_pins.pin(self.container, device, iova, count, access)

    def unpin_pages(self, iova: int, count: int) -> None:
        """vfio_unpin_pages: the pages may go."""
        type1_pins.unpin(self.container, iova, count)

    def dma_rw(self, iova: int, count: int, access: Access) -> Errno | Sleeps | None:
        """vfio_dma_rw: read or write behind a range, once."""
        return type1_pins.read_or_write(self.container, iova, count, access)

    def register_device(self, device: Device) -> None:
        """Have a device told of what is unmapped."""
        self.container.devices.append(device)

    def attach(self, group: Group) -> Errno | None:
        """SET_IOMMU, or SET_CONTAINER after it: a group comes."""
        unsafe = self.allows_unsafe_interrupts
        return answered(lambda: type1_groups.attach(self.container, self.memory, group, unsafe_interrupts=unsafe))

    def detach(self, group: Group) -> None:
        """UNSET_CONTAINER, or a close: a group goes."""
        type1_groups.detach(self.container, self.memory, group)

    def get_info(self) -> Info:
        """VFIO_IOMMU_GET_INFO."""
        limit = self.container.bounds.entries or 0
        valid = self.container.reach(self.container.groups()) if self.container.domains else ()
        return Info(1 << self.container.bounds.shift, limit - sum(1 for _ in self.container.every()), valid)

    def _dirty_pages(self, action: Tracking, asked: tuple[int, int], bitmap: Bitmap | None, argsz: int) -> Errno | None:
        """The tests of DIRTY_PAGES, in order: just one action."""
        self.container.faults.step(Errno.EFAULT)
        if argsz < 8 or action not in (Tracking.START, Tracking.STOP, Tracking.GET_BITMAP):
            return Errno.EINVAL
        if action is Tracking.START:
            return type1_dirty.start(self.container, self.memory)
        if action is Tracking.STOP:
            return type1_dirty.stop(self.container)
        return Errno.EINVAL if argsz < 48 or bitmap is None else type1_dirty.get(self.container, *asked, bitmap)

    def _map(self, process: Process, asked: tuple[int, int, int], flags: Flags, argsz: int) -> Errno | None:
        """The tests of MAP_DMA in the order of 7.2; before, those that 6.12 makes in another order have one errno."""
        container = self.container
        container.faults.step(Errno.EFAULT)
        if argsz < 32 or flags not in FOR_MAP:
            return Errno.EINVAL
        iova, vaddr, size = asked
        wanted = from_size(iova, size, container.bounds.width), from_size(vaddr, size, container.bounds.target_width)
        if Malformed.TOO_WIDE in wanted:
            return container.version.wraps
        r, memory = wanted
        if isinstance(r, Malformed) or isinstance(memory, Malformed):
            return Errno.EINVAL if size == 0 else container.version.wraps
        access = Access(flags.value & 3)
        if bool(access) == (Flags.VADDR in flags):
            return Errno.EINVAL
        if not all(is_aligned(value, container.bounds.shift) for value in asked):
            return Errno.EINVAL
        if Flags.VADDR in flags:
            return self._renew(process, r, vaddr)
        return self._insert(Dma(r, access, vaddr, process, process.may_lock))

    def _renew(self, process: Process, r: Range, vaddr: int) -> Errno | None:
        """Give an invalid mapping its new address, which another process may have: it pays from now on."""
        if not self.container.is_taken(r):
            return Errno.ENOENT
        dma = self.container.at(r.first)
        if dma is None or not dma.is_invalid or dma.range != r:
            return Errno.EINVAL
        if dma.process is not process:
            process.lock(dma.locked, exempt=process.may_lock)
            dma.process.unlock(dma.locked)
            dma.process, dma.may_lock = process, process.may_lock
        dma.vaddr, dma.is_invalid = vaddr, False
        return None

    def _insert(self, dma: Dma) -> Errno | None:
        """Map it, whole or not at all."""
        container, r = self.container, dma.range
        hides = container.is_unending(r) or (container.tree is not None and bool(container.space.overlapping(r)))
        if container.is_taken(r):
            return Errno.EEXIST
        self.memory.upcoming = dma
        try:
            refusal = self._hide(dma) if hides else self._track(dma)
        finally:
            self.memory.upcoming = None
        if refusal is None:
            container.keep(dma, hidden=hides)
        return refusal

    def _track(self, dma: Dma) -> Errno | None:
        """Have the tracker hold it; what it does not hold counts, too."""
        if self.container.hidden and not self.get_info().available:
            return Errno.ENOSPC
        refusal = self.container.space.map(dma.mapping())
        return None if refusal is None else REFUSED[refusal]

    def _hide(self, dma: Dma) -> Errno | None:
        """Map, before 7.2, what is mapped already and not found, or will not be."""
        if not self.get_info().available:
            return Errno.ENOSPC
        if not any(covers(r, dma.range) for r in self.container.reach(self.container.groups())):
            return Errno.EINVAL
        take(self.memory, dma.mapping())
        return None

    def _unmap(self, asked: tuple[int, int], flags: Flags, bitmap: Bitmap | None, argsz: int) -> int | Errno:
        """The tests of UNMAP_DMA, in order; its answer is copied out when everything is done, and that may fail too."""
        container = self.container
        container.faults.step(Errno.EFAULT)
        refusal = self._unmap_refusal(asked, flags, bitmap, argsz)
        if refusal is not None:
            return refusal
        request = None if Flags.ALL in flags else from_size(*asked, container.bounds.width)
        if isinstance(request, Malformed):
            return container.version.wraps
        bitmap = bitmap if Flags.DIRTY in flags else None
        if bitmap is not None and not (container.tracks_dirty and bitmap.page_size == 1 << container.bounds.shift):
            return Errno.EINVAL
        removed = unmap(container, request, bitmap, invalidate=Flags.VADDR in flags)
        if not isinstance(removed, Errno):
            container.faults.step(Errno.EFAULT)
        return removed

    def _unmap_refusal(self, asked: tuple[int, int], flags: Flags, bitmap: Bitmap | None, argsz: int) -> Errno | None:
        """What is wrong with the arguments, before a range is made of them."""
        container, (iova, size) = self.container, asked
        if argsz < 24 or flags not in FOR_UNMAP or (Flags.DIRTY in flags and flags != Flags.DIRTY):
            return Errno.EINVAL
        if Flags.DIRTY in flags:
            if argsz < 48 or bitmap is None:
                return Errno.EINVAL
            container.faults.step(Errno.EFAULT)
            refusal = bitmap.check(size)
            if refusal is not None:
                return refusal
        if Flags.VADDR in flags and container.emulated:
            return Errno.EBUSY
        if from_size(iova, size, container.bounds.width) is Malformed.TOO_WIDE:
            return container.version.wraps
        if Flags.ALL in flags:
            return Errno.EINVAL if iova or size else None
        ends = (iova, size)
        return Errno.EINVAL if size == 0 or not all(is_aligned(end, container.bounds.shift) for end in ends) else None


def answered(call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R | Errno:
    """What a call answers: where a step of it fails, the errno of that step."""
    try:
        return call(*arguments, **named)
    except FailedWith as failure:
        return failure.errno
