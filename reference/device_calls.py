"""The device's file: GET_DEVICE_FD and release."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EINVAL, ENODEV, EPERM, OK, Part, Steps, Task
from tenure.reference.container_calls import detach
from tenure.reference.files import CLOSED, DEVICE_FILE, GROUP_FILE, File
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer


def may_get_device_fd(machine: Machine, process: int, file: int, device: int, made: int) -> bool:
    """The process has the group's fd, and the name of the file is free."""
    return (
        machine.processes[process].has(file, GROUP_FILE)
        and 0 <= device < len(machine.devices)
        and machine.files[made].kind == CLOSED
    )


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group and count as its user; EINVAL, EPERM, ENODEV (vfio_group_get_device_fd, 3.11-5.18).

    What the first three steps saw may be over when the use is counted.
    """
    caller = machine.processes[process]
    group = me.hold(caller.file(file)).group
    if group is None:
        raise LookupError(f"f{file} is no group file")
    refusal = yield from looks(me, group)
    if refusal is not None:
        return refusal

    yield "get_device_fd.look_up"
    if group.iommu.no_iommu and not caller.rawio:
        return EPERM
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    found = machine.devices[device]
    is_here = found in group.device_list
    if is_here:
        found.users += 1
    group.device_lock.release()
    if not is_here:
        return ENODEV

    yield "get_device_fd.open"
    if not found.module.try_get():  # by the driver's own open until 5.13
        yield from _unfind(me, group, found)
        return ENODEV
    opened = machine.files[made] = File(made, DEVICE_FILE)  # the device's reference is the file's from here on
    opened.device = found
    me.hold(opened)

    yield "get_device_fd.count"
    group.users += 1  # atomic_inc: nobody asks whether the group is still in a container
    opened.counts = True

    yield "get_device_fd.install"
    caller.install(opened)
    return OK


def _unfind(me: Task, group: VfioGroup, device: Device) -> Part:
    """Drop a reference to the device that is no file's."""
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    device.users -= 1
    group.device_lock.release()


def looks(me: Task, group: VfioGroup) -> Generator[str, None, Answer | None]:
    """Whether the group is in a container with an IOMMU driver and viable: three looks with no lock over them.

    The refusal, or None (vfio_group_get_device_fd, 3.6-5.18).
    """
    if group.users == 0:
        return EINVAL

    yield "get_device_fd.check_iommu"
    if group.container is None:  # read again, without a lock
        raise Oops(NULL_DEREFERENCE)
    if group.container.table is None:
        return EINVAL

    yield "get_device_fd.check_viable"
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    return None if viable else EINVAL


def may_release_device(machine: Machine, file: int) -> bool:
    """The last reference to the device's file is gone."""
    closing = machine.files[file]
    return closing.kind == DEVICE_FILE and closing.is_due()


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """End the use that the file counted for; the last user detaches the group (vfio_device_fops_release, 3.6-5.18)."""
    closing = machine.files[file]
    device = closing.device
    if device is None:
        raise LookupError(f"f{file} is no device file")
    group = device.group.vfio
    device.module.put()
    closing.counts = False
    if group.try_dissolve():
        yield "release_device.detach"
        yield from detach(machine, me, group)

    yield "release_device.put"
    yield from put_device(me, closing, device)
    return OK


def put_device(me: Task, closing: File, device: Device) -> Part:
    """Drop the file's reference to its device; the file is gone."""
    group = device.group.vfio
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    device.users -= 1
    group.device_lock.release()
    closing.gone()
