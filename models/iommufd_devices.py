"""Device files bound to an iommufd, and what they are attached to: DEVICE and ACCESS objects, hardware page tables (HWPTs).

A physical device has a DEVICE object and is attached to a HWPT, an emulated one has an ACCESS object and is attached to an IO
address space. Each device is alone in its IOMMU group and in its reset set.
"""

from tenure.models.cdev_fields import bound_to, emulated
from tenure.models.files import closed, fd, file_device, gets, is_free, is_open, kind, releasable
from tenure.models.harm import uses_after_free
from tenure.models.iommufd import (
    auto,
    context,
    destroyed,
    devices,
    erased,
    freed,
    freed_hwpt,
    hwpt_ioas,
    hwpts,
    is_found,
    is_freed,
    is_unmade,
    locked,
    new_object,
    put,
    removed,
    type_,
    users,
    wait_cnt,
)
from tenure.models.locks_2022 import DEV_SET_LOCK
from tenure.models.locks_iommufd import IGROUP_LOCK, IOAS_MUTEX, OBJECT_Q, OBJECT_TABLE
from tenure.vocabulary.calls import (
    Case,
    Next,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    new,
    number,
    pointer,
    refuse,
    requires,
    step,
    value,
)
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.objects import DEVICE, FILE, OBJECT, PROCESS, THREAD
from tenure.vocabulary.observables import OBJECT_TYPE
from tenure.vocabulary.symbols import choice_is, state
from tenure.vocabulary.terms import TRUE, Term, both, busy, either, every, implies, in_flight, is_none, no, some, when
from tenure.vocabulary.types import FLAG

bound = state("bound", FILE, OBJECT.maybe, meaning="the object of a bound device file")
attached = state(
    "attached to", OBJECT, OBJECT.maybe, meaning="the HWPT of a DEVICE object, the IO address space of an ACCESS object"
)
going = state(
    "going",
    OBJECT,
    FLAG,
    meaning="the driver gave the table's part of `wait_cnt` back, and waits to destroy the object",
)
set_locked = state("set locked", DEVICE, FLAG, meaning="a call that is not over has the device's `dev_set.lock`")


def rests(file: Term) -> Term:
    """No call on the file is in flight."""
    return both(no(in_flight(file)), no(busy(file)))


def is_at_rest(obj: Term) -> Term:
    """No call on the object's iommufd, and none on a device file that is bound to it, is in flight."""
    iommufd = context[obj]
    return both(rests(iommufd), every(FILE, lambda f: implies(bound_to[f] == iommufd, rests(f))))


def under_lock(device: Term, *cases: Case) -> tuple[Case, ...]:
    """The cases of a step that takes the lock of the device, and sleeps while another has it."""
    free = no(set_locked[device])
    return tuple(Case(both(free, c.when), c.effects, c.follow, c.why, c.pick) for c in cases)


def lock_kept(device: Term) -> Assign:
    """The call has the lock until it lets it go."""
    return set_locked[device].becomes(value=True)


def lock_let_go(device: Term) -> Assign:
    """The lock is free."""
    return set_locked[device].becomes(value=False)


def is_auto_of(hwpt: Term, ioas: Term) -> Term:
    """The HWPT was made for the IO address space itself, and can be got: nobody destroys it."""
    return both(hwpt_ioas[hwpt] == ioas, auto[hwpt], users[hwpt] > 0, wait_cnt[hwpt] > 0)


def put_hwpt(old: Term, doomed: Term, last: Case) -> Steps:
    """A device gives up its HWPT; one that was made for an IO address space goes with its last device."""
    yield step(
        "put_hwpt",
        uses_after_free(is_freed(old)),
        go(
            *erased(old, 2),
            doomed.becomes(old),
            old.becomes(None),
            when=both(auto[old], users[old] == 2),
        ),
        Case(
            last.when, (users[old].becomes(users[old] - 1), *_forgets(old, last), *last.effects), last.follow, last.why
        ),
        locks=(OBJECT_TABLE,),
        keeps=(DEV_SET_LOCK,),
    )
    over = Case(last.when, (*freed_hwpt(doomed), *_forgets(doomed, last), *last.effects), last.follow, last.why)
    yield destroyed("free_hwpt", doomed, over, locks=(IOAS_MUTEX,), keeps=(DEV_SET_LOCK,))


def left(dev: Term, old: Term) -> tuple[Assign, ...]:
    """A physical device leaves its HWPT, which the call has to give up."""
    now = attached[dev]
    leaves = attached[dev].becomes(None), devices[now].becomes(devices[now] - 1)
    return *leaves, users[dev].becomes(users[dev] - 1), old.becomes(now)


