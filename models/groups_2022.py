"""Groups from 5.19 on: one lock over each call, DMA ownership in place of the viability scan, refusal in place of BUG()."""

from tenure.models.containers import holds_no_iommu, is_empty, put_in, taken_out
from tenure.models.files import (
    closed,
    fd,
    file_container,
    file_device,
    file_group,
    is_free,
    is_open,
    kind,
    rawio,
    releasable,
)
from tenure.models.groups import container, driver, group_of, is_there, leaving, no_iommu, placed, registered, users
from tenure.models.harm import uses_after_free
from tenure.models.iommu_drivers import calls_driver
from tenure.models.locks import (
    CONTAINER_REFERENCE,
    DEVICE_LOCK,
    DEVICE_MUTEX,
    IOMMU_GROUP_MUTEX,
    VFIO_GROUP_LOCK,
)
from tenure.models.locks_2022 import ATTACH_LOCKS, GROUP_LOCK, REGISTRATION
from tenure.models.ownership import (
    claim,
    does_dma,
    drives_for_the_kernel,
    is_claimed,
    is_foreign,
    owner,
    release,
    unuse_default_domain,
    use_default_domain,
)
from tenure.vocabulary.calls import Case, Step, Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, THREAD
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import Term, both, either, in_flight, is_none, no, some

opened_file = state("opened file", GROUP, FILE.maybe, meaning="`opened_file`: the file by which the group is open")

opened_as = client("opened as", FILE, GROUP.maybe, meaning="the group whose file was opened, be it gone since")


def exists(group: Term) -> Term:
    """The group has a device of a VFIO driver, be it on its way out: its `drivers` count is above zero."""
    return some(DEVICE, lambda d: both(group_of[d] == group, either(registered[d], leaving[d])))


def is_contained(group: Term) -> Term:
    """The group is in a container: vfio_group_has_iommu."""
    return no(is_none(container[group]))


def leaves(group: Term) -> tuple[Assign, ...]:
    """vfio_group_detach_container: the group leaves its container, and its owner lets go of its DMA."""
    released = (provided(no(no_iommu[group]), effect) for effect in release(group))
    return (*taken_out(group), users[group].becomes(0), placed[group].becomes(value=False), *released)


def touches_what_is_gone(group: Term) -> Case:
    """The IOMMU group is detached from a table after its last device, and with it the IOMMU group, has gone."""
    return uses_after_free(both(is_contained(group), no(exists(group))))


@call(
    "open /dev/vfio/N",
    actor=THREAD,
    source="vfio_group_fops_open, 5.19-7.2",
    process=PROCESS,
    file=new(FILE),
    group=number(GROUP),
)
def open_group(process: Term, file: Term, group: Term) -> Steps:
    """Open the group's file; only one file may be open at a time."""
    yield requires(is_free(file))
    yield step(
        "open",
        refuse(no(exists(group)), "ENODEV", "the group has no device of a VFIO driver"),
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(no(is_none(opened_file[group])), "EBUSY", "the group is open already"),
        done(
            kind[file].becomes("group"),
            file_group[file].becomes(group),
            fd[process, file].becomes(value=True),
            opened_file[group].becomes(file),
            opened_as[file].becomes(group),
        ),
        locks=(GROUP_LOCK,),
    )


@call("release of a group file", actor="file", internal=True, source="vfio_group_fops_release, 5.19-7.2", file=FILE)
def release_group(file: Term) -> Steps:
    """The group leaves its container and may be opened again; no device that holds the file is open any more."""
    group = file_group[file]
    yield requires(kind[file] == "group", releasable(file))
    gone = (opened_file[group].becomes(None), *closed(file), opened_as[file].becomes(None))
    yield step(
        "release",
        touches_what_is_gone(group),
        calls_driver(container[group]),
        done(*leaves(group), *gone, when=is_contained(group)),
        done(*gone),
        locks=(GROUP_LOCK, *ATTACH_LOCKS),
        drops=(CONTAINER_REFERENCE,),
    )


def looks_up(process: Term, other: Term, target: Term) -> Step:
    """fdget: the call keeps the file that the caller names."""
    missing = refuse(no(fd[process, other]), "EBADF", "the fd is negative or not open")
    return step("look_up", missing, go(target.becomes(other)))


def setting_container(process: Term, file: Term, other: Term, otherwise: str) -> Steps:
    """The steps of SET_CONTAINER; a file that is no container is refused with `otherwise`."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"))
    target = local("target", FILE.maybe)
    yield looks_up(process, other, target)
    into = file_container[target]
    real = no(no_iommu[group])
    claimed = (provided(real, effect) for effect in claim(group, "group"))
    yield step(
        "attach",
        refuse(is_contained(group), "EINVAL", "the group is in a container already"),
        refuse(is_none(group), "ENODEV", "the last device of the group is gone"),
        refuse(no(kind[target] == "container"), otherwise, "the fd is no container"),
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(
            both(no(is_empty(into)), no(holds_no_iommu[into] == no_iommu[group])),
            "EPERM",
            "the container holds groups of the other kind",
        ),
        refuse(both(real, is_claimed(group)), "EPERM", "a kernel driver or another user owns the group's DMA"),
        refuse(both(real, is_foreign(group)), "EBUSY", "the group is in a domain that is not its own"),
        calls_driver(into),
        done(*put_in(group, into), *claimed),
        locks=(GROUP_LOCK, *ATTACH_LOCKS),
    )


@call(
    "VFIO_GROUP_SET_CONTAINER",
    actor=THREAD,
    source="vfio_group_ioctl_set_container, vfio_container_attach_group, 6.2-7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
)
def set_container(process: Term, file: Term, other: Term) -> Steps:
    """Claim the group's DMA and put it into a container, in one step."""
    yield from setting_container(process, file, other, "EBADFD")


