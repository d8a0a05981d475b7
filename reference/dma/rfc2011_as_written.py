"""The list of mappings of the RFC of November 2011, as its code kept it: entries that may wrap, overlap, or be negative.

No tracker holds such entries, and that is the finding. With every way as meant it answers as `rfc2011` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.coalescing import JOIN
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping, part
from tenure.reference.dma.pages import is_aligned
from tenure.reference.dma.processes import READ_WRITE, Process
from tenure.reference.dma.ranges import Range, overlap, size, without
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.rfc2011 import CUT, LENGTH, RECORD, Flags
from tenure.reference.dma.rfc2011_memory import Memory
from tenure.reference.dma.rfc2011_ways import WORD, Ways, as_int, as_word
from tenure.reference.dma.steps import Rounds, finish
from tenure.reference.dma.widths import Malformed, from_size, top


@dataclass(slots=True, eq=False)
class Entry:
    """One entry of the list; `pages` is an int of the kernel's, which may be negative."""

    iova: int
    vaddr: int
    pages: int
    access: Access


class Taken(NamedTuple):
    """What goes of an entry, as first byte and number of pages, and what stays."""

    first: int
    pages: int
    kept: tuple[Entry, ...]


class AsWritten:
    """The calls of `Rfc2011`, in the ways that are given."""

    def __init__(self, process: Process, ways: Ways, bounds: Bounds | None = None) -> None:
        self.ways = ways
        self.bounds = bounds or Bounds()
        self.memory = Memory(process, self.bounds, ways.due, ways.for_write)
        self.list: list[Entry] = []

    def map(self, iova: int, size: int, vaddr: int, flags: Flags = Flags.NONE, length: int = LENGTH) -> Errno | None:
        """MAP_DMA."""
        return finish(self.map_steps(iova, size, vaddr, flags, length))

    def map_steps(
        self, iova: int, size: int, vaddr: int, flags: Flags = Flags.NONE, length: int = LENGTH
    ) -> Rounds[Errno | None]:
        """The same in rounds, as those of `Rfc2011`."""
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
        try:
            if not self.ways.records_last:
                self.memory.allocate(1)
        except FailedWith as failure:
            return failure.errno
        return (yield from self._make(entry))

    def unmap(self, iova: int, size: int, length: int = LENGTH) -> Errno | int | None:
        """UNMAP_DMA: the walk over the list; a negative result is told as it is, though it may be no errno."""
        return finish(self.unmap_steps(iova, size, length))

    def unmap_steps(self, iova: int, size: int, length: int = LENGTH) -> Rounds[Errno | int | None]:
        """The same in rounds: entry after entry is cut, then run after run led nowhere, from the first byte asked for on."""
        if not (is_aligned(iova, self.bounds.shift) and is_aligned(size, self.bounds.shift)):
            return Errno.EINVAL
        if self.ways.tests_arguments and length < LENGTH:
            return Errno.EINVAL
        if self.ways.tests_unmap_size and isinstance(from_size(iova, size, self.bounds.width), Malformed):
            return Errno.EINVAL
        found = [one for one in self.list if self._overlaps(self.ways.overlap, one, iova, size)]
        try:
            if not self.ways.copies_out_last:
                self.memory.copy_out(None)
            for one in found:
                if len(self._cut(iova, size, one).kept) > 1:
                    self.memory.allocate(1)
        except FailedWith as failure:
            return failure.errno
        result, gone = yield from self._walk(iova, size, found)
        yield from self.memory.unpins(sorted(gone, key=lambda r: as_word(r.first - iova)), self._seen)
        if result < 0:
            return Errno(-result) if any(-result == errno.value for errno in Errno) else result
        return self._copy_out_last()

    def release_steps(self) -> Rounds[None]:
        """The last file is closed: every entry is forgotten, then run after run led nowhere."""
        self.list.clear()
        yield from self.memory.unpins([Range(0, top(self.bounds.width))])

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

    def _make(self, entry: Entry) -> Rounds[Errno | None]:
        """Pin and translate, then record and coalesce; whatever fails before the end undoes the rest."""
        led: list[Mapping] = []
        try:
            yield from self.memory.pins(self._pieces(entry), led)
            yield RECORD
            if self.ways.records_last:
                self.memory.allocate(1)
            if not self.ways.copies_out_last:
                self.memory.copy_out(entry)
        except FailedWith as failure:
            yield from self.memory.undoes(led)
            return failure.errno
        self.list.insert(0, entry)
        yield from self._coalesce(entry)
        return self._copy_out_last()

    def _pieces(self, entry: Entry) -> Iterator[Mapping]:
        """The memory behind an entry, run after run."""
        vaddr = entry.vaddr
        for r in self._runs(entry.iova, entry.pages):
            yield from self.memory.pieces(Mapping(r, vaddr, entry.access, self.memory.process.name))
            vaddr += size(r)

    def _copy_out_last(self) -> Errno | None:
        """Hand the arguments back when all is done, which may fail, and undoes nothing."""
        if self.ways.copies_out_last:
            try:
                self.memory.copy_out(None)
            except FailedWith as failure:
                return failure.errno
        return None

    def _coalesce(self, entry: Entry) -> Rounds[None]:
        """Join with the entry that ends where this one begins, and with the one that begins where it ends; a round for each."""
        yield JOIN
        end = as_word(entry.iova + self._bytes(entry.pages))
        below = self._find(entry.iova - 1, entry) if entry.iova else None
        if below is not None and self._leads_on(below, entry):
            self.list.remove(entry)
            below.pages = self.ways.total(below.pages + entry.pages)
            entry = below
            yield JOIN
        above = self._find(end, entry) if end else None
        if above is None or not self._leads_on(entry, above):
            return
        self.list.remove(entry)
        above.iova, above.vaddr = entry.iova, entry.vaddr
        above.pages = self.ways.total(above.pages + entry.pages)
        yield JOIN

    def _leads_on(self, low: Entry, high: Entry) -> bool:
        """The memory behind one begins where that behind the other ends, and permits the same."""
        return (low.access, low.vaddr + self._bytes(low.pages)) == (high.access, high.vaddr)

    def _find(self, byte: int, besides: Entry) -> Entry | None:
        """The first other entry that holds a byte, by the look-up of coalescing."""
        others = (one for one in self.list if one is not besides)
        return next((one for one in others if self._overlaps(self.ways.neighbour, one, byte, 1)), None)

    def _walk(self, iova: int, length: int, found: list[Entry]) -> Rounds[tuple[int, list[Range]]]:
        """Cut entry after entry: the last result, or 0 where it is a number of pages; and what is to be led nowhere."""
        left, result = length >> self.bounds.shift, 0
        gone: list[Range] = []
        yield CUT
        for one in found:
            cut = self._cut(iova, length, one)
            at = self.list.index(one)
            self.list[at : at + 1] = cut.kept
            gone += self._runs(cut.first, self.ways.loop(cut.pages))
            result = cut.pages
            if result > 0 and self.ways.counts_bytes:
                left -= result << self.bounds.shift
            yield CUT
            if result < 0 or left == 0:
                break
        return min(result, 0), gone

    def _cut(self, iova: int, length: int, one: Entry) -> Taken:
        """What is asked for of an entry, and no more; what is left stays, in one part or two."""
        if self.ways.cuts_words:
            return self._cut_words(iova, length, one)
        whole, asked = Range(one.iova, one.iova + (self._bytes(one.pages) - 1)), Range(iova, iova + (length - 1))
        if not overlap(whole, asked):
            return Taken(iova, 0, (one,))
        gone = splitting(whole, asked)
        kept = (
            Entry(r.first, one.vaddr + (r.first - one.iova), size(r) >> self.bounds.shift, one.access)
            for r in gone.kept
        )
        return Taken(gone.removed.first, size(gone.removed) >> self.bounds.shift, tuple(kept))

    def _cut_words(self, iova: int, length: int, one: Entry) -> Taken:
        """The same in four cases that compare ends, computed in words; right, as long as no end wraps."""
        shift = self.bounds.shift
        end, asked_end = as_word(one.iova + self._bytes(one.pages)), as_word(iova + length)
        if iova <= one.iova and asked_end >= end:
            return Taken(one.iova, one.pages, ())
        if iova <= one.iova:
            count = as_int(as_word(asked_end - one.iova) >> shift)
            moved = as_word(one.iova + (count << shift)), as_word(one.vaddr + (count << shift))
            return Taken(one.iova, count, (Entry(*moved, one.pages - count, one.access),))
        if asked_end >= end:
            count = as_int(as_word(end - iova) >> shift)
            return Taken(iova, count, (replace(one, pages=one.pages - count),))
        low, middle = as_int(as_word(iova - one.iova) >> shift), as_int(length >> shift)
        above = as_word(one.vaddr + (low << shift) + length)
        high = Entry(asked_end, above, one.pages - middle - low, one.access)
        return Taken(iova, middle, (replace(one, pages=low), high))
