"""What holds groups that have a container or an iommufd, device files and VMs together: the claims of `cdev:vms`, by either path."""

from collections.abc import Mapping
from dataclasses import replace

from tenure.models import cdev_claims as of_cdevs
from tenure.models import cdev_group_claims as of_groups
from tenure.models import container_claims_2022 as of_2022
from tenure.models import iommufd_group_claims as of_iommufds
from tenure.models import kvm_cdev_group_claims
from tenure.models.cdev_fields import bound_to, cdev_opened
from tenure.models.containers import table
from tenure.models.device_files import counted_in, opens
from tenure.models.files import gets, kind
from tenure.models.groups import group_of, no_iommu
from tenure.models.groups_2022 import is_contained, opened_file
from tenure.models.iommufd_group_claims import is_bound_through_group
from tenure.models.iommufd_groups import bound_through_group, has_iommufd, uses_iommufd
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, TABLE, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import Term, both, either, frame, implies, no, number_of, stands, when


@claim(group=GROUP)
def every_group_has_an_iommu(group: Term) -> Term:
    """There are no groups without IOMMU."""
    return no(no_iommu[group])


@claim(file=FILE)
def an_iommufd_is_kept_for_each_binding(file: Term) -> Term:
    """The kernel's references to an iommufd are the files bound to it, the groups that use it, and the devices that groups bound to it."""
    bindings = number_of(FILE, lambda f: bound_to[f] == file)
    uses = number_of(FILE, lambda f: uses_iommufd[f] == file)
    devices = number_of(DEVICE, lambda d: bound_through_group[d] == file)
    return bindings + uses + devices == when(kind[file] == "iommufd", gets[file], 0)


@claim(group=GROUP)
def a_contained_group_uses_no_iommufd(group: Term) -> Term:
    """A group has a container or an iommufd, and not both."""
    return implies(is_contained(group), no(has_iommufd(opened_file[group])))


@claim(device=DEVICE)
def a_device_counts_while_it_is_open_through_its_group(device: Term) -> Term:
    """A device that is open and has no bound file was opened through its group, which bound it, or else counts it."""
    through = both(opens[device] > 0, no(cdev_opened[device]))
    counted = when(both(through, no(is_bound_through_group(device))), group_of[device], counted_in.nothing)
    return both(opens[device] >= 0, implies(is_bound_through_group(device), through), counted_in[device] == counted)


@claim(device=DEVICE, group=GROUP)
def a_group_of_a_bound_device_is_in_no_container(device: Term, group: Term) -> Term:
    """While a device is bound, by a file or its group, that is in no container."""
    bound = either(cdev_opened[device], is_bound_through_group(device))
    return implies(both(bound, group_of[device] == group), no(is_contained(group)))


def _made(thread: Term) -> Term:
    return frame(thread, "set_container", "made", TABLE)


@claim(thread=THREAD, container_=CONTAINER)
def an_io_address_space_that_is_made_is_no_containers(thread: Term, container_: Term) -> Term:
    """What SET_CONTAINER is about to make has no container for its table."""
    return implies(stands(thread, *of_iommufds.OPENS), no(table[container_] == _made(thread)))


CLAIMED_BESIDE_ANOTHER = (
    of_groups.a_bound_file_is_of_a_bound_device,
    of_groups.a_bound_physical_device_claims_its_group,
    a_device_counts_while_it_is_open_through_its_group,
    of_iommufds.a_group_binds_to_an_iommufd,
    of_iommufds.a_physical_device_claims_its_group_while_it_is_bound,
    of_groups.each_claim_counts,
)
"""Why a group of which one device is bound by its file and one through the group counts two claims."""

OTHERWISE: tuple[Claim, ...] = (
    an_iommufd_is_kept_for_each_binding,
    a_device_counts_while_it_is_open_through_its_group,
    a_group_of_a_bound_device_is_in_no_container,
    of_iommufds.a_physical_device_claims_its_group_while_it_is_bound,
    of_iommufds.only_bound_devices_are_attached,
)
"""What `cdev:vms` claims, too, of devices that are bound by their own files alone."""

BOUND_THROUGH_ITS_GROUP = (
    every_group_has_an_iommu,
    of_2022.a_device_file_is_made_before_its_fd,
    of_2022.a_device_that_is_looked_up_is_there,
    of_2022.a_group_file_is_the_groups_file,
    of_groups.no_group_of_an_emulated_device_is_open,
    a_contained_group_uses_no_iommufd,
    of_iommufds.a_group_uses_an_iommufd,
    of_iommufds.what_stands_for_a_container_is_the_iommufds,
)
"""Why a device that a group binds is physical, and in no container."""

COUNTED_AS_BOUND = (
    of_groups.a_bound_device_has_a_bound_file,
    a_device_counts_while_it_is_open_through_its_group,
    of_iommufds.a_group_binds_to_an_iommufd,
)
"""Why a device that is opened first is not bound."""

