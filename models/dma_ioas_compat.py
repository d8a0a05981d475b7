"""VFIO's type1 calls on an iommufd: MAP_DMA and UNMAP_DMA of a container, over the IO address space that stands for one.

No device is attached. Version 2 takes areas as IOAS_UNMAP does. For version 1 large pages are off, and an unmap first cuts the
areas at its ends; a cut is at a page, so an address is a page here. A look-up finds the area of an address in one step.
"""

from tenure.models.dma_ioas import ioas_alloc, is_asked, is_there, made_area, removal
from tenure.models.dma_type1 import access, first, in_list, last, listed, overlaps, position, within
from tenure.models.locks_iommufd import IOVA_RWSEM, OBJECT_TABLE
from tenure.vocabulary.calls import Case, Steps, call, done, go, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import ACCESS, TYPE1_VERSION, VFIO_MAP_REQUEST, VFIO_UNMAP_REQUEST
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import Term, both, either, is_none, no, some, when
from tenure.vocabulary.types import FLAG

preceding = fixed("page before", ADDRESS, ADDRESS, meaning="the page before this one; the lowest one itself, before it")
following = fixed("page after", ADDRESS, ADDRESS, meaning="the page after this one; the highest one itself, after it")
cuts = state("cuts", TABLE, FLAG, meaning="disable_large_pages: version 1 was asked for, so areas can be cut")
found = state("found", TABLE, ADDRESS, MAPPING.maybe, meaning="the area that a look-up of the address finds")


def _has_none(table: Term) -> Case:
    return refuse(no(is_there[table]), "ENODEV", "no IO address space stands for a container")


