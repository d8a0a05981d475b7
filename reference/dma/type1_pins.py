"""Devices with an emulated IOMMU, and others that say what they use: they pin pages by IOVA, and must let go when told."""

from __future__ import annotations

from enum import Enum

from tenure.reference.dma import type1_dirty
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping
from tenure.reference.dma.pages import bytes_of, page_count
from tenure.reference.dma.processes import RESERVED
from tenure.reference.dma.ranges import Range, across, intersection
from tenure.reference.dma.type1_state import Container, Device, Dma
from tenure.reference.dma.widths import Malformed, from_size, top


class Sleeps(Enum):
    """The call has not come back: nothing has changed, and it is made again when every address is valid."""

    UNTIL_VALID = "some address is invalid"


def pin(
    container: Container, device: Device, iova: int, count: int, access: Access
) -> tuple[int, ...] | Errno | Sleeps:
    """Keep pages where they are, and say where: their physical addresses; all of them or none."""
    if count <= 0:
        return Errno.EINVAL
    if not container.v2:
        return Errno.EACCES
    asked = from_size(iova, count << container.bounds.shift, container.bounds.width)
    if isinstance(asked, Malformed) and container.version.checks_pins:
        return Errno.EOVERFLOW
    if container.has_invalid():
        return Sleeps.UNTIL_VALID if container.version.sleeps else Errno.EBUSY
    if not container.devices:
        return Errno.EINVAL
    got = list[int]()
    for page in _numbers(container, iova, count):
        try:
            got.append(pin_page(container, page, access))
        except FailedWith as failure:
            unpin(container, iova, len(got))
            return failure.errno
    container.confined.add(device.group)
    return tuple(got)


def unpin(container: Container, iova: int, count: int) -> None:
    """Let go of pages, up to one where nothing is mapped; to what is not pinned nothing happens."""
    for page in _numbers(container, iova, count):
        dma = container.at(bytes_of(Range(page, page), container.bounds.shift).first)
        if dma is None:
            return
        if dma.pinned[page] > 1:
            dma.pinned[page] -= 1
        elif dma.pinned.pop(page, 0) and not container.domains:
            dma.discharge(1)


def _numbers(container: Container, iova: int, count: int) -> list[int]:
    """The numbers of so many pages; after the last page of the address space comes the first, where nobody has looked."""
    most = container.page(top(container.bounds.width))
    return [page & most for page in range(container.page(iova), container.page(iova) + count)]


def pin_page(container: Container, page: int, access: Access) -> int:
    """Pin one page more, or once more; it is charged only where nothing else has charged it."""
    here = bytes_of(Range(page, page), container.bounds.shift)
    dma = container.at(here.first)
    if dma is None:
        raise FailedWith(Errno.EINVAL)
    if access not in dma.access:
        raise FailedWith(Errno.EPERM)
    run = _behind(dma, here)
    if not dma.pinned[page]:
        container.faults.step(Errno.EFAULT)
        if not container.domains:
            dma.charge(page_count(here, container.bounds.shift))
    dma.pinned[page] += 1
    type1_dirty.marked(container, dma, here)
    return run.target


def _behind(dma: Dma, here: Range) -> Mapping:
    """The memory behind a page; there must be some, and a `struct page` for it."""
    if not dma.process.lives:
        raise FailedWith(Errno.ENODEV)
    target = across(dma.range, dma.vaddr, here.first)
    run = next(iter(dma.process.runs(Mapping(here, target, dma.access, dma.process.name))))
    if run.owner == RESERVED:
        raise FailedWith(Errno.EINVAL)
    return run


def read_or_write(container: Container, iova: int, count: int, access: Access) -> Errno | Sleeps | None:
    """Read or write memory on behalf of a device; what was done before an error stays done."""
    if container.has_invalid():
        return Sleeps.UNTIL_VALID if container.version.sleeps else Errno.EBUSY
    asked = from_size(iova, count, container.bounds.width)
    reached = iova
    while isinstance(asked, Range):
        dma = container.at(reached)
        here = None if dma is None else intersection(dma.range, asked)
        if dma is None or here is None:
            return Errno.EINVAL
        if access not in dma.access:
            return Errno.EPERM
        if not dma.process.lives:
            return Errno.EFAULT
        if access is Access.WRITE:
            type1_dirty.marked(container, dma, Range(reached, here.last))
        if here.last == asked.last:
            return None
        reached = here.last + 1
    return None if asked is Malformed.EMPTY else Errno.EINVAL
