"""Groups that use an iommufd in place of a container: a device is bound to it at its first open, and never at SET_CONTAINER.

Linux 7.2 with CONFIG_VFIO_CONTAINER=n. A group object has at most one open file, and lets its iommufd go with it; so what the
group uses stands with the file, which outlives the group's last device.
"""

from dataclasses import replace

from tenure.models import cdev_groups, device_files, groups_2022
from tenure.models.cdev_fields import access_granted, attached_to, iommufd_of
from tenure.models.cdev_groups import cases_of, changed, is_of_group
from tenure.models.cdevs import (
    ATTACH_LOCKS,
    CLAIM_LOCKS,
    is_attached_elsewhere,
    is_gone,
    leaves,
    unfit_device,
)
from tenure.models.compat_ioas import compat_ioas, is_unmade, no_iommu_mode
from tenure.models.device_files import opened, opened_by, opens
from tenure.models.files import file_device, file_group, gets, is_open, kind, rawio
from tenure.models.groups import attached, group_of, no_iommu
from tenure.models.groups_2022 import looks_up
from tenure.models.harm import uses_after_free
from tenure.models.iommufd_ownership import claim_device, release_device_claim
from tenure.models.locks import VFIO_GROUP_LOCK
from tenure.models.locks_2022 import DEV_SET_LOCK, GROUP_LOCK
from tenure.models.locks_iommufd import OBJECT_TABLE
from tenure.models.modules import keep, let_go, open_references
from tenure.models.ownership import is_claimed
from tenure.vocabulary.calls import Call, Case, Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Taken, briefly
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import Term, both, either, is_none, no

uses_iommufd = state(
    "uses iommufd", FILE, FILE.maybe, meaning="the iommufd that the group of a group file uses, and keeps open"
)
bound_through_group = state(
    "bound through group", DEVICE, FILE.maybe, meaning="the iommufd to which a device that its group opened is bound"
)


def has_iommufd(file: Term) -> Term:
    """The group of the file uses an iommufd: vfio_group_has_iommu."""
    return no(is_none(uses_iommufd[file]))


def lets_iommufd_go(file: Term) -> tuple[Assign, ...]:
    """The group uses no iommufd any more: iommufd_ctx_put."""
    iommufd = uses_iommufd[file]
    return uses_iommufd[file].becomes(None), gets[iommufd].becomes(gets[iommufd] - 1)


OPEN_LOCKS = (GROUP_LOCK, DEV_SET_LOCK, briefly(*ATTACH_LOCKS), *CLAIM_LOCKS)
"""What is taken to open a device that is bound at its first open."""


def locked(old: Call, name: str, *locks: Taken) -> Call:
    """The call with other locks in one of its steps, which lets no container go."""
    return replace(old, steps=tuple(replace(s, locks=locks, drops=()) if s.name == name else s for s in old.steps))


@call(
    "VFIO_GROUP_SET_CONTAINER",
    actor=THREAD,
    source="vfio_group_ioctl_set_container, iommufd_vfio_compat_ioas_create, iommufd_vfio_compat_set_no_iommu, 7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    made=new(TABLE),
)
def set_container(process: Term, file: Term, other: Term, made: Term) -> Steps:
    """Have the group use an iommufd, and see to what stands for a container in it; nobody claims the group's DMA yet."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_unmade(made))
    target = local("target", FILE.maybe)
    yield looks_up(process, other, target)
    stands = no(is_none(compat_ioas[target]))
    uses = uses_iommufd[file].becomes(target), gets[target].becomes(gets[target] + 1)
    yield step(
        "attach",
        refuse(has_iommufd(file), "EINVAL", "the group uses an iommufd already"),
        refuse(is_none(group), "ENODEV", "the last device of the group is gone"),
        refuse(no(kind[target] == "iommufd"), "EBADFD", "the fd is no iommufd"),
        refuse(both(no_iommu[group], stands), "EINVAL", "an IO address space of the iommufd stands for a container"),
        refuse(both(no(no_iommu[group]), no_iommu_mode[target]), "EINVAL", "the iommufd is for groups without IOMMU"),
        done(*uses, no_iommu_mode[target].becomes(value=True), when=no_iommu[group]),
        done(*uses, when=stands),
        done(*uses, compat_ioas[target].becomes(made), iommufd_of[made].becomes(target)),
        locks=(GROUP_LOCK, briefly(OBJECT_TABLE)),
    )


def _unset_container() -> Call:
    """UNSET_CONTAINER: the group lets its iommufd go, whoever has devices of it open."""
    old = groups_2022.unset_container
    file = old.parameter("file")
    unused = refuse(no(has_iommufd(file)), "EINVAL", "the group uses no iommufd")
    doc = "Let the iommufd go that the group uses, whoever has devices open: they stay bound."
    return locked(changed(replace(old, doc=doc), "leave", unused, done(*lets_iommufd_go(file))), "leave", GROUP_LOCK)


def _get_status() -> Call:
    """GET_STATUS: who uses an iommufd is told that the group is viable, whoever owns it."""
    old = groups_2022.get_status
    file = old.parameter("file")
    orphaned, _ = cases_of(old, "status")
    viable = either(has_iommufd(file), no(is_claimed(file_group[file])))
    return changed(old, "status", orphaned, done(viable=viable, container_set=has_iommufd(file)))


def _release_group() -> Call:
    """The release of a group file: the group's iommufd goes with it, and what is bound through the group stays so."""
    old = groups_2022.release_group
    file = old.parameter("file")
    *_, gone = cases_of(old, "release")
    doc = "The group uses no iommufd any more and may be opened again; what is bound through it stays so."
    with_it = replace(gone, when=has_iommufd(file), effects=(*lets_iommufd_go(file), *gone.effects))
    return locked(changed(replace(old, doc=doc), "release", with_it, gone), "release", GROUP_LOCK)


