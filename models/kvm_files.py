"""The KVM VFIO device from 5.19 on: its entries are files, of each of which it keeps a reference and nothing else."""

from collections.abc import Callable
from dataclasses import replace

from tenure.models import kvm_get_put
from tenure.models.coherency import file_is_coherent, group_is_coherent_6_1, is_any_noncoherent, updated
from tenure.models.files import fd, file_group, kept, kind, releasable
from tenure.models.locks import DEVICE_LOCK
from tenure.models.locks_2022 import GROUP_LOCK
from tenure.models.locks_kvm import ASKS_CONTAINER, KV_LOCK, KVM_LOCK
from tenure.models.locks_kvm_2022 import TELL, TELL_6_1, VM_REFERENCE, VM_REFERENCE_6_1
from tenure.models.vms import (
    create_kvm_vfio,
    create_vm,
    destroy_vm,
    drops_vm,
    file_vm,
    foreign,
    forgets_vm,
    group_kvm,
    has_device,
    is_dying,
    is_empty,
    is_unlisted,
    listed,
)
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
    new,
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.locks import Taken, briefly
from tenure.vocabulary.objects import FILE, PROCESS, THREAD, USER, VM
from tenure.vocabulary.symbols import choice_is, state
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, either, no, some

entry_file = state("entry file", USER, FILE.maybe, meaning="the file that the entry keeps")


def is_group(file: Term) -> Term:
    """The file is a group's: vfio_file_is_group."""
    return kind[file] == "group"


def is_of_vfio(file: Term) -> Term:
    """The file is a group's or a device's: vfio_file_is_valid."""
    return choice_is(kind[file], "group", "device")


def tells(file: Term, vm: Term) -> Assign:
    """vfio_file_set_kvm: the group behind a group's file points to the VM, whoever it pointed to before."""
    told = group_kvm[file_group[file]]
    return provided(is_group(file), told.becomes(vm))


def gives_up(entry: Term) -> tuple[Assign, ...]:
    """The entry leaves the list; its group is told that there is no VM, and the file is let go."""
    file = entry_file[entry]
    return (
        provided(is_group(file), forgets_vm(file_group[file])),
        listed[entry].becomes(None),
        kept[entry, file].becomes(value=False),
        entry_file[entry].becomes(None),
    )


def _adding(  # noqa: PLR0913  # the arguments of the call, and what its generation does otherwise
    process: Term,
    file: Term,
    other: Term,
    entry: Term,
    is_accepted: Callable[[Term], Term],
    tell: tuple[Taken, ...],
    *,
    asks_later: bool = False,
) -> Steps:
    yield requires(fd[process, file], kind[file] == "kvm_vfio", is_unlisted(entry))
    vm, target = file_vm[file], local("target", FILE.maybe)
    yield step(
        "look_up",
        foreign(vm, process),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(is_accepted(other)), "EINVAL", "the file is none of VFIO's that is accepted"),
        go(target.becomes(other)),
    )
    already = some(USER, lambda u: both(listed[u] == vm, entry_file[u] == target))
    known = is_any_noncoherent(vm, _is_coherent)
    listing = (
        listed[entry].becomes(vm),
        entry_file[entry].becomes(target),
        kept[entry, target].becomes(value=True),
        tells(target, vm),
    )
    asked = updated(vm, either(known, no(file_is_coherent(target))))
    yield step(
        "list",
        refuse(already, "EEXIST", "the file is in the list already"),
        go(*listing, target.becomes(None)) if asks_later else done(*listing, *asked),
        locks=(KV_LOCK, *tell) if asks_later else (KV_LOCK, *tell, briefly(DEVICE_LOCK)),
    )
    if asks_later:
        yield _asking(vm)


def _is_coherent(entry: Term) -> Term:
    return file_is_coherent(entry_file[entry])


def _asking(vm: Term) -> Step:
    """kvm_vfio_update_coherency up to 6.1: under the list's lock once more, when others may have had it in between."""
    now = is_any_noncoherent(vm, lambda u: group_is_coherent_6_1(entry_file[u]))
    return step("update", done(*updated(vm, now)), locks=(KV_LOCK, GROUP_LOCK, *ASKS_CONTAINER))


def _removing(process: Term, file: Term, other: Term, tell: tuple[Taken, ...], *, asks_later: bool = False) -> Steps:
    yield requires(fd[process, file], kind[file] == "kvm_vfio")
    vm, target = file_vm[file], local("target", FILE.maybe)
    yield step(
        "look_up",
        foreign(vm, process),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(is_of_vfio(other)), "ENOENT", "no list holds such a file"),  # found out later, and no other way
        go(target.becomes(other)),
    )

    def removing(entry: Term) -> Case:
        if asks_later:
            return go(*gives_up(entry), target.becomes(None))
        left = some(USER, lambda u: both(no(u == entry), listed[u] == vm, no(_is_coherent(u))))
        return done(*gives_up(entry), *updated(vm, left))

    yield step(
        "remove",
        choosing(USER, lambda u: both(listed[u] == vm, entry_file[u] == target), removing),
        refuse(TRUE, "ENOENT", "the file is not in the list"),
        locks=(KV_LOCK, *tell) if asks_later else (KV_LOCK, *tell, briefly(DEVICE_LOCK)),
    )
    if asks_later:
        yield _asking(vm)


