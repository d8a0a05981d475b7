"""Processes as DMA sees them: memory behind addresses, what of it is locked, and how much may be."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping, part
from tenure.reference.dma.pages import Shift, page_count
from tenure.reference.dma.ranges import Range, across, intersection, size
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.tracker import Tracker

RAM = "ram"
RESERVED = "reserved"
SHARED = "shared"
"""What memory is, in the place of an owner: reserved pages have no `struct page` and are never charged; shared ones are
copied when they are written."""

OWN_COPIES = 1 << 48
"""Where copies of shared pages are put."""

READ_WRITE = Access.READ | Access.WRITE


class Process:
    """A task with an address space (mm) of its own; `limit` is RLIMIT_MEMLOCK in pages, `may_lock` is CAP_IPC_LOCK."""

    def __init__(self, name: str, limit: int = 0, *, may_lock: bool = False, bounds: Bounds | None = None) -> None:
        self.name = name
        self.limit = limit
        self.may_lock = may_lock
        self.lives = True
        self.locked = 0
        self.pinned = 0
        self.memory = Tracker(bounds)

    def has(self, r: Range, physical: int, access: Access = READ_WRITE, kind: str = RAM) -> None:
        """Let memory lie behind these addresses."""
        refusal = self.memory.map(Mapping(r, physical, access, kind))
        if refusal is not None:
            raise ValueError(f"there can be no memory at {r}: {refusal.value}")

    def runs(self, mapping: Mapping) -> Iterator[Mapping]:
        """What is behind a mapping of this memory, in runs that are physically contiguous; EFAULT where nothing is."""
        asked = Range(mapping.target, across(mapping.range, mapping.target, mapping.range.last))
        reached = asked.first
        for found in self.memory.overlapping(asked):
            here = intersection(found.range, asked)
            if here is None or here.first != reached:
                break
            if mapping.access & Access.WRITE and not found.access & Access.WRITE:
                break
            yield Mapping(carried(mapping, here), part(found, here).target, mapping.access, found.owner)
            if here.last == asked.last:
                return
            reached = here.last + 1
        raise FailedWith(Errno.EFAULT)

    def own(self, r: Range) -> None:
        """Write there: each page that was shared becomes a copy of the process's own, somewhere else."""
        for mapping in self.memory.overlapping(r):
            here = intersection(mapping.range, r)
            if here is not None and mapping.owner == SHARED:
                self.memory.unmap(here, splitting)
                self.has(here, OWN_COPIES + here.first)

    def lock(self, pages: int, *, exempt: bool = False) -> None:
        """Count pages as locked; ENOMEM beyond the limit, for who is not exempt."""
        if pages > 0 and not exempt and self.locked + pages > self.limit:
            raise FailedWith(Errno.ENOMEM)
        self.locked += pages

    def unlock(self, pages: int) -> None:
        """Count pages as locked no more; an address space that is gone counts nothing."""
        if self.lives:
            self.locked -= pages


def carried(mapping: Mapping, there: Range) -> Range:
    """The IO addresses that lead to a part of what is behind a mapping."""
    first = mapping.range.first + (there.first - mapping.target)
    return Range(first, first + (size(there) - 1))


def charged_pages(piece: Mapping, shift: Shift) -> int:
    """How many pages of a run count as locked."""
    return 0 if piece.owner == RESERVED else page_count(piece.range, shift)
