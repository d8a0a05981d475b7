"""Device files that are opened by themselves: blocked until they are bound to an iommufd, attached to its IO address spaces.

From Linux 6.6 on, as in 7.2. Everything that BIND does with the device it does under the lock of its reset set.
"""

from tenure.models.cdev_fields import (
    access_granted,
    attached_to,
    bound_to,
    cdev_opened,
    coherent,
    emulated,
    iommufd_of,
    isolated,
)
from tenure.models.device_files import opened_by, opens
from tenure.models.files import closed, fd, file_device, gets, is_free, is_open, kind, releasable
from tenure.models.groups import attached, group_of, no_iommu, registered
from tenure.models.harm import dereferences_null, uses_after_free
from tenure.models.iommufd_ownership import (
    claim_device,
    is_anothers,
    is_elsewhere,
    is_physical,
    release_device_claim,
)
from tenure.models.locks import IOMMU_GROUP_MUTEX
from tenure.models.locks_2022 import DEV_SET_LOCK, REGISTRATION
from tenure.models.locks_iommufd import IGROUP_LOCK, IOAS_MUTEX, OBJECT_TABLE
from tenure.models.modules import keep, let_go, open_references
from tenure.vocabulary.calls import Case, Steps, call, done, go, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, TABLE, THREAD
from tenure.vocabulary.observables import BIND_REQUEST
from tenure.vocabulary.terms import Term, both, either, is_none, no, some

CLAIM_LOCKS = (briefly(OBJECT_TABLE), briefly(IOMMU_GROUP_MUTEX))
"""What is taken to claim a device's group and to make an object for the device, or to give both up."""

ATTACH_LOCKS = (briefly(OBJECT_TABLE), IOAS_MUTEX, IGROUP_LOCK, IOMMU_GROUP_MUTEX)
"""What is taken to attach a device to an IO address space, to move it, or to detach it."""


def is_bound(file: Term) -> Term:
    """The device file is bound to an iommufd."""
    return no(is_none(bound_to[file]))


def is_gone(iommufd: Term) -> Term:
    """The iommufd of a bound device was released."""
    return both(no(is_none(iommufd)), no(kind[iommufd] == "iommufd"))


def _another(device: Term, where: Term) -> Term:
    """Another device of the group is attached to `where`."""
    return some(
        DEVICE,
        lambda d: both(no(d == device), group_of[d] == group_of[device], is_physical(d), attached_to[d] == where),
    )


def is_attached_elsewhere(device: Term, where: Term) -> Term:
    """The device is attached to nothing, and another one of its group not to `where`."""
    now = attached[group_of[device]]
    return both(is_none(attached_to[device]), no(is_none(now)), no(now == where))


def leaves(device: Term) -> tuple[Assign, ...]:
    """The device is detached; with the last one that was attached its group translates nothing."""
    group = group_of[device]
    last = both(is_physical(device), no(is_none(attached_to[device])), no(_another(device, attached[group])))
    return provided(last, attached[group].becomes(None)), attached_to[device].becomes(None)


@call(
    "open of a device file",
    actor=THREAD,
    source="vfio_device_fops_cdev_open, 6.6-7.2",
    process=PROCESS,
    file=new(FILE),
    device=number(DEVICE),
)
def open_cdev(process: Term, file: Term, device: Term) -> Steps:
    """Get a file of the device, bound to nothing; any number may be open, whoever owns the device."""
    yield requires(is_free(file), no(no_iommu[group_of[device]]))
    yield step(
        "open",
        refuse(no(registered[device]), "ENODEV", "no VFIO driver has registered the device"),
        done(kind[file].becomes("device"), file_device[file].becomes(device), fd[process, file].becomes(value=True)),
    )


def malformed(other: Term, request: Term) -> tuple[Case, ...]:
    """What is wrong with a request before anybody looks at the file."""
    return (
        refuse(request == "unreadable", "EFAULT", "the arguments cannot be read"),
        refuse(request == "too short", "EINVAL", "argsz is less than that of the smallest request"),
        refuse(request == "too long", "E2BIG", "bytes beyond what the kernel knows are not zero"),
        refuse(either(request == "unknown flag", is_none(other)), "EINVAL", "a flag is unknown, or the fd is negative"),
    )


def unfit_device(device: Term, iommufd: Term) -> tuple[Case, ...]:
    """Why a device that an IOMMU translates for cannot be the iommufd's, in the order in which the kernel finds out."""
    physical = is_physical(device)
    return (
        refuse(both(physical, no(coherent[device])), "EINVAL", "the device's DMA cannot be coherent with caches"),
        refuse(both(physical, no(isolated[device])), "EPERM", "the device's interrupts are not isolated"),
        refuse(is_anothers(device, iommufd), "EPERM", "a kernel driver or another user owns the group's DMA"),
        refuse(is_elsewhere(device), "EBUSY", "the group is in a domain that is not its own"),
    )


def unfit(process: Term, file: Term, other: Term, request: Term) -> tuple[Case, ...]:
    """Why a file cannot be bound, in the order in which the kernel finds out."""
    device = file_device[file]
    return (
        refuse(is_bound(file), "EINVAL", "the file is bound already"),
        refuse(request == "token", "EINVAL", "the driver has no use for a token"),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(kind[other] == "iommufd"), "EBADFD", "the fd is no iommufd"),
        refuse(no(opens[device] == 0), "EINVAL", "another file of the device is bound"),
        *unfit_device(device, other),
        refuse(request == "unwritable", "EFAULT", "the id of the device cannot be written back: all is undone"),
    )


