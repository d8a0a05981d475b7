"""Containers: from 3.11 to 5.18, with `container_users`, the viability scan and no lock over a whole call."""

from collections.abc import Callable

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
from tenure.models.groups import (
    attached,
    container,
    file_of,
    group_of,
    no_iommu,
    opened,
    placed,
    registered,
    users,
    viable,
)
from tenure.models.harm import corrupts_list, dereferences_null
from tenure.models.iommu_drivers import (
    IOMMU_TYPE,
    calls_driver,
    driver_of,
    given_back,
    serves,
    supports,
    taken,
)
from tenure.models.locks import (
    CONTAINER_GROUP_LOCK,
    CONTAINER_Q,
    CONTAINER_REFERENCE,
    DEVICE_LOCK,
    DEVICE_REFERENCE,
    GROUP_REFERENCE,
    IOMMU_DRIVERS_LOCK,
    IOMMU_GROUP_MUTEX,
    RELEASE_Q,
    SCAN,
    TABLE_LOCKS,
    TYPE1_LOCK,
)
from tenure.models.modules import kept_by, let_go_by, without_module
from tenure.vocabulary.calls import (
    Case,
    Step,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    new,
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.locks import Taken, briefly
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, IOMMU_DRIVER, PAGE, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import TRUE, Term, both, either, every, is_none, literal, no, some, when
from tenure.vocabulary.types import COUNT, FLAG

linked = state("linked", CONTAINER, GROUP, FLAG, meaning="the group is in the container's group list")
table = state("table", CONTAINER, TABLE.maybe, meaning="the container's IOMMU data; none: no IOMMU driver set")
references = state("container references", CONTAINER, COUNT, meaning="the container's kref")
holds_no_iommu = state("holds no iommu", CONTAINER, FLAG, meaning="the groups of the container are no-IOMMU groups")
mapped = state("mapped", TABLE, PAGE, FLAG, meaning="the table translates the page")
counts = client("counts", FILE, GROUP.maybe, meaning="the group in whose `container_users` the device file counts")


def is_unused(one: Term) -> Term:
    """The container's name is unused: no file, no group and no reference knows it."""
    return both(
        references[one] == 0,
        every(GROUP, lambda g: both(no(container[g] == one), no(linked[one, g]))),
        every(FILE, lambda f: no(file_container[f] == one)),
    )


def is_fresh(one: Term) -> Term:
    """The table's name is unused."""
    return both(every(CONTAINER, lambda c: no(table[c] == one)), every(GROUP, lambda g: no(attached[g] == one)))


def is_empty(one: Term) -> Term:
    """The container's group list is empty."""
    return every(GROUP, lambda g: no(linked[one, g]))


def dissolve(group: Term, then: str, *given_up: Assign) -> Steps:
    """vfio_group_try_dissolve_container: drop one use of the group; who drops the last one detaches it."""
    yield step(
        "dissolve",
        go(users[group].becomes(0), *given_up, when=users[group] == 1),
        go(users[group].becomes(users[group] - 1), *given_up, when=users[group] > 1, to=then),
        go(*given_up, to=then),
    )
    yield detach(group, go)


def taken_out(group: Term) -> tuple[Assign, ...]:
    """The group leaves the container it points to; with the last one go the IOMMU driver and all translations."""
    one = container[group]
    last = every(GROUP, lambda g: either(g == group, no(linked[one, g])))
    return (
        corrupts_list(no(linked[one, group])),
        linked[one, group].becomes(value=False),
        attached[group].becomes(None),
        container[group].becomes(None),
        references[one].becomes(references[one] - 1),
        table[one].becomes(when(last, table.nothing, table[one])),
        each(PAGE, lambda p: mapped[table[one], p].becomes(value=False), where=lambda _: last),
        *given_back(one, last),
    )


def put_in(group: Term, into: Term) -> tuple[Assign, ...]:
    """The group enters a container, and where that has an IOMMU driver, its table."""
    already = some(CONTAINER, lambda c: linked[c, group])
    return (
        corrupts_list(already),
        linked[into, group].becomes(value=True),
        container[group].becomes(into),
        users[group].becomes(users[group] + 1),
        references[into].becomes(references[into] + 1),
        holds_no_iommu[into].becomes(no_iommu[group]),
        provided(no(no_iommu[group]), attached[group].becomes(table[into])),
        placed[group].becomes(value=True),
    )


def detach(group: Term, ending: Callable[..., Case]) -> Step:
    """__vfio_group_unset_container: take the group out of whatever container it points to *now*."""
    return step(
        "detach",
        dereferences_null(is_none(container[group])),
        calls_driver(container[group]),
        ending(*taken_out(group)),
        locks=(briefly(*TABLE_LOCKS),),
        drops=(CONTAINER_REFERENCE,),
        wakes=(CONTAINER_Q,),
    )


def status(group: Term, viable: Callable[[Term], Term], scan: Taken) -> Step:
    """What GET_STATUS tells, by the viability scan of its generation."""
    return step(
        "status",
        done(viable=viable(group), container_set=no(is_none(container[group]))),
        locks=(scan,),
        wakes=(RELEASE_Q,),
    )


def looks(group: Term, viable: Callable[[Term], Term], scan: Taken) -> Steps:
    """The three looks of GET_DEVICE_FD, with no lock over them: what the first saw may be over at the last."""
    yield step("check_users", refuse(users[group] == 0, "EINVAL", "the group is in no container"), go())
    yield step(
        "check_iommu",
        dereferences_null(is_none(container[group])),
        refuse(is_none(table[container[group]]), "EINVAL", "the container has no IOMMU driver"),
        go(),
    )
    yield step(
        "check_viable",
        refuse(no(viable(group)), "EINVAL", "the group is not viable"),
        go(),
        locks=(scan,),
        wakes=(RELEASE_Q,),
    )


@call(
    "open /dev/vfio/vfio", actor=THREAD, source="vfio_fops_open", process=PROCESS, file=new(FILE), made=new(CONTAINER)
)
def open_container(process: Term, file: Term, made: Term) -> Steps:
    """Make a container and open a file for it."""
    yield requires(is_free(file), is_unused(made))
    yield step(
        "open",
        done(
            kind[file].becomes("container"),
            file_container[file].becomes(made),
            fd[process, file].becomes(value=True),
            references[made].becomes(1),
        ),
    )


@call("release of a container file", actor="file", internal=True, source="vfio_fops_release", file=FILE)
def release_container(file: Term) -> Steps:
    """The file's reference to its container is dropped; groups keep theirs, and their mappings."""
    yield requires(kind[file] == "container", releasable(file))
    one = file_container[file]
    yield step("put", done(references[one].becomes(references[one] - 1), *closed(file)), drops=(CONTAINER_REFERENCE,))


@call(
    "VFIO_GROUP_SET_CONTAINER",
    actor=THREAD,
    source="vfio_group_set_container, 3.6-5.18",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
)
def set_container(process: Term, file: Term, other: Term) -> Steps:
    """Put the group into a container."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"))
    yield step(
        "check",
        refuse(is_none(other), "EINVAL", "the fd is negative"),
        refuse(no(users[group] == 0), "EINVAL", "the group is in a container already"),
        go(),
    )
    target = local("target", FILE.maybe)
    yield step(
        "look_up",
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(kind[other] == "container"), "EINVAL", "the fd is no container"),
        go(target.becomes(other)),
    )
    into = file_container[target]
    yield step(
        "attach",
        refuse(
            both(no(is_empty(into)), no(holds_no_iommu[into] == no_iommu[group])),
            "EPERM",
            "the container holds groups of the other kind",
        ),
        calls_driver(into),
        refuse(
            both(no(is_none(table[into])), no(is_none(attached[group]))),
            "EBUSY",
            "the IOMMU driver finds the group attached elsewhere",
        ),
        done(*put_in(group, into)),
        locks=TABLE_LOCKS,
    )


@call(
    "VFIO_GROUP_UNSET_CONTAINER",
    actor=THREAD,
    source="vfio_group_unset_container, 3.6-5.18",
    process=PROCESS,
    file=FILE,
)
def unset_container(process: Term, file: Term) -> Steps:
    """Leave the container, unless someone besides SET_CONTAINER still uses the group."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"))
    yield step(
        "check",
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no(users[group] == 1), "EBUSY", "a device file or an external user still uses the group"),
        go(users[group].becomes(0), placed[group].becomes(value=False)),
    )
    yield detach(group, done)


