"""The calls of type1 where dirty pages are tracked: of users who ask for them, of drivers, and of devices that write."""

from __future__ import annotations

from tenure.reference.calls import EINVAL, OK, Steps, Task
from tenure.reference.dirty_spaces import DirtySpace
from tenure.reference.dma import Range
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.type1 import Tracking
from tenure.reference.dma.type1_dirty import Bitmap
from tenure.reference.machine import Machine
from tenure.reference.type1_calls import MAP_REQUEST, REQUEST, malformed, take_lock
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import Choice

ACTION = Choice("action", ("start", "stop", "start and stop"))
BITMAP_REQUEST = Choice("bitmap request", (*REQUEST.values, "no bitmap", "other pages"))

_ACTIONS = {
    "start": Tracking.START,
    "stop": Tracking.STOP,
    "start and stop": Tracking.START | Tracking.STOP,
}


def space_of(machine: Machine, table: int) -> DirtySpace:
    """The address space of a table, where dirty pages are tracked."""
    space = machine.spaces[table]
    assert isinstance(space, DirtySpace)  # noqa: S101  # such a machine has no others
    return space


def has_group(machine: Machine, table: int) -> bool:
    """Somebody is in the container: with the last group goes its IOMMU driver."""
    return 0 <= table < len(machine.spaces) and bool(machine.spaces[table].groups)


def is_free(machine: Machine, table: int, low: int, high: int) -> bool:
    """There is such a range, and no driver has a page of it."""
    if not (has_group(machine, table) and 0 <= low <= high < len(machine.valid_range)):
        return False
    return not any(page in Range(low, high) for pages in space_of(machine, table).kept for page in pages)


def may_map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, process: int, table: int, request: int, low: int, high: int, to: int, made: int
) -> bool:
    """The range has two ends in order, and nothing has the new mapping's name."""
    free = all(made not in space.named() for space in machine.spaces) and has_group(machine, table)
    asked = 0 <= low <= high < len(machine.valid_range) and (MAP_REQUEST.values[request] == "range" or low == high)
    return free and asked and 0 <= process < len(machine.payers) and 0 <= to <= 3


def map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, process: int, table: int, request: int, low: int, high: int, to: int, made: int
) -> Steps:
    """Map a range, with a bitmap where dirty pages are tracked; EINVAL, EOVERFLOW, EEXIST, ENOSPC, ENOMEM (vfio_dma_do_map, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    answer = malformed(MAP_REQUEST.values[request], to)
    if answer is None:
        answer = _said(space.place(made, Range(low, high), to, machine.payers[process]))
    space.lock.release()
    return answer or OK


def may_unmap_dma(machine: Machine, table: int, request: int, low: int, high: int) -> bool:
    """The range has two ends in order, and nobody has a page of it."""
    return is_free(machine, table, low, high) and (REQUEST.values[request] == "range" or low == high)


def unmap_dma(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Remove the mappings in a range, whatever is dirty there; EINVAL, EOVERFLOW (vfio_dma_do_unmap, v2, 7.2)."""
    space, asked, r = space_of(machine, table), REQUEST.values[request], Range(low, high)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None and space.is_cut_by(r):
        answer = EINVAL
    if answer is not None:
        space.lock.release()
        return answer
    return (yield from _remove(space, r, "unmap_dma"))


def may_unmap_all(machine: Machine, table: int) -> bool:
    """There is such an address space, and nobody has a page there."""
    return is_free(machine, table, 0, len(machine.valid_range) - 1)


def unmap_all(machine: Machine, me: Task, table: int) -> Steps:
    """Remove every mapping; never refused (vfio_dma_do_unmap with VFIO_DMA_UNMAP_FLAG_ALL, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    return (yield from _remove(space, None, "unmap_all"))


def may_unmap_dirty(machine: Machine, table: int, request: int, low: int, high: int) -> bool:
    """The same as for an unmap without a bitmap."""
    return is_free(machine, table, low, high) and (BITMAP_REQUEST.values[request] == "range" or low == high)


def unmap_dirty(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Remove the mappings in a range and tell their dirty pages; EINVAL, EOVERFLOW (vfio_dma_do_unmap, update_user_bitmap, v2, 7.2)."""
    space, asked, r = space_of(machine, table), BITMAP_REQUEST.values[request], Range(low, high)
    bitmap = _bitmap(asked, r)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None and bitmap.check(r.last - r.first + 1) is not None:
        answer = EINVAL
    if answer is None and not (space.container.tracks_dirty and bitmap.page_size == 1):
        answer = EINVAL
    if answer is None and space.is_cut_by(r):
        answer = EINVAL
    if answer is not None:
        space.lock.release()
        return answer
    space.told = set()
    return (yield from _remove(space, r, "unmap_dirty", bitmap))


def may_dirty_pages(machine: Machine, table: int, action: int) -> bool:
    """There is such an address space."""
    return has_group(machine, table) and 0 <= action < len(ACTION.values)


def dirty_pages(machine: Machine, me: Task, table: int, action: int) -> Steps:
    """Start or stop to track dirty pages; EINVAL, ENOMEM (vfio_iommu_type1_dirty_pages, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    answer = _said(space.track(_ACTIONS[ACTION.values[action]]))
    space.lock.release()
    return answer or OK


def may_get_bitmap(machine: Machine, table: int, request: int, low: int, high: int) -> bool:
    """The range has two ends in order."""
    known = has_group(machine, table) and 0 <= low <= high < len(machine.valid_range)
    return known and (BITMAP_REQUEST.values[request] == "range" or low == high)


def get_bitmap(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Tell which pages of a range are dirty, and begin afresh; EINVAL, EOVERFLOW (vfio_iova_dirty_bitmap, 7.2)."""
    space, asked = space_of(machine, table), BITMAP_REQUEST.values[request]
    bitmap = _bitmap(asked, Range(low, high))
    yield from take_lock(space, me)
    answer: Answer | None = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None:
        answer = _said(space.tell(low, high - low + 1, bitmap))
    space.lock.release()
    return answer or OK


