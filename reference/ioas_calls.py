"""The calls on IO address spaces of an iommufd; between two areas that an unmap takes, others may come."""

from __future__ import annotations

from collections.abc import Callable

from tenure.reference.calls import EBUSY, EEXIST, EINVAL, ENOENT, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.dma.bounds import usable
from tenure.reference.dma.coalescing import together
from tenure.reference.dma.ranges import covers, overlap
from tenure.reference.dma.widths import top
from tenure.reference.ioas_spaces import IoasSpace
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.observables import (
    ALLOW_REQUEST,
    AUTO_REQUEST,
    MAP_REQUEST,
    RANGES_REQUEST,
    UNMAP_REQUEST,
)

EADDRINUSE = Refused("EADDRINUSE")
EMSGSIZE = Refused("EMSGSIZE")
ENOSPC = Refused("ENOSPC")
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
    refused = _unmappable(space, asked, to)
    if refused is not None:
        return refused
    if not space.suits(Range(low, high)) or any(overlap(Range(low, high), r) for r in space.reserved()):
        return EINVAL
    return EEXIST if space.map(made, Range(low, high), to) is not None else OK


def may_ioas_map(machine: Machine, table: int, request: int, length: int, to: int, made: int) -> bool:
    """Nothing has the new area's name."""
    free = all(made not in space.named() for space in machine.ioases)
    known = 0 <= table < len(machine.ioases) and 0 <= length < machine.configuration.number(ADDRESS)
    return 0 <= to <= 3 and free and known and request in range(len(AUTO_REQUEST.values))


def ioas_map(machine: Machine, me: Task, table: int, request: int, length: int, to: int, made: int) -> Answer:  # noqa: PLR0913 -- as above
    """Make an area in the first hole; EOPNOTSUPP, EOVERFLOW, EINVAL, ENOENT, ENOSPC (iommufd_ioas_map, 7.2).

    The length is that of all addresses up to the one that is named.
    """
    del me
    space = machine.ioases[table]
    refused = _unmappable(space, AUTO_REQUEST.values[request], to)
    if refused is not None:
        return refused
    if not space.suits(Range(0, length)):
        return EINVAL
    begin = space.room(length + 1)
    if begin is None:
        return ENOSPC
    space.map(made, Range(begin, begin + length), to)
    return Done((("iova", ADDRESS.element(begin)),))


def may_ioas_allow_iovas(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, request: int, low: int, high: int, other_low: int, other_high: int
) -> bool:
    """Ranges have two ends in order; who passes fewer than two repeats himself."""
    asked, number = ALLOW_REQUEST.values[request], machine.configuration.number(ADDRESS)
    ordered = 0 <= low <= high < number and 0 <= other_low <= other_high < number
    alone = asked == "two" or (other_low, other_high) == (low, high)
    return 0 <= table < len(machine.ioases) and ordered and alone and (asked in ("one", "two") or low == high)


def ioas_allow_iovas(  # noqa: PLR0913  # as above
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, other_low: int, other_high: int
) -> Answer:
    """Keep the ranges in place of those before; EOPNOTSUPP, ENOENT, EINVAL, EADDRINUSE (iommufd_ioas_allow_iovas, iopt_set_allow_iova)."""
    del me
    space, asked = machine.ioases[table], ALLOW_REQUEST.values[request]
    if asked == "unknown":
        return EOPNOTSUPP
    if not space.is_there:
        return ENOENT
    one, other = Range(low, high), Range(other_low, other_high)
    if asked == "empty" or (asked == "two" and overlap(one, other)):
        return EINVAL
    if asked != "none" and any(overlap(r, named) for r in space.reserved() for named in (one, other)):
        return EADDRINUSE
    space.allowed = () if asked == "none" else tuple(together({one, other}))
    return OK


def _unmappable(space: IoasSpace, asked: str, to: int) -> Refused | None:
    """What is wrong with a request wherever the area is to be, in the order of the tests."""
    if asked == "unknown":
        return EOPNOTSUPP
    if asked == "too large":
        return EOVERFLOW
    if to == 0:
        return EINVAL
    if not space.is_there:
        return ENOENT
    if asked == "range":
        return None
    return EINVAL if asked == "empty" else EOVERFLOW


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

    return take(space, Range(low, high), "ioas_unmap.remove", ended)


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
    return take(space, everything, "ioas_unmap_all.remove", _told)


def destroy(machine: Machine, me: Task, table: int) -> Answer:
    """Take the id away, and every area with it; ENOENT, EBUSY (iommufd_destroy, iommufd_ioas_destroy)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    if space.users or space.devices:
        return EBUSY
    space.end()
    return OK


def may_attach(machine: Machine, device: int, table: int) -> bool:
    """There are such a device and such an id by name."""
    return 0 <= device < len(machine.devices) and may_name(machine, table)


def attach(machine: Machine, me: Task, device: int, table: int) -> Answer:
    """Attach a device, or have it move; ENOENT, EADDRINUSE (iommufd_device_attach, iommufd_device_replace)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    if device in space.devices:
        return OK
    if not space.admits(device):
        return EADDRINUSE
    _leave(machine, device)
    space.enter(device)
    return OK


def may_detach(machine: Machine, device: int) -> bool:
    """There is such a device."""
    return 0 <= device < len(machine.devices)


def detach(machine: Machine, me: Task, device: int) -> Answer:
    """Detach a device, if it is attached (iommufd_device_detach)."""
    del me
    _leave(machine, device)
    return OK


def _leave(machine: Machine, device: int) -> None:
    for space in machine.ioases:
        space.leave(device)


def may_ioas_iova_ranges(machine: Machine, table: int, request: int, address: int) -> bool:
    """There is such an address."""
    known = 0 <= address < machine.configuration.number(ADDRESS)
    return known and may_name(machine, table) and request in range(len(RANGES_REQUEST.values))


def ioas_iova_ranges(machine: Machine, me: Task, table: int, request: int, address: int) -> Answer:
    """Whether an address is in one of the ranges that are told; EOPNOTSUPP, ENOENT, EMSGSIZE (iommufd_ioas_iova_ranges)."""
    del me
    space, asked = machine.ioases[table], RANGES_REQUEST.values[request]
    if asked == "unknown":
        return EOPNOTSUPP
    if not space.is_there:
        return ENOENT
    everything = Range(0, machine.configuration.number(ADDRESS) - 1)
    told = usable(everything, space.reserved())
    if asked == "too small" and told:
        return EMSGSIZE
    return Done((("valid", any(address in r for r in told)),))


def _told(removed: int, *, in_the_way: bool) -> Answer:
    """How much went; an area that came across the place that was reached is in the way of all, too."""
    return ENOENT if in_the_way else Done((("size", removed),))


def take(space: IoasSpace, asked: Range, step: str, ended: Callable[..., Answer]) -> Steps:
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
