"""Containers: open and release, SET_CONTAINER, UNSET_CONTAINER, SET_IOMMU, and the detach that many ways lead to."""

from __future__ import annotations

from tenure.reference.calls import EBADF, EBUSY, EINVAL, ENODEV, EPERM, OK, Part, Steps, Task
from tenure.reference.containers import Container
from tenure.reference.files import CLOSED, CONTAINER_FILE, GROUP_FILE, File
from tenure.reference.groups import IommuGroup, VfioGroup
from tenure.reference.harm import LIST_CORRUPTION, NULL_DEREFERENCE, Oops
from tenure.reference.iommu_drivers import IOMMU_TYPE, IommuDriver
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.tables import IommuTable
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.types import NONE

API_VERSION = 0
"""VFIO_API_VERSION: there was never another."""


def may_open_container(machine: Machine, process: int, file: int, made: int) -> bool:
    """Both names are free."""
    return (
        0 <= process < len(machine.processes)
        and machine.files[file].kind == CLOSED
        and machine.containers[made].kref == 0
    )


def open_container(machine: Machine, _: Task, process: int, file: int, made: int) -> Answer:
    """Make a container, referenced by its file (vfio_fops_open, 3.6-5.18)."""
    container = machine.containers[made] = Container(made, kref=1)
    opened = machine.files[file] = File(file, CONTAINER_FILE)
    opened.container = container
    machine.processes[process].install(opened)
    return OK


def may_release_container(machine: Machine, file: int) -> bool:
    """The last reference to the container's file is gone."""
    closing = machine.files[file]
    return closing.kind == CONTAINER_FILE and closing.is_due()


def release_container(machine: Machine, _: Task, file: int) -> Answer:
    """Drop the file's reference only: groups keep the container, and their mappings (vfio_fops_release)."""
    closing = machine.files[file]
    if closing.container is not None:
        closing.container.put()
    closing.gone()
    return OK


def may_set_container(machine: Machine, process: int, file: int, other: int) -> bool:
    """The process has the group's fd; the other fd may be anything."""
    return machine.processes[process].has(file, GROUP_FILE) and NONE <= other < len(machine.files)


