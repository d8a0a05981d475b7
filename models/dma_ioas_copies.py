"""IO address spaces whose areas share memory: IOAS_COPY, and what is pinned and charged while a device is attached.

An area leads to a part of a pages object (iopt_pages): its memory, page by page from 0 on, where the page that has an address's
position for its number is said to be at that address. A device reserves nothing here, and an address is a page.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tenure.models import dma_ioas
from tenure.models.cdev_fields import attached_to
from tenure.models.dma_ioas import has_room, is_there, last_of, made_area
from tenure.models.dma_ioas_devices import has_devices
from tenure.models.dma_type1 import first, in_list, last, listed, overlaps, position, within
from tenure.models.locks_iommufd import IGROUP_LOCK, IOVA_RWSEM, OBJECT_TABLE, PAGES_MUTEX
from tenure.vocabulary.calls import (
    Call,
    Case,
    Finish,
    Parameter,
    Requires,
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
from tenure.vocabulary.effects import Assign, each, each_pair
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, DEVICE, IOPT_PAGES, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, AUTO_COPY_REQUEST, COPY_REQUEST
from tenure.vocabulary.symbols import choice_is, state
from tenure.vocabulary.terms import (
    FALSE,
    TRUE,
    Term,
    both,
    constant,
    either,
    every,
    implies,
    in_flight,
    is_none,
    no,
    some,
)
from tenure.vocabulary.types import COUNT, FLAG

shares = state("shares", MAPPING, IOPT_PAGES.maybe, meaning="the pages object to whose memory the area leads")
offset = state(
    "offset", MAPPING, COUNT, meaning="how many pages of its pages object are before the area's first address"
)
writable = state("writable", MAPPING, FLAG, meaning="the pages object of the area was made for writing")
pinned = state(
    "pinned", IOPT_PAGES, ADDRESS, FLAG, meaning="the page of the pages object is pinned, and counts in `npinned`"
)
charges = state(
    "charges", IOPT_PAGES, ADDRESS, COUNT, meaning="how often the page is charged: what it is of `last_npinned`"
)


def leads_to(mapping: Term, pages: Term, page: Term) -> Term:
    """An address of the area leads to this page of the pages object."""
    much = position[last[mapping]] - position[first[mapping]]
    is_within = both(offset[mapping] <= position[page], position[page] <= offset[mapping] + much)
    return both(no(is_none(listed[mapping])), shares[mapping] == pages, is_within)


def is_used(pages: Term, page: Term) -> Term:
    """An area of an IO address space to which a device is attached leads there."""
    return some(MAPPING, lambda m: both(leads_to(m, pages, page), has_devices(listed[m])))


def is_referred_to(pages: Term) -> Term:
    """The pages object is there: an area refers to it, or a copy under way does."""
    return either(some(MAPPING, lambda m: shares[m] == pages), in_flight(pages))


def _fills(pages: Term, begin: Term, end: Term, where: Term) -> tuple[Assign, ...]:
    """iopt_area_fill_domain: what is not pinned yet between these pages is pinned, and charged."""

    def comes(page: Term) -> Term:
        return both(where, begin <= position[page], position[page] <= end, no(pinned[pages, page]))

    return (
        each(ADDRESS, lambda a: pinned[pages, a].becomes(value=True), where=comes),
        each(ADDRESS, lambda a: charges[pages, a].becomes(charges[pages, a] + 1), where=comes),
    )


def _unfills(mapping: Term) -> tuple[Assign, ...]:
    """iopt_area_unfill_domains: what no other area is filled with is unpinned, and given back."""
    pages = shares[mapping]

    def goes(page: Term) -> Term:
        others = some(MAPPING, lambda m: both(no(m == mapping), leads_to(m, pages, page), has_devices(listed[m])))
        return both(has_devices(listed[mapping]), leads_to(mapping, pages, page), no(others))

    return (
        each(ADDRESS, lambda a: pinned[pages, a].becomes(value=False), where=goes),
        each(ADDRESS, lambda a: charges[pages, a].becomes(charges[pages, a] - 1), where=goes),
    )


_FORGOTTEN: tuple[Callable[[Term], Assign], ...] = (
    lambda mapping: shares[mapping].becomes(None),
    lambda mapping: offset[mapping].becomes(0),
    lambda mapping: writable[mapping].becomes(value=False),
)
"""What becomes of an area's share when it is no more."""


def _maps(base: Call) -> Call:
    """IOAS_MAP: the area leads to all of a pages object of its own (iopt_alloc_user_pages)."""
    made, table, to = (base.parameter(name) for name in ("made", "table", "to"))
    parameter = Parameter("pages", IOPT_PAGES, new=True)
    pages = parameter.term

    def change(old: Step) -> Step:
        return replace(old, cases=tuple(map(_made, old.cases)), locks=(*old.locks, PAGES_MUTEX))

    def _made(one: Case) -> Case:
        if not isinstance(one.follow, Finish):
            return one
        low, high = (next(e.value for e in one.effects if e.target.key == end[made].key) for end in (first, last))
        more = (
            shares[made].becomes(pages),
            offset[made].becomes(0),
            writable[made].becomes(choice_is(to, "write", "both")),
            *_fills(pages, constant(0, COUNT), position[high] - position[low], has_devices(table)),
        )
        return replace(one, effects=(*one.effects, *more))

    named = replace(base, parameters=(*base.parameters, parameter))
    return named.otherwise("map", change).requiring(both(no(in_flight(made)), no(is_referred_to(pages))))


