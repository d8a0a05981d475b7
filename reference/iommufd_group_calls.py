"""Groups that use an iommufd in place of a container, from 6.2 on: the first open of a device binds and attaches it."""

from __future__ import annotations

from tenure.reference import cdev_group_calls, container_calls
from tenure.reference.calls import EBADF, EBADFD, EINVAL, ENODEV, EPERM, OK, Steps, Task
from tenure.reference.cdev_calls import claim, device_of, hwpt_attach, leave, lock
from tenure.reference.cdev_group_calls import granting, lock_group
from tenure.reference.compat_ioas_calls import create_compat_ioas, set_no_iommu
from tenure.reference.device_calls_2022 import open_found
from tenure.reference.files import IOMMUFD_FILE, File
from tenure.reference.group_calls_2022 import group_of
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.ownership import release_for_device
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import NONE


def may_set_container(machine: Machine, process: int, file: int, other: int, made: int) -> bool:
    """The process has the group's fd, and the id of an IO address space is free; the other fd may be anything."""
    return container_calls.may_set_container(machine, process, file, other) and not machine.tables[made].alive


def set_container(machine: Machine, me: Task, process: int, file: int, other: int, made: int) -> Steps:
    """Have the group use an iommufd; EBADF, EINVAL, ENODEV, EBADFD (vfio_group_ioctl_set_container, 7.2)."""
    caller = machine.processes[process]
    group = group_of(me.hold(caller.file(file)))
    if other == NONE or not caller.has(other):
        return EBADF
    target = me.hold(caller.file(other))

    yield "set_container.attach"
    yield from lock_group(group, me)
    refused = _use(machine, group, target, made)
    group.group_lock.release()
    return refused or OK


def _use(machine: Machine, group: VfioGroup, target: File, made: int) -> Refused | None:
    if group.iommufd is not None:
        return EINVAL
    if group.orphaned:
        return ENODEV
    if target.kind != IOMMUFD_FILE:
        return EBADFD
    refused = set_no_iommu(target) if group.iommu.no_iommu else create_compat_ioas(machine, target, made)
    if refused is None:
        group.iommufd = target.get()
    return refused


def unset_container(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Let the iommufd go, whoever has devices open; EINVAL (vfio_group_ioctl_unset_container, 7.2)."""
    group = group_of(me.hold(machine.processes[process].file(file)))
    yield from lock_group(group, me)
    answer: Answer = EINVAL if group.iommufd is None else OK
    put_iommufd(group)
    group.group_lock.release()
    return answer


def put_iommufd(group: VfioGroup) -> None:
    """The group uses none any more (iommufd_ctx_put)."""
    if group.iommufd is not None:
        group.iommufd.put()
        group.iommufd = None


def has_iommu(group: VfioGroup) -> bool:
    """The group is in a container, where there are any, or uses an iommufd (vfio_group_has_iommu)."""
    return group.container is not None or group.iommufd is not None


def get_status(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Say whether the group has either, or is free to; ENODEV (vfio_group_ioctl_get_status, 7.2)."""
    group = group_of(me.hold(machine.processes[process].file(file)))
    yield from lock_group(group, me)
    answer: Answer = ENODEV
    if not group.orphaned:
        while not group.iommu.mutex.taken_by(me):
            yield BLOCKED
        has, free = has_iommu(group), group.iommu.owner_cnt == 0
        group.iommu.mutex.release()
        answer = Done((("viable", has or free), ("container_set", has)))
    group.group_lock.release()
    return answer


def release_group(machine: Machine, me: Task, file: int) -> Steps:
    """Let the iommufd go, and the group be opened again; open devices do not hinder it (vfio_group_fops_release, 7.2)."""
    closing = machine.files[file]
    group = group_of(closing)
    yield from lock_group(group, me)
    put_iommufd(group)
    group.opened_file = None
    group.group_lock.release()
    closing.gone()
    return OK


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group; ENODEV, EINVAL, EPERM, EBUSY (vfio_group_ioctl_get_device_fd, 7.2)."""
    return (yield from granting(machine, made, open_found(machine, me, process, file, device, made, _open)))


def _open(device: Device, group: VfioGroup, *, rawio: bool) -> Refused | None:
    """vfio_df_group_open under both locks: the first open binds the device, the others only count."""
    iommufd = group.iommufd
    if iommufd is None:
        return EINVAL
    if device.open_count == 0:
        if group.iommu.no_iommu and (not rawio or iommufd.vfio_ioas is not None):
            return EPERM
        if not device.module.try_get():
            return ENODEV
        refused = None if group.iommu.no_iommu else bind(device, iommufd)
        if refused is not None:
            device.module.put()
            return refused
    device.open_count += 1
    return None


def bind(device: Device, iommufd: File) -> Refused | None:
    """Claim the device and attach it; all is undone where that fails (vfio_df_iommufd_bind, vfio_iommufd_compat_attach_ioas)."""
    refused = claim(device, iommufd)
    if refused is not None:
        return refused
    device.iommufd = iommufd.get()
    answer: Answer = ENODEV if iommufd.vfio_ioas is None else hwpt_attach(device, iommufd.vfio_ioas)
    if isinstance(answer, Refused):
        unbind(device, iommufd)
        return answer
    return None


def unbind(device: Device, iommufd: File) -> None:
    """Detach the device, give its claim up, and let its iommufd go (vfio_df_iommufd_unbind)."""
    leave(device)
    release_for_device(device.group)
    iommufd.put()
    device.iommufd = None


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Close the device on the path on which it was opened (vfio_device_fops_release, vfio_df_group_close, 7.2)."""
    closing = machine.files[file]
    if closing.is_cdev:
        return (yield from cdev_group_calls.release_device(machine, me, file))
    device = device_of(closing)
    group = device.group.vfio
    yield from lock_group(group, me)
    yield from lock(device, me)
    closing.access_granted = False
    device.open_count -= 1
    if device.open_count == 0:
        device.module.put()
        if device.iommufd is not None:
            unbind(device, device.iommufd)
    group.iommu.dev_set_lock.release()
    group.group_lock.release()

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK
