"""What holds the containers of 2013 together where every call is indivisible: helper invariants for the proofs."""

from tenure.models.containers import counts, holds_no_iommu, linked, references, table
from tenure.models.files import fd, file_container, file_device, file_group, kept, kind
from tenure.models.groups import (
    acceptable,
    attached,
    container,
    counted,
    driver,
    file_of,
    group_of,
    leaving,
    no_iommu,
    opened,
    placed,
    registered,
    users,
)
from tenure.models.harm import harm
from tenure.models.iommu_driver_claims import CLAIMS as DRIVER_CLAIMS
from tenure.models.vfio_driver_claims import CLAIMS as MODULE_CLAIMS
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, PROCESS, THREAD, USER
from tenure.vocabulary.symbols import choice_is
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
    some,
    stands,
    when,
)


def same(left: Term, right: Term) -> Term:
    """Both flags hold, or neither does."""
    return both(implies(left, right), implies(right, left))


@claim(file=FILE)
def a_file_stands_for_what_its_kind_says(file: Term) -> Term:
    """Container files have a container, group files a group, device files a group and a device; closed files nothing."""
    return both(
        same(kind[file] == "container", no(is_none(file_container[file]))),
        same(choice_is(kind[file], "group", "device"), no(is_none(file_group[file]))),
        same(kind[file] == "device", no(is_none(file_device[file]))),
    )


@claim(process=PROCESS, file=FILE)
def an_fd_refers_to_an_open_file(process: Term, file: Term) -> Term:
    """No fd table has a file that is gone."""
    return implies(fd[process, file], no(kind[file] == "closed"))


@claim(user=USER, file=FILE)
def a_kept_file_is_open(user: Term, file: Term) -> Term:
    """No external user keeps a file that is gone."""
    return implies(kept[user, file], no(kind[file] == "closed"))


@claim(file=FILE, other=FILE)
def a_container_has_one_file(file: Term, other: Term) -> Term:
    """Two files never stand for the same container."""
    here = file_container[file]
    return implies(both(no(is_none(here)), here == file_container[other]), file == other)


@claim(group=GROUP)
def an_opened_group_knows_its_file(group: Term) -> Term:
    """The `opened` counter is 1 exactly while the group has a file, and that file stands for the group."""
    file = file_of[group]
    stands_for = both(no(is_none(file)), kind[file] == "group", file_group[file] == group)
    return both(implies(opened[group], stands_for), implies(no(is_none(file)), opened[group]))


@claim(file=FILE)
def a_group_file_is_the_groups_file(file: Term) -> Term:
    """Every group file is the one by which its group is open."""
    return implies(kind[file] == "group", file_of[file_group[file]] == file)


@claim(group=GROUP)
def a_contained_group_is_in_its_containers_list(group: Term) -> Term:
    """A group that points to a container is in that container's list."""
    return implies(no(is_none(container[group])), linked[container[group], group])


@claim(container_=CONTAINER, group=GROUP)
def a_listed_group_points_back(container_: Term, group: Term) -> Term:
    """A group in a container's list points to that container."""
    return implies(linked[container_, group], container[group] == container_)


@claim(group=GROUP)
def users_count_those_entitled(group: Term) -> Term:
    """`container_users` is the base, the open device files and the external users, at every moment."""
    files = number_of(FILE, lambda f: counts[f] == group)
    outside = number_of(USER, lambda u: counted[u] == group)
    return users[group] == when(placed[group], 1, 0) + files + outside


@claim(group=GROUP)
def used_means_contained(group: Term) -> Term:
    """A group has users exactly while it points to a container, at every moment."""
    return same(users[group] > 0, no(is_none(container[group])))


@claim(file=FILE)
def a_group_file_is_the_base_of_a_contained_group(file: Term) -> Term:
    """While a contained group has a file, SET_CONTAINER's use is still there."""
    group = file_group[file]
    return implies(both(kind[file] == "group", no(is_none(container[group]))), placed[group])


@claim(group=GROUP)
def a_placed_group_is_open(group: Term) -> Term:
    """SET_CONTAINER's use goes with the group's file."""
    return implies(placed[group], opened[group])


