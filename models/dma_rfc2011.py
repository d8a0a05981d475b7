"""The RFC of November 2011: the mappings of a metagroup, as MAP_DMA and UNMAP_DMA change them under their one mutex.

An unmap takes just what it is asked for, and splits; a map becomes one with what leads on. Pages are pinned, translated and
charged one by one, each page once. Where the code was otherwise than meant, the text asks its `Ways`.
"""

from collections.abc import Callable

from tenure.models.dma_rfc2011_ways import MEANT, Asked, Ways, after, size_of
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
    within,
)
from tenure.models.locks_2011 import DGATE
from tenure.vocabulary.calls import (
    Call,
    Case,
    Step,
    Steps,
    call,
    caller,
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
from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, PROCESS, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, DMA_REQUEST
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, implies, in_flight, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG, Choice

preceding = fixed("preceding", ADDRESS, ADDRESS, meaning="the address that comes before; before the lowest one the top")
page_number = fixed("page number", PAGE, COUNT, meaning="the number of the page in memory, from 1 on")
reserved = fixed("reserved", PAGE, FLAG, meaning="the page is a device's: it has no struct page, and is never charged")
frame_0 = fixed("frame 0", PAGE, FLAG, meaning="the number of the page's physical frame is 0")
owner = fixed("mm", TABLE, PROCESS, meaning="the process whose memory the metagroup maps: its mm")

memory = state("memory", MAPPING, COUNT, meaning="the number of the page behind the mapping's first address: its vaddr")
taken = state("taken", TABLE, THREAD.maybe, meaning="the thread that has the metagroup's mutex")
leads = state("leads", TABLE, ADDRESS, COUNT, meaning="the number of the page that the domain translates to; 0: none")
parting = state(
    "parting", TABLE, ADDRESS, FLAG, meaning="an unmap has taken the address out of the list, and not yet unmapped it"
)
held = state("held", PROCESS, PAGE, FLAG, meaning="the page is counted in locked_vm")

CALLER = caller(THREAD)
FAILURE = Choice("failure", ("EFAULT", "ENOMEM", "EBUSY"))


def _requested(request: Term, low: Term, high: Term) -> Term:
    """What callers can say: a range that ends where it should or beyond the top, but not the whole space."""
    one = both(no(request == "range"), no(request == "wraps"))
    return both(
        no(after[high] == low),
        implies(request == "range", position[low] <= position[high]),
        implies(request == "wraps", position[high] < position[low]),
        implies(one, low == high),
    )


def _asked(ways: Ways, request: Term, low: Term, high: Term) -> Asked:
    """What is asked for; an unmap of nothing gets so far where its size is not tested."""
    return Asked(low, high, after[high] if ways.tests_unmap_size else when(request == "empty", low, after[high]))


def _unfit(ways: Ways, request: Term) -> tuple[Case, ...]:
    """What is refused whatever the size."""
    unknown = refuse(request == "unknown", "EINVAL", "a flag is unknown, or the arguments are too short")
    return (
        refuse(request == "misaligned", "EINVAL", "an address or the size is no multiple of the page size"),
        *((unknown,) if ways.tests_arguments else ()),
    )


def _seen(ways: Ways, table: Term, address: Term) -> Term:
    """The domain leads somewhere, as iova_to_phys has it."""
    if not ways.frame_0_is_none:
        return leads[table, address] > 0
    return some(PAGE, lambda pg: both(page_number[pg] == leads[table, address], no(frame_0[pg])))


def _costs(ways: Ways, table: Term, page: Term) -> Term:
    """Another address that leads to the page makes its process pay for it."""
    return both(no(reserved[page]), no(held[owner[table], page]) if ways.charges_once else TRUE)


def _installed(ways: Ways, table: Term, address: Term, page: Term) -> tuple[Assign, ...]:
    """The address leads to the page, which is pinned and paid for."""
    process = owner[table]
    return (
        provided(_costs(ways, table, page), charged[process].becomes(charged[process] + 1)),
        provided(no(reserved[page]), held[process, page].becomes(value=True)),
        leads[table, address].becomes(page_number[page]),
    )


def _uninstalled(ways: Ways, table: Term, address: Term, page: Term) -> tuple[Assign, ...]:
    """The address leads nowhere, and a page to which no other one leads is given back."""
    process = owner[table]
    other = some(ADDRESS, lambda a: both(no(a == address), leads[table, a] == page_number[page]))
    over = both(held[process, page], no(other))
    returned = over if ways.charges_once else no(reserved[page])
    return (
        provided(returned, charged[process].becomes(charged[process] - 1)),
        provided(over, held[process, page].becomes(value=False)),
        leads[table, address].becomes(0),
    )


def _forgotten(mapping: Term) -> tuple[Assign, ...]:
    return (
        listed[mapping].becomes(None),
        first[mapping].becomes(None),
        last[mapping].becomes(None),
        access[mapping].becomes("none"),
        memory[mapping].becomes(0),
    )


def _mapping(ways: Ways) -> Call:
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
        yield requires(_requested(request, low, high), is_none(listed[made]), no(in_flight(made)))
        at, behind, failure = local("at", ADDRESS), local("behind", COUNT), local("failure", FAILURE)
        begun = (taken[table].becomes(CALLER), at.becomes(low), behind.becomes(page_number[to]))
        yield step(
            "check",
            *under_lock(
                is_none(taken[table]),
                *_map_refusals(ways, table, request, _asked(ways, request, low, high)),
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
    no_entry = refuse(request == "no memory", "ENOMEM", "there is no memory for the entry")
    return (
        *_unfit(ways, request),
        refuse(request == "empty", "EINVAL", "the size is zero"),
        *((wraps,) if ways.tests_map_wraps else ()),
        refuse(mapped, "EBUSY", "a part of the range is mapped already"),
        refuse(led, "EBUSY", "the domain translates a page of the range already"),
        *((limit,) if ways.limits_all else ()),
        *(() if ways.records_last else (no_entry,)),
    )


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
        return both(page_number[page] == behind, _costs(ways, table, page), full)

    def pin(page: Term) -> Case:
        done_ = (*_installed(ways, table, at, page), at.becomes(after[at]), behind.becomes(behind + 1))
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


def leads_on(low: Term, high: Term, size: Callable[[Term], Term] = size_of) -> Term:
    """The higher mapping begins where the lower one ends, at the memory where that ends, and permits the same."""
    return both(
        listed[low] == listed[high],
        position[first[high]] == position[last[low]] + 1,
        access[low] == access[high],
        memory[high] == memory[low] + size(low),
    )


def _join(ways: Ways, table: Term, request: Term, made: Term) -> Step:
    """The new mapping becomes one with what it continues, and with what continues it; a round for each."""

    def is_below(mapping: Term) -> Term:
        return both(in_list(table, mapping), leads_on(mapping, made, ways.size))

    def is_above(mapping: Term) -> Term:
        return both(in_list(table, mapping), leads_on(made, mapping, ways.size), ways.meets(mapping, after[last[made]]))

    def below(mapping: Term) -> Case:
        joined = (first[made].becomes(first[mapping]), memory[made].becomes(memory[mapping]))
        return go(*joined, *_forgotten(mapping), to="join")

    def above(mapping: Term) -> Case:
        return go(last[made].becomes(last[mapping]), *_forgotten(mapping), to="join")

    return step(
        "join",
        choosing(MAPPING, is_below, below),
        choosing(MAPPING, is_above, above),
        *_lost(ways, table, request),
        done(taken[table].becomes(None)),
        keeps=(DGATE,),
        repeats=True,
    )


def _lost(ways: Ways, table: Term, request: Term) -> tuple[Case, ...]:
    """The arguments are handed back when all is done, and cannot be."""
    if not ways.copies_out_last:
        return ()
    unlocked = taken[table].becomes(None)
    return (refuse(request == "unwritable", "EFAULT", "the arguments cannot be written back", unlocked),)


def _undo(ways: Ways, table: Term, low: Term, kept: tuple[Term, Term, Term]) -> Step:
    """A round for each page that was pinned, the last one first; then say what failed."""
    at, behind, failure = kept
    unlocked = taken[table].becomes(None)
    done_before = preceding[at]

    def undo(page: Term) -> Case:
        back = (at.becomes(done_before), behind.becomes(behind - 1))
        return go(*_uninstalled(ways, table, done_before, page), *back, to="undo")

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


def _unmapping(ways: Ways) -> Call:
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
        yield requires(_requested(request, low, high), is_none(listed[rest]), no(in_flight(rest)))
        asked, left = _asked(ways, request, low, high), local("left", COUNT)
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
        *_unfit(ways, request),
        *(sizes if ways.tests_unmap_size else ()),
        *(() if ways.copies_out_last else (unwritable,)),
        refuse(no_entry, "ENOMEM", "there is no memory for the other part of a mapping"),
    )


def _cut(ways: Ways, table: Term, asked: Asked, rest: Term, kept: tuple[Term, Term]) -> Step:
    """A round for each mapping that has a part of the range; in which order, matters only to who stops too soon."""
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
        case(below=False, above=True),
        case(below=False, above=False),
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
    return _forgotten(mapping)


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
        choosing(PAGE, is_behind, lambda page: go(*_uninstalled(ways, table, at, page), *over, to="unpin")),
        go(*over, when=no(at == beyond), to="unpin"),
        *_lost(ways, table, request),
        last_,
        keeps=(DGATE,),
        repeats=True,
    )


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


def _releasing(ways: Ways) -> Call:
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


def _unpin_all(ways: Ways, table: Term, at: Term) -> Step:
    """A round for each address there is, the lowest first."""
    is_top = position[after[at]] == 0
    unlocked = taken[table].becomes(None)

    def is_behind(page: Term) -> Term:
        return page_number[page] == leads[table, at]

    def given_up(page: Term) -> tuple[Assign, ...]:
        return _uninstalled(ways, table, at, page)

    return step(
        "unpin",
        choosing(PAGE, lambda pg: both(is_top, is_behind(pg)), lambda pg: done(*given_up(pg), unlocked)),
        done(unlocked, when=is_top),
        choosing(PAGE, is_behind, lambda pg: go(*given_up(pg), at.becomes(after[at]), to="unpin")),
        go(at.becomes(after[at]), to="unpin"),
        keeps=(DGATE,),
        repeats=True,
    )


def calls_of(ways: Ways = MEANT) -> tuple[Call, ...]:
    """The calls, done in these ways."""
    return (_mapping(ways), _unmapping(ways), _releasing(ways))
