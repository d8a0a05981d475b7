"""IOAS_MAP and IOAS_UNMAP step by step, with devices and a page table that come and go meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tenure.reference import ioas_calls
from tenure.reference.calls import EBUSY, EFAULT, EINVAL, ENOENT, OK, Steps, Task
from tenure.reference.dma import Mapping, Range
from tenure.reference.dma.ranges import covers
from tenure.reference.dma.widths import top
from tenure.reference.ioas_calls import EOVERFLOW
from tenure.reference.ioas_spaces import IoasSpace, name_of
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.observables import MEMORY, UNMAP_REQUEST


def may_ioas_map_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, table: int, request: int, low: int, high: int, to: int, made: int, memory: int
) -> bool:
    """The range has two ends in order, nothing has the new area's name, and memory is there or not."""
    known = memory in range(len(MEMORY.values))
    return known and ioas_calls.may_ioas_map_fixed(machine, table, request, low, high, to, made)


def ioas_map_fixed(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, to: int, made: int, memory: int
) -> Steps | Answer:
    """Make an area where the caller says; the errnos of one that is made at once, and EFAULT (iommufd_ioas_map, iopt_map_pages)."""
    answer = ioas_calls.ioas_map_fixed(machine, me, table, request, low, high, to, made)
    return _inserted(machine.ioases[table], answer, "ioas_map_fixed", made, memory)


def may_ioas_map(machine: Machine, table: int, request: int, length: int, to: int, made: int, memory: int) -> bool:  # noqa: PLR0913 -- as above
    """Nothing has the new area's name, and memory is there or not."""
    return memory in range(len(MEMORY.values)) and ioas_calls.may_ioas_map(machine, table, request, length, to, made)


def ioas_map(  # noqa: PLR0913  # what the caller passes
    machine: Machine, me: Task, table: int, request: int, length: int, to: int, made: int, memory: int
) -> Steps | Answer:
    """The same in the first hole (iommufd_ioas_map, iopt_alloc_iova, iopt_map_pages)."""
    answer = ioas_calls.ioas_map(machine, me, table, request, length, to, made)
    return _inserted(machine.ioases[table], answer, "ioas_map", made, memory)


def _inserted(space: IoasSpace, answer: Answer, call: str, made: int, memory: int) -> Steps | Answer:
    """The area is in the tree, if there is one, and has no pages yet."""
    if isinstance(answer, Refused):
        return answer
    space.building.take_in_hand(made, "inserted")
    if MEMORY.values[memory] == "missing":
        space.building.missing.add(made)
    return _built(space, answer, call, made)


def _built(space: IoasSpace, answer: Answer, call: str, made: int) -> Steps:
    """iopt_map_pages: whoever is attached by now is filled for, whether or not he was when the area was inserted."""
    building = space.building
    space.users += 1
    yield f"{call}.fill"
    if space.devices and made in building.missing:
        yield f"{call}.abort"
        _forget(space, space.named()[made])
        space.users -= 1
        return EFAULT
    building.readers += 1
    if space.devices:
        building.fill(made, space.named()[made].range)
    building.stages[made] = "filled"
    yield f"{call}.publish"
    building.publish(made)
    building.readers -= 1
    space.users -= 1
    return answer


def _forget(space: IoasSpace, area: Mapping) -> None:
    """An area is in the tree no more (iopt_abort_area)."""
    space.abort(area)
    space.building.remove(name_of(area))


def ioas_unmap(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps | Answer:
    """Take whole areas, from the lowest on; ENOENT, EOVERFLOW, EINVAL, EBUSY (iommufd_ioas_unmap, iopt_unmap_iova_range, 7.2)."""
    del me
    space, asked = machine.ioases[table], UNMAP_REQUEST.values[request]
    if not space.is_there:
        return ENOENT
    if asked != "range":
        return EINVAL if asked == "empty" else EOVERFLOW
    return _take(space, Range(low, high), "ioas_unmap", lambda removed: _told(removed) if removed else ENOENT)


def ioas_unmap_all(machine: Machine, me: Task, table: int) -> Steps | Answer:
    """Take every area; ENOENT, EBUSY (iommufd_ioas_unmap with 0 and ULONG_MAX, iopt_unmap_all)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    return _take(space, Range(0, top(space.areas.bounds.width)), "ioas_unmap_all", _told)


def _told(removed: int) -> Answer:
    return Done((("size", removed),))


def _take(space: IoasSpace, asked: Range, call: str, ended: Callable[[int], Answer]) -> Steps:
    """The loop: the lowest area of what is left of a range, until none is, or one that cannot be taken."""
    building = space.building
    space.users += 1
    removed, left, refused = 0, asked, None
    yield f"{call}.select"
    while left.first <= left.last and (found := space.areas.overlapping(left)):
        area, name = found[0], name_of(found[0])
        refused = untakable(space, area, left)
        if refused is not None:
            break
        building.readers += 1
        building.take_in_hand(name, "taken")
        yield f"{call}.unfill"
        building.unfill(name)
        building.stages[name] = "emptied"
        yield f"{call}.remove"
        removed += space.remove(area)
        building.remove(name)
        building.readers -= 1
        left = Range(area.range.last + 1, asked.last)
        yield f"{call}.select"
    space.unmapped -= removed
    space.users -= 1
    return ended(removed) if refused is None else refused


def untakable(space: IoasSpace, area: Mapping, left: Range) -> Refused | None:
    """Why an unmap comes no further: another call has the area in hand, or it reaches out of the range."""
    if space.building.stages[name_of(area)] != "finished":
        return EBUSY
    return None if covers(left, area.range) else ENOENT


def destroy(machine: Machine, me: Task, table: int) -> Answer:
    """Take the id away, and every area with it; ENOENT, EBUSY (iommufd_destroy, iommufd_ioas_destroy)."""
    answer = ioas_calls.destroy(machine, me, table)
    if isinstance(answer, Done):
        machine.ioases[table].building.become(((), (), ()))
    return answer


def attach(machine: Machine, me: Task, device: int, table: int) -> Steps | Answer:
    """Attach a device, or have it move; ENOENT, EFAULT (iommufd_device_attach, iommufd_device_replace, iopt_table_add_domain)."""
    del me
    space = machine.ioases[table]
    if not space.is_there:
        return ENOENT
    return OK if device in space.devices else _attached(machine, space, device)


def _attached(machine: Machine, space: IoasSpace, device: int) -> Steps:
    space.users += 1
    while not space.devices and space.building.is_busy():
        yield BLOCKED
    yield from _awaited(machine, device)
    space.users -= 1
    if not space.devices:
        areas = space.named()
        finished = space.building.finished(areas)
        if not space.building.missing.isdisjoint(finished):
            return EFAULT
        for area in finished:
            space.building.fill(area, areas[area].range)
    _leave(machine, device)
    space.enter(device)
    return OK


def detach(machine: Machine, me: Task, device: int) -> Steps:
    """Detach a device, if it is attached (iommufd_device_detach, iopt_table_remove_domain)."""
    del me
    yield from _awaited(machine, device)
    _leave(machine, device)
    return OK


def _awaited(machine: Machine, device: int) -> Iterator[str]:
    """Wait until a page table that ends with the device is nobody's to fill."""
    while any(space.devices == {device} and space.building.is_busy() for space in machine.ioases):
        yield BLOCKED


def _leave(machine: Machine, device: int) -> None:
    for space in machine.ioases:
        if space.devices == {device}:
            space.building.table.clear()
        space.leave(device)
