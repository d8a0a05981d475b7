"""The external-user API as proposed in June 2013: add, del and iommu_id_from_file, each on a struct file."""

from tenure.models.containers import detach, dissolve, table
from tenure.models.external_users import forgotten, seen_container, seen_group, seen_table
from tenure.models.files import fd, file_group, kept, kind, owner
from tenure.models.groups import container, counted, users, viable
from tenure.models.harm import dereferences_null, raises_bug, uses_after_free
from tenure.models.locks import RELEASE_Q, SCAN
from tenure.vocabulary.calls import Call, Case, Step, Steps, call, done, go, pointer, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import CONTAINER, FILE, GROUP, PROCESS, TABLE, USER
from tenure.vocabulary.symbols import client
from tenure.vocabulary.terms import Term, both, every, is_none, no
from tenure.vocabulary.types import FLAG

passed = client("passed", USER, FILE.maybe, meaning="the struct file that the user passes to VFIO")
added_first = client("added first", USER, FLAG, meaning="the user counted already when it was told the IOMMU id")


def unpassed(file: Term) -> Term:
    """No user passes the file."""
    return every(USER, lambda u: no(passed[u] == file))


def _let_go(user: Term) -> tuple[Assign, ...]:
    """The user drops its file and forgets everything."""
    return (
        kept[user, passed[user]].becomes(value=False),
        passed[user].becomes(None),
        owner[user].becomes(None),
        *forgotten(user),
        added_first[user].becomes(value=False),
    )


def _del(user: Term, then: str, *instead: Case) -> Steps:
    """Drop one use of the file's group, whoever's it was; the group is looked up once, and the file may go meanwhile."""
    file = passed[user]
    group = pointer("group", GROUP.maybe)
    held = group.becomes(file_group[file])
    dissolved, _ = tuple(
        dissolve(file_group[file], then, held, *forgotten(user), added_first[user].becomes(value=False))
    )
    assert isinstance(dissolved, Step)  # noqa: S101  # `dissolve` yields steps
    yield step(
        "dissolve",
        *instead,
        uses_after_free(kind[file] == "closed"),
        raises_bug(no(kind[file] == "group")),
        *dissolved.cases,
    )
    yield detach(group, go)


@call("fget", actor="user", source="fget, in KVM", user=USER, process=PROCESS, file=FILE)
def take_file(user: Term, process: Term, file: Term) -> Steps:
    """KVM takes a reference to the file whose fd it was given."""
    yield requires(is_none(passed[user]), fd[process, file])
    yield step(
        "get", done(kept[user, file].becomes(value=True), passed[user].becomes(file), owner[user].becomes(process))
    )


@call("iommu_id_from_file", actor="user", source="vfio_external_user_iommu_id_from_file, June 2013", user=USER)
def iommu_id_from_file(user: Term) -> Steps:
    """The IOMMU id of the file's group, if it is in a container with an IOMMU driver and viable; nothing is counted."""
    file = passed[user]
    group = pointer("group", GROUP.maybe)
    yield requires(no(is_none(file)), no(is_none(owner[user])), is_none(seen_group[user]))
    yield step(
        "check_users",
        uses_after_free(kind[file] == "closed"),
        refuse(no(kind[file] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[file_group[file]] == 0, "EINVAL", "the group is in no container"),
        go(group.becomes(file_group[file])),
    )
    into, found = pointer("container", CONTAINER.maybe), pointer("table", TABLE.maybe)
    yield step(
        "check_iommu",
        dereferences_null(is_none(container[group])),
        refuse(is_none(table[container[group]]), "EINVAL", "the container has no IOMMU driver"),
        go(into.becomes(container[group]), found.becomes(table[container[group]])),
    )
    yield step(
        "check_viable",
        refuse(no(viable(group)), "EINVAL", "the group is not viable"),
        done(
            seen_group[user].becomes(group),
            seen_container[user].becomes(into),
            seen_table[user].becomes(found),
            added_first[user].becomes(no(is_none(counted[user]))),
            id=group,
        ),
        locks=(SCAN,),
        wakes=(RELEASE_Q,),
    )


@call("add", actor="user", source="vfio_group_add_external_user, June 2013", user=USER)
def add_external_user(user: Term) -> Steps:
    """Count as a user of a group that is in a container; neither IOMMU driver nor viability is asked for."""
    file = passed[user]
    group = file_group[file]
    yield requires(no(is_none(file)), no(is_none(owner[user])), is_none(counted[user]))
    yield step(
        "add",
        uses_after_free(kind[file] == "closed"),
        refuse(no(kind[file] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        done(users[group].becomes(users[group] + 1), counted[user].becomes(group)),
    )


@call("del", actor="user", source="vfio_group_del_external_user, June 2013", user=USER)
def del_external_user(user: Term) -> Steps:
    """Give the use of the group back."""
    yield requires(no(is_none(counted[user])), no(is_none(owner[user])))
    yield from _del(user, "end")
    yield step("end", done())


@call("del", actor="user", source="vfio_group_del_external_user, June 2013", user=USER)
def del_without_add(user: Term) -> Steps:
    """Give a use of the group back, whether or not one was taken."""
    yield requires(no(is_none(passed[user])), no(is_none(owner[user])))
    yield from _del(user, "end")
    yield step("end", done())


@call("fput", actor="user", source="fput, in KVM", user=USER)
def drop_file(user: Term) -> Steps:
    """KVM drops its reference to the file once it no longer counts."""
    yield requires(no(is_none(passed[user])), is_none(counted[user]), no(is_none(owner[user])))
    yield step("put", done(*_let_go(user)))


@call("fput", actor="user", source="fput, in KVM", user=USER)
def drop_file_early(user: Term) -> Steps:
    """KVM drops its reference to the file while it still counts, and keeps the pointer."""
    keeps = both(no(is_none(passed[user])), kept[user, passed[user]])
    yield requires(keeps, no(is_none(counted[user])), no(is_none(owner[user])))
    yield step("put", done(kept[user, passed[user]].becomes(value=False)))


@call("release of an external user", actor="user", internal=True, source="kvm_vfio_destroy", user=USER)
def release_user(user: Term) -> Steps:
    """What the kernel does for a process that is gone: del where the user counts, then fput."""
    yield requires(no(is_none(passed[user])), is_none(owner[user]))
    yield from _del(user, "put", done(*_let_go(user), when=is_none(counted[user])))
    yield step("put", done(*_let_go(user)))


BASE: tuple[Call, ...] = (take_file, iommu_id_from_file, add_external_user, del_external_user, drop_file, release_user)
MISUSE: tuple[Call, ...] = (
    take_file,
    iommu_id_from_file,
    add_external_user,
    del_without_add.named("del_external_user"),
    drop_file,
    drop_file_early,
    release_user,
)
