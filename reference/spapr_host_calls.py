"""SPAPR up to 5.18: the host's drivers, which map through the table of a group by the kernel's DMA API."""

from __future__ import annotations

from tenure.reference.calls import ENOMEM, OK, Task
from tenure.reference.groups import KERNEL
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_host_map(machine: Machine, device: int) -> bool:
    """A driver of the host that does DMA through an IOMMU, and has mapped nothing yet."""
    mapping = machine.devices[device]
    return mapping.driver == KERNEL and not (mapping.bridge or mapping.group.no_iommu or mapping.mapped_by_host)


def host_map(machine: Machine, _: Task, device: int) -> Answer:
    """Take an entry of the table; ENOMEM where VFIO has set every bit of it (iommu_range_alloc, dma_mapping_error)."""
    mapping = machine.devices[device]
    if mapping.group.attached is not None:
        return ENOMEM
    mapping.mapped_by_host = True
    return OK


def may_host_unmap(machine: Machine, device: int) -> bool:
    """The driver has mapped something."""
    return machine.devices[device].mapped_by_host


def host_unmap(machine: Machine, _: Task, device: int) -> Answer:
    """Give the entry back (iommu_free)."""
    machine.devices[device].mapped_by_host = False
    return OK
