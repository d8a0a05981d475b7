"""Metagroups that an administrator makes, fills, empties and ends: the proposal of the review, as if it had been built."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, EINVAL, ENODEV, ENOENT, OK, Task
from tenure.reference.files import GROUP_FILE
from tenure.reference.machine import Machine
from tenure.reference.metagroup_calls import install, may_name
from tenure.reference.metagroups import Group2011, Iommu
from tenure.vocabulary.answers import Answer


def may_open_group(machine: Machine, process: int, file: int, group: int) -> bool:
    """The name is free, and the process there; the group is any."""
    rfc = machine.metagroups
    return may_name(machine, file) and not rfc.processes[process].exited and group < len(rfc.groups)


def open_group(machine: Machine, _: Task, process: int, file: int, group: int) -> Answer:
    """One more file of a group that is in a metagroup; ENODEV."""
    opened = machine.metagroups.groups[group]
    if opened.iommu is None:
        return ENODEV
    opened.refcnt += 1
    install(machine, process, file, GROUP_FILE).group_2011 = opened
    return OK


def may_create_metagroup(machine: Machine, made: int) -> bool:
    """The name is free."""
    return machine.metagroups.is_unused(made)


def create_metagroup(machine: Machine, _: Task, made: int) -> Answer:
    """An empty one, which stays."""
    machine.metagroups.make(made)
    return OK


def may_destroy_metagroup(machine: Machine, metagroup: int) -> bool:
    """An administrator may try any."""
    return metagroup < len(machine.metagroups.named)


def destroy_metagroup(machine: Machine, _: Task, metagroup: int) -> Answer:
    """Free an empty one; ENOENT, EBUSY."""
    rfc = machine.metagroups
    iommu = rfc.named[metagroup]
    if iommu is None:
        return ENOENT
    if iommu.groups:
        return EBUSY
    rfc.free(iommu)
    return OK


def may_assign_group(machine: Machine, group: int, metagroup: int) -> bool:
    """An administrator may try any."""
    return may_withdraw_group(machine, group) and may_destroy_metagroup(machine, metagroup)


def assign_group(machine: Machine, _: Task, group: int, metagroup: int) -> Answer:
    """Put a group in; ENOENT, ENODEV, EBUSY where it is in one or that one is open, EINVAL where it does not fit."""
    assigned, iommu = machine.metagroups.groups[group], machine.metagroups.named[metagroup]
    if iommu is None:
        return ENOENT
    if not assigned.devices:
        return ENODEV
    if assigned.iommu is not None or _is_open(iommu):
        return EBUSY
    if any(not _fit(other, assigned) for other in iommu.groups):
        return EINVAL
    assigned.iommu = iommu
    iommu.groups.append(assigned)
    return OK


def may_withdraw_group(machine: Machine, group: int) -> bool:
    """An administrator may try any."""
    return group < len(machine.metagroups.groups)


def withdraw_group(machine: Machine, _: Task, group: int) -> Answer:
    """Take a group out; EINVAL, EBUSY."""
    withdrawn = machine.metagroups.groups[group]
    iommu = withdrawn.iommu
    if iommu is None:
        return EINVAL
    if _is_open(iommu):
        return EBUSY
    iommu.groups.remove(withdrawn)
    withdrawn.iommu = None
    return OK


def _is_open(iommu: Iommu) -> bool:
    """Somebody has a file of it, of a group or of a device."""
    return iommu.is_in_use() or any(group.refcnt for group in iommu.groups)


def _fit(one: Group2011, other: Group2011) -> bool:
    return (one.bus, one.coherent) == (other.bus, other.coherent)