def set_container(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Put the group into a container; EINVAL, EPERM, EBADF, EBUSY (vfio_group_set_container, 3.6-5.18).

    The first look at `container_users` and the attach are not under one lock.
    """
    caller = machine.processes[process]
    group = _group(me.hold(caller.file(file)))
    if other == NONE:  # a negative fd
        return EINVAL
    if group.users != 0:
        return EINVAL

    yield "set_container.look_up"
    if group.iommu.no_iommu and not caller.rawio:
        return EPERM
    if not caller.has(other):
        return EBADF
    if not caller.has(other, CONTAINER_FILE):
        return EINVAL
    container = _container(me.hold(caller.file(other)))

    yield "set_container.attach"
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    answer = _attach_group(machine, container, group)
    container.group_lock.release()
    return answer


def _attach_group(machine: Machine, container: Container, group: VfioGroup) -> Answer:
    """What SET_CONTAINER does under the container's lock; `container_users` is not looked at again."""
    iommu = group.iommu
    if container.group_list and container.no_iommu != iommu.no_iommu:
        return EPERM
    container.enter_driver()
    if container.table is None:
        iommu.attached = None
    elif iommu.attached is not None or iommu.is_used_by_host():
        return EBUSY  # the IOMMU driver's attach_group; iommu_take_ownership
    elif not iommu.no_iommu:
        iommu.attached = container.table
    if not container.link(group, machine.containers):
        machine.note(LIST_CORRUPTION)
    group.container = container
    container.no_iommu = iommu.no_iommu
    container.kref += 1
    group.users += 1
    group.placed = True
    return OK


def may_unset_container(machine: Machine, process: int, file: int) -> bool:
    """The process has the group's fd."""
    return machine.processes[process].has(file, GROUP_FILE)


def unset_container(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Leave the container, unless somebody else uses the group; EINVAL, EBUSY (vfio_group_unset_container, 3.6-5.18).

    The use is given up before the group is detached; what happens in between is detached as well.
    """
    group = _group(me.hold(machine.processes[process].file(file)))
    if group.users == 0:
        return EINVAL
    if group.users != 1:
        return EBUSY
    group.users = 0
    group.placed = False

    yield "unset_container.detach"
    yield from detach(machine, me, group)
    return OK


def detach(machine: Machine, me: Task, group: VfioGroup) -> Part:
    """Take the group out of the container it points to now (__vfio_group_unset_container, 3.6-5.18)."""
    container = group.container
    if container is None:
        raise Oops(NULL_DEREFERENCE)
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    container.enter_driver()
    group.iommu.detach()
    group.container = None
    if not container.unlink(group):
        machine.note(LIST_CORRUPTION)
    if not container.group_list:
        container.close_table()
    container.group_lock.release()
    container.put()


def may_set_iommu(machine: Machine, process: int, file: int, type: int, made: int) -> bool:  # noqa: A002 -- the uapi's word
    """The process has the container's fd, and the name of the table is free."""
    return (
        machine.processes[process].has(file, CONTAINER_FILE)
        and 0 <= type < len(IOMMU_TYPE.values)
        and not machine.tables[made].alive
    )


def set_iommu(machine: Machine, me: Task, process: int, file: int, type: int, made: int) -> Steps:  # noqa: A002 -- as above
    """Choose the IOMMU driver and attach all groups; EINVAL, ENODEV, EPERM, EBUSY (vfio_ioctl_set_iommu, 3.6-5.18)."""
    caller = machine.processes[process]
    container = _container(me.hold(caller.file(file)))
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    if not container.group_list or container.table is not None:
        answer: Answer = EINVAL
    else:
        while not machine.iommu_drivers_lock.taken_by(me):
            yield BLOCKED
        answer = _open_iommu(machine, container, type, made, rawio=caller.rawio)
        machine.iommu_drivers_lock.release()
    container.group_lock.release()
    return answer


def _open_iommu(machine: Machine, container: Container, kind: int, made: int, *, rawio: bool) -> Answer:
    """The first registered driver that supports the type and takes every group is the container's; its module is kept."""
    answer: Answer = ENODEV
    for driver in machine.iommu_drivers_list:
        if driver.is_noiommu != container.no_iommu or not driver.try_get():
            continue
        if driver.supports(kind):
            answer = _open_table(machine, container, driver, made, rawio=rawio)
            if answer == OK:
                return OK
        driver.put()
    return answer


def _open_table(machine: Machine, container: Container, driver: IommuDriver, made: int, *, rawio: bool) -> Answer:
    """The driver opens a table, and takes every group or none."""
    if driver.is_noiommu and not rawio:
        return EPERM
    listed: list[IommuGroup] = [group.iommu for group in container.group_list]
    if any(group.attached is not None or group.is_used_by_host() for group in listed):
        return EBUSY
    table = machine.tables[made] = IommuTable(made, machine.pages, alive=True)
    container.table = table
    container.driver = driver
    for group in listed:
        if not group.no_iommu:
            group.attach(table)
    return OK


def may_check_extension(machine: Machine, process: int, file: int, type: int) -> bool:  # noqa: A002 -- the uapi's word
    """The process has the container's fd."""
    return machine.processes[process].has(file, CONTAINER_FILE) and 0 <= type < len(IOMMU_TYPE.values)


def check_extension(machine: Machine, me: Task, process: int, file: int, type: int) -> Steps:  # noqa: A002 -- as above
    """Whether SET_IOMMU could take the type, or has taken it (vfio_ioctl_check_extension)."""
    return (yield from ask(machine, me, _container(me.hold(machine.processes[process].file(file))), type))


def ask(machine: Machine, me: Task, container: Container, type: int) -> Steps:  # noqa: A002 -- as above
    """What the container's IOMMU driver says, or, where it has none, what some registered one for its groups does."""
    while not container.group_lock.taken_by(me):
        yield BLOCKED
    container.enter_driver()
    if container.driver is not None:
        asked = [container.driver]
    else:
        while not machine.iommu_drivers_lock.taken_by(me):
            yield BLOCKED
        anyone = not container.group_list
        asked = [one for one in machine.iommu_drivers_list if anyone or one.is_noiommu == container.no_iommu]
        machine.iommu_drivers_lock.release()
    container.group_lock.release()
    return Done((("supported", any(driver.supports(type) for driver in asked)),))


def may_get_api_version(machine: Machine, process: int, file: int) -> bool:
    """The process has the container's fd."""
    return machine.processes[process].has(file, CONTAINER_FILE)


def get_api_version(_: Machine, __: Task, process: int, file: int) -> Answer:  # noqa: ARG001  # the call has them
    """Which version the interface has (vfio_fops_unl_ioctl)."""
    return Done((("version", API_VERSION),))


def _group(file: File) -> VfioGroup:
    if file.group is None:
        raise LookupError(f"f{file.index} is no group file")
    return file.group


def _container(file: File) -> Container:
    if file.container is None:
        raise LookupError(f"f{file.index} is no container file")
    return file.container
