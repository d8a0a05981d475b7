"""CON and GRP: containers, and who may open a group."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, IOMMU_DRIVER, PROCESS, USER
from tenure.vocabulary.properties import always, at_rest
from tenure.vocabulary.terms import Term, both, either, implies, is_none, no, number_of, some, when


def uses_of(group: Term) -> Term:
    """How many uses of the group somebody is entitled to: SET_CONTAINER's, open device files', external users'."""
    base = when(seen.group_placed[group], 1, 0)
    files = number_of(FILE, lambda f: seen.file_counts[f] == group)
    users = number_of(USER, lambda u: seen.user_counts[u] == group)
    return base + files + users


@at_rest("CON-1", seen.group_at_rest, "vfio_group_has_iommu, vfio_group_set_container", group=GROUP)
def a_group_has_users_iff_it_is_in_a_container(group: Term) -> Term:
    """A group at rest points to a container exactly while `container_users` is above zero."""
    inside, used = no(is_none(seen.container_of[group])), seen.container_users[group] > 0
    return both(implies(inside, used), implies(used, inside))


@at_rest("CON-2", seen.group_at_rest, "vfio_group_get_device_fd, vfio_group_try_dissolve_container", group=GROUP)
def users_are_the_base_the_open_devices_and_the_external_users(group: Term) -> Term:
    """`container_users` is one for SET_CONTAINER, one for each open device file and one for each external user."""
    return seen.container_users[group] == uses_of(group)


@always("CON-3", "vfio_ioctl_set_iommu, __vfio_group_unset_container", container=CONTAINER)
def an_iommu_driver_implies_a_group(container: Term) -> Term:
    """A container with an IOMMU driver holds at least one group."""
    return implies(
        no(is_none(seen.container_table[container])), some(GROUP, lambda g: seen.container_lists[container, g])
    )


@always("CON-4", "vfio_group_set_container", container=CONTAINER, group=GROUP, other=GROUP)
def a_container_never_mixes_no_iommu_and_real_groups(container: Term, group: Term, other: Term) -> Term:
    """All groups of a container are isolated by an IOMMU, or none is."""
    together = both(seen.container_lists[container, group], seen.container_lists[container, other])
    return implies(together, seen.group_no_iommu[group] == seen.group_no_iommu[other])


@always("CON-5", "vfio_container_get, vfio_container_put", container=CONTAINER)
def a_container_outlives_its_file_and_its_groups(container: Term) -> Term:
    """A container that has a file or a group is still referenced."""
    file = some(FILE, lambda f: seen.file_container[f] == container)
    group = some(GROUP, lambda g: either(seen.container_lists[container, g], seen.container_of[g] == container))
    return implies(either(file, group), seen.container_references[container] > 0)


@at_rest("CON-6", seen.group_at_rest, "vfio_group_use_container, vfio_group_unuse_container, 6.2-7.2", group=GROUP)
def users_are_the_base_and_the_open_devices(group: Term) -> Term:
    """Where a device counts once for all its files, `container_users` is one for SET_CONTAINER and one for each open device."""
    devices = number_of(DEVICE, lambda d: seen.device_counts[d] == group)
    return seen.container_users[group] == when(seen.group_placed[group], 1, 0) + devices


@always(
    "CON-7",
    "vfio_ioctl_set_iommu, vfio_df_open, vfio_df_close, try_module_get, module_put",
    driver=IOMMU_DRIVER,
    process=PROCESS,
    file=FILE,
    device=DEVICE,
)
def a_module_stays_while_its_driver_is_used(driver: Term, process: Term, file: Term, device: Term) -> Term:
    """An IOMMU driver's module has a reference for each container that uses it, a VFIO driver's while its device is open; with one, it stays."""
    containers = number_of(CONTAINER, lambda c: seen.container_driver[c] == driver)
    is_open = both(seen.has_fd[process, file], seen.file_device[file] == device)
    referenced = seen.module_references[device] > 0
    has_file = some(FILE, lambda f: seen.file_device[f] == device)
    return both(
        seen.driver_references[driver] == containers,
        implies(containers > 0, seen.driver_registered[driver]),
        implies(is_open, referenced),
        implies(referenced, both(has_file, no(seen.module_goes[device]))),
    )


@always("GRP-1", "vfio_group_fops_open, `opened`", group=GROUP, file=FILE, other=FILE)
def at_most_one_file_of_a_group_is_open(group: Term, file: Term, other: Term) -> Term:
    """Two open files of one group are the same file."""

    def is_open(one: Term) -> Term:
        stands = both(seen.file_kind[one] == "group", seen.file_group[one] == group)
        return both(stands, no(seen.release_pending[one]))

    return implies(both(is_open(file), is_open(other)), file == other)


@always("GRP-2", "vfio_group_use_container, get_file", device=DEVICE)
def a_group_file_stays_while_a_device_is_open(device: Term) -> Term:
    """While a device's `open_count` is above zero, a file of its group is open and not being released."""

    def stays(one: Term) -> Term:
        stands = both(seen.file_kind[one] == "group", seen.file_group[one] == seen.device_group[device])
        return both(stands, no(seen.release_pending[one]))

    return implies(seen.device_opens[device] > 0, some(FILE, stays))


@always("GRP-3", "vfio_group_fops_open, vfio_device_block_group", group=GROUP, device=DEVICE, file=FILE)
def a_group_is_open_or_a_device_of_it_is_bound_and_never_both(group: Term, device: Term, file: Term) -> Term:
    """While `cdev_device_open_cnt` of a group is above zero its file is not open; it is so while a device of it is bound."""
    bound = both(
        seen.file_device[file] == device, no(is_none(seen.file_iommufd[file])), seen.device_group[device] == group
    )
    apart = implies(seen.group_opened[group], seen.group_cdevs[group] == 0)
    return both(apart, implies(bound, seen.group_cdevs[group] > 0))


PROPERTIES = (
    a_group_has_users_iff_it_is_in_a_container,
    users_are_the_base_the_open_devices_and_the_external_users,
    an_iommu_driver_implies_a_group,
    a_container_never_mixes_no_iommu_and_real_groups,
    a_container_outlives_its_file_and_its_groups,
    users_are_the_base_and_the_open_devices,
    a_module_stays_while_its_driver_is_used,
    at_most_one_file_of_a_group_is_open,
    a_group_file_stays_while_a_device_is_open,
    a_group_is_open_or_a_device_of_it_is_bound_and_never_both,
)
