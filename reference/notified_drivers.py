"""Drivers that have notifiers, of whatever kind: how a call about one comes to the group of its device, and uses that meanwhile."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import OK, Task
from tenure.reference.get_put_calls import add_container_user, validated
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.vocabulary.types import NONE


def has_notifier(driver: ExternalUser) -> bool:
    """The driver has a notifier that it has not freed."""
    return driver.notifier is not None and not driver.notifier.freed


def get_group(machine: Machine, me: Task, device: int) -> Generator[str, None, VfioGroup | None]:
    """The VFIO group of a device, with one reference more, if there is one (vfio_group_get_from_dev)."""
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    group = machine.devices[device].group.vfio
    there = group.kref > 0
    if there:
        group.kref += 1
    machine.group_lock.release()
    return group if there else None


def used(me: Task, driver: ExternalUser, group: VfioGroup) -> Generator[str, None, bool]:
    """The driver counts as a user of the group, which is fit for it; of no refusal is told which it was."""
    if add_container_user(group) is not OK:
        return False
    driver.counts = group.iommu.index

    yield f"{me.call}.validate"
    container = yield from validated(me, group)
    if container is None:
        driver.counts = NONE
    return container is not None
