"""Drivers come and go: the driver core binds and unbinds, and VFIO hears of it through the group's notifier."""

from __future__ import annotations

from tenure.reference.calls import OK, Part, Steps, Task, put_group
from tenure.reference.groups import NO_DRIVER, VFIO, Device
from tenure.reference.harm import BUG, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine, register
from tenure.vocabulary.observables import DRIVER


def may_bind_driver(machine: Machine, device: int, to: int) -> bool:
    """The device has no driver, and there is one to bind, which does not go."""
    bound = machine.devices[device]
    return bound.driver == NO_DRIVER < to < len(DRIVER.values) and (to != VFIO or bound.module.is_live)


def bind_driver(machine: Machine, me: Task, device: int, to: int) -> Steps:
    """A driver probes the device; VFIO, told afterwards, can only say BUG() (vfio_iommu_group_notifier, 3.6-5.18)."""
    bound = machine.devices[device]
    bound.driver = to
    if to == VFIO:
        yield from _add_group_dev(machine, me, bound)

    yield "bind_driver.bound"
    group = bound.group
    while not group.notifier.taken_by(me):
        yield BLOCKED
    if group.vfio.kref > 0 and group.vfio.users > 0 and not bound.is_acceptable():  # vfio_group_nb_verify
        raise Oops(BUG)
    group.notifier.release()
    return OK


def _add_group_dev(machine: Machine, me: Task, device: Device) -> Part:
    """The device is registered with its group, which is made if need be (vfio_add_group_dev, 3.6-5.13)."""
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    register(device)
    machine.group_lock.release()


def may_unbind_driver(machine: Machine, device: int) -> bool:
    """The device has a driver, which has unmapped what it mapped."""
    bound = machine.devices[device]
    return bound.driver != NO_DRIVER and not bound.mapped_by_host


def unbind_driver(machine: Machine, me: Task, device: int) -> Steps:
    """The driver leaves the device; a VFIO driver waits for whoever uses it (vfio_del_group_dev, 4.14-5.13).

    It waits until nobody holds the device and, for the last device of a group, until the group is in no container:
    for ever, where an external user stays.
    """
    leaving = machine.devices[device]
    group = leaving.group.vfio
    if leaving.driver == VFIO:
        leaving.group.unbound_list.append(leaving)

        yield "unbind_driver.wait_device"
        while leaving.users > 0:
            yield BLOCKED
        while not group.device_lock.taken_by(me):
            yield BLOCKED
        group.device_list.remove(leaving)
        group.device_lock.release()
        yield from put_group(machine, me, group)

        yield "unbind_driver.wait_container"
        while group.container is not None and not leaving.group.vfio.device_list:
            yield BLOCKED

    yield "unbind_driver.unbound"
    while not leaving.group.notifier.taken_by(me):
        yield BLOCKED
    leaving.driver = NO_DRIVER
    if leaving in leaving.group.unbound_list:
        leaving.group.unbound_list.remove(leaving)
    leaving.group.notifier.release()
    return OK
