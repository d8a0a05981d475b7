"""SPAPR from 5.19 on: a bus number is linked to the table of a listed file's group, and stays so when the group leaves."""

from __future__ import annotations

from tenure.reference.calls import EBADF, EINVAL, EIO, ENOENT, OK, Steps, Task
from tenure.reference.files import DEVICE_FILE, GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.reference.vm_calls import device_of
from tenure.vocabulary.answers import Answer


def set_spapr_tce(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Link to the table that the group has now; EIO, EBADF, ENOENT, EINVAL (kvm_vfio_file_set_spapr_tce, 6.6-7.2)."""
    return (yield from _set_spapr_tce(machine, me, process, file, other, asks_under_lock=True))


def group_set_spapr_tce(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """The same where nobody takes the group's lock (kvm_vfio_group_set_spapr_tce, 5.19-6.1)."""
    return (yield from _set_spapr_tce(machine, me, process, file, other, asks_under_lock=False))


def _set_spapr_tce(machine: Machine, me: Task, process: int, file: int, other: int, *, asks_under_lock: bool) -> Steps:
    caller = machine.processes[process]
    device = device_of(me.hold(caller.file(file)))
    if device.vm.mm != process:
        return EIO
    if not caller.has(other):
        return EBADF
    if not caller.has(other, GROUP_FILE, DEVICE_FILE):
        return ENOENT  # the search under the lock would find nothing
    named = me.hold(caller.file(other))

    yield "set_spapr_tce.link"
    while not device.lock.taken_by(me):
        yield BLOCKED
    answer: Answer = ENOENT
    entry = next((kept for kept in device.entries if kept.file is named), None)
    if entry is not None:
        group = _group_of(named)
        if group is not None and asks_under_lock:
            while not group.group_lock.taken_by(me):
                yield BLOCKED
            group.group_lock.release()
        answer = EIO if group is None else _link(entry, group)
    device.lock.release()
    return answer


def _group_of(file: File) -> VfioGroup | None:
    """The group behind a group's file that still has devices (vfio_file_iommu_group)."""
    group = file.group if file.kind == GROUP_FILE else None
    return None if group is None or group.orphaned else group


def _link(entry: ExternalUser, group: VfioGroup) -> Answer:
    """Remember the table, and where the group was (kvm_spapr_tce_attach_iommu_group)."""
    table, container = group.iommu.attached, group.container
    if table is None or container is None:
        return EINVAL
    entry.was_told(group, container.index, table)
    entry.linked = table
    return OK


def h_put_tce(machine: Machine, _: Task, entry: int, page: int, to: int) -> Answer:
    """Map or unmap one page; KVM's own count keeps a table that no container has any more (kvmppc_h_put_tce)."""
    table = machine.users[entry].linked
    if table is None:
        raise LookupError(f"no bus number is linked for u{entry}")
    if table.alive:
        table.pages[page] = bool(to)
    return OK
