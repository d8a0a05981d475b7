"""How far the areas of an IO address space are that calls make or take, and what its page table translates meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenure.reference.dma import Range

Stages = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]
"""While no call is in flight: the areas, all finished; those whose memory is missing; each address that is translated, and for which."""


@dataclass(slots=True, eq=False)
class Building:
    """What an IO address space keeps besides its areas; an area is known by its name."""

    stages: dict[int, str] = field(default_factory=dict)
    """How far each area is; it has its pages (area->pages is not NULL) while it is finished."""
    workers: dict[int, int] = field(default_factory=dict)
    """How many calls have an area in hand, where any has."""
    missing: set[int] = field(default_factory=set)
    """The areas whose memory is not there to be pinned."""
    table: dict[int, int] = field(default_factory=dict)
    """The page table: for which area an address is translated."""
    readers: int = 0
    """The calls that hold domains_rwsem for reading."""

    def take_in_hand(self, area: int, stage: str) -> None:
        """A call makes an area, or takes it from its pages."""
        self.stages[area] = stage
        self.workers[area] = self.workers.get(area, 0) + 1

    def publish(self, area: int) -> None:
        """The area has its pages, and is in the call's hand no more."""
        self.stages[area] = "finished"
        self._let_go(area)

    def remove(self, area: int) -> None:
        """The area is no more, nor is it in the call's hand."""
        del self.stages[area]
        self.missing.discard(area)
        self._let_go(area)

    def _let_go(self, area: int) -> None:
        left = self.workers.pop(area) - 1
        if left:
            self.workers[area] = left

    def fill(self, area: int, r: Range) -> None:
        """Lead the addresses of an area to its memory (iopt_area_fill_domains)."""
        self.table.update(dict.fromkeys(range(r.first, r.last + 1), area))

    def unfill(self, area: int) -> None:
        """Nothing is translated for an area any more (iopt_area_unfill_domains)."""
        self.table = {address: one for address, one in self.table.items() if one != area}

    def finished(self, areas: Iterable[int]) -> list[int]:
        """Those that have their pages: a page table that comes is filled with these alone (iopt_table_add_domain)."""
        return [area for area in areas if self.stages[area] == "finished"]

    def is_busy(self) -> bool:
        """Whoever wants to write must wait."""
        return self.readers > 0

    def state(self) -> Stages:
        """What can be seen of it while nobody works on it."""
        return tuple(sorted(self.stages)), tuple(sorted(self.missing)), tuple(sorted(self.table.items()))

    def become(self, state: Stages) -> None:
        """Go back to a state in which no call is in flight."""
        areas, missing, table = state
        self.missing, self.table, self.readers = set(missing), dict(table), 0
        self.stages = dict.fromkeys(areas, "finished")
        self.workers.clear()
