"""The calls of 3.6 to 3.10 that are not those of 3.11: open and release of a group, GET_DEVICE_FD, unbind."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, ENODEV, OK, Steps, Task, put_group
from tenure.reference.container_calls import detach
from tenure.reference.device_calls import looks
from tenure.reference.files import DEVICE_FILE, GROUP_FILE, File
from tenure.reference.groups import NO_DRIVER, VFIO, VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine


def open_group(machine: Machine, me: Task, process: int, file: int, group: int) -> Steps:
    """Open one more file of the group; ENODEV, EBUSY (vfio_group_fops_open, 3.6-3.10).

    Only a group in a container is refused: who opened it before does not count.
    """
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    vfio = machine.groups[group].vfio
    if vfio.kref == 0:
        machine.group_lock.release()
        return ENODEV
    vfio.kref += 1
    machine.group_lock.release()

    yield "open_group.test"
    if vfio.container is not None:
        yield from put_group(machine, me, vfio)
        return EBUSY
    opened = machine.files[file] = File(file, GROUP_FILE)
    opened.group = vfio
    machine.processes[process].install(opened)
    return OK


def release_group(machine: Machine, me: Task, file: int) -> Steps:
    """End a use, as if it were that of SET_CONTAINER, and drop the reference (vfio_group_fops_release, 3.6-3.10)."""
    closing = machine.files[file]
    group = closing.group
    if group is None:
        raise LookupError(f"f{file} is no group file")
    group.placed = group.placed and _is_held(machine, group)
    if group.try_dissolve():
        yield "release_group.detach"
        yield from detach(machine, me, group)

    yield "release_group.put"
    yield from put_group(machine, me, group)
    closing.gone()
    return OK


def _is_held(machine: Machine, group: VfioGroup) -> bool:
    """Somebody has a file of the group, and so believes that SET_CONTAINER holds."""
    return any(file.group is group and file.count > 0 for file in machine.files)


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group and count as its user; EINVAL, ENODEV (vfio_group_get_device_fd, 3.6-3.10).

    One lock spans look-up, open, count and fd; nothing spans these and what was seen before.
    """
    caller = machine.processes[process]
    group = me.hold(caller.file(file)).group
    if group is None:
        raise LookupError(f"f{file} is no group file")
    refusal = yield from looks(me, group)
    if refusal is not None:
        return refusal

    yield "get_device_fd.open"
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    found = machine.devices[device]
    if found not in group.device_list or not found.module.try_get():
        group.device_lock.release()
        return ENODEV
    found.users += 1
    opened = machine.files[made] = File(made, DEVICE_FILE)
    opened.device = found
    group.users += 1  # atomic_inc: nobody asks whether the group is still in a container
    opened.counts = True
    caller.install(opened)
    group.device_lock.release()
    return OK


def unbind_driver(machine: Machine, me: Task, device: int) -> Steps:
    """The driver leaves the device; a VFIO driver waits for who uses it, not for the container (vfio_del_group_dev, 3.6).

    From its removal to the end of the unbind nothing says that the device is on its way out.
    """
    leaving = machine.devices[device]
    group = leaving.group.vfio
    if leaving.driver == VFIO:
        yield "unbind_driver.wait_device"
        while leaving.users > 0:
            yield BLOCKED
        while not group.device_lock.taken_by(me):
            yield BLOCKED
        group.device_list.remove(leaving)
        group.device_lock.release()
        yield from put_group(machine, me, group)

    yield "unbind_driver.unbound"
    while not leaving.group.notifier.taken_by(me):
        yield BLOCKED
    leaving.driver = NO_DRIVER
    leaving.group.notifier.release()
    return OK
