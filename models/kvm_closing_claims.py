"""From claims to what FREE and EXT-6 say of lists of files: why nothing is alive once every fd is closed."""

from tenure.models import closing_claims
from tenure.models import container_claims_6_1 as of_6_1
from tenure.models import container_claims_2022 as of_2022
from tenure.models.files import fd, gets, kept, kind, releasable
from tenure.models.kvm_claims import (
    a_device_is_of_a_vm,
    a_file_of_a_vm_says_which,
    an_entry_is_in_the_list_of_a_device,
    no_entry_keeps_a_file,
    references_of_a_vm_count_its_files,
)
from tenure.models.kvm_devices import device_kvm
from tenure.models.kvm_file_claims import (
    a_device_has_its_file,
    an_entry_has_its_file,
    an_entry_is_of_a_group,
    an_entry_keeps_no_other_file,
    nobody_keeps_a_file_of_a_vm,
    only_an_open_device_knows_a_vm,
    references_of_a_vm_count_its_files_and_open_devices,
    who_keeps_a_file_keeps_a_groups_or_a_lists,
)
from tenure.models.vms import has_device, listed, vm_exists, vm_references
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, USER, VM
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, busy, either, implies, in_flight, is_none, no, some

on_a_container = lemma(who_keeps_a_file_keeps_a_groups_or_a_lists, serves=("FREE",))(
    closing_claims.a_call_on_a_container_is_one_on_a_group
)
"""A call on a list refers to no container's file."""


def _is_in_use(file: Term) -> Term:
    """Somebody has an fd, a call refers to the file, or its release is due."""
    return either(some(PROCESS, lambda p: fd[p, file]), in_flight(file), busy(file), releasable(file))


@lemma(of_2022.the_kernel_keeps_no_other_file, nobody_keeps_a_file_of_a_vm, serves=("EXT-6",))
@claim(file=FILE)
def a_file_of_a_vm_is_in_use(file: Term) -> Term:
    """A file of a VM or of a KVM VFIO device has an fd or a call, or its release is due."""
    return implies(choice_is(kind[file], "vm", "kvm_vfio"), _is_in_use(file))


@lemma(of_2022.the_kernel_keeps_no_other_file, serves=("EXT-6",))
@claim(file=FILE)
def an_open_file_is_in_use_kept_or_a_groups(file: Term) -> Term:
    """Any other open file is in use likewise, or in a list, or it is a group's, and the kernel keeps it."""
    listed_ = some(USER, lambda u: kept[u, file])
    for_the_kernel = both(kind[file] == "group", no(gets[file] == 0))
    return implies(no(kind[file] == "closed"), either(_is_in_use(file), listed_, for_the_kernel))


@lemma(an_entry_has_its_file, an_entry_keeps_no_other_file, serves=("EXT-6",))
@claim(user=USER, file=FILE)
def who_keeps_a_file_is_in_a_list(user: Term, file: Term) -> Term:
    """An entry keeps a file only while it is in a list."""
    return implies(kept[user, file], no(is_none(listed[user])))


@lemma(an_entry_has_its_file, an_entry_keeps_no_other_file, an_entry_is_of_a_group, serves=("EXT-6",))
@claim(user=USER, file=FILE)
def who_keeps_a_file_keeps_a_groups(user: Term, file: Term) -> Term:
    """What an entry keeps is the file of a group."""
    return implies(kept[user, file], kind[file] == "group")


@lemma(a_device_has_its_file, an_entry_is_in_the_list_of_a_device, serves=("EXT-6",))
@claim(user=USER)
def a_list_has_a_file(user: Term) -> Term:
    """Where an entry is in a list, a KVM VFIO device has a file."""
    return implies(no(is_none(listed[user])), some(FILE, lambda f: kind[f] == "kvm_vfio"))


@claim(file=FILE)
def the_kernel_keeps_a_file_for_a_device_file(file: Term) -> Term:
    """Where the kernel itself keeps a file, a device file is open."""
    return implies(no(gets[file] == 0), some(FILE, lambda f: kind[f] == "device"))


KEPT_FOR = (of_2022.the_kernel_keeps_no_other_file, of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device)
"""The file is a group's, and kept once for each use of the group by a device."""


