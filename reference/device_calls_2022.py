"""The device's file from 6.2 on: what opens first uses the group, what closes last lets it go."""

from __future__ import annotations

from collections.abc import Callable, Generator

from tenure.reference.calls import EINVAL, ENODEV, EPERM, OK, Steps, Task
from tenure.reference.containers import Container
from tenure.reference.files import DEVICE_FILE, File
from tenure.reference.group_calls_2022 import group_of
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.vms import Vm
from tenure.vocabulary.answers import Refused


def get_device_fd(machine: Machine, me: Task, process: int, file: int, device: int, made: int) -> Steps:
    """Open a device of the group; ENODEV, EINVAL, EPERM (vfio_group_ioctl_get_device_fd, 6.6-7.2).

    The device is looked up before anybody asks for a container; nothing that was tested can change before it is open.
    """
    return (yield from open_found(machine, me, process, file, device, made, _open))


def open_found(  # noqa: PLR0913  # what the caller passed, and how a device is opened
    machine: Machine, me: Task, process: int, file: int, device: int, made: int, opens: Callable[..., Refused | None]
) -> Steps:
    """Look the device up, have it opened under both locks, and give the caller a file of it."""
    caller, found = machine.processes[process], machine.devices[device]
    group = group_of(me.hold(caller.file(file)))
    is_here = yield from look_up(me, group, found)
    if not is_here:
        return ENODEV

    yield "get_device_fd.open"
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    while not group.iommu.dev_set_lock.taken_by(me):
        yield BLOCKED
    refusal = opens(found, group, rawio=caller.rawio)
    group.iommu.dev_set_lock.release()
    group.group_lock.release()
    if refusal is not None:
        found.users -= 1
        return refusal
    opened = machine.files[made] = File(made, DEVICE_FILE)  # the registration reference is the file's from here on
    opened.device = found
    me.hold(opened)

    yield "get_device_fd.install"
    caller.install(opened)
    return OK


def look_up(me: Task, group: VfioGroup, device: Device) -> Generator[str, None, bool]:
    """Take a reference to the registration of a device of the group, if it is in the list and has one left."""
    while not group.device_lock.taken_by(me):
        yield BLOCKED
    is_here = device in group.device_list and not (device in device.group.unbound_list and device.users == 0)
    if is_here:
        device.users += 1
    group.device_lock.release()
    return is_here


def _open(device: Device, group: VfioGroup, *, rawio: bool) -> Refused | None:
    """vfio_df_group_open under both locks: the first open uses the container and keeps the group's file."""
    if group.container is None:
        return EINVAL
    refusal = use_container(device, group, group.container, rawio=rawio) if device.open_count == 0 else None
    if refusal is None:
        device.open_count += 1
    return refusal


def use_container(device: Device, group: VfioGroup, container: Container, *, rawio: bool) -> Refused | None:
    """Keep the driver's module, use the container, keep the group's file (vfio_df_device_first_open)."""
    if not device.module.try_get():
        return ENODEV
    refusal = EINVAL if container.table is None else EPERM if group.iommu.no_iommu and not rawio else None
    if refusal is not None:
        device.module.put()
        return refusal
    if group.opened_file is None:
        raise LookupError(f"g{group.iommu.index} is in a container and has no file")
    group.opened_file.get()
    group.users += 1
    device.counts = True
    get_kvm(device, group.kvm)
    return None


def get_kvm(device: Device, vm: Vm | None) -> None:
    """A first open takes a reference to the VM that its group or file was told of, if one is left (vfio_device_get_kvm_safe)."""
    if vm is None:
        return
    if not vm.alive:
        raise Oops(USE_AFTER_FREE)
    if vm.users > 0:
        vm.users += 1
        device.kvm = vm


def put_kvm(device: Device) -> None:
    """The last close drops the reference to the VM (vfio_device_put_kvm)."""
    if device.kvm is not None:
        device.kvm.users -= 1
        device.kvm = None


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Close the device, at the last time for its group too, and drop its registration (vfio_device_fops_release)."""
    closing = machine.files[file]
    device = closing.device
    if device is None:
        raise LookupError(f"f{file} is no device file")
    group = device.group.vfio
    while not group.group_lock.taken_by(me):
        yield BLOCKED
    while not group.iommu.dev_set_lock.taken_by(me):
        yield BLOCKED
    device.open_count -= 1
    if device.open_count == 0:
        device.module.put()
        device.counts = False
        group.users -= 1
        put_kvm(device)
        if group.opened_file is not None:
            group.opened_file.put()
    group.iommu.dev_set_lock.release()
    group.group_lock.release()

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK
