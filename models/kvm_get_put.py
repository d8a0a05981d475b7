"""The KVM VFIO device from 3.13 to 5.18: its entries are groups, held by get and put; they are dropped when the VM is destroyed."""

from dataclasses import replace

from tenure.models import vms
from tenure.models.coherency import container_is_coherent, is_any_noncoherent, updated
from tenure.models.containers import dissolve
from tenure.models.external_users import forgotten
from tenure.models.files import fd, file_group, kind, releasable
from tenure.models.get_put import own_use, validate
from tenure.models.groups import container, counted, exists, no_iommu, reference, users
from tenure.models.harm import dereferences_null, uses_after_free
from tenure.models.locks import CONTAINER_Q, GROUP_REFERENCE
from tenure.models.locks_kvm import ASKS_CONTAINER, KV_LOCK, TELL, VM_REFERENCE
from tenure.models.spapr import unlinked
from tenure.models.vms import (
    create_kvm_vfio,
    create_vm,
    drops_vm,
    file_vm,
    foreign,
    forgets_vm,
    group_kvm,
    is_dying,
    is_unlisted,
    listed,
)
from tenure.vocabulary.calls import (
    Case,
    Step,
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
)
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Lock
from tenure.vocabulary.objects import FILE, GROUP, PROCESS, THREAD, USER, VM
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, is_none, no, some
from tenure.vocabulary.types import FLAG


def _dissolved(entry: Term, then: str, *keeps: Lock) -> Steps:
    """The entry's use of its group ends, under locks that the caller goes on holding."""
    for one in dissolve(reference[entry], then, *forgotten(entry)):
        assert isinstance(one, Step)  # noqa: S101  # `dissolve` yields steps
        yield replace(one, keeps=keeps)


def _asking(vm: Term) -> Step:
    """kvm_vfio_update_coherency: vfio_external_check_extension of the group of each entry, which follows its container pointer."""
    lost = some(USER, lambda u: both(listed[u] == vm, is_none(container[reference[u]])))
    now = is_any_noncoherent(vm, lambda u: container_is_coherent(container[reference[u]]))
    return step("update", dereferences_null(lost), done(*updated(vm, now)), locks=(KV_LOCK, *ASKS_CONTAINER))


def _is_of_vm(process: Term, file: Term) -> Term:
    return both(fd[process, file], kind[file] == "kvm_vfio")


@call(
    "KVM_DEV_VFIO_GROUP_ADD",
    actor="entry",
    source="kvm_vfio_set_group, 3.13-5.18",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
    entry=new(USER),
)
def file_add(process: Term, file: Term, other: Term, entry: Term) -> Steps:
    """Get the group behind an fd, put it into the list, and tell it of the VM."""
    yield requires(_is_of_vm(process, file), is_unlisted(entry))
    vm, target = file_vm[file], local("target", FILE.maybe)
    group = file_group[target]
    yield step(
        "look_up",
        foreign(vm, process),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        go(target.becomes(other)),
    )
    yield step(
        "count",
        refuse(no(kind[target] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        go(users[group].becomes(users[group] + 1), counted[entry].becomes(group)),
    )
    yield validate(entry, group)
    yield step("reference", go(reference[entry].becomes(group), target.becomes(None)), wakes=(CONTAINER_Q,))
    already = some(USER, lambda u: both(listed[u] == vm, reference[u] == reference[entry]))
    got = pointer("got", GROUP.maybe)
    yield step(
        "list",
        go(when=already, to="dissolve"),
        go(listed[entry].becomes(vm), got.becomes(reference[entry])),
        locks=(KV_LOCK,),
    )
    gone = both(no(is_none(got)), no(exists(got)))
    yield step("tell", uses_after_free(gone), go(group_kvm[got].becomes(vm), got.becomes(None)), locks=(TELL,))
    yield _asking(vm)
    yield from _dissolved(entry, "put")
    why = "the group is in the list already"
    yield step("put", refuse(TRUE, "EEXIST", why, reference[entry].becomes(None)), drops=(GROUP_REFERENCE,))


def _taken_out(
    vm: Term, group: Term, is_one: Term, otherwise: Case, found: tuple[Assign, ...], let_go: tuple[Assign, ...]
) -> Steps:
    """The entry for the group leaves the list, the group is told that there is no VM, and put; the list is locked meanwhile."""
    entry = local("entry", USER.maybe)
    yield step(
        "remove",
        choosing(
            USER,
            lambda u: both(listed[u] == vm, is_one, reference[u] == group),
            lambda u: go(entry.becomes(u), listed[u].becomes(None), forgets_vm(group), unlinked(u), *found),
        ),
        otherwise,
        locks=(KV_LOCK, TELL),
        keeps=(KV_LOCK,),
    )
    yield from _dissolved(entry, "put", KV_LOCK)
    yield step("put", go(reference[entry].becomes(None), entry.becomes(None), *let_go), drops=(GROUP_REFERENCE,))


@call(
    "KVM_DEV_VFIO_GROUP_DEL",
    actor=THREAD,
    source="kvm_vfio_set_group, 4.12-5.18; vfio_external_group_match_file",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def file_del(process: Term, file: Term, other: Term) -> Steps:
    """Take the group behind an fd out of the list, tell it that there is no VM, and put it."""
    yield requires(_is_of_vm(process, file))
    vm, target = file_vm[file], local("target", FILE.maybe)
    yield step(
        "look_up",
        foreign(vm, process),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        go(target.becomes(other)),
    )
    unlisted = refuse(TRUE, "ENOENT", "the group is not in the list")
    is_group = kind[target] == "group"
    yield from _taken_out(vm, file_group[target], is_group, unlisted, (), (target.becomes(None),))
    yield _asking(vm)


def _own_put(held: Term) -> Steps:
    """The call's own use of the group ends, by steps whose names tell them from those by which the entry's does."""
    for one in dissolve(held, "put_own"):
        assert isinstance(one, Step)  # noqa: S101  # `dissolve` yields steps
        yield replace(one, name=f"{one.name}_own")


@call(
    "KVM_DEV_VFIO_GROUP_DEL",
    actor=THREAD,
    source="kvm_vfio_set_group, 4.10-4.11; vfio_group_get_external_user",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def file_del_by_get(process: Term, file: Term, other: Term) -> Steps:
    """The same, where the group is got before it is looked for: what get refuses can be taken out of no list.

    The use that this takes is put last, whether or not the list has the group.
    """
    yield requires(_is_of_vm(process, file))
    vm, target = file_vm[file], local("target", FILE.maybe)
    held, found = local("held", GROUP.maybe), local("found", FLAG)
    yield from own_use(process, other, foreign(vm, process), target, held)
    unlisted = go(found.becomes(FALSE), to="dissolve_own")
    yield from _taken_out(vm, held, TRUE, unlisted, (found.becomes(TRUE),), ())
    yield from _own_put(held)
    yield step(
        "put_own",
        refuse(no(found), "ENOENT", "the group is not in the list"),
        go(held.becomes(None)),
        drops=(GROUP_REFERENCE,),
    )
    yield _asking(vm)


@call("release of a VM file", actor="file", internal=True, source="kvm_vm_release", file=FILE)
def release_vm(file: Term) -> Steps:
    """The file's reference to its VM is dropped; the last one destroys the VM."""
    yield requires(kind[file] == "vm", releasable(file))
    yield step("put", drops_vm(file), drops=(VM_REFERENCE,))


@call("release of a KVM VFIO device's file", actor="file", internal=True, source="kvm_device_release", file=FILE)
def release_kvm_vfio(file: Term) -> Steps:
    """The same: the device itself lives on as long as its VM."""
    yield requires(kind[file] == "kvm_vfio", releasable(file))
    yield step("put", drops_vm(file), drops=(VM_REFERENCE,))


@call("end of an entry", actor="vm", internal=True, source="kvm_vfio_destroy", vm=VM, entry=USER)
def destroy_entry(vm: Term, entry: Term) -> Steps:
    """The VM is destroyed: an entry of its KVM VFIO device leaves the list, and its group is put."""
    yield requires(is_dying(vm), listed[entry] == vm)
    yield step("remove", go(listed[entry].becomes(None), forgets_vm(reference[entry]), unlinked(entry)), locks=(TELL,))
    yield from _dissolved(entry, "put")
    yield step("put", done(reference[entry].becomes(None)), drops=(GROUP_REFERENCE,))


_DYING = vms.destroy_vm.parameter("vm")
destroy_vm = vms.destroy_vm.with_effects(*updated(_DYING, FALSE))
"""kvm_vfio_destroy: when no entry is left, there is none that is not coherent."""

CALLS = (create_vm, create_kvm_vfio, file_add, file_del, release_vm, release_kvm_vfio, destroy_entry, destroy_vm)
CALLS_BY_GET = tuple(file_del_by_get.named("file_del") if c is file_del else c for c in CALLS)
