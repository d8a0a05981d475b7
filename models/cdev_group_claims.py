"""What holds groups, containers, device files and iommufds together: the claims of each that still fit, and what stands for the rest."""

from tenure.models import cdev_claims as of_cdevs
from tenure.models import container_claims as of_2013
from tenure.models import container_claims_2022 as of_2022
from tenure.models.cdev_fields import (
    access_granted,
    attached_to,
    blocks,
    bound_to,
    cdev_open_cnt,
    cdev_opened,
    claimed,
    emulated,
    iommufd_of,
    owner_iommufd,
)
from tenure.models.cdev_groups import FAILURE, is_cdev, is_of_group
from tenure.models.cdevs import is_bound
from tenure.models.container_claims import same
from tenure.models.containers import table
from tenure.models.device_files import counted_in, opened_by, opens
from tenure.models.files import file_container, file_device, file_group, gets, kind
from tenure.models.groups import attached, container, group_of, no_iommu, registered
from tenure.models.groups_2022 import is_contained, opened_as, opened_file
from tenure.models.ownership import blocking, owner, owner_cnt, uses_default
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, THREAD
from tenure.vocabulary.systems import claim, kept_with
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, number_of, some, stands, when


@claim(file=FILE)
def a_file_stands_for_what_its_kind_says(file: Term) -> Term:
    """Container files have a container, device files a device; groups are behind files of groups and of their devices alone."""
    return both(
        same(kind[file] == "container", no(is_none(file_container[file]))),
        implies(no(is_none(file_group[file])), either(kind[file] == "group", kind[file] == "device")),
        same(kind[file] == "device", no(is_none(file_device[file]))),
    )


@claim(group=GROUP)
def nobody_opens_a_group_whose_device_is_bound(group: Term) -> Term:
    """While the group's file is open no device of the group is bound, or about to be."""
    return implies(no(is_none(opened_file[group])), cdev_open_cnt[group] == 0)


@claim(group=GROUP)
def the_count_is_of_bound_files_and_of_binds(group: Term) -> Term:
    """`cdev_device_open_cnt` is the number of the group's files that are bound or not past their close, and of binds under way."""
    binds = number_of(THREAD, lambda t: frame(t, "bind", "blocked", GROUP) == group)
    return cdev_open_cnt[group] == number_of(FILE, lambda f: blocks[f] == group) + binds


@claim(thread=THREAD)
def a_bind_under_way_is_of_a_device_file(thread: Term) -> Term:
    """A bind that keeps a group's file away is of a device of the group, and of a file that was opened by itself."""
    file, blocked = frame(thread, "bind", "file", FILE), frame(thread, "bind", "blocked", GROUP)
    past = stands(thread, "bind.bind", "bind.unblock")
    known = both(no(is_none(file)), is_cdev(file), blocked == group_of[file_device[file]])
    return both(implies(past, known), implies(no(past), is_none(blocked)))


@claim(thread=THREAD)
def no_bind_fails_for_a_foreign_domain(thread: Term) -> Term:
    """A bind that lets the group go has failed, and not because the group is in a domain that is not its own."""
    return implies(stands(thread, "bind.unblock"), no(frame(thread, "bind", "failed", FAILURE) == "EBUSY"))


@claim(file=FILE)
def exactly_bound_files_keep_the_group_away(file: Term) -> Term:
    """A bound file blocks the group of its device, and so does one that is being closed until it lets the group go."""
    going = stands(file, "release_device.unblock")
    of_device = when(either(is_bound(file), going), group_of[file_device[file]], blocks.nothing)
    return both(blocks[file] == of_device, implies(going, no(is_bound(file))))


@claim(file=FILE)
def a_bound_file_is_a_device_file_of_an_iommufd(file: Term) -> Term:
    """What is bound was opened by itself and is not past its close, and what it is bound to is an iommufd."""
    settled = no(stands(file, "release_device.unblock", "release_device.put"))
    return implies(is_bound(file), both(is_cdev(file), kind[bound_to[file]] == "iommufd", settled))


@claim(file=FILE)
def a_file_in_release_is_of_its_kind(file: Term) -> Term:
    """What lets a group go was opened by itself."""
    return implies(stands(file, "release_device.unblock"), is_cdev(file))


