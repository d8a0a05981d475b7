"""The calls on IO address spaces of an iommufd; between two areas that an unmap takes, others may come."""

from __future__ import annotations

from collections.abc import Callable

from tenure.reference.calls import EBUSY, EEXIST, EINVAL, ENOENT, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.dma.ranges import covers
from tenure.reference.dma.widths import top
from tenure.reference.ioas_spaces import IoasSpace
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.observables import MAP_REQUEST, UNMAP_REQUEST

EOVERFLOW = Refused("EOVERFLOW")
EOPNOTSUPP = Refused("EOPNOTSUPP")


def may_ioas_alloc(machine: Machine, made: int) -> bool:
    """Nothing has the id."""
    return 0 <= made < len(machine.ioases) and not machine.ioases[made].is_there


def ioas_alloc(machine: Machine, me: Task, made: int) -> Answer:
    """Make an IO address space (iommufd_ioas_alloc_ioctl)."""
    del me
    machine.ioases[made].is_there = True
    return OK


def may_ioas_map_fixed(machine: Machine, table: int, request: int, low: int, high: int, to: int, made: int) -> bool:  # noqa: PLR0913  # what the caller passes
    """The range has two ends in order, and nothing has the new area's name."""
    free = all(made not in space.named() for space in machine.ioases)
    return 0 <= to <= 3 and free and _is_asked(machine, MAP_REQUEST.values[request], table, low, high)


def ioas_map_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, to: int, made: int
) -> Answer:
    """Make an area where the caller says; EOPNOTSUPP, EOVERFLOW, EINVAL, ENOENT, EEXIST (iommufd_ioas_map, 7.2)."""
    del me
    space, asked = machine.ioases[table], MAP_REQUEST.values[request]
    if asked == "unknown":
        return EOPNOTSUPP
    if asked == "too large":
        return EOVERFLOW
    if to == 0:
        return EINVAL
    if not space.is_there:
        return ENOENT
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW
    return EEXIST if space.map(made, Range(low, high), to) is not None else OK


def may_ioas_unmap(machine: Machine, table: int, request: int, low: int, high: int) -> bool:
    """The range has two ends in order."""
    return _is_asked(machine, UNMAP_REQUEST.values[request], table, low, high)


def ioas_unmap(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps | Answer:
    """Take whole areas, from the lowest on; ENOENT, EOVERFLOW, EINVAL (iommufd_ioas_unmap, 7.2)."""
    del me
    space, asked = machine.ioases[table], UNMAP_REQUEST.values[request]
    if not space.is_there:
        return ENOENT
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW

    def ended(removed: int, *, in_the_way: bool) -> Answer:
        return ENOENT if in_the_way or removed == 0 else Done((("size", removed),))

    return _take(space, Range(low, high), "ioas_unmap.remove", ended)


def may_name(machine: Machine, table: int) -> bool:
    """There is such an id."""
    return 0 <= table < len(machine.ioases)


def ioas_unmap_all(machine: Machine, me: Task, table: int) -> Steps | Answer:
    """Take every area; ENOENT (iommufd_ioas_unmap with 0 and ULONG_MAX, iopt_unmap_all)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    everything = Range(0, top(space.areas.bounds.width))
    return _take(space, everything, "ioas_unmap_all.remove", _told)


def destroy(machine: Machine, me: Task, table: int) -> Answer:
    """Take the id away, and every area with it; ENOENT, EBUSY (iommufd_destroy, iommufd_ioas_destroy)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    if space.users:
        return EBUSY
    space.is_there = False
    space.areas.unmap_all()
    return OK


def _told(removed: int, *, in_the_way: bool) -> Answer:
    """How much went; an area that came across the place that was reached is in the way of all, too."""
    return ENOENT if in_the_way else Done((("size", removed),))


def _take(space: IoasSpace, asked: Range, step: str, ended: Callable[..., Answer]) -> Steps:
    """The loop: the lowest area of what is left of a range, until none is, or one that reaches out of it (iopt_unmap_iova_range)."""
    space.users += 1
    removed, left, in_the_way = 0, asked, False
    yield step
    while left.first <= left.last and not in_the_way and (found := space.areas.overlapping(left)):
        in_the_way = not covers(left, found[0].range)
        if not in_the_way:
            removed += space.remove(found[0])
            left = Range(found[0].range.last + 1, asked.last)
            yield step
    space.unmapped -= removed
    space.users -= 1
    return ended(removed, in_the_way=in_the_way)


def _is_asked(machine: Machine, request: str, table: int, low: int, high: int) -> bool:
    known = 0 <= table < len(machine.ioases) and 0 <= low <= high < machine.configuration.number(ADDRESS)
    return known and (request == "range" or low == high)
