"""An IO address space of an iommufd: its areas in the one tracker, and how many calls work on it."""

from __future__ import annotations

from collections.abc import Sequence

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Access, Bounds, Mapping, Range, Refusal, Tracker, Width, size
from tenure.reference.dma.bounds import usable
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.ranges import intersection, overlap, split
from tenure.reference.dma.removal import exact
from tenure.reference.ioas_accesses import AccessState, Areas, ClosedState, DeviceAccess, accesses_of, load_accesses
from tenure.reference.ioas_building import Building, Stages
from tenure.reference.ioas_layout import Layout, layout_of
from tenure.reference.ioas_memory import Memory, Share
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE

IoasState = tuple[
    bool,
    bool,
    tuple[Range, ...],
    tuple[int, ...],
    tuple[tuple[int, int, int, int], ...],
    tuple[tuple[int, int, int, bool], ...],
    Stages,
    ClosedState,
]
"""Whether it is there and cuts areas; what is allowed; who is attached; each area as its name, ends, and access; and where areas
share memory, the name of each, that of its pages object, where it begins in that, and whether that was made for writing; what
its page table is, where that is looked at; and which areas are shut."""


class IoasSpace:
    """One IO address space; without a device its areas are ranges of any bytes, each told from others by its name."""

    def __init__(self, layout: Layout, memory: Memory, everyone: list[DeviceAccess]) -> None:
        self.layout = layout
        self.memory = memory
        self.everyone = everyone
        """The accesses of all devices, wherever they are attached."""
        self.pinned = Areas()
        """What accesses have of its areas."""
        self.is_there = False
        self.cuts = False
        """Large pages are off (disable_large_pages)."""
        self.areas = Tracker(Bounds(width=Width(16), shift=Shift(0)))
        self.allowed: tuple[Range, ...] = ()
        """Where addresses are chosen, in order and in as few ranges as can be; anywhere if there is none."""
        self.devices: set[int] = set()
        """The devices that are attached."""
        self.shares: dict[str, Share] = {}
        """What each area leads to, where areas share memory."""
        self.building = Building()
        """How far areas are, and the page table, where they are made and taken step by step."""
        self.users = 0
        """The calls that have looked it up and not put it yet."""
        self.unmapped = 0
        """How many addresses the removals under way took so far."""

    def map(self, name: int, r: Range, access: int) -> Refusal | None:
        """Make an area, unless another one is there (iopt_check_iova, iopt_insert_area)."""
        return self.areas.map(Mapping(r, 0, Access(access), MAPPING.element(name)))

    def reserved(self) -> list[Range]:
        """What is nobody's while the devices are attached (reserved_itree)."""
        return [r for device in sorted(self.devices) for r in self.layout.reserved[device]]

    def suits(self, r: Range) -> bool:
        """The range is of whole pages, or no device is attached that would want it to be (iopt.iova_alignment)."""
        return not self.devices or self.layout.is_whole(r)

    def admits(self, device: int) -> bool:
        """No area and nothing that is allowed is reserved for the device, and areas are whole pages (iopt_reserve_iova)."""
        mapped = [area.range for area in self.areas]
        mine = self.layout.reserved[device]
        meets = any(overlap(r, one) for r in mine for one in (*mapped, *self.allowed))
        return not meets and all(map(self.layout.is_whole, mapped))

    def room(self, length: int) -> int | None:
        """The lowest address from which on so many are free and may be chosen (iopt_alloc_iova)."""
        taken = [*(area.range for area in self.areas), *self.reserved()]
        clipped = (intersection(r, one) for r in self.layout.choosable for one in self.allowed or (r,))
        holes = (hole for r in clipped if r is not None for hole in usable(r, taken))
        places = (Range(a, a + length - 1) for hole in holes for a in range(hole.first, hole.last - length + 2))
        return next((place.first for place in places if self.suits(place)), None)

    def cut(self, last: int, name: int) -> None:
        """Have the area of an address end there, and make another one of the rest; which it may have none of (iopt_area_split)."""
        area = self.areas.at(last)
        if area is None or last == area.range.last:
            return
        lower, upper = split(area.range, last + 1)
        self.areas.unmap(area.range, exact)
        self.areas.map(Mapping(lower, 0, area.access, area.owner))
        self.map(name, upper, area.access.value)

    def lead(self, name: int, share: Share) -> None:
        """Have an area lead to memory, to which the caller has a reference that is the area's from now on (iopt_insert_area)."""
        self.shares[MAPPING.element(name)] = share
        if self.devices:
            share.pages.need(share.span)

    def enter(self, device: int) -> None:
        """Attach a device; for the first one the areas are filled into a page table (iopt_table_add_domain)."""
        if not self.devices:
            for share in self.shares.values():
                share.pages.need(share.span)
        self.devices.add(device)

    def leave(self, device: int) -> None:
        """Detach a device, if it is attached; with the last one the page table goes (iopt_table_remove_domain)."""
        if self.devices == {device}:
            for share in self.shares.values():
                share.pages.drop(share.span)
        self.devices.discard(device)

    def _let_go(self, area: str) -> None:
        """With an area goes what it needed, and its reference (iopt_area_unfill_domains, iopt_put_pages)."""
        share = self.shares.pop(area, None)
        if share is None:
            return
        if self.devices:
            share.pages.drop(share.span)
        self.memory.put(share.pages)

    def end(self) -> None:
        """Nobody can look it up any more, and all that it kept is gone (iommufd_ioas_destroy)."""
        self.is_there, self.allowed = False, ()
        for area in tuple(self.shares):
            self._let_go(area)
        self.areas.unmap_all()
        self.pinned = Areas()

    def remove(self, area: Mapping) -> int:
        """End an area, and say how many addresses it had (iopt_area_remove)."""
        self.areas.unmap(area.range, exact)
        self._let_go(area.owner)
        self.pinned.forget(area.owner)
        self.unmapped += size(area.range)
        return size(area.range)

    def abort(self, area: Mapping) -> None:
        """End an area that could not be filled, which counts as no removal (iopt_abort_area)."""
        self.areas.unmap(area.range, exact)

    def named(self) -> dict[int, Mapping]:
        """The areas by name."""
        return {name_of(area): area for area in self.areas}

    def state(self) -> IoasState:
        """What can be seen of it, as numbers."""
        told = ((name, one.range.first, one.range.last, one.access.value) for name, one in sorted(self.named().items()))
        shares = sorted((_name(area), share) for area, share in self.shares.items()) if self.shares else ()
        of_memory = tuple((name, one.pages.name, one.span.first, one.pages.writable) for name, one in shares)
        return (
            self.is_there,
            self.cuts,
            self.allowed,
            tuple(sorted(self.devices)),
            tuple(told),
            of_memory,
            self.building.state(),
            tuple(sorted(self.pinned.closed)),
        )

    def become(self, state: IoasState) -> None:
        """Go back to a state in which no call is in flight; the memory that areas share has been forgotten."""
        self.is_there, self.cuts, self.allowed, devices, told, of_memory, stages, closed = state
        self.devices = set(devices)
        self.areas.unmap_all()
        for name, first, last, access in told:
            self.map(name, Range(first, last), access)
        self.shares.clear()
        lengths = {name: last - first for name, first, last, _ in told} if of_memory else {}
        for name, pages, begin, writable in of_memory:
            self.lead(name, Share(self.memory.get(pages, writable=writable), Range(begin, begin + lengths[name])))
        self.building.become(stages)
        self.pinned = Areas(set(closed))
        self.users = self.unmapped = 0


def ioas_spaces_of(configuration: Configuration) -> list[IoasSpace]:
    """One for each table, where there are addresses."""
    tables = configuration.number(TABLE) if configuration.number(ADDRESS) else 0
    layout = layout_of(configuration)
    memory = Memory(configuration.number(ADDRESS))
    everyone = accesses_of(configuration)
    return [IoasSpace(layout, memory, everyone) for _ in range(tables)]


def load_ioas_spaces(spaces: Sequence[IoasSpace], states: Sequence[IoasState], accesses: Sequence[AccessState]) -> None:
    """Bring all of them back to these states; the memory that their areas share comes back with the areas, then who has pages of it."""
    for space in spaces[:1]:
        space.memory.forget()
    for space, state in zip(spaces, states, strict=True):
        space.become(state)
    load_accesses(spaces, accesses)


def name_of(area: Mapping) -> int:
    """The name of an area."""
    return _name(area.owner)


def _name(area: str) -> int:
    return int(area.removeprefix(MAPPING.letter))