@call(
    "VFIO_SET_IOMMU",
    actor=THREAD,
    source="vfio_ioctl_set_iommu",
    process=PROCESS,
    file=FILE,
    type=IOMMU_TYPE,
    made=new(TABLE),
)
def set_iommu(process: Term, file: Term, type: Term, made: Term) -> Steps:  # noqa: A002  # the ioctl's own word
    """Choose the IOMMU driver of a container that holds groups, and attach them all."""
    one = file_container[file]
    able = some(IOMMU_DRIVER, lambda d: serves(d, type))
    yield requires(is_open(process, file, "container"), is_fresh(made))
    yield step(
        "set",
        refuse(
            either(is_empty(one), no(is_none(table[one]))),
            "EINVAL",
            "the container is empty or has an IOMMU driver already",
        ),
        refuse(no(holds_no_iommu[one] == (type == "noiommu")), "ENODEV", "the type is not for these groups"),
        refuse(both(able, type == "noiommu", no(rawio[process])), "EPERM", "no-IOMMU needs CAP_SYS_RAWIO"),
        refuse(
            both(able, some(GROUP, lambda g: both(linked[one, g], no(is_none(attached[g]))))),
            "EBUSY",
            "the IOMMU driver finds a group attached elsewhere",
        ),
        choosing(
            IOMMU_DRIVER,
            lambda d: serves(d, type),
            lambda d: done(
                table[one].becomes(made),
                each(GROUP, lambda g: attached[g].becomes(made), where=lambda g: both(linked[one, g], no(no_iommu[g]))),
                *taken(one, d),
            ),
        ),
        refuse(TRUE, "ENODEV", "no registered IOMMU driver supports the type"),
        locks=(CONTAINER_GROUP_LOCK, IOMMU_DRIVERS_LOCK, TYPE1_LOCK, IOMMU_GROUP_MUTEX),
    )


