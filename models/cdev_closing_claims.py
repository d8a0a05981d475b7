"""From claims to what FREE-2 and EXT-6 say: stage by stage, why nothing is left once every file is closed."""

from tenure.models import cdev_claims as claims
from tenure.models import kvm_closing_claims as of_lists
from tenure.models.cdev_fields import attached_to, bound_to, iommufd_of, owner_iommufd
from tenure.models.cdevs import is_bound
from tenure.models.device_files import opens
from tenure.models.files import fd, gets, kept, kind, releasable
from tenure.models.groups import attached
from tenure.models.kvm_claims import an_entry_is_in_the_list_of_a_device
from tenure.models.kvm_file_claims import (
    a_device_has_its_file,
    an_entry_has_its_file,
    an_entry_keeps_no_other_file,
    nobody_keeps_a_file_of_a_vm,
    only_an_open_device_knows_a_vm,
)
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, TABLE, USER
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, busy, either, every, implies, in_flight, is_none, no, some


@lemma(claims.the_kernel_keeps_an_iommufd_for_each_binding)
@claim(file=FILE)
def a_kept_file_has_a_bound_one(file: Term) -> Term:
    """A file that the kernel keeps has a file that is bound to it."""
    return implies(no(gets[file] == 0), some(FILE, lambda f: bound_to[f] == file))


@lemma(a_kept_file_has_a_bound_one, claims.a_bound_file_is_a_device_file_of_an_iommufd)
@claim(file=FILE)
def the_kernel_keeps_iommufds_of_device_files(file: Term) -> Term:
    """What the kernel itself keeps open is an iommufd, and a device file is open."""
    device_file = some(FILE, lambda f: kind[f] == "device")
    return implies(no(gets[file] == 0), both(kind[file] == "iommufd", device_file))


@lemma(an_entry_has_its_file, an_entry_keeps_no_other_file, a_device_has_its_file, an_entry_is_in_the_list_of_a_device)
@claim(user=USER, file=FILE)
def what_is_kept_is_in_a_list_that_has_a_file(user: Term, file: Term) -> Term:
    """An entry keeps a file only while some KVM VFIO device has its file."""
    return implies(kept[user, file], some(FILE, lambda f: kind[f] == "kvm_vfio"))


def is_left(file: Term) -> Term:
    """The file is open, nobody has an fd for it, no call runs on it, and its release is not due."""
    unheld = both(every(PROCESS, lambda p: no(fd[p, file])), no(in_flight(file)), no(busy(file)))
    return both(unheld, no(releasable(file)), no(kind[file] == "closed"))


@lemma(the_kernel_keeps_iommufds_of_device_files, nobody_keeps_a_file_of_a_vm)
@claim(file=FILE)
def no_file_of_a_vm_is_left(file: Term) -> Term:
    """No file of a VM or of a KVM VFIO device is left: nothing but fds and calls keeps it."""
    return implies(choice_is(kind[file], "vm", "kvm_vfio"), no(is_left(file)))


@lemma(the_kernel_keeps_iommufds_of_device_files, what_is_kept_is_in_a_list_that_has_a_file)
@claim(file=FILE)
def what_is_left_is_of_a_list_or_an_iommufd(file: Term) -> Term:
    """Where a file is left, some KVM VFIO device has its file; or it is an iommufd, and a device file is open."""
    listed = some(FILE, lambda f: kind[f] == "kvm_vfio")
    of_device = both(kind[file] == "iommufd", some(FILE, lambda f: kind[f] == "device"))
    return implies(is_left(file), either(listed, of_device))


@lemma(no_file_of_a_vm_is_left, what_is_left_is_of_a_list_or_an_iommufd, serves=("FREE-2", "EXT-6"))
@claim()
def where_every_open_file_is_left_none_is_open() -> Term:
    """Files that are left keep no other file so, and no list: somebody must have one of them."""
    all_left = every(FILE, lambda f: either(kind[f] == "closed", is_left(f)))
    return implies(all_left, every(FILE, lambda f: kind[f] == "closed"))


@lemma(claims.an_open_device_is_bound, claims.exactly_bound_files_give_access)
@claim(device=DEVICE)
def an_open_device_has_a_bound_file(device: Term) -> Term:
    """While a device is open a file is bound."""
    return implies(no(opens[device] == 0), some(FILE, is_bound))


@lemma(
    claims.a_group_counts_its_claims_or_its_drivers,
    claims.an_owner_is_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_open,
    an_open_device_has_a_bound_file,
)
@claim(group=GROUP)
def an_owned_group_has_a_bound_file(group: Term) -> Term:
    """While a group is owned a file is bound."""
    return implies(no(is_none(owner_iommufd[group])), some(FILE, is_bound))


@lemma(
    claims.an_address_space_has_an_open_iommufd,
    claims.only_open_devices_are_attached,
    claims.a_group_is_attached_to_what_is_its_owners,
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    an_open_device_has_a_bound_file,
    an_owned_group_has_a_bound_file,
    serves=("FREE-2",),
)
@claim()
def where_no_file_is_open_nothing_is_left_of_devices() -> Term:
    """No IO address space, no device that is open or attached, no group that is owned or attached."""
    gone = both(
        every(TABLE, lambda t: is_none(iommufd_of[t])),
        every(DEVICE, lambda d: both(opens[d] == 0, is_none(attached_to[d]))),
        every(GROUP, lambda g: both(is_none(owner_iommufd[g]), is_none(attached[g]))),
    )
    return implies(every(FILE, lambda f: kind[f] == "closed"), gone)


an_open_device_has_a_file = lemma(
    only_an_open_device_knows_a_vm, an_open_device_has_a_bound_file, claims.a_bound_file_is_a_device_file_of_an_iommufd
)(of_lists.an_open_device_has_a_file)

LEMMAS: tuple[Claim, ...] = (
    a_kept_file_has_a_bound_one,
    the_kernel_keeps_iommufds_of_device_files,
    what_is_kept_is_in_a_list_that_has_a_file,
    no_file_of_a_vm_is_left,
    what_is_left_is_of_a_list_or_an_iommufd,
    where_every_open_file_is_left_none_is_open,
    an_open_device_has_a_bound_file,
    an_owned_group_has_a_bound_file,
    where_no_file_is_open_nothing_is_left_of_devices,
    an_open_device_has_a_file,
    of_lists.a_referenced_vm_has_a_file,
    of_lists.a_vm_goes_with_its_device,
    of_lists.a_list_is_of_a_vm,
)
"""The stages where a list goes with the fd of its KVM VFIO device."""
