"""What holds the containers of 5.19 and later together: the claims of 2013 that still fit, and what stands for the rest."""

from tenure.models import container_claims as of_2013
from tenure.models.container_claims import same
from tenure.models.device_files import counted_in, opened_by, opens
from tenure.models.files import file_container, file_device, file_group, gets, kind
from tenure.models.groups import driver, group_of, leaving, no_iommu, placed, registered, users
from tenure.models.groups_2022 import exists, is_contained, opened_as, opened_file
from tenure.models.iommu_driver_claims import CLAIMS as DRIVER_CLAIMS
from tenure.models.modules import open_references
from tenure.models.ownership import blocking, owner, owner_cnt, uses_default
from tenure.models.vfio_driver_claims import a_module_with_a_reference_does_not_go
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, THREAD
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    busy,
    either,
    frame,
    implies,
    in_flight,
    is_none,
    no,
    number_of,
    stands,
    when,
)


@claim(file=FILE)
def a_file_stands_for_what_its_kind_says(file: Term) -> Term:
    """Container files have a container, device files a group and a device; group files a group or, orphaned, nothing."""
    return both(
        same(kind[file] == "container", no(is_none(file_container[file]))),
        implies(no(is_none(file_group[file])), either(kind[file] == "group", kind[file] == "device")),
        implies(kind[file] == "device", no(is_none(file_group[file]))),
        same(kind[file] == "device", no(is_none(file_device[file]))),
    )


@claim(group=GROUP)
def an_open_group_knows_its_file(group: Term) -> Term:
    """The group's file, where it has one, stands for the group, and the group has a device."""
    file = opened_file[group]
    return implies(no(is_none(file)), both(kind[file] == "group", file_group[file] == group))


@claim(file=FILE)
def a_group_file_is_the_groups_file(file: Term) -> Term:
    """Every file that stands for a group is the one by which the group is open."""
    group = file_group[file]
    return implies(both(kind[file] == "group", no(is_none(group))), opened_file[group] == file)


@claim(file=FILE)
def a_group_file_was_opened_as_its_groups(file: Term) -> Term:
    """A group file stands for the group as whose file it was opened, or for nothing."""
    group, was = file_group[file], opened_as[file]
    return both(
        same(kind[file] == "group", no(is_none(was))),
        implies(both(kind[file] == "group", no(is_none(group))), group == was),
    )


@claim(group=GROUP)
def an_open_group_has_a_device(group: Term) -> Term:
    """A group of which a file is open has a device of a VFIO driver."""
    return implies(no(is_none(opened_file[group])), exists(group))


@claim(group=GROUP)
def a_contained_group_is_placed_and_open(group: Term) -> Term:
    """A group is in a container exactly while SET_CONTAINER holds, and only while a file of it is open."""
    return both(same(is_contained(group), placed[group]), implies(placed[group], no(is_none(opened_file[group]))))


@claim(group=GROUP)
def the_kernel_keeps_a_group_file_for_each_use_of_a_device(group: Term) -> Term:
    """References to the group's file are the uses of the group besides that of SET_CONTAINER."""
    file = opened_file[group]
    return implies(no(is_none(file)), gets[file] + when(placed[group], 1, 0) == users[group])


@claim(file=FILE)
def the_kernel_keeps_no_other_file(file: Term) -> Term:
    """The kernel takes references only to files by which groups are open."""
    group = file_group[file]
    return either(gets[file] == 0, both(kind[file] == "group", no(is_none(group)), opened_file[group] == file))


@claim(group=GROUP)
def users_count_the_open_devices(group: Term) -> Term:
    """`container_users` is one for SET_CONTAINER and one for each device that is open."""
    return users[group] == when(placed[group], 1, 0) + number_of(DEVICE, lambda d: counted_in[d] == group)


@claim(device=DEVICE)
def a_device_counts_while_it_is_open(device: Term) -> Term:
    """A device counts in its own group exactly while its `open_count` is above zero."""
    return both(opens[device] >= 0, counted_in[device] == when(opens[device] > 0, group_of[device], counted_in.nothing))


@claim(device=DEVICE)
def opens_count_the_files(device: Term) -> Term:
    """A device's `open_count` is the number of its files that are not past their close."""
    return opens[device] == number_of(FILE, lambda f: opened_by[f] == device)


@claim(device=DEVICE)
def an_open_device_keeps_the_module(device: Term) -> Term:
    """The module of the driver of a device has one reference while the device is open."""
    return open_references[device] == when(opens[device] > 0, 1, 0)


