"""Programs of calls, written in bytes: any bytes are one, so that a fuzzer may change them as it likes.

Four bytes say what the bounds are, then four each say what is called. A space has 64 bytes, small enough to be told byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenure.reference.dma import (
    Access,
    Bounds,
    Mapping,
    Range,
    Removal,
    Shift,
    Width,
    bytes_of,
    covering,
    exact,
    pages,
    splitting,
    usable,
)

WORD = 4
SPACE = Range(0, 63)
ACCESSES = (Access.READ, Access.WRITE, Access.READ | Access.WRITE)
REMOVALS: tuple[Removal, ...] = (exact, covering, splitting)
LONGEST = 16
"""Bytes of a range that a call asks for."""

MOST_CALLS = 40
LONGEST_PROGRAM = WORD * (1 + MOST_CALLS)
"""Bytes beyond these say nothing."""


@dataclass(frozen=True, slots=True)
class Map:
    """Map a range; it may be no range at all."""

    mapping: Mapping


@dataclass(frozen=True, slots=True)
class Unmap:
    """Unmap a range by a rule."""

    request: Range
    removal: Removal

    def __repr__(self) -> str:
        return f"Unmap({self.request!r}, {getattr(self.removal, '__name__', self.removal)})"


@dataclass(frozen=True, slots=True)
class UnmapAll:
    """Unmap everything."""


@dataclass(frozen=True, slots=True)
class SetValid:
    """Let mappings lie in these ranges only."""

    valid: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Overlapping:
    """Ask what is mapped in a range."""

    asked: Range


@dataclass(frozen=True, slots=True)
class FailSoon:
    """Have the machine fail, so many steps later."""

    steps: int


Call = Map | Unmap | UnmapAll | SetValid | Overlapping | FailSoon


def program(data: bytes) -> tuple[Bounds, list[Call]]:
    """What these bytes say; a word that is cut off says nothing."""
    words = list(_words(data))
    bounds = _bounds(words[0] if words else bytes(WORD))
    return bounds, [_call(word, bounds.shift) for word in words[1 : MOST_CALLS + 1]]


def _words(data: bytes) -> Iterator[bytes]:
    return (data[at : at + WORD] for at in range(0, len(data) - WORD + 1, WORD))


def _bounds(word: bytes) -> Bounds:
    """The page's size, a limit of mappings, one of pages, and a reserved region; each but the first may be none."""
    shift, entries, held, reserved = word
    return Bounds(
        Width(6),
        Width(8),
        Shift(shift % 3),
        valid=usable(SPACE, _reserved(reserved)),
        entries=entries % 4 or None,
        pages={"p0": held} if held else {},
    )


def _reserved(byte: int) -> tuple[Range, ...]:
    """Up to four bytes that are reserved, or none."""
    return (Range(byte % 64, min(byte % 64 + byte // 64, 63)),) if byte else ()


def _call(word: bytes, shift: Shift) -> Call:
    """One call: half of them are of whole pages, for most of the others are refused and do nothing."""
    kind, place, length, more = word
    asked = Range(place % 64, place % 64 + length % (LONGEST + 1) - 1)
    of_whole_pages = length < 128 and asked.first <= asked.last
    if of_whole_pages:
        asked = bytes_of(pages(asked, shift), shift)
    match kind % 10:
        case 0 | 1 | 2:
            target = (more >> shift) << shift if of_whole_pages else more
            return Map(Mapping(asked, target, ACCESSES[kind // 10 % 3], f"p{kind // 30 % 2}"))
        case 3 | 4 | 5:
            return Unmap(asked, REMOVALS[more % 3])
        case 6:
            return Overlapping(asked)
        case 7:
            return SetValid(usable(SPACE, _reserved(more)))
        case 8:
            return FailSoon(more % 16)
        case _:
            return UnmapAll()
