"""Drivers that reach into an IO address space without an IOMMU: they pin, and must let go when they are told."""

from __future__ import annotations

from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.ioas_pages import Area
from tenure.reference.dma.ioas_state import Areas, range_of
from tenure.reference.dma.mappings import Access
from tenure.reference.dma.ranges import Range, intersection


def pin(kept: Areas, iova: int, length: int, access: Access) -> Errno | None:
    """iommufd_access_pin_pages: a driver reaches in, until it is told to let go."""
    asked = range_of(iova, length, kept.bounds.width)
    if isinstance(asked, Errno):
        return asked
    areas = kept.contiguous(asked)
    if areas is None:
        return Errno.ENOENT
    if any(area.prevents_access for area in areas):
        return Errno.EINVAL
    if Access.WRITE in access and not all(area.pages.writable for area in areas):
        return Errno.EPERM
    return _reach_in(kept, areas, asked)


def unpin(kept: Areas, iova: int, length: int) -> None:
    """iommufd_access_unpin_pages, of a range that was pinned."""
    asked = range_of(iova, length, kept.bounds.width)
    if isinstance(asked, Errno):
        return
    for area in kept.overlapping(asked):
        here = intersection(area.range, asked)
        if here is not None and here in area.accesses:
            area.accesses.remove(here)
            area.pages.drop(area.memory(here))


def _reach_in(kept: Areas, areas: list[Area], asked: Range) -> Errno | None:
    """Pin the part of each area; all of them or none."""
    done: list[tuple[Area, Range]] = []
    for area in areas:
        here = intersection(area.range, asked)
        try:
            if here is not None:
                kept.faults.step(Errno.EFAULT)
                area.pages.need(area.memory(here))
                done.append((area, here))
        except FailedWith as failure:
            for one, there in done:
                one.pages.drop(one.memory(there))
            return failure.errno
    for area, here in done:
        area.accesses.append(here)
    return None
