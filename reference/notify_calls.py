"""The notification model: external users register a callback, and VFIO calls it before it breaks the relation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from tenure.reference import container_calls
from tenure.reference.calls import EBUSY, EINVAL, EPERM, OK, Part, Steps, Task, put_group
from tenure.reference.container_calls import detach
from tenure.reference.containers import Container
from tenure.reference.device_calls import put_device
from tenure.reference.files import GROUP_FILE, File
from tenure.reference.groups import Device, IommuGroup, VfioGroup
from tenure.reference.harm import NULL_DEREFERENCE, USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.registrations import Registration
from tenure.reference.tables import IommuTable
from tenure.reference.users import ExternalUser
from tenure.vocabulary.answers import Refused
from tenure.vocabulary.types import NONE

_EARLY, _LATE = "_early", "_late"
"""What the names of steps end in where the callbacks run before the last use is given up, or after the detach."""


def set_container(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """As ever, but EBUSY while a leave has not come to its end: nobody uses the group, and it is still contained."""
    group = _group(machine.processes[process].file(file))
    if other != NONE and group.users == 0 and group.container is not None:
        return EBUSY
    return (yield from container_calls.set_container(machine, me, process, file, other))


def _waits(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """External users are told and waited for, then the group is detached."""
    yield from _call_back(me, group.iommu)
    yield from _drain(me, group.iommu)

    yield f"{me.call}.detach"
    yield from detach(machine, me, group)


def holds_the_list(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """The same, but the list stays locked while each user's own lock is taken."""
    yield f"{me.call}.call_back"
    while not group.iommu.callbacks_lock.taken_by(me):
        yield BLOCKED
    yield from _begin(me, group.iommu.callbacks)
    group.iommu.callbacks_lock.release()
    yield from _drain(me, group.iommu)

    yield f"{me.call}.detach"
    yield from detach(machine, me, group)


