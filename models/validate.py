"""The refcount model: an external user names a file and a table; what VFIO finds true of them stays so until release."""

from dataclasses import replace

from tenure.models import containers
from tenure.models.add_del import passed
from tenure.models.containers import dissolve
from tenure.models.external_users import forgotten, seen_container, seen_group, seen_table
from tenure.models.files import fd, file_group, is_open, kept, kind, owner
from tenure.models.groups import container, counted, no_iommu, users, viable
from tenure.models.locks import CONTAINER_GROUP_LOCK, CONTAINER_Q, RELEASE_Q, SCAN
from tenure.vocabulary.calls import Call, Case, Step, Steps, call, done, go, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import FILE, PROCESS, TABLE, USER
from tenure.vocabulary.terms import Term, is_none, no

SOURCE = "refcount model of Herrenschmidt's mail, 2013"

LOCKS = (CONTAINER_GROUP_LOCK, SCAN)
"""Who validates keeps the group in its container and the container's table in place, until it has looked at all."""

WAKES = (RELEASE_Q, CONTAINER_Q)


def _refusals(file: Term, table: Term) -> tuple[Case, ...]:
    """What VFIO asks before it lets a user rely on a file and a table."""
    group = file_group[file]
    return (
        refuse(no(kind[file] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        refuse(
            no(containers.table[container[group]] == table),
            "EINVAL",
            "the container has another table, or no IOMMU driver at all",
        ),
        refuse(no(viable(group)), "EINVAL", "the group is not viable"),
    )


def _taken(user: Term, file: Term, table: Term) -> tuple[Assign, ...]:
    """KVM keeps the file, and links the table to its bus number."""
    group = file_group[file]
    return (
        kept[user, file].becomes(value=True),
        passed[user].becomes(file),
        seen_group[user].becomes(group),
        seen_container[user].becomes(container[group]),
        seen_table[user].becomes(table),
    )


def _counts(user: Term, process: Term, file: Term) -> tuple[Assign, ...]:
    """The user is one more owner of the group, on behalf of a process."""
    group = file_group[file]
    return (users[group].becomes(users[group] + 1), counted[user].becomes(group), owner[user].becomes(process))


def _let_go(user: Term, file: Term) -> tuple[Assign, ...]:
    """KVM drops the file."""
    return (kept[user, file].becomes(value=False), passed[user].becomes(None), owner[user].becomes(None))


def _release(user: Term, file: Term, *instead: Case) -> Steps:
    """Unlink the table, give the use back, and then drop the file, behind which the group was till now."""
    dissolved, detached = tuple(dissolve(file_group[file], "put", *forgotten(user)))
    assert isinstance(dissolved, Step)  # noqa: S101  # `dissolve` yields steps
    yield replace(dissolved, cases=(*instead, *dissolved.cases))
    yield detached
    yield step("put", done(*_let_go(user, file)), wakes=(CONTAINER_Q,))


@call("validate_and_use", actor="user", source=SOURCE, user=USER, process=PROCESS, file=FILE, table=number(TABLE))
def validate_and_use(user: Term, process: Term, file: Term, table: Term) -> Steps:
    """Check that the file's group is viable and behind the table, and count as a user of it, in one step."""
    yield requires(fd[process, file], is_none(passed[user]))
    taken = (*_taken(user, file, table), *_counts(user, process, file))
    yield step("validate", *_refusals(file, table), done(*taken), locks=LOCKS, wakes=WAKES)


@call("validate_and_use", actor="user", source=SOURCE, user=USER, process=PROCESS, file=FILE, table=number(TABLE))
def check_then_count(user: Term, process: Term, file: Term, table: Term) -> Steps:
    """Check first, and count in a step of its own: the group may have left meanwhile, and come back elsewhere."""
    yield requires(fd[process, file], is_none(passed[user]))
    yield step("check", *_refusals(file, table), go(*_taken(user, file, table)), locks=LOCKS, wakes=WAKES)
    yield step(
        "count",
        refuse(
            users[file_group[file]] == 0,
            "EINVAL",
            "the group has left its container",
            *forgotten(user),
            *_let_go(user, file),
        ),
        done(*_counts(user, process, file)),
        wakes=(CONTAINER_Q,),
    )


@call("release", actor="user", source=SOURCE, user=USER, file=FILE, table=number(TABLE))
def release(user: Term, file: Term, table: Term) -> Steps:
    """End the use of this file and table. VFIO asks for nothing that may be gone by now, and never refuses."""
    yield requires(passed[user] == file, seen_table[user] == table, no(is_none(owner[user])))
    yield from _release(user, file)


@call("release", actor="user", source=SOURCE, user=USER, file=FILE, table=number(TABLE))
def release_by_fd(user: Term, file: Term, table: Term) -> Steps:
    """The same, where VFIO looks the file up by an fd again: once its owner has closed that, nobody can say what is released."""
    yield requires(passed[user] == file, seen_table[user] == table, no(is_none(owner[user])))
    yield from _release(user, file, refuse(no(fd[owner[user], file]), "EBADF", "the fd has been closed"))


@call("release, by the kernel", actor="user", internal=True, source=SOURCE, user=USER)
def release_user(user: Term) -> Steps:
    """The same for a process that is gone."""
    yield requires(no(is_none(passed[user])), is_none(owner[user]))
    yield from _release(user, passed[user])


@call("release, once too often", actor="user", source=SOURCE, user=USER, process=PROCESS, file=FILE)
def release_without_use(user: Term, process: Term, file: Term) -> Steps:  # noqa: ARG001  # VFIO cannot tell users apart
    """Give a use back without having one of it, or without ceasing to rely on it: VFIO counts users, and knows none."""
    yield requires(is_open(process, file, "group"))
    yield from dissolve(file_group[file], "end")
    yield step("end", done())


BASE: tuple[Call, ...] = (validate_and_use, release, release_user)
CHECK_THEN_COUNT: tuple[Call, ...] = (check_then_count.named("validate_and_use"), release, release_user)
RELEASE_BY_FD: tuple[Call, ...] = (validate_and_use, release_by_fd.named("release"), release_user)
UNBALANCED: tuple[Call, ...] = (*BASE, release_without_use)
