"""SPAPR from 5.19 on: the list keeps a file and nothing else, so a group may leave while the guest maps into its table."""

from dataclasses import replace

from tenure.models.containers import mapped, table
from tenure.models.external_users import seen_container, seen_group
from tenure.models.files import fd, file_group, kind
from tenure.models.groups import attached, container
from tenure.models.kvm_devices import more
from tenure.models.kvm_files import entry_file, is_group, is_of_vfio
from tenure.models.locks_2022 import GROUP_LOCK
from tenure.models.locks_kvm import KV_LOCK
from tenure.models.spapr import linked_table, unlinked
from tenure.models.vms import file_vm, foreign, listed
from tenure.vocabulary.calls import (
    Call,
    Case,
    Step,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.locks import Taken, briefly
from tenure.vocabulary.objects import CONTAINER, FILE, PAGE, PROCESS, THREAD, USER
from tenure.vocabulary.terms import TRUE, Term, both, either, every, is_none, no, some
from tenure.vocabulary.types import FLAG

OF_GROUP: tuple[Taken, ...] = (briefly(GROUP_LOCK),)
"""vfio_file_iommu_group: whether there is an IOMMU group is asked under the lock of VFIO's group; up to 6.1 it was not."""


def _linking(process: Term, file: Term, other: Term, asks: tuple[Taken, ...]) -> Steps:
    yield requires(fd[process, file], kind[file] == "kvm_vfio")
    vm, target = file_vm[file], local("target", FILE.maybe)
    group = file_group[target]
    yield step(
        "look_up",
        foreign(vm, process),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(is_of_vfio(other)), "ENOENT", "no list holds such a file"),  # found out later, and no other way
        go(target.becomes(other)),
    )

    def is_the_entry(user: Term) -> Term:
        return both(listed[user] == vm, entry_file[user] == target)

    is_listed = some(USER, is_the_entry)
    yield step(
        "link",
        refuse(
            both(is_listed, either(no(is_group(target)), is_none(group))), "EIO", "no IOMMU group is behind the file"
        ),
        refuse(both(is_listed, is_none(attached[group])), "EINVAL", "the group has no table"),
        choosing(
            USER,
            is_the_entry,
            lambda u: done(
                linked_table[u].becomes(attached[group]),
                seen_group[u].becomes(group),
                seen_container[u].becomes(container[group]),
            ),
        ),
        refuse(TRUE, "ENOENT", "the file is not in the list"),
        locks=(KV_LOCK, *asks),
    )


@call(
    "KVM_DEV_VFIO_FILE_SET_SPAPR_TCE",
    actor=THREAD,
    source="kvm_vfio_file_set_spapr_tce, 6.6-7.2; vfio_file_iommu_group",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def set_spapr_tce(process: Term, file: Term, other: Term) -> Steps:
    """Link the guest's bus number to the table that the group of a file in the list has now."""
    yield from _linking(process, file, other, OF_GROUP)


@call(
    "KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE",
    actor=THREAD,
    source="kvm_vfio_group_set_spapr_tce, 5.19-6.1; vfio_file_iommu_group",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def group_set_spapr_tce(process: Term, file: Term, other: Term) -> Steps:
    """The same, where the group's lock is not taken."""
    yield from _linking(process, file, other, ())


@call("H_PUT_TCE", actor="entry", source="kvmppc_h_put_tce", entry=USER, page=PAGE, to=FLAG)
def h_put_tce(entry: Term, page: Term, to: Term) -> Steps:
    """The guest maps or unmaps a page in the linked table, which KVM counts; VFIO is not asked."""
    yield requires(no(is_none(linked_table[entry])))
    reached = linked_table[entry]
    left = every(CONTAINER, lambda c: no(table[c] == reached))
    yield step(
        "touch",
        done(when=left, why="KVM alone has the table, and no device translates through it"),
        done(mapped[reached, page].becomes(to)),
    )


def _unlinks(case: Case, entry: Term) -> Case:
    return more(case, unlinked(entry), seen_group[entry].becomes(None), seen_container[entry].becomes(None))


def _unlinks_found(call: Call) -> Call:
    """FILE_DEL: the entry that is found is linked no longer."""

    def change(old: Step) -> Step:
        found, *refusals = old.cases
        assert found.pick is not None  # noqa: S101  # it picks an entry of the list
        return replace(old, cases=(_unlinks(found, found.pick.variable), *refusals))

    return call.otherwise("remove", change)


def _unlinks_each(call: Call) -> Call:
    """The end of a list: the same of each entry."""
    entry = call.parameter("entry")
    return call.otherwise("remove", lambda old: replace(old, cases=tuple(_unlinks(c, entry) for c in old.cases)))


ENDS = {"file_del": _unlinks_found, "release_entry": _unlinks_each, "destroy_entry": _unlinks_each}


def with_links(calls: tuple[Call, ...], links: Call) -> tuple[Call, ...]:
    """The calls on lists, where an entry may be linked to a table for as long as it is in its list."""
    return (*(ENDS[c.name](c) if c.name in ENDS else c for c in calls), links, h_put_tce)
