"""The calls by which accesses come and go and pin pages, and IOAS_UNMAP where it must have their drivers let go first."""

from __future__ import annotations

from collections.abc import Callable

from tenure.reference import ioas_calls
from tenure.reference.calls import EBUSY, EINVAL, ENOENT, EPERM, OK, Part, Steps, Task
from tenure.reference.dma import Mapping, Range
from tenure.reference.dma.ranges import covers
from tenure.reference.dma.widths import top
from tenure.reference.ioas_accesses import DeviceAccess
from tenure.reference.ioas_calls import EOVERFLOW
from tenure.reference.ioas_spaces import IoasSpace
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import ADDRESS, MAPPING
from tenure.vocabulary.observables import ACCESS, PIN_REQUEST, UNMAP_REQUEST

EDEADLOCK = Refused("EDEADLOCK")
GIVES = {"read": ("read", "both"), "write": ("write", "both")}
"""The areas that give an access, by what they let devices do."""


def _is_free(machine: Machine, made: int) -> bool:
    """No driver is being told of an area of this name."""
    return all(MAPPING.element(made) not in space.pinned.told for space in machine.ioases)


def may_ioas_map_fixed(machine: Machine, table: int, request: int, low: int, high: int, to: int, made: int) -> bool:  # noqa: PLR0913  # what the caller passes
    """As ever, and nobody is being told that an area of this name goes."""
    return _is_free(machine, made) and ioas_calls.may_ioas_map_fixed(machine, table, request, low, high, to, made)


def may_ioas_map(machine: Machine, table: int, request: int, length: int, to: int, made: int) -> bool:
    """The same."""
    return _is_free(machine, made) and ioas_calls.may_ioas_map(machine, table, request, length, to, made)