@call(
    "VFIO_GROUP_UNSET_CONTAINER",
    actor=THREAD,
    source="vfio_group_ioctl_unset_container, vfio_group_detach_container, 5.19-7.2",
    process=PROCESS,
    file=FILE,
)
def unset_container(process: Term, file: Term) -> Steps:
    """Leave the container, unless a device is open; test and leave are one step."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"))
    yield step(
        "leave",
        refuse(no(is_contained(group)), "EINVAL", "the group is in no container"),
        refuse(no(users[group] == 1), "EBUSY", "a device of the group is open"),
        touches_what_is_gone(group),
        calls_driver(container[group]),
        done(*leaves(group)),
        locks=(GROUP_LOCK, *ATTACH_LOCKS),
        drops=(CONTAINER_REFERENCE,),
    )


@call("VFIO_GROUP_GET_STATUS", actor=THREAD, source="vfio_group_ioctl_get_status, 5.19-7.2", process=PROCESS, file=FILE)
def get_status(process: Term, file: Term) -> Steps:
    """Say whether the group is free for a user, and whether it is in a container."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"))
    yield step(
        "status",
        refuse(is_none(group), "ENODEV", "the last device of the group is gone"),
        done(viable=either(is_contained(group), no(is_claimed(group))), container_set=is_contained(group)),
        locks=(GROUP_LOCK, IOMMU_GROUP_MUTEX),
    )


@call(
    "bind a driver",
    actor="device",
    source="really_probe, iommu_device_use_default_domain, vfio_register_group_dev, 5.19-7.2",
    device=DEVICE,
    to=DRIVER,
)
def bind_driver(device: Term, to: Term) -> Steps:
    """A driver probes the device; one that does DMA for the kernel is refused while a user owns the group."""
    yield requires(driver[device] == "none", no(to == "none"), is_there(device, to))
    yield step(
        "configure",
        refuse(
            both(does_dma(device, to), no(owner[group_of[device]] == "none")), "EBUSY", "a user owns the group's DMA"
        ),
        go(*use_default_domain(device), when=does_dma(device, to)),
        done(driver[device].becomes(to), registered[device].becomes(to == "vfio")),
        locks=(DEVICE_MUTEX, briefly(IOMMU_GROUP_MUTEX), briefly(VFIO_GROUP_LOCK), briefly(DEVICE_LOCK)),
        keeps=(DEVICE_MUTEX,),
    )
    yield step("probe", done(driver[device].becomes("kernel")))


def in_use(device: Term) -> Term:
    """Somebody holds a reference to the device's registration: a file of it, or a call that looked it up."""
    return either(in_flight(device), some(FILE, lambda f: both(kind[f] == "device", file_device[f] == device)))


def removal(device: Term) -> Step:
    """vfio_device_remove_group: with its last device goes the group; a file of it then stands for nothing."""
    group = group_of[device]
    others = some(DEVICE, lambda d: both(no(d == device), group_of[d] == group, either(registered[d], leaving[d])))
    gone = leaving[device].becomes(value=False)
    orphaned = (
        each(FILE, lambda f: file_group[f].becomes(None), where=lambda f: file_group[f] == group),
        opened_file[group].becomes(None),
    )
    return step(
        "remove_group",
        go(gone, when=others),
        calls_driver(container[group]),
        go(gone, *leaves(group), *orphaned, when=is_contained(group)),
        go(gone, *orphaned),
        locks=(VFIO_GROUP_LOCK, GROUP_LOCK, *ATTACH_LOCKS),
        drops=(CONTAINER_REFERENCE,),
        keeps=(DEVICE_MUTEX,),
    )


def unbinding(device: Term, *at_once: Assign) -> Steps:
    """The steps of an unbind; what happens `at_once` happens before a VFIO driver waits for those who use the device."""
    yield requires(no(driver[device] == "none"))
    yield step(
        "leave",
        go(leaving[device].becomes(value=True), *at_once, when=driver[device] == "vfio"),
        go(driver[device].becomes("none"), to="cleanup", when=drives_for_the_kernel(device)),
        done(driver[device].becomes("none")),
        locks=(DEVICE_MUTEX, briefly(DEVICE_LOCK)),
        keeps=(DEVICE_MUTEX,),
    )
    yield step(
        "wait_device",
        go(registered[device].becomes(value=False), when=no(in_use(device))),
        locks=(briefly(DEVICE_LOCK),),
        waits=REGISTRATION,
        keeps=(DEVICE_MUTEX,),
    )
    yield removal(device)
    yield step("unbound", done(driver[device].becomes("none")))
    yield step("cleanup", done(*unuse_default_domain(device)), locks=(IOMMU_GROUP_MUTEX,))


@call(
    "unbind the driver",
    actor="device",
    source="vfio_unregister_group_dev, vfio_device_remove_group, 6.6-7.2",
    device=DEVICE,
)
def unbind_driver(device: Term) -> Steps:
    """The driver leaves the device; a VFIO driver waits until nobody uses the device, which nobody can open any more."""
    yield from unbinding(device, registered[device].becomes(value=False))


CALLS = (
    open_group,
    release_group,
    set_container,
    unset_container,
    get_status,
    bind_driver,
    unbind_driver,
)