def access_left(dev: Term) -> tuple[Assign, ...]:
    """An emulated device leaves its IO address space."""
    now = attached[dev]
    return attached[dev].becomes(None), devices[now].becomes(devices[now] - 1), users[now].becomes(users[now] - 1)


def _forgets(variable: Term, last: Case) -> tuple[Assign, ...]:
    """What a call that goes on points at no longer; where it ends it forgets everything anyway."""
    return (variable.becomes(None),) if isinstance(last.follow, Next) else ()


def bound_as(type_name: Term | str, process: Term, file: Term, other: Term, made: Term) -> Steps:
    """A device file gets an object of this type in an iommufd."""
    device = file_device[file]
    yield requires(is_open(process, file, "device"), is_unmade(made))
    others = some(FILE, lambda f: both(no(is_none(bound[f])), file_device[f] == device))
    yield step(
        "bind",
        *under_lock(
            device,
            refuse(no(is_none(bound[file])), "EINVAL", "the file is bound already"),
            refuse(either(is_none(other), no(fd[process, other])), "EBADF", "the fd is not open"),
            refuse(no(kind[other] == "iommufd"), "EBADFD", "the file is no iommufd"),
            refuse(others, "EINVAL", "another file of the device is bound"),
            done(
                *new_object(made, other, type_name, 2),
                bound[file].becomes(made),
                bound_to[file].becomes(other),
                gets[other].becomes(gets[other] + 1),
            ),
        ),
        locks=(DEV_SET_LOCK, OBJECT_TABLE),
        waits=True,
    )


def unbound(file: Term) -> Steps:
    """The driver gives the object of a device file back: it waits until no call has it in hand, and destroys it."""
    dev, device, iommufd = bound[file], file_device[file], bound_to[file]
    yield step(
        "begin", go(wait_cnt[dev].becomes(wait_cnt[dev] - 1), going[dev].becomes(value=True)), keeps=(DEV_SET_LOCK,)
    )
    over = (
        bound[file].becomes(None),
        bound_to[file].becomes(None),
        going[dev].becomes(value=False),
        gets[iommufd].becomes(gets[iommufd] - 1),
        lock_let_go(device),
        *closed(file),
    )
    yield destroyed(
        "remove",
        dev,
        done(*over, *removed(dev, 2), *freed(dev), when=users[dev] == 2),
        done(*over, users[dev].becomes(users[dev] - 1), why="somebody relies on the object: it is left (WARN)"),
        locks=(OBJECT_TABLE,),
    )


@call(
    "open of a device file",
    actor=THREAD,
    source="vfio_device_fops_cdev_open",
    process=PROCESS,
    file=new(FILE),
    device=DEVICE,
)
def open_cdev(process: Term, file: Term, device: Term) -> Steps:
    """Get a file of the device, bound to nothing; any number may be open."""
    yield requires(is_free(file))
    opened = kind[file].becomes("device"), file_device[file].becomes(device), fd[process, file].becomes(value=True)
    yield step("open", done(*opened))


