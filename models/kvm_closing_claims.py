"""From claims to what EXT-6 says: stage by stage, why no VM is left once every file is closed."""

from tenure.models.files import fd, kind, releasable
from tenure.models.kvm_claims import (
    a_device_is_of_a_vm,
    a_file_of_a_vm_says_which,
    an_entry_is_in_the_list_of_a_device,
    no_entry_keeps_a_file,
    references_of_a_vm_count_its_files,
)
from tenure.models.vms import file_vm, has_device, listed, vm_exists, vm_references
from tenure.vocabulary.objects import FILE, PROCESS, USER, VM
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, either, every, implies, in_flight, no, some


@lemma(no_entry_keeps_a_file, serves=("EXT-6",))
@claim(file=FILE)
def a_file_that_nobody_has_is_released(file: Term) -> Term:
    """An open file has an fd or a call that works on it, or its release is due: no entry keeps it."""
    held = either(some(PROCESS, lambda p: fd[p, file]), in_flight(file))
    return either(kind[file] == "closed", held, releasable(file))


@lemma(references_of_a_vm_count_its_files, a_file_of_a_vm_says_which, serves=("EXT-6",))
@claim(vm=VM)
def a_referenced_vm_has_an_open_file(vm: Term) -> Term:
    """Somebody opened a file of a VM that is referenced, and it is not released."""
    open_file = some(FILE, lambda f: both(file_vm[f] == vm, no(kind[f] == "closed")))
    return implies(no(vm_references[vm] == 0), open_file)


@lemma(a_device_is_of_a_vm, an_entry_is_in_the_list_of_a_device, serves=("EXT-6",))
@claim(vm=VM)
def with_a_vm_its_device_and_its_list_are_gone(vm: Term) -> Term:
    """A VM that is gone has no KVM VFIO device, and no entry is in its list."""
    empty = both(no(has_device[vm]), every(USER, lambda u: no(listed[u] == vm)))
    return either(vm_exists[vm], empty)


LEMMAS: tuple[Claim, ...] = (
    a_file_that_nobody_has_is_released,
    a_referenced_vm_has_an_open_file,
    with_a_vm_its_device_and_its_list_are_gone,
)
