"""The KVM VFIO device from 3.13 to 5.18: entries are groups, held by get and put, until DEL or the end of the VM."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EBADF, EEXIST, EINVAL, EIO, ENOENT, OK, Part, Steps, Task, put_group
from tenure.reference.coherency import look_at_groups
from tenure.reference.container_calls import detach
from tenure.reference.files import GROUP_FILE, KVM_VFIO_FILE
from tenure.reference.get_put_calls import dissolve, get, own_use
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.reference.vm_calls import device_of
from tenure.reference.vms import KvmVfio
from tenure.vocabulary.types import NONE


def may_file_add(machine: Machine, process: int, file: int, other: int, entry: int) -> bool:
    """The process has the device's fd; the other fd may be anything, and the entry is a new one."""
    new = 0 <= other < len(machine.files) and machine.users[entry].is_idle()
    return new and machine.processes[process].has(file, KVM_VFIO_FILE)


def file_add(machine: Machine, me: Task, process: int, file: int, other: int, entry: int) -> Steps:
    """Get the group of an fd, list it, tell it of the VM; EIO, EBADF, EINVAL, EPERM, EEXIST (kvm_vfio_set_group, 3.13-5.18)."""
    caller, user = machine.processes[process], machine.users[entry]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    named = me.hold(caller.file(other))

    yield "file_add.count"
    if named.kind != GROUP_FILE or named.group is None:
        return EINVAL
    group = named.group
    answer = yield from get(me, user, NONE, group)
    if answer is not OK:
        return answer
    me.drop(named)

    yield "file_add.list"
    if not (yield from _enlist(me, device, user, group)):
        yield "file_add.dissolve"
        yield from _put(machine, me, user, group)
        return EEXIST

    yield "file_add.tell"
    if group.kref == 0:
        raise Oops(USE_AFTER_FREE)
    group.set_kvm(device.vm)

    yield "file_add.update"
    yield from look_at_groups(machine, me, device)
    return OK


def _enlist(me: Task, device: KvmVfio, user: ExternalUser, group: VfioGroup) -> Generator[str, None, bool]:
    """Put the entry into the list, unless the group is there; say whether it was put."""
    while not device.lock.taken_by(me):
        yield BLOCKED
    new = all(entry.group is not group for entry in device.entries)
    if new:
        device.entries.append(user)
    device.lock.release()
    return new


def may_file_del(machine: Machine, process: int, file: int, other: int) -> bool:
    """The process has the device's fd; the other fd may be anything."""
    return machine.processes[process].has(file, KVM_VFIO_FILE) and 0 <= other < len(machine.files)


def file_del(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Take the group of an fd out of the list and put it; EIO, EBADF, ENOENT (kvm_vfio_set_group, 4.12-5.18).

    The kernel puts the group before it lets the list go. Nothing of the list is looked at by then, so here others may have it.
    """
    caller = machine.processes[process]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    named = me.hold(caller.file(other))

    wanted = named.group if named.kind == GROUP_FILE else None
    answer = yield from _take_out(machine, me, device, wanted)
    if answer is not OK:
        return answer
    me.drop(named)

    yield "file_del.update"
    yield from look_at_groups(machine, me, device)
    return OK


def file_del_by_get(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """The same, where the group is got first and put last; EINVAL, EPERM besides (kvm_vfio_set_group, 4.10-4.11)."""
    caller = machine.processes[process]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    named = me.hold(caller.file(other))

    group = yield from own_use(me, named)
    if not isinstance(group, VfioGroup):
        return group

    answer = yield from _take_out(machine, me, device, group)

    yield "file_del.dissolve_own"
    if group.try_dissolve():
        yield "file_del.detach_own"
        yield from detach(machine, me, group)

    yield "file_del.put_own"
    yield from put_group(machine, me, group)
    if answer is not OK:
        return answer

    yield "file_del.update"
    yield from look_at_groups(machine, me, device)
    return OK


def _take_out(machine: Machine, me: Task, device: KvmVfio, group: VfioGroup | None) -> Steps:
    """Take the entry of a group out of the list, tell the group, and put it; ENOENT where the list has none."""
    yield "file_del.remove"
    while not device.lock.taken_by(me):
        yield BLOCKED
    found = next((entry for entry in device.entries if entry.group is group), None)
    if found is None or group is None:
        device.lock.release()
        return ENOENT
    device.entries.remove(found)
    found.linked = None
    group.set_kvm(None)
    device.lock.release()

    yield "file_del.dissolve"
    yield from _put(machine, me, found, group)
    return OK


def may_destroy_entry(machine: Machine, vm: int, entry: int) -> bool:
    """The VM's last reference is gone, and the entry is in its list."""
    dying = machine.vms[vm]
    return dying.is_dying() and dying.lists(machine.users[entry])


def destroy_entry(machine: Machine, me: Task, vm: int, entry: int) -> Steps:
    """The same for an entry of a VM that is going, where nobody else can have the list (kvm_vfio_destroy)."""
    dying, user = machine.vms[vm], machine.users[entry]
    group = user.group
    if dying.device is None or group is None:
        raise LookupError(f"vm{vm} has no entry u{entry}")
    dying.device.entries.remove(user)
    user.linked = None
    group.set_kvm(None)

    yield "destroy_entry.dissolve"
    yield from _put(machine, me, user, group)
    return OK


def _put(machine: Machine, me: Task, user: ExternalUser, group: VfioGroup) -> Part:
    """The use of the group ends, then the reference goes (vfio_group_put_external_user, seen in 5.10)."""
    yield from dissolve(machine, me, user, group)

    yield f"{me.call}.put"
    yield from put_group(machine, me, group)
    user.group = None