def _unbind_driver() -> Call:
    """The unbind of a driver: with its last device goes the group; its file uses its iommufd on."""
    old = groups_2022.unbind_driver
    others, *_, orphaned = cases_of(old, "remove_group")
    return locked(changed(old, "remove_group", others, orphaned), "remove_group", VFIO_GROUP_LOCK, GROUP_LOCK)


def binds(device: Term, iommufd: Term) -> tuple[Assign, ...]:
    """The device is the iommufd's, and attached to what stands for a container there."""
    there = compat_ioas[iommufd]
    return (
        *claim_device(device, iommufd),
        bound_through_group[device].becomes(iommufd),
        gets[iommufd].becomes(gets[iommufd] + 1),
        attached_to[device].becomes(there),
        attached[group_of[device]].becomes(there),
    )


def unbinds(device: Term) -> tuple[Assign, ...]:
    """The device is detached, its claim given up, its iommufd let go."""
    iommufd = bound_through_group[device]
    return (
        *leaves(device),
        *release_device_claim(device),
        bound_through_group[device].becomes(None),
        gets[iommufd].becomes(gets[iommufd] - 1),
    )


def first_open(device: Term, iommufd: Term, *opening: Assign) -> tuple[Case, ...]:
    """What the first open of a device needs of its group's iommufd; then it is bound to that and attached."""
    there = compat_ioas[iommufd]
    return (
        *unfit_device(device, iommufd),
        refuse(is_none(there), "ENODEV", "no IO address space of the iommufd stands for a container"),
        refuse(is_attached_elsewhere(device, there), "EINVAL", "another device of the group is elsewhere"),
        go(*opening, *binds(device, iommufd), keep(open_references[device])),
    )


def _get_device_fd() -> Call:
    """GET_DEVICE_FD: the first open binds the device and attaches it; a group without IOMMU binds and attaches nothing."""
    old = device_files.get_device_fd
    process, file, made = (old.parameter(name) for name in ("process", "file", "made"))
    group, iommufd, found = file_group[file], uses_iommufd[file], local("found", DEVICE.maybe)
    opening = (*opened(found, made, group), access_granted[made].becomes(value=True))
    stands = no(is_none(compat_ioas[iommufd]))
    cases = (
        refuse(no(has_iommufd(file)), "EINVAL", "the group uses no iommufd"),
        go(*opening, when=opens[found] > 0),
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(both(no_iommu[group], stands), "EPERM", "an IO address space of the iommufd stands for a container"),
        go(*opening, keep(open_references[found]), when=no_iommu[group]),
        *first_open(found, iommufd, *opening),
    )
    doc = "Open a device of a group that uses an iommufd; the first open binds it to that and attaches it."
    return locked(changed(replace(old, doc=doc), "open", *cases), "open", *OPEN_LOCKS)


def _release_device() -> Call:
    """The release of a device file: the last one of those that the group opened unbinds the device."""
    old = cdev_groups.release_device
    file = old.parameter("file")
    device = file_device[file]
    gone, bound, *_, never = cases_of(old, "close")
    closes = (
        opens[device].becomes(opens[device] - 1),
        opened_by[file].becomes(None),
        access_granted[file].becomes(value=False),
    )
    last = both(is_of_group(file), opens[device] == 1)
    is_bound = no(is_none(bound_through_group[device]))
    less = let_go(open_references[device])
    return changed(
        old,
        "close",
        gone,
        bound,
        uses_after_free(both(last, is_gone(bound_through_group[device]))),
        go(*closes, *unbinds(device), less, when=both(last, is_bound), to="put"),
        go(*closes, less, when=last, to="put"),
        go(*closes, when=is_of_group(file), to="put"),
        never,
    )


CALLS: tuple[Call, ...] = (
    cdev_groups.open_group,
    set_container,
    _unset_container(),
    _get_status(),
    _release_group(),
    groups_2022.bind_driver,
    _unbind_driver(),
    _get_device_fd(),
    _release_device(),
)
"""Groups and their devices, where there are no containers."""
