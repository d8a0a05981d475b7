"""MAP_DMA of the RFC of November 2011, under the one mutex of its metagroup.

Pages are pinned one by one, and given back one by one where that fails. A map becomes one with what leads on.
"""

from tenure.models.dma_rfc2011 import (
    CALLER,
    FAILURE,
    asked_for,
    costs,
    forgotten,
    frame_0,
    installed,
    leads,
    leads_on,
    lost,
    memory,
    owner,
    page_number,
    preceding,
    requested,
    taken,
    unfit,
    uninstalled,
)
from tenure.models.dma_rfc2011_ways import Asked, Ways, after, top
from tenure.models.dma_type1 import (
    access,
    charged,
    first,
    in_list,
    last,
    listed,
    may_exceed,
    page_limit,
    position,
    under_lock,
)
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
    value,
)
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, DMA_REQUEST
from tenure.vocabulary.terms import TRUE, Term, both, in_flight, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG


def map_dma_in(ways: Ways) -> Call:
    """MAP_DMA, done in these ways."""

    @call(
        "MAP_DMA",
        actor=THREAD,
        source="vfio_dma_map_dm, RFC of November 2011",
        table=TABLE,
        request=DMA_REQUEST,
        low=number(ADDRESS),
        high=number(ADDRESS),
        to=number(PAGE),
        writes=FLAG,
        made=new(MAPPING),
    )
    def map_dma(table: Term, request: Term, low: Term, high: Term, to: Term, writes: Term, made: Term) -> Steps:  # noqa: PLR0913  # what the caller passes
        """Lead devices to memory, page by page; refused where anything is mapped, and undone where a page cannot be had."""
        yield requires(requested(request, low, high), is_none(listed[made]), no(in_flight(made)))
        at, behind, failure = local("at", ADDRESS), local("behind", COUNT), local("failure", FAILURE)
        begun = (taken[table].becomes(CALLER), at.becomes(low), behind.becomes(page_number[to]))
        yield step(
            "check",
            *under_lock(
                is_none(taken[table]),
                *_map_refusals(ways, table, request, asked_for(ways, request, low, high)),
                go(*begun),
            ),
            locks=(DGATE,),
            keeps=(DGATE,),
            waits=True,
        )
        yield _pin(ways, table, high, (at, behind, failure))
        yield _record(ways, request, (table, low, high, writes, made), memory[made].becomes(page_number[to]), failure)
        yield _join(ways, table, request, made)
        yield _undo(ways, table, low, (at, behind, failure))

    return map_dma


def _map_refusals(ways: Ways, table: Term, request: Term, asked: Asked) -> tuple[Case, ...]:
    """The tests of MAP_DMA, in their order."""
    count = position[asked.high] - position[asked.low] + 1
    mapped = some(MAPPING, lambda m: both(in_list(table, m), ways.overlap(m, asked)))
    led = some(ADDRESS, lambda a: both(ways.spans(a, asked), _seen(ways, table, a)))
    wraps = refuse(request == "wraps", "EINVAL", "the range ends beyond the top of the address space")
    too_much = both(no(may_exceed[owner[table]]), page_limit[owner[table]] < charged[owner[table]] + count)
    limit = refuse(too_much, "ENOMEM", "there are more pages in the range than may be locked, reserved or not")
    translated = refuse(led, "EBUSY", "the domain translates a page of the range already")
    no_entry = refuse(request == "no memory", "ENOMEM", "there is no memory for the entry")
    return (
        *unfit(ways, request),
        refuse(request == "empty", "EINVAL", "the size is zero"),
        *((wraps,) if ways.tests_map_wraps else ()),
        refuse(mapped, "EBUSY", "a part of the range is mapped already"),
        *((translated,) if ways.loses_translations else ()),
        *((limit,) if ways.limits_all else ()),
        *(() if ways.records_last else (no_entry,)),
    )


def _seen(ways: Ways, table: Term, address: Term) -> Term:
    """The domain leads somewhere, as iova_to_phys has it."""
    if not ways.frame_0_is_none:
        return leads[table, address] > 0
    return some(PAGE, lambda pg: both(page_number[pg] == leads[table, address], no(frame_0[pg])))


