"""Dirty pages in type1: a bit for each page, kept while it is asked for, and handed out range by range."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.pages import is_aligned, pages
from tenure.reference.dma.ranges import Range, covers
from tenure.reference.dma.type1_memory import Memory
from tenure.reference.dma.type1_state import Container, Dma
from tenure.reference.dma.widths import Malformed, from_size

LARGEST = 256 << 20
"""A bitmap has at most so many bytes."""


@dataclass(slots=True)
class Bitmap:
    """A bitmap in the caller's memory: the size of page that it speaks of, its bytes, and the pages whose bits are set."""

    page_size: int
    bytes: int
    in_user_range: bool = True
    dirty: set[int] = field(default_factory=set)

    def check(self, length: int) -> Errno | None:
        """EINVAL where it is no user memory, or has not the size for a range of this length."""
        shift = (self.page_size & -self.page_size).bit_length() - 1
        count = length >> shift
        if not self.in_user_range or count == 0 or not 0 < self.bytes <= LARGEST:
            return Errno.EINVAL
        return Errno.EINVAL if self.bytes < (count + 63) // 64 * 8 else None


def start(container: Container, memory: Memory) -> Errno | None:
    """Keep dirty bits from now on; pages that devices have pinned are dirty from the start."""
    if not container.tracks_dirty:
        for dma in container.every():
            memory.have_bitmap(dma)
        for dma in container.every():
            dma.dirty = set(dma.pinned)
        container.tracks_dirty = True
    return None


def stop(container: Container) -> Errno | None:
    """Keep no dirty bits, and forget those there are."""
    container.tracks_dirty = False
    for dma in container.every():
        dma.dirty.clear()
    return None


def get(container: Container, iova: int, length: int, bitmap: Bitmap) -> Errno | None:
    """Hand out the dirty bits of the mappings in a range, which may bisect none, and start afresh."""
    container.faults.step(Errno.EFAULT)
    asked = from_size(iova, length, container.bounds.width)
    if isinstance(asked, Malformed):
        return Errno.EINVAL if asked is Malformed.EMPTY else container.version.wraps
    refusal = bitmap.check(length)
    if refusal is not None:
        return refusal
    shift = container.bounds.shift
    if bitmap.page_size != 1 << shift or not is_aligned(iova, shift) or not is_aligned(length, shift):
        return Errno.EINVAL
    ends = (container.at(asked.first), container.at(asked.last))
    if not container.tracks_dirty or any(dma is not None and not covers(asked, dma.range) for dma in ends):
        return Errno.EINVAL
    for dma in sorted(container.every(), key=lambda dma: dma.range):
        if dma.range.first not in asked:
            continue
        report(container, dma, bitmap)
        dma.dirty = set(dma.pinned)
    return None


def report(container: Container, dma: Dma, bitmap: Bitmap) -> None:
    """Copy out a mapping's bits: each page, where some group writes wherever it can; EFAULT, with nothing copied."""
    container.faults.step(Errno.EFAULT)
    numbers = pages(dma.range, container.bounds.shift)
    every = container.has_unconfined()
    bitmap.dirty |= set(range(numbers.first, numbers.last + 1)) if every else dma.dirty


def marked(container: Container, dma: Dma, r: Range) -> None:
    """Somebody has written there, on behalf of a device."""
    if container.tracks_dirty:
        numbers = pages(r, container.bounds.shift)
        dma.dirty.update(range(numbers.first, numbers.last + 1))
