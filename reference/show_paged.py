"""What address spaces of 2011 show of themselves, besides what those of type1 show too."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine

OF_PAGED = (
    seen.mapping_memory,
    seen.address_leads,
    seen.space_at_rest,
    seen.space_process,
    seen.page_number,
    seen.page_reserved,
    seen.page_charged,
)


def observe_paged(machine: Machine) -> Columns:
    """The observables of type1's address spaces, and after them those of OF_PAGED."""
    tables, addresses = len(machine.paged), machine.paged[0].count
    rows = [(NONE, NONE, NONE, 0, NONE, 0, 0)] * machine.mappings
    for table, space in enumerate(machine.paged):
        for name, p in space.names.items():
            rows[name] = (table, p.first, p.last, p.access, NONE, 0, p.memory)
    *of_mappings, memory = zip(*rows, strict=True) if rows else [()] * 7
    processes = [space.process for space in machine.paged]
    leads = [number for space in machine.paged for number in space.translated()]
    return (
        *of_mappings,
        tuple([process.locked for process in processes]),
        tuple([process.limit for process in processes]),
        tuple([int(process.may_lock) for process in processes]),
        (NONE,) * len(leads),
        *[(0,) * tables] * 3,
        tuple(range(addresses)),
        (0,) * addresses,
        memory,
        tuple(leads),
        tuple([int(space.lock.owner is None) for space in machine.paged]),
        tuple(range(tables)),
        tuple(range(1, machine.pages + 1)),
        tuple(map(int, machine.configuration.reserved)),
        tuple([int(charged) for space in machine.paged for charged in _charged(machine, space.translated())]),
    )


def _charged(machine: Machine, leads: tuple[int, ...]) -> list[bool]:
    """The pages that a process is charged for: no reserved one."""
    return [page + 1 in leads and not reserved for page, reserved in enumerate(machine.configuration.reserved)]


@cache
def no_pages(tables: int, processes: int, pages: int, mappings: int = 0, addresses: int = 0) -> Columns:
    """What a machine without such address spaces shows of them."""
    return (
        (0,) * mappings,
        (0,) * (tables * addresses),
        (0,) * tables,
        (NONE,) * tables,
        *[(0,) * pages] * 2,
        (0,) * (processes * pages),
    )