@call(
    "VFIO_DEVICE_BIND_IOMMUFD",
    actor=THREAD,
    source="vfio_df_ioctl_bind_iommufd, iommufd_device_bind, iommufd_access_create",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    made=new(OBJECT),
)
def bind(process: Term, file: Term, other: Term, made: Term) -> Steps:
    """Make the object of a device in an iommufd, which stays open as long as the device is bound."""
    physical, access = value("device", OBJECT_TYPE), value("access", OBJECT_TYPE)
    yield from bound_as(when(emulated[file_device[file]], access, physical), process, file, other, made)


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_attach_pt, iommufd_device_change_pt, iommufd_access_change_ioas_id",
    process=PROCESS,
    file=FILE,
    obj=number(OBJECT),
    made=new(OBJECT),
)
def attach(process: Term, file: Term, obj: Term, made: Term) -> Steps:
    """Attach a device, or replace what it is attached to; for an IO address space take its HWPT, or make one."""
    dev, device, iommufd = bound[file], file_device[file], bound_to[file]
    user, waiter, old = (pointer(name, OBJECT.maybe) for name in ("user", "waiter", "old"))
    doomed = local("doomed", OBJECT.maybe)
    now, for_access = attached[dev], type_[dev] == "access"
    yield requires(is_open(process, file, "device"), is_unmade(made))
    yield step(
        "look_up",
        *under_lock(
            device,
            refuse(is_none(dev), "EINVAL", "the file is not bound"),
            refuse(no(is_found(obj, iommufd)), "ENOENT", "the table has no such object, or it is being destroyed"),
            refuse(
                both(for_access, no(type_[obj] == "ioas")), "ENOENT", "an emulated device needs an IO address space"
            ),
            go(*locked(user, waiter, obj), old.becomes(None), lock_kept(device)),
        ),
        locks=(DEV_SET_LOCK, OBJECT_TABLE),
        keeps=(DEV_SET_LOCK,),
        waits=True,
        owes=(OBJECT_Q,),
    )

    def moves(target: Term) -> tuple[Assign, ...]:
        more = (users, devices)
        return (
            attached[dev].becomes(target),
            *(provided(no(now == target), one[target].becomes(one[target] + 1)) for one in more),
            provided(no(now == target), devices[now].becomes(devices[now] - 1)),
        )

    def joins(hwpt: Term) -> tuple[Assign, ...]:
        return (
            *moves(hwpt),
            old.becomes(when(now == hwpt, attached.nothing, now)),
            provided(is_none(now), users[dev].becomes(users[dev] + 1)),
        )

    made_for_it = (
        *new_object(made, iommufd, "hwpt", 2),
        hwpt_ioas[made].becomes(user),
        auto[made].becomes(value=True),
        users[user].becomes(users[user] + 1),
        hwpts[user].becomes(hwpts[user] + 1),
        attached[dev].becomes(made),
        old.becomes(now),
        devices[made].becomes(1),
        devices[now].becomes(devices[now] - 1),
        provided(is_none(now), users[dev].becomes(users[dev] + 1)),
    )
    yield step(
        "attach",
        uses_after_free(is_freed(user)),
        go(*moves(user), provided(no(now == user), users[now].becomes(users[now] - 1)), when=for_access),
        go(when=no(choice_is(type_[user], "ioas", "hwpt")), to="undo_user", why="the object is nothing to attach to"),
        go(*joins(user), when=type_[user] == "hwpt"),
        choosing(OBJECT, lambda h: is_auto_of(h, user), lambda h: go(*joins(h))),
        go(*made_for_it),
        locks=(IOAS_MUTEX, IGROUP_LOCK),
        keeps=(DEV_SET_LOCK,),
    )
    yield from put(user, waiter, done(lock_let_go(device), when=is_none(old)), go(to="put_hwpt"), keeps=(DEV_SET_LOCK,))
    wrong = refuse(TRUE, "EINVAL", "the object is nothing to attach to", lock_let_go(device))
    yield from put(user, waiter, wrong, prefix="undo", keeps=(DEV_SET_LOCK,))
    yield from put_hwpt(old, doomed, done(lock_let_go(device)))


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="vfio_df_ioctl_detach_pt, iommufd_device_detach, iommufd_access_detach",
    process=PROCESS,
    file=FILE,
)
def detach(process: Term, file: Term) -> Steps:
    """Detach a device; one that is attached to nothing stays so."""
    dev, device = bound[file], file_device[file]
    now, old, doomed = attached[dev], pointer("old", OBJECT.maybe), local("doomed", OBJECT.maybe)
    yield requires(is_open(process, file, "device"))
    yield step(
        "detach",
        *under_lock(
            device,
            refuse(is_none(dev), "EINVAL", "the file is not bound"),
            done(when=is_none(now), why="the device is attached to nothing"),
            done(*access_left(dev), when=type_[dev] == "access"),
            go(*left(dev, old), lock_kept(device)),
        ),
        locks=(DEV_SET_LOCK, IGROUP_LOCK),
        keeps=(DEV_SET_LOCK,),
        waits=True,
    )
    yield from put_hwpt(old, doomed, done(lock_let_go(device)))


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, iommufd_object_remove",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """Detach a bound device; wait until no call has its object, and destroy that."""
    dev, device = bound[file], file_device[file]
    now, old, doomed = attached[dev], pointer("old", OBJECT.maybe), local("doomed", OBJECT.maybe)
    yield requires(kind[file] == "device", releasable(file))
    yield step(
        "detach",
        *under_lock(
            device,
            done(*closed(file), when=is_none(dev), why="the file is not bound"),
            go(lock_kept(device), when=is_none(now), to="begin"),
            go(*access_left(dev), lock_kept(device), when=type_[dev] == "access", to="begin"),
            go(*left(dev, old), lock_kept(device)),
        ),
        locks=(DEV_SET_LOCK, IGROUP_LOCK),
        keeps=(DEV_SET_LOCK,),
        waits=True,
    )
    yield from put_hwpt(old, doomed, go(to="begin"))
    yield from unbound(file)


CALLS = (open_cdev, bind, attach, detach, release_device)
