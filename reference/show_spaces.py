"""What address spaces show of themselves, in the words of the properties."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tenure.reference.dirty_spaces import DirtySpace
from tenure.reference.harm import BUG
from tenure.reference.pinned_spaces import PinnedSpace
from tenure.reference.show_paged import no_pages
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine

OF_MAPPINGS = (
    seen.mapping_listed,
    seen.mapping_first,
    seen.mapping_last,
    seen.mapping_access,
    seen.mapping_payer,
    seen.mapping_pages,
)
OF_PAYERS = (seen.pages_charged, seen.pages_most, seen.pages_unlimited)
OF_SPACES = (seen.mappings_left, seen.mappings_most, seen.unmap_counted)
OF_GROUPS_OF_SPACES = (seen.group_reserves, seen.group_space)
OF_VADDRS = (seen.vaddr_invalid_in, seen.vaddr_marked_in)
OF_PINNED = (seen.page_pinned, seen.device_told, seen.device_lets_go)
OF_PINS = (seen.page_pins, seen.repeats_most, seen.space_entangled, seen.unmap_gave_up)
OF_DIRTY_PAGES = (
    seen.dirty_tracked,
    seen.page_dirty,
    seen.page_told,
    seen.page_unsaved,
    seen.page_kept,
    seen.group_confined,
    seen.group_pins_first,
    seen.bitmaps_most,
)
OF_ADDRESSES = (seen.address_position, seen.address_valid)


def observe_spaces(machine: Machine) -> Columns:
    """The observables of mappings, of those who pay, of translations, of address spaces and of addresses, in this order."""
    if not machine.spaces:
        return _nothing(len(machine.tables), len(machine.processes), machine.pages)
    rows = [(NONE, NONE, NONE, 0, NONE, 0)] * machine.mappings
    for table, space in enumerate(machine.spaces):
        for name, one in space.named().items():
            ends = one.range.first, one.range.last
            rows[name] = (table, *ends, one.access.value, space.payers[name].index, space.pages_of(name))
    payers = [(payer.locked, payer.limit, int(payer.unlimited)) for payer in machine.payers]
    spaces = machine.spaces
    return (
        *(tuple(column) for column in (zip(*rows, strict=True) if rows else [()] * len(OF_MAPPINGS))),
        *zip(*payers, strict=True),
        tuple([name for space in spaces for name in space.translated]),
        tuple([space.most - len(space.mappings) for space in spaces]),
        tuple([space.most for space in spaces]),
        tuple([space.unmapped for space in spaces]),
        tuple(range(len(machine.valid_range))),
        machine.valid_range,
        *no_pages(
            len(machine.tables), len(machine.processes), machine.pages, machine.mappings, len(machine.valid_range)
        ),
    )


def observe_space_groups(machine: Machine) -> Columns:
    """The observables of OF_GROUPS_OF_SPACES."""
    groups, addresses = len(machine.groups), machine.configuration.number(ADDRESS)
    where = tuple([next((t for t, s in enumerate(machine.spaces) if g in s.groups), NONE) for g in range(groups)])
    return tuple(map(int, machine.configuration.group_reserves)) or (0,) * (groups * addresses), where


def observe_vaddrs(machine: Machine) -> Columns:
    """The observables of OF_VADDRS."""
    invalid = {name: table for table, space in enumerate(machine.spaces) for name in space.invalid}
    marked = {name: table for table, space in enumerate(machine.spaces) for name in space.marked}
    return tuple(tuple([known.get(name, NONE) for name in range(machine.mappings)]) for known in (invalid, marked))


def observe_pinned_spaces(machine: Machine) -> Columns:
    """The observables of OF_PINNED, where it is type1 through which drivers pin."""
    spaces, lets_go = _pinned_spaces(machine), machine.configuration.lets_go
    addresses, devices = range(machine.configuration.number(ADDRESS)), range(len(machine.devices))
    return (
        tuple([int(any(a in space.pages[d] for space in spaces)) for d in devices for a in addresses]),
        tuple([next((t for t, space in enumerate(spaces) if d in space.devices), NONE) for d in devices]),
        tuple(map(int, lets_go)) or (0,) * len(devices),
    )


def observe_pins(machine: Machine) -> Columns:
    """The observables of OF_PINS."""
    spaces, none = _pinned_spaces(machine), (0,) * len(machine.tables)
    return (
        tuple([sum(space.references(a) for space in spaces) for a in range(machine.configuration.number(ADDRESS))]),
        machine.configuration.most_repeats or none,
        tuple([int(space.is_entangled()) for space in spaces]) or none,
        tuple([int(machine.harm == BUG) for _ in spaces]) or none,
    )


def observe_dirty_pages(machine: Machine) -> Columns:
    """The observables of OF_DIRTY_PAGES."""
    spaces = [space for space in machine.spaces if isinstance(space, DirtySpace)]
    sizes, groups = machine.configuration.number, range(len(machine.groups))
    if not spaces:
        none, pages = (0,) * len(machine.tables), (0,) * (len(machine.tables) * sizes(ADDRESS))
        return (
            none,
            pages,
            pages,
            pages,
            (0,) * (len(groups) * sizes(ADDRESS)),
            (0,) * len(groups),
            (0,) * len(groups),
            none,
        )
    addresses = range(sizes(ADDRESS))
    bits = [{page for dma in space.container.every() for page in dma.dirty} for space in spaces]
    return (
        tuple([int(space.container.tracks_dirty) for space in spaces]),
        tuple([int(a in one) for one in bits for a in addresses]),
        tuple([int(a in space.told) for space in spaces for a in addresses]),
        tuple([int(a in space.unsaved) for space in spaces for a in addresses]),
        tuple([int(any(a in space.kept[g] for space in spaces)) for g in groups for a in addresses]),
        tuple([int(any(space.is_confined(g) for space in spaces)) for g in groups]),
        tuple(map(int, machine.configuration.pins_first)),
        machine.configuration.bitmap_limit,
    )


def _pinned_spaces(machine: Machine) -> list[PinnedSpace]:
    return [space for space in machine.spaces if isinstance(space, PinnedSpace)]


@cache
def _nothing(tables: int, processes: int, pages: int) -> Columns:
    """What a machine without addresses shows, so many a time that it is made once."""
    return (
        *[()] * len(OF_MAPPINGS),
        *[(0,) * processes] * len(OF_PAYERS),
        (),
        *[(0,) * tables] * len(OF_SPACES),
        *[()] * len(OF_ADDRESSES),
        *no_pages(tables, processes, pages),
    )
