"""IOMMU drivers that come and go: the module's init, and its removal."""

from __future__ import annotations

from tenure.reference.calls import EWOULDBLOCK, OK, Steps, Task
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine


def may_register_iommu_driver(machine: Machine, driver: int) -> bool:
    """The module is not loaded."""
    return not machine.iommu_drivers[driver].is_live


def register_iommu_driver(machine: Machine, me: Task, driver: int) -> Steps:
    """The module registers its driver, behind those that are there (vfio_register_iommu_driver)."""
    coming = machine.iommu_drivers[driver]
    while not machine.iommu_drivers_lock.taken_by(me):
        yield BLOCKED
    coming.is_live = True
    machine.iommu_drivers_list.append(coming)
    machine.iommu_drivers_lock.release()
    return OK


def may_unregister_iommu_driver(machine: Machine, driver: int) -> bool:
    """The module is loaded."""
    return machine.iommu_drivers[driver].is_live


def unregister_iommu_driver(machine: Machine, me: Task, driver: int) -> Steps:
    """The module is removed unless something refers to it; EWOULDBLOCK (delete_module, vfio_unregister_iommu_driver)."""
    leaving = machine.iommu_drivers[driver]
    if leaving.module_references:
        return EWOULDBLOCK
    while not machine.iommu_drivers_lock.taken_by(me):
        yield BLOCKED
    machine.iommu_drivers_list.remove(leaving)
    leaving.is_live = False
    machine.iommu_drivers_lock.release()
    return OK