@claim(device=DEVICE)
def an_open_device_has_a_file(device: Term) -> Term:
    """A device that points to a VM has a file."""
    return implies(no(is_none(device_kvm[device])), some(FILE, lambda f: kind[f] == "device"))


@lemma(
    references_of_a_vm_count_its_files_and_open_devices,
    a_file_of_a_vm_says_which,
    an_open_device_has_a_file,
    serves=("EXT-6",),
)
@claim(vm=VM)
def a_referenced_vm_has_a_file(vm: Term) -> Term:
    """Where a VM is referenced, a file of it or of a device is open."""
    kinds = "vm", "kvm_vfio", "device"
    return implies(no(vm_references[vm] == 0), some(FILE, lambda f: choice_is(kind[f], *kinds)))


@lemma(a_device_is_of_a_vm, serves=("EXT-6",))
@claim(vm=VM)
def a_vm_goes_with_its_device(vm: Term) -> Term:
    """A VM that is gone has no KVM VFIO device."""
    return either(vm_exists[vm], no(has_device[vm]))


@lemma(an_entry_is_in_the_list_of_a_device, serves=("EXT-6",))
@claim(user=USER)
def a_list_is_of_a_vm(user: Term) -> Term:
    """The VM in whose list an entry is has not gone."""
    return either(is_none(listed[user]), vm_exists[listed[user]])


@lemma(no_entry_keeps_a_file, serves=("EXT-6",))
@claim(file=FILE)
def an_open_file_is_in_use(file: Term) -> Term:
    """An open file is in use, for no entry keeps it."""
    return either(kind[file] == "closed", _is_in_use(file))


@lemma(references_of_a_vm_count_its_files, a_file_of_a_vm_says_which, serves=("EXT-6",))
@claim(vm=VM)
def a_referenced_vm_has_an_open_file(vm: Term) -> Term:
    """Where a VM is referenced, a file of it is open."""
    return implies(no(vm_references[vm] == 0), some(FILE, lambda f: choice_is(kind[f], "vm", "kvm_vfio")))


LEMMAS_GET_PUT = (
    an_open_file_is_in_use,
    a_referenced_vm_has_an_open_file,
    a_vm_goes_with_its_device,
    a_list_is_of_a_vm,
)
"""The stages where entries hold groups and keep no file."""


def _stages(kept_for: Claim, open_device: Claim, of_lists: Claim) -> tuple[Claim, ...]:
    """The stages on the way to EXT-6: `kept_for` and `open_device` lead to a device file, the last says why no list is left."""
    return (
        a_file_of_a_vm_is_in_use,
        an_open_file_is_in_use_kept_or_a_groups,
        who_keeps_a_file_is_in_a_list,
        kept_for,
        open_device,
        a_referenced_vm_has_a_file,
        a_vm_goes_with_its_device,
        a_list_is_of_a_vm,
        of_lists,
    )


LEMMAS = (
    *closing_claims.stages(
        of_2022.users_count_the_open_devices,
        on_a_container,
        *closing_claims.TO_DEVICE_FILES,
    ),
    *_stages(
        lemma(
            *KEPT_FOR,
            of_2022.users_count_the_open_devices,
            closing_claims.a_device_that_counts_has_a_file,
            serves=("EXT-6",),
        )(the_kernel_keeps_a_file_for_a_device_file),
        lemma(only_an_open_device_knows_a_vm, of_2022.opens_count_the_files, of_2022.a_device_file_opens_its_device)(
            an_open_device_has_a_file
        ),
        a_list_has_a_file,
    ),
)
"""The stages where a list goes with the fd of its KVM VFIO device."""

LEMMAS_6_1 = (
    *closing_claims.stages(
        of_6_1.users_count_the_device_files,
        on_a_container,
        *closing_claims.TO_DEVICE_FILES_6_1,
    ),
    *_stages(
        lemma(
            *KEPT_FOR,
            of_6_1.users_count_the_device_files,
            of_6_1.a_device_file_counts_until_it_is_unassigned,
            serves=("EXT-6",),
        )(the_kernel_keeps_a_file_for_a_device_file),
        lemma(only_an_open_device_knows_a_vm, of_6_1.opens_count_the_files, of_6_1.what_opens_a_device_is_a_file_of_it)(
            an_open_device_has_a_file
        ),
        who_keeps_a_file_keeps_a_groups,
    ),
)
"""The stages where it goes with its VM, and holds files of groups alone."""
