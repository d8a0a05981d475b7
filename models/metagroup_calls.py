"""The calls of a group file of November 2011, each in the `Ways` of a design: look, and get other files."""

from tenure.models.files import file_device, file_group, is_open
from tenure.models.groups import driver
from tenure.models.locks_2011 import DGATE, VFIO_LOCK
from tenure.models.metagroup_files import exited
from tenure.models.metagroups import (
    alive,
    domain,
    file_metagroup,
    is_free,
    is_in,
    is_of,
    is_unused,
    is_viable,
    metagroup,
    mm,
    opened,
    opened_as,
    touches,
)
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Steps, call, done, go, local, new, number, refuse, requires, step
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PROCESS, THREAD
from tenure.vocabulary.observables import FAILS
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import TRUE, Term, both, either, in_flight, is_none, no, some

UNDER = (VFIO_LOCK, briefly(DGATE))
"""Where a domain may be closed, its mappings go."""


def foreign(one: Term, process: Term) -> Case:
    """The metagroup is bound to the memory of another process."""
    return refuse(both(no(is_none(mm[one])), no(mm[one] == process)), "EPERM", "the metagroup is bound to another mm")


def on(ways: Ways, one: Term, process: Term, name: str, *cases: Case) -> Steps:
    """An operation on a metagroup, after the test of the caller's mm: under the lock, or before it."""
    if ways.tests_mm_under_lock:
        yield step(name, touches(one), foreign(one, process), *cases, locks=UNDER)
        return
    yield step("mm", touches(one), foreign(one, process), go())
    yield step(name, touches(one), *cases, locks=UNDER)


def _unviable(ways: Ways, one: Term) -> Case:
    """A device has no VFIO driver; as the code has it, nobody looks once the domain is open."""
    looked = TRUE if ways.keeps_viable else no(domain[one])
    return refuse(both(looked, no(is_viable(one))), "EBUSY", "the metagroup is not viable")


@call(
    "open /dev/vfio/N",
    actor=THREAD,
    source="vfio_group_open, RFC of November 2011",
    process=PROCESS,
    file=new(FILE),
    group=number(GROUP),
    made=new(METAGROUP),
    fails=FAILS,
)
def open_group(process: Term, file: Term, group: Term, made: Term, fails: Term) -> Steps:
    """Open a file of the group, one of any number; a group that is in no metagroup gets one of its own."""
    first = is_none(metagroup[group])
    named = either(both(no(first), no(in_flight(made))), is_unused(made))
    yield requires(is_free(file), no(exited[process]), named, choice_is(fails, "nothing", "memory"))
    stands_for = (*opened_as(file, process, "group"), file_group[file].becomes(group))
    own = metagroup[group].becomes(made), alive[made].becomes(value=True)
    known = some(DEVICE, lambda d: is_in(d, group))
    yield step(
        "open",
        refuse(both(first, no(known)), "ENODEV", "there is no such group"),
        refuse(both(first, fails == "memory"), "ENOMEM", "there is no memory for a metagroup"),
        done(*stands_for, *own, when=first),
        done(*stands_for),
        locks=(VFIO_LOCK,),
    )


@call("VFIO_GROUP_GET_FLAGS", actor=THREAD, source="vfio_group_unl_ioctl", process=PROCESS, file=FILE)
def get_flags(process: Term, file: Term) -> Steps:
    """Say whether the metagroup is viable, and whether it is bound to some memory; anybody may ask."""
    yield requires(is_open(process, file, "group"))
    one = metagroup[file_group[file]]
    yield step("look", touches(one), done(viable=is_viable(one), mm_locked=no(is_none(mm[one]))), locks=(VFIO_LOCK,))


def _unopened(one: Term, fails: Term) -> tuple[Case, ...]:
    """vfio_open_iommu fails; what it did until then it takes back by itself."""
    is_closed = no(domain[one])
    return (
        refuse(both(is_closed, fails == "domain"), "EFAULT", "there is no domain, or interrupts are not remapped"),
        refuse(both(is_closed, fails == "driver"), "EIO", "the IOMMU driver does not attach a device"),
    )


def get_iommu_fd_in(ways: Ways) -> Call:
    """GET_IOMMU_FD, done in these ways."""

    @call(
        "VFIO_GROUP_GET_IOMMU_FD",
        actor=THREAD,
        source="vfio_group_ioctl, vfio_open_iommu",
        process=PROCESS,
        file=FILE,
        made=new(FILE),
        fails=FAILS,
    )
    def get_iommu_fd(process: Term, file: Term, made: Term, fails: Term) -> Steps:
        """Get a file of the metagroup, which is opened and bound to the caller's memory where it was closed."""
        one = metagroup[file_group[file]]
        known = choice_is(fails, "nothing", "domain", "driver", "file")
        yield requires(is_open(process, file, "group"), is_free(made), known)
        left = () if ways.undoes_opening else opened(one, process)
        yield from on(
            ways,
            one,
            process,
            "get",
            _unviable(ways, one),
            *_unopened(one, fails),
            refuse(fails == "file", "EMFILE", "there is no fd for the new file", *left),
            done(*opened(one, process), *opened_as(made, process, "iommu"), file_metagroup[made].becomes(one)),
        )

    return get_iommu_fd


def get_device_fd_in(ways: Ways) -> Call:
    """GET_DEVICE_FD, done in these ways."""

    @call(
        "VFIO_GROUP_GET_DEVICE_FD",
        actor=THREAD,
        source="vfio_group_ioctl, vfio_group_get_device_fd",
        process=PROCESS,
        file=FILE,
        device=number(DEVICE),
        made=new(FILE),
        fails=FAILS,
    )
    def get_device_fd(process: Term, file: Term, device: Term, made: Term, fails: Term) -> Steps:
        """Get a file of any device of the metagroup, which is opened where it was closed."""
        one = metagroup[file_group[file]]
        known = choice_is(fails, "nothing", "domain", "driver", "device", "file")
        yield requires(is_open(process, file, "group"), is_free(made), known)
        if not ways.reads_metagroup_under_lock:
            sampled = local("iommu", METAGROUP.maybe)
            yield step("sample", go(sampled.becomes(one)))
            one = sampled
        unknown = either(no(is_of(device, one)), no(driver[device] == "vfio"))
        left = () if ways.undoes_opening else opened(one, process)
        yield from on(
            ways,
            one,
            process,
            "get",
            _unviable(ways, one),
            *_unopened(one, fails),
            refuse(unknown, "ENODEV", "the metagroup has no such device of a VFIO driver", *left),
            refuse(fails == "device", "EFAULT", "the device's driver does not open it", *left),
            refuse(fails == "file", "EMFILE", "there is no fd for the new file", *left),
            done(*opened(one, process), *opened_as(made, process, "device"), file_device[made].becomes(device)),
        )

    return get_device_fd