@claim(file=FILE)
def what_gives_access_counts_for_its_device(file: Term) -> Term:
    """A file that was opened through a group counts for its device until its close, one that is bound while it is; both give access."""
    through = both(is_of_group(file), kind[file] == "device", no(stands(file, "release_device.put")))
    counts = either(through, is_bound(file))
    counted = when(counts, file_device[file], opened_by.nothing)
    return both(same(access_granted[file], counts), opened_by[file] == counted)


@claim(file=FILE)
def an_iommufd_is_kept_for_each_binding(file: Term) -> Term:
    """The kernel's references to an iommufd are the device files that are bound to it; nothing is bound to another file."""
    bindings = number_of(FILE, lambda f: bound_to[f] == file)
    return bindings == when(kind[file] == "iommufd", gets[file], 0)


@claim(file=FILE)
def the_kernel_keeps_no_other_file(file: Term) -> Term:
    """The kernel takes references only to iommufds and to files by which groups are open."""
    group = file_group[file]
    of_group = both(kind[file] == "group", no(is_none(group)), opened_file[group] == file)
    return either(gets[file] == 0, kind[file] == "iommufd", of_group)


@claim(device=DEVICE)
def a_bound_device_has_a_bound_file(device: Term) -> Term:
    """A device is bound by a file of its own, which is its only open one."""
    by = some(FILE, lambda f: both(is_bound(f), opened_by[f] == device))
    return implies(cdev_opened[device], both(by, opens[device] == 1))


@claim(file=FILE)
def a_bound_file_is_of_a_bound_device(file: Term) -> Term:
    """The device of a bound file is bound."""
    return implies(is_bound(file), cdev_opened[file_device[file]])


@claim(device=DEVICE)
def a_device_counts_while_it_is_open_through_its_group(device: Term) -> Term:
    """A device counts in its own group exactly while it is open and not bound."""
    through = both(opens[device] > 0, no(cdev_opened[device]))
    counted = when(through, group_of[device], counted_in.nothing)
    return both(opens[device] >= 0, counted_in[device] == counted)


@claim(device=DEVICE)
def a_physical_device_claims_its_group_while_it_is_bound(device: Term) -> Term:
    """A bound device that an IOMMU translates for counts in the `owner_cnt` of its group, and no other device does."""
    claims = both(no(emulated[device]), cdev_opened[device])
    return claimed[device] == when(claims, group_of[device], claimed.nothing)


@claim(file=FILE)
def a_bound_physical_device_claims_its_group(file: Term) -> Term:
    """The device of a bound file counts in the `owner_cnt` of its group where an IOMMU translates for it."""
    device = file_device[file]
    return implies(both(is_bound(file), no(emulated[device])), claimed[device] == group_of[device])


@claim(group=GROUP)
def a_group_counts_itself_its_claims_or_its_drivers(group: Term) -> Term:
    """`owner_cnt` is 1 for a group that is its own, the number of claims for an iommufd's, and else that of kernel drivers."""
    drivers = number_of(DEVICE, lambda d: uses_default[d] == group)
    claims = number_of(DEVICE, lambda d: claimed[d] == group)
    return both(
        implies(owner[group] == "group", both(owner_cnt[group] == 1, drivers == 0, claims == 0)),
        implies(owner[group] == "iommufd", both(owner_cnt[group] == claims, drivers == 0, claims > 0)),
        implies(owner[group] == "none", both(owner_cnt[group] == drivers, claims == 0)),
    )


@claim(group=GROUP)
def each_claim_counts(group: Term) -> Term:
    """`owner_cnt` is at least the number of claims."""
    return owner_cnt[group] >= number_of(DEVICE, lambda d: claimed[d] == group)


@claim(group=GROUP)
def an_owner_is_the_group_or_an_iommufd(group: Term) -> Term:
    """A real group is its own exactly while it is contained; an iommufd that owns one is known; owned groups leave their domain."""
    return both(
        same(owner[group] == "group", both(is_contained(group), no(no_iommu[group]))),
        same(owner[group] == "iommufd", no(is_none(owner_iommufd[group]))),
        same(no(owner[group] == "none"), blocking[group]),
    )


@claim(device=DEVICE)
def only_bound_devices_are_attached(device: Term) -> Term:
    """A device that is attached is bound, and where an IOMMU translates for it its group is attached to the same."""
    group = group_of[device]
    with_it = either(emulated[device], attached[group] == attached_to[device])
    return implies(no(is_none(attached_to[device])), both(cdev_opened[device], with_it))


