"""Groups and devices from 3.6 to 3.10: any number of files for a group, nothing spared by the scan, no unbound list.

No `opened` counter says that a group has a file, so whoever closes one of several ends the use of SET_CONTAINER.
"""

from tenure.models.containers import counts, dissolve, looks, status
from tenure.models.files import (
    closed,
    fd,
    file_device,
    file_group,
    is_free,
    is_open,
    kind,
    referenced,
    releasable,
)
from tenure.models.groups import (
    container,
    driver,
    exists,
    group_of,
    is_there,
    notices,
    placed,
    probe,
    registered,
    users,
)
from tenure.models.locks import (
    DEVICE_LOCK,
    DEVICE_MUTEX,
    DEVICE_REFERENCE,
    GROUP_REFERENCE,
    NOTIFIER,
    RELEASE_Q,
    VFIO_GROUP_LOCK,
)
from tenure.models.locks_2012 import HEARD, SCAN
from tenure.models.modules import kept_by, without_module
from tenure.vocabulary.calls import Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, THREAD
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import Term, both, either, every, implies, in_flight, is_none, no, some


def acceptable(device: Term) -> Term:
    """The device does not spoil its group's viability: vfio_dev_viable, which spares no bridge and no leaving device."""
    return either(choice_is(driver[device], "none", "stub"), registered[device])


def viable(group: Term) -> Term:
    """Every device of the group is acceptable, by a scan that no lock protects."""
    return every(DEVICE, lambda d: implies(group_of[d] == group, acceptable(d)))


def another_is_open(group: Term) -> Term:
    """Somebody holds a file of the group; a file in release is nobody's."""
    return some(FILE, lambda f: both(kind[f] == "group", file_group[f] == group, referenced(f)))


@call(
    "open /dev/vfio/N",
    actor=THREAD,
    source="vfio_group_fops_open, 3.6-3.10",
    process=PROCESS,
    file=new(FILE),
    group=number(GROUP),
)
def open_group(process: Term, file: Term, group: Term) -> Steps:
    """Open a file of the group, unless the group is in a container; how many there are nobody asks."""
    yield requires(is_free(file))
    found = local("found", GROUP.maybe)
    yield step(
        "look_up",
        refuse(no(exists(group)), "ENODEV", "the group has no device of a VFIO driver"),
        go(found.becomes(group)),
        locks=(VFIO_GROUP_LOCK,),
    )
    yield step(
        "test",
        refuse(no(is_none(container[found])), "EBUSY", "the group is in a container"),
        done(kind[file].becomes("group"), file_group[file].becomes(found), fd[process, file].becomes(value=True)),
        drops=(GROUP_REFERENCE,),
    )


@call("release of a group file", actor="file", internal=True, source="vfio_group_fops_release, 3.6-3.10", file=FILE)
def release_group(file: Term) -> Steps:
    """The base use ends, whoever else has a file of the group; the reference is dropped."""
    group = file_group[file]
    yield requires(kind[file] == "group", releasable(file))
    yield from dissolve(group, "put", placed[group].becomes(both(placed[group], another_is_open(group))))
    yield step("put", done(*closed(file)), drops=(GROUP_REFERENCE,))


@call("VFIO_GROUP_GET_STATUS", actor=THREAD, source="vfio_group_fops_unl_ioctl, 3.6-3.10", process=PROCESS, file=FILE)
def get_status(process: Term, file: Term) -> Steps:
    """Say whether the group is viable and whether it is in a container."""
    yield requires(is_open(process, file, "group"))
    yield status(file_group[file], viable, SCAN)


@call(
    "VFIO_GROUP_GET_DEVICE_FD",
    actor=THREAD,
    source="vfio_group_get_device_fd, 3.6-3.10",
    process=PROCESS,
    file=FILE,
    device=number(DEVICE),
    made=new(FILE),
)
def get_device_fd(process: Term, file: Term, device: Term, made: Term) -> Steps:
    """Open a device of a viable group that is in a container with an IOMMU driver; one lock from look-up to fd."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_free(made))
    yield from looks(group, viable, SCAN)
    yield step(
        "open",
        refuse(
            either(no(group_of[device] == group), no(registered[device])),
            "ENODEV",
            "the group has no such device of a VFIO driver",
        ),
        without_module(device),
        done(
            kind[made].becomes("device"),
            file_group[made].becomes(group),
            file_device[made].becomes(device),
            users[group].becomes(users[group] + 1),
            counts[made].becomes(group),
            *kept_by(made, device),
            fd[process, made].becomes(value=True),
        ),
        locks=(DEVICE_LOCK,),
    )


@call("bind a driver", actor="device", source="driver core, vfio_iommu_group_notifier, 3.6", device=DEVICE, to=DRIVER)
def bind_driver(device: Term, to: Term) -> Steps:
    """A driver probes the device; VFIO hears of it afterwards and can only stop the machine."""
    yield requires(driver[device] == "none", no(to == "none"), is_there(device, to))
    yield probe(device, to, HEARD)
    yield step(
        "bound",
        notices(device, acceptable),
        done(),
        locks=(NOTIFIER, briefly(VFIO_GROUP_LOCK), briefly(DEVICE_LOCK)),
        drops=(DEVICE_REFERENCE, GROUP_REFERENCE),
    )


@call("unbind the driver", actor="device", source="vfio_del_group_dev, 3.6", device=DEVICE)
def unbind_driver(device: Term) -> Steps:
    """The driver leaves the device; a VFIO driver waits until nobody uses the device, and for no container."""
    yield requires(no(driver[device] == "none"))
    yield step(
        "leave",
        go(when=driver[device] == "vfio"),
        go(to="unbound"),
        locks=(DEVICE_MUTEX, HEARD),
        drops=(DEVICE_REFERENCE,),
        keeps=(DEVICE_MUTEX,),
    )
    in_use = some(FILE, lambda f: both(kind[f] == "device", file_device[f] == device))
    yield step(
        "wait_device",
        go(registered[device].becomes(value=False), when=both(no(in_use), no(in_flight(device)))),
        locks=(briefly(DEVICE_LOCK),),
        drops=(DEVICE_REFERENCE, GROUP_REFERENCE),
        waits=RELEASE_Q,
        keeps=(DEVICE_MUTEX,),
    )
    yield step(
        "unbound",
        done(driver[device].becomes("none")),
        locks=(NOTIFIER, briefly(VFIO_GROUP_LOCK)),
        drops=(GROUP_REFERENCE,),
    )


CALLS = (open_group, release_group, get_status, get_device_fd, bind_driver, unbind_driver)