def comes_back(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """The same, but each callback calls unregister before it returns."""
    yield from _call_back(me, group.iommu)
    yield from _sleep_until_nobody_is_inside(me, group.iommu)

    yield f"{me.call}.unregister_inside"
    while any(registration.running for registration in group.iommu.callbacks):
        yield BLOCKED
    yield from _return(me, group.iommu)

    yield f"{me.call}.detach"
    yield from detach(machine, me, group)


def hurries(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """The same, but the group is detached while callbacks may still run."""
    yield from _call_back(me, group.iommu)

    yield f"{me.call}.detach"
    yield from detach(machine, me, group)
    yield from _drain(me, group.iommu, _LATE)


Leave = Callable[[Machine, Task, VfioGroup], Part]
"""How a group leaves its container once nobody uses it."""


def unset_container(machine: Machine, me: Task, process: int, file: int, leave: Leave = _waits) -> Steps:
    """Leave the container, unless a device file uses the group; EINVAL, EBUSY. External users are told, and waited for."""
    group = _group(me.hold(machine.processes[process].file(file)))
    refused = _decide(group)
    if refused is not None:
        return refused

    yield from leave(machine, me, group)
    return OK


def _decide(group: VfioGroup) -> Refused | None:
    """Nobody registers any more once the last use is given up."""
    if group.users == 0:
        return EINVAL
    if group.users != 1:
        return EBUSY
    group.users = 0
    group.placed = False
    return None


def _call_back(me: Task, group: IommuGroup) -> Part:
    """Call every user in the list; from now on each lets nobody into its table."""
    yield f"{me.call}.call_back"
    yield from _callbacks_begin(me, group)


def _callbacks_begin(me: Task, group: IommuGroup) -> Part:
    while not group.callbacks_lock.taken_by(me):
        yield BLOCKED
    called = list(group.callbacks)
    group.callbacks_lock.release()
    yield from _begin(me, called)


def _begin(me: Task, called: Iterable[Registration]) -> Part:
    """Each callback runs from here on."""
    for registration in called:
        while not registration.user.lock.taken_by(me):
            yield BLOCKED
        registration.running = True
        registration.user.lock.release()


def _drain(me: Task, group: IommuGroup, moment: str = "") -> Part:
    """The callbacks sleep until nobody is inside, end the registrations and return."""
    yield from _sleep_until_nobody_is_inside(me, group, moment)
    yield from _return(me, group, moment)


def _sleep_until_nobody_is_inside(me: Task, group: IommuGroup, moment: str = "") -> Part:
    yield f"{me.call}.look{moment}"
    if _somebody_is_inside(group):
        yield f"{me.call}.drain{moment}"
        while _somebody_is_inside(group):
            yield BLOCKED


def _return(me: Task, group: IommuGroup, moment: str = "") -> Part:
    yield f"{me.call}.return{moment}"
    while not group.callbacks_lock.taken_by(me):
        yield BLOCKED
    for registration in [one for one in group.callbacks if one.running]:
        registration.end()
    group.callbacks_lock.release()


def _somebody_is_inside(group: IommuGroup) -> bool:
    return any(one.running and one.user.inside for one in group.callbacks)


def release_device(machine: Machine, me: Task, file: int, leave: Leave = _waits) -> Steps:
    """End the use that the file counted for; where it was the last, tell and wait before the detach."""
    closing = machine.files[file]
    device = _device(closing)
    group = device.group.vfio
    device.module.put()
    closing.counts = False
    if group.try_dissolve():
        yield from leave(machine, me, group)

    yield "release_device.put"
    yield from put_device(me, closing, device)
    return OK


def release_group(machine: Machine, me: Task, file: int, leave: Leave = _waits) -> Steps:
    """End the use of SET_CONTAINER; where it was the last, tell and wait before the detach."""
    closing = machine.files[file]
    group = _group(closing)
    group.placed = False
    if group.try_dissolve():
        yield from leave(machine, me, group)

    yield from _reopen(machine, me, closing, group)
    return OK


def release_group_on_close(machine: Machine, me: Task, file: int) -> Steps:
    """The close itself is what users are told of; whether the group stays in its container comes afterwards."""
    closing = machine.files[file]
    group = _group(closing)
    yield from _callbacks_begin(me, group.iommu)
    yield from _drain(me, group.iommu, _EARLY)

    yield "release_group.dissolve"
    group.placed = False
    if group.try_dissolve():
        yield "release_group.detach"
        yield from detach(machine, me, group)

    yield from _reopen(machine, me, closing, group)
    return OK


def _reopen(machine: Machine, me: Task, closing: File, group: VfioGroup) -> Part:
    """The file is gone, and the group may be opened again."""
    yield "release_group.put"
    yield from put_group(machine, me, group)
    group.opened = False
    closing.gone()


def may_register(machine: Machine, user: int, process: int, file: int) -> bool:
    """The user has no registration, and its process has the fd of any file."""
    return machine.users[user].holds_nothing() and machine.processes[process].has(file)


def register(machine: Machine, me: Task, user: int, process: int, file: int) -> Steps:
    """Be told before the file's group leaves its container; EINVAL, EPERM. Nothing lies between the check and the list."""
    registering = machine.users[user]
    named = me.hold(machine.processes[process].file(file))
    found = yield from _checked(me, named)
    if isinstance(found, Refused):
        return found
    yield from _enlist(me, registering, process, found)
    return OK


def register_late(machine: Machine, me: Task, user: int, process: int, file: int) -> Steps:
    """The same, but others run between the check and the list."""
    registering = machine.users[user]
    named = me.hold(machine.processes[process].file(file))
    found = yield from _checked(me, named)
    if isinstance(found, Refused):
        return found

    yield "register.list"
    yield from _enlist(me, registering, process, found)
    return OK


@dataclass(frozen=True, slots=True)
class _Found:
    """What the check saw: the group, its container and the table there."""

    group: VfioGroup
    container: Container
    table: IommuTable


def _checked(me: Task, file: File) -> Generator[str, None, Refused | _Found]:
    """The tests of vfio_group_get_external_user, without a count."""
    group = file.group
    if file.kind != GROUP_FILE or group is None or group.users == 0:
        return EINVAL
    if group.iommu.no_iommu:
        return EPERM
    container = group.container
    if container is None:
        raise Oops(NULL_DEREFERENCE)
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    viable = group.iommu.is_viable()
    group.device_lock.release()
    if container.table is None or not viable:
        return EINVAL
    return _Found(group, container, container.table)


def _enlist(me: Task, user: ExternalUser, process: int, found: _Found) -> Part:
    iommu = found.group.iommu
    while not iommu.callbacks_lock.taken_by(me):
        yield BLOCKED
    user.registration = Registration(iommu, user)
    iommu.callbacks.append(user.registration)
    iommu.callbacks_lock.release()
    user.was_told(found.group, found.container.index, found.table)
    user.process = process


def may_unregister(machine: Machine, user: int) -> bool:
    """The user has registered, for a process that lives."""
    leaving = machine.users[user]
    return leaving.registration is not None and leaving.process != NONE


def may_release_user(machine: Machine, user: int) -> bool:
    """The user has registered, and its process is gone."""
    left = machine.users[user]
    return left.registration is not None and left.process == NONE


def unregister(machine: Machine, me: Task, user: int) -> Steps:
    """End the registration, or find that the callback has done so (EINVAL); a callback that runs is waited for."""
    leaving = machine.users[user]
    registration = _registration(leaving)
    if registration.is_listed() and registration.running:
        yield f"{me.call}.wait"
        while registration.running:
            yield BLOCKED
    if not registration.is_listed():
        _let_go(leaving)
        return EINVAL
    yield from _unlist(me, leaving, registration)
    return OK


def unregister_again(machine: Machine, me: Task, user: int) -> Steps:
    """The same by a user that does not ask whether the callback has ended the registration: it may be freed."""
    leaving = machine.users[user]
    registration = _registration(leaving)
    if registration.is_listed() and registration.running:
        yield f"{me.call}.wait"
        while registration.running:
            yield BLOCKED
    if not registration.is_listed():
        raise Oops(USE_AFTER_FREE)
    yield from _unlist(me, leaving, registration)
    return OK


def _unlist(me: Task, user: ExternalUser, registration: Registration) -> Part:
    while not registration.group.callbacks_lock.taken_by(me):
        yield BLOCKED
    registration.end()
    registration.group.callbacks_lock.release()
    _let_go(user)


def _let_go(user: ExternalUser) -> None:
    user.registration = None
    user.process = NONE


def may_use(machine: Machine, user: int, page: int, to: int) -> bool:
    """The user is registered, for a process that lives, and no callback has closed its table."""
    using = machine.users[user]
    registration = using.registration
    linked = registration is not None and registration.is_listed() and not registration.running
    return 0 <= page < machine.pages and to in (0, 1) and linked and using.process != NONE


def use(machine: Machine, _: Task, user: int, page: int, to: int) -> Steps:
    """Enter the table that was linked, then map or unmap a page of it (H_PUT_TCE); VFIO is not asked."""
    using = machine.users[user]
    table = using.told_table
    if table is None:
        raise LookupError(f"u{user} was told of no table")
    using.inside = True

    yield "use.touch"
    if not table.alive:
        raise Oops(USE_AFTER_FREE)
    table.pages[page] = bool(to)
    using.inside = False
    return OK


def _group(file: File) -> VfioGroup:
    if file.group is None:
        raise LookupError(f"f{file.index} is no group file")
    return file.group


def _device(file: File) -> Device:
    if file.device is None:
        raise LookupError(f"f{file.index} is no device file")
    return file.device


def _registration(user: ExternalUser) -> Registration:
    if user.registration is None:
        raise LookupError(f"u{user.index} has not registered")
    return user.registration
