"""Snapshots: a state with no call in flight as a plain tuple of numbers, and the way back.

Pointers become the index of what they point at. A pointer to something that was freed is told from one to the next
object of the same name: it is counted down from -2. What cannot be seen, such as the order in lists, is left out.
"""

from __future__ import annotations

from tenure.reference.containers import Container
from tenure.reference.files import (
    CLOSED,
    CONTAINER_FILE,
    DEVICE_FILE,
    GROUP_FILE,
    IOMMU_FILE,
    IOMMUFD_FILE,
    KVM_VFIO_FILE,
    VM_FILE,
    File,
    Process,
)
from tenure.reference.groups import Device, IommuGroup, VfioGroup
from tenure.reference.interrupts import InterruptState
from tenure.reference.ioas_accesses import AccessState, save_accesses
from tenure.reference.ioas_spaces import IoasState, load_ioas_spaces
from tenure.reference.iommufd import IommuObject
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Metagroups, MetagroupState
from tenure.reference.notifiers import Notifier
from tenure.reference.paged_spaces import PagedState
from tenure.reference.registrations import Registration
from tenure.reference.saving_cdevs import CdevState, load_cdevs, save_cdevs
from tenure.reference.spaces import SpaceState
from tenure.reference.tables import IommuTable
from tenure.reference.users import ExternalUser
from tenure.reference.vms import KvmVfio, Vm, pointed_at, pointer_to
from tenure.vocabulary.types import NONE

FdTable = tuple[bool, ...]
FileState = tuple[int, int, int, bool]
GroupState = tuple[int, bool, int, int, bool, int, int, bool, int, bool, int]
ContainerState = tuple[int, int, int, bool, tuple[int, ...]]
TableState = tuple[bool, ...] | None
DeviceState = tuple[int, bool, bool, int, int, bool, int, bool, bool, int]
NotifierState = tuple[int, int, bool, int]
UserState = tuple[int, int, int, bool, int, int, int, int, int, int, bool, bool, bool, NotifierState]
DriverState = tuple[bool, int]
VmState = tuple[int, int, int, tuple[bool, tuple[int, ...]] | None] | None
ObjectState = tuple[int, int, bool, int, int, int, bool, int, int] | None
Snapshot = tuple[
    int,
    tuple[FdTable, ...],
    tuple[FileState, ...],
    tuple[GroupState, ...],
    tuple[ContainerState, ...],
    tuple[TableState, ...],
    tuple[DeviceState, ...],
    tuple[UserState, ...],
    tuple[PagedState, ...],
    tuple[SpaceState, ...],
    tuple[IoasState, ...],
    tuple[AccessState, ...],
    InterruptState,
    tuple[VmState, ...],
    tuple[DriverState, ...],
    tuple[ObjectState, ...],
    MetagroupState,
    CdevState,
]

_NO_FILE: FileState = (CLOSED, 0, NONE, False)
_NO_CONTAINER: ContainerState = (0, NONE, NONE, False, ())
_NO_NOTIFIER: NotifierState = (NONE, NONE, False, NONE)
_NOTHING_HELD = (NONE, NONE, NONE, False, NONE, NONE, NONE, NONE, NONE, NONE, False, False, False)
_NO_USER: UserState = (*_NOTHING_HELD, _NO_NOTIFIER)


def save(machine: Machine) -> Snapshot:
    """The state of a machine; equal states have equal snapshots."""
    return (
        machine.harm,
        tuple([tuple([file is not None for file in process.fds]) for process in machine.processes]),
        tuple([_file(file) for file in machine.files]),
        tuple([_group(group) for group in machine.groups]),
        tuple([_container(container) for container in machine.containers]),
        tuple([tuple(table.pages) if table.alive else None for table in machine.tables]),
        tuple([_device(device) for device in machine.devices]),
        tuple([_user(machine, user) for user in machine.users]),
        tuple([space.state() for space in machine.paged]),
        tuple([space.state() for space in machine.spaces]),
        tuple([space.state() for space in machine.ioases]),
        save_accesses(machine.ioases),
        machine.interrupts.state(),
        tuple([_vm(vm) for vm in machine.vms]),
        tuple([(driver.is_live, driver.module_references) for driver in machine.iommu_drivers]),
        tuple([_object(obj) for obj in machine.objects]),
        machine.metagroups.state(),
        save_cdevs(machine),
    )


