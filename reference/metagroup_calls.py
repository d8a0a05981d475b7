"""The ioctls of a group file of 2011, each under the one mutex, or as the code has it in part before that."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from tenure.reference.calls import (
    EBADF,
    EBUSY,
    EFAULT,
    EINVAL,
    EIO,
    EMFILE,
    ENODEV,
    ENOMEM,
    EPERM,
    OK,
    Steps,
    Task,
)
from tenure.reference.files import CLOSED, DEVICE_FILE, GROUP_FILE, IOMMU_FILE, File
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Group2011, Iommu, Metagroups
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import NONE

NOTHING, NO_MEMORY, NO_DOMAIN, NO_DRIVER, NO_OWN_DOMAIN, NO_OWN_DRIVER, NO_ATTACH, NO_DEVICE, NO_FILE = range(9)
"""What fails: nothing; memory for a metagroup; a domain; the IOMMU driver; both for the group that merges; the attach of another
group's devices; the device's driver; an fd."""


def may_open_group(machine: Machine, process: int, file: int, group: int, made: int, fails: int) -> bool:
    """The names are free; that of a metagroup only where one is made."""
    rfc = machine.metagroups
    named = may_name(machine, file) and (rfc.groups[group].iommu is not None or rfc.is_unused(made))
    return named and not rfc.processes[process].exited and fails in (NOTHING, NO_MEMORY)


def open_group(machine: Machine, _: Task, process: int, file: int, group: int, made: int, fails: int) -> Answer:
    """One more file of the group; the first makes the group a metagroup of its own (vfio_group_open)."""
    rfc = machine.metagroups
    opened = rfc.groups[group]
    if opened.iommu is None:
        if not opened.devices:
            return ENODEV
        if fails == NO_MEMORY:
            return ENOMEM
        opened.iommu = rfc.make(made)
        opened.iommu.groups.append(opened)
    opened.refcnt += 1
    install(machine, process, file, GROUP_FILE).group_2011 = opened
    return OK


def may_use(machine: Machine, process: int, file: int) -> bool:
    """The process has a group file."""
    return machine.processes[process].has(file, GROUP_FILE)


def may_get_iommu_fd(machine: Machine, process: int, file: int, made: int, fails: int) -> bool:
    """The same, and the new file's name is free."""
    may_fail = fails in (NOTHING, NO_DOMAIN, NO_DRIVER, NO_FILE)
    return may_use(machine, process, file) and may_name(machine, made) and may_fail


def may_get_device_fd(machine: Machine, process: int, file: int, device: int, made: int, fails: int) -> bool:
    """The same, of a device of any number, whose driver may fail besides."""
    may_fail = fails == NO_DEVICE or may_get_iommu_fd(machine, process, file, made, fails)
    return may_use(machine, process, file) and may_name(machine, made) and may_fail and device >= 0


def may_merge(machine: Machine, process: int, file: int, other: int, fails: int) -> bool:
    """The process has a group file; the other fd is any number."""
    may_fail = fails in (NOTHING, NO_DOMAIN, NO_DRIVER, NO_OWN_DOMAIN, NO_OWN_DRIVER, NO_ATTACH)
    return may_use(machine, process, file) and other < len(machine.files) and may_fail


def may_unmerge(machine: Machine, process: int, file: int, made: int, fails: int, other: int = NONE) -> bool:
    """The same, and the new metagroup's name is free."""
    named = fails in (NOTHING, NO_MEMORY) and machine.metagroups.is_unused(made)
    return may_use(machine, process, file) and other < len(machine.files) and named


