"""An address space as it is drawn: ranges, the stretches between their ends, and the holes that they leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

TOP = (1 << 64) - 1
"""The last byte of every space that is drawn: what is above a narrower bus is a hole like any other."""

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class Kind(Enum):
    """What a range is, in the order of the lanes."""

    VALID = "valid"
    RESERVED = "reserved"
    MAPPED = "mapped"


@dataclass(frozen=True, slots=True)
class Region:
    """A range of bytes, both ends in it, and what is known of it."""

    first: int
    last: int
    kind: Kind = Kind.MAPPED
    owner: str = ""
    access: str = ""
    target: int | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes between two ends, of which each lies in the same ranges as the next."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A range and the numbers of the first and the last stretch that it is made of."""

    region: Region
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Hole:
    """Bytes that are neither mapped nor reserved; `outside` where there are valid ranges and none holds them."""

    first: int
    last: int
    outside: bool

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1

    @property
    def word(self) -> str:
        """What it is called."""
        return "not valid" if self.outside else "hole"


@dataclass(frozen=True, slots=True)
class Space:
    """The whole space: its stretches in order, a lane for each kind that there is, and its holes."""

    stretches: tuple[Stretch, ...]
    lanes: dict[Kind, tuple[Placed, ...]]
    holes: tuple[Hole, ...]

    @property
    def regions(self) -> Iterator[Region]:
        """Every range, lane by lane."""
        return (placed.region for lane in self.lanes.values() for placed in lane)

    @property
    def rows(self) -> list[Region | Hole]:
        """Every range and every hole, by first byte; what holds others comes before them."""
        return sorted((*self.regions, *self.holes), key=lambda one: (one.first, -one.last))

    @property
    def owners(self) -> tuple[str, ...]:
        """Whoever owns a mapped range, in the order of their first ones."""
        return tuple(dict.fromkeys(placed.region.owner for placed in self.lanes.get(Kind.MAPPED, ())))


def space(regions: Iterable[Region]) -> Space:
    """The space of these ranges, of which no two of one kind overlap."""
    ordered = sorted(regions, key=lambda r: r.first)
    begins = sorted({0, *(r.first for r in ordered), *(r.last + 1 for r in ordered)} - {TOP + 1})
    stretches = tuple(Stretch(first, after - 1) for first, after in zip(begins, [*begins[1:], TOP + 1], strict=True))
    number = {first: i for i, first in enumerate([*begins, TOP + 1])}
    placed = [Placed(r, number[r.first], number[r.last + 1] - 1) for r in ordered]
    lanes = {kind: tuple(p for p in placed if p.region.kind is kind) for kind in Kind}
    lanes = {kind: lane for kind, lane in lanes.items() if lane}
    return Space(stretches, lanes, tuple(_holes(stretches, lanes)))


def _holes(stretches: Sequence[Stretch], lanes: dict[Kind, tuple[Placed, ...]]) -> Iterator[Hole]:
    taken = _within((*lanes.get(Kind.MAPPED, ()), *lanes.get(Kind.RESERVED, ())), len(stretches))
    valid = _within(lanes.get(Kind.VALID, ()), len(stretches))
    begun: Hole | None = None
    for i, stretch in enumerate(stretches):
        outside = Kind.VALID in lanes and not valid[i]
        if begun is not None and (taken[i] or begun.outside != outside):
            yield begun
            begun = None
        if not taken[i]:
            begun = Hole(stretch.first if begun is None else begun.first, stretch.last, outside)
    if begun is not None:
        yield begun


def _within(lane: Iterable[Placed], stretches: int) -> list[bool]:
    """Which stretches are part of a range of this lane."""
    found = [False] * stretches
    for placed in lane:
        for i in range(placed.begin, placed.end + 1):
            found[i] = True
    return found


def size_text(size: int) -> str:
    """A number of bytes in the largest unit of which there is one; `~` where it is rounded to two decimals."""
    power = min((size.bit_length() - 1) // 10, len(UNITS) - 1)
    hundredths = _rounded(size * 100, 10 * power)
    if hundredths == FULL and power < len(UNITS) - 1:
        power, hundredths = power + 1, 100
    number = f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
    return f"{'' if hundredths << (10 * power) == size * 100 else '~'}{number} {UNITS[power]}"


FULL = 102400
"""Hundredths of a unit that are one of the next."""


def _rounded(value: int, shift: int) -> int:
    """The value divided by two to the power `shift`, to the nearest."""
    return (value + (1 << shift) // 2) >> shift
