"""What holds the lists of files together, from 5.19 on: helper invariants on top of those of the containers of 2022."""

from dataclasses import replace

from tenure.models import container_claims_6_1 as of_6_1
from tenure.models import container_claims_2022 as of_2022
from tenure.models.container_claims import same
from tenure.models.device_files import opens
from tenure.models.files import file_group, kept, kind
from tenure.models.groups_2022 import opened_as, opened_file
from tenure.models.harm import STOPPED
from tenure.models.kvm_claims import (
    a_device_is_of_a_vm,
    a_file_of_a_vm_says_which,
    a_vm_is_told_once_of_what_its_device_knows,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
)
from tenure.models.kvm_devices import device_kvm
from tenure.models.kvm_files import entry_file, is_group, is_of_vfio
from tenure.models.vms import file_vm, group_kvm, has_device, listed, vm_exists, vm_references
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, THREAD, USER, VM
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, either, every, frame, implies, is_none, no, number_of, some, stands


@claim(vm=VM)
def references_of_a_vm_count_its_files_and_open_devices(vm: Term) -> Term:
    """A VM's references are its files and the open devices that point to it."""
    devices = number_of(DEVICE, lambda d: device_kvm[d] == vm)
    return vm_references[vm] == number_of(FILE, lambda f: file_vm[f] == vm) + devices


@claim(device=DEVICE)
def only_an_open_device_knows_a_vm(device: Term) -> Term:
    """A device that points to a VM is open, and the VM is there."""
    vm = device_kvm[device]
    return implies(no(is_none(vm)), both(opens[device] > 0, vm_exists[vm]))


@claim(user=USER)
def an_entry_has_its_file(user: Term) -> Term:
    """Exactly the entries of lists have a file, which is a group's or a device's, and keep it."""
    file = entry_file[user]
    held = both(is_of_vfio(file), kept[user, file])
    return both(same(is_none(file), is_none(listed[user])), implies(no(is_none(file)), held))


@claim(user=USER, file=FILE)
def an_entry_keeps_no_other_file(user: Term, file: Term) -> Term:
    """What an entry keeps is its file."""
    return implies(kept[user, file], entry_file[user] == file)


@claim(user=USER, other=USER)
def two_entries_of_a_list_are_of_two_files(user: Term, other: Term) -> Term:
    """No list has a file twice."""
    together = both(no(is_none(listed[user])), listed[user] == listed[other], entry_file[user] == entry_file[other])
    return implies(together, user == other)


@claim(group=GROUP)
def a_group_knows_a_vm_that_lists_its_file(group: Term) -> Term:
    """The VM that a group was told of has an entry for the file by which the group is open."""
    vm, file = group_kvm[group], opened_file[group]
    lists = some(USER, lambda u: both(listed[u] == vm, entry_file[u] == file))
    return implies(no(is_none(vm)), both(no(is_none(file)), lists))


def _kept_by(thread: Term, call: str, name: str) -> Term:
    return frame(thread, call, name, FILE)


@claim(thread=THREAD)
def who_works_on_a_list_keeps_its_file(thread: Term) -> Term:
    """As long as file_add and file_del run, the KVM VFIO device has its file, and the file that they were given is open."""
    file, target = _kept_by(thread, "file_add", "file"), _kept_by(thread, "file_add", "target")
    given = both(no(is_none(target)), is_of_vfio(target))
    later = stands(thread, "file_add.update", "file_del.update")
    return both(
        implies(stands(thread, "file_add.list"), both(given, kind[file] == "kvm_vfio", no(is_none(file)))),
        implies(either(stands(thread, "file_del.remove"), later), both(kind[file] == "kvm_vfio", no(is_none(file)))),
    )


