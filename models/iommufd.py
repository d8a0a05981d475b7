"""The object table of an iommufd: IO address spaces, calls in flight on them, DESTROY, and what is left at close.

An iommufd is its file: one context for each. `users` counts who relies on an object: its table, other objects, drivers, calls
in flight. `wait_cnt` counts the table and the calls in flight alone; whoever destroys an object waits until it is zero.
"""

from tenure.models.files import closed, fd, is_free, is_open, kind, releasable
from tenure.models.harm import uses_after_free
from tenure.models.locks_iommufd import IOAS_MUTEX, OBJECT_Q, OBJECT_TABLE
from tenure.vocabulary.calls import (
    Case,
    Next,
    Step,
    Steps,
    call,
    done,
    go,
    local,
    new,
    number,
    pointer,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Lock
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS, THREAD
from tenure.vocabulary.observables import OBJECT_TYPE
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, either, every, in_flight, is_none, no
from tenure.vocabulary.types import COUNT, FLAG

type_ = state(
    "type", OBJECT, OBJECT_TYPE, meaning="what the object is; none: its memory is freed, and its id is unused"
)
context = state(
    "context", OBJECT, FILE.maybe, meaning="the iommufd that the object is of, as long as its memory is there"
)
listed = state("listed", OBJECT, FILE.maybe, meaning="the iommufd in whose table the object is")
users = state("users", OBJECT, COUNT, meaning="the object's `users`")
wait_cnt = state("wait cnt", OBJECT, COUNT, meaning="the object's `wait_cnt` (6.12: `shortterm_users`)")
hwpt_ioas = state("hwpt ioas", OBJECT, OBJECT.maybe, meaning="the IO address space of a HWPT")
hwpts = state("hwpts", OBJECT, COUNT, meaning="how many HWPTs are in the list of an IO address space")
devices = state("devices", OBJECT, COUNT, meaning="how many devices are attached to a HWPT, or to an IO address space")
auto = state("auto", OBJECT, FLAG, meaning="the HWPT was made for an IO address space itself: `auto_domain`")


def is_unmade(obj: Term) -> Term:
    """The id is unused, and no call is going to use it."""
    return both(is_none(context[obj]), no(in_flight(obj)))


def is_found(obj: Term, file: Term) -> Term:
    """A look-up by id finds the object, and gets it: neither of its counts is zero."""
    return both(listed[obj] == file, users[obj] > 0, wait_cnt[obj] > 0)


def new_object(obj: Term, file: Term, type_name: Term | str, count: int) -> tuple[Assign, ...]:
    """The object is there, and so many rely on it."""
    return (
        type_[obj].becomes(type_name),
        context[obj].becomes(file),
        listed[obj].becomes(file),
        users[obj].becomes(count),
        wait_cnt[obj].becomes(1),
    )


def erased(obj: Term, count: int = 1) -> tuple[Assign, ...]:
    """The last users go, and with them the object's place in the table; what that counts in `wait_cnt` goes too."""
    return (*removed(obj, count), wait_cnt[obj].becomes(wait_cnt[obj] - 1))


def removed(obj: Term, count: int) -> tuple[Assign, ...]:
    """The same where the table counts in `wait_cnt` no longer."""
    return users[obj].becomes(users[obj] - count), listed[obj].becomes(None)


def freed(obj: Term) -> tuple[Assign, ...]:
    """The object's memory is freed."""
    return type_[obj].becomes("none"), context[obj].becomes(None)


def freed_hwpt(hwpt: Term) -> tuple[Assign, ...]:
    """A HWPT's memory is freed: its IO address space has a user less."""
    ioas = hwpt_ioas[hwpt]
    return (
        users[ioas].becomes(users[ioas] - 1),
        hwpts[ioas].becomes(hwpts[ioas] - 1),
        hwpt_ioas[hwpt].becomes(None),
        auto[hwpt].becomes(value=False),
        *freed(hwpt),
    )


def is_freed(obj: Term) -> Term:
    """What a call points at is gone."""
    return both(no(is_none(obj)), is_none(context[obj]))


def locked(user: Term, waiter: Term, obj: Term) -> tuple[Assign, ...]:
    """A call in flight gets the object: it counts in both."""
    return (
        user.becomes(obj),
        waiter.becomes(obj),
        users[obj].becomes(users[obj] + 1),
        wait_cnt[obj].becomes(wait_cnt[obj] + 1),
    )


def put(user: Term, waiter: Term, *last: Case, prefix: str = "put", keeps: tuple[Lock, ...] = ()) -> Steps:
    """A call in flight puts the object: `users` first, so that nobody who has waited finds a user that is about to go."""
    yield step(
        f"{prefix}_user",
        uses_after_free(is_freed(user)),
        go(users[user].becomes(users[user] - 1), user.becomes(None)),
        keeps=keeps,
    )

    def counted(one: Case) -> Case:
        forgets = (waiter.becomes(None),) if isinstance(one.follow, Next) else ()
        less = wait_cnt[waiter].becomes(wait_cnt[waiter] - 1)
        return Case(one.when, (less, *forgets, *one.effects), one.follow, one.why)

    yield step(
        f"{prefix}_wait",
        uses_after_free(is_freed(waiter)),
        *map(counted, last),
        keeps=keeps,
        wakes=(OBJECT_Q,),
    )


def destroyed(name: str, obj: Term, *cases: Case, locks: tuple[Lock, ...] = (), keeps: tuple[Lock, ...] = ()) -> Step:
    """Sleep until no call in flight has an object that new ones cannot get any more."""
    over = wait_cnt[obj] == 0
    waited = (Case(both(over, c.when), c.effects, c.follow, c.why) for c in cases)
    return step(name, *waited, locks=locks, keeps=keeps, waits=OBJECT_Q)


@call("open of /dev/iommu", actor=THREAD, source="iommufd_fops_open", process=PROCESS, file=new(FILE))
def open_iommufd(process: Term, file: Term) -> Steps:
    """Make an iommufd, whose table is empty."""
    yield requires(is_free(file))
    yield step("open", done(kind[file].becomes("iommufd"), fd[process, file].becomes(value=True)))


@call("IOMMU_IOAS_ALLOC", actor=THREAD, source="iommufd_ioas_alloc_ioctl", process=PROCESS, file=FILE, made=new(OBJECT))
def ioas_alloc(process: Term, file: Term, made: Term) -> Steps:
    """Make an IO address space."""
    yield requires(is_open(process, file, "iommufd"), is_unmade(made))
    yield step("make", done(*new_object(made, file, "ioas", 1)), locks=(OBJECT_TABLE,))


@call(
    "IOMMU_IOAS_IOVA_RANGES",
    actor=THREAD,
    source="iommufd_ioas_iova_ranges, iommufd_get_object, iommufd_put_object",
    process=PROCESS,
    file=FILE,
    obj=number(OBJECT),
)
def iova_ranges(process: Term, file: Term, obj: Term) -> Steps:
    """Work on an IO address space, as every call on one does: look it up, use it, put it."""
    yield requires(is_open(process, file, "iommufd"))
    user, waiter = pointer("user", OBJECT.maybe), pointer("waiter", OBJECT.maybe)
    missing = either(no(is_found(obj, file)), no(type_[obj] == "ioas"))
    yield step(
        "look_up",
        refuse(missing, "ENOENT", "the table has no such IO address space, or it is being destroyed"),
        go(*locked(user, waiter, obj)),
        locks=(OBJECT_TABLE,),
        owes=(OBJECT_Q,),
    )
    yield step("use", uses_after_free(is_freed(user)), go())
    yield from put(user, waiter, done())


@call(
    "IOMMU_DESTROY",
    actor=THREAD,
    source="iommufd_destroy, iommufd_objremove",
    process=PROCESS,
    file=FILE,
    obj=number(OBJECT),
)
def destroy(process: Term, file: Term, obj: Term) -> Steps:
    """Destroy an object on which nobody relies: take it out of the table, wait for calls in flight, free it."""
    yield requires(is_open(process, file, "iommufd"))
    doomed = local("doomed", OBJECT.maybe)
    yield step(
        "remove",
        refuse(no(listed[obj] == file), "ENOENT", "the table has no such object"),
        refuse(no(users[obj] == 1), "EBUSY", "an object, a driver or a call in flight relies on it"),
        go(*erased(obj), doomed.becomes(obj)),
        locks=(OBJECT_TABLE,),
    )
    yield destroyed(
        "destroy",
        doomed,
        done(*freed_hwpt(doomed), when=type_[doomed] == "hwpt"),
        done(*freed(doomed)),
        locks=(IOAS_MUTEX,),
    )


@call(
    "release of an iommufd: an object",
    actor="file",
    internal=True,
    source="iommufd_fops_release",
    file=FILE,
    obj=OBJECT,
)
def destroy_left(file: Term, obj: Term) -> Steps:
    """Nobody refers to the iommufd any more: an object on which nobody relies is destroyed, until none is left."""
    yield requires(kind[file] == "iommufd", releasable(file), listed[obj] == file, users[obj] == 1)
    yield step(
        "destroy",
        done(*erased(obj), *freed_hwpt(obj), when=type_[obj] == "hwpt"),
        done(*erased(obj), *freed(obj)),
        locks=(IOAS_MUTEX,),
    )


@call("release of an iommufd", actor="file", internal=True, source="iommufd_fops_release", file=FILE)
def release_iommufd(file: Term) -> Steps:
    """The table is empty: the iommufd goes with its file."""
    yield requires(kind[file] == "iommufd", releasable(file), every(OBJECT, lambda o: no(listed[o] == file)))
    yield step("free", done(*closed(file)))


CALLS = (open_iommufd, ioas_alloc, iova_ranges, destroy, destroy_left, release_iommufd)
