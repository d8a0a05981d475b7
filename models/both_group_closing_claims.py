"""From claims to what FREE, FREE-2 and EXT-6 say where a group has a container or an iommufd: why nothing is left once every fd is closed."""

from dataclasses import replace

from tenure.models import both_group_claims as claims
from tenure.models import cdev_closing_claims as of_devices
from tenure.models import cdev_group_claims as of_groups
from tenure.models import cdev_group_closing_claims as closing
from tenure.models import closing_claims
from tenure.models import container_claims_2022 as of_2022
from tenure.models import iommufd_group_claims as of_iommufds
from tenure.models import iommufd_group_closing_claims as closing_iommufds
from tenure.models import kvm_cdev_group_closing_claims as of_vms
from tenure.models import kvm_closing_claims as of_lists
from tenure.models.cdev_closing_claims import is_left
from tenure.models.cdev_fields import bound_to
from tenure.models.closing_claims import is_let_go
from tenure.models.containers import references, table
from tenure.models.files import file_device, gets, kind
from tenure.models.groups import attached, group_of, no_iommu, users
from tenure.models.groups_2022 import is_contained, opened_as
from tenure.models.iommufd_groups import bound_through_group, uses_iommufd
from tenure.models.kvm_file_claims import nobody_keeps_a_file_of_a_vm
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


@lemma(closing.only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone)
@claim(file=FILE)
def a_device_file_is_in_use(file: Term) -> Term:
    """Somebody refers to a device file, or its release is due."""
    return implies(kind[file] == "device", no(is_let_go(file)))


@lemma(of_groups.a_file_stands_for_what_its_kind_says, claims.every_group_has_an_iommu, serves=("FREE",))
@claim(file=FILE)
def a_device_file_has_a_device_of_a_group(file: Term) -> Term:
    """A device file stands for a device, whose group has an IOMMU."""
    device = file_device[file]
    return implies(kind[file] == "device", both(no(is_none(device)), no(no_iommu[group_of[device]])))


an_open_device_has_a_file = lemma(
    of_2022.opens_count_the_files,
    of_groups.what_gives_access_counts_for_its_device,
    of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
)(closing_iommufds.an_open_device_has_a_file)

an_owned_group_has_an_open_device = lemma(
    of_groups.a_group_counts_itself_its_claims_or_its_drivers,
    of_groups.an_owner_is_the_group_or_an_iommufd,
    of_iommufds.a_physical_device_claims_its_group_while_it_is_bound,
    claims.a_device_counts_while_it_is_open_through_its_group,
    of_groups.a_bound_device_has_a_bound_file,
)(closing_iommufds.an_owned_group_has_an_open_device)


@lemma(
    of_groups.another_attached_group_is_its_iommufds,
    an_owned_group_has_an_open_device,
    an_open_device_has_a_file,
)
@claim(group=GROUP)
def an_attached_group_is_contained_or_has_a_device_file(group: Term) -> Term:
    """A group that reaches a table is in a container, or a device file is open."""
    of_device = some(FILE, lambda f: kind[f] == "device")
    return implies(no(is_none(attached[group])), either(is_contained(group), of_device))


@lemma(of_2022.a_group_file_was_opened_as_its_groups, serves=("FREE",))
@claim(file=FILE)
def a_group_file_was_opened_as_some_groups(file: Term) -> Term:
    """A group's file was opened as the file of some group."""
    return implies(kind[file] == "group", no(is_none(opened_as[file])))


@lemma(
    closing.an_open_group_has_a_file_in_use,
    closing.a_contained_group_is_open,
    closing.a_container_file_is_in_use,
    closing.without_groups_and_files_no_container_is_alive,
    of_groups.a_file_stands_for_what_its_kind_says,
    a_device_file_is_in_use,
    an_attached_group_is_contained_or_has_a_device_file,
    serves=("FREE",),
)
@claim()
def where_no_file_is_in_use_nothing_is_left_of_groups() -> Term:
    """Where everybody let go of the files of containers, groups and devices, no group is in a container or reaches a table; no container is left."""
    of_vfio = every(FILE, lambda f: implies(choice_is(kind[f], "container", "group", "device"), is_let_go(f)))
    gone = both(
        every(CONTAINER, lambda c: both(references[c] == 0, is_none(table[c]))),
        every(GROUP, lambda g: both(users[g] == 0, no(is_contained(g)), is_none(attached[g]))),
    )
    return implies(of_vfio, gone)


@lemma(claims.an_iommufd_is_kept_for_each_binding)
@claim(file=FILE)
def a_kept_iommufd_is_used(file: Term) -> Term:
    """An iommufd that the kernel keeps has a file that is bound to it, a group that uses it, or a device that its group bound to it."""
    used = either(
        some(FILE, lambda f: bound_to[f] == file),
        some(FILE, lambda f: uses_iommufd[f] == file),
        some(DEVICE, lambda d: bound_through_group[d] == file),
    )
    return implies(both(kind[file] == "iommufd", no(gets[file] == 0)), used)