@claim(file=FILE)
def a_device_file_opens_its_device(file: Term) -> Term:
    """A device file counts for its device until its close, any other file for none."""
    closed = stands(file, "release_device.put")
    counts = both(kind[file] == "device", no(closed))
    return opened_by[file] == when(counts, file_device[file], opened_by.nothing)


@claim(device=DEVICE)
def a_vfio_device_is_registered_or_leaving(device: Term) -> Term:
    """A device is in its group's list or on its way out only while a VFIO driver is bound to it, and never both."""
    waits = stands(device, "unbind_driver.wait_device", "unbind_driver.remove_group")
    gone = stands(device, "unbind_driver.unbound")
    return both(
        same(driver[device] == "vfio", either(registered[device], leaving[device], gone)),
        same(leaving[device], waits),
        implies(leaving[device], no(registered[device])),
        implies(gone, no(registered[device])),
    )


@claim(file=FILE)
def an_open_device_is_there(file: Term) -> Term:
    """The device of a device file is registered or on its way out, and the file knows its group."""
    device = file_device[file]
    there = either(registered[device], stands(device, "unbind_driver.wait_device"))
    return implies(kind[file] == "device", both(there, group_of[device] == file_group[file]))


@claim(device=DEVICE)
def a_device_that_counts_is_there(device: Term) -> Term:
    """A device that counts in its group is registered or on its way out, and not yet removed."""
    there = either(registered[device], stands(device, "unbind_driver.wait_device"))
    return implies(no(is_none(counted_in[device])), there)


@claim(device=DEVICE)
def nobody_uses_a_removed_device(device: Term) -> Term:
    """Once an unbind has waited, no call holds the device."""
    return implies(stands(device, "unbind_driver.remove_group", "unbind_driver.unbound"), no(in_flight(device)))


@claim(thread=THREAD)
def a_device_that_is_looked_up_is_there(thread: Term) -> Term:
    """While GET_DEVICE_FD holds a device, the device is there and of the group of the file."""
    found, file = frame(thread, "get_device_fd", "found", DEVICE), frame(thread, "get_device_fd", "file", FILE)
    there = either(registered[found], stands(found, "unbind_driver.wait_device"))
    past = stands(thread, "get_device_fd.open", "get_device_fd.install")
    return implies(past, both(no(is_none(found)), there, group_of[found] == file_group[file], kind[file] == "group"))


OPENS = ("get_device_fd.open",)
INSTALLS = ("get_device_fd.install",)


def _made(thread: Term) -> Term:
    return frame(thread, "get_device_fd", "made", FILE)


@claim(thread=THREAD)
def a_device_file_is_made_before_its_fd(thread: Term) -> Term:
    """GET_DEVICE_FD makes its file in one step and installs the fd in a later one."""
    file = _made(thread)
    return both(
        implies(stands(thread, *OPENS), both(no(is_none(file)), kind[file] == "closed")),
        implies(stands(thread, *INSTALLS), both(no(is_none(file)), kind[file] == "device")),
    )


@claim(thread=THREAD, other=THREAD)
def two_device_fds_are_different_files(thread: Term, other: Term) -> Term:
    """The name of a new device file is chosen by one thread alone."""
    past = both(stands(thread, *OPENS, *INSTALLS), stands(other, *OPENS, *INSTALLS))
    return implies(both(past, _made(thread) == _made(other)), thread == other)


@claim(thread=THREAD)
def an_ioctl_on_a_group_keeps_its_files(thread: Term) -> Term:
    """While SET_CONTAINER runs, the group's file and the one that it looked up are open."""
    file, target = frame(thread, "set_container", "file", FILE), frame(thread, "set_container", "target", FILE)
    open_both = both(no(is_none(file)), kind[file] == "group", no(is_none(target)), no(kind[target] == "closed"))
    return implies(stands(thread, "set_container.attach"), open_both)


@claim(thread=THREAD)
def who_keeps_a_file_keeps_a_groups_file(thread: Term) -> Term:
    """A call that keeps any file keeps one that was opened as a group's, and is the group's still or stands for nothing."""
    file, target = frame(thread, "set_container", "file", FILE), frame(thread, "set_container", "target", FILE)
    was = opened_as[file]  # GET_DEVICE_FD keeps its files in the same places
    known = either(opened_file[was] == file, is_none(file_group[file]))
    return implies(either(no(is_none(file)), no(is_none(target))), both(no(is_none(was)), known))