@claim(file=FILE)
def exactly_device_files_count(file: Term) -> Term:
    """A device file counts in its own group, other files in none."""
    return counts[file] == when(kind[file] == "device", file_group[file], counts.nothing)


@claim(group=GROUP)
def a_real_group_reaches_its_containers_table(group: Term) -> Term:
    """A group isolated by an IOMMU is attached to the table of its container, any other group to none."""
    return attached[group] == when(no_iommu[group], attached.nothing, table[container[group]])


@claim(container_=CONTAINER, other=CONTAINER)
def a_table_has_one_container(container_: Term, other: Term) -> Term:
    """Two containers never have the same table."""
    mine = table[container_]
    return implies(both(no(is_none(mine)), mine == table[other]), container_ == other)


@claim(container_=CONTAINER)
def a_table_needs_a_group(container_: Term) -> Term:
    """A container with an IOMMU driver has a group."""
    groups = number_of(GROUP, lambda g: container[g] == container_)
    return implies(no(is_none(table[container_])), groups > 0)


@claim(container_=CONTAINER)
def references_count_file_and_groups(container_: Term) -> Term:
    """A container's references are its file and the groups that point to it."""
    files = number_of(FILE, lambda f: file_container[f] == container_)
    groups = number_of(GROUP, lambda g: container[g] == container_)
    return references[container_] == files + groups


@claim(container_=CONTAINER)
def references_cover_file_and_list(container_: Term) -> Term:
    """A container has a reference for its file and one for each group in its list, even where two calls raced."""
    files = number_of(FILE, lambda f: file_container[f] == container_)
    groups = number_of(GROUP, lambda g: linked[container_, g])
    return references[container_] >= files + groups


@claim(container_=CONTAINER, group=GROUP)
def a_container_knows_its_kind(container_: Term, group: Term) -> Term:
    """A container's no-IOMMU flag is that of the groups in its list."""
    return implies(linked[container_, group], holds_no_iommu[container_] == no_iommu[group])


@claim(container_=CONTAINER)
def a_table_needs_a_listed_group(container_: Term) -> Term:
    """A container with an IOMMU driver has a group in its list, whatever the group's pointer says."""
    return implies(no(is_none(table[container_])), some(GROUP, lambda g: linked[container_, g]))


def _opening(thread: Term) -> Term:
    return frame(thread, "open_group", "found", GROUP)


OPENS = ("open_group.claim", "open_group.test")
ASKS = tuple(f"get_device_fd.{s}" for s in ("check_iommu", "check_viable", "look_up", "open"))
INSTALLS = ("get_device_fd.count", "get_device_fd.install")
ON_A_GROUP_FILE = (*ASKS, *INSTALLS, "set_container.look_up", "set_container.attach", "unset_container.detach")


def _group_file(thread: Term) -> Term:
    return frame(thread, "open_group", "file", FILE)


def _device_file(thread: Term) -> Term:
    return frame(thread, "get_device_fd", "made", FILE)


def _stands_open(file: Term) -> Term:
    return both(kind[file] == "group", no(stands(file, "release_group.put")))


@claim(thread=THREAD)
def who_opens_a_group_has_found_it(thread: Term) -> Term:
    """An open that goes on has found a group, and its file is not made yet."""
    file = _group_file(thread)
    unmade = both(no(is_none(file)), kind[file] == "closed")
    return implies(stands(thread, *OPENS), both(no(is_none(_opening(thread))), unmade))


@claim(thread=THREAD, other=THREAD)
def two_opens_make_different_files(thread: Term, other: Term) -> Term:
    """The name of a new group file is chosen by one thread alone."""
    past = both(stands(thread, *OPENS), stands(other, *OPENS))
    return implies(both(past, _group_file(thread) == _group_file(other)), thread == other)


@claim(thread=THREAD, other=THREAD)
def two_device_fds_are_different_files(thread: Term, other: Term) -> Term:
    """The name of a new device file is chosen by one thread alone."""
    past = both(stands(thread, *ASKS, *INSTALLS), stands(other, *ASKS, *INSTALLS))
    return implies(both(past, _device_file(thread) == _device_file(other)), thread == other)


