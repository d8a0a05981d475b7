"""The IO address space of iommufd: IOAS_MAP, UNMAP, COPY and their kin, each as the steps that it is made of.

An area that is being built or taken down is in everybody's way, and nobody's to use. An unmap takes areas one by one, so a
refusal comes after what went before it. Source: drivers/iommu/iommufd/ioas.c and io_pagetable.c of 6.12 and 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag
from typing import NamedTuple

from tenure.reference.dma.bounds import Bounds, usable
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.ioas_pages import AccessUser, Area, Domain, Mode, Pages, User
from tenure.reference.dma.ioas_place import Part, place
from tenure.reference.dma.ioas_reach import pin, unpin
from tenure.reference.dma.ioas_state import Areas, range_of
from tenure.reference.dma.ioas_versions import V7_2, Version
from tenure.reference.dma.mappings import Access
from tenure.reference.dma.pages import Shift, is_aligned
from tenure.reference.dma.processes import Process
from tenure.reference.dma.ranges import Range, covers, intersection, overlap, size
from tenure.reference.dma.steps import Steps, finish
from tenure.reference.dma.widths import Malformed, from_size, top

MOST_TRIES = 100
HUGE_PAGE = Shift(21)


class Flags(Flag):
    """FIXED asks for a certain address; UNKNOWN is any other bit."""

    NONE = 0
    FIXED = 1
    WRITE = 2
    READ = 4
    UNKNOWN = 8


class Reach(NamedTuple):
    """What IOVA_RANGES says: how many ranges there are, those that there was room for, and whether it was too little."""

    errno: Errno | None
    number: int
    ranges: tuple[Range, ...]


class Unmapped(NamedTuple):
    """How an unmap ended, and the bytes that went all the same."""

    errno: Errno | None
    bytes: int


class Ioas:
    """One IOAS. A call answers with a value, None where it has none, or an errno; `…_steps` lets others come between.

    `mode` is whom the context charges, `user` the uid of all its processes, `largest` the page that is worth aligning to.
    """

    def __init__(
        self, version: Version = V7_2, mode: Mode = Mode.USER, bounds: Bounds | None = None, largest: Shift = HUGE_PAGE
    ) -> None:
        self.version = version
        self.mode = mode
        self.user = User()
        self.largest = largest
        self.kept = Areas(bounds or Bounds())

    def map(self, process: Process, vaddr: int, length: int, flags: Flags, iova: int = 0) -> int | Errno:
        """IOAS_MAP: lead IO addresses to memory of the caller, and say the first of them."""
        return finish(self.map_steps(process, vaddr, length, flags, iova))

    def map_steps(self, process: Process, vaddr: int, length: int, flags: Flags, iova: int = 0) -> Steps[int | Errno]:
        """IOAS_MAP, step by step."""
        if Flags.UNKNOWN in flags:
            return Errno.EOPNOTSUPP
        if max(iova, length) >= top(self.kept.bounds.width):
            return Errno.EOVERFLOW
        access = access_of(flags)
        if not access:
            return Errno.EINVAL
        return (yield from self.map_memory(process, (vaddr, length), access, iova if Flags.FIXED in flags else None))

    def map_memory(
        self, process: Process, memory: tuple[int, int], access: Access, iova: int | None
    ) -> Steps[int | Errno]:
        """What IOAS_MAP and VFIO's MAP_DMA share: the tests of the memory, and then of the addresses."""
        refusal = self._memory_refusal(*memory)
        if refusal is not None:
            return refusal
        there = from_size(*memory, self.kept.bounds.target_width)
        if isinstance(there, Malformed):
            return Errno.EOVERFLOW
        mode = Mode.NONE if process.may_lock else self.mode
        writable = Access.WRITE in access
        pages = Pages(process, there, writable, mode, self.user, self.kept.bounds.shift)
        return (yield from place(self.kept, [Part(pages, there, access)], memory[1], iova, self.largest))

    def copy(self, source: Ioas, flags: Flags, length: int, source_iova: int, iova: int = 0) -> int | Errno:
        """IOAS_COPY: lead IO addresses to what those of a source lead to; the pages are shared, the lives apart."""
        return finish(self.copy_steps(source, flags, length, source_iova, iova))

    def copy_steps(
        self, source: Ioas, flags: Flags, length: int, source_iova: int, iova: int = 0
    ) -> Steps[int | Errno]:
        """IOAS_COPY, step by step: when the pages are found, the source may go."""
        if Flags.UNKNOWN in flags:
            return Errno.EOPNOTSUPP
        if max(iova, source_iova, length) >= top(self.kept.bounds.width):
            return Errno.EOVERFLOW
        access = access_of(flags)
        if not access or length == 0:
            return Errno.EINVAL
        asked = range_of(source_iova, length, self.kept.bounds.width)
        if isinstance(asked, Errno):
            return asked
        parts = source.parts(asked, access)
        if parts is None:
            return Errno.ENOENT
        yield "insert"
        return (yield from place(self.kept, parts, length, iova if Flags.FIXED in flags else None, self.largest))

    def parts(self, asked: Range, access: Access) -> list[Part] | None:
        """What is behind a range, piece by piece, if finished areas cover it."""
        areas = self.kept.contiguous(asked)
        if areas is None:
            return None
        pieces = ((area, intersection(area.range, asked)) for area in areas)
        return [Part(area.pages, area.memory(here), access) for area, here in pieces if here is not None]

    def unmap(self, iova: int, length: int) -> int | Errno:
        """IOAS_UNMAP: how many bytes went; on an error it is not said, though some may have gone."""
        done = finish(self.unmap_steps(iova, length))
        return done.errno or done.bytes

    def unmap_steps(self, iova: int, length: int) -> Steps[Unmapped]:
        """IOAS_UNMAP, step by step."""
        most = top(self.kept.bounds.width)
        if (iova, length) == (0, most):
            return (yield from self.unmap_range(self.kept.everything()))
        if max(iova, length) >= most:
            return Unmapped(Errno.EOVERFLOW, 0)
        asked = range_of(iova, length, self.kept.bounds.width)
        if isinstance(asked, Errno):
            return Unmapped(asked, 0)
        done = yield from self.unmap_range(asked)
        return Unmapped(Errno.ENOENT, 0) if done == Unmapped(None, 0) else done

    def unmap_range(self, asked: Range) -> Steps[Unmapped]:
        """Take whole areas, from the lowest on, until one is in the way."""
        removed, left, tries = 0, asked, 0
        while found := self.kept.overlapping(left):
            area = found[0]
            if not area.is_finished:
                return Unmapped(Errno.EBUSY, removed)
            if not covers(left, area.range):
                return Unmapped(Errno.ENOENT, removed)
            if area.accesses:
                tries = tries + 1 if area.range.first == left.first else 1
                left = Range(area.range.first, asked.last)
                area.prevents_access = True
                yield "notify"
                self._notify(area.range)
                if tries > MOST_TRIES:
                    return Unmapped(Errno.EDEADLOCK, removed)
                continue
            yield from self._take_down(area)
            removed += size(area.range)
            if area.range.last == asked.last:
                break
            left = Range(area.range.last + 1, asked.last)
        return Unmapped(None, removed)

    def allow_iovas(self, ranges: Iterable[tuple[int, int]], *, has_unknown: bool = False) -> Errno | None:
        """IOAS_ALLOW_IOVAS: where addresses are chosen from now on, each first and last; none given is anywhere."""
        if has_unknown:
            return Errno.EOPNOTSUPP
        allowed: list[Range] = []
        try:
            for first, last in ranges:
                self.kept.faults.step(Errno.EFAULT)
                if first >= last or any(overlap(Range(first, last), r) for r in allowed):
                    return Errno.EINVAL
                self.kept.faults.step(Errno.ENOMEM)
                allowed.append(Range(first, last))
        except FailedWith as failure:
            return failure.errno
        if any(overlap(r, hole) for r in allowed for hole in self.kept.reserved()):
            return Errno.EADDRINUSE
        self.kept.allowed = tuple(sorted(allowed))
        return None

    def iova_ranges(self, room: int) -> Reach:
        """IOAS_IOVA_RANGES: where anything may be mapped at all."""
        found = usable(self.kept.everything(), self.kept.reserved())
        return Reach(Errno.EMSGSIZE if len(found) > room else None, len(found), found[:room])

    def set_huge_pages(self, value: int) -> Errno | None:
        """OPTION_HUGE_PAGES: without them everything is in pages, and areas can be cut."""
        if value not in (0, 1):
            return Errno.EINVAL
        kept = self.kept
        if value == 0 and kept.has_large_pages:
            if kept.domains and kept.areas:
                return Errno.EINVAL
            shift = kept.bounds.shift
            ends = (end for a in kept.areas.values() for end in (a.range.first, size(a.range), a.target))
            if not all(is_aligned(end, shift) for end in ends):
                return Errno.EADDRINUSE
        kept.has_large_pages = value == 1
        return None

    def attach(self, domain: Domain) -> Errno | None:
        """A device comes with a domain that is to translate what is mapped."""
        try:
            self.kept.attach(domain)
        except FailedWith as failure:
            return failure.errno
        return None

    def detach(self, domain: Domain) -> None:
        """The last device of a domain goes."""
        self.kept.detach(domain)

    def register(self, user: AccessUser) -> None:
        """Have a driver told of what is unmapped."""
        self.kept.users.append(user)

    def pin(self, iova: int, length: int, access: Access) -> Errno | None:
        """iommufd_access_pin_pages: a driver reaches in, until it is told to let go."""
        return pin(self.kept, iova, length, access)

    def unpin(self, iova: int, length: int) -> None:
        """iommufd_access_unpin_pages, of a range that was pinned."""
        unpin(self.kept, iova, length)

    def _notify(self, r: Range) -> None:
        """Tell every driver that reaches in."""
        for user in tuple(self.kept.users):
            user.unmap(r)

    def _memory_refusal(self, vaddr: int, length: int) -> Errno | None:
        """What is wrong with the memory's range; the byte after it must have an address too."""
        there = from_size(vaddr, length, self.kept.bounds.target_width)
        end = top(self.kept.bounds.target_width)
        wraps = there in (Malformed.WRAPS, Malformed.TOO_WIDE) or (isinstance(there, Range) and there.last == end)
        is_bad = length == 0 or length > end - (1 << self.kept.bounds.shift)
        tests = ((wraps, Errno.EOVERFLOW), (is_bad, Errno.EINVAL))
        return next(
            (errno for failed, errno in (tests[::-1] if self.version.length_before_wrap else tests) if failed), None
        )

    def _take_down(self, area: Area) -> Steps[None]:
        """Take an area away in three steps; meanwhile it is in the way."""
        area.is_finished = False
        self.kept.fillers += 1
        yield "unfill"
        self.kept.clear(area)
        yield "remove"
        self.kept.fillers -= 1
        self.kept.remove(area)


def access_of(flags: Flags) -> Access:
    """What a device may do."""
    readable = Access.READ if Flags.READ in flags else Access(0)
    return readable | Access.WRITE if Flags.WRITE in flags else readable
