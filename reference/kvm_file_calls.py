"""The KVM VFIO device from 5.19 on: entries are files, kept until DEL or until the device, or its VM, goes."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EBADF, EEXIST, EINVAL, EIO, ENOENT, OK, Steps, Task
from tenure.reference.coherency import look_at_containers, look_at_files, tell
from tenure.reference.files import DEVICE_FILE, GROUP_FILE, KVM_VFIO_FILE, File
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.reference.vm_calls import device_of, vm_of
from tenure.reference.vms import KvmVfio, Vm
from tenure.vocabulary.answers import Answer


def file_add(machine: Machine, me: Task, process: int, file: int, other: int, entry: int) -> Steps:
    """Keep a group's or a device's file; EIO, EBADF, EINVAL, EEXIST (kvm_vfio_file_add, 6.6-7.2)."""
    return (yield from _add(machine, me, process, file, other, entry, (GROUP_FILE, DEVICE_FILE)))


def group_add(machine: Machine, me: Task, process: int, file: int, other: int, entry: int) -> Steps:
    """Keep a group's file; EIO, EBADF, EINVAL, EEXIST (kvm_vfio_group_add, 5.19-6.1)."""
    return (yield from _add(machine, me, process, file, other, entry, (GROUP_FILE,), tells_under_lock=True))


def _add(  # noqa: PLR0913  # the arguments of the call, and what its generation does otherwise
    machine: Machine,
    me: Task,
    process: int,
    file: int,
    other: int,
    entry: int,
    accepted: tuple[int, ...],
    *,
    tells_under_lock: bool = False,
) -> Steps:
    caller, new = machine.processes[process], machine.users[entry]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    if not caller.has(other, *accepted):
        return EINVAL
    named = me.hold(caller.file(other))

    yield "file_add.list"
    while not device.lock.taken_by(me):
        yield BLOCKED
    answer: Answer = EEXIST
    if all(kept.file is not named for kept in device.entries):
        new.file = named.get()
        new.keeps = True
        device.entries.append(new)
        yield from _set_kvm(me, named, device.vm, locked=tells_under_lock)
        answer = OK
        if not machine.asks_containers:
            yield from look_at_files(me, device)
    device.lock.release()
    if answer is not OK or not machine.asks_containers:
        return answer
    me.drop(named)

    yield "file_add.update"
    yield from look_at_containers(machine, me, device)
    return OK


def _set_kvm(me: Task, file: File, vm: Vm | None, *, locked: bool) -> Generator[str, None, None]:
    """Tell the group behind a group's file, or a device's file, whoever it was told of before (vfio_file_set_kvm).

    What a device's file is told nobody reads but a bind, and one that was opened through a group is never bound.
    """
    if file.is_cdev:
        file.kvm = vm
    group = file.group
    if group is None:
        return
    while locked and not group.group_lock.taken_by(me):
        yield BLOCKED
    group.kvm = vm
    if locked:
        group.group_lock.release()


def file_del(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Let a file go; EIO, EBADF, ENOENT (kvm_vfio_file_del, 6.6-7.2)."""
    return (yield from _del(machine, me, process, file, other, tells_under_lock=False))


def group_del(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Let a group's file go; EIO, EBADF, ENOENT (kvm_vfio_group_del, 5.19-6.1)."""
    return (yield from _del(machine, me, process, file, other, tells_under_lock=True))


def _del(machine: Machine, me: Task, process: int, file: int, other: int, *, tells_under_lock: bool) -> Steps:
    caller = machine.processes[process]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    if not caller.has(other, GROUP_FILE, DEVICE_FILE):
        return ENOENT  # the search under the lock would find nothing
    named = me.hold(caller.file(other))

    yield "file_del.remove"
    while not device.lock.taken_by(me):
        yield BLOCKED
    found = next((kept for kept in device.entries if kept.file is named), None)
    if found is not None:
        yield from _give_up(me, device, found, locked=tells_under_lock)
        if not machine.asks_containers:
            yield from look_at_files(me, device)
    device.lock.release()
    if found is None:
        return ENOENT
    if not machine.asks_containers:
        return OK
    me.drop(named)

    yield "file_del.update"
    yield from look_at_containers(machine, me, device)
    return OK


def _give_up(me: Task, device: KvmVfio, entry: ExternalUser, *, locked: bool) -> Generator[str, None, None]:
    """Tell whoever was told that there is no VM, then drop the file (kvm_vfio_file_free)."""
    file = entry.file
    if file is None:
        raise LookupError(f"u{entry.index} keeps no file")
    yield from _set_kvm(me, file, None, locked=locked)
    device.entries.remove(entry)
    entry.file = None
    entry.keeps = False
    entry.linked = None
    entry.forget()
    file.put()


def may_release_entry(machine: Machine, file: int, entry: int) -> bool:
    """The last reference to the device's file is gone, and the entry is in its list."""
    closing = machine.files[file]
    if closing.kind != KVM_VFIO_FILE or not closing.is_due():
        return False
    return machine.users[entry] in device_of(closing).entries


def release_entry(machine: Machine, me: Task, file: int, entry: int) -> Steps:
    """Give up an entry of a device whose fd is gone (kvm_vfio_release, 6.2-7.2)."""
    yield from _give_up(me, device_of(machine.files[file]), machine.users[entry], locked=False)
    return OK


def may_release_kvm_vfio(machine: Machine, file: int) -> bool:
    """The last reference to the device's file is gone, and no entry is left."""
    closing = machine.files[file]
    return closing.kind == KVM_VFIO_FILE and closing.is_due() and not device_of(closing).entries


def release_kvm_vfio(machine: Machine, _: Task, file: int) -> Answer:
    """The device is gone, then its reference to the VM (kvm_device_release)."""
    closing = machine.files[file]
    vm = vm_of(closing)
    tell(device_of(closing), noncoherent=False)  # no entry is left
    vm.device = None
    vm.users -= 1
    closing.gone()
    return OK


def destroy_entry(machine: Machine, me: Task, vm: int, entry: int) -> Steps:
    """Give up an entry of a device whose VM is going (kvm_vfio_destroy, to 6.1)."""
    yield from _give_up(me, _device_of_vm(machine, vm), machine.users[entry], locked=True)
    return OK


def destroy_told_entry(machine: Machine, me: Task, vm: int, entry: int) -> Steps:
    """The same where a spinlock guards what a file is told (kvm_vfio_destroy, before the fix of the cycle)."""
    yield from _give_up(me, _device_of_vm(machine, vm), machine.users[entry], locked=False)
    return OK


def _device_of_vm(machine: Machine, vm: int) -> KvmVfio:
    device = machine.vms[vm].device
    if device is None:
        raise LookupError(f"vm{vm} has no KVM VFIO device")
    return device