def may_attach_group(machine: Machine, table: int, group: int) -> bool:
    """There are such a container and such a group."""
    return 0 <= table < len(machine.spaces) and 0 <= group < len(machine.groups)


def may_detach_group(machine: Machine, table: int, group: int) -> bool:
    """The group's driver has no page; and where others stay whose dirty pages are tracked, it is confined to those it had."""
    if not may_attach_group(machine, table, group) or _kept(machine, group):
        return False
    space = space_of(machine, table)
    leaves_others = group in space.groups and len(space.groups) > 1
    return not leaves_others or not space.container.tracks_dirty or space.is_confined(group)


def detach_group(machine: Machine, me: Task, table: int, group: int) -> Steps:
    """Let a group go; with the last one goes every mapping (vfio_iommu_type1_detach_group, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    if space.groups == {group}:
        yield from _drop(space, None, "detach_group")
        space.unmapped = 0
    if group in space.groups:
        space.detach(group)
    space.lock.release()
    return OK


def may_pin_page(machine: Machine, group: int, address: int, to: int) -> bool:
    """The group's devices write what is pinned alone, and its driver does not have the page."""
    known = is_somewhere(machine, group) and 0 <= address < len(machine.valid_range) and 1 <= to <= 3
    return known and machine.configuration.pins_first[group] and address not in _kept(machine, group)


def pin_page(machine: Machine, me: Task, group: int, address: int, to: int) -> Steps:
    """Pin a page, which is dirty from then on; EINVAL, EPERM (vfio_iommu_type1_pin_pages, 7.2)."""
    space = _around(machine, group)
    yield from take_lock(space, me)
    answer = _said(space.keep(group, address, to))
    space.lock.release()
    return answer or OK


def may_unpin_page(machine: Machine, group: int, address: int) -> bool:
    """The group's driver has the page."""
    return 0 <= group < len(machine.groups) and address in _kept(machine, group)


def unpin_page(machine: Machine, me: Task, group: int, address: int) -> Steps:
    """Let a page go (vfio_iommu_type1_unpin_pages, 7.2)."""
    space = _around(machine, group)
    yield from take_lock(space, me)
    space.let_go(group, address)
    space.lock.release()
    return OK


def may_driver_writes(machine: Machine, group: int, address: int) -> bool:
    """The group is in a container."""
    return is_somewhere(machine, group) and 0 <= address < len(machine.valid_range)


def driver_writes(machine: Machine, me: Task, group: int, address: int) -> Steps:
    """Write a page for a device; EINVAL, EPERM (vfio_iommu_type1_dma_rw, 7.2)."""
    space = _around(machine, group)
    yield from take_lock(space, me)
    answer = _said(space.write(address))
    space.lock.release()
    return answer or OK


def may_device_writes(machine: Machine, group: int, address: int) -> bool:
    """The IOMMU lets it; and the driver, where the group's devices write what is pinned alone."""
    if not may_driver_writes(machine, group, address) or not _around(machine, group).may_write(address):
        return False
    return not machine.configuration.pins_first[group] or address in _kept(machine, group)


def device_writes(machine: Machine, _: Task, group: int, address: int) -> Answer:
    """A device writes: the kernel sees nothing of it."""
    _around(machine, group).was_written(address)
    return OK


def is_somewhere(machine: Machine, group: int) -> bool:
    """The group is in a container."""
    return any(group in space.groups for space in machine.spaces)


def _around(machine: Machine, group: int) -> DirtySpace:
    """The address space that the group's devices see."""
    (space,) = (space_of(machine, t) for t, one in enumerate(machine.spaces) if group in one.groups)
    return space


def _kept(machine: Machine, group: int) -> set[int]:
    """The pages that a group's driver has."""
    return {page for t in range(len(machine.spaces)) for page in space_of(machine, t).kept[group]}


def _bitmap(asked: str, r: Range) -> Bitmap:
    """What the caller has for an answer: large enough, and of pages of one address each, unless it is said otherwise."""
    room = 0 if asked == "no bitmap" else (r.last - r.first + 64) // 64 * 8
    return Bitmap(2 if asked == "other pages" else 1, room)


def _said(errno: Errno | None) -> Refused | None:
    return None if errno is None else Refused(errno.name)


def _remove(space: DirtySpace, r: Range | None, call: str, bitmap: Bitmap | None = None) -> Steps:
    """Remove what is there; the answer is how much that was."""
    yield from _drop(space, r, call, bitmap)
    answer = Done((("size", space.unmapped),))
    space.unmapped = 0
    space.lock.release()
    return answer


def _drop(space: DirtySpace, r: Range | None, call: str, bitmap: Bitmap | None = None) -> Steps:
    """The loop: always the lowest that is left; what is dirty of it is told first, where somebody asks."""
    yield f"{call}.remove"
    while left := space.concerned(r):
        if bitmap is not None:
            space.report(left[0], bitmap)
        space.drop(left[0])
        yield f"{call}.remove"
    return OK