def asks(one: Term, type: Term, *first: Case) -> Step:  # noqa: A002  # the ioctl's own word
    """vfio_ioctl_check_extension of a container, by whoever has come to it; what may be wrong with that comes `first`."""
    fits = either(is_empty(one), holds_no_iommu[one] == (type == "noiommu"))
    anyone = both(fits, some(IOMMU_DRIVER, lambda d: serves(d, type)))
    return step(
        "ask",
        *first,
        calls_driver(one),
        done(supported=when(is_none(driver_of[one]), anyone, supports(driver_of[one], type))),
        locks=(CONTAINER_GROUP_LOCK, IOMMU_DRIVERS_LOCK),
    )


@call(
    "VFIO_CHECK_EXTENSION",
    actor=THREAD,
    source="vfio_ioctl_check_extension",
    process=PROCESS,
    file=FILE,
    type=IOMMU_TYPE,
)
def check_extension(process: Term, file: Term, type: Term) -> Steps:  # noqa: A002  # as above
    """Say whether the container's IOMMU driver supports the type, or, where it has none, some registered one for its groups."""
    yield requires(is_open(process, file, "container"))
    yield asks(file_container[file], type)


@call("VFIO_GET_API_VERSION", actor=THREAD, source="vfio_fops_unl_ioctl, VFIO_API_VERSION", process=PROCESS, file=FILE)
def get_api_version(process: Term, file: Term) -> Steps:
    """Say which version of the interface this is: 0 from the beginning on, in whatever state the container is."""
    yield requires(is_open(process, file, "container"))
    yield step("read", done(version=literal(0, COUNT)))


@call("VFIO_GROUP_GET_STATUS", actor=THREAD, source="vfio_group_fops_unl_ioctl", process=PROCESS, file=FILE)
def get_status(process: Term, file: Term) -> Steps:
    """Say whether the group is viable and whether it is in a container."""
    yield requires(is_open(process, file, "group"))
    yield status(file_group[file], viable, SCAN)


@call(
    "VFIO_GROUP_GET_DEVICE_FD",
    actor=THREAD,
    source="vfio_group_get_device_fd, 3.11-5.18",
    process=PROCESS,
    file=FILE,
    device=number(DEVICE),
    made=new(FILE),
)
def get_device_fd(process: Term, file: Term, device: Term, made: Term) -> Steps:
    """Open a device of a viable group that is in a container with an IOMMU driver."""
    group = file_group[file]
    yield requires(is_open(process, file, "group"), is_free(made))
    yield from looks(group, viable, SCAN)
    found = local("found", DEVICE.maybe)
    yield step(
        "look_up",
        refuse(both(no_iommu[group], no(rawio[process])), "EPERM", "a no-IOMMU group needs CAP_SYS_RAWIO"),
        refuse(
            either(no(group_of[device] == group), no(registered[device])),
            "ENODEV",
            "the group has no such device of a VFIO driver",
        ),
        go(found.becomes(device)),
        locks=(DEVICE_LOCK,),
    )
    yield step(
        "open",
        without_module(found),
        go(
            kind[made].becomes("device"),
            file_group[made].becomes(group),
            file_device[made].becomes(found),
            *kept_by(made, found),
        ),
        drops=(DEVICE_REFERENCE,),
        wakes=(RELEASE_Q,),
    )
    yield step("count", go(users[group].becomes(users[group] + 1), counts[made].becomes(group)))
    yield step("install", done(fd[process, made].becomes(value=True)), wakes=(RELEASE_Q, CONTAINER_Q))


@call("release of a device file", actor="file", internal=True, source="vfio_device_fops_release, 3.6-5.18", file=FILE)
def release_device(file: Term) -> Steps:
    """The device file's use of the group ends; the last user to leave detaches the group."""
    group = file_group[file]
    yield requires(kind[file] == "device", releasable(file))
    yield from dissolve(group, "put", counts[file].becomes(None), *let_go_by(file))
    yield step("put", done(*closed(file)), drops=(DEVICE_REFERENCE, GROUP_REFERENCE), wakes=(RELEASE_Q,))


@call("release of a group file", actor="file", internal=True, source="vfio_group_fops_release, 3.11-5.18", file=FILE)
def release_group(file: Term) -> Steps:
    """The base use ends, the group may be opened again, the reference is dropped: in this order."""
    group = file_group[file]
    yield requires(kind[file] == "group", releasable(file))
    yield from dissolve(group, "reopen", placed[group].becomes(value=False))
    yield step("reopen", go(opened[group].becomes(value=False), file_of[group].becomes(None)))
    yield step("put", done(*closed(file)), drops=(GROUP_REFERENCE,))


CALLS = (
    open_container,
    release_container,
    set_container,
    unset_container,
    set_iommu,
    get_status,
    get_device_fd,
    release_device,
    release_group,
)

QUESTIONS = (check_extension, get_api_version)
"""What only asks a container; systems that stand on containers leave it out."""
