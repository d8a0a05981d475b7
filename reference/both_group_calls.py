"""Groups that have a container or an iommufd, from 6.2 on where both are compiled in: SET_CONTAINER takes either kind of file."""

from __future__ import annotations

from tenure.reference import cdev_group_calls
from tenure.reference.calls import EBADF, EBADFD, EBUSY, EINVAL, ENODEV, OK, Part, Steps, Task
from tenure.reference.cdev_calls import device_of, lock
from tenure.reference.cdev_group_calls import granting, lock_group
from tenure.reference.compat_ioas_calls import create_compat_ioas
from tenure.reference.device_calls_2022 import get_kvm, open_found, put_kvm, use_container
from tenure.reference.files import CONTAINER_FILE, IOMMUFD_FILE, File
from tenure.reference.group_calls_2022 import attach, detach, group_of
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.iommufd_group_calls import bind, has_iommu, put_iommufd, unbind
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.types import NONE


def set_container(machine: Machine, me: Task, process: int, file: int, other: int, made: int) -> Steps:
    """Give the group a container or an iommufd; EBADF, EINVAL, ENODEV, EBADFD, EPERM (vfio_group_ioctl_set_container, 7.2)."""
    caller = machine.processes[process]
    group = group_of(me.hold(caller.file(file)))
    if other == NONE or not caller.has(other):
        return EBADF
    target = me.hold(caller.file(other))

    yield "set_container.attach"
    yield from lock_group(group, me)
    if has_iommu(group):
        answer: Answer = EINVAL
    elif group.orphaned:
        answer = ENODEV
    elif target.kind == CONTAINER_FILE and target.container is not None:
        answer = yield from attach(machine, me, group, target.container, rawio=caller.rawio)
    else:
        answer = _use(machine, group, target, made)
    group.group_lock.release()
    return answer


def _use(machine: Machine, group: VfioGroup, target: File, made: int) -> Answer:
    """The group uses an iommufd from here on, if the file is one."""
    if target.kind != IOMMUFD_FILE:
        return EBADFD
    refused = create_compat_ioas(machine, target, made)
    if refused is None:
        group.iommufd = target.get()
    return refused or OK


def unset_container(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Leave the container, or let the iommufd go; EINVAL, and EBUSY of a container alone (vfio_group_ioctl_unset_container, 7.2)."""
    group = group_of(me.hold(machine.processes[process].file(file)))
    yield from lock_group(group, me)
    answer: Answer = OK
    if not has_iommu(group):
        answer = EINVAL
    elif group.container is not None and group.users != 1:
        answer = EBUSY
    else:
        yield from _leave(machine, me, group)
    group.group_lock.release()
    return answer


def _leave(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """The group has neither any more."""
    if group.container is not None:
        yield from detach(machine, me, group, group.container)
    put_iommufd(group)


def release_group(machine: Machine, me: Task, file: int) -> Steps:
    """Let go of either, and let the group be opened again (vfio_group_fops_release, 7.2).

    A device that was opened through a container keeps the file, so none is; one that an iommufd has does not hinder this.
    """
    closing = machine.files[file]
    group = group_of(closing)
    yield from lock_group(group, me)
    yield from _leave(machine, me, group)
    group.opened_file = None
    group.group_lock.release()
    closing.gone()
    return OK


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group through whichever it has; ENODEV, EINVAL, EPERM (vfio_group_ioctl_get_device_fd, 7.2)."""
    return (yield from granting(machine, made, open_found(machine, me, process, file, device, made, _open)))


def _open(device: Device, group: VfioGroup, *, rawio: bool) -> Refused | None:
    """vfio_df_group_open under both locks: the first open uses the container or binds the device, the others only count."""
    if not has_iommu(group):
        return EINVAL
    if device.open_count == 0:
        refused = _first_open(device, group, rawio=rawio)
        if refused is not None:
            return refused
    device.open_count += 1
    return None


def _first_open(device: Device, group: VfioGroup, *, rawio: bool) -> Refused | None:
    """vfio_df_device_first_open, by what the group has."""
    if group.container is not None:
        return use_container(device, group, group.container, rawio=rawio)
    if group.iommufd is None:
        raise LookupError(f"g{group.iommu.index} has neither a container nor an iommufd")
    if not device.module.try_get():
        return ENODEV
    refused = bind(device, group.iommufd)
    if refused is not None:
        device.module.put()
        return refused
    get_kvm(device, group.kvm)
    return None


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
        _last_close(device, group)
    group.iommu.dev_set_lock.release()
    group.group_lock.release()

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK


def _last_close(device: Device, group: VfioGroup) -> None:
    """vfio_df_device_last_close: give back what the first open took; what the group has by now does not matter."""
    device.module.put()
    if device.iommufd is not None:
        unbind(device, device.iommufd)
    else:
        device.counts = False
        group.users -= 1
        if group.opened_file is not None:
            group.opened_file.put()
    put_kvm(device)
