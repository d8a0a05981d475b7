"""Drivers that ask for IOMMU events: a notifier in the list of the IOMMU driver's data, put there and taken out through VFIO."""

from __future__ import annotations

from tenure.reference import get_put_calls
from tenure.reference.calls import EINVAL, ENODEV, ENOENT, ENOTTY, OK, Steps, Task, put_group
from tenure.reference.get_put_calls import dissolve
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE, Oops
from tenure.reference.machine import Machine
from tenure.reference.notified_drivers import get_group, has_notifier, used
from tenure.reference.notifiers import Notifier
from tenure.reference.tables import IommuTable
from tenure.vocabulary.answers import Refused


def may_get_external_user(machine: Machine, user: int, process: int, file: int) -> bool:
    """As ever, and the user is no driver with a notifier."""
    return not has_notifier(machine.users[user]) and get_put_calls.may_get_external_user(machine, user, process, file)


def may_register_notifier(machine: Machine, user: int, device: int, events: int) -> bool:
    """The driver has no notifier, and holds nothing else; none that it freed is still in a list."""
    driver = machine.users[user]
    return (
        0 <= device < len(machine.devices)
        and events in (0, 1)
        and driver.holds_nothing()
        and not has_notifier(driver)
        and all(driver.notifier not in table.notifiers for table in machine.tables)
    )


def register_notifier(machine: Machine, me: Task, user: int, device: int, events: int) -> Steps:
    """Put a notifier into the list; EINVAL, ENODEV, ENOTTY (vfio_register_notifier for IOMMU events, 4.10-5.18)."""
    driver = machine.users[user]
    if not events:
        return EINVAL
    group = yield from get_group(machine, me, device)
    if group is None:
        return ENODEV

    yield "register_notifier.count"
    if not (yield from used(me, driver, group)):
        yield from put_group(machine, me, group)
        return EINVAL

    yield "register_notifier.list"
    table = _table_of(group)
    if table is not None:
        driver.notifier = Notifier(device)
        table.notifiers.append(driver.notifier)

    yield "register_notifier.dissolve"
    yield from dissolve(machine, me, driver, group)

    yield "register_notifier.put"
    yield from put_group(machine, me, group)
    return ENOTTY if table is None else OK


def may_unregister_notifier(machine: Machine, user: int, device: int) -> bool:
    """The driver has a notifier for this device."""
    driver = machine.users[user]
    registered = driver.notifier
    return registered is not None and not registered.freed and registered.device == device and driver.holds_nothing()


def unregister_notifier(machine: Machine, me: Task, user: int, device: int) -> Steps:
    """Take the notifier out of the list that is there now, and free it; EINVAL, ENODEV, ENOTTY, ENOENT (5.10)."""
    driver = machine.users[user]
    group = yield from get_group(machine, me, device)
    if group is None:
        return ENODEV

    yield "unregister_notifier.count"
    if not (yield from used(me, driver, group)):
        yield from put_group(machine, me, group)
        return EINVAL

    yield "unregister_notifier.unlist"
    table = _table_of(group)
    found = table is not None and driver.notifier in table.notifiers
    if table is not None and driver.notifier is not None and found:
        table.notifiers.remove(driver.notifier)

    yield "unregister_notifier.dissolve"
    yield from dissolve(machine, me, driver, group)

    yield "unregister_notifier.put"
    yield from put_group(machine, me, group)
    if table is None:
        return ENOTTY
    if not found:
        return ENOENT
    driver.notifier = None
    return OK


def unregister_and_free(machine: Machine, me: Task, user: int, device: int) -> Steps:
    """The same by a driver that frees its notifier in any case; a list that still has it has a pointer to freed memory."""
    driver = machine.users[user]
    answer = yield from unregister_notifier(machine, me, user, device)
    if isinstance(answer, Refused) and driver.notifier is not None:
        driver.notifier.freed = True
    return answer


def _table_of(group: VfioGroup) -> IommuTable | None:
    """The IOMMU driver's data of the container in which the group is now; no lock keeps it there."""
    if group.container is None:
        raise Oops(NULL_DEREFERENCE)
    return group.container.table
