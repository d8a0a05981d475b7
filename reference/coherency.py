"""Cache coherency: who says whether an IOMMU enforces it, and how a KVM VFIO device has its VM told of it."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from tenure.reference.calls import Task
from tenure.reference.containers import Container
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE, Oops
from tenure.reference.iommu_drivers import IommuDriver
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.reference.vms import KvmVfio

Asking = Generator[str, None, bool]
"""A question that is answered under locks."""


def tell(device: KvmVfio, *, noncoherent: bool) -> None:
    """Remember what was found out, and register or unregister noncoherent DMA where it is new (kvm_vfio_update_coherency)."""
    if noncoherent == device.noncoherent:
        return
    device.noncoherent = noncoherent
    device.vm.noncoherent_dma_count += 1 if noncoherent else -1


def look_at_files(me: Task, device: KvmVfio) -> Generator[str, None, None]:
    """The same by the files of the list, today: whoever works on the list has its lock."""
    noncoherent = False
    for entry in device.entries:
        if entry.file is not None and not (yield from _is_enforced_for(me, entry.file)):
            noncoherent = True
            break
    tell(device, noncoherent=noncoherent)


def _is_enforced_for(me: Task, file: File) -> Asking:
    """Of a group each device that VFIO has in its list is asked, else the device (vfio_file_enforced_coherent, 6.2-7.2)."""
    group = file.group
    if group is None or file.kind != GROUP_FILE:
        return file.device is None or file.device.enforced_coherent
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    enforced = is_enforced_in(group)
    group.device_lock.release()
    return enforced


def is_enforced_in(group: VfioGroup) -> bool:
    """No device of the group's list is without (vfio_group_enforced_coherent)."""
    return all(device.enforced_coherent for device in group.device_list)


def look_at_containers(machine: Machine, me: Task, device: KvmVfio) -> Generator[str, None, None]:
    """The same by the containers of the groups whose files the list has, under the list's lock (5.19-6.1)."""
    while not device.lock.taken_by(me):
        yield BLOCKED
    noncoherent = False
    for entry in device.entries:
        group = None if entry.file is None else entry.file.group
        if group is None:
            continue
        while not group.group_lock.taken_by(me):
            yield BLOCKED
        # No container, no objection: who wants another answer has to add the group later.
        enforced = group.container is None or (yield from _check_extension(machine, me, group.container))
        group.group_lock.release()
        noncoherent = noncoherent or not enforced
    tell(device, noncoherent=noncoherent)
    device.lock.release()


def look_at_groups(machine: Machine, me: Task, device: KvmVfio) -> Generator[str, None, None]:
    """The same by the containers of the groups that are held (3.13-5.18).

    The kernel stops at the first that is not coherent. Here all are asked, so that the order of the list is nothing to see.
    """
    while not device.lock.taken_by(me):
        yield BLOCKED
    held = [entry.group for entry in device.entries if entry.group is not None]
    if any(group.container is None for group in held):
        raise Oops(NULL_DEREFERENCE)
    noncoherent = False
    for group in held:
        coherent = yield from external_check_extension(machine, me, group)
        noncoherent = noncoherent or not coherent
    tell(device, noncoherent=noncoherent)
    device.lock.release()


def external_check_extension(machine: Machine, me: Task, group: VfioGroup) -> Asking:
    """Ask the container of a group that is held, without a look whether there is one (vfio_external_check_extension)."""
    if group.container is None:
        raise Oops(NULL_DEREFERENCE)
    return (yield from _check_extension(machine, me, group.container))


def _check_extension(machine: Machine, me: Task, container: Container) -> Asking:
    """VFIO_DMA_CC_IOMMU of a container: its driver's answer, or that of any which is registered (vfio_ioctl_check_extension)."""
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    container.enter_driver()
    while container.driver is None and not machine.iommu_drivers_lock.taken_by(me):
        yield BLOCKED
    coherent = is_coherent(machine, container)
    if container.driver is None:
        machine.iommu_drivers_lock.release()
    container.group_lock.release()
    return coherent


def is_coherent(machine: Machine, container: Container) -> bool:
    """What the container would answer now."""
    asked: Iterable[IommuDriver] = machine.iommu_drivers_list if container.driver is None else (container.driver,)
    behind = [device for group in machine.groups if group.attached is container.table for device in group.devices]
    opened = container.table is not None
    return any(driver.has_coherent_dma(opened, [device.enforced_coherent for device in behind]) for driver in asked)


def is_noncoherent(machine: Machine, entry: ExternalUser) -> bool:
    """What an entry of a list stands for would say no, if it were asked now."""
    group, file = entry.group, entry.file
    if file is None:
        return group is not None and group.container is not None and not is_coherent(machine, group.container)
    if machine.asks_containers:
        container = None if file.group is None else file.group.container
        return container is not None and not is_coherent(machine, container)
    if file.kind == GROUP_FILE and file.group is not None:
        return not is_enforced_in(file.group)
    return file.device is not None and not file.device.enforced_coherent
