"""The calls of device files: bind to an iommufd, attach, detach, release; and IOMMU_HWPT_ALLOC, which is for a device."""

from __future__ import annotations

from tenure.reference.calls import EBADF, EBADFD, EINVAL, ENOENT, OK, Part, Steps, Task
from tenure.reference.cdev_calls import device_of, give_file, lock, may_use
from tenure.reference.files import IOMMUFD_FILE, File
from tenure.reference.iommufd import ACCESS, DEVICE, HWPT, IOAS, IommuObject
from tenure.reference.iommufd_calls import look_up, may_ioas_alloc, put, wait_for
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.types import NONE

EOPNOTSUPP = Refused("EOPNOTSUPP")


def open_cdev(machine: Machine, _: Task, process: int, file: int, device: int) -> Answer:
    """Get a file of the device (vfio_device_fops_cdev_open)."""
    give_file(machine, process, file, machine.devices[device])
    return OK


def may_bind(machine: Machine, process: int, file: int, other: int, made: int) -> bool:
    """The process has the device file, and the id is free; the other fd is a number."""
    del other
    return may_use(machine, process, file) and machine.objects[made].context is None


def bind(machine: Machine, me: Task, process: int, file: int, other: int, made: int) -> Steps:
    """Make the object of a device; EINVAL, EBADF, EBADFD (vfio_df_ioctl_bind_iommufd)."""
    caller = machine.processes[process]
    opened = me.hold(caller.file(file))
    device = device_of(opened)
    yield from lock(device, me)
    refused = _why_not_bind(machine, caller.fds, opened, other)
    if refused is None:
        iommufd = opened.iommufd = caller.file(other).get()
        dev = IommuObject(made, ACCESS if device.emulated else DEVICE, iommufd, users=2)
        machine.objects[made] = opened.bound = dev
        dev.file = opened
    device.group.dev_set_lock.release()
    return refused or OK


def _why_not_bind(machine: Machine, fds: list[File | None], opened: File, other: int) -> Refused | None:
    if opened.bound is not None:
        return EINVAL
    if other == NONE or (named := fds[other]) is None:
        return EBADF
    if named.kind != IOMMUFD_FILE:
        return EBADFD
    if any(file.bound is not None and file.device is opened.device for file in machine.files):
        return EINVAL
    return None


def may_attach(machine: Machine, process: int, file: int, obj: int, made: int) -> bool:
    """The process has the device file, and the id for a HWPT is free."""
    named = 0 <= obj < len(machine.objects)
    return named and may_use(machine, process, file) and machine.objects[made].context is None


def attach(machine: Machine, me: Task, process: int, file: int, obj: int, made: int) -> Steps:
    """Attach a device, or move it; EINVAL, ENOENT (vfio_df_ioctl_attach_pt)."""
    opened = me.hold(machine.processes[process].file(file))
    device = device_of(opened)
    yield from lock(device, me)
    found = _found_to_attach(machine, opened, obj)
    if isinstance(found, Refused):
        device.group.dev_set_lock.release()
        return found

    yield "attach.attach"
    found.touch()
    old = _moved(machine, opened, found, made)
    if isinstance(old, Refused):
        yield from put(found, "attach.undo")
        device.group.dev_set_lock.release()
        return old
    yield from put(found, "attach.put")
    if old is not None:
        yield "attach.put_hwpt"
        yield from _give_up(old, "attach")
    device.group.dev_set_lock.release()
    return OK


def may_attach_access(machine: Machine, process: int, file: int, obj: int) -> bool:
    """The process has the device file."""
    return 0 <= obj < len(machine.objects) and may_use(machine, process, file)


def attach_access(machine: Machine, me: Task, process: int, file: int, obj: int) -> Steps:
    """The same for an emulated device, which needs no HWPT, and so no id for one."""
    return attach(machine, me, process, file, obj, NONE)


def _found_to_attach(machine: Machine, opened: File, obj: int) -> IommuObject | Refused:
    """What is under the id, got for the call; an emulated device asks for an IO address space and no other type."""
    dev, iommufd = opened.bound, opened.iommufd
    if dev is None or iommufd is None:
        return EINVAL
    found = look_up(machine, iommufd, obj)
    if found is None or (dev.type == ACCESS and found.type != IOAS) or not found.lock():
        return ENOENT
    return found


def _moved(machine: Machine, opened: File, found: IommuObject, made: int) -> IommuObject | Refused | None:
    """The device is attached to what was found; a HWPT that it leaves is still to be put."""
    dev = _bound(opened)
    if dev.type == ACCESS:
        _access_moved(dev, found)
        return None
    if found.type not in (IOAS, HWPT):
        return EINVAL
    hwpt = found if found.type == HWPT else _hwpt_of(machine, found) or _made_for(machine, found, made)
    old, dev.attached = dev.attached, hwpt
    if old is None:
        dev.users += 1
    if old is hwpt:
        return None
    hwpt.users += 1
    return old


