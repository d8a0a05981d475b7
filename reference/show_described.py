"""What devices tell of themselves, in the words of the properties; it never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine

DESCRIBED = (
    seen.device_resets,
    seen.device_in_tree,
    seen.region_device,
    seen.region_size,
    seen.region_mappable,
    seen.region_read_only,
    seen.index_device,
    seen.index_level,
    seen.index_count,
)


def observe_described(machine: Machine) -> Columns:
    """The observables of DESCRIBED, in this order; of a device that says nothing, that it is not so."""
    silent = (0,) * len(machine.devices)
    told = machine.configuration.descriptions
    return tuple(getattr(told, one.name) or (silent if one.domain == (DEVICE,) else ()) for one in DESCRIBED)
