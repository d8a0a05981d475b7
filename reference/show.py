"""What the machine shows of itself, in the words of the properties."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tenure.reference.containers import Container
from tenure.reference.files import IOMMUFD_FILE, File
from tenure.reference.groups import Device, IommuGroup
from tenure.reference.iommu_drivers import IommuDriver
from tenure.reference.machine import Machine
from tenure.reference.show_cdevs import OF_CDEVS, observe_cdevs
from tenure.reference.show_interrupts import OF_INTERRUPTS, observe_interrupts
from tenure.reference.show_metagroups import OF_METAGROUPS, file_of_2011, observe_memory, observe_metagroups
from tenure.reference.show_objects import OF_OBJECTS, name_of, observe_object
from tenure.reference.show_paged import OF_PAGED, observe_paged
from tenure.reference.show_spaces import OF_ADDRESSES, OF_MAPPINGS, OF_PAYERS, OF_SPACES, observe_spaces
from tenure.reference.users import ExternalUser
from tenure.reference.vms import Vm
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, USER
from tenure.vocabulary.types import NONE

_OF_FILES = (
    seen.file_kind,
    seen.file_container,
    seen.file_group,
    seen.file_device,
    seen.release_pending,
    seen.file_counts,
    seen.file_vm,
)
_OF_GROUPS = (
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
)
_OF_CONTAINERS = (seen.container_table, seen.container_driver, seen.container_references, seen.container_no_iommu)
_OF_DRIVERS = (seen.driver_registered, seen.driver_references)
_OF_DEVICES = (
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
_OF_USERS = (
    seen.user_process,
    seen.user_counts,
    seen.user_registered,
    seen.user_group,
    seen.user_container,
    seen.user_table,
    seen.user_added_first,
    seen.entry_vm,
    seen.entry_group,
    seen.entry_table,
)
_OF_VMS = (seen.vm_references, seen.vm_exists, seen.vm_device)

_DESCRIBED = (
    seen.device_resets,
    seen.device_in_tree,
    seen.region_device,
    seen.region_size,
    seen.region_mappable,
    seen.region_read_only,
    seen.index_device,
    seen.index_level,
    seen.index_count,
)

SHOWN = (
    seen.has_fd,
    *_OF_FILES,
    *_OF_GROUPS,
    seen.container_lists,
    *_OF_CONTAINERS,
    *_OF_DRIVERS,
    *_OF_DEVICES,
    seen.page_mapped,
    *_OF_USERS,
    seen.user_idle,
    seen.user_keeps,
    *OF_MAPPINGS,
    *OF_PAYERS,
    seen.address_translated,
    *OF_SPACES,
    *OF_ADDRESSES,
    *OF_PAGED,
    *_DESCRIBED,
    *OF_INTERRUPTS,
    *OF_METAGROUPS,
    *_OF_VMS,
    *OF_OBJECTS,
    seen.file_bound,
    *OF_CDEVS,
    seen.harm,
)
"""What `observe` shows, in this order."""

_BY_NOBODY, _BY_GROUP, _BY_IOMMUFD = (seen.OWNER.values.index(name) for name in ("none", "group", "iommufd"))
_NOTHING: tuple[int, ...] = ()
_ALL_ZERO_FILE = (0, NONE, NONE, NONE, 0, NONE, NONE)


def observe(machine: Machine, in_flight: Collection[str]) -> tuple[tuple[int, ...], ...]:
    """Each observable of SHOWN, over the product of its arguments' sorts, the last argument running fastest."""
    groups, files = machine.groups, machine.files
    scans = not machine.claims_ownership and not machine.metagroups.is_there
    return (
        tuple([0 if fd is None else 1 for process in machine.processes for fd in process.fds]),
        *_columns([_file(file) for file in files], len(_OF_FILES)),
        *_columns([_group(group, scans=scans) for group in groups], len(_OF_GROUPS)),
        tuple([listed for container in machine.containers for listed in _listed(container, len(groups))]),
        *_columns([_container(container) for container in machine.containers], len(_OF_CONTAINERS)),
        *_columns([_driver(machine, driver) for driver in machine.iommu_drivers], len(_OF_DRIVERS)),
        *_columns([_device(device) for device in machine.devices], len(_OF_DEVICES)),
        tuple([int(mapped) for table in machine.tables for mapped in table.pages]),
        *_columns([_user(machine, user) for user in machine.users], len(_OF_USERS)),
        tuple([1 if user.is_idle() and USER.element(user.index) not in in_flight else 0 for user in machine.users]),
        tuple([1 if user.keeps and user.file is file else 0 for user in machine.users for file in files]),
        *_spaces(machine),
        *_told(machine),
        *observe_interrupts(machine),
        *observe_metagroups(machine),
        *_columns([_vm(vm) for vm in machine.vms], len(_OF_VMS)),
        *_columns([observe_object(obj) for obj in machine.objects], len(OF_OBJECTS)),
        tuple([name_of(file.bound) for file in files]),
        *observe_cdevs(machine),
        (machine.harm,),
    )


