"""Groups and devices from 3.11 to 5.18: who may open a group, who drives a device, when a group is viable."""

from collections.abc import Callable

from tenure.models.files import fd, file_device, file_group, is_free, kind, rawio
from tenure.models.harm import raises_bug
from tenure.models.locks import (
    CONTAINER_Q,
    DEVICE_LOCK,
    DEVICE_MUTEX,
    DEVICE_REFERENCE,
    GROUP_REFERENCE,
    HEARD,
    NOTIFIER,
    RELEASE_Q,
    UNBOUND_LOCK,
    VFIO_GROUP_LOCK,
)
from tenure.models.modules import module_goes
from tenure.vocabulary.calls import Case, Step, Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.locks import Taken, briefly
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, PROCESS, TABLE, THREAD, USER
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.symbols import anything, choice_is, client, fixed, state
from tenure.vocabulary.terms import Term, both, either, every, implies, in_flight, is_none, no, some
from tenure.vocabulary.types import COUNT, FLAG

group_of = fixed("group of", DEVICE, GROUP, meaning="the IOMMU group that the device belongs to")
bridge = fixed("bridge", DEVICE, FLAG, meaning="the PCI header type is not NORMAL: a bridge")
no_iommu = fixed("no iommu", GROUP, FLAG, meaning="a group made up for a device that no IOMMU isolates")

driver = anything("driver", DEVICE, DRIVER, meaning="the driver bound to the device; stub: pci-stub")
registered = anything("registered", DEVICE, FLAG, meaning="the device is in its VFIO group's device list")
leaving = state("leaving", DEVICE, FLAG, meaning="the device is on the group's unbound list")
opened = state("opened", GROUP, FLAG, meaning="the group's `opened` counter is 1")
users = state("container users", GROUP, COUNT, meaning="the group's `container_users` counter")
container = state("container", GROUP, CONTAINER.maybe, meaning="the group's container pointer")
attached = state("attached", GROUP, TABLE.maybe, meaning="the IOMMU table that the group's devices translate through")
reference = state("reference", USER, GROUP.maybe, meaning="the external user holds a kref of the VFIO group object")
file_of = client("file of", GROUP, FILE.maybe, meaning="the file by which the group is open")
counted = client("counted", USER, GROUP.maybe, meaning="the group in whose `container_users` the external user counts")
placed = client("placed", GROUP, FLAG, meaning="SET_CONTAINER succeeded, and neither UNSET nor the last close undid it")


def acceptable(device: Term) -> Term:
    """The device does not spoil its group's viability: vfio_dev_viable."""
    harmless = choice_is(driver[device], "none", "stub")
    return either(harmless, registered[device], leaving[device], bridge[device])


def viable(group: Term) -> Term:
    """Every device of the group is acceptable, by a scan that no lock protects."""
    return every(DEVICE, lambda d: implies(group_of[d] == group, acceptable(d)))


def exists(group: Term) -> Term:
    """The VFIO group object has a reference: a device, a file, a call in flight or an external user."""
    return either(
        some(DEVICE, lambda d: both(group_of[d] == group, registered[d])),
        some(FILE, lambda f: both(kind[f] == "group", file_group[f] == group)),
        some(USER, lambda u: reference[u] == group),
        in_flight(group),
    )


def is_there(device: Term, to: Term) -> Term:
    """The module of the driver is loaded and not being removed: only a VFIO driver's ever is."""
    return implies(to == "vfio", no(module_goes[device]))


def probe(device: Term, to: Term, heard: Taken) -> Step:
    """The driver takes the device; BIND_DRIVER, which is `heard` before, prevents nothing."""
    return step(
        "probe",
        go(driver[device].becomes(to), registered[device].becomes(to == "vfio")),
        locks=(DEVICE_MUTEX, heard, briefly(VFIO_GROUP_LOCK), briefly(NOTIFIER), briefly(DEVICE_LOCK)),
        keeps=(DEVICE_MUTEX,),
    )


