"""The API that was merged: an external user counts in the group, and holds a reference to it."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EINVAL, ENODEV, EPERM, OK, Part, Steps, Task, put_group
from tenure.reference.container_calls import ask, detach
from tenure.reference.containers import Container
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE, USE_AFTER_FREE, Oops
from tenure.reference.iommu_drivers import IOMMU_TYPE
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.objects import GROUP
from tenure.vocabulary.types import NONE


def may_get_external_user(machine: Machine, user: int, process: int, file: int) -> bool:
    """The user holds nothing yet, and its process has the fd of any file."""
    return machine.users[user].holds_nothing() and machine.processes[process].has(file)


def get_external_user(machine: Machine, me: Task, user: int, process: int, file: int) -> Steps:
    """Count as a user of the file's group; EINVAL, EPERM (vfio_group_get_external_user, 3.11-5.18)."""
    named = me.hold(machine.processes[process].file(file))
    if named.kind != GROUP_FILE or named.group is None:
        return EINVAL
    return (yield from get(me, machine.users[user], process, named.group))


def may_get_external_user_from_dev(machine: Machine, user: int, process: int, device: int) -> bool:
    """The user holds nothing yet; the process needs no fd."""
    known = 0 <= process < len(machine.processes) and 0 <= device < len(machine.devices)
    return known and machine.users[user].holds_nothing()


def get_external_user_from_dev(machine: Machine, me: Task, user: int, process: int, device: int) -> Steps:
    """The same for the group of a device; ENODEV, EINVAL, EPERM (vfio_group_get_external_user_from_dev, 5.7-5.18)."""
    found = machine.devices[device]
    while not machine.group_lock.taken_by(me):
        yield BLOCKED
    if not found.is_registered():
        machine.group_lock.release()
        return ENODEV
    group = found.group.vfio
    group.kref += 1
    machine.group_lock.release()

    yield "get_external_user_from_dev.count"
    answer = yield from get(me, machine.users[user], process, group)
    yield from put_group(machine, me, group)
    return answer


def get(me: Task, user: ExternalUser, process: int, group: VfioGroup) -> Steps:
    """vfio_group_add_container_user, then a reference; a failed test takes the use back without dissolving."""
    answer = add_container_user(group)
    if answer is not OK:
        return answer
    user.counts = group.iommu.index

    yield f"{me.call}.validate"
    container = yield from validated(me, group)
    if container is None or container.table is None:
        user.counts = NONE
        return EINVAL
    user.was_told(group, container.index, container.table)

    yield f"{me.call}.reference"
    group.kref += 1
    user.group = group
    user.process = process
    return OK


def add_container_user(group: VfioGroup) -> Answer:
    """One more use of a group that has some; EINVAL, EPERM (vfio_group_add_container_user)."""
    if group.users == 0:
        return EINVAL
    if group.iommu.no_iommu:
        return EPERM
    group.users += 1
    return OK


def validated(me: Task, group: VfioGroup) -> Generator[str, None, Container | None]:
    """The container of a group that is counted, if that has an IOMMU driver and the group is viable; else the use is taken back."""
    container = group.container
    if container is None:
        raise Oops(NULL_DEREFERENCE)
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    if container.table is None or not viable:
        group.users -= 1
        return None
    return container


def own_use(me: Task, named: File) -> Generator[str, None, Answer | VfioGroup]:
    """The group behind a file, which a call counts in and refers to for itself; EINVAL, EPERM (vfio_group_get_external_user)."""
    yield f"{me.call}.count"
    if named.kind != GROUP_FILE or named.group is None:
        return EINVAL
    group = named.group
    answer = add_container_user(group)
    if answer is not OK:
        return answer

    yield f"{me.call}.validate"
    if (yield from validated(me, group)) is None:
        return EINVAL
    group.kref += 1
    me.drop(named)
    return group


def may_put_external_user(machine: Machine, user: int) -> bool:
    """The user holds a group, for a process that lives."""
    putting = machine.users[user]
    return putting.group is not None and putting.process != NONE


def may_release_user(machine: Machine, user: int) -> bool:
    """The user holds a group, and its process is gone."""
    left = machine.users[user]
    return left.group is not None and left.process == NONE


def put_external_user(machine: Machine, me: Task, user: int) -> Steps:
    """Stop using the table, give the use back, then the reference (vfio_group_put_external_user, seen in 5.10)."""
    putting = machine.users[user]
    group = _group(putting)
    yield from dissolve(machine, me, putting, group)

    yield f"{me.call}.put"
    yield from put_group(machine, me, group)
    putting.group = None
    putting.process = NONE
    return OK


def put_external_user_reference_first(machine: Machine, me: Task, user: int) -> Steps:
    """The same in the order of 3.11: after the reference is given back, the group may be freed memory."""
    putting = machine.users[user]
    group = _group(putting)
    yield from put_group(machine, me, group)
    putting.group = None
    putting.process = NONE

    yield f"{me.call}.dissolve"
    if group.kref == 0:
        raise Oops(USE_AFTER_FREE)
    yield from dissolve(machine, me, putting, group)

    yield f"{me.call}.end"
    return OK


def dissolve(machine: Machine, me: Task, user: ExternalUser, group: VfioGroup) -> Part:
    """The user forgets what it was told; the last to leave detaches the group (vfio_group_try_dissolve_container)."""
    user.forget()
    user.counts = NONE
    if group.try_dissolve():
        yield f"{me.call}.detach"
        yield from detach(machine, me, group)


def may_iommu_id(machine: Machine, user: int) -> bool:
    """The user holds a group, for a process that lives."""
    return may_put_external_user(machine, user)


def iommu_id(machine: Machine, _: Task, user: int) -> Answer:
    """Say which IOMMU group is held; it never fails (vfio_external_user_iommu_id, 3.11-5.18)."""
    return Done((("id", GROUP.element(_group(machine.users[user]).iommu.index)),))


def may_external_check_extension(machine: Machine, user: int, type: int) -> bool:  # noqa: A002 -- the ioctl's own word
    """The user holds a group, for a process that lives."""
    return may_put_external_user(machine, user) and 0 <= type < len(IOMMU_TYPE.values)


def external_check_extension(machine: Machine, me: Task, user: int, type: int) -> Steps:  # noqa: A002 -- as above
    """What VFIO_CHECK_EXTENSION says of the container of the group that is held (vfio_external_check_extension, up to 5.18)."""
    container = _group(machine.users[user]).container
    if container is None:
        raise Oops(NULL_DEREFERENCE)
    return (yield from ask(machine, me, container, type))


def _group(user: ExternalUser) -> VfioGroup:
    if user.group is None:
        raise LookupError(f"u{user.index} holds no group")
    return user.group
