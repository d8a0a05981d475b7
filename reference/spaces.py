"""An address space of type1: the mappings, who pays for them, what the IOMMU translates, and the lock of it all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Refusal, Tracker, Width, size
from tenure.reference.dma.bounds import usable
from tenure.reference.dma.coalescing import ranges_of
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.removal import exact
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import ADDRESS, GROUP, MAPPING
from tenure.vocabulary.types import NONE

DirtyState = tuple[bool, tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Whether dirty pages are tracked; which pages are dirty, which were told so last, and which were written since; which groups are
confined to what they pin."""

SpaceState = tuple[
    tuple[tuple[int, int, int, int, int], ...],
    tuple[int, ...],
    tuple[int, ...],
    tuple[Range, ...],
    tuple[int, ...],
    tuple[tuple[int, tuple[int, ...]], ...],
    DirtyState | tuple[()],
]
"""Each mapping as its name, ends, access and payer; for each address the mapping translated for; the groups; what is valid; whose
vaddr is invalid; which devices are registered, in this order, or which groups are there, each with the pages that its driver has
pinned; what there is of dirty pages, where they can be tracked."""


class Payer:
    """A process as far as its locked memory goes (mm.locked_vm, RLIMIT_MEMLOCK, CAP_IPC_LOCK)."""

    __slots__ = ("index", "limit", "locked", "unlimited")

    def __init__(self, index: int, limit: int, *, unlimited: bool) -> None:
        self.index = index
        self.limit = limit
        self.unlimited = unlimited
        self.locked = 0

    def may_lock(self, pages: int) -> bool:
        """So many more pages are within the limit, or it has none."""
        return self.unlimited or self.locked + pages <= self.limit


