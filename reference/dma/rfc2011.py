"""MAP_DMA and UNMAP_DMA of the RFC of November 2011, as intended: an unmap splits, a map joins, and a failure changes nothing.

`rfc2011_as_written` has the code of the RFC, which differs.
"""

from __future__ import annotations

from enum import Flag

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.coalescing import coalesce_steps
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping, Refusal
from tenure.reference.dma.pages import is_aligned
from tenure.reference.dma.processes import READ_WRITE, Process
from tenure.reference.dma.ranges import Range
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.rfc2011_memory import Memory
from tenure.reference.dma.steps import Round, Rounds, finish
from tenure.reference.dma.tracker import Tracker
from tenure.reference.dma.widths import Malformed, from_size, top

LENGTH = 40
"""The size of the arguments' structure, which says it itself."""

RECORD, CUT = Round("record"), Round("cut")


class Flags(Flag):
    """WRITE lets devices write, which may always read; UNKNOWN is any other bit."""

    NONE = 0
    WRITE = 1
    UNKNOWN = 2


class Rfc2011:
    """The mappings of one metagroup, for the one process that owns it; None is success."""

    def __init__(self, process: Process, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.memory = Memory(process, self.bounds)
        self.space = Tracker(self.bounds)

    def map(self, iova: int, size: int, vaddr: int, flags: Flags = Flags.NONE, length: int = LENGTH) -> Errno | None:
        """MAP_DMA: lead devices to memory of the process; EBUSY where something is mapped."""
        return finish(self.map_steps(iova, size, vaddr, flags, length))

    def map_steps(
        self, iova: int, size: int, vaddr: int, flags: Flags = Flags.NONE, length: int = LENGTH
    ) -> Rounds[Errno | None]:
        """The same in rounds: run after run is pinned, and undone where one cannot be had; then the mapping joins its neighbours."""
        r = self._asked(iova, size)
        there = from_size(vaddr, size, self.bounds.target_width)
        if isinstance(r, Errno) or isinstance(there, Malformed) or not is_aligned(vaddr, self.bounds.shift):
            return Errno.EINVAL
        if Flags.UNKNOWN in flags or length < LENGTH:
            return Errno.EINVAL
        access = READ_WRITE if Flags.WRITE in flags else Access.READ
        mapping = Mapping(r, vaddr, access, self.memory.process.name)
        if self.space.refusal(mapping) is not None:
            return Errno.EBUSY
        try:
            self.memory.allocate(1)
        except FailedWith as failure:
            return failure.errno
        return (yield from self._make(mapping))

    def unmap(self, iova: int, size: int, length: int = LENGTH) -> Errno | None:
        """UNMAP_DMA: just these bytes, of whatever mappings; nothing there is no error."""
        return finish(self.unmap_steps(iova, size, length))

    def unmap_steps(self, iova: int, size: int, length: int = LENGTH) -> Rounds[Errno | None]:
        """The same in rounds: mapping after mapping is cut, then run after run led nowhere."""
        request = self._asked(iova, size)
        if isinstance(request, Errno) or length < LENGTH:
            return Errno.EINVAL
        cuts = [splitting(one.range, request) for one in self.space.overlapping(request)]
        more = sum(len(cut.kept) for cut in cuts) - len(cuts)
        try:
            if more > 0:
                self.memory.allocate(more)
            self.memory.copy_out(cuts)
        except FailedWith as failure:
            return failure.errno
        yield CUT
        for cut in cuts:
            if isinstance(self.space.unmap(cut.removed, splitting), Refusal):
                return Errno.EINVAL
            yield CUT
        yield from self.memory.unpins(cut.removed for cut in cuts)
        return None

    def release_steps(self) -> Rounds[None]:
        """The last file is closed: every mapping is forgotten, then run after run led nowhere."""
        self.space.unmap_all()
        yield from self.memory.unpins([Range(0, top(self.bounds.width))])

    def entries(self) -> list[tuple[int, int]]:
        """The first bytes of the mappings and their numbers of pages, in order."""
        return [(one.range.first, (one.range.last - one.range.first + 1) >> self.bounds.shift) for one in self.space]

    def _make(self, mapping: Mapping) -> Rounds[Errno | None]:
        """Pin, record, and join."""
        led: list[Mapping] = []
        try:
            yield from self.memory.pins(self.memory.pieces(mapping), led)
            yield RECORD
            self.memory.copy_out(mapping)
        except FailedWith as failure:
            yield from self.memory.undoes(led)
            return failure.errno
        self.space.map(mapping)
        yield from coalesce_steps(self.space, mapping)
        return None

    def _asked(self, iova: int, size: int) -> Range | Errno:
        """The range of the arguments, if they are of whole pages and none is missing."""
        r = from_size(iova, size, self.bounds.width)
        if isinstance(r, Malformed) or not (
            is_aligned(iova, self.bounds.shift) and is_aligned(size, self.bounds.shift)
        ):
            return Errno.EINVAL
        return r