HINTS: Mapping[str, tuple[Claim, ...]] = {
    of_2022.opens_count_the_files.name: (
        *of_iommufds.MADE_UNBOUND,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_groups.what_gives_access_counts_for_its_device,
    ),
    of_cdevs.a_bound_device_is_its_iommufds.name: (
        of_cdevs.a_device_is_bound_once,
        *of_iommufds.MADE_UNBOUND,
        *CLAIMED_BESIDE_ANOTHER,
    ),
    of_cdevs.a_bound_device_is_attached_to_what_is_its_iommufds.name: (
        of_cdevs.a_device_is_bound_once,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_groups.what_gives_access_counts_for_its_device,
        a_device_counts_while_it_is_open_through_its_group,
        of_iommufds.only_bound_devices_are_attached,
    ),
    of_groups.a_bound_device_keeps_the_file_of_its_group_away.name: (
        of_groups.a_bound_device_has_a_bound_file,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.exactly_bound_files_keep_the_group_away,
        of_groups.the_count_is_of_bound_files_and_of_binds,
        of_groups.nobody_opens_a_group_whose_device_is_bound,
        of_groups.a_bind_under_way_is_of_a_device_file,
    ),
    of_groups.exactly_bound_files_keep_the_group_away.name: (
        *of_iommufds.MADE_UNBOUND,
        of_groups.a_file_in_release_is_of_its_kind,
        of_2022.a_file_in_release_is_a_device_file,
    ),
    of_groups.a_group_counts_itself_its_claims_or_its_drivers.name: (
        *COUNTED_AS_BOUND,
        of_iommufds.a_physical_device_claims_its_group_while_it_is_bound,
        of_groups.each_claim_counts,
        of_groups.an_owner_is_the_group_or_an_iommufd,
        a_group_of_a_bound_device_is_in_no_container,
    ),
    of_groups.an_owner_is_the_group_or_an_iommufd.name: (
        every_group_has_an_iommu,
        of_groups.a_group_counts_itself_its_claims_or_its_drivers,
    ),
    of_groups.a_contained_group_is_attached_to_its_containers_table.name: BOUND_THROUGH_ITS_GROUP,
    of_groups.another_attached_group_has_an_attached_device.name: BOUND_THROUGH_ITS_GROUP,
    of_groups.another_attached_group_is_its_iommufds.name: BOUND_THROUGH_ITS_GROUP,
    of_iommufds.a_group_binds_to_an_iommufd.name: BOUND_THROUGH_ITS_GROUP,
    of_iommufds.a_device_that_its_group_bound_is_attached.name: BOUND_THROUGH_ITS_GROUP,
    of_iommufds.a_device_that_its_group_bound_is_the_iommufds.name: (
        *CLAIMED_BESIDE_ANOTHER,
        *BOUND_THROUGH_ITS_GROUP,
    ),
    of_iommufds.only_bound_devices_are_attached.name: COUNTED_AS_BOUND,
    a_device_counts_while_it_is_open_through_its_group.name: COUNTED_AS_BOUND,
    a_contained_group_uses_no_iommufd.name: (
        of_2022.an_ioctl_on_a_group_keeps_its_files,
        of_2022.a_group_file_is_the_groups_file,
    ),
    a_group_of_a_bound_device_is_in_no_container.name: (
        *BOUND_THROUGH_ITS_GROUP,
        *COUNTED_AS_BOUND,
        of_2022.an_ioctl_on_a_group_keeps_its_files,
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
        of_groups.a_bound_device_keeps_the_file_of_its_group_away,
        of_groups.each_claim_counts,
    ),
    an_iommufd_is_kept_for_each_binding.name: (
        *of_iommufds.MADE_UNBOUND,
        *COUNTED_AS_BOUND,
        of_iommufds.a_group_uses_an_iommufd,
    ),
}
"""What keeps a claim besides what keeps it in either system."""

_OTHERWISE = {one.name: one for one in OTHERWISE}
_OF_IOMMUFDS = {one.name: one for one in of_iommufds.CLAIMS}


def _hinted(one: Claim) -> Claim:
    """The claim, kept because of what keeps it in either system."""
    there = _OF_IOMMUFDS[one.name].kept_with if one.name in _OF_IOMMUFDS else ()
    here = (other.name for other in HINTS.get(one.name, ()))
    return replace(one, kept_with=tuple(dict.fromkeys((*one.kept_with, *there, *here))))


CLAIMS: tuple[Claim, ...] = tuple(
    _hinted(one)
    for one in (
        every_group_has_an_iommu,
        *(_OTHERWISE.get(one.name, one) for one in kvm_cdev_group_claims.CLAIMS),
        a_contained_group_uses_no_iommufd,
        an_io_address_space_that_is_made_is_no_containers,
        of_iommufds.a_group_uses_an_iommufd,
        of_iommufds.what_stands_for_a_container_is_the_iommufds,
        of_iommufds.a_group_binds_to_an_iommufd,
        of_iommufds.a_device_that_its_group_bound_is_the_iommufds,
        of_iommufds.a_device_that_its_group_bound_is_attached,
        of_iommufds.a_bind_keeps_no_other_file,
        of_iommufds.an_io_address_space_is_made_late,
        of_iommufds.two_calls_make_different_io_address_spaces,
    )
)
