"""An IO address space of iommufd: the areas of its `iopt`, as IOAS_MAP, IOAS_UNMAP and the end of it change them.

No device is attached: nothing is pinned, charged or translated then, and an area may begin and end at any byte. An address is
any object with a position, as in `dma_type1`; what the arithmetic finds of a request comes as the request's form.
"""

from collections.abc import Callable

from tenure.models.dma_type1 import access, first, in_list, last, listed, overlaps, position, within
from tenure.models.locks_iommufd import IOVA_RWSEM, OBJECT_TABLE
from tenure.vocabulary.calls import (
    Case,
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
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, ALLOW_REQUEST, AUTO_REQUEST, MAP_REQUEST, UNMAP_REQUEST
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import TRUE, Term, both, either, every, implies, in_flight, is_none, no, some
from tenure.vocabulary.types import COUNT, FLAG

may_be_chosen = fixed(
    "may be chosen",
    ADDRESS,
    FLAG,
    meaning="the address is neither in the first page nor in the last, which are never chosen",
)
last_of = fixed(
    "last of",
    ADDRESS,
    ADDRESS,
    ADDRESS,
    meaning="the last address of a range that begins at the first one, and has as many as there are up to the second",
)
is_there = state("is there", TABLE, FLAG, meaning="the IO address space is in the object table of its iommufd")
allowed = state("allowed", TABLE, ADDRESS, FLAG, meaning="the address is in the allowed_itree of the IO address space")
unmapped = state("unmapped", TABLE, COUNT, meaning="addresses that the removals under way have taken so far")


def is_asked(request: Term, low: Term, high: Term) -> Term:
    """A range has a lower end and an upper; where there is none, one address stands for what was asked."""
    return both(position[low] <= position[high], implies(no(request == "range"), low == high))


def _is_missing(table: Term) -> Case:
    return refuse(no(is_there[table]), "ENOENT", "there is no such IO address space")


def _has_top(request: Term) -> Case:
    return refuse(request == "too large", "EOVERFLOW", "the address or the length is ULONG_MAX")


def _unmappable(table: Term, request: Term, to: Term) -> tuple[Case, ...]:
    """What is refused wherever the area is to be."""
    return (
        refuse(request == "unknown", "EOPNOTSUPP", "a flag is unknown"),
        _has_top(request),
        refuse(to == "none", "EINVAL", "neither read nor write is asked for"),
        _is_missing(table),
        refuse(request == "target wraps", "EOVERFLOW", "the memory ends beyond the top of the address space"),
        refuse(request == "empty", "EINVAL", "the length is zero"),
    )


def made_area(table: Term, made: Term, low: Term, high: Term, to: Term) -> tuple[Assign, ...]:
    """The area is there, finished."""
    return (
        listed[made].becomes(table),
        first[made].becomes(low),
        last[made].becomes(high),
        access[made].becomes(to),
    )


@call("IOMMU_IOAS_ALLOC", actor=THREAD, source="iommufd_ioas_alloc_ioctl", made=new(TABLE))
def ioas_alloc(made: Term) -> Steps:
    """Make an IO address space, in which nothing is mapped."""
    yield requires(no(is_there[made]))
    yield step("make", done(is_there[made].becomes(value=True)), locks=(OBJECT_TABLE,))


@call(
    "IOMMU_IOAS_MAP, FIXED_IOVA",
    actor=THREAD,
    source="iommufd_ioas_map, iopt_map_user_pages, iopt_check_iova, 7.2",
    table=number(TABLE),
    request=MAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def ioas_map_fixed(
    table: Term, request: Term, low: Term, high: Term, to: Term, made: Term
) -> Steps:  # what the caller passes
    """Make an area of a certain range, unless another one has any of it."""
    yield requires(is_asked(request, low, high), is_none(listed[made]))
    taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, low, high)))
    yield step(
        "map",
        *_unmappable(table, request, to),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        refuse(taken, "EEXIST", "an area has a part of the range already"),
        done(*made_area(table, made, low, high, to)),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


def _is_choosable(table: Term, address: Term) -> Term:
    """The kernel may choose the address: anyone where none is named as allowed. Allowed ranges that touch are one."""
    unrestricted = no(some(ADDRESS, lambda a: allowed[table, a]))
    return both(may_be_chosen[address], either(allowed[table, address], unrestricted))


def has_room(table: Term, length: Term) -> Callable[[Term], Term]:
    """Whether as many addresses from one on are free, and may be chosen."""

    def fits(begin: Term) -> Term:
        end = last_of[begin, length]
        taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, begin, end)))
        may_be = every(ADDRESS, lambda a: implies(within(a, begin, end), _is_choosable(table, a)))
        ends = both(position[begin] <= position[end], position[end] == position[begin] + position[length])
        return both(ends, may_be, no(taken))

    return fits


