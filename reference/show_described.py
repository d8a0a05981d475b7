"""What devices tell of themselves, in the words of the properties; it never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.vocabulary import observables as seen

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine

DESCRIBED = (
    seen.device_resets,
    seen.device_in_tree,
    seen.region_device,
    seen.region_size,
    seen.region_offset,
    seen.region_mappable,
    seen.region_read_only,
    seen.region_phys_valid,
    seen.region_phys,
    seen.region_property,
    seen.region_property_index,
    seen.index_device,
    seen.index_level,
    seen.index_count,
    seen.index_property_index,
)


def observe_described(machine: Machine) -> Columns:
    """The observables of DESCRIBED, in this order; where nothing is told, that it is not so."""
    told, number = machine.configuration.descriptions, machine.configuration.number
    return tuple(getattr(told, one.name) or (0,) * number(one.domain[0]) for one in DESCRIBED)