@call(
    "VFIO_SET_IOMMU",
    actor=THREAD,
    source="iommufd_vfio_set_iommu, iopt_disable_large_pages, 7.2",
    table=number(TABLE),
    version=TYPE1_VERSION,
)
def set_iommu(table: Term, version: Term) -> Steps:
    """Ask for a version of type1, again if need be; version 1 turns large pages off, and nothing turns them on again."""
    yield step(
        "set",
        refuse(version == "other", "EINVAL", "there is no such type"),
        _has_none(table),
        done(cuts[table].becomes(either(cuts[table], version == "v1"))),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


@call(
    "VFIO_IOMMU_MAP_DMA",
    actor=THREAD,
    source="iommufd_vfio_map_dma, iopt_map_user_pages, 7.2",
    table=number(TABLE),
    request=VFIO_MAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    to=ACCESS,
    made=new(MAPPING),
)
def map_dma(table: Term, request: Term, low: Term, high: Term, to: Term, made: Term) -> Steps:
    """Make an area as IOAS_MAP does of a certain range; devices may have no access to it at all."""
    yield requires(is_asked(request, low, high), is_none(listed[made]))
    taken = some(MAPPING, lambda m: both(in_list(table, m), overlaps(m, low, high)))
    yield step(
        "map",
        refuse(request == "unknown", "EINVAL", "a flag is unknown, or the structure is too short"),
        _has_none(table),
        refuse(request == "target wraps", "EOVERFLOW", "the memory ends beyond the top of the address space"),
        refuse(request == "empty", "EINVAL", "the size is zero"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top of the address space"),
        refuse(taken, "EEXIST", "an area has a part of the range already"),
        done(
            *made_area(table, made, low, high, to),
            each(ADDRESS, lambda a: found[table, a].becomes(made), where=lambda a: within(a, low, high)),
        ),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )


def _lost(table: Term, mapping: Term) -> tuple[Assign, ...]:
    """No look-up finds an area that goes."""
    return (
        each(
            ADDRESS,
            lambda a: found[table, a].becomes(None),
            where=lambda a: within(a, first[mapping], last[mapping]),
        ),
    )


def _cuts(table: Term, request: Term, ends: tuple[Term, Term], behind: Term, inside: Term) -> tuple[Case, ...]:
    """iopt_cut_iova: at the upper end of a range, then at the lower. Of an area that is cut, the upper part is a new one.

    A request that is no range is cut at its lower end all the same, and refused then.
    """
    low, high = ends
    before, after = preceding[low], following[high]
    upper, lower = found[table, high], found[table, before]
    goes_on_above = both(position[after] == position[high] + 1, position[high] < position[last[upper]])
    begins_below = both(position[before] + 1 == position[low], position[low] <= position[last[lower]])
    is_cut_above = both(cuts[table], request == "range", no(is_none(upper)), goes_on_above)
    is_cut_below = both(cuts[table], no(is_none(lower)), begins_below)

    def parted(old: Term, part: Term, at: Term, to: Term) -> tuple[Assign, ...]:
        return (
            listed[part].becomes(table),
            first[part].becomes(at),
            last[part].becomes(to),
            access[part].becomes(access[old]),
        )

    def is_found(part: Term, at: Term, to: Term) -> Assign:
        return each(ADDRESS, lambda a: found[table, a].becomes(part), where=lambda a: within(a, at, to))

    def are_found(to: Term) -> Assign:
        """Both parts, where the lower one ends at `to`."""
        return each(
            ADDRESS,
            lambda a: found[table, a].becomes(when(within(a, after, last[upper]), behind, inside)),
            where=lambda a: either(within(a, after, last[upper]), within(a, low, to)),
        )

    above = parted(upper, behind, after, last[upper])
    return (
        go(
            *above,
            *parted(lower, inside, low, high),
            are_found(high),
            last[lower].becomes(before),
            when=both(is_cut_above, is_cut_below, lower == upper),
        ),
        go(
            *above,
            *parted(lower, inside, low, last[lower]),
            are_found(last[lower]),
            last[upper].becomes(high),
            last[lower].becomes(before),
            when=both(is_cut_above, is_cut_below),
        ),
        go(*above, is_found(behind, after, last[upper]), last[upper].becomes(high), when=is_cut_above),
        go(
            *parted(lower, inside, low, last[lower]),
            is_found(inside, low, last[lower]),
            last[lower].becomes(before),
            when=is_cut_below,
        ),
        go(),
    )


@call(
    "VFIO_IOMMU_UNMAP_DMA",
    actor=THREAD,
    source="iommufd_vfio_unmap_dma, iopt_cut_iova, iopt_unmap_iova, 7.2",
    table=TABLE,
    request=VFIO_UNMAP_REQUEST,
    low=number(ADDRESS),
    high=number(ADDRESS),
    behind=new(MAPPING),
    inside=new(MAPPING),
)
def unmap_dma(table: Term, request: Term, low: Term, high: Term, behind: Term, inside: Term) -> Steps:
    """Take the areas of a range: of version 1 just the range, of version 2 whole areas, until one reaches out of it."""
    yield requires(is_asked(request, low, high), is_none(listed[behind]), is_none(listed[inside]), no(behind == inside))
    yield step(
        "cut",
        refuse(request == "unknown", "EINVAL", "a flag is unknown, or the structure is too short"),
        _has_none(table),
        *_cuts(table, request, (low, high), behind, inside),
        locks=(briefly(OBJECT_TABLE), IOVA_RWSEM),
    )
    malformed = (
        refuse(request == "empty", "EINVAL", "the size is zero, which is looked at after the cuts"),
        refuse(request == "wraps", "EOVERFLOW", "the range ends beyond the top, which is looked at after the cuts"),
    )
    yield from removal(
        table, (low, high), first_of_all=malformed, may_be_empty=True, more=lambda mapping: _lost(table, mapping)
    )


@call(
    "VFIO_IOMMU_UNMAP_DMA, ALL",
    actor=THREAD,
    source="iommufd_vfio_unmap_dma, iopt_unmap_all, 7.2",
    table=TABLE,
)
def unmap_all(table: Term) -> Steps:
    """Take every area; where there is none it is no mistake."""
    yield step("find", _has_none(table), go(), locks=(OBJECT_TABLE,))
    yield from removal(table, more=lambda mapping: _lost(table, mapping))


CALLS = (ioas_alloc, set_iommu, map_dma, unmap_dma, unmap_all)
