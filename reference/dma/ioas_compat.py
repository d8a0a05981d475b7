"""VFIO's type1 calls on an iommufd: the same calls over an IO address space, which splits areas for version 1."""

from __future__ import annotations

from enum import Flag

from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.ioas import Ioas, Unmapped
from tenure.reference.dma.ioas_pages import Area
from tenure.reference.dma.ioas_state import range_of
from tenure.reference.dma.mappings import Access
from tenure.reference.dma.pages import is_aligned
from tenure.reference.dma.processes import Process
from tenure.reference.dma.ranges import Range, split
from tenure.reference.dma.steps import finish
from tenure.reference.dma.widths import top


class Flags(Flag):
    """Of MAP_DMA READ and WRITE, of UNMAP_DMA ALL; UNKNOWN is any other bit, VADDR and the dirty bitmap's among them."""

    NONE = 0
    READ = 1
    WRITE = 2
    ALL = 16
    UNKNOWN = 32


class IoasCompat:
    """An iommufd in place of a container, with the IOAS that VFIO's calls mean; there may be none."""

    def __init__(self, ioas: Ioas | None) -> None:
        self.ioas = ioas

    def set_iommu(self, kind: int) -> Errno | None:
        """VFIO_SET_IOMMU: version 1 of the interface has everything in pages, so that areas can be cut."""
        if kind not in (1, 3):
            return Errno.EINVAL
        if self.ioas is None:
            return Errno.ENODEV
        return self.ioas.set_huge_pages(0) if kind == 1 else None

    def map_dma(
        self, process: Process, iova: int, vaddr: int, size: int, flags: Flags, argsz: int = 32
    ) -> Errno | None:
        """VFIO_IOMMU_MAP_DMA; that nothing may be done with it is not looked at here."""
        if argsz < 32 or flags not in Flags.READ | Flags.WRITE:
            return Errno.EINVAL
        if self.ioas is None:
            return Errno.ENODEV
        answer = finish(self.ioas.map_memory(process, (vaddr, size), Access(flags.value & 3), iova))
        return answer if isinstance(answer, Errno) else None

    def unmap_dma(self, iova: int, size: int, flags: Flags = Flags.NONE, argsz: int = 24) -> Unmapped | Errno:
        """VFIO_IOMMU_UNMAP_DMA: how many bytes went, which is said even if some did not; or an errno, and nothing was tried."""
        if argsz < 24 or flags not in Flags.ALL:
            return Errno.EINVAL
        if self.ioas is None:
            return Errno.ENODEV
        if Flags.ALL in flags:
            return Errno.EINVAL if iova or size else finish(self.ioas.unmap_range(self.ioas.kept.everything()))
        if not self.ioas.kept.has_large_pages:
            refusal = self._cut(iova, size)
            if refusal is not None:
                return refusal
        asked = range_of(iova, size, self.ioas.kept.bounds.width)
        if isinstance(asked, Errno):
            return Unmapped(asked, 0)
        done = finish(self.ioas.unmap_range(asked))
        return Unmapped(self.ioas.version.nothing_unmapped, 0) if done == Unmapped(None, 0) else done

    def _cut(self, iova: int, size: int) -> Errno | None:
        """Have an area end with the last byte of the request, and another with the byte before its first."""
        if self.ioas is None:
            return Errno.ENODEV
        words = 1 + top(self.ioas.kept.bounds.width)
        for last in ((iova + size - 1) % words, iova - 1)[: 2 if iova else 1]:
            area = self.ioas.kept.at(last)
            try:
                if area is not None:
                    self._split(self.ioas, area, last)
            except FailedWith as failure:
                return failure.errno
        return None

    def _split(self, ioas: Ioas, area: Area, last: int) -> None:
        """Make two of an area; where the byte is its first or its last nothing is done, right or wrong."""
        kept = ioas.kept
        if not area.is_finished or area.prevents_access:
            raise FailedWith(Errno.EBUSY)
        if last in (area.range.first, area.range.last):
            return
        if not is_aligned(last + 1, kept.alignment()):
            raise FailedWith(Errno.EINVAL)
        kept.faults.step(Errno.ENOMEM)
        if area.accesses:
            raise FailedWith(Errno.EINVAL)
        kept.remove(area)
        for r in split(area.range, last + 1):
            self._keep(ioas, area, r)
        if kept.domains:
            area.pages.drop(area.memory(area.range))

    def _keep(self, ioas: Ioas, area: Area, r: Range) -> None:
        """A part of an area that is being cut, an area of its own, of the same pages."""
        made = Area(r, area.pages, area.memory(r).first, area.access, is_finished=True)
        ioas.kept.insert(made)
        if ioas.kept.domains:
            made.pages.need(made.memory(r))
