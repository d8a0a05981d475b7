"""An address space of type1: the mappings, what the IOMMU translates, and the lock of both."""

from __future__ import annotations

from itertools import groupby

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Refusal, Tracker, Width
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.removal import exact
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE
from tenure.vocabulary.types import NONE

SpaceState = tuple[tuple[tuple[int, int, int, int], ...], tuple[int, ...]]
"""Each mapping as its name, first and last address and access; and for each address the mapping translated for."""


class Space:
    """One address space; every address is a page of it, and a mapping is told from others by its name."""

    def __init__(self, configuration: Configuration, table: int) -> None:
        numbered = groupby(enumerate(configuration.valid_range), key=lambda one: one[1])
        runs = [(number, [address for address, _ in run]) for number, run in numbered]
        valid = tuple(Range(run[0], run[-1]) for number, run in runs if number)
        self.most = configuration.entry_limit[table]
        self.mappings = Tracker(Bounds(width=Width(16), shift=Shift(0), valid=valid, entries=self.most))
        self.translated: list[int] = [NONE] * configuration.number(ADDRESS)
        self.lock = Lock()
        self.unmapped = 0
        """How many addresses the removal that has the lock took so far."""

    def map(self, name: int, r: Range, access: int) -> Refusal | None:
        """Make a mapping and its translations (vfio_link_dma, vfio_pin_map_dma)."""
        refusal = self.mappings.map(Mapping(r, 0, Access(access), MAPPING.element(name)))
        if refusal is None:
            self._translate(r, name)
        return refusal

    def remove(self, mapping: Mapping) -> None:
        """End a mapping and its translations, and count its addresses (vfio_remove_dma)."""
        self.mappings.unmap(mapping.range, exact)
        self._translate(mapping.range, NONE)
        self.unmapped += mapping.range.last - mapping.range.first + 1

    def named(self) -> dict[int, Mapping]:
        """The mappings by name."""
        return {_name(mapping): mapping for mapping in self.mappings}

    def state(self) -> SpaceState:
        """What can be seen of it, as numbers."""
        told = (
            (name, one.range.first, one.range.last, one.access.value) for name, one in sorted(self.named().items())
        )
        return tuple(told), tuple(self.translated)

    def become(self, state: SpaceState) -> None:
        """Go back to a state."""
        told, translated = state
        self.mappings.unmap_all()
        for name, first, last, access in told:
            self.mappings.map(Mapping(Range(first, last), 0, Access(access), MAPPING.element(name)))
        self.translated = list(translated)

    def _translate(self, r: Range, name: int) -> None:
        for address in range(r.first, r.last + 1):
            self.translated[address] = name


def spaces_of(configuration: Configuration) -> list[Space]:
    """One for each table, where there are addresses."""
    tables = range(configuration.number(TABLE)) if configuration.number(ADDRESS) else ()
    return [Space(configuration, table) for table in tables]


def _name(mapping: Mapping) -> int:
    return int(mapping.owner.removeprefix(MAPPING.letter))
