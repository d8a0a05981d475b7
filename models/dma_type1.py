"""Type1: the mappings of a container's IOMMU driver, as MAP_DMA and UNMAP_DMA change them under its one lock.

An address is any object with a position; which positions there are, nothing here assumes. What the arithmetic of a
request finds at the outer edge (a size of zero, an end beyond the top) comes as the request's form; the arithmetic is
`reference/dma`'s, and proved there.
"""

from collections.abc import Callable

from tenure.models.locks import TYPE1_LOCK
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
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import ADDRESS, MAPPING, PROCESS, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS
from tenure.vocabulary.symbols import anything, fixed, state
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, either, every, implies, is_none, no, some
from tenure.vocabulary.types import COUNT, FLAG, Choice

REQUEST = Choice("request", ("range", "empty", "wraps", "misaligned"))
"""What the sizes of a request come to: a range, or what is wrong with them."""

MAP_REQUEST = Choice("map request", ("range", "empty", "wraps", "target wraps", "misaligned"))
"""The same where memory is named besides."""

position = fixed("position", ADDRESS, COUNT, meaning="the number of the page at this address")
valid_range = fixed("valid range", ADDRESS, COUNT, meaning="the valid IOVA range that the address is in; 0: none")
entry_limit = fixed("entry limit", TABLE, COUNT, meaning="dma_entry_limit when the driver was opened")

listed = state("listed", MAPPING, TABLE.maybe, meaning="the type1 instance in whose dma_list the mapping is")
first = state("first", MAPPING, ADDRESS.maybe, meaning="the first address of the mapping")
last = state("last", MAPPING, ADDRESS.maybe, meaning="the last address of the mapping, in it")
payer = state("payer", MAPPING, PROCESS.maybe, meaning="the process whose locked memory the mapping's pages count as")
pages = state("pages", MAPPING, COUNT, meaning="the pages charged through the mapping: its dma.locked_vm")
charged = state("charged", PROCESS, COUNT, meaning="the process's locked_vm, as far as mappings make it")
page_limit = fixed("page limit", PROCESS, COUNT, meaning="RLIMIT_MEMLOCK in pages")
may_exceed = fixed("may exceed", PROCESS, FLAG, meaning="the process has CAP_IPC_LOCK")
access = state("access", MAPPING, ACCESS, meaning="what the mapping lets devices do")
available = anything("available", TABLE, COUNT, meaning="dma_avail: mappings that may still be made")
translation = state("translation", TABLE, ADDRESS, MAPPING.maybe, meaning="the mapping for which the IOMMU translates")
locked = state("locked", TABLE, FLAG, meaning="the instance's lock is taken")
unmapped = state("unmapped", TABLE, COUNT, meaning="addresses removed so far by the UNMAP_DMA that has the lock")


def within(address: Term, low: Term, high: Term) -> Term:
    """The address is in the inclusive range."""
    return both(position[low] <= position[address], position[address] <= position[high])


def overlaps(mapping: Term, low: Term, high: Term) -> Term:
    """Some address is in both the mapping and the inclusive range."""
    return both(position[first[mapping]] <= position[high], position[low] <= position[last[mapping]])


def bisects(mapping: Term, low: Term, high: Term) -> Term:
    """An end of the inclusive range lies inside the mapping, so that a part of the mapping is outside."""
    below = both(position[first[mapping]] < position[low], position[low] <= position[last[mapping]])
    above = both(position[first[mapping]] <= position[high], position[high] < position[last[mapping]])
    return either(below, above)


def fits(low: Term, high: Term) -> Term:
    """One valid IOVA range has all of it; a range that spans two, though they touch, fits in neither."""
    return both(
        valid_range[low] > 0,
        every(ADDRESS, lambda a: implies(within(a, low, high), valid_range[a] == valid_range[low])),
    )


def in_list(table: Term, mapping: Term) -> Term:
    """The mapping is one of the instance's."""
    return listed[mapping] == table


def is_asked(request: Term, low: Term, high: Term) -> Term:
    """A range has a lower end and an upper; where there is none, one address stands for what was asked."""
    return both(position[low] <= position[high], implies(no(request == "range"), low == high))


