"""The proposal of June 2013: an external user works with the group's file, and validates and counts in two calls."""

from __future__ import annotations

from tenure.reference.calls import EINVAL, OK, Part, Steps, Task
from tenure.reference.container_calls import detach
from tenure.reference.files import CLOSED, GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.harm import BUG, NULL_DEREFERENCE, USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.objects import GROUP
from tenure.vocabulary.types import NONE


def may_take_file(machine: Machine, user: int, process: int, file: int) -> bool:
    """The user holds nothing yet, and its process has the fd of any file."""
    return machine.users[user].holds_nothing() and machine.processes[process].has(file)


def take_file(machine: Machine, _: Task, user: int, process: int, file: int) -> Answer:
    """KVM takes a reference to a file, whatever it is (fget in kvm_vfio_set_group as meant in 2013)."""
    taking = machine.users[user]
    taking.file = machine.processes[process].file(file).get()
    taking.keeps = True
    taking.process = process
    return OK


def may_iommu_id_from_file(machine: Machine, user: int) -> bool:
    """The user has a file, for a process that lives, and was told nothing yet."""
    return _is_at_work(machine, user) and machine.users[user].told_group == NONE


def iommu_id_from_file(machine: Machine, me: Task, user: int) -> Steps:
    """Say which IOMMU group is behind the file; EINVAL (vfio_group_iommu_id_from_file, 2013 patch).

    Nothing is counted: what it says may be over before anybody acts on it.
    """
    asking = machine.users[user]
    group = _group_of(_file(asking))
    if group is None or group.users == 0:
        return EINVAL

    yield "iommu_id_from_file.check_iommu"
    container = group.container
    if container is None:
        raise Oops(NULL_DEREFERENCE)
    table = container.table
    if table is None:
        return EINVAL

    yield "iommu_id_from_file.check_viable"
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    if not viable:
        return EINVAL
    asking.was_told(group, container.index, table)
    asking.added_first = asking.counts != NONE
    return Done((("id", GROUP.element(group.iommu.index)),))


def may_add_external_user(machine: Machine, user: int) -> bool:
    """The user has a file, for a process that lives, and does not count yet."""
    return _is_at_work(machine, user) and machine.users[user].counts == NONE


def add_external_user(machine: Machine, _: Task, user: int) -> Answer:
    """Count as a user of a group that is in a container; EINVAL (vfio_group_add_external_user, 2013 patch).

    Neither the table nor viability is looked at, and the group is not referenced: the file does that.
    """
    adding = machine.users[user]
    group = _group_of(_file(adding))
    if group is None or group.users == 0:
        return EINVAL
    group.users += 1
    adding.counts = group.iommu.index
    return OK


def may_del_external_user(machine: Machine, user: int) -> bool:
    """The user counts, for a process that lives."""
    return _is_at_work(machine, user) and machine.users[user].counts != NONE


def may_del_without_add(machine: Machine, user: int) -> bool:
    """The user has a file, for a process that lives; nobody asks whether it counts."""
    return _is_at_work(machine, user)


def del_external_user(machine: Machine, me: Task, user: int) -> Steps:
    """Give one use of the group back, whoever's it was; never refused (vfio_group_del_external_user, 2013 patch)."""
    yield from _dissolve(machine, me, machine.users[user])

    yield f"{me.call}.end"
    return OK


def may_drop_file(machine: Machine, user: int) -> bool:
    """The user has a file, for a process that lives, and does not count."""
    return may_add_external_user(machine, user)


def drop_file(machine: Machine, _: Task, user: int) -> Answer:
    """KVM drops its reference and forgets the file (fput)."""
    _forget_file(machine.users[user])
    return OK


def may_drop_file_early(machine: Machine, user: int) -> bool:
    """The user counts, for a process that lives, and keeps its reference."""
    return may_del_external_user(machine, user) and machine.users[user].keeps


def drop_file_early(machine: Machine, _: Task, user: int) -> Answer:
    """KVM drops its reference while it counts; the pointer that `del` will need stays (a misuse)."""
    dropping = machine.users[user]
    _file(dropping).put()
    dropping.keeps = False
    return OK


def may_release_user(machine: Machine, user: int) -> bool:
    """The user has a file, and its process is gone."""
    left = machine.users[user]
    return left.file is not None and left.process == NONE


def release_user(machine: Machine, me: Task, user: int) -> Steps:
    """What KVM does when its process is gone: give the use back where it counts, then drop the file."""
    left = machine.users[user]
    if left.counts != NONE:
        yield from _dissolve(machine, me, left)

        yield "release_user.put"
    _forget_file(left)
    return OK


def _dissolve(machine: Machine, me: Task, user: ExternalUser) -> Part:
    """try_dissolve on the group of the file; the user knows nothing any more, and does not count."""
    file = _file(user)
    if file.kind == CLOSED:
        raise Oops(USE_AFTER_FREE)
    if file.group is None:
        raise Oops(BUG)  # f_op is not the group's
    user.forget()
    user.counts = NONE
    if file.group.try_dissolve():
        group = file.group
        yield f"{me.call}.detach"
        yield from detach(machine, me, group)


def _forget_file(user: ExternalUser) -> None:
    if user.keeps:
        _file(user).put()
    user.keeps = False
    user.file = None
    user.forget()
    user.process = NONE


def _group_of(file: File) -> VfioGroup | None:
    """The group behind a group file; none behind another; a file that is gone cannot be asked."""
    if file.kind == CLOSED:
        raise Oops(USE_AFTER_FREE)
    return file.group if file.kind == GROUP_FILE else None


def _is_at_work(machine: Machine, user: int) -> bool:
    working = machine.users[user]
    return working.file is not None and working.process != NONE


def _file(user: ExternalUser) -> File:
    if user.file is None:
        raise LookupError(f"u{user.index} has no file")
    return user.file
