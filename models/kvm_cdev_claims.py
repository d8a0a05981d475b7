"""What holds VMs, their lists and device files that are opened by themselves together: helper invariants beside those of device files."""

from tenure.models import container_claims as of_2013
from tenure.models import kvm_file_claims as of_files
from tenure.models.kvm_cdevs import file_kvm
from tenure.models.kvm_claims import (
    a_device_is_of_a_vm,
    a_file_of_a_vm_says_which,
    a_vm_is_told_once_of_what_its_device_knows,
    a_vm_outlives_its_files,
    an_entry_is_in_the_list_of_a_device,
)
from tenure.models.kvm_files import entry_file
from tenure.models.vms import listed
from tenure.vocabulary.objects import FILE, USER
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, implies, is_none, no, some


@claim(file=FILE)
def a_file_knows_a_vm_that_lists_it(file: Term) -> Term:
    """The VM that a device file was told of has an entry for the file."""
    vm = file_kvm[file]
    return implies(no(is_none(vm)), some(USER, lambda u: both(listed[u] == vm, entry_file[u] == file)))


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
    of_files.who_works_on_a_list_keeps_its_file,
    of_files.two_adds_make_two_entries,
    of_files.nobody_keeps_a_file_of_a_vm,
)
"""Whenever a list goes."""

CLAIMS = (*LISTS, of_files.a_device_has_its_file, of_files.a_device_has_one_file)
"""Where it goes with the fd of its KVM VFIO device."""