@call(
    "KVM_DEV_VFIO_FILE_ADD",
    actor=THREAD,
    source="kvm_vfio_file_add, 6.6-7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
    entry=new(USER),
)
def file_add(process: Term, file: Term, other: Term, entry: Term) -> Steps:
    """Keep the file of a group or a device, whatever state these are in, and tell a group of the VM."""
    yield from _adding(process, file, other, entry, is_of_vfio, TELL)


@call(
    "KVM_DEV_VFIO_GROUP_ADD",
    actor=THREAD,
    source="kvm_vfio_group_add, 5.19-6.1",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
    entry=new(USER),
)
def group_add(process: Term, file: Term, other: Term, entry: Term) -> Steps:
    """Keep the file of a group, whatever state that is in, and tell the group of the VM."""
    yield from _adding(process, file, other, entry, is_group, TELL_6_1, asks_later=True)


@call(
    "KVM_DEV_VFIO_FILE_DEL",
    actor=THREAD,
    source="kvm_vfio_file_del, 6.6-7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def file_del(process: Term, file: Term, other: Term) -> Steps:
    """Tell the group that there is no VM, and let the file go."""
    yield from _removing(process, file, other, TELL)


@call(
    "KVM_DEV_VFIO_GROUP_DEL",
    actor=THREAD,
    source="kvm_vfio_group_del, 5.19-6.1",
    process=PROCESS,
    file=FILE,
    other=number(FILE),
)
def group_del(process: Term, file: Term, other: Term) -> Steps:
    """The same, under the group's lock."""
    yield from _removing(process, file, other, TELL_6_1, asks_later=True)


@call("end of an entry", actor="file", internal=True, source="kvm_vfio_release", file=FILE, entry=USER)
def release_entry(file: Term, entry: Term) -> Steps:
    """The last fd of the KVM VFIO device is gone: each entry of the list is given up."""
    yield requires(kind[file] == "kvm_vfio", releasable(file), listed[entry] == file_vm[file])
    yield step("remove", done(*gives_up(entry)), locks=(KVM_LOCK,))


@call("release of a KVM VFIO device's file", actor="file", internal=True, source="kvm_device_release", file=FILE)
def release_kvm_vfio(file: Term) -> Steps:
    """After its entries, the device is gone, and with it its reference to the VM."""
    yield requires(kind[file] == "kvm_vfio", releasable(file), is_empty(file_vm[file]))
    vm = file_vm[file]
    gone = has_device[vm].becomes(value=False), *updated(vm, FALSE)  # no entry is left
    ends = drops_vm(file)
    yield step("put", done(*ends.effects, *gone), locks=(briefly(KVM_LOCK),), drops=(VM_REFERENCE,))


@call("release of a VM file", actor="file", internal=True, source="kvm_vm_release", file=FILE)
def release_vm(file: Term) -> Steps:
    """The file's reference to its VM is dropped; the last one destroys the VM."""
    yield requires(kind[file] == "vm", releasable(file))
    yield step("put", drops_vm(file), drops=(VM_REFERENCE,))


@call("end of an entry", actor="vm", internal=True, source="kvm_vfio_destroy", vm=VM, entry=USER)
def destroy_entry(vm: Term, entry: Term) -> Steps:
    """The VM is destroyed: each entry of its KVM VFIO device's list is given up."""
    yield requires(is_dying(vm), listed[entry] == vm)
    yield step("remove", done(*gives_up(entry)), locks=TELL_6_1)


def _may_destroy(call: Call) -> Call:
    """The same call, where the last reference to a VM destroys its KVM VFIO device as well."""
    return replace(call, steps=tuple(replace(s, drops=(VM_REFERENCE_6_1,)) for s in call.steps))


CALLS: tuple[Call, ...] = (
    create_vm,
    create_kvm_vfio,
    file_add,
    file_del,
    release_vm,
    release_entry,
    release_kvm_vfio,
    destroy_vm,
)
"""VMs today: what a KVM VFIO device keeps goes with its fd."""

CALLS_6_1: tuple[Call, ...] = (
    create_vm,
    create_kvm_vfio,
    group_add.named("file_add"),
    group_del.named("file_del"),
    _may_destroy(kvm_get_put.release_vm),
    _may_destroy(kvm_get_put.release_kvm_vfio),
    destroy_entry,
    kvm_get_put.destroy_vm,
)
"""VMs in 6.1: what it keeps goes with its VM."""
