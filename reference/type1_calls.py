"""MAP_DMA and UNMAP_DMA of type1 in both its versions, each under the one lock of its address space."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

from tenure.reference.calls import EBUSY, EINVAL, OK, Steps, Task
from tenure.reference.dma import Range, Refusal
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.spaces import Space
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import Choice

REQUEST = Choice("request", ("range", "empty", "wraps", "misaligned"))
MAP_REQUEST = Choice("map request", ("range", "empty", "wraps", "target wraps", "misaligned"))

EOVERFLOW = Refused("EOVERFLOW")

_MAP_ERRNO: Mapping[Refusal, Refused] = {
    Refusal.OCCUPIED: Refused("EEXIST"),
    Refusal.FULL: Refused("ENOSPC"),
    Refusal.OUTSIDE: EINVAL,
    Refusal.CHARGED: Refused("ENOMEM"),
}


def may_map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, process: int, table: int, request: int, low: int, high: int, to: int, made: int
) -> bool:
    """The range has two ends in order, and nothing has the new mapping's name."""
    free = all(made not in space.named() for space in machine.spaces)
    free = free and 0 <= process < len(machine.payers) and has_group(machine, table)
    return 0 <= to <= 3 and free and is_asked(machine, MAP_REQUEST.values[request], table, low, high)


def map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, process: int, table: int, request: int, low: int, high: int, to: int, made: int
) -> Steps:
    """Map a range; EINVAL, EOVERFLOW, EEXIST, ENOSPC, ENOMEM (vfio_dma_do_map, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    refused = malformed(MAP_REQUEST.values[request], to)
    if refused is None:
        refusal = space.map(made, Range(low, high), to, machine.payers[process])
        refused = None if refusal is None else _MAP_ERRNO[refusal]
    space.lock.release()
    return OK if refused is None else refused


def may_unmap_dma(machine: Machine, table: int, request: int, low: int, high: int) -> bool:
    """The range has two ends in order."""
    return is_asked(machine, REQUEST.values[request], table, low, high) and has_group(machine, table)


def unmap_dma(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Remove the mappings in a range, unless that would cut one; EINVAL, EOVERFLOW (vfio_dma_do_unmap, v2, 7.2)."""
    space, asked, r = machine.spaces[table], REQUEST.values[request], Range(low, high)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None and bisects(space, r):
        answer = EINVAL
    if answer is not None:
        space.lock.release()
        return answer
    return (yield from _remove(space, r, "unmap_dma.remove"))


def unmap_dma_v1(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Remove the mappings that begin in a range; none, where one reaches into it from below (vfio_dma_do_unmap, v1, 7.2)."""
    space, asked, r = machine.spaces[table], REQUEST.values[request], Range(low, high)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is not None:
        space.lock.release()
        return answer
    return (yield from _remove(space, r, "unmap_dma.remove", below=False))


def may_unmap_all(machine: Machine, table: int) -> bool:
    """There is such an address space."""
    return 0 <= table < len(machine.spaces) and has_group(machine, table)


def unmap_all(machine: Machine, me: Task, table: int) -> Steps:
    """Remove every mapping; never refused (vfio_dma_do_unmap with VFIO_DMA_UNMAP_FLAG_ALL, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    return (yield from _remove(space, everything(space), "unmap_all.remove"))


def may_attach_group(machine: Machine, table: int, group: int) -> bool:
    """There are such a container and such a group."""
    return 0 <= table < len(machine.spaces) and 0 <= group < len(machine.groups)


def attach_group(machine: Machine, me: Task, table: int, group: int) -> Steps:
    """Take a group in; EINVAL, EBUSY (vfio_iommu_type1_attach_group, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    if any(group in one.groups for one in machine.spaces):
        answer: Answer = EINVAL
    elif space.awaits_memory():
        answer = EBUSY
    else:
        answer = OK if space.attach(group) else EINVAL
    space.lock.release()
    return answer


def detach_group(machine: Machine, me: Task, table: int, group: int) -> Steps:
    """Let a group go; with the last one goes every mapping (vfio_iommu_type1_detach_group, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    if space.groups != {group}:
        space.detach(group)
        space.lock.release()
        return OK
    yield from _remove(space, everything(space), "detach_group.remove", ended=lambda: space.detach(group))
    return OK


def has_group(machine: Machine, table: int) -> bool:
    """Somebody is in the container, where groups come and go: with the last one goes its IOMMU driver."""
    if not machine.configuration.group_reserves:
        return True
    return 0 <= table < len(machine.spaces) and bool(machine.spaces[table].groups)


def everything(space: Space) -> Range:
    """All addresses, the last one too."""
    return Range(0, len(space.translated) - 1)


def take_lock(space: Space, me: Task) -> Generator[str, None, None]:
    """Wait for the one lock of the address space."""
    while not space.lock.taken_by(me):
        yield BLOCKED


def _remove(
    space: Space, r: Range, step: str, *, below: bool = True, ended: Callable[[], None] = lambda: None
) -> Steps:
    """The loop: always the lowest that is left, till none is, or one that begins `below` the range where that ends it."""
    yield step
    while (left := space.mappings.overlapping(r)) and (below or r.first <= left[0].range.first):
        space.remove(left[0])
        yield step
    answer = Done((("size", space.unmapped),))
    space.unmapped = 0
    ended()
    space.lock.release()
    return answer


def is_asked(machine: Machine, request: str, table: int, low: int, high: int) -> bool:
    """There is such an address space, and the range has two ends in order."""
    known = 0 <= table < len(machine.spaces) and 0 <= low <= high < len(machine.valid_range)
    return known and (request == "range" or low == high)


def malformed(request: str, to: int = 3) -> Refused | None:
    """What is wrong with a request whatever is mapped, in the order of the tests."""
    if request == "empty":
        return EINVAL
    if request in ("wraps", "target wraps"):
        return EOVERFLOW
    return EINVAL if to == 0 or request == "misaligned" else None


def bisects(space: Space, r: Range) -> bool:
    """An end of the range lies within a mapping, and not at its edge."""
    low, high = space.mappings.at(r.first), space.mappings.at(r.last)
    return (low is not None and low.range.first < r.first) or (high is not None and r.last < high.range.last)