def load(machine: Machine, snapshot: Snapshot) -> None:
    """Bring the machine back to a state; the objects that stand under the names are used again."""
    (
        machine.harm,
        fds,
        files,
        groups,
        containers,
        tables,
        devices,
        users,
        paged_spaces,
        spaces,
        ioases,
        accesses,
        interrupts,
        vms,
        drivers,
        objects,
        of_2011,
        cdevs,
    ) = snapshot
    if machine.metagroups.is_there:
        machine.metagroups.become(of_2011)
    for index, vm_state in enumerate(vms):
        _load_vm(machine, index, vm_state)
    for process, fd_table in zip(machine.processes, fds, strict=True):
        _load_process(machine, process, fd_table)
    for file, file_state in zip(machine.files, files, strict=True):
        _load_file(machine, file, file_state)
    if not machine.metagroups.is_there:
        for group, group_state in zip(machine.groups, groups, strict=True):
            _load_group(machine, group, group_state)
    for container, container_state in zip(machine.containers, containers, strict=True):
        _load_container(machine, container, container_state)
    for table, table_state in zip(machine.tables, tables, strict=True):
        _load_table(table, table_state)
    for device, device_state in zip(machine.devices, devices, strict=True):
        _load_device(machine, device, device_state)
    for user, user_state in zip(machine.users, users, strict=True):
        _load_user(machine, user, user_state)
    for paged, paged_state in zip(machine.paged, paged_spaces, strict=True):
        paged.become(paged_state)
    load_ioas_spaces(machine.ioases, ioases, accesses)
    for space, space_state in zip(machine.spaces, spaces, strict=True):
        space.become(space_state, machine.payers)
    machine.interrupts.become(interrupts)
    for driver, driver_state in zip(machine.iommu_drivers, drivers, strict=True):
        driver.is_live, driver.module_references = driver_state
    machine.iommu_drivers_list = [driver for driver in machine.iommu_drivers if driver.is_live]
    load_cdevs(machine, cdevs)
    _load_objects(machine, objects)


def _load_process(machine: Machine, process: Process, state: FdTable) -> None:
    process.fds = [file if has else None for file, has in zip(machine.files, state, strict=True)]


def _file(file: File) -> FileState:
    if file.kind == IOMMUFD_FILE:
        return file.kind, file.count, NONE, False
    if file.container is not None:
        return file.kind, file.count, file.container.index, False
    if file.group is not None:
        index = file.group.iommu.index
        return file.kind, file.count, -2 - index if file.group.orphaned else index, False
    if file.device is not None:
        return file.kind, file.count, file.device.index, file.counts
    if file.vm is not None:
        return file.kind, file.count, file.vm.index, False
    for behind in (file.group_2011, file.device_2011, file.iommu_2011):
        if behind is not None:
            return file.kind, file.count, behind.index, False
    return _NO_FILE


def _load_file(machine: Machine, file: File, state: FileState) -> None:
    if state is _NO_FILE and file.kind == CLOSED:
        return
    file.kind, file.count, behind, file.counts = state
    if machine.metagroups.is_there:
        _load_file_2011(machine.metagroups, file, behind)
        return
    file.container = machine.containers[behind] if file.kind == CONTAINER_FILE else None
    file.group = _behind(machine, file, behind) if file.kind == GROUP_FILE else None
    file.device = machine.devices[behind] if file.kind == DEVICE_FILE else None
    file.bound = None
    file.vm = machine.vms[behind] if file.kind in (VM_FILE, KVM_VFIO_FILE) else None


def _load_file_2011(rfc: Metagroups, file: File, behind: int) -> None:
    """What stands behind a file of 2011; its metagroup is there, for the file keeps it."""
    file.group_2011 = rfc.groups[behind] if file.kind == GROUP_FILE else None
    file.device_2011 = rfc.devices[behind] if file.kind == DEVICE_FILE else None
    file.iommu_2011 = rfc.named[behind] if file.kind == IOMMU_FILE else None


