"""Groups from 5.19 on: whatever a call does with a group it does under the group's lock."""

from __future__ import annotations

from tenure.reference.calls import (
    EBADF,
    EBADFD,
    EBUSY,
    EINVAL,
    ENODEV,
    EPERM,
    OK,
    Part,
    Steps,
    Task,
)
from tenure.reference.containers import Container
from tenure.reference.files import CONTAINER_FILE, GROUP_FILE, File
from tenure.reference.groups import IommuGroup, VfioGroup
from tenure.reference.harm import LIST_CORRUPTION
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.ownership import claim_dma_owner, release_dma_owner
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import NONE


def open_group(machine: Machine, me: Task, process: int, file: int, group: int) -> Steps:
    """Open the group's file, unless one is open; ENODEV, EPERM, EBUSY (vfio_group_fops_open, 5.19-7.2)."""
    caller, vfio = machine.processes[process], machine.groups[group].vfio
    while not vfio.group_lock.taken_by(me):
        yield BLOCKED
    answer: Answer = OK
    if vfio.kref == 0:
        answer = ENODEV
    elif vfio.iommu.no_iommu and not caller.rawio:
        answer = EPERM
    elif vfio.opened_file is not None:
        answer = EBUSY
    else:
        opened = machine.files[file] = File(file, GROUP_FILE)
        opened.group = vfio
        vfio.opened_file = opened
        caller.install(opened)
    vfio.group_lock.release()
    return answer


def release_group(machine: Machine, me: Task, file: int) -> Steps:
    """Leave the container, and let the group be opened again (vfio_group_fops_release, 5.19-7.2).

    Devices that are open hold the file, so none is.
    """
    closing = machine.files[file]
    group = group_of(closing)
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    if group.container is not None:
        yield from detach(machine, me, group, group.container)
    group.opened_file = None
    group.group_lock.release()
    closing.gone()
    return OK


def set_container(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Put the group into a container; EBADF, EINVAL, ENODEV, EBADFD, EPERM, EBUSY (vfio_group_ioctl_set_container)."""
    return (yield from _set_container(machine, me, process, file, other, EBADFD))


def set_container_6_1(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Do the same; a file of another kind is EINVAL, before the word EBADFD came."""
    return (yield from _set_container(machine, me, process, file, other, EINVAL))


def _set_container(machine: Machine, me: Task, process: int, file: int, other: int, wrong_kind: Refused) -> Steps:
    caller = machine.processes[process]
    group = group_of(me.hold(caller.file(file)))
    if other == NONE or not caller.has(other):  # fdget finds nothing, for a negative fd neither
        return EBADF
    target = me.hold(caller.file(other))

    yield "set_container.attach"
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    if group.container is not None:
        answer: Answer = EINVAL
    elif group.orphaned:
        answer = ENODEV
    elif target.kind != CONTAINER_FILE or target.container is None:
        answer = wrong_kind
    else:
        answer = yield from attach(machine, me, group, target.container, rawio=caller.rawio)
    group.group_lock.release()
    return answer


def attach(machine: Machine, me: Task, group: VfioGroup, container: Container, *, rawio: bool) -> Steps:
    """Claim the group and attach it, under the container's lock (vfio_container_attach_group, 5.19-7.2)."""
    iommu = group.iommu
    if iommu.no_iommu and not rawio:
        return EPERM
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    while not iommu.mutex.taken_by(me):
        yield BLOCKED
    refusal = _taken(group, container, iommu)
    if refusal is None:
        if not container.link(group, machine.containers):
            machine.note(LIST_CORRUPTION)
        group.container = container
        group.users = 1
        group.placed = True
        container.no_iommu = iommu.no_iommu
        container.kref += 1
    iommu.mutex.release()
    container.group_lock.release()
    return refusal or OK


def _taken(group: VfioGroup, container: Container, iommu: IommuGroup) -> Refused | None:
    """Kinds do not mix; a real group is claimed, and attached by the container's IOMMU driver where it has one."""
    if container.group_list and container.no_iommu != iommu.no_iommu:
        return EPERM
    refusal = None if iommu.no_iommu else claim_dma_owner(iommu, group)
    if refusal is not None:
        return refusal
    container.enter_driver()
    if container.table is not None and not iommu.no_iommu:
        iommu.attach(container.table)
    return None


def unset_container(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Leave the container, unless a device is open; EINVAL, EBUSY (vfio_group_ioctl_unset_container, 5.19-7.2)."""
    group = group_of(me.hold(machine.processes[process].file(file)))
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    if group.container is None:
        answer: Answer = EINVAL
    elif group.users != 1:
        answer = EBUSY
    else:
        yield from detach(machine, me, group, group.container)
        answer = OK
    group.group_lock.release()
    return answer


def detach(machine: Machine, me: Task, group: VfioGroup, container: Container) -> Part:
    """Take the group out of its container and release its DMA (vfio_group_detach_container, 5.19-7.2)."""
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    while not group.iommu.mutex.taken_by(me):
        yield BLOCKED
    container.enter_driver()
    group.iommu.detach()
    if not group.iommu.no_iommu:
        release_dma_owner(group.iommu)
    group.iommu.mutex.release()
    group.container = None
    group.users = 0
    group.placed = False
    if not container.unlink(group):
        machine.note(LIST_CORRUPTION)
    if not container.group_list:
        container.close_table()
    container.group_lock.release()
    container.put()


def get_status(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Say whether the group is free or the caller's own; ENODEV (vfio_group_ioctl_get_status, 5.19-7.2)."""
    group = group_of(me.hold(machine.processes[process].file(file)))
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    contained = group.container is not None
    answer: Answer = ENODEV
    if not group.orphaned:
        while not group.iommu.mutex.taken_by(me):
            yield BLOCKED
        free = group.iommu.owner_cnt == 0
        group.iommu.mutex.release()
        answer = Done((("viable", contained or free), ("container_set", contained)))
    group.group_lock.release()
    return answer


def group_of(file: File) -> VfioGroup:
    """The group object behind a group file; it may have lost its devices."""
    if file.group is None:
        raise LookupError(f"f{file.index} is no group file")
    return file.group
