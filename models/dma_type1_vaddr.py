"""Type1 whose user hands memory over: a mapping stays while its vaddr is invalid, until somebody names a new one.

UNMAP_DMA with VADDR leaves every mapping where it is, translated and paid for. MAP_DMA with VADDR names the memory again,
and whoever does so takes the mapping over. Meanwhile no group comes: what is mapped would be pinned for it. Memory itself is
not modelled, so that it is the same memory which is named, nobody asks here, nor does the kernel.
"""

from collections.abc import Callable
from dataclasses import replace

from tenure.models import dma_type1_groups
from tenure.models.dma_type1 import (
    MAP_REQUEST,
    REQUEST,
    begun,
    begun_uncut,
    charged,
    first,
    in_list,
    is_asked,
    last,
    locked,
    malformed,
    may_exceed,
    overlaps,
    page_limit,
    pages,
    payer,
    position,
    under_lock,
    unmapped,
)
from tenure.models.dma_type1_groups import has_groups
from tenure.models.locks import TYPE1_LOCK
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
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import ADDRESS, MAPPING, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import TRUE, Term, both, is_none, no, some, when
from tenure.vocabulary.types import COUNT

invalid_in = state(
    "invalid in", MAPPING, TABLE.maybe, meaning="the type1 instance that counts the mapping's vaddr as invalid"
)
invalid_count = state(
    "vaddr invalid count", TABLE, COUNT, meaning="vaddr_invalid_count: mappings without a valid vaddr"
)
marked_in = state(
    "marked in",
    MAPPING,
    TABLE.maybe,
    meaning="the type1 instance whose lock the UNMAP_DMA has that made the vaddr invalid",
)


def is_invalid(mapping: Term) -> Term:
    """The mapping has no valid vaddr."""
    return no(is_none(invalid_in[mapping]))


def _lowest(such: Callable[[Term], Term]) -> Callable[[Term], Term]:
    """The mapping is such, and none that begins below it is."""

    def is_lowest(mapping: Term) -> Term:
        return both(
            such(mapping), no(some(MAPPING, lambda m: both(such(m), position[first[m]] < position[first[mapping]])))
        )

    return is_lowest


def _invalidation(table: Term, concerned: Callable[[Term], Term]) -> Steps:
    """Make vaddrs invalid one by one, the lowest first; where one is so already, make those valid again, in any order, and refuse."""
    size = local("size", COUNT)
    is_next = _lowest(lambda m: both(concerned(m), is_none(marked_in[m])))
    over = (unmapped[table].becomes(0), locked[table].becomes(value=False))

    def mark(mapping: Term) -> Case:
        much = position[last[mapping]] - position[first[mapping]] + 1
        return go(
            invalid_in[mapping].becomes(table),
            marked_in[mapping].becomes(table),
            invalid_count[table].becomes(invalid_count[table] + 1),
            unmapped[table].becomes(unmapped[table] + much),
            to="mark",
        )

    def restore(mapping: Term) -> Case:
        return go(*_made_valid(table, mapping), marked_in[mapping].becomes(None), to="restore")

    yield step(
        "mark",
        choosing(MAPPING, lambda m: both(is_next(m), is_invalid(m)), lambda _: go(to="restore")),
        choosing(MAPPING, is_next, mark),
        done(
            size.becomes(unmapped[table]),
            *over,
            each(MAPPING, lambda m: marked_in[m].becomes(None), where=lambda m: marked_in[m] == table),
            size=size,
        ),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )
    yield step(
        "restore",
        choosing(MAPPING, lambda m: marked_in[m] == table, restore),
        refuse(TRUE, "EINVAL", "a vaddr is invalid already", *over),
        keeps=(TYPE1_LOCK,),
        repeats=True,
    )


def _made_valid(table: Term, mapping: Term) -> tuple[Assign, ...]:
    return invalid_in[mapping].becomes(None), invalid_count[table].becomes(invalid_count[table] - 1)