def _behind(machine: Machine, file: File, index: int) -> VfioGroup:
    """The group that a group file stands for: the present one, or one that lost its last device."""
    if index >= 0:
        return machine.groups[index].vfio
    orphan = VfioGroup(machine.groups[-2 - index])
    orphan.orphaned, orphan.opened_file = True, file
    return orphan


def _group(group: IommuGroup) -> GroupState:
    vfio, table, file = group.vfio, group.attached, group.vfio.opened_file
    container = NONE if vfio.container is None else vfio.container.index
    attached = NONE if table is None else table.index
    opened = NONE if file is None else file.index
    counted = (vfio.kref, vfio.opened, vfio.users, container, vfio.placed)
    return (
        *counted,
        attached,
        opened,
        isinstance(group.owner, VfioGroup),
        group.owner_cnt,
        group.blocked,
        pointer_to(vfio.kvm),
    )


def _load_group(machine: Machine, group: IommuGroup, state: GroupState) -> None:
    vfio = group.vfio
    vfio.kref, vfio.opened, vfio.users, container, vfio.placed, attached, *later = state
    opened, owned, group.owner_cnt, blocked, told = later
    vfio.kvm = pointed_at(machine.vms, told)
    group.blocked = bool(blocked)
    group.owner = vfio if owned else None
    vfio.opened_file = None if opened == NONE else machine.files[opened]
    vfio.container = None if container == NONE else machine.containers[container]
    group.attached = None if attached == NONE else machine.tables[attached]
    vfio.device_list.clear()
    group.unbound_list.clear()
    group.callbacks.clear()
    group.listeners.clear()


def _container(container: Container) -> ContainerState:
    if container.kref == 0:
        return _NO_CONTAINER
    table, driver = container.table, container.driver
    listed = [
        group.iommu.index if group is group.iommu.vfio else -2 - group.iommu.index for group in container.group_list
    ]
    listed.sort()
    return (
        container.kref,
        NONE if table is None else table.index,
        NONE if driver is None else driver.index,
        container.no_iommu,
        tuple(listed),
    )


def _load_container(machine: Machine, container: Container, state: ContainerState) -> None:
    if state is _NO_CONTAINER and container.kref == 0:
        return
    container.kref, table, driver, container.no_iommu, listed = state
    container.table = None if table == NONE else machine.tables[table]
    container.driver = None if driver == NONE else machine.iommu_drivers[driver]
    container.group_list = [
        machine.groups[index].vfio if index >= 0 else VfioGroup(machine.groups[-2 - index]) for index in listed
    ]


def _load_table(table: IommuTable, state: TableState) -> None:
    if state is not None:
        table.alive = True
        table.pages = list(state)
        table.notifiers.clear()
    elif table.alive:
        table.destroy()


def _device(device: Device) -> DeviceState:
    group = device.group
    listed = device in group.vfio.device_list, device in group.unbound_list
    module = device.module.is_live, device.module.module_references
    return (
        device.driver,
        *listed,
        device.users,
        device.open_count,
        device.counts,
        pointer_to(device.kvm),
        device.mapped_by_host,
        *module,
    )


def _load_device(machine: Machine, device: Device, state: DeviceState) -> None:
    device.driver, registered, leaving, device.users, device.open_count, device.counts, kvm, mapped, *module = state
    device.mapped_by_host = mapped
    device.module.is_live, device.module.module_references = bool(module[0]), module[1]
    device.kvm = pointed_at(machine.vms, kvm)
    if registered:
        device.group.vfio.device_list.append(device)
    if leaving:
        device.group.unbound_list.append(device)


def _user(machine: Machine, user: ExternalUser) -> UserState:
    if user.is_idle() and user.notifier is None:
        return _NO_USER
    file, table = user.file, user.told_table
    return (
        user.process,
        NONE if user.group is None else user.group.iommu.index,
        NONE if file is None else file.index if file.kind != CLOSED else -2 - file.index,
        user.keeps,
        user.counts,
        user.told_group,
        user.told_container,
        _table_index(table),
        _table_index(user.linked),
        _registration(user),
        user.inside,
        user.added_first,
        user.lost,
        _notifier(machine, user),
    )


