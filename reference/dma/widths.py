"""Address and size, as callers give them, made a range once, at the edge; and ranges handed to a narrower side.

A size is never added to an address: the test is made on what is left above the address, so no width is needed in which a
sum would fit. What does not fit is refused, and never cut: a bus of 64 bits on a host of 32 would lose the upper half.
"""

from __future__ import annotations

from enum import Enum
from typing import NewType

from tenure.reference.dma.ranges import Range

Width = NewType("Width", int)
"""How many bits an address has."""


class Malformed(Enum):
    """Why an address and a size are no range; which errno that is, if any, each system says for itself."""

    TOO_WIDE = "the address or the size needs more bits than an address has here"
    EMPTY = "the size is zero"
    WRAPS = "the last byte lies beyond the top of the address space"


def top(width: Width) -> int:
    """The last byte of an address space."""
    return (1 << width) - 1


def from_size(address: int, size: int, width: Width) -> Range | Malformed:
    """The `size` bytes from `address` on; a range that ends with the last byte of the address space is one like any other.

    Both are unsigned: a number below zero is no malformed request but a caller's mistake, and a ValueError.
    """
    if address < 0 or size < 0:
        raise ValueError(f"{size} bytes from {address} on are no range: an address and a size are never negative")
    if address > top(width) or size > top(width):
        return Malformed.TOO_WIDE
    if size == 0:
        return Malformed.EMPTY
    if size - 1 > top(width) - address:
        return Malformed.WRAPS
    return Range(address, address + (size - 1))


def narrowed(r: Range, width: Width) -> Range | None:
    """The same range, for a side with addresses of `width` bits; None where that side cannot name each byte of it."""
    return r if r.last <= top(width) else None
