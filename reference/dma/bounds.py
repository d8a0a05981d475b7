"""What an address space may hold: how wide its addresses are, where mappings may lie, and how many of them."""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass, field
from itertools import pairwise

from tenure.reference.dma.mappings import Mapping
from tenure.reference.dma.pages import Shift, is_aligned, is_page_aligned
from tenure.reference.dma.ranges import Range, without
from tenure.reference.dma.widths import Width, top

WIDTH = Width(64)
PAGE_SHIFT = Shift(12)


@dataclass(frozen=True)
class Bounds:
    """Widths of the bus and of what is behind it, the page's size, where mappings may lie, how many, and pages by owner.

    No `valid` is the whole space; no limit is none, and a limit of 0 lets nothing in.
    """

    width: Width = WIDTH
    target_width: Width = WIDTH
    shift: Shift = PAGE_SHIFT
    valid: tuple[Range, ...] | None = None
    entries: int | None = None
    pages: abc.Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.shift < min(self.width, self.target_width):
            raise ValueError(f"a page of 2 to the {self.shift} bytes has no place among {self.width}-bit addresses")
        if any(limit < 0 for limit in (self.entries or 0, *self.pages.values())):
            raise ValueError("a limit is a number of mappings or of pages, and not negative")
        self.checked_valid(self.valid or ())

    def all_valid(self) -> tuple[Range, ...]:
        """The valid ranges, or the one that is the whole space."""
        return (Range(0, top(self.width)),) if self.valid is None else self.valid

    def checked_valid(self, valid: tuple[Range, ...]) -> tuple[Range, ...]:
        """Ranges in order of which no two overlap; ValueError where they are not, or have no address here."""
        for r in valid:
            self.check(r)
        for a, b in pairwise(valid):
            if b.first <= a.last:
                raise ValueError(f"the valid ranges {a} and {b} overlap, or are not in order")
        return valid

    def check(self, r: Range) -> None:
        """Answer TypeError or ValueError to what is no range of this space."""
        if not (isinstance(r.first, int) and isinstance(r.last, int)):  # type: ignore[redundant-expr]  # untyped callers
            raise TypeError(f"{r!r} is no range: its ends are bytes, and integers")
        if not 0 <= r.first <= r.last <= top(self.width):
            raise ValueError(f"{r!r} is no range of {self.width}-bit addresses")

    def check_mapping(self, mapping: Mapping) -> None:
        """Answer TypeError or ValueError to what cannot be mapped at all: either range is none."""
        r, target = mapping.range, mapping.target
        self.check(r)
        if not isinstance(target, int):
            raise TypeError(f"{target!r} is no address")
        if not 0 <= target <= top(self.target_width) - (r.last - r.first):
            raise ValueError(f"{r!r} at {target:#x} ends beyond what {self.target_width}-bit addresses reach")

    def is_aligned(self, mapping: Mapping) -> bool:
        """Whole pages lead to whole pages."""
        return is_page_aligned(mapping.range, self.shift) and is_aligned(mapping.target, self.shift)


def usable(aperture: Range, reserved: abc.Iterable[Range]) -> tuple[Range, ...]:
    """What is left of an aperture without the reserved regions: the valid ranges, in order."""
    left: tuple[Range, ...] = (aperture,)
    for hole in reserved:
        left = tuple(kept for r in left for kept in without(r, hole))
    return left
