"""The device's file in 6.1: the container is used in one step and the device opened in another, file by file."""

from __future__ import annotations

from tenure.reference.calls import EINVAL, ENODEV, EPERM, OK, Steps, Task
from tenure.reference.device_calls_2022 import look_up, put_kvm
from tenure.reference.files import DEVICE_FILE, File
from tenure.reference.group_calls_2022 import group_of
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Refused


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group; ENODEV, EINVAL, EPERM (vfio_group_ioctl_get_device_fd, 6.1).

    From the second step on the use of the group keeps it where it is, and its file open.
    """
    caller, found = machine.processes[process], machine.devices[device]
    group = group_of(me.hold(caller.file(file)))
    is_here = yield from look_up(me, group, found)
    if not is_here:
        return ENODEV

    yield "get_device_fd.assign"
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    refusal = _assign_container(group, found, rawio=caller.rawio)
    group.group_lock.release()
    if refusal is not None:
        found.users -= 1
        return refusal
    opened = machine.files[made] = File(made, DEVICE_FILE)  # the name is taken here, the object made two steps later
    opened.device = found
    opened.counts = True
    me.hold(opened)

    yield "get_device_fd.open"
    while not group.iommu.dev_set_lock.taken_by(me):
        yield BLOCKED
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    if found.open_count == 0 and not _open_device(found, group):
        me.drop(opened)  # who dies here has not made it
        raise Oops(USE_AFTER_FREE)
    found.open_count += 1
    group.group_lock.release()
    group.iommu.dev_set_lock.release()

    yield "get_device_fd.install"
    caller.install(opened)
    return OK


def _assign_container(group: VfioGroup, device: Device, *, rawio: bool) -> Refused | None:
    """One more use of the group, and a reference to its file (vfio_device_assign_container); then one to the driver's module."""
    if group.container is None or group.container.table is None:
        return EINVAL
    if group.iommu.no_iommu and not rawio:
        return EPERM
    if not device.module.try_get():  # it comes last, and where it fails the use is given back
        return ENODEV
    if group.opened_file is None:
        raise LookupError(f"g{group.iommu.index} is in a container and has no file")
    group.opened_file.get()
    group.users += 1
    return None


def _open_device(device: Device, group: VfioGroup) -> bool:
    """The driver takes a reference to the VM of which the group was told (kvm_get_kvm); False where none was left to take."""
    if group.kvm is None:
        return True
    if group.kvm.users == 0:
        return False
    group.kvm.users += 1
    device.kvm = group.kvm
    return True


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Close the device, let the group go, drop the registration: three steps (vfio_device_fops_release, 6.1)."""
    closing = machine.files[file]
    device = closing.device
    if device is None:
        raise LookupError(f"f{file} is no device file")
    group = device.group.vfio
    while not group.iommu.dev_set_lock.taken_by(me):
        yield BLOCKED
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    device.open_count -= 1
    device.module.put()
    if device.open_count == 0:
        put_kvm(device)
    group.group_lock.release()
    group.iommu.dev_set_lock.release()

    yield "release_device.unassign"
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    group.users -= 1
    closing.counts = False
    if group.opened_file is not None:
        group.opened_file.put()
    group.group_lock.release()

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK
