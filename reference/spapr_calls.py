"""SPAPR: a bus number of the guest is linked to the table of a group in the list, and the guest maps into it by itself."""

from __future__ import annotations

from tenure.reference.calls import EBADF, EINVAL, EIO, ENOENT, OK, Steps, Task, put_group
from tenure.reference.container_calls import detach
from tenure.reference.files import KVM_VFIO_FILE
from tenure.reference.get_put_calls import own_use
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.vm_calls import device_of
from tenure.reference.vms import KvmVfio
from tenure.vocabulary.answers import Answer


def may_set_spapr_tce(machine: Machine, process: int, file: int, other: int) -> bool:
    """The process has the device's fd; the other fd may be anything."""
    return machine.processes[process].has(file, KVM_VFIO_FILE) and 0 <= other < len(machine.files)


def set_spapr_tce(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Get a group, link its table if the list has it, put it; EIO, EBADF, EINVAL, EPERM, ENOENT (kvm_vfio_set_group, 4.12-5.18)."""
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

    yield "set_spapr_tce.link"
    while not device.lock.taken_by(me):
        yield BLOCKED
    answer = _link(device, group)
    device.lock.release()

    yield "set_spapr_tce.dissolve"
    if group.try_dissolve():
        yield "set_spapr_tce.detach"
        yield from detach(machine, me, group)

    yield "set_spapr_tce.put"
    yield from put_group(machine, me, group)
    return answer


def _link(device: KvmVfio, group: VfioGroup) -> Answer:
    """Remember the table that the entry's group has now."""
    found = next((entry for entry in device.entries if entry.group is group), None)
    if found is None:
        return ENOENT
    table = group.iommu.attached
    if table is None:
        return EINVAL
    found.linked = table
    return OK


def may_h_put_tce(machine: Machine, entry: int, page: int, to: int) -> bool:
    """A bus number is linked for the entry."""
    return 0 <= page < machine.pages and to in (0, 1) and machine.users[entry].linked is not None


def h_put_tce(machine: Machine, _: Task, entry: int, page: int, to: int) -> Answer:
    """The guest maps or unmaps one page (kvmppc_h_put_tce); a table that nobody has any more is freed memory."""
    table = machine.users[entry].linked
    if table is None:
        raise LookupError(f"no bus number is linked for u{entry}")
    if not table.alive:
        raise Oops(USE_AFTER_FREE)
    table.pages[page] = bool(to)
    return OK