class Space:
    """One address space; every address is a page of it, and a mapping is told from others by its name."""

    def __init__(self, configuration: Configuration, table: int) -> None:
        numbered = groupby(enumerate(configuration.valid_range), key=lambda one: one[1])
        runs = [(number, [address for address, _ in run]) for number, run in numbered]
        valid = tuple(Range(run[0], run[-1]) for number, run in runs if number)
        self.most = configuration.entry_limit[table]
        self.mappings = Tracker(Bounds(width=Width(16), shift=Shift(0), valid=valid, entries=self.most))
        self.translated: list[int] = [NONE] * configuration.number(ADDRESS)
        self._aperture = self._valid = valid
        self._reserved = reserved_of(configuration)
        self.groups: set[int] = set()
        """The groups of the container, where they come and go."""
        self.lock = Lock()
        self.payers: dict[int, Payer] = {}
        self.unmapped = 0
        """How many addresses the removal that has the lock took so far, or the call that makes vaddrs invalid."""
        self.invalid: set[int] = set()
        """The names of the mappings whose vaddr is invalid, of which type1 keeps the number (vaddr_invalid_count)."""
        self.marked: list[int] = []
        """Those that the call which has the lock has made so, the last one last."""

    def map(self, name: int, r: Range, access: int, payer: Payer) -> Refusal | None:
        """Make a mapping, charge its pages and translate them (vfio_link_dma, vfio_pin_map_dma).

        Where the payer may not lock as many, the mapping that was made goes again.
        """
        made = Mapping(r, 0, Access(access), MAPPING.element(name))
        refusal = self.mappings.map(made)
        if refusal is not None:
            return refusal
        if not payer.may_lock(size(r)):
            self.mappings.unmap(r, exact)
            return Refusal.CHARGED
        self.payers[name] = payer
        payer.locked += size(r)
        self.translate(r, name)
        return None

    def remove(self, mapping: Mapping) -> None:
        """End a mapping and its translations, give its pages back, and count its addresses (vfio_remove_dma)."""
        self.mappings.unmap(mapping.range, exact)
        self.translate(mapping.range, NONE)
        self.payers.pop(name_of(mapping)).locked -= size(mapping.range)
        self.unmapped += size(mapping.range)
        self.invalid.discard(name_of(mapping))

    def invalidate(self, mapping: Mapping) -> None:
        """Have a mapping's vaddr invalid, remember that this call did it, and count its addresses."""
        self.invalid.add(name_of(mapping))
        self.marked.append(name_of(mapping))
        self.unmapped += size(mapping.range)

    def restore(self) -> None:
        """Have the vaddr that was made invalid last valid again."""
        self.invalid.remove(self.marked.pop())

    def awaits_memory(self) -> bool:
        """Some vaddr is invalid (vaddr_invalid_count is not zero)."""
        return bool(self.invalid)

    def renew(self, mapping: Mapping, payer: Payer) -> bool:
        """Give a mapping a new vaddr, of this process, which pays from now on, if it may lock as many pages (vfio_change_dma_owner)."""
        name, pages = name_of(mapping), size(mapping.range)
        old = self.payers[name]
        if payer is not old:
            if not payer.may_lock(pages):
                return False
            payer.locked += pages
            old.locked -= pages
            self.payers[name] = payer
        self.invalid.remove(name)
        return True

    def attach(self, group: int) -> bool:
        """Take a group in, unless it reserves what is mapped, or leaves nothing valid (vfio_iommu_resv_conflict)."""
        left = self._left_by({*self.groups, group})
        if not left or not self._confine(left):
            return False
        self.groups.add(group)
        return True

    def detach(self, group: int) -> None:
        """Let a group go; what it reserved is valid again (vfio_iommu_resv_refresh)."""
        self.groups.discard(group)
        self._confine(self._left_by(self.groups))

    def is_reserved(self, address: int) -> bool:
        """A group reserves the address: it would be valid without, or is beyond what is valid anyway."""
        if any(address in r for r in self._aperture):
            return not any(address in r for r in self._valid)
        return any(address in r for r in self._reserved_by(self.groups))

    def _confine(self, valid: tuple[Range, ...]) -> bool:
        """Mappings may be in these ranges alone, unless one is elsewhere."""
        if self.mappings.set_valid(valid) is not None:
            return False
        self._valid = valid
        return True

    def _left_by(self, groups: set[int]) -> tuple[Range, ...]:
        return tuple(kept for r in self._aperture for kept in usable(r, self._reserved_by(groups)))

    def _reserved_by(self, groups: Iterable[int]) -> list[Range]:
        return [r for group in groups for r in self._reserved[group]]

    def named(self) -> dict[int, Mapping]:
        """The mappings by name."""
        return {name_of(mapping): mapping for mapping in self.mappings}

    def pages_of(self, name: int) -> int:
        """How many pages are charged through a mapping (dma.locked_vm)."""
        return size(self.named()[name].range)

    def locks(self) -> tuple[Lock, ...]:
        """Those of the address space."""
        return (self.lock,)

    def state(self) -> SpaceState:
        """What can be seen of it, as numbers."""
        told = (
            (name, one.range.first, one.range.last, one.access.value, self.payers[name].index)
            for name, one in sorted(self.named().items())
        )
        groups, invalid = tuple(sorted(self.groups)), tuple(sorted(self.invalid))
        return tuple(told), tuple(self.translated), groups, self._valid, invalid, (), ()

    def become(self, state: SpaceState, payers: list[Payer]) -> None:
        """Go back to a state in which no call is in flight, and these pay."""
        told, translated, groups, valid, invalid, _, _ = state
        for one in self.mappings.unmap_all():
            self.payers.pop(name_of(one)).locked -= size(one.range)
        self.groups = set(groups)
        self._confine(valid)
        for name, first, last, access, payer in told:
            r = Range(first, last)
            self.mappings.map(Mapping(r, 0, Access(access), MAPPING.element(name)))
            self.payers[name] = payers[payer]
            payers[payer].locked += size(r)
        self.translated = list(translated)
        self.unmapped = 0
        self.invalid = set(invalid)
        self.marked = []

    def translate(self, r: Range, name: int) -> None:
        """Have the addresses of a range translated for a mapping, or for none."""
        for address in range(r.first, r.last + 1):
            self.translated[address] = name


def reserved_of(configuration: Configuration) -> list[tuple[Range, ...]]:
    """What each group reserves, by ranges."""
    addresses, groups = configuration.number(ADDRESS), configuration.number(GROUP)
    rows = (configuration.group_reserves[g * addresses : (g + 1) * addresses] for g in range(groups))
    return [ranges_of(row) for row in rows]


def payers_of(configuration: Configuration) -> list[Payer]:
    """One for each process, where there are addresses."""
    given = zip(configuration.page_limit, configuration.may_exceed, strict=True)
    return [Payer(index, limit, unlimited=unlimited) for index, (limit, unlimited) in enumerate(given)]


def name_of(mapping: Mapping) -> int:
    """The number in the name of a mapping."""
    return int(mapping.owner.removeprefix(MAPPING.letter))