@call(
    "VFIO_IOMMU_UNMAP_DMA, VADDR",
    actor=THREAD,
    source="vfio_dma_do_unmap, v2, 7.2",
    table=TABLE,
    request=REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def unmap_vaddr(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Have the vaddr of whole mappings invalid; of none, where the range would cut one, or one has no valid vaddr already."""
    yield from begun_uncut(table, request, low, high)
    yield from _invalidation(table, lambda m: both(in_list(table, m), overlaps(m, low, high)))


@call("VFIO_IOMMU_UNMAP_DMA, VADDR and ALL", actor=THREAD, source="vfio_dma_do_unmap, 7.2", table=TABLE)
def unmap_vaddr_all(table: Term) -> Steps:
    """Have the vaddr of every mapping invalid; of none, where one has no valid vaddr already."""
    yield begun(table)
    yield from _invalidation(table, lambda m: in_list(table, m))


@call(
    "VFIO_IOMMU_MAP_DMA, VADDR",
    actor=THREAD,
    source="vfio_dma_do_map, vfio_change_dma_owner, 7.2",
    process=PROCESS,
    table=TABLE,
    request=MAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def map_vaddr(process: Term, table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Name the memory behind a mapping again; its pages are the caller's from now on, and whoever paid for them is given them back."""
    yield requires(is_asked(request, low, high))
    taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, low, high)))

    def is_it(mapping: Term) -> Term:
        ends = both(position[first[mapping]] == position[low], position[last[mapping]] == position[high])
        return both(in_list(table, mapping), is_invalid(mapping), ends)

    def is_too_much(mapping: Term) -> Term:
        return both(no(may_exceed[process]), page_limit[process] < charged[process] + pages[mapping])

    def take_over(mapping: Term) -> Case:
        much, old = pages[mapping], payer[mapping]
        return done(
            *_made_valid(table, mapping),
            charged[old].becomes(charged[old] - much),
            charged[process].becomes(charged[process] + much),
            payer[mapping].becomes(process),
        )

    cases = (
        *malformed(request),
        refuse(request == "target wraps", "EOVERFLOW", "the memory ends beyond the top of the address space"),
        refuse(request == "misaligned", "EINVAL", "an address or the size is no multiple of the page size"),
        refuse(no(taken), "ENOENT", "nothing is mapped there"),
        refuse(no(some(MAPPING, is_it)), "EINVAL", "the range is no mapping's, or the mapping's vaddr is valid"),
        choosing(
            MAPPING,
            lambda m: both(is_it(m), payer[m] == process),
            lambda m: done(*_made_valid(table, m), why="same mm"),
        ),
        choosing(
            MAPPING,
            lambda m: both(is_it(m), is_too_much(m)),
            lambda _: refuse(TRUE, "ENOMEM", "the process would lock more pages than it may"),
        ),
        choosing(MAPPING, is_it, take_over),
    )
    yield step("map", *under_lock(no(locked[table]), *cases), locks=(TYPE1_LOCK,), waits=True)


def _and_forgotten(old: Step, table: Term) -> Step:
    """A mapping that goes counts as invalid no longer (vfio_remove_dma)."""

    def change(one: Case) -> Case:
        if one.pick is None:
            return one
        gone = one.pick.variable
        left = invalid_count[table] - when(is_invalid(gone), 1, 0)
        more = (invalid_count[table].becomes(left), invalid_in[gone].becomes(None))
        return replace(one, effects=(*one.effects, *more))

    return replace(old, cases=tuple(map(change, old.cases)))


def _with_vaddrs(base: Call) -> Call:
    """The calls of a container whose groups come and go, where vaddrs may be invalid."""
    table = base.parameter("table")
    if base.name == "attach_group":
        # a group that is in a container already is refused by SET_CONTAINER, before type1 is asked
        busy = refuse(invalid_count[table] > 0, "EBUSY", "a vaddr is invalid")
        (case,) = under_lock(no(locked[table]), busy)
        return base.otherwise(
            "attach", lambda old: old.ahead_of(lambda c: c.why == "the group reserves what is mapped", case)
        )
    return base.otherwise("remove", lambda old: _and_forgotten(old, table))


V2: tuple[Call, ...] = (
    *map(_with_vaddrs, dma_type1_groups.V2),
    *(c.requiring(has_groups(c.parameter("table"))) for c in (map_vaddr, unmap_vaddr, unmap_vaddr_all)),
)
