"""What is mapped where: mappings, why one is refused, and what everything that keeps them can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, Flag
from typing import NamedTuple, Protocol

from tenure.reference.dma.ranges import Range, across


class Access(Flag):
    """What a device may do through a mapping; each by itself, and neither includes the other."""

    READ = 1
    WRITE = 2


class Mapping(NamedTuple):
    """A range of IO addresses, the address behind its first byte, what a device may do there, and whose pages it holds."""

    range: Range
    target: int
    access: Access
    owner: str


class Refusal(Enum):
    """Why nothing was changed; which errno that is, each policy says for itself."""

    MISALIGNED = "an end of the range, or the address behind it, is not that of a page"
    OCCUPIED = "something is mapped there"
    FULL = "no more mappings may be made"
    OUTSIDE = "no valid range holds all of it"
    CHARGED = "the owner would hold more pages than it may"
    BISECTED = "a mapping is there in part, and may not be cut"
    IN_USE = "a mapping would lie outside the valid ranges"


class Cut(NamedTuple):
    """One mapping under an unmap: what goes, and what stays."""

    removed: Range
    kept: tuple[Range, ...]


Removal = Callable[[Range, Range], Cut | Refusal]
"""What an unmap of the second range does to a mapping of the first, which it overlaps."""


class AddressSpace(Protocol):
    """What keeps track of mappings. Whatever is refused or fails has changed nothing.

    A range that is none, or has no address here, is the caller's mistake: TypeError or ValueError.
    """

    def map(self, mapping: Mapping) -> Refusal | None:
        """Map a range where nothing is mapped."""

    def unmap(self, request: Range, removal: Removal) -> tuple[Mapping, ...] | Refusal:
        """Unmap what lies in a range, and say what went; nothing, where nothing was mapped."""

    def unmap_all(self) -> tuple[Mapping, ...]:
        """Unmap everything, and say what went."""

    def set_valid(self, valid: tuple[Range, ...]) -> Refusal | None:
        """Let mappings lie within these ranges only, from now on."""

    def at(self, byte: int) -> Mapping | None:
        """The mapping that holds this byte."""

    def overlapping(self, r: Range) -> tuple[Mapping, ...]:
        """The mappings that hold a byte of this range, in order."""

    def pages_held(self, owner: str) -> int:
        """How many pages are charged to this owner."""

    def __iter__(self) -> Iterator[Mapping]: ...

    def __len__(self) -> int: ...


def part(mapping: Mapping, r: Range) -> Mapping:
    """The part of a mapping in a range that it covers."""
    return mapping._replace(range=r, target=across(mapping.range, mapping.target, r.first))


def translated(space: AddressSpace, byte: int, access: Access) -> int | None:
    """Where a device that does this at this byte ends up; None where it may not, for 0 is an address like any other."""
    mapping = space.at(byte)
    if mapping is None or access not in mapping.access:
        return None
    return across(mapping.range, mapping.target, byte)
