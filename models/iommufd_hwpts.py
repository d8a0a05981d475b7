"""Hardware page tables that a user makes, for an IO address space and a device: they stay until they are destroyed."""

from tenure.models.files import is_open
from tenure.models.harm import uses_after_free
from tenure.models.iommufd import hwpt_ioas, hwpts, is_found, is_freed, is_unmade, locked, new_object, put, type_, users
from tenure.models.locks_iommufd import IGROUP_LOCK, IOAS_MUTEX, OBJECT_Q, OBJECT_TABLE
from tenure.vocabulary.calls import Steps, call, done, go, local, new, number, pointer, refuse, requires, step
from tenure.vocabulary.objects import FILE, OBJECT, PROCESS, THREAD
from tenure.vocabulary.terms import TRUE, Term, either, no
from tenure.vocabulary.types import FLAG


@call(
    "IOMMU_HWPT_ALLOC",
    actor=THREAD,
    source="iommufd_hwpt_alloc, 6.7-7.2",
    process=PROCESS,
    file=FILE,
    dev=number(OBJECT),
    obj=number(OBJECT),
    made=new(OBJECT),
)
def hwpt_alloc(process: Term, file: Term, dev: Term, obj: Term, made: Term) -> Steps:
    """Make a HWPT for an IO address space, of the kind that a device needs, attached to nothing."""
    yield requires(is_open(process, file, "iommufd"), is_unmade(made))
    dev_user, dev_waiter = pointer("device user", OBJECT.maybe), pointer("device waiter", OBJECT.maybe)
    user, waiter = pointer("user", OBJECT.maybe), pointer("waiter", OBJECT.maybe)
    nested = local("nested", FLAG)
    yield step(
        "look_up",
        refuse(
            either(no(is_found(dev, file)), no(type_[dev] == "device")),
            "ENOENT",
            "the table has no such device, or it is being destroyed",
        ),
        refuse(no(is_found(obj, file)), "EINVAL", "the table has no such object, or it is being destroyed"),
        refuse(dev == obj, "EINVAL", "a device is no IO address space"),
        go(*locked(dev_user, dev_waiter, dev), *locked(user, waiter, obj), nested.becomes(value=False)),
        locks=(OBJECT_TABLE,),
        owes=(OBJECT_Q,),
    )
    yield step(
        "make",
        uses_after_free(either(is_freed(user), is_freed(dev_user))),
        go(
            nested.becomes(type_[user] == "hwpt"),
            when=no(type_[user] == "ioas"),
            to="wrong_user",
            why="the object is no IO address space",
        ),
        go(
            *new_object(made, file, "hwpt", 1),
            hwpt_ioas[made].becomes(user),
            users[user].becomes(users[user] + 1),
            hwpts[user].becomes(hwpts[user] + 1),
        ),
        locks=(IOAS_MUTEX, IGROUP_LOCK),
    )
    yield from put(user, waiter, go())
    yield from put(dev_user, dev_waiter, done(), prefix="put_device")
    yield from put(user, waiter, go(), prefix="wrong")
    wrong = refuse(TRUE, "EINVAL", "the object is no IO address space")
    unsupported = refuse(nested, "EOPNOTSUPP", "a nested HWPT needs data of the hardware")
    yield from put(dev_user, dev_waiter, unsupported, wrong, prefix="fail")


CALLS = (hwpt_alloc,)
