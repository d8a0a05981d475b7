"""Emulated devices alone: an ACCESS object stands for each, and is attached to an IO address space. There are no HWPTs."""

from tenure.models.cdev_fields import bound_to
from tenure.models.files import closed, file_device, is_open, kind, releasable
from tenure.models.harm import uses_after_free
from tenure.models.iommufd import devices, is_found, is_freed, locked, put, type_, users
from tenure.models.iommufd_devices import (
    access_left,
    attached,
    bound,
    bound_as,
    lock_kept,
    lock_let_go,
    open_cdev,
    unbound,
    under_lock,
)
from tenure.models.locks_2022 import DEV_SET_LOCK
from tenure.models.locks_iommufd import OBJECT_Q, OBJECT_TABLE
from tenure.vocabulary.calls import Steps, call, done, go, new, number, pointer, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS, THREAD
from tenure.vocabulary.terms import Term, either, is_none, no


@call(
    "VFIO_DEVICE_BIND_IOMMUFD",
    actor=THREAD,
    source="vfio_df_ioctl_bind_iommufd, vfio_iommufd_emulated_bind, iommufd_access_create",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    made=new(OBJECT),
)
def bind(process: Term, file: Term, other: Term, made: Term) -> Steps:
    """Make the access of a device in an iommufd, which stays open as long as the device is bound."""
    yield from bound_as("access", process, file, other, made)


def _joins(dev: Term, ioas: Term) -> tuple[Assign, ...]:
    """The access relies on the IO address space."""
    return attached[dev].becomes(ioas), users[ioas].becomes(users[ioas] + 1), devices[ioas].becomes(devices[ioas] + 1)


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_attach_pt, iommufd_access_attach, iommufd_access_change_ioas_id",
    process=PROCESS,
    file=FILE,
    obj=number(OBJECT),
)
def attach(process: Term, file: Term, obj: Term) -> Steps:
    """Attach an access to an IO address space, or move it to another."""
    dev, device, iommufd = bound[file], file_device[file], bound_to[file]
    user, waiter, now = pointer("user", OBJECT.maybe), pointer("waiter", OBJECT.maybe), attached[dev]
    yield requires(is_open(process, file, "device"))
    missing = either(no(is_found(obj, iommufd)), no(type_[obj] == "ioas"))
    yield step(
        "look_up",
        *under_lock(
            device,
            refuse(is_none(dev), "EINVAL", "the file is not bound"),
            refuse(missing, "ENOENT", "the table has no such IO address space, or it is being destroyed"),
            go(*locked(user, waiter, obj), lock_kept(device)),
        ),
        locks=(DEV_SET_LOCK, OBJECT_TABLE),
        keeps=(DEV_SET_LOCK,),
        waits=True,
        owes=(OBJECT_Q,),
    )
    yield step(
        "attach",
        uses_after_free(is_freed(user)),
        go(when=now == user, why="the access is attached to it already"),
        go(*_joins(dev, user), users[now].becomes(users[now] - 1), devices[now].becomes(devices[now] - 1)),
        keeps=(DEV_SET_LOCK,),
    )
    yield from put(user, waiter, done(lock_let_go(device)), keeps=(DEV_SET_LOCK,))


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_detach_pt, iommufd_access_detach",
    process=PROCESS,
    file=FILE,
)
def detach(process: Term, file: Term) -> Steps:
    """Detach an access; one that is attached to nothing stays so."""
    dev, device = bound[file], file_device[file]
    yield requires(is_open(process, file, "device"))
    yield step(
        "detach",
        *under_lock(
            device,
            refuse(is_none(dev), "EINVAL", "the file is not bound"),
            done(when=is_none(attached[dev]), why="the access is attached to nothing"),
            done(*access_left(dev)),
        ),
        locks=(DEV_SET_LOCK,),
        waits=True,
    )


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, iommufd_access_destroy, iommufd_object_destroy_user",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """Detach a bound device; wait until no call has its access, and destroy that."""
    dev, device = bound[file], file_device[file]
    yield requires(kind[file] == "device", releasable(file))
    yield step(
        "detach",
        *under_lock(
            device,
            done(*closed(file), when=is_none(dev), why="the file is not bound"),
            go(lock_kept(device), when=is_none(attached[dev])),
            go(*access_left(dev), lock_kept(device)),
        ),
        locks=(DEV_SET_LOCK,),
        keeps=(DEV_SET_LOCK,),
        waits=True,
    )
    yield from unbound(file)


CALLS = (open_cdev, bind, attach, detach, release_device)
