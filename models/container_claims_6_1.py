"""What holds the containers of 6.1 together, where each device file counts and a device is listed until nobody uses it."""

from tenure.models.container_claims import same
from tenure.models.container_claims_2022 import GROUPS, KEPT, nobody_uses_a_removed_device
from tenure.models.containers import counts
from tenure.models.device_files import opened_by, opens
from tenure.models.files import file_device, file_group, kind
from tenure.models.groups import driver, group_of, leaving, placed, registered, users
from tenure.models.modules import keeps
from tenure.models.vfio_driver_claims import CLAIMS_6_1 as MODULE_CLAIMS
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, THREAD
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    either,
    frame,
    implies,
    is_none,
    no,
    number_of,
    some,
    stands,
    when,
)


def _made(thread: Term) -> Term:
    return frame(thread, "get_device_fd", "made", FILE)


@claim(group=GROUP)
def users_count_the_device_files(group: Term) -> Term:
    """`container_users` is one for SET_CONTAINER and one for each device file."""
    return users[group] == when(placed[group], 1, 0) + number_of(FILE, lambda f: counts[f] == group)


@claim(file=FILE)
def a_device_file_counts_until_it_is_unassigned(file: Term) -> Term:
    """A device file counts in its own group until its release has given that up, other files in none."""
    counting = both(kind[file] == "device", no(stands(file, "release_device.put")))
    return counts[file] == when(counting, file_group[file], counts.nothing)


@claim(device=DEVICE)
def opens_count_the_files(device: Term) -> Term:
    """A device's `open_count` is the number of its files between open and close."""
    return opens[device] == number_of(FILE, lambda f: opened_by[f] == device)


def _is_closed(file: Term) -> Term:
    return stands(file, "release_device.unassign", "release_device.put")


@claim(file=FILE)
def what_opens_a_device_is_a_file_of_it(file: Term) -> Term:
    """A file counts in a device's `open_count` only while it is a file of that device, and not past its close."""
    mine = both(kind[file] == "device", opened_by[file] == file_device[file], no(_is_closed(file)))
    return implies(no(is_none(opened_by[file])), mine)


@claim(device=DEVICE)
def a_vfio_device_is_registered_or_leaving(device: Term) -> Term:
    """A VFIO driver is bound to a device that is registered or on its way out; it is registered until nobody uses it."""
    waits, removes = stands(device, "unbind_driver.wait_device"), stands(device, "unbind_driver.remove_group")
    gone = stands(device, "unbind_driver.unbound")
    return both(
        same(driver[device] == "vfio", either(registered[device], leaving[device], gone)),
        same(leaving[device], either(waits, removes)),
        implies(waits, registered[device]),
        implies(either(removes, gone), no(registered[device])),
    )


@claim(file=FILE)
def an_open_device_is_registered(file: Term) -> Term:
    """The device of a device file is in its group's list, and the file knows the group."""
    device = file_device[file]
    return implies(kind[file] == "device", both(registered[device], group_of[device] == file_group[file]))


PAST = ("get_device_fd.assign", "get_device_fd.open", "get_device_fd.install")


@claim(thread=THREAD)
def a_device_that_is_looked_up_is_registered(thread: Term) -> Term:
    """While GET_DEVICE_FD holds a device, the device is in the list of the group of the file."""
    found, file = frame(thread, "get_device_fd", "found", DEVICE), frame(thread, "get_device_fd", "file", FILE)
    there = both(no(is_none(found)), registered[found], group_of[found] == file_group[file])
    return implies(stands(thread, *PAST), both(there, kind[file] == "group"))


@claim(thread=THREAD)
def a_device_file_is_made_opened_and_given_its_fd(thread: Term) -> Term:
    """GET_DEVICE_FD makes its file, opens the device for it, and installs the fd, in this order."""
    file, found = _made(thread), frame(thread, "get_device_fd", "found", DEVICE)
    made = both(kind[file] == "device", file_device[file] == found)
    return implies(
        stands(thread, *PAST),
        both(
            no(is_none(file)),
            implies(stands(thread, "get_device_fd.assign"), kind[file] == "closed"),
            implies(stands(thread, "get_device_fd.open"), both(made, is_none(opened_by[file]))),
            implies(stands(thread, "get_device_fd.install"), both(made, opened_by[file] == found)),
        ),
    )


@claim(thread=THREAD, other=THREAD)
def two_device_fds_are_different_files(thread: Term, other: Term) -> Term:
    """The name of a new device file is chosen by one thread alone."""
    past = both(stands(thread, *PAST), stands(other, *PAST))
    return implies(both(past, _made(thread) == _made(other)), thread == other)


@claim(file=FILE)
def a_device_file_opens_its_device(file: Term) -> Term:
    """A device file counts for its device until its close, but while the call that makes it has not opened yet."""
    opening = some(THREAD, lambda t: both(stands(t, "get_device_fd.open"), _made(t) == file))
    settled = both(kind[file] == "device", no(opening), no(_is_closed(file)))
    return implies(settled, opened_by[file] == file_device[file])


@claim(file=FILE)
def exactly_open_device_files_keep_the_module(file: Term) -> Term:
    """A device file has a reference to the module of its device's driver until its close, any other file to none."""
    return keeps[file] == when(both(kind[file] == "device", no(_is_closed(file))), file_device[file], keeps.nothing)


CLAIMS = (
    *KEPT,
    *GROUPS,
    users_count_the_device_files,
    a_device_file_counts_until_it_is_unassigned,
    opens_count_the_files,
    what_opens_a_device_is_a_file_of_it,
    a_device_file_opens_its_device,
    a_vfio_device_is_registered_or_leaving,
    an_open_device_is_registered,
    nobody_uses_a_removed_device,
    a_device_that_is_looked_up_is_registered,
    a_device_file_is_made_opened_and_given_its_fd,
    two_device_fds_are_different_files,
    exactly_open_device_files_keep_the_module,
    *MODULE_CLAIMS,
)