def ioas_unmap(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps | Answer:
    """Take whole areas of which no page is pinned; ENOENT, EOVERFLOW, EINVAL, EDEADLOCK (iommufd_ioas_unmap, 7.2)."""
    del me
    space, asked = machine.ioases[table], UNMAP_REQUEST.values[request]
    if not space.is_there:
        return ENOENT
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW

    def ended(removed: int, *, in_the_way: bool) -> Answer:
        return ENOENT if in_the_way or removed == 0 else Done((("size", removed),))

    return _take(space, Range(low, high), "ioas_unmap", machine.configuration.most_tries[table], ended)


def ioas_unmap_all(machine: Machine, me: Task, table: int) -> Steps | Answer:
    """Take every area; ENOENT, EDEADLOCK (iopt_unmap_all)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT

    def ended(removed: int, *, in_the_way: bool) -> Answer:
        return ENOENT if in_the_way else Done((("size", removed),))

    everything = Range(0, top(space.areas.bounds.width))
    return _take(space, everything, "ioas_unmap_all", machine.configuration.most_tries[table], ended)


def _take(space: IoasSpace, asked: Range, call: str, most: int, ended: Callable[..., Answer]) -> Steps:
    """The loop, where the lowest area may be pinned: then it is shut, drivers are told, and it is looked up again (iopt_unmap_iova_range)."""
    space.users += 1
    removed, tries, left = 0, 0, asked
    answer: Answer | None = None
    yield f"{call}.remove"
    while answer is None:
        found = space.areas.overlapping(left) if left.first <= left.last else []
        in_the_way = bool(found) and not covers(left, found[0].range)
        if not found or in_the_way:
            answer = ended(removed, in_the_way=in_the_way)
        elif space.pinned.accesses.get(found[0].owner):
            tries += 1
            yield from _told(space, found[0], call)
            if tries > most:
                answer = EDEADLOCK
            else:
                yield f"{call}.remove"
        else:
            removed += space.remove(found[0])
            left = Range(found[0].range.last + 1, asked.last)
            yield f"{call}.remove"
    space.unmapped -= removed
    space.users -= 1
    return answer


def _told(space: IoasSpace, area: Mapping, call: str) -> Part:
    """Shut an area and tell drivers of it, each that still has a page of it and would let go (iommufd_access_notify_unmap)."""
    space.pinned.closed.add(area.owner)
    space.pinned.told.append(area.owner)
    yield f"{call}.callback"
    while (one := _asked(space, area)) is not None:
        one.unmapped(area.range)
        yield f"{call}.callback"
    space.pinned.told.remove(area.owner)


def _asked(space: IoasSpace, area: Mapping) -> DeviceAccess | None:
    """The first access whose driver, when it is told of the area, lets something go."""
    there = (one for one in space.everyone if one.unpins_in is space)
    return next((one for one in there if one.lets_go and one.has(area.range)), None)


def destroy(machine: Machine, me: Task, table: int) -> Answer:
    """Take the id away, and every area with it; ENOENT, EBUSY, also where an access is attached (iommufd_destroy)."""
    space = machine.ioases[table]
    if space.is_there and any(one.unpins_in is space for one in space.everyone):
        return EBUSY
    return ioas_calls.destroy(machine, me, table)


def attach(machine: Machine, me: Task, device: int, table: int) -> Steps:
    """Attach an access, or have it move; ENOENT (iommufd_access_attach, iommufd_access_replace)."""
    space = machine.ioases[table]
    access = space.everyone[device]
    while not access.dev_set_lock.taken_by(me):
        yield BLOCKED
    answer: Answer = OK if space.is_there else ENOENT
    if space.is_there and device not in space.devices:
        if access.unpins_in is not None:
            space.users += 1
            yield from _leave(machine, device, "attach")
            space.users -= 1
        space.devices.add(device)
        access.unpins_in = space
    access.dev_set_lock.release()
    return answer


def detach(machine: Machine, me: Task, device: int) -> Steps:
    """Detach an access, if it is attached (iommufd_access_detach)."""
    access = machine.ioases[0].everyone[device]
    while not access.dev_set_lock.taken_by(me):
        yield BLOCKED
    if access.unpins_in is not None:
        yield from _leave(machine, device, "detach")
    access.dev_set_lock.release()
    return OK


def _leave(machine: Machine, device: int, call: str) -> Part:
    """Nothing more is pinned; the driver, told that all goes, lets all go; then the access leaves (iommufd_access_change_ioas)."""
    access = machine.ioases[0].everyone[device]
    for space in machine.ioases:
        space.devices.discard(device)
    yield f"{call}.leave"
    access.unmapped(Range(0, machine.configuration.number(ADDRESS) - 1))
    access.unpins_in = None


def may_pin_pages(machine: Machine, device: int, request: int, low: int, high: int, to: int) -> bool:
    """The range has two ends in order, and the driver has nothing of it yet."""
    known = 0 <= device < len(machine.devices) and request in range(len(PIN_REQUEST.values))
    if not known or not 0 <= low <= high < machine.configuration.number(ADDRESS) or not 0 <= to < len(ACCESS.values):
        return False
    asks = ACCESS.values[to] in GIVES and (low == high or PIN_REQUEST.values[request] == "range")
    return asks and not machine.ioases[0].everyone[device].has(Range(low, high))


def pin_pages(machine: Machine, me: Task, device: int, request: int, low: int, high: int, to: int) -> Answer:  # noqa: PLR0913  # what the caller passes
    """Have pages stay, all of a range or none; EINVAL, EOVERFLOW, ENOENT, EPERM (iommufd_access_pin_pages, 7.2)."""
    del me
    asked = PIN_REQUEST.values[request]
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW
    access = machine.ioases[0].everyone[device]
    space = next((space for space in machine.ioases if device in space.devices), None)
    if space is None:
        return ENOENT
    for address in range(low, high + 1):
        refused = _unpinnable(space, space.areas.at(address), ACCESS.values[to])
        if refused is not None:
            for pinned in range(low, address):
                access.unpin(pinned)
            return refused
        access.pin(address, _at(space, address).owner)
    return OK


def _unpinnable(space: IoasSpace, area: Mapping | None, asked: str) -> Refused | None:
    """What is wrong with a page of an area, if there is one."""
    if area is None:
        return ENOENT
    if area.owner in space.pinned.closed:
        return EINVAL
    return None if ACCESS.values[area.access.value] in GIVES[asked] else EPERM


def _at(space: IoasSpace, address: int) -> Mapping:
    area = space.areas.at(address)
    assert area is not None  # noqa: S101  # it was looked up just now
    return area


def may_unpin_pages(machine: Machine, device: int, address: int) -> bool:
    """The driver has the page."""
    return 0 <= device < len(machine.devices) and address in machine.ioases[0].everyone[device].pages


def unpin_pages(machine: Machine, me: Task, device: int, address: int) -> Answer:
    """Let a page go (iommufd_access_unpin_pages)."""
    del me
    machine.ioases[0].everyone[device].unpin(address)
    return OK