@claim(device=DEVICE)
def an_attached_physical_device_claims_its_group(device: Term) -> Term:
    """A device that an IOMMU translates for counts in the `owner_cnt` of its group while it is attached."""
    attached_one = both(no(is_none(attached_to[device])), no(emulated[device]))
    return implies(attached_one, claimed[device] == group_of[device])


@claim(group=GROUP)
def a_contained_group_is_attached_to_its_containers_table(group: Term) -> Term:
    """A group in a container reaches its container's table where it is real; one without IOMMU reaches none."""
    inside = both(is_contained(group), no(no_iommu[group]))
    return both(
        implies(inside, attached[group] == table[container[group]]),
        implies(no_iommu[group], is_none(attached[group])),
    )


@claim(group=GROUP)
def another_attached_group_has_an_attached_device(group: Term) -> Term:
    """A group outside containers reaches an IO address space only while a physical device of it is attached to that."""
    here = attached[group]
    by = some(DEVICE, lambda d: both(group_of[d] == group, no(emulated[d]), attached_to[d] == here))
    return implies(both(no(is_none(here)), no(is_contained(group))), by)


@kept_with(
    another_attached_group_has_an_attached_device,
    an_attached_physical_device_claims_its_group,
    a_bound_physical_device_claims_its_group,
    each_claim_counts,
)
@claim(group=GROUP)
def another_attached_group_is_its_iommufds(group: Term) -> Term:
    """What a group outside containers reaches is an IO address space of the iommufd that owns the group."""
    here = attached[group]
    mine = both(no(is_none(owner_iommufd[group])), iommufd_of[here] == owner_iommufd[group])
    return implies(both(no(is_none(here)), no(is_contained(group))), mine)


@claim(container_=CONTAINER)
def a_containers_table_is_no_iommufds(container_: Term) -> Term:
    """No table is a container's and an iommufd's."""
    return is_none(iommufd_of[table[container_]])


@claim(file=FILE)
def an_open_device_is_there(file: Term) -> Term:
    """The device of a device file is registered or on its way out, and a file that knows a group knows its device's."""
    device = file_device[file]
    there = either(registered[device], stands(device, "unbind_driver.wait_device"))
    of_group = implies(is_of_group(file), group_of[device] == file_group[file])
    return implies(kind[file] == "device", both(there, of_group))


@claim(device=DEVICE, group=GROUP)
def a_bound_device_keeps_the_file_of_its_group_away(device: Term, group: Term) -> Term:
    """While a device is bound nobody has the file of its group."""
    return implies(both(cdev_opened[device], group_of[device] == group), is_none(opened_file[group]))


@claim(device=DEVICE, group=GROUP)
def a_group_of_a_bound_device_is_in_no_container(device: Term, group: Term) -> Term:
    """While a device is bound its group is in no container."""
    return implies(both(cdev_opened[device], group_of[device] == group), no(is_contained(group)))


@claim(file=FILE)
def a_cdev_has_a_real_device(file: Term) -> Term:
    """No device of a group without IOMMU has a file of its own."""
    return implies(is_cdev(file), no(no_iommu[group_of[file_device[file]]]))


@claim(device=DEVICE, group=GROUP)
def no_group_of_an_emulated_device_is_open(device: Term, group: Term) -> Term:
    """The groups of emulated devices are not told of: none is open."""
    return implies(both(emulated[device], group_of[device] == group), is_none(opened_file[group]))


@claim(thread=THREAD)
def who_keeps_a_file_keeps_a_groups_or_a_devices(thread: Term) -> Term:
    """A call that keeps a file keeps one that was opened as a group's, and is the group's or nothing's, or one of a device."""
    file, target = frame(thread, "set_container", "file", FILE), frame(thread, "set_container", "target", FILE)
    was = opened_as[file]  # GET_DEVICE_FD and BIND keep their files in the same places
    known = both(no(is_none(was)), either(opened_file[was] == file, is_none(file_group[file])))
    held = either(no(is_none(file)), no(is_none(target)))
    return implies(held, either(known, both(is_cdev(file), is_none(target))))


CLOSED_THROUGH_ITS_GROUP = (
    a_file_stands_for_what_its_kind_says,
    an_open_device_is_there,
    what_gives_access_counts_for_its_device,
    of_2022.opens_count_the_files,
    a_bound_device_has_a_bound_file,
    a_device_counts_while_it_is_open_through_its_group,
)
"""Why a device counts in the group through which its last file was opened."""

