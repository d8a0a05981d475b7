"""DEV, ISO-2 and FREE-2: what holds of device files that are opened by themselves, and of the iommufds to which they are bound."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, TABLE, VM
from tenure.vocabulary.properties import always, answered, argument, called, each_step
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, every, implies, is_none, no, some


def is_bound(file: Term) -> Term:
    """The device file is bound to an iommufd."""
    return no(is_none(seen.file_iommufd[file]))


@always("ISO-2", "iommufd_device_attach, iommufd_device_replace", group=GROUP, file=FILE)
def what_is_bound_reaches_only_what_is_its_iommufds(group: Term, file: Term) -> Term:
    """A group that an iommufd owns, and a device bound to one, reach no IO address space but one of that iommufd."""
    reached, attached = seen.table_reached[group], seen.device_ioas[seen.file_device[file]]
    owner = seen.dma_owner_iommufd[group]
    of_group = implies(both(no(is_none(owner)), no(is_none(reached))), seen.table_iommufd[reached] == owner)
    of_device = implies(
        both(is_bound(file), no(is_none(attached))), seen.table_iommufd[attached] == seen.file_iommufd[file]
    )
    return both(of_group, of_device)


@each_step("DEV-1", "vfio_device_fops_unl_ioctl, vfio_df_ioctl_bind_iommufd, `access_granted`", file=FILE)
def a_driver_is_called_only_where_access_is_granted(file: Term) -> Term:
    """No ioctl of a device file reaches the driver but where access was granted before, and the device is open."""
    reaches = both(called("get_info"), answered(), argument("file", FILE) == file)
    is_open = seen.device_opens[seen.file_device[file]] > 0
    return implies(reaches, both(before(seen.file_granted[file]), is_open))


@always("DEV-2", "vfio_df_open, vfio_df_close", file=FILE, other=FILE)
def a_device_has_one_binding(file: Term, other: Term) -> Term:
    """The `open_count` of a bound device is 1, and one file of it is bound; what gives access is of a device that is open."""
    device = seen.file_device[file]
    both_bound = both(is_bound(file), is_bound(other), device == seen.file_device[other])
    granted = implies(seen.file_granted[file], seen.device_opens[device] > 0)
    return both(implies(is_bound(file), seen.device_opens[device] == 1), implies(both_bound, file == other), granted)


@always("DEV-3", "iommufd_ctx_get in iommufd_device_bind", file=FILE)
def a_bound_device_keeps_its_iommufd_open(file: Term) -> Term:
    """While a device file is bound, its iommufd is open and not being released."""
    iommufd = seen.file_iommufd[file]
    stays = both(seen.file_kind[iommufd] == "iommufd", no(seen.release_pending[iommufd]))
    return implies(is_bound(file), stays)


@each_step("DEV-4", "vfio_device_fops_release, vfio_df_unbind_iommufd", file=FILE, device=DEVICE)
def a_close_gives_everything_back(file: Term, device: Term) -> Term:
    """A released device file is closed, and a device that was bound by it neither open nor attached."""
    releases = both(called("release_device"), argument("file", FILE) == file)
    gone = both(seen.device_opens[device] == 0, is_none(seen.device_ioas[device]))
    was_bound = both(before(is_bound(file)), before(seen.file_device[file]) == device)
    return both(
        implies(both(releases, answered()), seen.file_kind[file] == "closed"),
        implies(both(releases, was_bound), both(no(is_bound(file)), gone)),
    )


@always("FREE-2", "vfio_device_fops_release, iommufd_fops_release")
def closing_every_fd_gives_every_device_back() -> Term:
    """With no fd, nothing pending and no call in flight, no file and no IO address space is left, no device open, no group owned."""

    def is_let_go(file: Term) -> Term:
        nobody = every(PROCESS, lambda p: no(seen.has_fd[p, file]))
        return both(nobody, seen.file_at_rest[file], no(seen.release_pending[file]))

    gone = both(
        every(FILE, lambda f: seen.file_kind[f] == "closed"),
        every(TABLE, lambda t: is_none(seen.table_iommufd[t])),
        every(DEVICE, lambda d: both(seen.device_opens[d] == 0, is_none(seen.device_ioas[d]))),
        every(GROUP, lambda g: both(is_none(seen.dma_owner_iommufd[g]), is_none(seen.table_reached[g]))),
    )
    due = some(VM, lambda v: both(seen.vm_exists[v], seen.vm_references[v] == 0))
    return implies(both(every(FILE, is_let_go), no(due)), gone)


PROPERTIES = (
    what_is_bound_reaches_only_what_is_its_iommufds,
    a_driver_is_called_only_where_access_is_granted,
    a_device_has_one_binding,
    a_bound_device_keeps_its_iommufd_open,
    a_close_gives_everything_back,
    closing_every_fd_gives_every_device_back,
)
