"""Device files that are opened by themselves: bind to an iommufd, attach, detach, release; and the drivers of their devices."""

from __future__ import annotations

from tenure.reference.calls import EBADF, EBADFD, EINVAL, ENODEV, ENOENT, EPERM, OK, Part, Steps, Task
from tenure.reference.device_calls_2022 import get_kvm, put_kvm
from tenure.reference.driver_calls_2022 import configured, leave_another
from tenure.reference.files import CLOSED, DEVICE_FILE, IOMMUFD_FILE, File
from tenure.reference.groups import KERNEL, NO_DRIVER, VFIO, Device
from tenure.reference.harm import NULL_DEREFERENCE, USE_AFTER_FREE, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.ownership import claim_for_device, release_for_device
from tenure.reference.tables import IommuTable
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.observables import BIND_REQUEST
from tenure.vocabulary.types import NONE

E2BIG = Refused("E2BIG")
EFAULT = Refused("EFAULT")

WELL_FORMED, UNREADABLE, TOO_SHORT, TOO_LONG, UNKNOWN_FLAG, TOKEN, UNWRITABLE = range(len(BIND_REQUEST.values))

MALFORMED = {UNREADABLE: EFAULT, TOO_SHORT: EINVAL, TOO_LONG: E2BIG, UNKNOWN_FLAG: EINVAL}


def may_open_cdev(machine: Machine, process: int, file: int, device: int) -> bool:
    """The device has a node, and the name of the file is free."""
    known = 0 <= process < len(machine.processes) and 0 <= device < len(machine.devices)
    return known and machine.files[file].kind == CLOSED and not machine.devices[device].group.no_iommu


def open_cdev(machine: Machine, _: Task, process: int, file: int, device: int) -> Answer:
    """Get a file with a reference to the registration; ENODEV (vfio_device_fops_cdev_open, 6.6-7.2)."""
    found = machine.devices[device]
    if found not in found.group.vfio.device_list:
        return ENODEV
    found.users += 1
    give_file(machine, process, file, found)
    return OK


def give_file(machine: Machine, process: int, file: int, device: Device) -> None:
    """The process gets a file of the device itself, bound to nothing."""
    opened = machine.files[file] = File(file, DEVICE_FILE)
    opened.device, opened.is_cdev = device, True
    machine.processes[process].install(opened)


def may_bind(machine: Machine, process: int, file: int, other: int, request: int) -> bool:
    """The process has the device file; what it passes is any number, and any request."""
    del other
    return may_use(machine, process, file) and 0 <= request < len(BIND_REQUEST.values)


def may_use(machine: Machine, process: int, file: int) -> bool:
    """The process has the device file."""
    return machine.processes[process].has(file, DEVICE_FILE)


def bind(machine: Machine, me: Task, process: int, file: int, other: int, request: int) -> Steps:
    """Bind the device to an iommufd; EFAULT, EINVAL, E2BIG, EBADF, EBADFD, EPERM, EBUSY (vfio_df_ioctl_bind_iommufd, 7.2)."""
    caller = machine.processes[process]
    opened = me.hold(caller.file(file))
    if request in MALFORMED:
        return MALFORMED[request]
    if other == NONE:
        return EINVAL
    device = device_of(opened)
    yield from lock(device, me)
    answer = bind_locked(caller.fds, opened, other, request)
    device.group.dev_set_lock.release()
    return answer


def bind_locked(fds: list[File | None], opened: File, other: int, request: int) -> Answer:
    """The part of a bind under the lock of the reset set, with the end of what it did where it fails late."""
    if opened.iommufd is not None or request == TOKEN:
        return EINVAL
    named = fds[other]
    if named is None:
        return EBADF
    if named.kind != IOMMUFD_FILE:
        return EBADFD
    refused = df_open(opened, named)
    if refused is not None:
        return refused
    device = device_of(opened)
    get_kvm(device, opened.kvm)
    if request == UNWRITABLE:
        df_close(opened)
        put_kvm(device)
        return EFAULT
    opened.access_granted = True
    return OK


def df_open(opened: File, iommufd: File) -> Refused | None:
    """The first and only open of the device, which keeps its driver's module; EINVAL, ENODEV, EPERM, EBUSY (vfio_df_open)."""
    device = device_of(opened)
    if device.open_count > 0:
        return EINVAL
    if not device.module.try_get():
        return ENODEV
    refused = None if device.emulated else claim(device, iommufd)
    if refused is not None:
        device.module.put()
        return refused
    device.open_count = 1
    opened.iommufd = iommufd.get()
    return None


def claim(device: Device, iommufd: File) -> Refused | None:
    """The DMA of the group is the iommufd's, if the hardware is fit for that (iommufd_device_bind)."""
    if not device.coherent:
        return EINVAL
    if not device.isolated:
        return EPERM
    return claim_for_device(device.group, iommufd)


def df_close(closing: File) -> None:
    """Detach the device, close it, and give its claim and its iommufd back (vfio_df_close, vfio_df_iommufd_unbind)."""
    device, iommufd = device_of(closing), bound_to(closing)
    closing.access_granted = False
    leave(device)
    device.open_count -= 1
    if not device.emulated:
        release_for_device(device.group)
    device.module.put()
    iommufd.put()
    closing.iommufd = None