@lemma(
    a_kept_iommufd_is_used,
    of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
    of_iommufds.a_group_uses_an_iommufd,
    claims.a_device_counts_while_it_is_open_through_its_group,
    an_open_device_has_a_file,
)
@claim(file=FILE)
def a_kept_iommufd_has_a_file_of_a_group_or_a_device(file: Term) -> Term:
    """An iommufd that the kernel keeps is kept for a file of a group or of a device, which is open."""
    other = some(FILE, lambda f: either(kind[f] == "group", kind[f] == "device"))
    return implies(both(kind[file] == "iommufd", no(gets[file] == 0)), other)


@lemma(
    of_groups.the_kernel_keeps_no_other_file,
    of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
    of_2022.users_count_the_open_devices,
    of_2022.a_contained_group_is_placed_and_open,
    closing.a_device_that_counts_has_a_file_of_its_group,
)
@claim(file=FILE)
def a_kept_group_file_has_a_device_file(file: Term) -> Term:
    """What the kernel itself keeps open is a group's file or an iommufd; and if the former, a device file is open."""
    of_device = some(FILE, lambda f: kind[f] == "device")
    return implies(no(gets[file] == 0), either(kind[file] == "iommufd", both(kind[file] == "group", of_device)))


no_file_of_a_vm_is_left = lemma(a_kept_group_file_has_a_device_file, nobody_keeps_a_file_of_a_vm)(
    of_devices.no_file_of_a_vm_is_left
)


@lemma(
    a_kept_group_file_has_a_device_file,
    a_kept_iommufd_has_a_file_of_a_group_or_a_device,
    of_devices.what_is_kept_is_in_a_list_that_has_a_file,
)
@claim(file=FILE)
def what_is_left_is_of_a_list_a_groups_or_an_iommufd(file: Term) -> Term:
    """Where a file is left, some KVM VFIO device has its file; or it is a group's, and a device file is open, or an iommufd, and one of both is."""

    def is_open(*kinds: str) -> Term:
        return some(FILE, lambda f: choice_is(kind[f], *kinds))

    of_group = both(kind[file] == "group", is_open("device"))
    of_iommufd = both(kind[file] == "iommufd", is_open("group", "device"))
    return implies(is_left(file), either(is_open("kvm_vfio"), of_group, of_iommufd))


where_every_open_file_is_left_none_is_open = lemma(
    no_file_of_a_vm_is_left, what_is_left_is_of_a_list_a_groups_or_an_iommufd, serves=("FREE-2", "EXT-6")
)(of_devices.where_every_open_file_is_left_none_is_open)


where_no_file_is_open_nothing_is_left_of_devices = lemma(
    closing.an_address_space_has_a_file,
    of_iommufds.only_bound_devices_are_attached,
    of_groups.a_bound_device_has_a_bound_file,
    claims.a_device_counts_while_it_is_open_through_its_group,
    an_open_device_has_a_file,
    an_owned_group_has_an_open_device,
    an_attached_group_is_contained_or_has_a_device_file,
    closing.a_contained_group_is_open,
    of_2022.an_open_group_knows_its_file,
    serves=("FREE-2",),
)(of_vms.where_no_file_is_open_nothing_is_left_of_devices)

OTHERWISE: tuple[Claim, ...] = (
    a_device_file_is_in_use,
    a_device_file_has_a_device_of_a_group,
    an_owned_group_has_an_open_device,
    an_attached_group_is_contained_or_has_a_device_file,
    a_group_file_was_opened_as_some_groups,
    where_no_file_is_in_use_nothing_is_left_of_groups,
    a_kept_iommufd_is_used,
    a_kept_iommufd_has_a_file_of_a_group_or_a_device,
    a_kept_group_file_has_a_device_file,
    no_file_of_a_vm_is_left,
    what_is_left_is_of_a_list_a_groups_or_an_iommufd,
    where_every_open_file_is_left_none_is_open,
    where_no_file_is_open_nothing_is_left_of_devices,
)

OF_BOUND_FILES: tuple[Claim, ...] = (
    closing.a_kept_iommufd_has_a_bound_file,
    closing.a_bound_file_is_in_use,
    closing.a_bound_file_has_a_device_whose_group_has_no_file,
    closing.an_attached_device_has_a_bound_file,
    closing.an_owned_group_has_a_bound_file,
    closing.an_attached_group_is_contained_or_has_a_bound_file,
    closing.a_kernel_driver_is_bound_where_nobody_owns_the_group,
    of_vms.the_kernel_keeps_a_file_for_a_device_file,
)
"""The stages of `cdev:vms` that say why a file is bound, or what a bound file is for: here a device may be bound without one."""

_ELSEWHERE = {one.name for one in (*OTHERWISE, *OF_BOUND_FILES, an_open_device_has_a_file)}

_AT_REST = {closing_claims.a_call_on_a_container_is_one_on_a_group.name, of_lists.who_keeps_a_file_is_in_a_list.name}
"""The stages that say of files that are not in use what FREE says of groups and users."""


def _stage(one: Claim) -> Claim:
    """The stage, where FREE goes another way: over files that are in use."""
    return one if one.name in _AT_REST else replace(one, serves=tuple(name for name in one.serves if name != "FREE"))


LEMMAS: tuple[Claim, ...] = (
    an_open_device_has_a_file,
    *(_stage(one) for one in of_vms.LEMMAS if one.name not in _ELSEWHERE),
    *OTHERWISE,
)