def notices(device: Term, acceptable: Callable[[Term], Term]) -> Case:
    """BOUND_DRIVER: a driver that spoils a group in use stops the machine."""
    return raises_bug(both(users[group_of[device]] > 0, no(acceptable(device))))


@call(
    "open /dev/vfio/N",
    actor=THREAD,
    source="vfio_group_fops_open, 3.11-5.18",
    process=PROCESS,
    file=new(FILE),
    group=number(GROUP),
)
def open_group(process: Term, file: Term, group: Term) -> Steps:
    """Open the group's file; only one file may be open at a time."""
    yield requires(is_free(file))
    found = local("found", GROUP.maybe)
    yield step(
        "look_up",
        refuse(no(exists(group)), "ENODEV", "the group has no device of a VFIO driver"),
        go(found.becomes(group)),
        locks=(VFIO_GROUP_LOCK,),
    )
    yield step(
        "claim",
        refuse(both(no_iommu[found], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(opened[found], "EBUSY", "the group is open already"),
        go(opened[found].becomes(value=True)),
        drops=(GROUP_REFERENCE,),
    )
    yield step(
        "test",
        refuse(
            no(is_none(container[found])),
            "EBUSY",
            "the group is still in a container",
            opened[found].becomes(value=False),
        ),
        done(
            kind[file].becomes("group"),
            file_group[file].becomes(found),
            fd[process, file].becomes(value=True),
            file_of[found].becomes(file),
        ),
        drops=(GROUP_REFERENCE,),
    )


@call("bind a driver", actor="device", source="driver core, vfio_iommu_group_notifier", device=DEVICE, to=DRIVER)
def bind_driver(device: Term, to: Term) -> Steps:
    """A driver probes the device; VFIO hears of it afterwards and can only stop the machine."""
    yield requires(driver[device] == "none", no(to == "none"), is_there(device, to))
    yield probe(device, to, HEARD)
    yield step(
        "bound",
        notices(device, acceptable),
        done(),
        locks=(NOTIFIER, briefly(VFIO_GROUP_LOCK), briefly(UNBOUND_LOCK), briefly(DEVICE_LOCK)),
        drops=(DEVICE_REFERENCE,),
    )


@call("unbind the driver", actor="device", source="vfio_del_group_dev, UNBOUND_DRIVER notification, 4.x", device=DEVICE)
def unbind_driver(device: Term) -> Steps:
    """The driver leaves the device; a VFIO driver waits until nobody uses the device or, for the last one, the group."""
    yield requires(no(driver[device] == "none"))
    group = group_of[device]
    yield step(
        "leave",
        go(leaving[device].becomes(value=True), when=driver[device] == "vfio"),
        go(to="unbound"),
        locks=(DEVICE_MUTEX, HEARD, briefly(UNBOUND_LOCK)),
        drops=(DEVICE_REFERENCE,),
        keeps=(DEVICE_MUTEX,),
    )
    in_use = some(FILE, lambda f: both(kind[f] == "device", file_device[f] == device))
    yield step(
        "wait_device",
        go(registered[device].becomes(value=False), when=both(no(in_use), no(in_flight(device)))),
        locks=(briefly(DEVICE_LOCK),),
        drops=(DEVICE_REFERENCE,),
        waits=RELEASE_Q,
        keeps=(DEVICE_MUTEX,),
    )
    others = some(DEVICE, lambda d: both(group_of[d] == group, registered[d]))
    yield step(
        "wait_container",
        go(when=either(others, is_none(container[group]))),
        drops=(GROUP_REFERENCE,),
        waits=CONTAINER_Q,
        keeps=(DEVICE_MUTEX,),
    )
    yield step(
        "unbound",
        done(driver[device].becomes("none"), leaving[device].becomes(value=False)),
        locks=(NOTIFIER, briefly(VFIO_GROUP_LOCK), briefly(UNBOUND_LOCK)),
    )


CALLS = (open_group, bind_driver, unbind_driver)
