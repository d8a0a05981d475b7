"""The list of mappings of the RFC of November 2011, as its code kept it: entries that may wrap, overlap, or be negative.

No tracker holds such entries, and that is the finding. With every way as meant it answers as `rfc2011` does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping, part
from tenure.reference.dma.pages import is_aligned
from tenure.reference.dma.processes import READ_WRITE, Process
from tenure.reference.dma.ranges import Range, intersection, size, without
from tenure.reference.dma.rfc2011 import LENGTH, Flags
from tenure.reference.dma.rfc2011_memory import Memory
from tenure.reference.dma.rfc2011_ways import WORD, Ways, as_int, as_word
from tenure.reference.dma.widths import Malformed, from_size


@dataclass(slots=True, eq=False)
class Entry:
    """One entry of the list; `pages` is an int of the kernel's, which may be negative."""

    iova: int
    vaddr: int
    pages: int
    access: Access


class AsWritten:
    """The calls of `Rfc2011`, in the ways that are given."""

    def __init__(self, process: Process, ways: Ways, bounds: Bounds | None = None) -> None:
        self.ways = ways
        self.bounds = bounds or Bounds()
        self.memory = Memory(process, self.bounds, ways.due, ways.for_write)
        self.list: list[Entry] = []

    def map(self, iova: int, size: int, vaddr: int, flags: Flags = Flags.NONE, length: int = LENGTH) -> Errno | None:
        """MAP_DMA."""
        if self.ways.tests_arguments and (Flags.UNKNOWN in flags or length < LENGTH):
            return Errno.EINVAL
        if not all(is_aligned(value, self.bounds.shift) for value in (vaddr, iova, size)):
            return Errno.EINVAL
        access = READ_WRITE if Flags.WRITE in flags else Access.READ
        entry = Entry(iova, self._host(vaddr), self.ways.count(self._host(size) >> self.bounds.shift), access)
        if entry.pages == 0 or not self._fits(iova, size, vaddr):
            return Errno.EINVAL
        if any(self._overlaps(self.ways.overlap, one, iova, size) for one in self.list) or self._is_translated(entry):
            return Errno.EBUSY
        process = self.memory.process
        if self.ways.limits_all and not process.may_lock and as_word(process.locked + entry.pages) > process.limit:
            return Errno.ENOMEM
        return self._make(entry)

    def unmap(self, iova: int, size: int, length: int = LENGTH) -> Errno | int | None:
        """UNMAP_DMA: the walk over the list; a negative result is told as it is, though it may be no errno."""
        if not (is_aligned(iova, self.bounds.shift) and is_aligned(size, self.bounds.shift)):
            return Errno.EINVAL
        if self.ways.tests_arguments and length < LENGTH:
            return Errno.EINVAL
        if self.ways.tests_unmap_size and isinstance(from_size(iova, size, self.bounds.width), Malformed):
            return Errno.EINVAL
        try:
            result = self._walk(iova, size)
        except FailedWith as failure:
            return failure.errno
        if result < 0:
            return Errno(-result) if any(-result == errno.value for errno in Errno) else result
        return self._copy_out_last()

    def entries(self) -> list[tuple[int, int]]:
        """The first bytes of the entries and their numbers of pages, in order."""
        return sorted((one.iova, one.pages) for one in self.list)

    def _host(self, value: int) -> int:
        """What the host's words keep of a number."""
        return value if self.ways.host is None else self.ways.host(value)

    def _fits(self, iova: int, size: int, vaddr: int) -> bool:
        """Neither range wraps, nor needs more bits than there are; where anybody looks."""
        if not self.ways.tests_map_wraps or self.ways.host is not None:
            return True
        asked = from_size(iova, size, self.bounds.width), from_size(vaddr, size, self.bounds.target_width)
        return not any(isinstance(one, Malformed) for one in asked)

    def _bytes(self, pages: int) -> int:
        """How many bytes so many pages have, for a list that may say a negative number."""
        return as_word(pages << self.bounds.shift)

    def _overlaps(self, test: Callable[[int, int, int, int], bool], one: Entry, iova: int, length: int) -> bool:
        return test(one.iova, self._bytes(one.pages), iova, length)

    def _runs(self, iova: int, pages: int) -> list[Range]:
        """The ranges of so many pages, none if that is no number; what passes the top goes on at 0."""
        first, count = self._host(iova), pages << self.bounds.shift
        if count <= 0:
            return []
        if first + count <= WORD:
            return [Range(first, first + (count - 1))]
        return [Range(first, WORD - 1), Range(0, first + count - WORD - 1)]

    def _is_translated(self, entry: Entry) -> bool:
        """The IOMMU leads somewhere already, which is asked page by page."""
        found = [one for r in self._runs(entry.iova, entry.pages) for one in self.memory.table.overlapping(r)]
        return any(self._seen(one) is not None for one in found)

    def _seen(self, piece: Mapping) -> Mapping | None:
        """A piece of what is translated, without the page whose frame is 0, if that is taken for none."""
        page = Range(0, (1 << self.bounds.shift) - 1)
        if not self.ways.frame_0_is_none or piece.target > page.last:
            return piece
        rest = without(piece.range, Range(piece.range.first, piece.range.first + page.last))
        return part(piece, rest[0]) if rest else None

    def _make(self, entry: Entry) -> Errno | None:
        """Pin and translate, then coalesce; whatever fails before the end undoes the rest."""
        with ExitStack() as undo:
            try:
                if not self.ways.records_last:
                    self.memory.allocate(1)
                self._translate(entry, undo)
                if self.ways.records_last:
                    self.memory.allocate(1)
                if not self.ways.copies_out_last:
                    self.memory.copy_out(entry)
            except FailedWith as failure:
                return failure.errno
            undo.pop_all()
        self._coalesce(entry)
        return self._copy_out_last()

    def _translate(self, entry: Entry, undo: ExitStack) -> None:
        """Lead each page to its memory."""
        vaddr = entry.vaddr
        for r in self._runs(entry.iova, entry.pages):
            for piece in self.memory.pieces(Mapping(r, vaddr, entry.access, self.memory.process.name)):
                self.memory.pin(piece)
                self.memory.install(piece)
                undo.callback(self.memory.uninstall, piece)
            vaddr += size(r)

    def _copy_out_last(self) -> Errno | None:
        """Hand the arguments back when all is done, which may fail, and undoes nothing."""
        if self.ways.copies_out_last:
            try:
                self.memory.copy_out(None)
            except FailedWith as failure:
                return failure.errno
        return None

    def _coalesce(self, entry: Entry) -> None:
        """Join with the entry that ends where this one begins, and with the one that begins where it ends."""
        end = as_word(entry.iova + self._bytes(entry.pages))
        below = self._find(entry.iova - 1) if entry.iova else None
        if below is not None and self._leads_on(below, entry):
            below.pages = self.ways.total(below.pages + entry.pages)
            entry = below
        else:
            self.list.insert(0, entry)
        above = self._find(end) if end else None
        if above is None or not self._leads_on(entry, above):
            return
        self.list.remove(entry)
        above.iova, above.vaddr = entry.iova, entry.vaddr
        above.pages = self.ways.total(above.pages + entry.pages)

    def _leads_on(self, low: Entry, high: Entry) -> bool:
        """The memory behind one begins where that behind the other ends, and permits the same."""
        return (low.access, low.vaddr + self._bytes(low.pages)) == (high.access, high.vaddr)

    def _find(self, byte: int) -> Entry | None:
        """The first entry that holds a byte, by the look-up of coalescing."""
        return next((one for one in self.list if self._overlaps(self.ways.neighbour, one, byte, 1)), None)

    def _walk(self, iova: int, length: int) -> int:
        """Each entry that overlaps, in the order of the list; the last result, or 0 where it is a number of pages."""
        left, result = length >> self.bounds.shift, 0
        if not self.ways.copies_out_last:
            self.memory.copy_out(None)
        for one in tuple(self.list):
            if not self._overlaps(self.ways.overlap, one, iova, length):
                continue
            result = self._remove_words(iova, length, one) if self.ways.cuts_words else self._remove(iova, length, one)
            if result > 0 and self.ways.counts_bytes:
                left -= result << self.bounds.shift
            if result < 0 or left == 0:
                break
        return min(result, 0)

    def _remove(self, iova: int, length: int, one: Entry) -> int:
        """What is asked for of an entry, and no more; what is left stays, in one part or two."""
        whole = Range(one.iova, one.iova + (self._bytes(one.pages) - 1))
        asked = intersection(whole, Range(iova, iova + (length - 1)))
        kept = () if asked is None else without(whole, asked)
        if asked is None:
            return 0
        if len(kept) > 1:
            self.memory.allocate(1)
        self.list.remove(one)
        for r in kept:
            vaddr = one.vaddr + (r.first - one.iova)
            self.list.insert(0, Entry(r.first, vaddr, size(r) >> self.bounds.shift, one.access))
        return self._unmap_pages(asked.first, size(asked) >> self.bounds.shift)

    def _remove_words(self, iova: int, length: int, one: Entry) -> int:
        """The same in four cases that compare ends, computed in words; right, as long as no end wraps."""
        shift = self.bounds.shift
        end, asked_end = as_word(one.iova + self._bytes(one.pages)), as_word(iova + length)
        if iova <= one.iova and asked_end >= end:
            self.list.remove(one)
            return self._unmap_pages(one.iova, one.pages)
        if iova <= one.iova:
            return self._remove_low(one, as_int(as_word(asked_end - one.iova) >> shift))
        if asked_end >= end:
            count = as_int(as_word(end - iova) >> shift)
            one.pages -= count
            return self._unmap_pages(iova, count)
        low, middle = as_int(as_word(iova - one.iova) >> shift), as_int(length >> shift)
        high = Entry(asked_end, as_word(one.vaddr + (low << shift) + length), one.pages - middle - low, one.access)
        self.memory.allocate(1)
        one.pages = low
        self.list.insert(0, high)
        return self._unmap_pages(iova, middle)

    def _remove_low(self, one: Entry, count: int) -> int:
        """The first pages of an entry."""
        gone = one.iova
        one.iova = as_word(one.iova + (count << self.bounds.shift))
        one.vaddr = as_word(one.vaddr + (count << self.bounds.shift))
        one.pages -= count
        return self._unmap_pages(gone, count)

    def _unmap_pages(self, iova: int, count: int) -> int:
        """Have the IOMMU translate so many pages no more, as the loop over them counts."""
        for r in self._runs(iova, self.ways.loop(count)):
            for found in self.memory.table.overlapping(r):
                here = intersection(found.range, r)
                piece = None if here is None else self._seen(part(found, here))
                if piece is not None:
                    self.memory.uninstall(piece)
        return count
