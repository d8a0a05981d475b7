"""The group's file: open, GET_STATUS, release."""

from __future__ import annotations

from tenure.reference.calls import EBUSY, ENODEV, EPERM, OK, Steps, Task, put_group
from tenure.reference.container_calls import detach
from tenure.reference.files import CLOSED, GROUP_FILE, File
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Done


def may_open_group(machine: Machine, process: int, file: int, group: int) -> bool:
    """The name of the file is free."""
    known = 0 <= process < len(machine.processes) and 0 <= group < len(machine.groups)
    return known and machine.files[file].kind == CLOSED


def open_group(machine: Machine, me: Task, process: int, file: int, group: int) -> Steps:
    """Open the group's file, unless one is open; ENODEV, EPERM, EBUSY (vfio_group_fops_open, 3.11-5.18)."""
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    vfio = machine.groups[group].vfio
    if vfio.kref == 0:
        machine.group_lock.release()
        return ENODEV
    vfio.kref += 1
    machine.group_lock.release()

    yield "open_group.claim"
    caller = machine.processes[process]
    if vfio.iommu.no_iommu and not caller.rawio:
        yield from put_group(machine, me, vfio)
        return EPERM
    if vfio.opened:
        yield from put_group(machine, me, vfio)
        return EBUSY
    vfio.opened = True

    yield "open_group.test"
    if vfio.container is not None:  # the last user but its file has not left yet
        vfio.opened = False
        yield from put_group(machine, me, vfio)
        return EBUSY
    opened = machine.files[file] = File(file, GROUP_FILE)
    opened.group = vfio
    caller.install(opened)
    return OK


def may_get_status(machine: Machine, process: int, file: int) -> bool:
    """The process has the group's fd."""
    return machine.processes[process].has(file, GROUP_FILE)


def get_status(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Say whether the group is viable and whether it is in a container (VFIO_GROUP_GET_STATUS, 3.6-5.18)."""
    group = me.hold(machine.processes[process].file(file)).group
    if group is None:
        raise LookupError(f"f{file} is no group file")
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    return Done((("viable", viable), ("container_set", group.container is not None)))


def may_release_group(machine: Machine, file: int) -> bool:
    """The last reference to the group's file is gone."""
    closing = machine.files[file]
    return closing.kind == GROUP_FILE and closing.is_due()


def release_group(machine: Machine, me: Task, file: int) -> Steps:
    """End the use of SET_CONTAINER, allow the next open, drop the reference (vfio_group_fops_release, 3.11-5.18).

    In this order: whoever opens in between finds EBUSY, never a group that is half detached.
    """
    closing = machine.files[file]
    group = closing.group
    if group is None:
        raise LookupError(f"f{file} is no group file")
    group.placed = False
    if group.try_dissolve():
        yield "release_group.detach"
        yield from detach(machine, me, group)

    yield "release_group.reopen"
    group.opened = False

    yield "release_group.put"
    yield from put_group(machine, me, group)
    closing.gone()
    return OK
