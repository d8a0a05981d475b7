"""An IO address space of an iommufd: its areas in the one tracker, and how many calls work on it."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Refusal, Tracker, Width, size
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.removal import exact
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE

IoasState = tuple[bool, tuple[tuple[int, int, int, int], ...]]
"""Whether it is there; and each area as its name, first and last address, and access."""


class IoasSpace:
    """One IO address space; without a device its areas are ranges of any bytes, each told from others by its name."""

    def __init__(self) -> None:
        self.is_there = False
        self.areas = Tracker(Bounds(width=Width(16), shift=Shift(0)))
        self.users = 0
        """The calls that have looked it up and not put it yet."""
        self.unmapped = 0
        """How many addresses the removals under way took so far."""

    def map(self, name: int, r: Range, access: int) -> Refusal | None:
        """Make an area, unless another one is there (iopt_check_iova, iopt_insert_area)."""
        return self.areas.map(Mapping(r, 0, Access(access), MAPPING.element(name)))

    def remove(self, area: Mapping) -> int:
        """End an area, and say how many addresses it had (iopt_area_remove)."""
        self.areas.unmap(area.range, exact)
        self.unmapped += size(area.range)
        return size(area.range)

    def named(self) -> dict[int, Mapping]:
        """The areas by name."""
        return {int(area.owner.removeprefix(MAPPING.letter)): area for area in self.areas}

    def state(self) -> IoasState:
        """What can be seen of it, as numbers."""
        told = ((name, one.range.first, one.range.last, one.access.value) for name, one in sorted(self.named().items()))
        return self.is_there, tuple(told)

    def become(self, state: IoasState) -> None:
        """Go back to a state in which no call is in flight."""
        self.is_there, told = state
        self.areas.unmap_all()
        for name, first, last, access in told:
            self.map(name, Range(first, last), access)
        self.users = self.unmapped = 0


def ioas_spaces_of(configuration: Configuration) -> list[IoasSpace]:
    """One for each table, where there are addresses."""
    tables = configuration.number(TABLE) if configuration.number(ADDRESS) else 0
    return [IoasSpace() for _ in range(tables)]