def _told(machine: Machine) -> Iterator[tuple[int, ...]]:
    """What devices tell of themselves; of a device that says nothing, that it is not so."""
    silent = (0,) * len(machine.devices)
    for one in _DESCRIBED:
        told: tuple[int, ...] = getattr(machine.configuration.descriptions, one.name)
        yield told or (silent if one.domain == (DEVICE,) else _NOTHING)


def _spaces(machine: Machine) -> tuple[tuple[int, ...], ...]:
    """Address spaces of 2011, or of type1; or the pages of a machine that has metagroups."""
    if machine.metagroups.is_there:
        return observe_memory(machine)
    return observe_paged(machine) if machine.paged else observe_spaces(machine)


def _columns(rows: list[tuple[int, ...]], width: int) -> list[tuple[int, ...]]:
    """One tuple for each observable, from one for each object."""
    return list(zip(*rows, strict=True)) if rows else [_NOTHING] * width


def _file(file: File) -> tuple[int, ...]:
    device, group = file.device, file.group
    if device is not None:
        index = NONE if file.is_cdev else device.group.index
        return file.kind, NONE, index, device.index, int(file.count == 0), index if file.counts else NONE, NONE
    if group is not None:
        behind = NONE if group.orphaned else group.iommu.index
        return file.kind, NONE, behind, NONE, int(file.count == 0), NONE, NONE
    if file.kind == IOMMUFD_FILE:
        return file.kind, NONE, NONE, NONE, int(file.count == 0), NONE, NONE
    if file.container is not None:
        return file.kind, file.container.index, NONE, NONE, int(file.count == 0), NONE, NONE
    if file.vm is not None:
        return file.kind, NONE, NONE, NONE, int(file.count == 0), NONE, file.vm.index
    return file_of_2011(file) or _ALL_ZERO_FILE


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


def _user(machine: Machine, user: ExternalUser) -> tuple[int, ...]:
    table = user.told_table
    vm = next((vm.index for vm in machine.vms if vm.lists(user)), NONE)
    return (
        user.process,
        user.counts,
        _registered(user),
        user.told_group,
        user.told_container,
        NONE if table is None else table.index,
        int(user.added_first),
        vm,
        NONE if vm == NONE else _group_of_entry(user),
        NONE if user.linked is None else user.linked.index,
    )


def _registered(user: ExternalUser) -> int:
    registration = user.registration
    return registration.group.index if registration is not None and registration.is_listed() else NONE


def _group_of_entry(user: ExternalUser) -> int:
    """What an entry holds is a group, or the file of one that has devices."""
    group = user.group if user.file is None else user.file.group
    return NONE if group is None or group.orphaned else group.iommu.index


def _vm(vm: Vm) -> tuple[int, ...]:
    return vm.users, int(vm.alive), int(vm.device is not None)