def _takes(base: Call) -> Call:
    """IOAS_UNMAP: with an area goes its share, and what was pinned for it alone (iopt_put_pages)."""

    def change(old: Step) -> Step:
        cases = tuple(c if c.pick is None else _more(c, c.pick.variable) for c in old.cases)
        return replace(old, cases=cases, locks=(*old.locks, PAGES_MUTEX))

    def _more(one: Case, taken: Term) -> Case:
        more = (*_unfills(taken), *(forgets(taken) for forgets in _FORGOTTEN))
        return replace(one, effects=(*one.effects, *more))

    return base.otherwise("remove", change)


def _destroy(base: Call) -> Call:
    """IOMMU_DESTROY: the page table of an attached device counts in `users`; nothing is pinned without one."""
    table = base.parameter("table")
    forgotten = (each(MAPPING, forgets, where=lambda m: in_list(table, m)) for forgets in _FORGOTTEN)
    in_use = refuse(has_devices(table), "EBUSY", "a device is attached to it")
    guarded = base.otherwise("destroy", lambda old: old.ahead_of(lambda c: c.why == "another call works on it", in_use))
    return guarded.with_effects(*forgotten)


def has_ends(low: Term, length: Term) -> Term:
    """As many addresses as there are up to `length`, from `low` on, have a last one."""
    end = last_of[low, length]
    return both(position[low] <= position[end], position[end] == position[low] + position[length])


def _shared(
    source: Term, request: Term, low: Term, length: Term, to: Term, found: tuple[Term, Term, Term]
) -> Iterator[Requires | Step]:
    """iopt_get_pages: find the area that has all of the source's range, and refer to its pages object; the source may go then."""
    high = last_of[low, length]
    shared, begins, may_write = found

    def covers(mapping: Term) -> Term:
        return both(
            in_list(source, mapping),
            position[first[mapping]] <= position[low],
            position[high] <= position[last[mapping]],
        )

    def is_mapped(address: Term) -> Term:
        return some(MAPPING, lambda m: both(in_list(source, m), within(address, first[m], last[m])))

    asked = no(choice_is(request, "empty", "source wraps", "too large", "unknown"))
    gapless = every(ADDRESS, lambda a: implies(within(a, low, high), is_mapped(a)))
    yield requires(
        implies(asked, has_ends(low, length)),
        implies(no(asked), low == length),
        implies(both(asked, gapless), some(MAPPING, covers)),
    )
    yield step(
        "share",
        refuse(request == "unknown", "EOPNOTSUPP", "a flag is unknown"),
        refuse(request == "too large", "EOVERFLOW", "an address or the length is ULONG_MAX"),
        refuse(to == "none", "EINVAL", "neither read nor write is asked for"),
        refuse(no(is_there[source]), "ENOENT", "there is no such IO address space to copy from"),
        refuse(request == "empty", "EINVAL", "the length is zero"),
        refuse(request == "source wraps", "EOVERFLOW", "the source ends beyond the top of the address space"),
        choosing(
            MAPPING,
            covers,
            lambda m: go(
                shared.becomes(shares[m]),
                begins.becomes(offset[m] + (position[low] - position[first[m]])),
                may_write.becomes(writable[m]),
            ),
        ),
        refuse(TRUE, "ENOENT", "no areas have all of the source"),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


def _copied(
    table: Term, made: Term, begin: Term, length: Term, to: Term, found: tuple[Term, Term, Term]
) -> tuple[Assign, ...]:
    """The area leads to memory that others lead to as well, and is filled as any other."""
    shared, begins, may_write = found
    return (
        *made_area(table, made, begin, last_of[begin, length], to),
        shares[made].becomes(shared),
        offset[made].becomes(begins),
        writable[made].becomes(may_write),
        *_fills(shared, begins, begins + position[length], has_devices(table)),
    )


def _locals() -> tuple[Term, Term, Term]:
    """What a copy keeps of its source."""
    return local("shared", IOPT_PAGES.maybe), local("begins", COUNT), local("may write", FLAG)


def _unwritable(to: Term, may_write: Term, when: Term = TRUE) -> Case:
    asked = both(when, choice_is(to, "write", "both"), no(may_write))
    return refuse(asked, "EPERM", "the memory was not mapped for writing")


@call(
    "IOMMU_IOAS_COPY, FIXED_IOVA",
    actor=THREAD,
    source="iommufd_ioas_copy, iopt_get_pages, iopt_map_pages, iopt_check_iova, iopt_insert_area, 7.2",
    table=number(TABLE),
    source_table=number(TABLE),
    request=COPY_REQUEST,
    low=number(ADDRESS),
    length=number(ADDRESS),
    begin=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def ioas_copy_fixed(  # noqa: PLR0913  # what the caller passes
    table: Term, source_table: Term, request: Term, low: Term, length: Term, begin: Term, to: Term, made: Term
) -> Steps:
    """Have a certain range lead to memory that another IO address space leads to, or the same one elsewhere."""
    found = _locals()
    yield requires(
        is_none(listed[made]),
        no(in_flight(made)),
        implies(request == "range", has_ends(begin, length)),
        implies(no(request == "range"), begin == low),
    )
    yield from _shared(source_table, request, low, length, to, found)
    taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, begin, last_of[begin, length])))
    yield step(
        "map",
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space to copy to"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        refuse(taken, "EEXIST", "an area has a part of the range already"),
        _unwritable(to, found[2]),
        done(*_copied(table, made, begin, length, to, found)),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM, PAGES_MUTEX),
    )


