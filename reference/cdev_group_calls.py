"""Device files that are opened by themselves beside the files of groups, from 6.6 on: each keeps the other away."""

from __future__ import annotations

from tenure.reference import cdev_calls, device_calls_2022, group_calls
from tenure.reference.calls import EBUSY, EINVAL, ENODEV, ENOTTY, EPERM, OK, Part, Steps, Task
from tenure.reference.cdev_calls import MALFORMED, bind_locked, device_of, df_close, lock
from tenure.reference.device_calls_2022 import put_kvm
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.types import NONE


def may_open_group(machine: Machine, process: int, file: int, group: int) -> bool:
    """Anybody may who has a free name; of groups of emulated devices nobody speaks."""
    emulated = any(device.emulated for device in machine.groups[group].devices)
    return not emulated and group_calls.may_open_group(machine, process, file, group)


def open_group(machine: Machine, me: Task, process: int, file: int, group: int) -> Steps:
    """Open the group's file, unless it is open or a device is bound; ENODEV, EPERM, EBUSY (vfio_group_fops_open, 6.6-7.2)."""
    caller, vfio = machine.processes[process], machine.groups[group].vfio
    yield from lock_group(vfio, me)
    answer: Answer = OK
    if vfio.kref == 0:
        answer = ENODEV
    elif vfio.iommu.no_iommu and not caller.rawio:
        answer = EPERM
    elif vfio.cdev_device_open_cnt > 0 or vfio.opened_file is not None:
        answer = EBUSY
    else:
        opened = machine.files[file] = File(file, GROUP_FILE)
        opened.group = vfio
        vfio.opened_file = opened
        caller.install(opened)
    vfio.group_lock.release()
    return answer


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group, which gives access at once (vfio_df_group_open, 6.6-7.2)."""
    return (
        yield from granting(machine, made, device_calls_2022.get_device_fd(machine, me, process, file, device, made))
    )


def granting(machine: Machine, made: int, steps: Steps) -> Steps:
    """The same steps; the file gives access as soon as it is there."""
    while True:
        try:
            reached = next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        if reached == "get_device_fd.install":
            machine.files[made].access_granted = True
        yield reached


def bind(machine: Machine, me: Task, process: int, file: int, other: int, request: int) -> Steps:
    """Keep the group's file away, and bind the device; EINVAL for a file of the group path, EBUSY (vfio_df_ioctl_bind_iommufd)."""
    caller = machine.processes[process]
    opened = me.hold(caller.file(file))
    if request in MALFORMED:
        return MALFORMED[request]
    if other == NONE or not opened.is_cdev:
        return EINVAL
    device = device_of(opened)
    group = device.group.vfio
    yield from lock_group(group, me)
    is_open = group.opened_file is not None
    group.cdev_device_open_cnt += not is_open
    group.group_lock.release()
    if is_open:
        return EBUSY

    yield "bind.bind"
    yield from lock(device, me)
    answer = bind_locked(caller.fds, opened, other, request)
    device.group.dev_set_lock.release()
    if answer == OK:
        return OK

    yield "bind.unblock"
    yield from _unblock(group, me)
    return answer


def attach(machine: Machine, me: Task, process: int, file: int, obj: int) -> Steps:
    """Attach the device; ENOTTY where the file came from its group."""
    if _is_the_drivers(machine.processes[process].file(file)):
        return ENOTTY
    return (yield from cdev_calls.attach(machine, me, process, file, obj))


def detach(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Detach the device; ENOTTY where the file came from its group."""
    if _is_the_drivers(machine.processes[process].file(file)):
        return ENOTTY
    return (yield from cdev_calls.detach(machine, me, process, file))


def _is_the_drivers(file: File) -> bool:
    """The core passes the ioctl on to the driver, which does not know it."""
    return file.access_granted and not file.is_cdev


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Close the device on the path on which it was opened (vfio_device_fops_release, 6.6-7.2)."""
    closing = machine.files[file]
    if not closing.is_cdev:
        closing.access_granted = False
        return (yield from device_calls_2022.release_device(machine, me, file))
    device = device_of(closing)
    if closing.iommufd is not None:
        yield from lock(device, me)
        df_close(closing)
        put_kvm(device)
        device.group.dev_set_lock.release()

        yield "release_device.unblock"
        yield from _unblock(device.group.vfio, me)

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK


def lock_group(group: VfioGroup, me: Task) -> Part:
    """Take the lock of the group."""
    while not group.group_lock.taken_by(me):
        yield BLOCKED


def _unblock(group: VfioGroup, me: Task) -> Part:
    """The group may be opened again, as far as this device is concerned (vfio_device_unblock_group)."""
    yield from lock_group(group, me)
    group.cdev_device_open_cnt -= 1
    group.group_lock.release()
