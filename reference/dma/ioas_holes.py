"""Where an IO address space puts what may lie anywhere: the first hole that is large enough, at the alignment that pays."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.reference.dma.bounds import usable
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.pages import Shift, first_byte, is_aligned, page_of
from tenure.reference.dma.ranges import Range
from tenure.reference.dma.widths import Width, top


def alignment_of(length: int, vaddr: int, most: Shift) -> Shift:
    """As much as the length, the address of the memory, and the largest page make worth while."""
    by_length = (length - 1).bit_length()
    by_address = (vaddr & -vaddr).bit_length() - 1 if vaddr else most
    return Shift(min(by_length, by_address, most))


def first_fit(
    within: Iterable[Range], taken: Iterable[Range], length: int, alignment: Shift, offset: int
) -> int | Errno:
    """The lowest address that begins so aligned, at this offset in its page, with room for the length; ENOSPC if none."""
    holes = (hole for r in within for hole in usable(r, taken))
    for hole in holes:
        begin = raised(hole.first, alignment) | offset
        if begin < hole.last and hole.last - begin >= length - 1:
            return begin
    return Errno.ENOSPC


def raised(byte: int, alignment: Shift) -> int:
    """The first aligned address from this one on; it may be beyond the last."""
    return byte if is_aligned(byte, alignment) else first_byte(page_of(byte, alignment) + 1, alignment)


def anywhere(width: Width, shift: Shift) -> Range:
    """All but the first page and the last, which are never chosen."""
    return Range(1 << shift, top(width) - (1 << shift))
