"""Drivers from 5.19 on: a probe asks whether a user owns the group, and is refused where one does; nothing is notified."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import OK, Part, Steps, Task
from tenure.reference.group_calls_2022 import detach
from tenure.reference.groups import KERNEL, NO_DRIVER, VFIO, Device, VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine, register
from tenure.reference.ownership import unuse_default_domain, use_default_domain
from tenure.vocabulary.answers import Refused


def bind_driver(machine: Machine, me: Task, device: int, to: int) -> Steps:
    """Let a driver probe the device; EBUSY for one that does DMA for the kernel beside a user (really_probe, 5.19-7.2)."""
    bound = machine.devices[device]
    refused = yield from configured(bound, me, to)
    if refused is not None:
        return refused
    bound.driver = to
    if to == VFIO:
        yield from _register(machine, me, bound)
    return OK


def configured(device: Device, me: Task, to: int) -> Generator[str, None, Refused | None]:
    """What a driver that does DMA for the kernel needs before its probe; EBUSY (iommu_device_use_default_domain)."""
    if to != KERNEL or device.group.no_iommu:
        return None
    while not device.group.mutex.taken_by(me):
        yield BLOCKED
    refused = use_default_domain(device.group)
    device.group.mutex.release()
    if refused is None:
        yield "bind_driver.probe"
    return refused


def _register(machine: Machine, me: Task, device: Device) -> Part:
    """The device joins its group, which is made if need be (vfio_register_group_dev)."""
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    register(device)
    machine.group_lock.release()


def unbind_driver(machine: Machine, me: Task, device: int) -> Steps:
    """The driver leaves the device; VFIO's waits until nobody uses it (vfio_unregister_group_dev, 6.6-7.2).

    Nobody can open it meanwhile. With the last device its group goes, out of its container if need be.
    """
    return (yield from _unbind(machine, me, machine.devices[device], listed_while_it_waits=False))


def unbind_driver_6_1(machine: Machine, me: Task, device: int) -> Steps:
    """Do the same; while VFIO's driver waits, whoever finds the device in use can open it (vfio_unregister_group_dev, 6.1)."""
    return (yield from _unbind(machine, me, machine.devices[device], listed_while_it_waits=True))


def _unbind(machine: Machine, me: Task, leaving: Device, *, listed_while_it_waits: bool) -> Steps:
    if leaving.driver != VFIO:
        yield from leave_another(me, leaving)
        return OK
    leaving.group.unbound_list.append(leaving)
    if not listed_while_it_waits:
        _unlist(leaving)

    yield "unbind_driver.wait_device"
    while leaving.users > 0:
        yield BLOCKED
    if listed_while_it_waits:
        _unlist(leaving)

    yield "unbind_driver.remove_group"
    yield from _remove_group(machine, me, leaving)

    yield "unbind_driver.unbound"
    leaving.driver = NO_DRIVER
    return OK


def leave_another(me: Task, device: Device) -> Part:
    """Any other driver goes; then the default domain has one user less, if it had it."""
    counts = device.driver == KERNEL and not device.group.no_iommu
    device.driver = NO_DRIVER
    if counts:
        yield "unbind_driver.cleanup"
        while not device.group.mutex.taken_by(me):
            yield BLOCKED
        unuse_default_domain(device.group)
        device.group.mutex.release()


def _unlist(device: Device) -> None:
    """No look-up finds the device from here on."""
    device.group.vfio.device_list.remove(device)


def _remove_group(machine: Machine, me: Task, device: Device) -> Part:
    """The group has one device less; with the last one it is unplugged from everything (vfio_device_remove_group)."""
    group = device.group.vfio
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    device.group.unbound_list.remove(device)
    group.kref -= 1
    if group.kref == 0:
        while not group.group_lock.taken_by(me):
            yield BLOCKED
        if group.container is not None:
            yield from detach(machine, me, group, group.container)
        group.orphaned = True
        group.group_lock.release()
        device.group.vfio = VfioGroup(device.group)
    machine.group_lock.release()