@claim(thread=THREAD)
def an_idle_thread_holds_no_file(thread: Term) -> Term:
    """Between its calls a thread keeps no reference to a file."""
    held = [
        frame(thread, call, name, FILE)
        for call, name in (("set_container", "file"), ("set_container", "target"), ("get_device_fd", "made"))
    ]
    return implies(no(busy(thread)), both(*(is_none(f) for f in held)))


@claim(file=FILE)
def a_file_in_release_is_a_device_file(file: Term) -> Term:
    """A release of several steps is that of a device file."""
    return implies(busy(file), kind[file] == "device")


@claim(group=GROUP)
def a_group_has_a_user_or_kernel_drivers(group: Term) -> Term:
    """`owner_cnt` is 1 for the user that owns the group, and else the number of drivers that do DMA for the kernel."""
    drivers = number_of(DEVICE, lambda d: uses_default[d] == group)
    owned = no(owner[group] == "none")
    return both(
        implies(owned, both(owner_cnt[group] == 1, drivers == 0)), implies(no(owned), owner_cnt[group] == drivers)
    )


@claim(group=GROUP)
def a_real_group_is_owned_while_it_is_contained(group: Term) -> Term:
    """A group that an IOMMU isolates is owned by itself, and out of its default domain, exactly while it is in a container."""
    owned = no(owner[group] == "none")
    known = both(same(owned, both(is_contained(group), no(no_iommu[group]))), same(owned, blocking[group]))
    return both(known, implies(owned, owner[group] == "group"))


@claim(device=DEVICE)
def exactly_kernel_drivers_use_the_default_domain(device: Term) -> Term:
    """A device counts in `owner_cnt` of its group while a kernel driver is bound to it, about to probe or just gone."""
    real = no(no_iommu[group_of[device]])
    between = stands(device, "bind_driver.probe", "unbind_driver.cleanup")
    counts = both(real, either(driver[device] == "kernel", between))
    return both(
        uses_default[device] == when(counts, group_of[device], uses_default.nothing),
        implies(between, both(real, driver[device] == "none")),
    )


KEPT = (
    of_2013.an_fd_refers_to_an_open_file,
    of_2013.a_kept_file_is_open,
    of_2013.a_container_has_one_file,
    of_2013.a_contained_group_is_in_its_containers_list,
    of_2013.a_listed_group_points_back,
    of_2013.used_means_contained,
    of_2013.a_real_group_reaches_its_containers_table,
    of_2013.a_table_has_one_container,
    of_2013.a_table_needs_a_group,
    of_2013.references_count_file_and_groups,
    of_2013.references_cover_file_and_list,
    of_2013.a_container_knows_its_kind,
    of_2013.a_table_needs_a_listed_group,
    of_2013.a_file_in_release_has_no_fd,
    of_2013.no_user_keeps_a_file_in_release,
    of_2013.no_call_uses_a_file_in_release,
    of_2013.no_null_pointer_was_followed,
    of_2013.nothing_was_used_after_it_was_freed,
    of_2013.no_list_was_corrupted,
    *DRIVER_CLAIMS,
)
"""The claims of 2013 that speak neither of counted opens nor of the steps of then."""

GROUPS = (
    a_file_stands_for_what_its_kind_says,
    an_open_group_knows_its_file,
    a_group_file_is_the_groups_file,
    a_group_file_was_opened_as_its_groups,
    an_open_group_has_a_device,
    a_contained_group_is_placed_and_open,
    the_kernel_keeps_a_group_file_for_each_use_of_a_device,
    the_kernel_keeps_no_other_file,
    a_group_has_a_user_or_kernel_drivers,
    a_real_group_is_owned_while_it_is_contained,
    exactly_kernel_drivers_use_the_default_domain,
    an_ioctl_on_a_group_keeps_its_files,
    who_keeps_a_file_keeps_a_groups_file,
    an_idle_thread_holds_no_file,
    a_file_in_release_is_a_device_file,
)
"""What holds in every version from 5.19 on."""

CLAIMS = (
    *KEPT,
    *GROUPS,
    users_count_the_open_devices,
    a_device_counts_while_it_is_open,
    opens_count_the_files,
    a_device_file_opens_its_device,
    a_vfio_device_is_registered_or_leaving,
    an_open_device_is_there,
    a_device_that_counts_is_there,
    nobody_uses_a_removed_device,
    a_device_that_is_looked_up_is_there,
    a_device_file_is_made_before_its_fd,
    two_device_fds_are_different_files,
    an_open_device_keeps_the_module,
    a_module_with_a_reference_does_not_go,
)
