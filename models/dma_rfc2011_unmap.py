"""UNMAP_DMA and the last release of the RFC of November 2011, under the one mutex of the metagroup.

An unmap takes just what it is asked for out of the list, and splits; then page after page is given back.
"""

from tenure.models.dma_rfc2011 import (
    CALLER,
    asked_for,
    forgotten,
    frame_0,
    leads,
    lost,
    memory,
    page_number,
    parting,
    preceding,
    requested,
    taken,
    unfit,
    uninstalled,
)
from tenure.models.dma_rfc2011_ways import Asked, Ways, after
from tenure.models.dma_type1 import access, first, in_list, last, listed, position, under_lock, within
from tenure.models.locks_2011 import DGATE
from tenure.vocabulary.calls import (
    Call,
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
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, TABLE, THREAD
from tenure.vocabulary.observables import DMA_REQUEST
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, in_flight, is_none, no, some, when
from tenure.vocabulary.types import COUNT


def unmap_dma_in(ways: Ways) -> Call:
    """UNMAP_DMA, done in these ways."""

    @call(
        "UNMAP_DMA",
        actor=THREAD,
        source="vfio_dma_unmap_dm, RFC of November 2011",
        table=TABLE,
        request=DMA_REQUEST,
        low=number(ADDRESS),
        high=number(ADDRESS),
        rest=new(MAPPING),
    )
    def unmap_dma(table: Term, request: Term, low: Term, high: Term, rest: Term) -> Steps:
        """Take just a range out of whatever mappings have it; what is left of one stays, in one part or two."""
        yield requires(requested(request, low, high), is_none(listed[rest]), no(in_flight(rest)))
        asked, left = asked_for(ways, request, low, high), local("left", COUNT)
        size = position[high] - position[low] + 1
        begun = (taken[table].becomes(CALLER), *((left.becomes(size),) if ways.counts_bytes else ()))
        yield step(
            "find",
            *under_lock(is_none(taken[table]), *_unmap_refusals(ways, table, request, asked), go(*begun)),
            locks=(DGATE,),
            keeps=(DGATE,),
            waits=True,
        )
        at = local("at", ADDRESS)
        yield _cut(ways, table, asked, rest, (at, left))
        yield _unpin(ways, table, request, at, asked.beyond)

    return unmap_dma


def _unmap_refusals(ways: Ways, table: Term, request: Term, asked: Asked) -> tuple[Case, ...]:
    """The tests of UNMAP_DMA, in their order."""
    sizes = (
        refuse(request == "empty", "EINVAL", "the size is zero"),
        refuse(request == "wraps", "EINVAL", "the range ends beyond the top of the address space"),
    )
    unwritable = refuse(request == "unwritable", "EFAULT", "the arguments cannot be written back")

    def splits(mapping: Term) -> Term:
        both_ends = both(position[first[mapping]] < position[asked.low], ways.exceeds(mapping, asked))
        return both(in_list(table, mapping), ways.overlap(mapping, asked), both_ends)

    no_entry = both(request == "no memory", some(MAPPING, splits))
    return (
        *unfit(ways, request),
        *(sizes if ways.tests_unmap_size else ()),
        *(() if ways.copies_out_last else (unwritable,)),
        refuse(no_entry, "ENOMEM", "there is no memory for the other part of a mapping"),
    )


def _cut(ways: Ways, table: Term, asked: Asked, rest: Term, kept: tuple[Term, Term]) -> Step:
    """A round for each mapping that has a part of the range, those at its ends first and last; else the order matters only to who stops too soon."""
    at, left = kept

    def is_met(mapping: Term) -> Term:
        return both(in_list(table, mapping), ways.overlap(mapping, asked))

    def is_next(mapping: Term, *, below: bool, above: bool) -> Term:
        lower = some(MAPPING, lambda m: both(is_met(m), position[first[m]] < position[first[mapping]]))
        in_turn = no(lower) if ways.counts_bytes else TRUE
        stays_below = position[first[mapping]] < position[asked.low]
        stays_above = ways.exceeds(mapping, asked)
        shape = (stays_below if below else no(stays_below), stays_above if above else no(stays_above))
        return both(is_met(mapping), in_turn, *shape)

    def counted(mapping: Term) -> tuple[Assign, ...]:
        """What is left to do, in pages, from which go the bytes of what was done: two a page."""
        if not ways.counts_bytes:
            return ()
        low = when(position[first[mapping]] < position[asked.low], asked.low, first[mapping])
        high = when(position[asked.high] < position[last[mapping]], asked.high, last[mapping])
        size = position[high] - position[low] + 1
        return (left.becomes(left - size - size),)

    def goes_of(mapping: Term, *, middle: bool) -> Assign:
        """What goes of the mapping; out of its middle, as many pages as were asked for."""

        def goes(address: Term) -> Term:
            inside = TRUE if middle else within(address, first[mapping], last[mapping])
            return both(ways.spans(address, asked), inside)

        return each(ADDRESS, lambda a: parting[table, a].becomes(value=True), where=goes)

    def case(*, below: bool, above: bool) -> Case:
        def cut(mapping: Term) -> Case:
            effects = _parted(mapping, asked, rest, below=below, above=above)
            return go(*counted(mapping), goes_of(mapping, middle=below and above), *effects, to="cut")

        return choosing(MAPPING, lambda m: is_next(m, below=below, above=above), cut)

    stops = go(at.becomes(asked.low), when=left == 0, why="as many bytes went as there were pages")
    return step(
        "cut",
        *((stops,) if ways.counts_bytes else ()),
        case(below=True, above=True),
        case(below=True, above=False),
        case(below=False, above=False),
        case(below=False, above=True),
        go(at.becomes(asked.low)),
        keeps=(DGATE,),
        repeats=True,
    )


def _parted(mapping: Term, asked: Asked, rest: Term, *, below: bool, above: bool) -> tuple[Assign, ...]:
    """What stays of a mapping: a part below the range, one above it, both or none."""
    memory_above = memory[mapping] + position[asked.beyond] - position[first[mapping]]
    if below and above:
        return (
            listed[rest].becomes(listed[mapping]),
            first[rest].becomes(asked.beyond),
            last[rest].becomes(last[mapping]),
            access[rest].becomes(access[mapping]),
            memory[rest].becomes(memory_above),
            last[mapping].becomes(preceding[asked.low]),
        )
    if below:
        return (last[mapping].becomes(preceding[asked.low]),)
    if above:
        return (memory[mapping].becomes(memory_above), first[mapping].becomes(asked.beyond))
    return forgotten(mapping)


def _unpin(ways: Ways, table: Term, request: Term, at: Term, beyond: Term) -> Step:
    """A round for each address of the range: what was taken out of the list leads nowhere any more."""
    over = (parting[table, at].becomes(value=False), at.becomes(after[at]))
    last_ = done(taken[table].becomes(None))

    def is_behind(page: Term) -> Term:
        skipped = frame_0[page] if ways.frame_0_is_none else FALSE
        here = both(parting[table, at], page_number[page] == leads[table, at])
        return both(no(at == beyond), here, no(skipped))

    return step(
        "unpin",
        choosing(PAGE, is_behind, lambda page: go(*uninstalled(ways, table, at, page), *over, to="unpin")),
        go(*over, when=no(at == beyond), to="unpin"),
        *lost(ways, table, request),
        last_,
        keeps=(DGATE,),
        repeats=True,
    )


def release_in(ways: Ways) -> Call:
    """The last release, done in these ways."""

    @call(
        "release of the iommu file",
        actor=THREAD,
        source="vfio_close_iommu, vfio_dma_unmap_all, RFC of November 2011",
        table=TABLE,
    )
    def release_iommu(table: Term) -> Steps:
        """Forget every mapping, and let no address lead anywhere: the last file of the metagroup is closed."""
        at = local("at", ADDRESS)
        begun = (taken[table].becomes(CALLER), *_all_forgotten(table))
        begin = choosing(ADDRESS, lambda a: position[a] == 0, lambda a: go(at.becomes(a), *begun))
        yield step("find", *under_lock(is_none(taken[table]), begin), locks=(DGATE,), keeps=(DGATE,), waits=True)
        yield _unpin_all(ways, table, at)

    return release_iommu


def _all_forgotten(table: Term) -> tuple[Assign, ...]:
    """No mapping of the address space is left."""

    def is_listed(mapping: Term) -> Term:
        return in_list(table, mapping)

    return (
        each(MAPPING, lambda m: listed[m].becomes(None), where=is_listed),
        each(MAPPING, lambda m: first[m].becomes(None), where=is_listed),
        each(MAPPING, lambda m: last[m].becomes(None), where=is_listed),
        each(MAPPING, lambda m: access[m].becomes("none"), where=is_listed),
        each(MAPPING, lambda m: memory[m].becomes(0), where=is_listed),
    )


def _unpin_all(ways: Ways, table: Term, at: Term) -> Step:
    """A round for each address there is, the lowest first."""
    is_top = position[after[at]] == 0
    unlocked = taken[table].becomes(None)

    def is_behind(page: Term) -> Term:
        return page_number[page] == leads[table, at]

    def given_up(page: Term) -> tuple[Assign, ...]:
        return uninstalled(ways, table, at, page)

    return step(
        "unpin",
        choosing(PAGE, lambda pg: both(is_top, is_behind(pg)), lambda pg: done(*given_up(pg), unlocked)),
        done(unlocked, when=is_top),
        choosing(PAGE, is_behind, lambda pg: go(*given_up(pg), at.becomes(after[at]), to="unpin")),
        go(at.becomes(after[at]), to="unpin"),
        keeps=(DGATE,),
        repeats=True,
    )
