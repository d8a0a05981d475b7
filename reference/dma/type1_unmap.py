"""The loop of type1's UNMAP_DMA: mappings go one by one, and whoever has pages of one pinned is asked to let go first."""

from __future__ import annotations

from tenure.reference.dma import type1_dirty
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.mappings import Cut, Refusal
from tenure.reference.dma.ranges import Range, size
from tenure.reference.dma.removal import covering, exact
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.dma.type1_state import Container, Dma

MOST_REPEATS = 10


class StillPinned(Exception):  # noqa: N818  # a BUG of the kernel, which stops it
    """A device was told again and again, and has not let go: the kernel's BUG_ON."""


def from_its_start(mapping: Range, request: Range) -> Cut | Refusal:
    """A mapping that begins in the request goes whole, wherever it ends; one that begins below is not touched."""
    return Cut(mapping, ()) if request.first <= mapping.first else Refusal.BISECTED


def unmap(container: Container, request: Range | None, bitmap: Bitmap | None, *, invalidate: bool) -> int | Errno:
    """Unmap what lies in a range, or everywhere, or have its addresses invalid; how many bytes that were.

    While devices are told, others may call: what they have done to the range is looked at anew, and a mapping that they
    left reaching out of it ends the call, with success.
    """
    removed, told, repeats = 0, None, 0
    while True:
        if request is not None and is_bisecting(container, request):
            return Errno.EINVAL if container.v2 and told is None else removed
        found = container.walked(request)
        if invalidate:
            return _invalidate(found)
        pinned = next((dma for dma in found if dma.pinned), None)
        for dma in found[: None if pinned is None else found.index(pinned)]:
            if bitmap is not None:
                type1_dirty.report(container, dma, bitmap)
            removed += remove(container, dma)
        if pinned is None:
            return removed
        repeats = repeats + 1 if pinned is told else 0
        if repeats > MOST_REPEATS:
            raise StillPinned(f"the pages at {pinned.range} stay pinned")
        told = pinned
        for device in tuple(container.devices):
            device.dma_unmap(pinned.range)


def is_bisecting(container: Container, request: Range) -> bool:
    """A mapping is there in part, at either end, and the rule of this version leaves it alone: what lies between is whole."""
    removal = covering if container.v2 else from_its_start
    ends = (container.at(request.first), container.at(request.last))
    return any(dma is not None and isinstance(removal(dma.range, request), Refusal) for dma in ends)


def _invalidate(found: list[Dma]) -> int | Errno:
    """Have the addresses of mappings invalid until they are mapped with VADDR; none of them, if one is so already."""
    if any(dma.is_invalid for dma in found):
        return Errno.EINVAL
    for dma in found:
        dma.is_invalid = True
    return sum(size(dma.range) for dma in found)


def remove(container: Container, dma: Dma) -> int:
    """Unmap one mapping; its bytes. One that is hidden leaves its pins, charges and translations behind."""
    if dma not in container.hidden:
        container.space.unmap(dma.range, exact)
    container.forget(dma)
    return size(dma.range)
