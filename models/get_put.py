"""The external-user API that was merged: get, put and iommu_id, as seen from KVM."""

from tenure.models.containers import asks, dissolve, table
from tenure.models.external_users import forgotten, seen_container, seen_group, seen_table
from tenure.models.files import fd, file_group, kind, owner
from tenure.models.groups import container, counted, exists, group_of, no_iommu, reference, registered, users, viable
from tenure.models.harm import dereferences_null, uses_after_free
from tenure.models.iommu_drivers import IOMMU_TYPE
from tenure.models.locks import (
    CONTAINER_Q,
    GROUP_REFERENCE,
    RELEASE_Q,
    SCAN,
    VFIO_GROUP_LOCK,
)
from tenure.vocabulary.calls import (
    Call,
    Case,
    Step,
    Steps,
    call,
    done,
    go,
    local,
    number,
    pointer,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Reference
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, USER
from tenure.vocabulary.terms import Term, both, is_none, no


def validate(user: Term, group: Term, *put_back: Reference) -> Step:
    """What the user was shown is kept for it; where the group is unfit, it counts no longer."""
    shown = (
        seen_group[user].becomes(group),
        seen_container[user].becomes(container[group]),
        seen_table[user].becomes(table[container[group]]),
    )
    return looked_at(group, (counted[user].becomes(None),), shown, *put_back)


def looked_at(group: Term, unfit: tuple[Assign, ...], fit: tuple[Assign, ...], *put_back: Reference) -> Step:
    """A group that is held but unfit is given back with a plain decrement, not with try_dissolve."""
    given_back = (users[group].becomes(users[group] - 1), *unfit)
    return step(
        "validate",
        dereferences_null(is_none(container[group])),
        refuse(is_none(table[container[group]]), "EINVAL", "the container has no IOMMU driver", *given_back),
        refuse(no(viable(group)), "EINVAL", "the group is not viable", *given_back),
        go(*fit),
        locks=(SCAN,),
        drops=put_back,
        wakes=(RELEASE_Q, CONTAINER_Q),
    )


def own_use(process: Term, other: Term, of: Case, target: Term, held: Term) -> Steps:
    """A call gets the group behind an fd for itself: it counts, and holds a reference, until it gives both back.

    `of` is what it asks first; the group's file is dropped once the group is held.
    """
    group = file_group[target]
    yield step(
        "look_up",
        of,
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        go(target.becomes(other)),
    )
    yield step(
        "count",
        refuse(no(kind[target] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        go(users[group].becomes(users[group] + 1)),
    )
    yield looked_at(group, (), (held.becomes(group), target.becomes(None)))


def _put(user: Term) -> Steps:
    yield from dissolve(reference[user], "put", *forgotten(user))
    yield step("put", done(reference[user].becomes(None), owner[user].becomes(None)), drops=(GROUP_REFERENCE,))


def _put_reference_first(user: Term) -> Steps:
    group = pointer("group", GROUP.maybe)
    yield step(
        "put",
        go(group.becomes(reference[user]), reference[user].becomes(None), owner[user].becomes(None)),
        drops=(GROUP_REFERENCE,),
    )
    dissolved, detached = tuple(dissolve(group, "end", *forgotten(user)))
    assert isinstance(dissolved, Step)  # noqa: S101  # `dissolve` yields steps
    gone = both(no(is_none(group)), no(exists(group)))
    yield step("dissolve", uses_after_free(gone), *dissolved.cases)
    yield detached
    yield step("end", done())


@call(
    "vfio_group_get_external_user",
    actor="user",
    source="vfio_group_get_external_user, 3.11",
    user=USER,
    process=PROCESS,
    file=FILE,
)
def get_external_user(user: Term, process: Term, file: Term) -> Steps:
    """Count as a user of the group behind a file, if it is in a container with an IOMMU driver and viable."""
    yield requires(fd[process, file], is_none(counted[user]), is_none(reference[user]))
    group = file_group[file]
    yield step(
        "count",
        refuse(no(kind[file] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        go(users[group].becomes(users[group] + 1), counted[user].becomes(group)),
    )
    yield validate(user, group)
    yield step("reference", done(reference[user].becomes(group), owner[user].becomes(process)), wakes=(CONTAINER_Q,))


@call(
    "vfio_group_get_external_user_from_dev",
    actor="user",
    source="vfio_group_get_external_user_from_dev, 5.7",
    user=USER,
    process=PROCESS,
    device=number(DEVICE),
)
def get_external_user_from_dev(user: Term, process: Term, device: Term) -> Steps:
    """The same for a driver that holds a device and no group file."""
    yield requires(is_none(counted[user]), is_none(reference[user]))
    group = local("group", GROUP.maybe)
    yield step(
        "look_up",
        refuse(no(registered[device]), "ENODEV", "the device is in no VFIO group"),
        go(group.becomes(group_of[device])),
        locks=(VFIO_GROUP_LOCK,),
    )
    yield step(
        "count",
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        go(users[group].becomes(users[group] + 1), counted[user].becomes(group)),
        drops=(GROUP_REFERENCE,),
    )
    yield validate(user, group, GROUP_REFERENCE)
    yield step("reference", done(reference[user].becomes(group), owner[user].becomes(process)), wakes=(CONTAINER_Q,))


@call("vfio_group_put_external_user", actor="user", source="vfio_group_put_external_user, 5.10", user=USER)
def put_external_user(user: Term) -> Steps:
    """Stop using the table, give the use of the group back, then the reference to it."""
    yield requires(no(is_none(reference[user])), no(is_none(owner[user])))
    yield from _put(user)


@call("release of an external user", actor="user", internal=True, source="kvm_vfio_destroy", user=USER)
def release_user(user: Term) -> Steps:
    """The same, by the kernel, for a process that is gone."""
    yield requires(no(is_none(reference[user])), is_none(owner[user]))
    yield from _put(user)


@call("vfio_external_user_iommu_id", actor="user", source="vfio_external_user_iommu_id, 3.11", user=USER)
def iommu_id(user: Term) -> Steps:
    """The IOMMU id of a group that is held; it never fails."""
    yield requires(no(is_none(reference[user])), no(is_none(owner[user])))
    yield step("read", done(id=reference[user]))


@call(
    "vfio_external_check_extension",
    actor="user",
    source="vfio_external_check_extension, vfio_ioctl_check_extension, up to 5.18",
    user=USER,
    type=IOMMU_TYPE,
)
def external_check_extension(user: Term, type: Term) -> Steps:  # noqa: A002  # the ioctl's own word
    """What VFIO_CHECK_EXTENSION answers of the container of a group that is held; the group's pointer is followed as it is."""
    into = container[reference[user]]
    yield requires(no(is_none(reference[user])), no(is_none(owner[user])))
    yield asks(into, type, dereferences_null(is_none(into)))


@call("vfio_group_put_external_user", actor="user", source="vfio_group_put_external_user, 3.11", user=USER)
def put_external_user_reference_first(user: Term) -> Steps:
    """The order of 3.11: the reference goes first, the use of the group afterwards."""
    yield requires(no(is_none(reference[user])), no(is_none(owner[user])))
    yield from _put_reference_first(user)


@call("release of an external user", actor="user", internal=True, source="kvm_vfio_destroy", user=USER)
def release_user_reference_first(user: Term) -> Steps:
    """The same, by the kernel, for a process that is gone."""
    yield requires(no(is_none(reference[user])), is_none(owner[user]))
    yield from _put_reference_first(user)


BASE: tuple[Call, ...] = (get_external_user, put_external_user, release_user, iommu_id, external_check_extension)
FROM_DEV: tuple[Call, ...] = (*BASE, get_external_user_from_dev)
REFERENCE_FIRST: tuple[Call, ...] = (
    get_external_user,
    put_external_user_reference_first.named("put_external_user"),
    release_user_reference_first.named("release_user"),
    iommu_id,
)