def get_info(machine: Machine, _: Task, process: int, file: int) -> Answer:
    """Ask the driver; EINVAL before a bind (vfio_device_fops_unl_ioctl)."""
    opened = machine.processes[process].file(file)
    if not opened.access_granted:
        return EINVAL
    if device_of(opened).open_count == 0:
        raise Oops(NULL_DEREFERENCE)
    return OK


def may_attach(machine: Machine, process: int, file: int, obj: int) -> bool:
    """The process has the device file; the id may be any."""
    return 0 <= obj < len(machine.tables) and may_use(machine, process, file)


def attach(machine: Machine, me: Task, process: int, file: int, obj: int) -> Steps:
    """Attach the device, or move it; EINVAL, ENOENT (vfio_df_ioctl_attach_pt)."""
    opened = me.hold(machine.processes[process].file(file))
    if not opened.access_granted:
        return EINVAL
    device, table = device_of(opened), machine.tables[obj]
    yield from lock(device, me)
    answer: Answer = OK
    if table.iommufd is not bound_to(opened):
        answer = ENOENT
    elif device.emulated:
        _access_attach(device, table)
    else:
        answer = hwpt_attach(device, table)
    device.group.dev_set_lock.release()
    return answer


def _access_attach(device: Device, table: IommuTable) -> None:
    """An emulated device moves from one IO address space to another (iommufd_access_change_ioas)."""
    if device.ioas is not None:
        device.ioas.users -= 1
    device.ioas = table
    table.users += 1


def hwpt_attach(device: Device, table: IommuTable) -> Answer:
    """The group has one table: a device joins the others there, or takes them all along (iommufd_hw_pagetable_attach, _replace)."""
    group = device.group
    if device in group.igroup:
        if group.attached is not None:
            group.attached.users -= len(group.igroup)
        table.users += len(group.igroup)
    else:
        if group.igroup and group.attached is not table:
            return EINVAL
        group.igroup.append(device)
        table.users += 1
    group.attach(table)
    return OK


def detach(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Detach the device, if it is attached; EINVAL (vfio_df_ioctl_detach_pt)."""
    opened = me.hold(machine.processes[process].file(file))
    if not opened.access_granted:
        return EINVAL
    device = device_of(opened)
    yield from lock(device, me)
    bound_to(opened)
    leave(device)
    device.group.dev_set_lock.release()
    return OK


def leave(device: Device) -> None:
    """The device is attached to nothing; the last one of its group leaves it in the blocking domain."""
    group = device.group
    if device.ioas is not None:
        device.ioas.users -= 1
        device.ioas = None
    if device in group.igroup:
        group.igroup.remove(device)
        if group.attached is not None:
            group.attached.users -= 1
        if not group.igroup:
            group.detach()


def may_release_device(machine: Machine, file: int) -> bool:
    """The last reference to the device file is gone."""
    return machine.files[file].kind == DEVICE_FILE and machine.files[file].is_due()


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Close the device, if the file is bound, and drop its registration (vfio_device_fops_release, 6.6-7.2)."""
    closing = machine.files[file]
    device = device_of(closing)
    if closing.iommufd is not None:
        yield from lock(device, me)
        df_close(closing)
        put_kvm(device)
        device.group.dev_set_lock.release()

    yield "release_device.put"
    device.users -= 1
    closing.gone()
    return OK


def bind_driver(machine: Machine, me: Task, device: int, to: int) -> Steps:
    """Let a driver probe the device; EBUSY for one that does DMA for the kernel beside a user (really_probe, 5.19-7.2)."""
    bound = machine.devices[device]
    refused = yield from configured(bound, me, to)
    if refused is not None:
        return refused
    bound.driver = to
    if to == VFIO:
        bound.group.vfio.device_list.append(bound)
    return OK


def may_bind_driver(machine: Machine, device: int, to: int) -> bool:
    """The device has no driver, and there is one for it; of emulated devices all are VFIO's, or do nothing."""
    bound = machine.devices[device]
    return bound.driver == NO_DRIVER and to != NO_DRIVER and not (bound.emulated and to == KERNEL)


def unbind_driver(machine: Machine, me: Task, device: int) -> Steps:
    """The driver leaves the device; VFIO's waits until no file of it is left (vfio_unregister_group_dev, 6.6-7.2)."""
    leaving = machine.devices[device]
    group = leaving.group
    if leaving.driver != VFIO:
        yield from leave_another(me, leaving)
        return OK
    group.unbound_list.append(leaving)
    group.vfio.device_list.remove(leaving)

    yield "unbind_driver.wait_device"
    while leaving.users > 0:
        yield BLOCKED
    group.unbound_list.remove(leaving)

    yield "unbind_driver.unbound"
    leaving.driver = NO_DRIVER
    return OK


def device_of(file: File) -> Device:
    """The device behind a device file."""
    if file.device is None:
        raise LookupError(f"f{file.index} is no device file")
    return file.device


def bound_to(file: File) -> File:
    """The iommufd of a bound file, which must be there."""
    if file.iommufd is None:
        raise LookupError(f"f{file.index} is not bound")
    if file.iommufd.kind != IOMMUFD_FILE:
        raise Oops(USE_AFTER_FREE)
    return file.iommufd


def lock(device: Device, me: Task) -> Part:
    """Take the lock of the device's reset set."""
    while not device.group.dev_set_lock.taken_by(me):
        yield BLOCKED
