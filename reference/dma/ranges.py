"""Inclusive ranges of bytes: overlap, containment, cut, split and join, with no sum or difference that can wrap.

The last byte of an address space is a byte like any other, and an empty range cannot be written. Nothing here knows a width.
`lemmas.py` says what each function owes; `tenure.prover` proves it of these very functions.
"""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """The bytes from `first` to `last`, both in it; a named tuple, because solvers see through one."""

    first: int
    last: int

    def __contains__(self, byte: int) -> bool:  # type: ignore[override]  # a range holds bytes, not two numbers
        return self.first <= byte <= self.last

    def __str__(self) -> str:
        return f"[{self.first:#x}, {self.last:#x}]"


def overlap(a: Range, b: Range) -> bool:
    """Some byte is in both."""
    return a.first <= b.last and b.first <= a.last


def covers(outer: Range, inner: Range) -> bool:
    """Every byte of `inner` is in `outer`."""
    return outer.first <= inner.first and inner.last <= outer.last


def intersection(a: Range, b: Range) -> Range | None:
    """The bytes that are in both; None where there are none."""
    if not overlap(a, b):
        return None
    first = max(a.first, b.first)
    last = min(a.last, b.last)
    return Range(first, last)


def without(r: Range, hole: Range) -> tuple[Range, ...]:
    """What is left of `r` when `hole` is taken out: nothing, a low part, a high part, or both."""
    if not overlap(r, hole):
        return (r,)
    low = (Range(r.first, hole.first - 1),) if r.first < hole.first else ()
    high = (Range(hole.last + 1, r.last),) if hole.last < r.last else ()
    return low + high


def split(r: Range, at: int) -> tuple[Range, ...]:
    """`r` in two, the second beginning at this byte; `r` alone where that would leave one of them empty."""
    if not (r.first < at <= r.last):
        return (r,)
    return (Range(r.first, at - 1), Range(at, r.last))


def is_adjacent(a: Range, b: Range) -> bool:
    """They share no byte, and none lies between them."""
    if a.last < b.first:
        return b.first - a.last == 1
    return b.last < a.first and a.first - b.last == 1


def join(a: Range, b: Range) -> Range | None:
    """The range of the bytes that are in one or the other; None where a hole between them makes it no range."""
    if not (overlap(a, b) or is_adjacent(a, b)):
        return None
    first = min(a.first, b.first)
    last = max(a.last, b.last)
    return Range(first, last)


def across(r: Range, target: int, byte: int) -> int:
    """Where this byte of `r` leads when the first one leads to `target`."""
    return target + (byte - r.first)


def size(r: Range) -> int:
    """How many bytes it has: the one number here that may need a bit more than an address, for a whole address space."""
    return r.last - r.first + 1
