"""MAP_DMA and UNMAP_DMA of type1 with VADDR: memory that is handed over while devices go on using it."""

from __future__ import annotations

from tenure.reference.calls import EINVAL, ENOENT, ENOMEM, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.machine import Machine
from tenure.reference.spaces import Payer, Space, name_of
from tenure.reference.type1_calls import (
    MAP_REQUEST,
    REQUEST,
    bisects,
    everything,
    has_group,
    is_asked,
    malformed,
    take_lock,
)
from tenure.vocabulary.answers import Done, Refused


def may_map_vaddr(machine: Machine, process: int, table: int, request: int, low: int, high: int) -> bool:
    """The range has two ends in order, and there is such a process."""
    known = 0 <= process < len(machine.payers) and is_asked(machine, MAP_REQUEST.values[request], table, low, high)
    return known and has_group(machine, table)


def map_vaddr(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, process: int, table: int, request: int, low: int, high: int
) -> Steps:
    """Name the memory behind a mapping again; EINVAL, EOVERFLOW, ENOENT, ENOMEM (vfio_dma_do_map, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    answer = malformed(MAP_REQUEST.values[request]) or _renewed(space, Range(low, high), machine.payers[process])
    space.lock.release()
    return answer or OK


def unmap_vaddr(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Have the vaddrs of the mappings in a range invalid; EINVAL, EOVERFLOW (vfio_dma_do_unmap, v2, 7.2)."""
    space, asked, r = machine.spaces[table], REQUEST.values[request], Range(low, high)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None and bisects(space, r):
        answer = EINVAL
    if answer is not None:
        space.lock.release()
        return answer
    return (yield from _invalidate(space, r, "unmap_vaddr"))


def unmap_vaddr_all(machine: Machine, me: Task, table: int) -> Steps:
    """Have every vaddr invalid; EINVAL (vfio_dma_do_unmap with VADDR and ALL, 7.2)."""
    space = machine.spaces[table]
    yield from take_lock(space, me)
    return (yield from _invalidate(space, everything(space), "unmap_vaddr_all"))


def _renewed(space: Space, r: Range, payer: Payer) -> Refused | None:
    """Why not, if there is a reason: nothing is there, it is no mapping's whole range or still valid, or too much to pay for."""
    found = space.mappings.overlapping(r)
    if not found:
        return ENOENT
    if found[0].range != r or name_of(found[0]) not in space.invalid:
        return EINVAL
    return None if space.renew(found[0], payer) else ENOMEM


def _invalidate(space: Space, r: Range, call: str) -> Steps:
    """The loop, from the lowest mapping up; where one has no valid vaddr, those that it has made invalid are made valid again."""
    yield f"{call}.mark"
    for mapping in space.mappings.overlapping(r):
        if name_of(mapping) in space.invalid:
            return (yield from _restore(space, call))
        space.invalidate(mapping)
        yield f"{call}.mark"
    answer = Done((("size", space.unmapped),))
    _release(space)
    return answer


def _restore(space: Space, call: str) -> Steps:
    yield f"{call}.restore"
    while space.marked:
        space.restore()
        yield f"{call}.restore"
    _release(space)
    return EINVAL


def _release(space: Space) -> None:
    space.unmapped = 0
    space.marked.clear()
    space.lock.release()
