"""What holds VMs, their lists and device files that are opened by themselves together: helper invariants beside those of device files."""

from tenure.models import container_claims as of_2013
from tenure.models import kvm_file_claims as of_files
from tenure.models.coherency import enforced, noncoherent
from tenure.models.files import fd, file_device, kind
from tenure.models.kvm_cdevs import file_kvm
from tenure.models.kvm_claims import (
    a_device_is_of_a_vm,
    a_file_of_a_vm_says_which,
    a_vm_is_told_once_of_what_its_device_knows,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
)
from tenure.models.kvm_files import entry_file
from tenure.models.vms import file_vm, listed, vm_references
from tenure.vocabulary.objects import FILE, PROCESS, THREAD, USER, VM
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, frame, implies, is_none, no, some, stands


@claim(file=FILE)
def a_file_knows_a_vm_that_lists_it(file: Term) -> Term:
    """The VM that a device file was told of has an entry for the file."""
    vm = file_kvm[file]
    return implies(no(is_none(vm)), some(USER, lambda u: both(listed[u] == vm, entry_file[u] == file)))


@claim(user=USER)
def an_entry_is_of_a_device(user: Term) -> Term:
    """The files of a list are files of devices."""
    return implies(no(is_none(entry_file[user])), kind[entry_file[user]] == "device")


@claim(thread=THREAD)
def file_add_was_given_a_device(thread: Term) -> Term:
    """The file that file_add was given is a device's."""
    return implies(stands(thread, "file_add.list"), kind[frame(thread, "file_add", "target", FILE)] == "device")


@claim(file=FILE)
def no_file_is_of_a_group(file: Term) -> Term:
    """The group interface is compiled out."""
    return no(kind[file] == "group")


def _is_noncoherent(entry: Term) -> Term:
    return no(enforced[file_device[entry_file[entry]]])


@claim(user=USER)
def a_device_knows_of_each_entry_that_is_not_coherent(user: Term) -> Term:
    """Where an entry is not coherent, the KVM VFIO device that lists it knows of some."""
    return implies(both(no(is_none(listed[user])), _is_noncoherent(user)), noncoherent[listed[user]])


def _lists_one(vm: Term) -> Term:
    return some(USER, lambda u: both(listed[u] == vm, _is_noncoherent(u)))


@claim(file=FILE, process=PROCESS)
def a_device_with_an_fd_knows_of_an_entry_that_there_is(file: Term, process: Term) -> Term:
    """As long as somebody has its fd, a KVM VFIO device lists an entry that is not coherent where it knows of one."""
    vm = file_vm[file]
    known = both(kind[file] == "kvm_vfio", fd[process, file], noncoherent[vm])
    return implies(known, _lists_one(vm))


@claim(vm=VM)
def a_device_of_a_referenced_vm_knows_of_an_entry_that_there_is(vm: Term) -> Term:
    """The same as long as its VM is referenced, where the list goes with that."""
    return implies(both(noncoherent[vm], no(vm_references[vm] == 0)), _lists_one(vm))


LISTS: tuple[Claim, ...] = (
    of_2013.no_user_keeps_a_file_in_release,
    a_file_of_a_vm_says_which,
    of_files.references_of_a_vm_count_its_files_and_open_devices,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
    a_device_is_of_a_vm,
    a_vm_is_told_once_of_what_its_device_knows,
    of_files.only_an_open_device_knows_a_vm,
    of_files.an_entry_has_its_file,
    of_files.an_entry_keeps_no_other_file,
    of_files.two_entries_of_a_list_are_of_two_files,
    a_file_knows_a_vm_that_lists_it,
    no_file_is_of_a_group,
    an_entry_is_of_a_device,
    file_add_was_given_a_device,
    a_device_knows_of_each_entry_that_is_not_coherent,
    of_files.who_works_on_a_list_keeps_its_file,
    of_files.two_adds_make_two_entries,
    of_files.nobody_keeps_a_file_of_a_vm,
)
"""Whenever a list goes."""

CLAIMS = (
    *LISTS,
    of_files.a_device_has_its_file,
    of_files.a_device_has_one_file,
    a_device_with_an_fd_knows_of_an_entry_that_there_is,
)
"""Where it goes with the fd of its KVM VFIO device."""

BEFORE_CYCLE_FIX = (*LISTS, a_device_of_a_referenced_vm_knows_of_an_entry_that_there_is)
"""Where it goes with its VM."""