@claim(thread=THREAD, other=THREAD)
def no_file_is_made_twice(thread: Term, other: Term) -> Term:
    """No thread makes as a group file what another makes as a device file."""
    past = both(stands(thread, *OPENS), stands(other, *ASKS, *INSTALLS))
    return implies(past, no(_group_file(thread) == _device_file(other)))


@claim(thread=THREAD)
def a_device_file_is_made_before_its_fd(thread: Term) -> Term:
    """GET_DEVICE_FD makes its file in one step and installs the fd in a later one, or, until 3.10, in the same."""
    file = _device_file(thread)
    return both(
        implies(stands(thread, *ASKS), both(no(is_none(file)), kind[file] == "closed")),
        implies(stands(thread, *INSTALLS), both(no(is_none(file)), kind[file] == "device")),
    )


@claim(thread=THREAD)
def a_device_is_found_before_it_is_opened(thread: Term) -> Term:
    """GET_DEVICE_FD makes its file of a device that it found."""
    return implies(stands(thread, "get_device_fd.open"), no(is_none(frame(thread, "get_device_fd", "found", DEVICE))))


@claim(thread=THREAD)
def an_ioctl_on_a_group_keeps_its_file(thread: Term) -> Term:
    """While an ioctl runs on a group file, the file is there: nobody releases it."""
    file = frame(thread, "get_device_fd", "file", FILE)
    return implies(stands(thread, *ON_A_GROUP_FILE), both(no(is_none(file)), kind[file] == "group"))


@claim(file=FILE)
def a_file_in_release_is_of_its_kind(file: Term) -> Term:
    """A release runs on a file of its kind."""
    group = stands(file, *(f"release_group.{s}" for s in ("dissolve", "detach", "reopen", "put")))
    device = stands(file, *(f"release_device.{s}" for s in ("dissolve", "detach", "put")))
    return both(implies(group, kind[file] == "group"), implies(device, kind[file] == "device"))


@claim(process=PROCESS, file=FILE)
def a_file_in_release_has_no_fd(process: Term, file: Term) -> Term:
    """A release begins after the last fd is gone, and nobody makes another."""
    return implies(busy(file), no(fd[process, file]))


@claim(user=USER, file=FILE)
def no_user_keeps_a_file_in_release(user: Term, file: Term) -> Term:
    """A release begins after the last external user has let the file go."""
    return implies(busy(file), no(kept[user, file]))


@claim(file=FILE)
def no_call_uses_a_file_in_release(file: Term) -> Term:
    """A release begins after the last call on the file has ended, and no other call can find the file."""
    return implies(busy(file), no(in_flight(file)))


@claim(thread=THREAD)
def who_opens_a_group_has_claimed_it(thread: Term) -> Term:
    """Between claim and test of an open, the group's `opened` counter is 1."""
    group = _opening(thread)
    return implies(stands(thread, "open_group.test"), both(no(is_none(group)), opened[group]))


@claim(file=FILE)
def a_file_not_yet_released_has_its_group_claimed(file: Term) -> Term:
    """Until a group file's release reopens the group, the `opened` counter is 1."""
    return implies(_stands_open(file), opened[file_group[file]])


@claim(thread=THREAD, other=THREAD)
def one_thread_opens_a_group(thread: Term, other: Term) -> Term:
    """Two opens of one group are never both past their claim."""
    past = both(stands(thread, "open_group.test"), stands(other, "open_group.test"))
    return implies(both(past, _opening(thread) == _opening(other)), thread == other)


@claim(thread=THREAD, file=FILE)
def nobody_opens_an_open_group(thread: Term, file: Term) -> Term:
    """No open is past its claim while the group has a file that is not released."""
    past = both(stands(thread, "open_group.test"), _stands_open(file))
    return no(both(past, no(is_none(file_group[file])), _opening(thread) == file_group[file]))


@claim(file=FILE, other=FILE)
def a_group_has_one_file(file: Term, other: Term) -> Term:
    """Two group files that are not released stand for different groups."""
    stand = both(_stands_open(file), _stands_open(other), file_group[file] == file_group[other])
    return implies(stand, file == other)


