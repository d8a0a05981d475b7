"""The refcount model: a user names a file and a table, and what both are found to be stays so until its release."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EBADF, EINVAL, EPERM, OK, Part, Steps, Task
from tenure.reference.container_calls import detach
from tenure.reference.containers import Container
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import VfioGroup
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.vocabulary.answers import Refused
from tenure.vocabulary.types import NONE

Found = tuple[VfioGroup, Container] | Refused
"""The group behind a file with its container, whose lock is then held; or why there is none to rely on."""


def may_validate_and_use(machine: Machine, user: int, process: int, file: int, table: int) -> bool:
    """The user holds nothing yet, and its process has the fd of any file; whose table it is, nobody asks before."""
    known = 0 <= table < len(machine.tables)
    return known and machine.users[user].holds_nothing() and machine.processes[process].has(file)


def validate_and_use(machine: Machine, me: Task, user: int, process: int, file: int, table: int) -> Steps:
    """Rely on the group behind the file, and on its table; EINVAL, EPERM.

    The container's lock is held from the first look at the container until the use is counted.
    """
    named = me.hold(machine.processes[process].file(file))
    found = yield from _find(machine, me, named, table)
    if isinstance(found, Refused):
        return found
    group, container = found
    using = machine.users[user]
    _link(using, named, group, container)
    _count(using, process, group)
    container.group_lock.release()
    return OK


def check_then_count(machine: Machine, me: Task, user: int, process: int, file: int, table: int) -> Steps:
    """The same, but the lock is gone when the use is counted; EINVAL, EPERM."""
    named = me.hold(machine.processes[process].file(file))
    found = yield from _find(machine, me, named, table)
    if isinstance(found, Refused):
        return found
    group, container = found
    using = machine.users[user]
    _link(using, named, group, container)
    container.group_lock.release()

    yield "validate_and_use.count"
    if group.users == 0:
        using.forget()
        _let_go(using)
        return EINVAL
    _count(using, process, group)
    return OK


def _find(machine: Machine, me: Task, file: File, table: int) -> Generator[str, None, Found]:
    """The group, in a container that has the table; while its lock is waited for, the group may go elsewhere."""
    group = file.group
    if file.kind != GROUP_FILE or group is None or group.users == 0:
        return EINVAL
    if group.iommu.no_iommu:
        return EPERM
    while (container := group.container) is not None and not container.group_lock.taken_by(me):
        yield BLOCKED
    if container is None:
        return EINVAL
    if container.table is not machine.tables[table] or not (yield from _is_viable(me, group)):
        container.group_lock.release()
        return EINVAL
    return group, container


def _is_viable(me: Task, group: VfioGroup) -> Generator[str, None, bool]:
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    return viable


def _link(user: ExternalUser, file: File, group: VfioGroup, container: Container) -> None:
    """KVM keeps the file, and knows where to map."""
    if container.table is None:
        raise LookupError(f"c{container.index} has no table")
    user.file = file.get()
    user.keeps = True
    user.was_told(group, container.index, container.table)


def _count(user: ExternalUser, process: int, group: VfioGroup) -> None:
    group.users += 1
    user.counts = group.iommu.index
    user.process = process


def may_release(machine: Machine, user: int, file: int, table: int) -> bool:
    """The user relies on this file and this table, which may be gone, for a process that lives."""
    using = machine.users[user]
    linked = using.told_table is not None and using.told_table.index == table
    return linked and using.file is machine.files[file] and using.process != NONE


def may_release_user(machine: Machine, user: int) -> bool:
    """The user relies on a file, and its process is gone."""
    return machine.users[user].is_left()


def release(machine: Machine, me: Task, user: int, file: int, table: int) -> Steps:  # noqa: ARG001 -- what the user names, it has
    """Stop using the table, give the use back, drop the file; never refused."""
    return (yield from release_user(machine, me, user))


def release_by_fd(machine: Machine, me: Task, user: int, file: int, table: int) -> Steps:  # noqa: ARG001 -- what the user names, it has
    """The same, found by an fd of the user's process; EBADF where that is closed, and nothing is given back."""
    if not machine.processes[machine.users[user].process].has(file):
        return EBADF
    return (yield from release_user(machine, me, user))


def release_user(machine: Machine, me: Task, user: int) -> Steps:
    """The same for a process that is gone: who was a user knows its file, and what else it knew is over."""
    leaving = machine.users[user]
    leaving.forget()
    leaving.counts = NONE
    yield from _dissolve(machine, me, _group(leaving.file))

    yield f"{me.call}.put"
    _let_go(leaving)
    return OK


def may_release_without_use(machine: Machine, user: int, process: int, file: int) -> bool:
    """The process has the fd of a group; what the user counts for, nobody asks."""
    return 0 <= user < len(machine.users) and machine.processes[process].has(file, GROUP_FILE)


def release_without_use(machine: Machine, me: Task, user: int, process: int, file: int) -> Steps:  # noqa: ARG001 -- whoever it is
    """Give a use of the group back, whoever's it was; never refused (a misuse)."""
    named = me.hold(machine.processes[process].file(file))
    yield from _dissolve(machine, me, _group(named))

    yield "release_without_use.end"
    return OK


def _dissolve(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """The last to leave detaches the group (vfio_group_try_dissolve_container)."""
    if group.try_dissolve():
        yield f"{me.call}.detach"
        yield from detach(machine, me, group)


def _let_go(user: ExternalUser) -> None:
    """KVM drops the file."""
    if user.file is not None:
        user.file.put()
    user.file = None
    user.keeps = False
    user.process = NONE


def _group(file: File | None) -> VfioGroup:
    if file is None or file.group is None:
        raise LookupError("there is no group behind the file")
    return file.group
