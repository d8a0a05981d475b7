"""From claims to what FREE, FREE-2 and EXT-6 say of VMs beside groups and device files: why nothing is left once every fd is closed."""

from dataclasses import replace

from tenure.models import cdev_closing_claims as of_cdevs
from tenure.models import cdev_group_claims as of_groups
from tenure.models import cdev_group_closing_claims as closing
from tenure.models import closing_claims
from tenure.models import container_claims_2022 as of_2022
from tenure.models import kvm_closing_claims as of_lists
from tenure.models.cdev_closing_claims import is_left
from tenure.models.cdev_fields import attached_to, iommufd_of, owner_iommufd
from tenure.models.device_files import opens
from tenure.models.files import gets, kind
from tenure.models.groups import attached
from tenure.models.kvm_cdev_group_claims import who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists
from tenure.models.kvm_claims import a_file_of_a_vm_says_which
from tenure.models.kvm_devices import device_kvm
from tenure.models.kvm_file_claims import (
    an_entry_has_its_file,
    an_entry_keeps_no_other_file,
    nobody_keeps_a_file_of_a_vm,
    only_an_open_device_knows_a_vm,
    references_of_a_vm_count_its_files_and_open_devices,
)
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, TABLE
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


@lemma(
    closing.a_kept_iommufd_has_a_bound_file,
    of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
    of_groups.the_kernel_keeps_no_other_file,
    of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
    of_2022.users_count_the_open_devices,
    of_2022.a_contained_group_is_placed_and_open,
    closing.a_device_that_counts_has_a_file_of_its_group,
)
@claim(file=FILE)
def the_kernel_keeps_a_file_for_a_device_file(file: Term) -> Term:
    """What the kernel itself keeps open is a group's file or an iommufd, and a device file is open."""
    which = either(kind[file] == "group", kind[file] == "iommufd")
    return implies(no(gets[file] == 0), both(which, some(FILE, lambda f: kind[f] == "device")))


no_file_of_a_vm_is_left = lemma(the_kernel_keeps_a_file_for_a_device_file, nobody_keeps_a_file_of_a_vm)(
    of_cdevs.no_file_of_a_vm_is_left
)


@lemma(the_kernel_keeps_a_file_for_a_device_file, of_cdevs.what_is_kept_is_in_a_list_that_has_a_file)
@claim(file=FILE)
def what_is_left_is_of_a_list_a_groups_or_an_iommufd(file: Term) -> Term:
    """Where a file is left, some KVM VFIO device has its file; or it is a group's or an iommufd, and a device file is open."""
    listed = some(FILE, lambda f: kind[f] == "kvm_vfio")
    which = either(kind[file] == "group", kind[file] == "iommufd")
    return implies(is_left(file), either(listed, both(which, some(FILE, lambda f: kind[f] == "device"))))


where_every_open_file_is_left_none_is_open = lemma(
    no_file_of_a_vm_is_left, what_is_left_is_of_a_list_a_groups_or_an_iommufd, serves=("FREE-2", "EXT-6")
)(of_cdevs.where_every_open_file_is_left_none_is_open)


@lemma(
    closing.an_address_space_has_a_file,
    closing.an_open_device_has_a_file,
    closing.an_attached_device_has_a_bound_file,
    closing.an_owned_group_has_a_bound_file,
    closing.an_attached_group_is_contained_or_has_a_bound_file,
    closing.a_contained_group_is_open,
    of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
    of_2022.an_open_group_knows_its_file,
    serves=("FREE-2",),
)
@claim()
def where_no_file_is_open_nothing_is_left_of_devices() -> Term:
    """No IO address space, no device that is open or attached, no group that an iommufd owns, or that reaches a table."""
    gone = both(
        every(TABLE, lambda t: is_none(iommufd_of[t])),
        every(DEVICE, lambda d: both(opens[d] == 0, is_none(attached_to[d]))),
        every(GROUP, lambda g: both(is_none(owner_iommufd[g]), is_none(attached[g]))),
    )
    return implies(every(FILE, lambda f: kind[f] == "closed"), gone)


@lemma(only_an_open_device_knows_a_vm, closing.an_open_device_has_a_file)
@claim(device=DEVICE)
def a_device_that_knows_a_vm_has_a_file(device: Term) -> Term:
    """Where a device points to a VM, a device file is open."""
    return implies(no(is_none(device_kvm[device])), some(FILE, lambda f: kind[f] == "device"))


def _of_free(one: Claim) -> Claim:
    """The stage, where FREE-2 goes another way: over files that are left."""
    return replace(one, serves=tuple(name for name in one.serves if name != "FREE-2"))


_ELSEWHERE = closing.what_is_let_go_is_a_groups_or_has_a_bound_file
"""It says of files that no list keeps what is left of them."""

LEMMAS: tuple[Claim, ...] = (
    *(
        lemma(who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists, serves=("FREE",))(one)
        if one.name == closing_claims.a_call_on_a_container_is_one_on_a_group.name
        else _of_free(one)
        for one in closing.LEMMAS
        if one is not _ELSEWHERE
    ),
    lemma(an_entry_has_its_file, an_entry_keeps_no_other_file, serves=("FREE",))(
        of_lists.who_keeps_a_file_is_in_a_list
    ),
    of_cdevs.what_is_kept_is_in_a_list_that_has_a_file,
    the_kernel_keeps_a_file_for_a_device_file,
    no_file_of_a_vm_is_left,
    what_is_left_is_of_a_list_a_groups_or_an_iommufd,
    where_every_open_file_is_left_none_is_open,
    where_no_file_is_open_nothing_is_left_of_devices,
    a_device_that_knows_a_vm_has_a_file,
    lemma(
        references_of_a_vm_count_its_files_and_open_devices,
        a_file_of_a_vm_says_which,
        a_device_that_knows_a_vm_has_a_file,
        serves=("EXT-6",),
    )(of_lists.a_referenced_vm_has_a_file),
    of_lists.a_vm_goes_with_its_device,
    of_lists.a_list_is_of_a_vm,
)
"""The stages where a list goes with the fd of its KVM VFIO device."""
