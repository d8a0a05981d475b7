"""Drivers that ask to be told of a VM: a notifier in the list of their group, which set_kvm calls."""

from __future__ import annotations

from tenure.reference import kvm_get_put_calls
from tenure.reference.calls import EINVAL, ENODEV, OK, Steps, Task, put_group
from tenure.reference.get_put_calls import dissolve
from tenure.reference.machine import Machine
from tenure.reference.notified_drivers import get_group, has_notifier, used
from tenure.reference.notifiers import Notifier


def may_file_add(machine: Machine, process: int, file: int, other: int, entry: int) -> bool:
    """As ever, and the entry is no driver with a notifier."""
    free = not has_notifier(machine.users[entry])
    return free and kvm_get_put_calls.may_file_add(machine, process, file, other, entry)


def may_register_group_notifier(machine: Machine, user: int, device: int, events: int) -> bool:
    """The driver has no notifier, and is no entry of a list."""
    driver = machine.users[user]
    return 0 <= device < len(machine.devices) and events in (0, 1) and driver.is_idle() and not has_notifier(driver)


def register_group_notifier(machine: Machine, me: Task, user: int, device: int, events: int) -> Steps:
    """Put a notifier into the list, and tell it of the VM; EINVAL, ENODEV (vfio_register_notifier for groups, 4.10-5.18)."""
    driver = machine.users[user]
    if not events:
        return EINVAL
    group = yield from get_group(machine, me, device)
    if group is None:
        return ENODEV

    yield "register_group_notifier.count"
    if not (yield from used(me, driver, group)):
        yield from put_group(machine, me, group)
        return EINVAL

    yield "register_group_notifier.list"
    driver.notifier = Notifier(device)
    group.iommu.listeners.append(driver.notifier)
    if group.kvm is not None:
        driver.notifier.vm = group.kvm

    yield "register_group_notifier.dissolve"
    yield from dissolve(machine, me, driver, group)

    yield "register_group_notifier.put"
    yield from put_group(machine, me, group)
    return OK


def may_unregister_group_notifier(machine: Machine, user: int, device: int) -> bool:
    """The driver has a notifier for this device."""
    driver = machine.users[user]
    return driver.notifier is not None and driver.notifier.device == device and driver.is_idle()


def unregister_group_notifier(machine: Machine, me: Task, user: int, device: int) -> Steps:
    """Take the notifier out of the list of its group, and free it; EINVAL, ENODEV (vfio_unregister_notifier, 5.10)."""
    driver = machine.users[user]
    group = yield from get_group(machine, me, device)
    if group is None:
        return ENODEV

    yield "unregister_group_notifier.count"
    if not (yield from used(me, driver, group)):
        yield from put_group(machine, me, group)
        return EINVAL

    yield "unregister_group_notifier.unlist"
    listeners = group.iommu.listeners
    listeners[:] = [other for other in listeners if other is not driver.notifier]

    yield "unregister_group_notifier.dissolve"
    yield from dissolve(machine, me, driver, group)

    yield "unregister_group_notifier.put"
    yield from put_group(machine, me, group)
    driver.notifier = None
    return OK