def _access_moved(dev: IommuObject, ioas: IommuObject) -> None:
    """An access changes its IO address space (iommufd_access_change_ioas)."""
    old, dev.attached = dev.attached, ioas
    ioas.users += 1
    if old is not None:
        old.drop_user()


def _hwpt_of(machine: Machine, ioas: IommuObject) -> IommuObject | None:
    """The HWPT that was made for the IO address space, unless it is going (iommufd_device_auto_get_domain)."""
    for hwpt in machine.objects:
        if hwpt.ioas is ioas and hwpt.auto and hwpt.lock():
            hwpt.drop_user()
            hwpt.drop_wait()
            return hwpt
    return None


def _made_for(machine: Machine, ioas: IommuObject, made: int) -> IommuObject:
    """A new HWPT for the IO address space (iommufd_hwpt_paging_alloc)."""
    hwpt = machine.objects[made] = IommuObject(made, HWPT, ioas.context, users=1)
    hwpt.ioas, hwpt.auto = ioas, True
    ioas.users += 1
    return hwpt


def detach(machine: Machine, me: Task, process: int, file: int) -> Steps:
    """Detach a device, if it is attached; EINVAL (vfio_df_ioctl_detach_pt)."""
    opened = me.hold(machine.processes[process].file(file))
    device = device_of(opened)
    yield from lock(device, me)
    if opened.bound is None:
        device.group.dev_set_lock.release()
        return EINVAL
    yield from _left(opened.bound, "detach")
    device.group.dev_set_lock.release()
    return OK


def _left(dev: IommuObject, call: str) -> Part:
    """A device leaves what it is attached to; what of a HWPT follows is done in steps of its own."""
    old, dev.attached = dev.attached, None
    if old is None:
        return
    if dev.type == ACCESS:
        old.drop_user()
        return
    dev.drop_user()
    yield f"{call}.put_hwpt"
    yield from _give_up(old, call)


def _give_up(hwpt: IommuObject, call: str) -> Part:
    """Put a HWPT; one that was made for an IO address space goes with its last user (iommufd_hw_pagetable_put)."""
    hwpt.drop_user()
    if hwpt.auto and hwpt.users == 1:
        hwpt.erase()
        hwpt.drop_wait()

        yield f"{call}.free_hwpt"
        yield from wait_for(hwpt)
        hwpt.free()


def release_device(machine: Machine, me: Task, file: int) -> Steps:
    """Detach and unbind a device that is bound (vfio_device_fops_release, iommufd_device_unbind)."""
    closing = machine.files[file]
    device, dev = device_of(closing), closing.bound
    yield from lock(device, me)
    if dev is not None:
        yield from _left(dev, "release_device")

        yield "release_device.begin"
        dev.drop_wait()

        yield "release_device.remove"
        yield from wait_for(dev)
        _unbound(closing, dev)
    closing.gone()
    device.group.dev_set_lock.release()
    return OK


def _unbound(closing: File, dev: IommuObject) -> None:
    """The driver puts the object, which nobody relies on any more, and the iommufd (iommufd_object_destroy_user)."""
    dev.drop_user()
    if dev.users == 1:
        dev.erase()
        dev.free()
    if closing.iommufd is not None:
        closing.iommufd.put()


def may_hwpt_alloc(machine: Machine, process: int, file: int, dev: int, obj: int, made: int) -> bool:
    """The process has the iommufd, and the id is free; the others are any."""
    return all(0 <= one < len(machine.objects) for one in (dev, obj)) and may_ioas_alloc(machine, process, file, made)


def hwpt_alloc(  # noqa: PLR0913  # the arguments of the call
    machine: Machine, me: Task, process: int, file: int, dev: int, obj: int, made: int
) -> Steps:
    """Make a HWPT that stays until it is destroyed; ENOENT, EINVAL, EOPNOTSUPP (iommufd_hwpt_alloc)."""
    context = me.hold(machine.processes[process].file(file))
    device = look_up(machine, context, dev)
    if device is None or device.type != DEVICE or not device.lock():
        return ENOENT
    found = look_up(machine, context, obj)
    if found is None or found is device or not found.lock():
        device.drop_user()
        device.drop_wait()
        return EINVAL

    yield "hwpt_alloc.make"
    device.touch()
    found.touch()
    if found.type != IOAS:
        refused = EOPNOTSUPP if found.type == HWPT else EINVAL
        yield from put(found, "hwpt_alloc.wrong")
        yield from put(device, "hwpt_alloc.fail")
        return refused
    hwpt = _made_for(machine, found, made)
    hwpt.auto = False
    yield from put(found, "hwpt_alloc.put")
    yield from put(device, "hwpt_alloc.put_device")
    return OK


def _bound(file: File) -> IommuObject:
    if file.bound is None:
        raise LookupError(f"f{file.index} is not bound")
    return file.bound