@call(
    "IOMMU_IOAS_MAP",
    actor=THREAD,
    source="iommufd_ioas_map, iopt_map_user_pages, iopt_alloc_iova, 7.2",
    table=number(TABLE),
    request=AUTO_REQUEST,
    length=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def ioas_map(table: Term, request: Term, length: Term, to: Term, made: Term) -> Steps:
    """Make an area of a certain length wherever there is room, and say where; which place it is, is the kernel's choice."""
    yield requires(is_none(listed[made]))

    fits = has_room(table, length)
    yield step(
        "map",
        *_unmappable(table, request, to),
        refuse(request == "half", "EOVERFLOW", "the length is half of the address space or more"),
        choosing(
            ADDRESS,
            fits,
            lambda begin: done(*made_area(table, made, begin, last_of[begin, length], to), iova=begin),
        ),
        refuse(TRUE, "ENOSPC", "no hole is large enough"),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


@call(
    "IOMMU_IOAS_ALLOW_IOVAS",
    actor=THREAD,
    source="iommufd_ioas_allow_iovas, iopt_set_allow_iova, 7.2",
    table=number(TABLE),
    request=ALLOW_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    other_low=number(ADDRESS),
    other_high=number(ADDRESS),
)
def ioas_allow_iovas(table: Term, request: Term, low: Term, high: Term, other_low: Term, other_high: Term) -> Steps:
    """Say where addresses are chosen from now on, in place of what was said before; what is mapped already stays."""
    one, two = request == "one", request == "two"
    yield requires(
        both(position[low] <= position[high], position[other_low] <= position[other_high]),
        either(one, two, low == high),
        either(two, both(other_low == low, other_high == high)),
    )
    meet = both(position[low] <= position[other_high], position[other_low] <= position[high])

    def is_named(address: Term) -> Term:
        return both(either(one, two), either(within(address, low, high), within(address, other_low, other_high)))

    yield step(
        "allow",
        refuse(request == "unknown", "EOPNOTSUPP", "the reserved field is set"),
        _is_missing(table),
        refuse(request == "empty", "EINVAL", "a range ends where it begins, or below"),
        refuse(both(two, meet), "EINVAL", "two of the ranges have an address in common"),
        done(each(ADDRESS, lambda a: allowed[table, a].becomes(is_named(a)))),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


def _size(mapping: Term) -> Term:
    return position[last[mapping]] - position[first[mapping]] + 1


_FORGOTTEN: tuple[Callable[[Term], Assign], ...] = (
    lambda mapping: first[mapping].becomes(None),
    lambda mapping: last[mapping].becomes(None),
    lambda mapping: access[mapping].becomes("none"),
    lambda mapping: listed[mapping].becomes(None),
)
"""What becomes of an area that is no more."""


def _removed(table: Term, mapping: Term) -> tuple[Assign, ...]:
    """The area is no more, and counts as unmapped."""
    counted = unmapped[table].becomes(unmapped[table] + _size(mapping))
    return counted, *(forgets(mapping) for forgets in _FORGOTTEN)


def removal(
    table: Term,
    ends: tuple[Term, Term] | None = None,
    *,
    first_of_all: tuple[Case, ...] = (),
    may_be_empty: bool = False,
    more: Callable[[Term], tuple[Assign, ...]] = lambda _: (),
) -> Steps:
    """iopt_unmap_iova_range: take whole areas, the lowest first, each for itself, until one is only in part in what is left.

    Between two of them the locks are let go, and others may come. Where `ends` are given, an area must be between them;
    else it is all of the address space that goes, and nothing may be there, as where it `may_be_empty`. With an area goes `more`.
    """
    size, reached = local("size", COUNT), local("reached", ADDRESS.maybe)
    over = unmapped[table].becomes(unmapped[table] - size)

    def is_beyond(address: Term) -> Term:
        return either(is_none(reached), position[reached] < position[address])

    def is_left(mapping: Term) -> Term:
        """Some address of the area is in what is left of the range."""
        inside = TRUE if ends is None else both(is_beyond(ends[1]), overlaps(mapping, *ends))
        return both(in_list(table, mapping), inside, is_beyond(last[mapping]))

    def is_covered(mapping: Term) -> Term:
        """Every address of the area is."""
        inside = TRUE if ends is None else both(within(first[mapping], *ends), within(last[mapping], *ends))
        return both(inside, is_beyond(first[mapping]))

    def is_lowest(mapping: Term) -> Term:
        lower = some(MAPPING, lambda m: both(is_left(m), position[first[m]] < position[first[mapping]]))
        return both(is_left(mapping), no(lower))

    def remove(mapping: Term) -> Case:
        gone = (size.becomes(size + _size(mapping)), reached.becomes(last[mapping]))
        return go(*gone, *more(mapping), *_removed(table, mapping), to="remove")

    in_the_way = some(MAPPING, lambda m: both(is_lowest(m), no(is_covered(m))))
    nothing = refuse(size == 0, "ENOENT", "no area is in the range", over)
    yield step(
        "remove",
        *first_of_all,
        refuse(in_the_way, "ENOENT", "the next area is only in part in what is left of the range", over),
        choosing(MAPPING, is_lowest, remove),
        *(() if ends is None or may_be_empty else (nothing,)),
        done(over, size=size),
        locks=(IOVA_RWSEM,),
        repeats=True,
    )


@call(
    "IOMMU_IOAS_UNMAP",
    actor=THREAD,
    source="iommufd_ioas_unmap, iopt_unmap_iova, 7.2",
    table=TABLE,
    request=UNMAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
)
def ioas_unmap(table: Term, request: Term, low: Term, high: Term) -> Steps:
    """Take the areas of a range, each whole; one that reaches out of it is refused after those below it are gone."""
    yield requires(is_asked(request, low, high))
    yield step(
        "find",
        _is_missing(table),
        _has_top(request),
        refuse(request == "empty", "EINVAL", "the length is zero"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        go(),
        locks=(OBJECT_TABLE,),
    )
    yield from removal(table, (low, high))


@call("IOMMU_IOAS_UNMAP, all", actor=THREAD, source="iommufd_ioas_unmap, iopt_unmap_all, 7.2", table=TABLE)
def ioas_unmap_all(table: Term) -> Steps:
    """Take every area, as the address 0 and the length ULONG_MAX ask for; where there is none it is no mistake."""
    yield step("find", _is_missing(table), go(), locks=(OBJECT_TABLE,))
    yield from removal(table)


@call("IOMMU_DESTROY", actor=THREAD, source="iommufd_destroy, iommufd_ioas_destroy, 7.2", table=TABLE)
def destroy(table: Term) -> Steps:
    """End an IO address space on which no other call works, with all of its areas, which nobody can look up any more."""
    yield step(
        "destroy",
        _is_missing(table),
        refuse(in_flight(table), "EBUSY", "another call works on it"),
        done(
            is_there[table].becomes(value=False),
            each(ADDRESS, lambda a: allowed[table, a].becomes(value=False)),
            *(each(MAPPING, forgets, where=lambda m: in_list(table, m)) for forgets in _FORGOTTEN),
        ),
        locks=(OBJECT_TABLE, IOVA_RWSEM),
    )


CALLS = (ioas_alloc, ioas_allow_iovas, ioas_map_fixed, ioas_map, ioas_unmap, ioas_unmap_all, destroy)
