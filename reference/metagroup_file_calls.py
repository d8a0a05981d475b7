"""Files of 2011: their release in any order, and what processes do with them."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference import file_calls
from tenure.reference.calls import OK, Steps, Task
from tenure.reference.files import DEVICE_FILE, GROUP_FILE, IOMMU_FILE, File
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Device2011, Group2011, Iommu
from tenure.vocabulary.answers import Answer


def may_pass_file(machine: Machine, process: int, file: int, to: int) -> bool:
    """The process has the fd, and the other is there."""
    return file_calls.may_pass_file(machine, process, file, to) and not machine.metagroups.processes[to].exited


def may_fork(machine: Machine, process: int, child: int) -> bool:
    """The child is new: it has no fd, and no metagroup knows its memory."""
    rfc = machine.metagroups
    known = any(one is not None and one.mm == child for one in rfc.named)
    return file_calls.may_fork(machine, process, child) and not known and not rfc.processes[child].exited


def exit_process(machine: Machine, me: Task, process: int) -> Answer:
    """Be killed; its memory is kept for whoever still counts in it."""
    machine.metagroups.processes[process].exited = True
    return file_calls.exit_process(machine, me, process)


def may_release_group(machine: Machine, file: int) -> bool:
    """The last reference is gone."""
    return _is_due(machine, file, GROUP_FILE)


def release_group(machine: Machine, _: Task, file: int) -> Steps:
    """One file of the group less (vfio_group_release)."""
    closing = machine.files[file]
    group = closing.group_2011
    if group is None:
        raise LookupError(f"f{file} is no group's")
    iommu = yield from _looked_up(machine, group, "release_group.drop")
    group.refcnt -= 1
    machine.metagroups.try_dissolve(iommu)
    closing.gone()
    return OK


def may_release_iommu(machine: Machine, file: int) -> bool:
    """The last reference is gone."""
    return _is_due(machine, file, IOMMU_FILE)


def release_iommu(machine: Machine, _: Task, file: int) -> Answer:
    """One file of the metagroup less (vfio_iommu_release)."""
    closing = machine.files[file]
    iommu = closing.iommu_2011
    if iommu is None:
        raise LookupError(f"f{file} is no metagroup's")
    iommu.touch().refcnt -= 1
    machine.metagroups.try_dissolve(iommu)
    closing.gone()
    return OK


def may_release_device(machine: Machine, file: int) -> bool:
    """The last reference is gone."""
    return _is_due(machine, file, DEVICE_FILE)


def release_device(machine: Machine, _: Task, file: int) -> Steps:
    """The driver's put, and one file of the device less (vfio_device_release)."""
    closing = machine.files[file]
    device = closing.device_2011
    if device is None:
        raise LookupError(f"f{file} is no device's")
    if machine.metagroups.is_as_written("D-G1-25"):
        yield "release_device.drop"
        yield from _drop(machine, closing, device)
        yield "release_device.put"
        _put(device)
        return OK
    _put(device)
    if machine.metagroups.is_as_written("D-G1-23"):
        yield "release_device.sample"
    else:
        yield "release_device.drop"
    yield from _drop(machine, closing, device)
    return OK


def _looked_up(machine: Machine, group: Group2011, step: str) -> Generator[str, None, Iommu]:
    """The group's metagroup, looked up under the lock; as the code has it before the lock is taken, for the step then."""
    iommu, rfc = group.metagroup(), machine.metagroups
    if rfc.is_as_written("D-G1-23"):
        rfc.sampled.append(iommu)
        yield step
        rfc.sampled.remove(iommu)
    return iommu.touch()


def _drop(machine: Machine, file: File, device: Device2011) -> Generator[str]:
    iommu = yield from _looked_up(machine, device.group, "release_device.drop")
    device.refcnt -= 1
    machine.metagroups.try_dissolve(iommu)
    file.gone()


def _put(device: Device2011) -> None:
    """The driver's callback, while there is a driver."""
    if not device.has_data():
        raise Oops(USE_AFTER_FREE)


def _is_due(machine: Machine, file: int, kind: int) -> bool:
    due = machine.files[file]
    return due.kind == kind and due.is_due()
