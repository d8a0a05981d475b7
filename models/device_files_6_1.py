"""Device files of 6.1: an open in three steps under two locks, taken in the order opposite to 7.2's; each file counts."""

from tenure.models.containers import counts, table
from tenure.models.device_files import keeps_group_open, lets_group_go, opened_by, opens
from tenure.models.files import closed, fd, file_device, file_group, is_free, is_open, kind, rawio, releasable
from tenure.models.groups import container, group_of, leaving, no_iommu, registered
from tenure.models.groups_2022 import in_use, is_contained
from tenure.models.harm import dereferences_null
from tenure.models.locks import DEVICE_LOCK
from tenure.models.locks_2022 import DEV_SET_LOCK, GROUP_LOCK, REGISTRATION
from tenure.models.modules import kept_by, let_go_by, without_module
from tenure.vocabulary.calls import Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.objects import DEVICE, FILE, PROCESS, THREAD
from tenure.vocabulary.terms import Term, both, either, is_none, no


@call(
    "VFIO_GROUP_GET_DEVICE_FD",
    actor=THREAD,
    source="vfio_group_ioctl_get_device_fd, vfio_device_open, 6.1",
    process=PROCESS,
    file=FILE,
    device=number(DEVICE),
    made=new(FILE),
)
def get_device_fd(process: Term, file: Term, device: Term, made: Term) -> Steps:
    """Use the container in one step and open the device in another; the use keeps everything in between as it was."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_free(made))
    found = local("found", DEVICE.maybe)
    yield step(
        "look_up",
        refuse(
            either(no(group_of[device] == group), no(registered[device]), both(leaving[device], no(in_use(device)))),
            "ENODEV",
            "the group has no such device of a VFIO driver",
        ),
        go(found.becomes(device)),
        locks=(DEVICE_LOCK,),
    )
    yield step(
        "assign",
        refuse(no(is_contained(group)), "EINVAL", "the group is in no container"),
        dereferences_null(is_none(container[group])),
        refuse(is_none(table[container[group]]), "EINVAL", "the container has no IOMMU driver"),
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        without_module(found),
        go(
            *keeps_group_open(group),
            *kept_by(made, found),
            counts[made].becomes(group),
            kind[made].becomes("device"),
            file_group[made].becomes(group),
            file_device[made].becomes(found),
        ),
        locks=(GROUP_LOCK,),
        wakes=(REGISTRATION,),
    )
    yield step(
        "open",
        go(opens[found].becomes(opens[found] + 1), opened_by[made].becomes(found)),
        locks=(DEV_SET_LOCK, GROUP_LOCK),
    )
    yield step("install", done(fd[process, made].becomes(value=True)))


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, vfio_device_unassign_container, 6.1",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """Close the device, then end the use of the group and let the group's file go."""
    device, group = file_device[file], file_group[file]
    yield requires(kind[file] == "device", releasable(file))
    yield step(
        "close",
        go(opens[device].becomes(opens[device] - 1), opened_by[file].becomes(None), *let_go_by(file)),
        locks=(DEV_SET_LOCK, GROUP_LOCK),
    )
    yield step("unassign", go(*lets_group_go(group), counts[file].becomes(None)), locks=(GROUP_LOCK,))
    yield step("put", done(*closed(file)), wakes=(REGISTRATION,))


CALLS = (get_device_fd, release_device)