def _load_user(machine: Machine, user: ExternalUser, state: UserState) -> None:
    user.process, group, file, user.keeps, user.counts, user.told_group, user.told_container = state[:7]
    table, linked, registration, user.inside, user.added_first, user.lost = state[7:13]
    user.notifier = _load_notifier(machine, state[13])
    user.registration = _listed(machine, user, registration)
    user.group = None if group == NONE else machine.groups[group].vfio
    user.file = None if file == NONE else machine.files[file] if file >= 0 else File(-2 - file)
    user.told_table = _table(machine, table)
    user.linked = _table(machine, linked)


def _table_index(table: IommuTable | None) -> int:
    """A pointer to a table."""
    if table is None:
        return NONE
    return table.index if table.alive else -2 - table.index


def _table(machine: Machine, state: int) -> IommuTable | None:
    if state == NONE:
        return None
    return machine.tables[state] if state >= 0 else IommuTable(-2 - state, machine.pages, alive=False)


def _notifier(machine: Machine, user: ExternalUser) -> NotifierState:
    """The device for which a driver has a notifier; the list in which that stands, freed or not; the VM of which it was told."""
    notifier = user.notifier
    if notifier is None:
        return _NO_NOTIFIER
    table = next((table.index for table in machine.tables if notifier in table.notifiers), NONE)
    listens = any(notifier in group.listeners for group in machine.groups)
    return NONE if notifier.freed else notifier.device, table, listens, pointer_to(notifier.vm)


def _load_notifier(machine: Machine, state: NotifierState) -> Notifier | None:
    device, table, listens, told = state
    if device == table == NONE:
        return None
    notifier = Notifier(device)
    notifier.freed = device == NONE
    notifier.vm = pointed_at(machine.vms, told)
    if table != NONE:
        machine.tables[table].notifiers.append(notifier)
    if listens:
        machine.devices[device].group.listeners.append(notifier)
    return notifier


def _registration(user: ExternalUser) -> int:
    registration = user.registration
    if registration is None:
        return NONE
    return registration.group.index if registration.is_listed() else -2 - registration.group.index


def _listed(machine: Machine, user: ExternalUser, state: int) -> Registration | None:
    """The user's registration, in the list of its group or freed; no callback runs in a state at rest."""
    if state == NONE:
        return None
    registration = Registration(machine.groups[state if state >= 0 else -2 - state], user)
    if state >= 0:
        registration.group.callbacks.append(registration)
    return registration


def _vm(vm: Vm) -> VmState:
    if not vm.alive:
        return None
    device = vm.device
    listed = None if device is None else (device.noncoherent, tuple(sorted(entry.index for entry in device.entries)))
    return vm.users, vm.mm, vm.noncoherent_dma_count, listed


def _load_vm(machine: Machine, index: int, state: VmState) -> None:
    vm = machine.vms[index] = Vm(index)
    if state is None:
        return
    vm.alive = True
    vm.users, vm.mm, vm.noncoherent_dma_count, device = state
    if device is not None:
        vm.device = KvmVfio(vm)
        vm.device.noncoherent, listed = device
        vm.device.entries = [machine.users[entry] for entry in listed]


def _object(obj: IommuObject) -> ObjectState:
    if obj.context is None:
        return None
    file = NONE if obj.file is None else obj.file.index
    counts = obj.type, obj.context.index, obj.listed, obj.users, obj.wait_cnt
    return *counts, _at(obj.ioas), obj.auto, _at(obj.attached), file


def _at(obj: IommuObject | None) -> int:
    """A pointer to an object; nothing points to one that was freed while no call is in flight."""
    return NONE if obj is None else obj.index


def _load_objects(machine: Machine, states: tuple[ObjectState, ...]) -> None:
    """The objects first, then what they point at."""
    machine.objects = [IommuObject(index) for index in range(len(states))]
    for obj, state in zip(machine.objects, states, strict=True):
        if state is not None:
            obj.type, context, obj.listed, obj.users, obj.wait_cnt, ioas, obj.auto, attached, file = state
            obj.context = machine.files[context]
            obj.ioas = None if ioas == NONE else machine.objects[ioas]
            obj.attached = None if attached == NONE else machine.objects[attached]
            if file != NONE:
                obj.file = machine.files[file]
                obj.file.bound = obj
