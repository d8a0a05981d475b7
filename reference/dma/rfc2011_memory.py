"""What is behind the tracker of the RFC of November 2011: the IOMMU's page table, pinned memory, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.coalescing import together
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith, Faults
from tenure.reference.dma.mappings import Access, Mapping, part
from tenure.reference.dma.pages import page_count
from tenure.reference.dma.processes import RESERVED, Process
from tenure.reference.dma.ranges import Range, intersection, size
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.steps import Round, Rounds
from tenure.reference.dma.tracker import Tracker

Due = Callable[[Iterable[Mapping], Bounds], int]

PIN, UNDO, UNPIN = Round("pin"), Round("undo"), Round("unpin")


def each_page_once(pieces: Iterable[Mapping], bounds: Bounds) -> int:
    """What memory is pinned, however many IO addresses lead to it; reserved pages are none of it."""
    spans = (Range(p.target, p.target + (size(p.range) - 1)) for p in pieces if p.owner != RESERVED)
    return sum(page_count(span, bounds.shift) for span in together(spans))


def each_page_each_time(pieces: Iterable[Mapping], bounds: Bounds) -> int:
    """As many pages as IO addresses lead to: the same memory at two addresses counts twice."""
    return sum(page_count(p.range, bounds.shift) for p in pieces if p.owner != RESERVED)


@dataclass(slots=True)
class Memory:
    """What calls do behind the list of mappings: `table` is what devices see, `seen` what they ever could.

    A round is of a run of pages that lie side by side in memory: of each page by itself, where none do. `due` is the number of
    pages that a process is charged for; `for_write` has pages pinned as if they would be written.
    """

    process: Process
    bounds: Bounds
    due: Due = each_page_once
    for_write: bool = True
    faults: Faults = field(default_factory=Faults)
    table: Tracker = field(init=False)
    seen: set[Range] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.table = Tracker(Bounds(width=self.bounds.width, shift=self.bounds.shift))

    def allocate(self, records: int) -> None:
        del records
        self.faults.step(Errno.ENOMEM)

    def pieces(self, mapping: Mapping) -> Iterable[Mapping]:
        if self.for_write or mapping.access & Access.WRITE:
            self.process.own(Range(mapping.target, mapping.target + (size(mapping.range) - 1)))
        return self.process.runs(mapping)

    def pin(self, piece: Mapping) -> None:
        self.faults.step(Errno.EFAULT)
        if not self.process.may_lock and self.due([*self.table, piece], self.bounds) > self.process.limit:
            raise FailedWith(Errno.ENOMEM)

    def install(self, piece: Mapping) -> None:
        self.faults.step(Errno.EFAULT)
        if self.table.map(piece) is not None:
            raise FailedWith(Errno.EBUSY)
        self.seen.add(piece.range)
        self._charge()

    def copy_out(self, answer: object) -> None:
        del answer
        self.faults.step(Errno.EFAULT)

    def uninstall(self, piece: Mapping) -> None:
        self.table.unmap(piece.range, splitting)
        self._charge()

    def pins(self, pieces: Iterable[Mapping], led: list[Mapping]) -> Rounds[None]:
        """Pin and translate run after run, and remember in `led` what was; the last round finds nothing left."""
        ahead = iter(pieces)
        yield PIN
        while (piece := next(ahead, None)) is not None:
            self.pin(piece)
            self.install(piece)
            led.append(piece)
            yield PIN

    def undoes(self, led: list[Mapping]) -> Rounds[None]:
        """Give back run after run, the last one first; the last round finds nothing left."""
        yield UNDO
        while led:
            self.uninstall(led.pop())
            yield UNDO

    def unpins(self, ranges: Iterable[Range], seen: Callable[[Mapping], Mapping | None] | None = None) -> Rounds[None]:
        """Lead nowhere what is translated in these ranges, or the part of it that is `seen`; the last round finds nothing left."""
        for r in ranges:
            for found in self.table.overlapping(r):
                here = intersection(found.range, r)
                piece = None if here is None else part(found, here)
                if piece is not None and seen is not None:
                    piece = seen(piece)
                if piece is not None:
                    yield Round(UNPIN.step, piece.range.first)
                    self.uninstall(piece)
        yield UNPIN

    def _charge(self) -> None:
        self.process.locked = self.due(self.table, self.bounds)
