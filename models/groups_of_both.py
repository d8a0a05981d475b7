"""Groups that have a container or an iommufd, by whichever file SET_CONTAINER is given: each call goes the way of what the group has.

Linux 7.2 with CONFIG_VFIO_CONTAINER and CONFIG_IOMMUFD, where /dev/vfio/vfio is VFIO's own (CONFIG_IOMMUFD_VFIO_CONTAINER=n).
Every group has an IOMMU.
"""

from dataclasses import replace

from tenure.models import cdev_groups, device_files, groups_2022, iommufd_groups
from tenure.models.cdev_fields import access_granted, iommufd_of
from tenure.models.cdev_groups import cases_of, changed
from tenure.models.compat_ioas import compat_ioas, is_unmade
from tenure.models.containers import is_fresh, put_in, table
from tenure.models.device_files import counted_in, keeps_group_open, opened, opens
from tenure.models.files import file_container, file_group, gets, is_open, kind
from tenure.models.groups import container
from tenure.models.groups_2022 import is_contained, looks_up
from tenure.models.harm import uses_after_free
from tenure.models.iommu_drivers import calls_driver
from tenure.models.iommufd_groups import OPEN_LOCKS, first_open, has_iommufd, lets_iommufd_go, locked, uses_iommufd
from tenure.models.kvm_devices import takes
from tenure.models.locks_2022 import ATTACH_LOCKS, GROUP_LOCK
from tenure.models.locks_iommufd import OBJECT_TABLE
from tenure.models.modules import keep, open_references
from tenure.models.ownership import claim, is_claimed
from tenure.models.vms import group_kvm, vm_exists, vm_references
from tenure.vocabulary.calls import Call, Case, Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.effects import provided
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import Term, both, either, is_none, no

_OF_IOMMUFDS = {c.name: c for c in iommufd_groups.CALLS}


def has_either(file: Term) -> Term:
    """The group of the file is in a container, or uses an iommufd: vfio_group_has_iommu."""
    return either(is_contained(file_group[file]), has_iommufd(file))


@call(
    "VFIO_GROUP_SET_CONTAINER",
    actor=THREAD,
    source="vfio_group_ioctl_set_container, vfio_container_attach_group, iommufd_vfio_compat_ioas_create, 7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    made=new(TABLE),
)
def set_container(process: Term, file: Term, other: Term, made: Term) -> Steps:
    """Claim the group's DMA and put it into a container, or have it use an iommufd, for which nobody claims anything yet."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_unmade(made), is_fresh(made))
    target = local("target", FILE.maybe)
    yield looks_up(process, other, target)
    into, is_iommufd = file_container[target], kind[target] == "iommufd"
    stands = no(is_none(compat_ioas[target]))
    uses = uses_iommufd[file].becomes(target), gets[target].becomes(gets[target] + 1)
    yield step(
        "attach",
        refuse(has_either(file), "EINVAL", "the group has a container or an iommufd already"),
        refuse(is_none(group), "ENODEV", "the last device of the group is gone"),
        refuse(no(choice_is(kind[target], "container", "iommufd")), "EBADFD", "the fd is no container and no iommufd"),
        done(*uses, when=both(is_iommufd, stands)),
        done(*uses, compat_ioas[target].becomes(made), iommufd_of[made].becomes(target), when=is_iommufd),
        refuse(is_claimed(group), "EPERM", "a kernel driver or another user owns the group's DMA"),
        calls_driver(into),
        done(*put_in(group, into), *claim(group, "group")),
        locks=(GROUP_LOCK, briefly(OBJECT_TABLE), *ATTACH_LOCKS),
    )


def _first(old: Call, name: str, *cases: Case) -> Call:
    """The call that tries these cases first in one of its steps, and goes on as before where none is met."""
    return changed(old, name, *cases, *cases_of(old, name))


def _unset_container() -> Call:
    """UNSET_CONTAINER: an iommufd is let go whoever has devices open, a container is left only by a group without."""
    old = groups_2022.unset_container
    file = old.parameter("file")
    doc = "Leave the container, unless a device is open; or let the iommufd go, whoever has devices open."
    return _first(replace(old, doc=doc), "leave", done(*lets_iommufd_go(file), when=has_iommufd(file)))


def _get_status() -> Call:
    """GET_STATUS: who has either is told that the group is viable."""
    old = groups_2022.get_status
    file = old.parameter("file")
    orphaned, _ = cases_of(old, "status")
    viable = either(has_either(file), no(is_claimed(file_group[file])))
    return changed(old, "status", orphaned, done(viable=viable, container_set=has_either(file)))


def _release_group() -> Call:
    """The release of a group file: its iommufd goes with it, and what is bound through the group stays so."""
    old = groups_2022.release_group
    file = old.parameter("file")
    *_, gone = cases_of(old, "release")
    doc = "The group has neither container nor iommufd any more, and may be opened again; what is bound through it stays so."
    with_it = replace(gone, when=has_iommufd(file), effects=(*lets_iommufd_go(file), *gone.effects))
    return _first(replace(old, doc=doc), "release", with_it)


def _get_device_fd() -> Call:
    """GET_DEVICE_FD: a first open keeps the group's file and counts in its container, or binds the device to its iommufd."""
    old = device_files.get_device_fd
    file, made = old.parameter("file"), old.parameter("made")
    group, found = file_group[file], local("found", DEVICE.maybe)
    vm = group_kvm[group]
    told, alive = no(is_none(vm)), both(no(is_none(vm)), vm_references[vm] > 0)
    again = (*opened(found, made, group), access_granted[made].becomes(value=True))
    opening = (*again, *(provided(alive, effect) for effect in takes(found, vm)))
    cases = (
        refuse(no(has_either(file)), "EINVAL", "the group has neither a container nor an iommufd"),
        go(*again, when=opens[found] > 0),
        refuse(
            both(is_contained(group), is_none(table[container[group]])), "EINVAL", "the container has no IOMMU driver"
        ),
        uses_after_free(both(told, no(vm_exists[vm]))),
        go(
            *opening,
            *keeps_group_open(group),
            counted_in[found].becomes(group),
            keep(open_references[found]),
            when=is_contained(group),
        ),
        *first_open(found, uses_iommufd[file], *opening),
    )
    doc = "Open a device of a group; the first open uses its container, or binds the device to its iommufd and attaches it."
    return locked(changed(replace(old, doc=doc), "open", *cases), "open", *OPEN_LOCKS)


def _release_device() -> Call:
    """The release of a device file: the last one of those that the group opened unbinds the device, or ends its use of the container."""
    old = cdev_groups.release_device
    gone, bound, *others = cases_of(old, "close")
    _, _, dangling, unbinding, *_ = cases_of(_OF_IOMMUFDS["release_device"], "close")
    return changed(old, "close", gone, bound, dangling, unbinding, *others)


GET_DEVICE_FD = _get_device_fd()
"""With a reference to the VM that the group was told of."""

CALLS: tuple[Call, ...] = (
    set_container,
    _unset_container(),
    _get_status(),
    _release_group(),
    _release_device(),
)
"""What else is otherwise. Drivers come and go as ever: with its last device a group leaves its container, and keeps its iommufd."""