@call(
    "IOMMU_IOAS_COPY",
    actor=THREAD,
    source="iommufd_ioas_copy, iopt_get_pages, iopt_map_pages, iopt_alloc_iova, iopt_insert_area, 7.2",
    table=number(TABLE),
    source_table=number(TABLE),
    request=AUTO_COPY_REQUEST,
    low=number(ADDRESS),
    length=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def ioas_copy(  # noqa: PLR0913  # what the caller passes
    table: Term, source_table: Term, request: Term, low: Term, length: Term, to: Term, made: Term
) -> Steps:
    """The same wherever there is room, and say where."""
    found = _locals()
    yield requires(is_none(listed[made]), no(in_flight(made)))
    yield from _shared(source_table, request, low, length, to, found)
    fits = has_room(table, length)
    yield step(
        "map",
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space to copy to"),
        _unwritable(to, found[2], some(ADDRESS, fits)),
        choosing(ADDRESS, fits, lambda begin: done(*_copied(table, made, begin, length, to, found), iova=begin)),
        refuse(TRUE, "ENOSPC", "no hole is large enough"),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM, PAGES_MUTEX),
    )


def _refills(device: Term, table: Term | None) -> tuple[Assign, ...]:
    """What the device comes to is filled, and what nobody else is attached to is not any more; each page changes once."""

    def comes(pages: Term, page: Term) -> Term:
        if table is None:
            return FALSE
        leads = some(MAPPING, lambda m: both(in_list(table, m), leads_to(m, pages, page)))
        return both(leads, no(pinned[pages, page]))

    def stays(mapping: Term) -> Term:
        others = some(DEVICE, lambda d: both(no(d == device), attached_to[d] == listed[mapping]))
        return others if table is None else either(others, in_list(table, mapping))

    def goes(pages: Term, page: Term) -> Term:
        left = some(MAPPING, lambda m: both(leads_to(m, pages, page), listed[m] == attached_to[device]))
        used = some(MAPPING, lambda m: both(leads_to(m, pages, page), stays(m)))
        return both(left, no(used))

    filled = (
        each_pair(IOPT_PAGES, ADDRESS, lambda p, a: pinned[p, a].becomes(value=True), comes),
        each_pair(IOPT_PAGES, ADDRESS, lambda p, a: charges[p, a].becomes(charges[p, a] + 1), comes),
    )
    unfilled = (
        each_pair(IOPT_PAGES, ADDRESS, lambda p, a: pinned[p, a].becomes(value=False), goes),
        each_pair(IOPT_PAGES, ADDRESS, lambda p, a: charges[p, a].becomes(charges[p, a] - 1), goes),
    )
    return unfilled if table is None else (*filled, *unfilled)


@call(
    "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_attach, iommufd_device_replace, iopt_table_add_domain, iopt_table_remove_domain, 7.2",
    device=DEVICE,
    table=number(TABLE),
)
def attach(device: Term, table: Term) -> Steps:
    """Attach a device, or have it move: what its IO address space leads to is pinned from the first device to the last."""
    yield step(
        "attach",
        refuse(no(is_there[table]), "ENOENT", "there is no such IO address space"),
        done(when=attached_to[device] == table, why="it is attached there already"),
        done(attached_to[device].becomes(table), *_refills(device, table)),
        locks=(briefly(OBJECT_TABLE), IGROUP_LOCK, IOVA_RWSEM, PAGES_MUTEX),
    )


@call(
    "VFIO_DEVICE_DETACH_IOMMUFD_PT",
    actor=THREAD,
    source="iommufd_device_detach, iopt_table_remove_domain, 7.2",
    device=DEVICE,
)
def detach(device: Term) -> Steps:
    """Detach a device; with the last one of an IO address space goes what was pinned for that alone."""
    yield step(
        "detach",
        done(attached_to[device].becomes(None), *_refills(device, None)),
        locks=(IGROUP_LOCK, IOVA_RWSEM, PAGES_MUTEX),
    )


CALLS: tuple[Call, ...] = (
    dma_ioas.ioas_alloc,
    _maps(dma_ioas.ioas_map_fixed),
    _maps(dma_ioas.ioas_map),
    ioas_copy_fixed,
    ioas_copy,
    _takes(dma_ioas.ioas_unmap),
    _takes(dma_ioas.ioas_unmap_all),
    _destroy(dma_ioas.destroy),
    attach,
    detach,
)