def malformed(request: Term) -> tuple[Case, ...]:
    """What is wrong with the sizes of any request."""
    return (
        refuse(request == "empty", "EINVAL", "the size is zero"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
    )


def unmappable(request: Term) -> tuple[Case, ...]:
    """What is wrong with a request to unmap, whatever is mapped."""
    return (
        refuse(request == "misaligned", "EINVAL", "an address or the size is no multiple of the page size"),
        *malformed(request),
    )


def under_lock(free: Term, *cases: Case) -> tuple[Case, ...]:
    """The cases of a step that takes a lock, and sleeps while that is not free."""
    return tuple(Case(both(free, c.when), c.effects, c.follow, c.why, c.pick) for c in cases)


@call(
    "VFIO_IOMMU_MAP_DMA",
    actor=THREAD,
    source="vfio_dma_do_map, 7.2",
    process=PROCESS,
    table=TABLE,
    request=MAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def map_dma(process: Term, table: Term, request: Term, low: Term, high: Term, to: Term, made: Term) -> Steps:  # noqa: PLR0913  # what the caller passes
    """Map a range, unless any of it is mapped already, or not valid; its pages are the caller's from now on."""
    count = position[high] - position[low] + 1
    yield requires(is_asked(request, low, high), is_none(listed[made]))
    taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, low, high)))
    cases = (
        *malformed(request),
        refuse(request == "target wraps", "EOVERFLOW", "the memory ends beyond the top of the address space"),
        refuse(to == "none", "EINVAL", "neither read nor write is asked for"),
        refuse(request == "misaligned", "EINVAL", "an address or the size is no multiple of the page size"),
        refuse(taken, "EEXIST", "a part of the range is mapped already"),
        refuse(available[table] == 0, "ENOSPC", "there are as many mappings as may be"),
        refuse(no(fits(low, high)), "EINVAL", "the range is in no valid IOVA range"),
        refuse(
            both(no(may_exceed[process]), page_limit[process] < charged[process] + count),
            "ENOMEM",
            "the process would lock more pages than it may",
        ),
        done(
            listed[made].becomes(table),
            first[made].becomes(low),
            last[made].becomes(high),
            access[made].becomes(to),
            payer[made].becomes(process),
            pages[made].becomes(count),
            charged[process].becomes(charged[process] + count),
            available[table].becomes(available[table] - 1),
            each(ADDRESS, lambda a: translation[table, a].becomes(made), where=lambda a: within(a, low, high)),
        ),
    )
    yield step("map", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


def removed(table: Term, mapping: Term) -> tuple[Assign, ...]:
    """vfio_remove_dma: out of the list, out of the IOMMU; its pages are given back to whoever mapped it."""
    low, high = first[mapping], last[mapping]
    return (
        each(ADDRESS, lambda a: translation[table, a].becomes(None), where=lambda a: within(a, low, high)),
        listed[mapping].becomes(None),
        first[mapping].becomes(None),
        last[mapping].becomes(None),
        access[mapping].becomes("none"),
        charged[payer[mapping]].becomes(charged[payer[mapping]] - pages[mapping]),
        payer[mapping].becomes(None),
        pages[mapping].becomes(0),
        available[table].becomes(available[table] + 1),
    )


def removal(
    table: Term, concerned: Callable[[Term], Term], stops: Term = FALSE, instead: tuple[Assign, ...] = ()
) -> Steps:
    """Remove the mappings concerned one by one, the lowest first, until it `stops`; and say how much went, or do this `instead`."""
    size = local("size", COUNT)

    def is_lowest(mapping: Term) -> Term:
        lower = some(MAPPING, lambda m: both(concerned(m), position[first[m]] < position[first[mapping]]))
        return both(concerned(mapping), no(lower))

    def remove(mapping: Term) -> Case:
        count = unmapped[table] + position[last[mapping]] - position[first[mapping]] + 1
        return go(size.becomes(count), unmapped[table].becomes(count), *removed(table, mapping), to="remove")

    over = (size.becomes(unmapped[table]), unmapped[table].becomes(0), locked[table].becomes(value=False), *instead)

    def ended(when: Term = TRUE) -> Case:
        return done(*over, when=when) if instead else done(*over, when=when, size=size)

    yield step(
        "remove",
        *(() if stops.key == FALSE.key else (ended(stops),)),
        choosing(MAPPING, is_lowest, remove),
        ended(),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )


def begun(table: Term, *others: Case) -> Step:
    """Take the lock for a removal, unless it is refused, or there is nothing to remove."""
    cases = under_lock(no(locked[table]), *others, go(locked[table].becomes(value=True)))
    return step("find", *cases, locks=(TYPE1_LOCK,), keeps=(TYPE1_LOCK,), waits=True)


def begun_uncut(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """The same for a range that is refused where it would cut a mapping."""
    yield requires(is_asked(request, low, high))
    cut = some(MAPPING, lambda m: both(in_list(table, m), bisects(m, low, high)))
    yield begun(table, *unmappable(request), refuse(cut, "EINVAL", "the range bisects a mapping"))


@call(
    "VFIO_IOMMU_UNMAP_DMA",
    actor=THREAD,
    source="vfio_dma_do_unmap, v2, 7.2",
    table=TABLE,
    request=REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def unmap_dma(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Unmap whole mappings; a request that would cut one is refused, and nothing has changed."""
    yield from begun_uncut(table, request, low, high)
    yield from removal(table, lambda m: both(in_list(table, m), overlaps(m, low, high)))


@call("VFIO_IOMMU_UNMAP_DMA, ALL", actor=THREAD, source="vfio_dma_do_unmap, 7.2", table=TABLE)
def unmap_all(table: Term) -> Steps:
    """Unmap everything, the last page of the address space too."""
    yield begun(table)
    yield from removal(table, lambda m: in_list(table, m))


@call(
    "VFIO_IOMMU_UNMAP_DMA",
    actor=THREAD,
    source="vfio_dma_do_unmap, v1, 7.2",
    table=TABLE,
    request=REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def unmap_dma_v1(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Unmap every mapping that begins in the range, whole; stop where one begins before it and reaches into it."""
    yield requires(is_asked(request, low, high))
    yield begun(table, *unmappable(request))
    reaching = some(
        MAPPING, lambda m: both(in_list(table, m), overlaps(m, low, low), position[first[m]] < position[low])
    )
    yield from removal(
        table,
        lambda m: both(in_list(table, m), overlaps(m, low, high), position[low] <= position[first[m]]),
        stops=reaching,
    )


V2 = (map_dma, unmap_dma, unmap_all)
V1 = (map_dma, unmap_dma_v1.named("unmap_dma"), unmap_all)
