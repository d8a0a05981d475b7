"""What holds groups that use iommufds, device files and iommufds together: the claims of `cdev` that fit, and what is new."""

from tenure.models import cdev_claims as of_cdevs
from tenure.models import cdev_group_claims as of_both
from tenure.models import container_claims as of_2013
from tenure.models import container_claims_2022 as of_2022
from tenure.models.cdev_fields import attached_to, bound_to, cdev_opened, claimed, emulated, iommufd_of, owner_iommufd
from tenure.models.compat_ioas import compat_ioas, no_iommu_mode
from tenure.models.container_claims import same
from tenure.models.device_files import opens
from tenure.models.files import file_device, file_group, gets, kind
from tenure.models.groups import attached, group_of, no_iommu
from tenure.models.iommufd_groups import bound_through_group, has_iommufd, uses_iommufd
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, TABLE, THREAD
from tenure.vocabulary.systems import claim, kept_with
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, number_of, stands, when


def is_bound_through_group(device: Term) -> Term:
    """The device was opened through its group, which bound it."""
    return no(is_none(bound_through_group[device]))


@claim(file=FILE)
def a_file_stands_for_what_its_kind_says(file: Term) -> Term:
    """Device files have a device; groups are behind files of groups and of their devices alone."""
    return both(
        implies(no(is_none(file_group[file])), either(kind[file] == "group", kind[file] == "device")),
        same(kind[file] == "device", no(is_none(file_device[file]))),
    )


@claim(file=FILE)
def a_file_is_a_groups_a_devices_or_an_iommufd(file: Term) -> Term:
    """There are no files of other kinds."""
    return either(*(kind[file] == name for name in ("closed", "group", "device", "iommufd")))


@claim(file=FILE)
def a_group_uses_an_iommufd(file: Term) -> Term:
    """What a group uses is an iommufd, and only while a file of the group is open."""
    return implies(has_iommufd(file), both(kind[file] == "group", kind[uses_iommufd[file]] == "iommufd"))


@claim(file=FILE)
def what_stands_for_a_container_is_the_iommufds(file: Term) -> Term:
    """Only in an iommufd anything stands for a container: an IO address space of its own, or that it is for groups without IOMMU."""
    ioas = compat_ioas[file]
    mine = both(kind[file] == "iommufd", iommufd_of[ioas] == file)
    return both(implies(no(is_none(ioas)), mine), implies(no_iommu_mode[file], kind[file] == "iommufd"))


@claim(file=FILE)
def an_iommufd_is_kept_for_each_use(file: Term) -> Term:
    """The kernel's references to a file are the files bound to it, the groups that use it, and the devices that groups bound to it."""
    bindings = number_of(FILE, lambda f: bound_to[f] == file)
    uses = number_of(FILE, lambda f: uses_iommufd[f] == file)
    devices = number_of(DEVICE, lambda d: bound_through_group[d] == file)
    return gets[file] == bindings + uses + devices


@claim(file=FILE)
def only_iommufds_are_kept(file: Term) -> Term:
    """The kernel takes references only to iommufds."""
    return either(gets[file] == 0, kind[file] == "iommufd")


@claim(device=DEVICE)
def a_device_is_bound_while_its_group_has_it_open(device: Term) -> Term:
    """A device that is open and has no bound file was opened through its group, and is bound where that has an IOMMU."""
    through = both(opens[device] > 0, no(cdev_opened[device]), no(no_iommu[group_of[device]]))
    return both(opens[device] >= 0, same(is_bound_through_group(device), through))


@claim(device=DEVICE)
def a_group_binds_to_an_iommufd(device: Term) -> Term:
    """What a group binds is a physical device, to an iommufd."""
    bound = both(kind[bound_through_group[device]] == "iommufd", no(emulated[device]))
    return implies(is_bound_through_group(device), bound)


@claim(device=DEVICE)
def a_device_that_its_group_bound_is_the_iommufds(device: Term) -> Term:
    """That iommufd owns the group."""
    owner = owner_iommufd[group_of[device]]
    return implies(is_bound_through_group(device), owner == bound_through_group[device])


@claim(device=DEVICE)
def a_device_that_its_group_bound_is_attached(device: Term) -> Term:
    """It is attached to an IO address space of that iommufd."""
    here = attached_to[device]
    mine = both(no(is_none(here)), iommufd_of[here] == bound_through_group[device])
    return implies(is_bound_through_group(device), mine)


