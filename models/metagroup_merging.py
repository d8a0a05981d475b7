"""MERGE and UNMERGE of November 2011, each in the `Ways` of a design: how groups get into a metagroup, and out of it."""

from tenure.models.files import fd, file_device, file_group, is_open, kind
from tenure.models.groups import group_of
from tenure.models.metagroup_calls import UNDER, foreign, on
from tenure.models.metagroups import (
    alive,
    asked,
    attached,
    bus,
    closed,
    coherent,
    dissolved,
    domain,
    is_in,
    is_of,
    is_unused,
    is_viable,
    keeps,
    metagroup,
    opened,
    removed,
    touches,
)
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Case, Steps, call, done, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PROCESS, THREAD
from tenure.vocabulary.observables import FAILS
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


def _no_group(process: Term, other: Term) -> tuple[Case, ...]:
    """The second file is none, or no group's."""
    return (
        refuse(is_none(other), "EINVAL", "the fd is negative"),
        refuse(no(fd[process, other]), "EBADF", "the fd is not open"),
        refuse(no(kind[other] == "group"), "EINVAL", "the fd is no group"),
    )


def merge_in(ways: Ways) -> Call:
    """MERGE, done in these ways."""

    @call(
        "VFIO_GROUP_MERGE",
        actor=THREAD,
        source="vfio_group_merge",
        process=PROCESS,
        file=FILE,
        other=number(FILE.maybe),
        fails=FAILS,
    )
    def merge(process: Term, file: Term, other: Term, fails: Term) -> Steps:
        """Take another group, and those merged with it, into the metagroup, which may be in use; theirs must be closed."""
        group, theirs = file_group[file], file_group[other]
        one, freed = metagroup[group], metagroup[theirs]
        known = choice_is(fails, "nothing", "domain", "driver", "own domain", "own driver", "attach")
        yield requires(is_open(process, file, "group"), known)
        here = freed == one
        merged = here if ways.merges_all else both(here, some(DEVICE, lambda d: is_in(d, theirs)))
        unfit = either(theirs == group, merged, domain[freed], no(bus[theirs] == bus[group]))
        into_open = refuse(domain[one], "EBUSY", "the metagroup is open")
        theirs_left, left = ((), ()) if ways.undoes_merge else (opened(freed, process), opened(one, process))
        is_closed = no(domain[one])
        yield from on(
            ways,
            one,
            process,
            "merge",
            *_no_group(process, other),
            touches(freed),
            refuse(unfit, "EINVAL", "the other group is here already, in use, or on another bus"),
            *(() if ways.merges_into_open else (into_open,)),
            refuse(no(is_viable(freed)), "EBUSY", "the other metagroup is not viable"),
            refuse(fails == "domain", "EFAULT", "there is no domain for the other, or interrupts are not remapped"),
            refuse(
                fails == "driver", "EIO", "the IOMMU driver does not attach a device of the other to its own domain"
            ),
            refuse(both(is_closed, no(is_viable(one))), "EBUSY", "the metagroup is not viable", *theirs_left),
            refuse(
                both(is_closed, fails == "own domain"),
                "EFAULT",
                "there is no domain, or interrupts are not remapped",
                *theirs_left,
            ),
            refuse(
                both(is_closed, fails == "own driver"), "EIO", "the IOMMU driver does not attach a device", *theirs_left
            ),
            refuse(no(coherent[theirs] == coherent[group]), "EINVAL", "one IOMMU keeps caches coherent, the other not"),
            refuse(fails == "attach", "EIO", "the IOMMU driver does not attach a device of the other group", *left),
            *(() if ways.merges_all else (done(alive[freed].becomes(value=False), when=here),)),
            done(*_moved(ways, one, freed, theirs), *opened(one, process)[:2], *_asked(one)),
        )

    return merge


def _moved(ways: Ways, one: Term, freed: Term, theirs: Term) -> tuple[Assign, ...]:
    """The other metagroup's groups come here with their devices, and it is freed; as the code has it, one group comes alone."""

    def comes(group: Term) -> Term:
        return metagroup[group] == freed if ways.merges_all else group == theirs

    return (
        each(GROUP, lambda g: metagroup[g].becomes(one), comes),
        each(
            DEVICE,
            lambda d: attached[d].becomes(one),
            lambda d: both(either(is_of(d, one), comes(group_of[d])), no(removed[d])),
        ),
        alive[freed].becomes(value=False),
    )


def _asked(one: Term) -> tuple[Assign, ...]:
    return (provided(no(domain[one]), asked[one].becomes(value=True)),)


def _device_open(group: Term) -> Term:
    """Some device of the group is open."""
    return some(FILE, lambda f: both(no(is_none(file_device[f])), group_of[file_device[f]] == group))


def _taken_out(group: Term, made: Term) -> tuple[Assign, ...]:
    """The group is in a new metagroup, alone, and its devices are attached to nothing."""
    return (
        metagroup[group].becomes(made),
        alive[made].becomes(value=True),
        each(DEVICE, lambda d: attached[d].becomes(None), lambda d: group_of[d] == group),
    )


def unmerge_in(ways: Ways) -> Call:
    """UNMERGE, done in these ways."""

    @call(
        "VFIO_GROUP_UNMERGE",
        actor=THREAD,
        source="vfio_group_unmerge",
        process=PROCESS,
        file=FILE,
        other=number(FILE.maybe),
        made=new(METAGROUP),
        fails=FAILS,
    )
    def unmerge(process: Term, file: Term, other: Term, made: Term, fails: Term) -> Steps:
        """Take another group out of the metagroup, unless a device of it is open; the domain stays with the rest."""
        group, theirs = file_group[file], file_group[other]
        one = metagroup[group]
        yield requires(is_open(process, file, "group"), is_unused(made), choice_is(fails, "nothing", "memory"))
        negative, *others = _no_group(process, other)
        yield from on(
            ways,
            one,
            process,
            "unmerge",
            negative,
            refuse(fails == "memory", "ENOMEM", "there is no memory for a metagroup"),
            *others,
            refuse(either(theirs == group, no(metagroup[theirs] == one)), "EINVAL", "the other group is not merged"),
            refuse(_device_open(theirs), "EBUSY", "a device of the other group is open"),
            done(*_taken_out(theirs, made)),
        )

    return unmerge


@call(
    "VFIO_GROUP_UNMERGE",
    actor=THREAD,
    source="review of the RFC: UNMERGE without the other group",
    process=PROCESS,
    file=FILE,
    made=new(METAGROUP),
    fails=FAILS,
)
def unmerge_itself(process: Term, file: Term, made: Term, fails: Term) -> Steps:
    """Take the file's own group out of the metagroup; what nobody else has a file of goes then."""
    group = file_group[file]
    one = metagroup[group]
    alone = every(GROUP, lambda g: implies(metagroup[g] == one, g == group))
    kept = some(FILE, lambda f: both(no(file_group[f] == group), keeps(f, one)))
    yield requires(is_open(process, file, "group"), is_unused(made), choice_is(fails, "nothing", "memory"))
    yield step(
        "unmerge",
        touches(one),
        foreign(one, process),
        refuse(fails == "memory", "ENOMEM", "there is no memory for a metagroup"),
        refuse(alone, "EINVAL", "the group is merged with no other"),
        refuse(_device_open(group), "EBUSY", "a device of the group is open"),
        done(*_taken_out(group, made), when=kept),
        done(
            *closed(one),
            *dissolved(one, besides=group),
            metagroup[group].becomes(made),
            alive[made].becomes(value=True),
        ),
        locks=UNDER,
    )
