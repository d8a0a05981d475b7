"""Memory behind an IO address space: objects that areas share, each pinned and charged once, whoever needs it how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.coalescing import together
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Access, Mapping
from tenure.reference.dma.pages import Shift, page_count
from tenure.reference.dma.processes import Process
from tenure.reference.dma.ranges import Range, across, size
from tenure.reference.dma.tracker import Tracker


@dataclass(slots=True, eq=False)
class User:
    """A uid, with what all its processes have locked (user_struct)."""

    locked: int = 0


class Mode(Enum):
    """Who is charged: nobody (CAP_IPC_LOCK), the user, or the address space."""

    NONE = auto()
    USER = auto()
    MM = auto()


@dataclass(slots=True, eq=False)
class Pages:
    """Memory of a process that areas lead to (iopt_pages); it lives as long as one does."""

    process: Process
    memory: Range
    writable: bool
    mode: Mode
    user: User
    shift: Shift
    needed: Counter[Range] = field(default_factory=Counter)
    charged: int = 0

    def need(self, span: Range) -> None:
        """Have a part of it pinned; EFAULT where there is none, ENOMEM where the charge passes the limit."""
        access = Access.WRITE if self.writable else Access.READ
        for _ in self.process.runs(Mapping(span, span.first, access, self.process.name)):
            pass
        self.needed[span] += 1
        try:
            self._charge()
        except FailedWith:
            self.drop(span)
            raise

    def drop(self, span: Range) -> None:
        """Need a part of it no more."""
        self.needed[span] -= 1
        self.needed += Counter()
        self._charge()

    def pinned(self) -> int:
        """How many pages are pinned, by whomever: each once."""
        return sum(page_count(r, self.shift) for r in together(self.needed))

    def _charge(self) -> None:
        """Charge what is pinned more than before, or give back what is pinned less."""
        more = self.pinned() - self.charged
        held = self.user.locked if self.mode is Mode.USER else self.process.locked
        if more > 0 and self.mode is not Mode.NONE and held + more > self.process.limit:
            raise FailedWith(Errno.ENOMEM)
        if self.mode is Mode.USER:
            self.user.locked += more
        elif self.mode is Mode.MM:
            self.process.locked += more
        self.process.pinned += more
        self.charged += more


@dataclass(slots=True, eq=False)
class Area:
    """A range of IO addresses that leads to a part of some pages (iopt_area); unfinished, until they can be found by it."""

    range: Range
    pages: Pages
    target: int
    access: Access
    is_finished: bool = False
    prevents_access: bool = False
    accesses: list[Range] = field(default_factory=list)

    def mapping(self) -> Mapping:
        """As the tracker has it."""
        return Mapping(self.range, self.target, self.access, self.pages.process.name)

    def memory(self, r: Range) -> Range:
        """Where a part of it leads."""
        first = across(self.range, self.target, r.first)
        return Range(first, first + (size(r) - 1))

    def runs(self) -> Iterator[Mapping]:
        """What is behind it, in runs that are physically contiguous."""
        return self.pages.process.runs(self.mapping())


class Domain:
    """A page table of an IOMMU, with where it cannot translate; the areas of the address space are filled into it."""

    def __init__(self, name: str, reserved: tuple[Range, ...] = (), bounds: Bounds | None = None) -> None:
        self.name = name
        self.reserved = reserved
        self.table = Tracker(bounds)


@dataclass(frozen=True, slots=True, eq=False)
class AccessUser:
    """A driver that reaches memory by IO address without an IOMMU; `unmap` tells it to let go of a range."""

    name: str
    unmap: Callable[[Range], object]
