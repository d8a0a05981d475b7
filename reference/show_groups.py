"""What a machine shows of groups, of containers, their tables and IOMMU drivers, and of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.reference.columns import Columns, columns
from tenure.reference.files import File
from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.containers import Container
    from tenure.reference.groups import Device, IommuGroup
    from tenure.reference.iommu_drivers import IommuDriver
    from tenure.reference.machine import Machine

OF_GROUPS = (
    seen.group_exists,
    seen.group_opened,
    seen.group_viable,
    seen.group_no_iommu,
    seen.group_placed,
    seen.container_of,
    seen.container_users,
    seen.table_reached,
    seen.dma_owner,
    seen.owner_count,
    seen.dma_blocked,
    seen.group_kvm,
    seen.group_used_by_host,
)
OF_CONTAINERS = (
    seen.container_lists,
    seen.container_table,
    seen.container_driver,
    seen.container_references,
    seen.container_no_iommu,
)
OF_DRIVERS = (seen.driver_registered, seen.driver_references)
OF_DEVICES = (
    seen.device_group,
    seen.device_driver,
    seen.device_registered,
    seen.device_leaving,
    seen.device_bridge,
    seen.device_opens,
    seen.device_counts,
    seen.device_kvm,
    seen.module_goes,
    seen.module_references,
)

OF_TABLES = (seen.page_mapped,)

_BY_NOBODY, _BY_GROUP, _BY_IOMMUFD = (seen.OWNER.values.index(name) for name in ("none", "group", "iommufd"))


def observe_groups(machine: Machine) -> Columns:
    """The observables of OF_GROUPS, in this order."""
    scans = not (machine.claims_ownership or machine.metagroups.is_there or machine.spaces)
    return columns([_group(group, scans=scans) for group in machine.groups], len(OF_GROUPS))


def observe_containers(machine: Machine) -> Columns:
    """The observables of OF_CONTAINERS, in this order."""
    containers = machine.containers
    listed = tuple([flag for container in containers for flag in _listed(container, len(machine.groups))])
    return listed, *columns([_container(container) for container in containers], len(OF_CONTAINERS) - 1)


def observe_tables(machine: Machine) -> Columns:
    """The observables of OF_TABLES, in this order."""
    return (tuple([int(mapped) for table in machine.tables for mapped in table.pages]),)


def observe_drivers(machine: Machine) -> Columns:
    """The observables of OF_DRIVERS, in this order."""
    return columns([_driver(machine, driver) for driver in machine.iommu_drivers], len(OF_DRIVERS))


def observe_devices(machine: Machine) -> Columns:
    """The observables of OF_DEVICES, in this order."""
    return columns([_device(device) for device in machine.devices], len(OF_DEVICES))


def _group(group: IommuGroup, *, scans: bool) -> tuple[int, ...]:
    """Who owns a group is shown where ownership is claimed, its viability where VFIO scans for it."""
    vfio, table, owner = group.vfio, group.attached, group.owner
    return (
        1 if vfio.kref > 0 else 0,
        int(vfio.opened or vfio.opened_file is not None),
        int(scans and group.is_viable()),
        int(group.no_iommu),
        int(vfio.placed),
        NONE if vfio.container is None else vfio.container.index,
        vfio.users,
        NONE if table is None else table.index,
        _BY_NOBODY if owner is None else _BY_IOMMUFD if isinstance(owner, File) else _BY_GROUP,
        group.owner_cnt,
        int(group.blocked),
        NONE if vfio.kvm is None else vfio.kvm.index,
        int(group.is_used_by_host()),
    )


def _listed(container: Container, groups: int) -> list[int]:
    flags = [0] * groups
    for group in container.group_list:
        flags[group.iommu.index] = 1
    return flags


def _container(container: Container) -> tuple[int, ...]:
    table, driver = container.table, container.driver
    return (
        NONE if table is None else table.index,
        NONE if driver is None else driver.index,
        container.kref,
        int(container.no_iommu and bool(container.group_list)),
    )


def _driver(machine: Machine, driver: IommuDriver) -> tuple[int, ...]:
    return int(driver in machine.iommu_drivers_list), driver.module_references


def _device(device: Device) -> tuple[int, ...]:
    group = device.group
    return (
        group.index,
        device.driver,
        int(device in group.vfio.device_list),
        int(device in group.unbound_list),
        int(device.bridge),
        device.open_count,
        group.index if device.counts else NONE,
        NONE if device.kvm is None else device.kvm.index,
        int(not device.module.is_live),
        device.module.module_references,
    )