@claim(device=DEVICE)
def a_physical_device_claims_its_group_while_it_is_bound(device: Term) -> Term:
    """A device that is bound, by a file or its group, counts in the `owner_cnt` of that where it is physical, and no other does."""
    claims = both(no(emulated[device]), either(cdev_opened[device], is_bound_through_group(device)))
    return claimed[device] == when(claims, group_of[device], claimed.nothing)


@claim(device=DEVICE)
def only_bound_devices_are_attached(device: Term) -> Term:
    """A device that is attached is bound, and where an IOMMU translates for it its group is attached to the same."""
    bound = either(cdev_opened[device], is_bound_through_group(device))
    with_it = either(emulated[device], attached[group_of[device]] == attached_to[device])
    return implies(no(is_none(attached_to[device])), both(bound, with_it))


@claim(group=GROUP)
def a_group_without_iommu_reaches_nothing(group: Term) -> Term:
    """A group without IOMMU is attached to no IO address space."""
    return implies(no_iommu[group], is_none(attached[group]))


@claim(thread=THREAD)
def a_bind_keeps_no_other_file(thread: Term) -> Term:
    """A bind keeps the file of its device, and no other."""
    past = stands(
        thread, "bind.bind", "bind.unblock"
    )  # SET_CONTAINER and GET_DEVICE_FD keep a second file in one place
    return implies(past, is_none(frame(thread, "set_container", "target", FILE)))


OPENS = ("set_container.attach",)


def _made(thread: Term) -> Term:
    return frame(thread, "set_container", "made", TABLE)


@claim(thread=THREAD)
def an_io_address_space_is_made_late(thread: Term) -> Term:
    """While SET_CONTAINER is about to make an IO address space its name is unused."""
    return implies(stands(thread, *OPENS), both(no(is_none(_made(thread))), is_none(iommufd_of[_made(thread)])))


@claim(thread=THREAD, other=THREAD)
def two_calls_make_different_io_address_spaces(thread: Term, other: Term) -> Term:
    """The name of a new IO address space is chosen by one thread alone."""
    past = both(stands(thread, *OPENS), stands(other, *OPENS))
    return implies(both(past, _made(thread) == _made(other)), thread == other)


CLOSED_THROUGH_ITS_GROUP = (
    a_file_stands_for_what_its_kind_says,
    of_both.an_open_device_is_there,
    of_both.what_gives_access_counts_for_its_device,
    of_2022.opens_count_the_files,
    of_both.a_bound_device_has_a_bound_file,
    a_device_is_bound_while_its_group_has_it_open,
)
"""Why a device that is closed through its group is bound through it, or not at all."""

OPENED_THROUGH_ITS_GROUP = (
    of_2022.a_device_file_is_made_before_its_fd,
    of_2022.a_device_that_is_looked_up_is_there,
    of_2022.a_group_file_is_the_groups_file,
    of_both.a_bound_file_is_a_device_file_of_an_iommufd,
    of_both.a_bound_file_is_of_a_bound_device,
    of_both.a_bound_device_keeps_the_file_of_its_group_away,
)
"""Why no device is bound by a file that is opened through its group."""

MADE_UNBOUND = (of_2022.a_device_file_is_made_before_its_fd, of_both.a_bound_file_is_a_device_file_of_an_iommufd)
"""Why a file that is being made is not bound."""

CLAIMED_BESIDE_ANOTHER = (
    of_both.a_bound_file_is_of_a_bound_device,
    of_both.a_bound_physical_device_claims_its_group,
    a_device_is_bound_while_its_group_has_it_open,
    a_group_binds_to_an_iommufd,
    a_physical_device_claims_its_group_while_it_is_bound,
    of_both.each_claim_counts,
)
"""Why a group of which one device is bound by its file and one through the group counts two claims."""