OTHERWISE = (of_2013.a_real_group_reaches_its_containers_table, of_2013.used_means_contained)

KEPT = (
    *(c for c in of_2022.KEPT if c not in OTHERWISE),
    kept_with(
        *CLOSED_THROUGH_ITS_GROUP, of_2022.users_count_the_open_devices, of_2022.a_contained_group_is_placed_and_open
    )(of_2013.used_means_contained),
)

OF_GROUPS = (
    of_2022.an_open_group_knows_its_file,
    of_2022.a_group_file_is_the_groups_file,
    of_2022.a_group_file_was_opened_as_its_groups,
    of_2022.an_open_group_has_a_device,
    of_2022.a_contained_group_is_placed_and_open,
    of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
    of_2022.exactly_kernel_drivers_use_the_default_domain,
    of_2022.an_ioctl_on_a_group_keeps_its_files,
    of_2022.an_idle_thread_holds_no_file,
    of_2022.a_file_in_release_is_a_device_file,
    kept_with(*CLOSED_THROUGH_ITS_GROUP)(of_2022.users_count_the_open_devices),
    of_2022.opens_count_the_files,
    of_2022.a_vfio_device_is_registered_or_leaving,
    of_2022.a_device_that_counts_is_there,
    of_2022.nobody_uses_a_removed_device,
    of_2022.a_device_that_is_looked_up_is_there,
    of_2022.a_device_file_is_made_before_its_fd,
    of_2022.two_device_fds_are_different_files,
)

OPENED_THROUGH_ITS_GROUP = (
    of_2022.a_device_file_is_made_before_its_fd,
    of_2022.a_device_that_is_looked_up_is_there,
    a_bound_file_is_a_device_file_of_an_iommufd,
    a_bound_file_is_of_a_bound_device,
    a_group_of_a_bound_device_is_in_no_container,
)
"""Why no device is bound that is opened through its group."""

OF_CDEVS = (
    of_cdevs.a_device_is_bound_once,
    kept_with(of_cdevs.a_device_is_bound_once, a_bound_physical_device_claims_its_group, each_claim_counts)(
        of_cdevs.a_bound_device_is_its_iommufds
    ),
    of_cdevs.a_bound_device_is_attached_to_what_is_its_iommufds,
    of_cdevs.an_address_space_has_an_open_iommufd,
    of_cdevs.an_emulated_device_has_no_kernel_driver,
)

CLAIMS = (
    *KEPT,
    *OF_GROUPS,
    *OF_CDEVS,
    a_file_stands_for_what_its_kind_says,
    nobody_opens_a_group_whose_device_is_bound,
    the_count_is_of_bound_files_and_of_binds,
    a_bind_under_way_is_of_a_device_file,
    no_bind_fails_for_a_foreign_domain,
    exactly_bound_files_keep_the_group_away,
    a_bound_file_is_a_device_file_of_an_iommufd,
    a_file_in_release_is_of_its_kind,
    what_gives_access_counts_for_its_device,
    an_iommufd_is_kept_for_each_binding,
    the_kernel_keeps_no_other_file,
    kept_with(*OPENED_THROUGH_ITS_GROUP, *CLOSED_THROUGH_ITS_GROUP)(a_bound_device_has_a_bound_file),
    a_bound_file_is_of_a_bound_device,
    a_device_counts_while_it_is_open_through_its_group,
    a_physical_device_claims_its_group_while_it_is_bound,
    a_bound_physical_device_claims_its_group,
    a_group_counts_itself_its_claims_or_its_drivers,
    each_claim_counts,
    an_owner_is_the_group_or_an_iommufd,
    only_bound_devices_are_attached,
    an_attached_physical_device_claims_its_group,
    a_contained_group_is_attached_to_its_containers_table,
    another_attached_group_has_an_attached_device,
    another_attached_group_is_its_iommufds,
    a_containers_table_is_no_iommufds,
    an_open_device_is_there,
    a_bound_device_keeps_the_file_of_its_group_away,
    a_group_of_a_bound_device_is_in_no_container,
    a_cdev_has_a_real_device,
    no_group_of_an_emulated_device_is_open,
    who_keeps_a_file_keeps_a_groups_or_a_devices,
)