def bound(file: Term, iommufd: Term) -> tuple[Assign, ...]:
    """The device is the iommufd's, open, and the file gives access to it."""
    device = file_device[file]
    return (
        *claim_device(device, iommufd),
        bound_to[file].becomes(iommufd),
        gets[iommufd].becomes(gets[iommufd] + 1),
        keep(open_references[device]),
        opens[device].becomes(opens[device] + 1),
        opened_by[file].becomes(device),
        cdev_opened[device].becomes(value=True),
        access_granted[file].becomes(value=True),
    )


@call(
    "VFIO_DEVICE_BIND_IOMMUFD",
    actor=THREAD,
    source="vfio_df_ioctl_bind_iommufd, vfio_df_iommufd_bind, iommufd_device_bind, 7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    request=BIND_REQUEST,
)
def bind(process: Term, file: Term, other: Term, request: Term) -> Steps:
    """Claim the device for an iommufd, open it, and grant access last; a refusal leaves everything as it was."""
    yield requires(is_open(process, file, "device"))
    yield step(
        "bind",
        *malformed(other, request),
        *unfit(process, file, other, request),
        done(*bound(file, other)),
        locks=(DEV_SET_LOCK, *CLAIM_LOCKS),
    )


@call(
    "VFIO_DEVICE_GET_INFO",
    actor=THREAD,
    source="vfio_device_fops_unl_ioctl, 6.6-7.2",
    process=PROCESS,
    file=FILE,
)
def get_info(process: Term, file: Term) -> Steps:
    """Have the driver do something, as every ioctl, read, write and mmap of a device file does."""
    yield requires(is_open(process, file, "device"))
    yield step(
        "call",
        refuse(no(access_granted[file]), "EINVAL", "the file gives no access to its device yet"),
        dereferences_null(opens[file_device[file]] == 0),
        done(),
    )


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_attach_pt, iommufd_device_attach, iommufd_device_replace, iommufd_access_attach, 7.2",
    process=PROCESS,
    file=FILE,
    obj=number(TABLE),
)
def attach(process: Term, file: Term, obj: Term) -> Steps:
    """Attach the device; one that is attached moves, and with it the attached devices of its group."""
    device, iommufd = file_device[file], bound_to[file]
    group, now = group_of[device], attached_to[device]
    yield requires(is_open(process, file, "device"))

    def beside(one: Term) -> Term:
        return both(group_of[one] == group, is_physical(one), no(is_none(attached_to[one])))

    together = each(DEVICE, lambda d: attached_to[d].becomes(obj), where=beside)
    yield step(
        "attach",
        refuse(no(access_granted[file]), "EINVAL", "the file is not bound"),
        uses_after_free(is_gone(iommufd)),
        refuse(no(iommufd_of[obj] == iommufd), "ENOENT", "the iommufd has no such IO address space"),
        done(attached_to[device].becomes(obj), when=emulated[device]),
        refuse(is_attached_elsewhere(device, obj), "EINVAL", "another device of the group is attached elsewhere"),
        done(attached_to[device].becomes(obj), attached[group].becomes(obj), when=is_none(now)),
        done(together, attached[group].becomes(obj)),
        locks=(DEV_SET_LOCK, *ATTACH_LOCKS),
    )


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_detach_pt, iommufd_device_detach, iommufd_access_detach, 7.2",
    process=PROCESS,
    file=FILE,
)
def detach(process: Term, file: Term) -> Steps:
    """Detach the device; one that is attached to nothing stays so."""
    yield requires(is_open(process, file, "device"))
    yield step(
        "detach",
        refuse(no(access_granted[file]), "EINVAL", "the file is not bound"),
        uses_after_free(is_gone(bound_to[file])),
        done(*leaves(file_device[file])),
        locks=(DEV_SET_LOCK, *ATTACH_LOCKS),
    )


def unbound(file: Term) -> tuple[Assign, ...]:
    """vfio_df_close: the device is detached and closed, its claim given up, its iommufd let go."""
    device, iommufd = file_device[file], bound_to[file]
    return (
        *leaves(device),
        *release_device_claim(device),
        gets[iommufd].becomes(gets[iommufd] - 1),
        bound_to[file].becomes(None),
        let_go(open_references[device]),
        opens[device].becomes(opens[device] - 1),
        opened_by[file].becomes(None),
        cdev_opened[device].becomes(value=False),
        access_granted[file].becomes(value=False),
    )


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, vfio_df_unbind_iommufd, 6.6-7.2",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """Close a device that is bound, whoever is attached to what; then drop the registration."""
    yield requires(kind[file] == "device", releasable(file))
    yield step(
        "close",
        go(when=no(is_bound(file)), to="put", why="the file was never bound"),
        uses_after_free(is_gone(bound_to[file])),
        go(*unbound(file)),
        locks=(DEV_SET_LOCK, briefly(*ATTACH_LOCKS), *CLAIM_LOCKS),
    )
    yield step("put", done(*closed(file)), wakes=(REGISTRATION,))


CALLS = (open_cdev, bind, get_info, attach, detach, release_device)