@claim(thread=THREAD)
def who_keeps_a_file_keeps_a_groups_or_a_lists(thread: Term) -> Term:
    """A call that keeps any file keeps one that was opened as a group's, or that of a KVM VFIO device beside one of VFIO's."""
    file, target = _kept_by(thread, "set_container", "file"), _kept_by(thread, "set_container", "target")
    was = opened_as[file]  # the other calls keep their files in the same places
    known = both(no(is_none(was)), either(opened_file[was] == file, is_none(file_group[file])))
    on_a_list = both(kind[file] == "kvm_vfio", either(is_none(target), is_of_vfio(target)))
    return implies(either(no(is_none(file)), no(is_none(target))), either(known, on_a_list))


@claim(thread=THREAD, other=THREAD)
def two_adds_make_two_entries(thread: Term, other: Term) -> Term:
    """The name of a new entry is chosen by one call alone, and is in no list before."""
    entry, at_list = frame(thread, "file_add", "entry", USER), stands(thread, "file_add.list")
    both_at_list = both(at_list, stands(other, "file_add.list"), entry == frame(other, "file_add", "entry", USER))
    alone = implies(both_at_list, thread == other)
    return both(alone, implies(at_list, both(no(is_none(entry)), is_none(listed[entry]))))


@claim(file=FILE)
def nobody_keeps_a_file_of_a_vm(file: Term) -> Term:
    """The files of VMs and of their KVM VFIO devices are in no list."""
    return implies(choice_is(kind[file], "vm", "kvm_vfio"), every(USER, lambda u: no(kept[u, file])))


@claim(vm=VM)
def a_device_has_its_file(vm: Term) -> Term:
    """A KVM VFIO device is there as long as its file."""
    return implies(has_device[vm], some(FILE, lambda f: both(kind[f] == "kvm_vfio", file_vm[f] == vm)))


@claim(file=FILE, other=FILE)
def a_device_has_one_file(file: Term, other: Term) -> Term:
    """Two files never stand for the same KVM VFIO device."""
    devices = both(kind[file] == "kvm_vfio", kind[other] == "kvm_vfio")
    return implies(both(devices, file_vm[file] == file_vm[other]), file == other)


@claim(user=USER)
def an_entry_is_of_a_group(user: Term) -> Term:
    """The files of a list are files of groups."""
    return implies(no(is_none(entry_file[user])), is_group(entry_file[user]))


@claim(thread=THREAD)
def file_add_was_given_a_group(thread: Term) -> Term:
    """The file that file_add was given is a group's."""
    return implies(stands(thread, "file_add.list"), is_group(_kept_by(thread, "file_add", "target")))


def _beside_lists(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The claims of containers where calls on lists keep files, too, and where who opens a device may die of a VM."""
    dies = of_6_1.a_device_file_opens_its_device
    here = (
        (of_2022.who_keeps_a_file_keeps_a_groups_file, who_keeps_a_file_keeps_a_groups_or_a_lists),
        (dies, replace(dies, body=either(dies.body, STOPPED))),
    )
    return tuple(next((new for old, new in here if old is c), c) for c in claims)


LISTS: tuple[Claim, ...] = (
    a_file_of_a_vm_says_which,
    references_of_a_vm_count_its_files_and_open_devices,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
    a_device_is_of_a_vm,
    a_vm_is_told_once_of_what_its_device_knows,
    only_an_open_device_knows_a_vm,
    an_entry_has_its_file,
    an_entry_keeps_no_other_file,
    two_entries_of_a_list_are_of_two_files,
    a_group_knows_a_vm_that_lists_its_file,
    who_works_on_a_list_keeps_its_file,
    two_adds_make_two_entries,
    nobody_keeps_a_file_of_a_vm,
)
"""What holds in every version from 5.19 on."""

CLAIMS = (*_beside_lists(of_2022.CLAIMS), *LISTS, a_device_has_its_file, a_device_has_one_file)

CLAIMS_6_1 = (
    *_beside_lists(of_6_1.CLAIMS),
    *LISTS,
    an_entry_is_of_a_group,
    file_add_was_given_a_group,
)
