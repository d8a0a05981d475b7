"""Where areas go in an IO address space, and how they come to be: found first, filled then, and used only when filled."""

from __future__ import annotations

from typing import NamedTuple

from tenure.reference.dma.coalescing import together
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.ioas_holes import alignment_of, anywhere, first_fit
from tenure.reference.dma.ioas_pages import Area, Pages
from tenure.reference.dma.ioas_state import Areas
from tenure.reference.dma.mappings import Access
from tenure.reference.dma.pages import Shift, first_byte, is_aligned, page_of
from tenure.reference.dma.ranges import Range, intersection, overlap, size
from tenure.reference.dma.steps import Steps
from tenure.reference.dma.widths import Malformed, from_size, top


class Part(NamedTuple):
    """What an area will lead to."""

    pages: Pages
    memory: Range
    access: Access


def place(kept: Areas, parts: list[Part], length: int, iova: int | None, largest: Shift) -> Steps[int | Errno]:
    """Find the addresses, insert areas that nobody can use yet, fill them, and only then let them be used."""
    try:
        kept.faults.step(Errno.ENOMEM)
        begin = _chosen(kept, parts[0].memory.first, length, largest) if iova is None else _fixed(kept, iova, length)
        areas = [] if isinstance(begin, Errno) else _inserted(kept, parts, begin)
    except FailedWith as failure:
        return failure.errno
    if isinstance(begin, Errno):
        return begin
    yield "fill"
    filled: list[Area] = []
    try:
        for area in areas:
            kept.fill(area)
            filled.append(area)
    except FailedWith as failure:
        for area in filled:
            kept.clear(area)
        yield "remove"
        for area in areas:
            kept.remove(area)
        return failure.errno
    kept.fillers += 1
    yield "publish"
    kept.fillers -= 1
    for area in areas:
        area.is_finished = True
    return begin


def _fixed(kept: Areas, iova: int, length: int) -> int | Errno:
    """The address that was asked for; where addresses are chosen from does not matter."""
    if not is_aligned(length, kept.alignment()) or not is_aligned(iova, kept.alignment()):
        return Errno.EINVAL
    asked = from_size(iova, length, kept.bounds.width)
    if isinstance(asked, Malformed):
        return Errno.EOVERFLOW
    if any(overlap(asked, hole) for hole in kept.reserved()):
        return Errno.EINVAL
    return Errno.EEXIST if kept.overlapping(asked) else iova


def _chosen(kept: Areas, vaddr: int, length: int, largest: Shift) -> int | Errno:
    """An address where there is room."""
    if not is_aligned(length, kept.alignment()):
        return Errno.EINVAL
    if length >= top(kept.bounds.width) >> 1:
        return Errno.EOVERFLOW
    alignment = alignment_of(length, vaddr, largest)
    if alignment < kept.alignment():
        return Errno.EINVAL
    outer = anywhere(kept.bounds.width, kept.bounds.shift)
    clipped = (intersection(r, outer) for r in together(kept.allowed) or (outer,))  # ranges that touch are one
    taken = [*kept.reserved(), *(area.range for area in kept.areas.values())]
    offset = vaddr - first_byte(page_of(vaddr, kept.bounds.shift), kept.bounds.shift)
    return first_fit((r for r in clipped if r is not None), taken, length, alignment, offset)


def _inserted(kept: Areas, parts: list[Part], begin: int) -> list[Area]:
    """Areas for these parts, one after the other; none, if one may not be."""
    areas: list[Area] = []
    for part in parts:
        area = Area(Range(begin, begin + (size(part.memory) - 1)), part.pages, part.memory.first, part.access)
        refused = None if is_aligned(area.target, kept.alignment()) else Errno.EINVAL
        if Access.WRITE in part.access and not part.pages.writable:
            refused = refused or Errno.EPERM
        if refused is not None:
            for one in areas:
                kept.remove(one)
            raise FailedWith(refused)
        kept.insert(area)
        areas.append(area)
        begin = area.range.last + 1
    return areas