@claim(device=DEVICE)
def a_vfio_device_is_registered_or_leaving(device: Term) -> Term:
    """A device is registered or leaving exactly while a VFIO driver is bound to it."""
    return both(
        same(driver[device] == "vfio", either(registered[device], leaving[device])),
        implies(stands(device, "unbind_driver.wait_device"), leaving[device]),
        implies(stands(device, "unbind_driver.wait_container"), both(leaving[device], no(registered[device]))),
        implies(stands(device, "unbind_driver.unbound"), no(registered[device])),
    )


@claim(file=FILE)
def an_open_device_is_registered(file: Term) -> Term:
    """The device of a device file is in its VFIO group, and the file knows which."""
    device = file_device[file]
    return implies(kind[file] == "device", both(registered[device], group_of[device] == file_group[file]))


@claim(file=FILE, device=DEVICE)
def a_device_of_a_group_in_use_is_acceptable(file: Term, device: Term) -> Term:
    """No device spoils the viability of a group of which a device file is open, unless the kernel has stopped."""
    in_use = both(no(is_none(counts[file])), counts[file] == group_of[device])
    return implies(in_use, either(acceptable(device), harm.now == "bug", stands(device, "bind_driver.bound")))


@claim()
def no_null_pointer_was_followed() -> Term:
    """No step has followed a NULL pointer."""
    return no(harm.now == "null_dereference")


@claim()
def nothing_was_used_after_it_was_freed() -> Term:
    """No step has touched an object that is gone."""
    return no(harm.now == "use_after_free")


@claim()
def no_list_was_corrupted() -> Term:
    """No group was linked or unlinked twice."""
    return no(harm.now == "list_corruption")


CLAIMS = (
    a_file_stands_for_what_its_kind_says,
    an_fd_refers_to_an_open_file,
    a_kept_file_is_open,
    a_container_has_one_file,
    an_opened_group_knows_its_file,
    a_group_file_is_the_groups_file,
    a_contained_group_is_in_its_containers_list,
    a_listed_group_points_back,
    users_count_those_entitled,
    used_means_contained,
    a_group_file_is_the_base_of_a_contained_group,
    a_placed_group_is_open,
    exactly_device_files_count,
    a_real_group_reaches_its_containers_table,
    a_table_has_one_container,
    a_table_needs_a_group,
    references_count_file_and_groups,
    references_cover_file_and_list,
    a_container_knows_its_kind,
    a_table_needs_a_listed_group,
    who_opens_a_group_has_found_it,
    two_opens_make_different_files,
    two_device_fds_are_different_files,
    no_file_is_made_twice,
    a_device_file_is_made_before_its_fd,
    a_device_is_found_before_it_is_opened,
    an_ioctl_on_a_group_keeps_its_file,
    a_file_in_release_is_of_its_kind,
    a_file_in_release_has_no_fd,
    no_user_keeps_a_file_in_release,
    no_call_uses_a_file_in_release,
    who_opens_a_group_has_claimed_it,
    a_file_not_yet_released_has_its_group_claimed,
    one_thread_opens_a_group,
    nobody_opens_an_open_group,
    a_group_has_one_file,
    a_vfio_device_is_registered_or_leaving,
    an_open_device_is_registered,
    a_device_of_a_group_in_use_is_acceptable,
    no_null_pointer_was_followed,
    nothing_was_used_after_it_was_freed,
    no_list_was_corrupted,
    *DRIVER_CLAIMS,
    *MODULE_CLAIMS,
)

OPENED_ONCE = (
    an_opened_group_knows_its_file,
    a_group_file_is_the_groups_file,
    users_count_those_entitled,
    a_group_file_is_the_base_of_a_contained_group,
    a_placed_group_is_open,
    who_opens_a_group_has_claimed_it,
    a_file_not_yet_released_has_its_group_claimed,
    one_thread_opens_a_group,
    nobody_opens_an_open_group,
    a_group_has_one_file,
    a_device_of_a_group_in_use_is_acceptable,
)
"""The claims that rest on the limit of one open file for a group."""

UNBOUND_LISTED = (a_vfio_device_is_registered_or_leaving,)
"""The claims that rest on the list of devices which leave their VFIO driver."""
