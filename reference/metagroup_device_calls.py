"""Devices of 2011: drivers that come and go, and devices that are plugged in and out."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, OK, Steps, Task
from tenure.reference.groups import KERNEL, NO_DRIVER, VFIO
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_bind_driver(machine: Machine, device: int, to: int) -> bool:
    """The device is plugged in, and no driver has it."""
    one = machine.metagroups.devices[device]
    return one.is_plugged() and one.of.driver == NO_DRIVER and to in (VFIO, KERNEL)


def bind_driver(machine: Machine, _: Task, device: int, to: int) -> Answer:
    """A driver takes the device; EBUSY for one of the kernel where the metagroup is open (vfio_bind_dev)."""
    one = machine.metagroups.devices[device]
    iommu = one.group.iommu
    spoils = to == KERNEL and iommu is not None and iommu.is_open
    if spoils and not machine.metagroups.is_as_written("D-G1-24"):
        return EBUSY
    one.of.driver = to
    return OK


def may_unbind_driver(machine: Machine, device: int) -> bool:
    """A driver has the device."""
    return machine.metagroups.devices[device].of.driver != NO_DRIVER


def unbind_driver(machine: Machine, _: Task, device: int) -> Steps:
    """The driver leaves; VFIO's sleeps until nobody uses the metagroup (vfio_unbind_dev)."""
    one = machine.metagroups.devices[device]
    while one.has_data() and one.group.iommu is not None and one.group.iommu.is_in_use():
        yield BLOCKED
    one.of.driver = NO_DRIVER
    return OK


def may_add_device(machine: Machine, device: int) -> bool:
    """The device is unplugged."""
    return not machine.metagroups.devices[device].is_plugged()


def add_device(machine: Machine, _: Task, device: int) -> Answer:
    """Plug it in; an open metagroup has it at once (vfio_group_add_dev)."""
    one = machine.metagroups.devices[device]
    one.group.devices.append(one)
    iommu = one.group.iommu
    one.attached = iommu if iommu is not None and iommu.is_open else None
    return OK


def may_remove_device(machine: Machine, device: int) -> bool:
    """The device is plugged in, and no driver has it."""
    one = machine.metagroups.devices[device]
    return one.is_plugged() and one.of.driver == NO_DRIVER


def remove_device(machine: Machine, _: Task, device: int) -> Answer:
    """Unplug it; with the last one a group that is not open leaves its metagroup (vfio_group_del_dev)."""
    one = machine.metagroups.devices[device]
    group, iommu = one.group, one.group.iommu
    group.devices.remove(one)
    one.attached = None
    if machine.metagroups.are_from_outside:
        return OK
    if iommu is not None and not group.devices and not group.refcnt:
        if group in iommu.groups:
            iommu.groups.remove(group)
        group.iommu = None
    return OK