def _pin(ways: Ways, table: Term, high: Term, kept: tuple[Term, Term, Term]) -> Step:
    """A round for each page, the lowest address first."""
    at, behind, failure = kept
    process = owner[table]
    over = go(when=at == after[high], to="record")
    full = both(no(may_exceed[process]), page_limit[process] <= charged[process])
    collides = choosing(
        PAGE,
        lambda page: both(page_number[page] == behind, leads[table, at] > 0),
        lambda _: go(failure.becomes("EBUSY"), to="undo", why="the domain has the address"),
    )

    def is_beyond(page: Term) -> Term:
        return both(page_number[page] == behind, costs(ways, table, page), full)

    def pin(page: Term) -> Case:
        done_ = (*installed(ways, table, at, page), at.becomes(after[at]), behind.becomes(behind + 1))
        return go(*done_, to="pin")

    return step(
        "pin",
        over,
        choosing(
            PAGE,
            is_beyond,
            lambda _: go(failure.becomes("ENOMEM"), to="undo", why="the process would lock more pages than it may"),
        ),
        *((collides,) if ways.frame_0_is_none else ()),
        choosing(PAGE, lambda page: page_number[page] == behind, pin),
        go(failure.becomes("EFAULT"), to="undo", why="there is no such page"),
        keeps=(DGATE,),
        repeats=True,
    )


def _record(
    ways: Ways, request: Term, made_of: tuple[Term, Term, Term, Term, Term], target: Assign, failure: Term
) -> Step:
    """The entry is there when every page is."""
    table, low, high, writes, made = made_of
    late = go(failure.becomes("ENOMEM"), when=request == "no memory", to="undo", why="there is no memory for the entry")
    unwritable = go(
        failure.becomes("EFAULT"), when=request == "unwritable", to="undo", why="the arguments cannot be written back"
    )
    entry = (
        listed[made].becomes(table),
        first[made].becomes(low),
        last[made].becomes(high),
        access[made].becomes(when(writes, value("both", ACCESS), value("read", ACCESS))),
        target,
    )
    return step(
        "record",
        *((late,) if ways.records_last else ()),
        *(() if ways.copies_out_last else (unwritable,)),
        go(*entry),
        keeps=(DGATE,),
    )


def _join(ways: Ways, table: Term, request: Term, made: Term) -> Step:
    """The new mapping becomes one with what it continues, and with what continues it; a round for each.

    Where that ends at the top is a case by itself: so every campaign tries it there.
    """

    def is_below(mapping: Term) -> Term:
        return both(in_list(table, mapping), leads_on(mapping, made, ways.size))

    def is_above(mapping: Term) -> Term:
        return both(in_list(table, mapping), leads_on(made, mapping, ways.size), ways.meets(mapping, after[last[made]]))

    def is_above_to_the_top(mapping: Term) -> Term:
        return both(is_above(mapping), position[last[mapping]] == top.now)

    def below(mapping: Term) -> Case:
        joined = (first[made].becomes(first[mapping]), memory[made].becomes(memory[mapping]))
        return go(*joined, *forgotten(mapping), to="join")

    def above(mapping: Term) -> Case:
        return go(last[made].becomes(last[mapping]), *forgotten(mapping), to="join")

    return step(
        "join",
        choosing(MAPPING, is_below, below),
        choosing(MAPPING, is_above_to_the_top, above),
        choosing(MAPPING, is_above, above),
        *lost(ways, table, request),
        done(taken[table].becomes(None)),
        keeps=(DGATE,),
        repeats=True,
    )


def _undo(ways: Ways, table: Term, low: Term, kept: tuple[Term, Term, Term]) -> Step:
    """A round for each page that was pinned, the last one first; then say what failed."""
    at, behind, failure = kept
    unlocked = taken[table].becomes(None)
    done_before = preceding[at]

    def undo(page: Term) -> Case:
        back = (at.becomes(done_before), behind.becomes(behind - 1))
        return go(*uninstalled(ways, table, done_before, page), *back, to="undo")

    def over(errno: str, why: str) -> Case:
        told = TRUE if errno == "EFAULT" else failure == errno
        return refuse(both(at == low, told), errno, why, unlocked)

    return step(
        "undo",
        over("ENOMEM", "there is no memory, or no more that may be locked"),
        *((over("EBUSY", "the domain has the address"),) if ways.frame_0_is_none else ()),
        over("EFAULT", "there is no such page, or the arguments cannot be written back"),
        choosing(PAGE, lambda page: page_number[page] == leads[table, done_before], undo),
        go(at.becomes(done_before), to="undo", why="there is no page"),
        keeps=(DGATE,),
        repeats=True,
    )