def get_flags(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Viable, and bound to some memory; anybody may ask (VFIO_GROUP_GET_FLAGS)."""
    iommu = _group(machine, process, file).metagroup().touch()
    return Done((("viable", iommu.is_viable()), ("mm_locked", iommu.mm != NONE)))


def get_iommu_fd(machine: Machine, me: Task, process: int, file: int, made: int, fails: int) -> Steps:
    """A file of the metagroup; EPERM, EBUSY, EFAULT, EIO, EMFILE (VFIO_GROUP_GET_IOMMU_FD)."""
    admitted = yield from _admitted(machine, me, process, file, "get_iommu_fd.get")
    if isinstance(admitted, Refused):
        return admitted
    iommu = admitted.iommu
    rfc, was_open = machine.metagroups, iommu.is_open
    if (failed := _open(rfc, iommu, process, fails)) is not None:
        return failed
    if fails == NO_FILE:
        _undo_opening(rfc, iommu, was_open=was_open)
        return EMFILE
    iommu.refcnt += 1
    install(machine, process, made, IOMMU_FILE).iommu_2011 = iommu
    return OK


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int, fails: int) -> Steps:  # noqa: PLR0913  # what the caller passes
    """A file of any device of the metagroup; EPERM, EBUSY, EFAULT, EIO, ENODEV, EMFILE (VFIO_GROUP_GET_DEVICE_FD)."""
    rfc = machine.metagroups
    enter = _sampled if rfc.is_as_written("D-G1-23") else _admitted
    admitted = yield from enter(machine, me, process, file, "get_device_fd.get")
    if isinstance(admitted, Refused):
        return admitted
    iommu = admitted.iommu
    was_open = iommu.is_open
    if (failed := _open(rfc, iommu, process, fails)) is not None:
        return failed
    found = rfc.devices[device]
    missing = found not in iommu.devices() or not found.has_data()
    if missing or fails in (NO_DEVICE, NO_FILE):
        _undo_opening(rfc, iommu, was_open=was_open)
        if missing:
            return ENODEV
        return EFAULT if fails == NO_DEVICE else EMFILE
    found.refcnt += 1
    install(machine, process, made, DEVICE_FILE).device_2011 = found
    return OK


def merge(
    machine: Machine, me: Task, process: int, file: int, other: int, fails: int
) -> Steps:  # one return for each test of the kernel
    """Take in another group with all that are merged with it; EPERM, EINVAL, EBADF, EBUSY, EFAULT, EIO (VFIO_GROUP_MERGE)."""
    rfc = machine.metagroups
    admitted = yield from _admitted(machine, me, process, file, "merge.merge")
    if isinstance(admitted, Refused):
        return admitted
    group, iommu = admitted
    theirs = _other(machine, process, other)
    if isinstance(theirs, Refused):
        return theirs
    freed = theirs.metagroup().touch()
    alone = rfc.is_as_written("D-G1-19")
    merged = freed is iommu and not (alone and theirs is not group and not theirs.devices)
    if merged or freed.is_open or theirs.bus != group.bus:
        return EINVAL
    if iommu.is_open and rfc.is_as_written("no-merge-into-open"):
        return EBUSY
    if not freed.is_viable():
        return EBUSY
    if fails in (NO_DOMAIN, NO_DRIVER):
        return EFAULT if fails == NO_DOMAIN else EIO
    stays = rfc.is_as_written("D-G1-21")
    if not iommu.is_open and (not iommu.is_viable() or fails in (NO_OWN_DOMAIN, NO_OWN_DRIVER)):
        if stays:
            freed.open(process)
        if not iommu.is_viable():
            return EBUSY
        return EFAULT if fails == NO_OWN_DOMAIN else EIO
    if theirs.coherent != group.coherent:
        return EINVAL
    if fails == NO_ATTACH:
        if stays:
            iommu.open(process)
        return EIO
    if freed is iommu:
        rfc.free(iommu)
        return OK
    iommu.asked = iommu.asked or not iommu.is_open
    iommu.open(process)
    for one in [theirs] if alone else list(freed.groups):
        rfc.move(one, iommu)
    rfc.free(freed)
    return OK


def unmerge(machine: Machine, me: Task, process: int, file: int, other: int, made: int, fails: int) -> Steps:  # noqa: PLR0913  # what the caller passes
    """Take another group out; EPERM, EINVAL, ENOMEM, EBADF, EBUSY (VFIO_GROUP_UNMERGE)."""
    admitted = yield from _admitted(machine, me, process, file, "unmerge.unmerge")
    if isinstance(admitted, Refused):
        return admitted
    group, iommu = admitted
    if fails == NO_MEMORY and other != NONE:
        return ENOMEM
    theirs = _other(machine, process, other)
    if isinstance(theirs, Refused):
        return theirs
    if theirs is group or theirs.iommu is not iommu:
        return EINVAL
    if any(device.refcnt for device in theirs.devices):
        return EBUSY
    machine.metagroups.move(theirs, machine.metagroups.make(made))
    return OK


def unmerge_itself(machine: Machine, me: Task, process: int, file: int, made: int, fails: int) -> Steps:
    """Take the file's own group out, and with it the metagroup, where nobody else has a file of it; EPERM, ENOMEM, EINVAL, EBUSY."""
    rfc = machine.metagroups
    admitted = yield from _admitted(machine, me, process, file, "unmerge.unmerge")
    if isinstance(admitted, Refused):
        return admitted
    group, iommu = admitted
    if fails == NO_MEMORY:
        return ENOMEM
    if len(iommu.groups) == 1:
        return EINVAL
    if any(device.refcnt for device in group.devices):
        return EBUSY
    rfc.move(group, rfc.make(made))
    if not any(left.refcnt for left in iommu.groups):
        rfc.try_dissolve(iommu)
    return OK


def may_name(machine: Machine, file: int) -> bool:
    """The name of a new file is free."""
    return machine.files[file].kind == CLOSED


def install(machine: Machine, process: int, file: int, kind: int) -> File:
    """A new file in the process's table."""
    opened = machine.files[file] = File(file, kind)
    machine.processes[process].install(opened)
    return opened


class _Admitted(NamedTuple):
    """The group of the file, which stays open meanwhile, and its metagroup as it is under the lock."""

    group: Group2011
    iommu: Iommu


def _admitted(
    machine: Machine, me: Task, process: int, file: int, step: str
) -> Generator[str, None, _Admitted | Refused]:
    """Enter where the caller's memory is the metagroup's; as the code has it, this is looked at before the lock is taken."""
    group = _group(machine, process, file)
    me.hold(machine.processes[process].file(file))
    if group.metagroup().touch().mm not in (NONE, process):
        return EPERM
    if machine.metagroups.is_as_written("D-G1-20"):
        yield step
    return _Admitted(group, group.metagroup().touch())


def _sampled(
    machine: Machine, me: Task, process: int, file: int, step: str
) -> Generator[str, None, _Admitted | Refused]:
    """Enter with the metagroup as it was before the lock was taken."""
    group = _group(machine, process, file)
    me.hold(machine.processes[process].file(file))
    iommu = group.metagroup()
    machine.metagroups.sampled.append(iommu)
    yield step
    iommu.touch()
    machine.metagroups.sampled.remove(iommu)
    return _Admitted(group, iommu) if iommu.mm in (NONE, process) else EPERM


def _group(machine: Machine, process: int, file: int) -> Group2011:
    group = machine.processes[process].file(file).group_2011
    if group is None:
        raise LookupError(f"f{file} is no group's")
    return group


def _other(machine: Machine, process: int, other: int) -> Group2011 | Refused:
    """The group of a second fd; EINVAL, EBADF."""
    caller = machine.processes[process]
    if other == NONE:
        return EINVAL
    if not caller.has(other):
        return EBADF
    return _group(machine, process, other) if caller.has(other, GROUP_FILE) else EINVAL


def _open(rfc: Metagroups, iommu: Iommu, process: int, fails: int) -> Refused | None:
    """Open the metagroup, if it is closed; what fails there leaves it closed: EBUSY, EFAULT, EIO (vfio_open_iommu)."""
    if _is_spoiled(rfc, iommu):
        return EBUSY
    if not iommu.is_open and fails in (NO_DOMAIN, NO_DRIVER):
        return EFAULT if fails == NO_DOMAIN else EIO
    iommu.open(process)
    return None


def _undo_opening(rfc: Metagroups, iommu: Iommu, *, was_open: bool) -> None:
    """Close what the call itself opened; the code leaves it so (D-G1-22)."""
    if not was_open and not rfc.is_as_written("D-G1-22"):
        rfc.close(iommu)


def _is_spoiled(rfc: Metagroups, iommu: Iommu) -> bool:
    """A device has no VFIO driver; as the code has it, this is looked at where the metagroup is opened alone."""
    if iommu.is_open and rfc.is_as_written("D-G1-24"):
        return False
    return not iommu.is_viable()
