"""What IO address spaces of an iommufd show of themselves, besides what address spaces of type1 show too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.ioas_layout import ends_of_pages
from tenure.reference.show_paged import no_pages
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ADDRESS, DEVICE, IOPT_PAGES
from tenure.vocabulary.observables import AREA_STAGE
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine

_STAGE = {stage: number for number, stage in enumerate(AREA_STAGE.values)}

OF_IOASES = (
    seen.space_exists,
    seen.address_choosable,
    seen.address_allowed,
    seen.space_cuts,
    seen.device_reserves,
    seen.address_reserved,
    seen.space_attached,
    seen.address_begins_page,
    seen.address_ends_page,
)

OF_BUILDING = (seen.mapping_stage, seen.mapping_workers, seen.mapping_missing)
OF_ACCESSES = (
    seen.tries_most,
    seen.area_closed,
    seen.area_told,
    seen.area_pinned,
    seen.area_at_rest,
)

OF_SHARED_MEMORY = (
    seen.mapping_pages_object,
    seen.mapping_offset,
    seen.memory_there,
    seen.memory_used,
    seen.memory_pinned,
    seen.memory_charged,
)


def observe_ioases(machine: Machine) -> Columns:
    """The observables of type1's address spaces and of 2011's."""
    spaces, addresses = machine.ioases, machine.configuration.number(ADDRESS)
    rows = [(NONE, NONE, NONE, 0)] * machine.mappings
    for table, space in enumerate(spaces):
        for name, one in space.named().items():
            rows[name] = (table, one.range.first, one.range.last, one.access.value)
    nobody, nothing = (0,) * len(machine.processes), (0,) * len(spaces)
    of_memory = no_pages(len(spaces), len(machine.processes), machine.pages, machine.mappings, addresses)
    return (
        *(tuple(column) for column in (zip(*rows, strict=True) if rows else [()] * 4)),
        (NONE,) * machine.mappings,
        (0,) * machine.mappings,
        *[nobody] * 3,
        tuple([space.building.table.get(address, NONE) for space in spaces for address in range(addresses)]),
        nothing,
        nothing,
        tuple([space.unmapped for space in spaces]),
        tuple(range(addresses)),
        (0,) * addresses,
        *of_memory,
    )


def observe_existence(machine: Machine) -> Columns:
    """The observables of OF_IOASES."""
    known = machine.configuration
    addresses = known.number(ADDRESS)
    nothing = (0,) * addresses
    reserves = tuple(map(int, known.reserves)) or nothing * known.number(DEVICE)
    of_addresses = (
        tuple(map(int, known.begins_page)) or nothing,
        tuple(map(int, ends_of_pages(known.begins_page))) or nothing,
    )
    if not machine.ioases:
        of_tables = (0,) * len(machine.tables)
        of_both = nothing * len(machine.tables)
        reserved = tuple([int(s.is_reserved(a)) for s in machine.spaces for a in range(addresses)])
        attached = tuple([int(bool(space.groups)) for space in machine.spaces])
        of_groups = reserved or of_both, attached or of_tables
        return of_tables, nothing, of_both, of_tables, reserves, *of_groups, *of_addresses
    there = tuple([int(space.is_there) for space in machine.ioases])
    allowed = tuple([int(any(a in r for r in space.allowed)) for space in machine.ioases for a in range(addresses)])
    taken = [space.reserved() for space in machine.ioases]
    reserved = tuple([int(any(a in r for r in ranges)) for ranges in taken for a in range(addresses)])
    attached = tuple([int(bool(space.devices)) for space in machine.ioases])
    cuts = tuple([int(space.cuts) for space in machine.ioases])
    return (
        there,
        tuple(map(int, known.may_be_chosen)) or nothing,
        allowed,
        cuts,
        reserves,
        reserved,
        attached,
        *of_addresses,
    )


def observe_building(machine: Machine) -> Columns:
    """The observables of OF_BUILDING."""
    rows = [(_STAGE["none"], 0, 0)] * machine.mappings
    for space in machine.ioases:
        building = space.building
        for name, stage in building.stages.items():
            rows[name] = _STAGE[stage], building.workers.get(name, 0), int(name in building.missing)
    return tuple(tuple(column) for column in (zip(*rows, strict=True) if rows else [()] * 3))


def observe_pinned(machine: Machine) -> Columns:
    """The observables of OF_PINNED of `show_spaces`."""
    known, devices = machine.configuration, len(machine.devices)
    everyone = machine.ioases[0].everyone if machine.ioases else []
    spaces = {space: table for table, space in enumerate(machine.ioases)}
    addresses = range(known.number(ADDRESS))
    pages = [int(address in one.pages) for one in everyone for address in addresses]
    where = [NONE if one.unpins_in is None else spaces[one.unpins_in] for one in everyone]
    return (
        tuple(pages) or (0,) * (devices * len(addresses)),
        tuple(where) or (NONE,) * devices,
        tuple(map(int, known.lets_go)) or (0,) * devices,
    )


def observe_accesses(machine: Machine) -> Columns:
    """The observables of OF_ACCESSES; who has pages of which area is looked up, and not counted."""
    most, areas = machine.configuration.most_tries, machine.mappings
    closed, told, rests = [0] * areas, [0] * areas, [int(bool(most))] * areas
    pinned = [[0] * areas for _ in machine.devices]
    for space in machine.ioases if most else ():
        for name, area in space.named().items():
            closed[name] = int(area.owner in space.pinned.closed)
            told[name] = int(area.owner in space.pinned.told)
            rests[name] = int(space.users == 0)
            for device, one in enumerate(space.everyone):
                pinned[device][name] = int(one.unpins_in is space and bool(one.has(area.range)))
    return (
        most or (0,) * len(machine.tables),
        tuple(closed),
        tuple(told),
        tuple([one for row in pinned for one in row]),
        tuple(rests),
    )


def observe_shared_memory(machine: Machine) -> Columns:
    """The observables of OF_SHARED_MEMORY; which areas lead where is looked up, and not asked of the pages objects."""
    known = machine.configuration
    addresses, objects = known.number(ADDRESS), known.number(IOPT_PAGES)
    rows, used = [(NONE, 0)] * machine.mappings, [0] * (objects * addresses)
    for space in machine.ioases:
        for name, area in space.named().items():
            share = space.shares.get(area.owner)
            if share is None:
                continue
            rows[name] = share.pages.name, share.span.first
            if space.devices:
                begin = share.pages.name * addresses
                for page in range(share.span.first, share.span.last + 1):
                    used[begin + page] = 1
    there = machine.ioases[0].memory.there if machine.ioases else {}
    nothing = (0,) * addresses
    pinned = [there[name].pinned if name in there else nothing for name in range(objects)]
    charged = [there[name].charged if name in there else nothing for name in range(objects)]
    return (
        *(tuple(column) for column in (zip(*rows, strict=True) if rows else [()] * 2)),
        tuple([int(name in there) for name in range(objects)]),
        tuple(used),
        tuple([int(one) for row in pinned for one in row]),
        tuple([one for row in charged for one in row]),
    )