CLAIMS = (
    of_2013.an_fd_refers_to_an_open_file,
    of_2013.a_kept_file_is_open,
    of_2013.a_file_in_release_has_no_fd,
    of_2013.no_user_keeps_a_file_in_release,
    of_2013.no_call_uses_a_file_in_release,
    of_2013.no_null_pointer_was_followed,
    of_2013.nothing_was_used_after_it_was_freed,
    of_2013.no_list_was_corrupted,
    of_2022.an_open_group_knows_its_file,
    of_2022.a_group_file_is_the_groups_file,
    of_2022.a_group_file_was_opened_as_its_groups,
    of_2022.an_open_group_has_a_device,
    of_2022.exactly_kernel_drivers_use_the_default_domain,
    of_2022.an_ioctl_on_a_group_keeps_its_files,
    of_2022.an_idle_thread_holds_no_file,
    of_2022.a_file_in_release_is_a_device_file,
    of_2022.opens_count_the_files,
    of_2022.a_vfio_device_is_registered_or_leaving,
    of_2022.nobody_uses_a_removed_device,
    of_2022.a_device_that_is_looked_up_is_there,
    of_2022.a_device_file_is_made_before_its_fd,
    of_2022.two_device_fds_are_different_files,
    kept_with(*MADE_UNBOUND)(of_cdevs.a_device_is_bound_once),
    kept_with(of_cdevs.a_device_is_bound_once, *CLAIMED_BESIDE_ANOTHER)(of_cdevs.a_bound_device_is_its_iommufds),
    kept_with(
        *MADE_UNBOUND,
        of_both.a_bound_file_is_of_a_bound_device,
        of_both.a_bound_device_has_a_bound_file,
        of_cdevs.a_bound_device_is_its_iommufds,
    )(of_cdevs.a_bound_device_is_attached_to_what_is_its_iommufds),
    of_cdevs.an_address_space_has_an_open_iommufd,
    of_cdevs.an_emulated_device_has_no_kernel_driver,
    of_cdevs.a_group_counts_its_claims_or_its_drivers,
    of_cdevs.an_owner_is_an_iommufd,
    of_cdevs.an_attached_group_has_an_attached_device,
    kept_with(
        of_cdevs.an_attached_group_has_an_attached_device,
        of_both.an_attached_physical_device_claims_its_group,
        of_both.a_bound_physical_device_claims_its_group,
        of_both.each_claim_counts,
    )(of_cdevs.a_group_is_attached_to_what_is_its_owners),
    of_both.nobody_opens_a_group_whose_device_is_bound,
    of_both.the_count_is_of_bound_files_and_of_binds,
    of_both.a_bind_under_way_is_of_a_device_file,
    kept_with(
        a_file_stands_for_what_its_kind_says,
        of_both.a_bind_under_way_is_of_a_device_file,
        of_cdevs.a_group_counts_its_claims_or_its_drivers,
        of_cdevs.an_owner_is_an_iommufd,
        of_cdevs.a_group_is_attached_to_what_is_its_owners,
    )(of_both.no_bind_fails_for_a_foreign_domain),
    of_both.exactly_bound_files_keep_the_group_away,
    of_both.a_bound_file_is_a_device_file_of_an_iommufd,
    of_both.a_file_in_release_is_of_its_kind,
    kept_with(*MADE_UNBOUND, of_2022.a_device_that_is_looked_up_is_there, of_2022.a_file_in_release_is_a_device_file)(
        of_both.what_gives_access_counts_for_its_device
    ),
    kept_with(*OPENED_THROUGH_ITS_GROUP, *CLOSED_THROUGH_ITS_GROUP)(of_both.a_bound_device_has_a_bound_file),
    of_both.a_bound_file_is_of_a_bound_device,
    of_both.a_bound_physical_device_claims_its_group,
    of_both.each_claim_counts,
    of_both.an_attached_physical_device_claims_its_group,
    of_both.an_open_device_is_there,
    of_both.a_bound_device_keeps_the_file_of_its_group_away,
    of_both.a_cdev_has_a_real_device,
    of_both.no_group_of_an_emulated_device_is_open,
    a_file_stands_for_what_its_kind_says,
    a_file_is_a_groups_a_devices_or_an_iommufd,
    a_group_uses_an_iommufd,
    what_stands_for_a_container_is_the_iommufds,
    an_iommufd_is_kept_for_each_use,
    only_iommufds_are_kept,
    a_device_is_bound_while_its_group_has_it_open,
    a_group_binds_to_an_iommufd,
    kept_with(*CLAIMED_BESIDE_ANOTHER)(a_device_that_its_group_bound_is_the_iommufds),
    a_device_that_its_group_bound_is_attached,
    a_physical_device_claims_its_group_while_it_is_bound,
    only_bound_devices_are_attached,
    a_group_without_iommu_reaches_nothing,
    a_bind_keeps_no_other_file,
    an_io_address_space_is_made_late,
    two_calls_make_different_io_address_spaces,
)
