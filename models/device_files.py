"""Device files from 6.2 on: a device counts in its group, and keeps the group's file, from its first open to its last close."""

from tenure.models.containers import table
from tenure.models.files import closed, fd, file_device, file_group, gets, is_free, is_open, kind, rawio, releasable
from tenure.models.groups import container, group_of, no_iommu, registered, users
from tenure.models.groups_2022 import is_contained, opened_file
from tenure.models.harm import dereferences_null
from tenure.models.locks import DEVICE_LOCK
from tenure.models.locks_2022 import DEV_SET_LOCK, GROUP_LOCK, REGISTRATION
from tenure.models.modules import keep, let_go, open_references, without_module
from tenure.vocabulary.calls import Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, THREAD
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import Term, both, either, is_none, no
from tenure.vocabulary.types import COUNT

opens = state("opens", DEVICE, COUNT, meaning="the device's `open_count`")
opened_by = client("opened by", FILE, DEVICE.maybe, meaning="the device in whose `open_count` the file counts")
counted_in = client("counted in", DEVICE, GROUP.maybe, meaning="the group in whose `container_users` the device counts")


def keeps_group_open(group: Term) -> tuple[Assign, ...]:
    """vfio_group_use_container: one more use of the group, and a reference to its file."""
    file = opened_file[group]
    return users[group].becomes(users[group] + 1), gets[file].becomes(gets[file] + 1)


def lets_group_go(group: Term) -> tuple[Assign, ...]:
    """vfio_group_unuse_container: the use ends, and the group's file may be released."""
    file = opened_file[group]
    return users[group].becomes(users[group] - 1), gets[file].becomes(gets[file] - 1)


def opened(device: Term, file: Term, group: Term) -> tuple[Assign, ...]:
    """One more file of the device."""
    return (
        opens[device].becomes(opens[device] + 1),
        opened_by[file].becomes(device),
        kind[file].becomes("device"),
        file_group[file].becomes(group),
        file_device[file].becomes(device),
    )


@call(
    "VFIO_GROUP_GET_DEVICE_FD",
    actor=THREAD,
    source="vfio_group_ioctl_get_device_fd, vfio_df_group_open, 6.6-7.2",
    process=PROCESS,
    file=FILE,
    device=number(DEVICE),
    made=new(FILE),
)
def get_device_fd(process: Term, file: Term, device: Term, made: Term) -> Steps:
    """Open a device of a group that is in a container with an IOMMU driver; test, count and open are one step."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_free(made))
    found = local("found", DEVICE.maybe)
    yield step(
        "look_up",
        refuse(
            either(no(group_of[device] == group), no(registered[device])),
            "ENODEV",
            "the group has no such device of a VFIO driver",
        ),
        go(found.becomes(device)),
        locks=(DEVICE_LOCK,),
    )
    first = opens[found] == 0
    yield step(
        "open",
        refuse(no(is_contained(group)), "EINVAL", "the group is in no container"),
        dereferences_null(is_none(container[group])),
        without_module(found, when=first),
        refuse(both(first, is_none(table[container[group]])), "EINVAL", "the container has no IOMMU driver"),
        refuse(both(first, no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        go(
            *opened(found, made, group),
            *keeps_group_open(group),
            counted_in[found].becomes(group),
            keep(open_references[found]),
            when=first,
        ),
        go(*opened(found, made, group)),
        locks=(GROUP_LOCK, DEV_SET_LOCK),
        wakes=(REGISTRATION,),
    )
    yield step("install", done(fd[process, made].becomes(value=True)))


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, vfio_df_group_close, 6.6-7.2",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """The last close of the device ends its use of the group and lets the group's file go."""
    device, group = file_device[file], file_group[file]
    yield requires(kind[file] == "device", releasable(file))
    closes = (opens[device].becomes(opens[device] - 1), opened_by[file].becomes(None))
    yield step(
        "close",
        go(
            *closes,
            *lets_group_go(group),
            counted_in[device].becomes(None),
            let_go(open_references[device]),
            when=opens[device] == 1,
        ),
        go(*closes),
        locks=(GROUP_LOCK, DEV_SET_LOCK),
    )
    yield step("put", done(*closed(file)), wakes=(REGISTRATION,))


CALLS = (get_device_fd, release_device)
