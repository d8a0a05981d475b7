"""What the machine shows of itself, in the words of the properties."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from tenure.reference.columns import Columns
from tenure.reference.machine import Machine
from tenure.reference.show_cdevs import OF_CDEVS, observe_cdevs
from tenure.reference.show_described import DESCRIBED, observe_described
from tenure.reference.show_files import OF_FILES, observe_files
from tenure.reference.show_groups import (
    OF_CONTAINERS,
    OF_DEVICES,
    OF_DRIVERS,
    OF_GROUPS,
    OF_TABLES,
    observe_containers,
    observe_devices,
    observe_drivers,
    observe_groups,
    observe_tables,
)
from tenure.reference.show_interrupts import OF_INTERRUPTS, observe_interrupts
from tenure.reference.show_ioases import (
    OF_ACCESSES,
    OF_BUILDING,
    OF_IOASES,
    OF_SHARED_MEMORY,
    observe_accesses,
    observe_building,
    observe_existence,
    observe_ioases,
    observe_pinned,
    observe_shared_memory,
)
from tenure.reference.show_metagroups import OF_METAGROUPS, observe_memory, observe_metagroups
from tenure.reference.show_objects import OF_OBJECTS, observe_objects
from tenure.reference.show_paged import OF_PAGED, observe_paged
from tenure.reference.show_spaces import (
    OF_ADDRESSES,
    OF_DIRTY_PAGES,
    OF_GROUPS_OF_SPACES,
    OF_MAPPINGS,
    OF_PAYERS,
    OF_PINNED,
    OF_PINS,
    OF_SPACES,
    OF_VADDRS,
    observe_dirty_pages,
    observe_pinned_spaces,
    observe_pins,
    observe_space_groups,
    observe_spaces,
    observe_vaddrs,
)
from tenure.reference.show_users import OF_USERS, OF_VMS, observe_coherency, observe_users, observe_vms
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import IOPT_PAGES, USER
from tenure.vocabulary.symbols import Observable


class Part(NamedTuple):
    """Observables that are shown together."""

    of: tuple[Observable, ...]
    observe: Callable[[Machine], Columns]
    """The observables, in this order."""
    changes: Callable[[Machine], bool] = lambda _: True
    """They ever change in such a machine; elsewhere they stay what they were at the start."""


def _spaces(machine: Machine) -> Columns:
    """Address spaces of 2011, of an iommufd, or of type1; or the pages of a machine that has metagroups."""
    if machine.ioases:
        return observe_ioases(machine)
    if machine.metagroups.is_there:
        return observe_memory(machine)
    return observe_paged(machine) if machine.paged else observe_spaces(machine)


def _pinned(machine: Machine) -> Columns:
    """Pages that drivers have pinned through an iommufd, or through type1."""
    return observe_pinned(machine) if machine.ioases else observe_pinned_spaces(machine)


def _has_groups_of_type1(machine: Machine) -> bool:
    """Groups come to type1 and go."""
    return bool(machine.configuration.group_reserves or machine.configuration.bitmap_limit)


def _has_vfio_groups(machine: Machine) -> bool:
    """Groups have files and containers, and not metagroups."""
    return not machine.metagroups.is_there


PARTS = (
    Part(OF_FILES, observe_files),
    Part(OF_GROUPS, observe_groups, _has_vfio_groups),
    Part(OF_CONTAINERS, observe_containers, _has_vfio_groups),
    Part(OF_TABLES, observe_tables, lambda machine: bool(machine.tables)),
    Part(OF_DRIVERS, observe_drivers, lambda machine: bool(machine.iommu_drivers)),
    Part(OF_DEVICES, observe_devices),
    Part(OF_USERS, observe_users, lambda machine: bool(machine.users)),
    Part(
        (*OF_MAPPINGS, *OF_PAYERS, seen.address_translated, *OF_SPACES, *OF_ADDRESSES, *OF_PAGED),
        _spaces,
        lambda machine: bool(machine.spaces or machine.ioases or machine.paged or machine.metagroups.is_there),
    ),
    Part(OF_IOASES, observe_existence, lambda machine: bool(machine.ioases) or _has_groups_of_type1(machine)),
    Part(OF_BUILDING, observe_building, lambda machine: bool(machine.ioases)),
    Part(OF_ACCESSES, observe_accesses, lambda machine: bool(machine.configuration.most_tries)),
    Part(OF_SHARED_MEMORY, observe_shared_memory, lambda machine: bool(machine.configuration.number(IOPT_PAGES))),
    Part(OF_GROUPS_OF_SPACES, observe_space_groups, _has_groups_of_type1),
    Part(OF_VADDRS, observe_vaddrs, lambda machine: bool(machine.configuration.group_reserves)),
    Part(
        OF_PINNED, _pinned, lambda machine: bool(machine.configuration.most_repeats or machine.configuration.most_tries)
    ),
    Part(OF_PINS, observe_pins, lambda machine: bool(machine.configuration.most_repeats)),
    Part(OF_DIRTY_PAGES, observe_dirty_pages, lambda machine: bool(machine.configuration.bitmap_limit)),
    Part(DESCRIBED, observe_described, lambda _: False),
    Part(
        OF_INTERRUPTS,
        observe_interrupts,
        lambda machine: bool(machine.interrupts.indexes) or machine.metagroups.is_there,
    ),
    Part(OF_METAGROUPS, observe_metagroups, lambda machine: machine.metagroups.is_there),
    Part(OF_VMS, observe_vms, lambda machine: bool(machine.vms)),
    Part((seen.device_enforced_coherent,), observe_coherency, lambda _: False),
    Part(OF_OBJECTS, observe_objects, lambda machine: bool(machine.objects)),
    Part(
        OF_CDEVS,
        observe_cdevs,
        lambda machine: bool(machine.configuration.emulated or machine.ioases),
    ),
    Part((seen.harm,), lambda machine: ((machine.harm,),)),
)

SHOWN = (seen.user_idle, *(one for part in PARTS for one in part.of))
"""What a machine shows, in this order."""


class Window:
    """A machine as it is seen: what can change is looked at each time, the rest once."""

    def __init__(self, machine: Machine, in_flight: Collection[str]) -> None:
        self._users = [(user, USER.element(user.index)) for user in machine.users]
        self._in_flight = in_flight
        self._machine = machine
        self._parts = [(part.observe, None if part.changes(machine) else part.observe(machine)) for part in PARTS]

    def columns(self) -> Columns:
        """Each observable of SHOWN, over the product of its arguments' sorts, the last argument running fastest."""
        shown = [tuple([int(user.is_idle() and name not in self._in_flight) for user, name in self._users])]
        for observe, kept in self._parts:
            shown += observe(self._machine) if kept is None else kept
        return tuple(shown)
