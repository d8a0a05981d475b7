"""What an IO address space of iommufd keeps: areas in the one tracker, domains that they are filled into, and who reaches in."""

from __future__ import annotations

from contextlib import ExitStack

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith, Faults
from tenure.reference.dma.ioas_pages import AccessUser, Area, Domain
from tenure.reference.dma.pages import Shift, is_aligned, is_page_aligned
from tenure.reference.dma.ranges import Range, overlap
from tenure.reference.dma.removal import exact, splitting
from tenure.reference.dma.tracker import Tracker
from tenure.reference.dma.widths import Malformed, Width, from_size, top


class WouldWait(Exception):  # noqa: N818  # no error: the call sleeps
    """The call waits for another that fills or clears domains; nothing has changed."""


class Areas:
    """The areas of one IOAS, for `ioas.Ioas`; `fillers` are calls that keep domains from coming and going."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.space = Tracker(Bounds(bounds.width, bounds.target_width, Shift(0)))
        self.areas: dict[int, Area] = {}
        self.domains: list[Domain] = []
        self.users: list[AccessUser] = []
        self.allowed: tuple[Range, ...] = ()
        self.has_large_pages = True
        self.fillers = 0
        self.faults = Faults()

    def alignment(self) -> Shift:
        """What areas are multiples of: bytes, until an IOMMU or a wish for small pages says otherwise."""
        return Shift(0) if self.has_large_pages and not self.domains else self.bounds.shift

    def everything(self) -> Range:
        """All addresses."""
        return Range(0, top(self.bounds.width))

    def reserved(self) -> tuple[Range, ...]:
        """Where some domain cannot translate."""
        return tuple(r for domain in self.domains for r in domain.reserved)

    def overlapping(self, r: Range) -> list[Area]:
        """The areas that hold a byte of a range, in order."""
        return [self.areas[one.range.first] for one in self.space.overlapping(r)]

    def at(self, byte: int) -> Area | None:
        """The area that holds this byte."""
        found = self.space.at(byte)
        return None if found is None else self.areas[found.range.first]

    def contiguous(self, r: Range) -> list[Area] | None:
        """The finished areas that cover a range without a gap, in order."""
        areas, reached = self.overlapping(r), r.first
        for area in areas:
            if reached not in area.range or not area.is_finished:
                return None
            reached = area.range.last + 1
        return areas if reached > r.last else None

    def insert(self, area: Area) -> None:
        """Have an area found by its range, though not finished yet."""
        if self.space.map(area.mapping()) is not None:
            raise FailedWith(Errno.EEXIST)
        self.areas[area.range.first] = area

    def remove(self, area: Area) -> None:
        """Have it found no more."""
        self.space.unmap(area.range, exact)
        del self.areas[area.range.first]

    def fill(self, area: Area) -> None:
        """Pin what is behind an area and have each domain translate it; without a domain nothing is pinned or looked at."""
        with ExitStack() as undo:
            if self.domains:
                self.faults.step(Errno.EFAULT)
                area.pages.need(area.memory(area.range))
                undo.callback(area.pages.drop, area.memory(area.range))
            for domain in self.domains:
                undo.callback(domain.table.unmap, area.range, splitting)
                self.translate(domain, area)
            undo.pop_all()

    def translate(self, domain: Domain, area: Area) -> None:
        """Have one domain translate an area, run by run."""
        for run in area.runs():
            self.faults.step(Errno.ENOMEM)
            domain.table.map(run)

    def clear(self, area: Area) -> None:
        """Have no domain translate an area, and let its pages go."""
        for domain in self.domains:
            domain.table.unmap(area.range, splitting)
        if self.domains:
            area.pages.drop(area.memory(area.range))

    def attach(self, domain: Domain) -> None:
        """Fill a new domain with all that is finished; what is being built sees to it itself."""
        self._wait()
        if any(not _is_aligned(area, self.bounds.shift) for area in self.areas.values()):
            raise FailedWith(Errno.EADDRINUSE)
        taken = [*self.allowed, *(area.range for area in self.areas.values())]
        if any(overlap(r, hole) for r in taken for hole in domain.reserved):
            raise FailedWith(Errno.EADDRINUSE)
        with ExitStack() as undo:
            for area in self.areas.values():
                if area.is_finished:
                    self._replay(area, domain, undo)
            undo.pop_all()
        self.domains.append(domain)

    def _replay(self, area: Area, domain: Domain, undo: ExitStack) -> None:
        """Pin an area for the first domain, and for no other again."""
        undo.callback(domain.table.unmap, area.range, splitting)
        if not self.domains:
            self.faults.step(Errno.EFAULT)
            area.pages.need(area.memory(area.range))
            undo.callback(area.pages.drop, area.memory(area.range))
        self.translate(domain, area)

    def detach(self, domain: Domain) -> None:
        """Free a domain; with the last one go the pins that were made for it."""
        self._wait()
        if self.domains == [domain]:
            for area in self.areas.values():
                if area.is_finished:
                    self.clear(area)
        self.domains.remove(domain)

    def _wait(self) -> None:
        """Domains come and go while nobody fills or clears them."""
        if self.fillers:
            raise WouldWait


def _is_aligned(area: Area, shift: Shift) -> bool:
    """Whole pages that lead to whole pages."""
    return is_page_aligned(area.range, shift) and is_aligned(area.target, shift)


def range_of(iova: int, length: int, width: Width) -> Range | Errno:
    """The range of an address and a length: EINVAL where it has no byte, EOVERFLOW where it passes the top."""
    asked = from_size(iova, length, width)
    if isinstance(asked, Malformed):
        return Errno.EINVAL if asked is Malformed.EMPTY else Errno.EOVERFLOW
    return asked
