"""The calls of type1 for drivers that pin pages: they pin and unpin, and are told by UNMAP_DMA, which waits for them without its lock."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import EINVAL, OK, Steps, Task
from tenure.reference.dma import Range
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.type1_state import Dma
from tenure.reference.harm import BUG, Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.pinned_spaces import PinnedSpace
from tenure.reference.type1_calls import EOVERFLOW, MAP_REQUEST, REQUEST, is_asked, malformed, take_lock
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import PIN_REQUEST


def space_of(machine: Machine, table: int) -> PinnedSpace:
    """The address space of a table, where drivers pin pages."""
    space = machine.spaces[table]
    assert isinstance(space, PinnedSpace)  # noqa: S101  # such a machine has no others
    return space


def map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, process: int, table: int, request: int, low: int, high: int, to: int, made: int
) -> Steps:
    """Map a range and pin nothing; EINVAL, EOVERFLOW, EEXIST, ENOSPC (vfio_dma_do_map without a domain, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    refused = malformed(MAP_REQUEST.values[request], to)
    if refused is None:
        errno = space.place(made, Range(low, high), to, machine.payers[process])
        refused = None if errno is None else Refused(errno.name)
    space.lock.release()
    return OK if refused is None else refused


def may_register_device(machine: Machine, device: int, table: int) -> bool:
    """There are such, and the device is registered nowhere."""
    known = 0 <= table < len(machine.spaces) and 0 <= device < len(machine.devices)
    return known and all(device not in space_of(machine, t).devices for t in range(len(machine.spaces)))


def register_device(machine: Machine, me: Task, device: int, table: int) -> Steps:
    """Have a driver told of what is unmapped (vfio_iommu_type1_register_device, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    yield from _take_list(space, me, "register_device.list")
    if device not in space.devices:
        space.devices.append(device)
    space.list_lock.release()
    space.lock.release()
    return OK


def may_pin_pages(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, device: int, table: int, request: int, low: int, high: int, to: int
) -> bool:
    """The driver has none of the pages, and is registered, if any is."""
    if not (0 <= device < len(machine.devices) and 1 <= to <= 3):
        return False
    if not is_asked(machine, PIN_REQUEST.values[request], table, low, high):
        return False
    space = space_of(machine, table)
    return (not space.devices or device in space.devices) and not space.pages_within(device, Range(low, high))


def pin_pages(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, device: int, table: int, request: int, low: int, high: int, to: int
) -> Steps:
    """Pin all pages of a range, or none; EINVAL, EOVERFLOW, EPERM, ENOMEM (vfio_iommu_type1_pin_pages, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    if PIN_REQUEST.values[request] != "range" or not space.devices:
        space.lock.release()
        return EOVERFLOW if PIN_REQUEST.values[request] == "wraps" else EINVAL
    yield "pin_pages.pin"
    for page in range(low, high + 1):
        try:
            space.pin(device, page, to)
        except FailedWith as failure:
            yield from _unwind(space, device, Range(low, high))
            space.lock.release()
            return Refused(failure.errno.name)
        yield "pin_pages.pin"
    space.lock.release()
    return OK


def _unwind(space: PinnedSpace, device: int, r: Range) -> Generator[str, None, None]:
    """Unpin what this call has pinned (pin_unwind)."""
    yield "pin_pages.undo"
    for page in space.pages_within(device, r):
        space.unpin(device, page)
        yield "pin_pages.undo"


def may_unpin_pages(machine: Machine, device: int, address: int) -> bool:
    """The driver has the page."""
    known = 0 <= device < len(machine.devices)
    return known and any(address in space_of(machine, t).pages[device] for t in range(len(machine.spaces)))


def unpin_pages(machine: Machine, me: Task, device: int, address: int) -> Steps:
    """Let a page go (vfio_iommu_type1_unpin_pages, 7.2)."""
    (space,) = (space_of(machine, t) for t in range(len(machine.spaces)) if device in space_of(machine, t).devices)
    yield from take_lock(space, me)
    space.unpin(device, address)
    space.lock.release()
    return OK


def unmap_dma(machine: Machine, me: Task, table: int, request: int, low: int, high: int) -> Steps:
    """Remove the mappings in a range, drivers let go of them first; EINVAL, EOVERFLOW (vfio_dma_do_unmap, v2, 7.2)."""
    space, asked, r = space_of(machine, table), REQUEST.values[request], Range(low, high)
    yield from take_lock(space, me)
    answer = EINVAL if asked == "misaligned" else malformed(asked)
    if answer is None and space.is_cut_by(r):
        answer = EINVAL
    if answer is not None:
        space.lock.release()
        return answer
    return (yield from _remove(space, me, r, "unmap_dma"))


def unmap_all(machine: Machine, me: Task, table: int) -> Steps:
    """Remove every mapping, drivers let go of them first (vfio_dma_do_unmap with VFIO_DMA_UNMAP_FLAG_ALL, 7.2)."""
    space = space_of(machine, table)
    yield from take_lock(space, me)
    return (yield from _remove(space, me, None, "unmap_all"))


def _remove(space: PinnedSpace, me: Task, r: Range | None, call: str) -> Steps:
    """The loop: always the lowest that is left; where a page of it is pinned, drivers are told, and everything is looked at anew."""
    told: Dma | None = None
    repeats = 0
    yield f"{call}.remove"
    while left := space.concerned(r):
        dma = left[0]
        if not space.is_pinned(dma):
            space.drop(dma)
            yield f"{call}.remove"
            continue
        repeats = repeats + 1 if dma is told else 0
        if repeats > space.most_repeats:
            raise Oops(BUG)
        told = dma
        size = yield from _tell(space, me, dma.range, call)
        if r is not None and space.is_cut_by(r):
            space.lock.release()
            return Done((("size", size),))
        space.unmapped = size
        yield f"{call}.remove"
    answer = Done((("size", space.unmapped),))
    space.unmapped = 0
    space.lock.release()
    return answer


def _tell(space: PinnedSpace, me: Task, r: Range, call: str) -> Generator[str, None, int]:
    """Tell drivers under device_list_lock, and not the lock, which is taken again; how much was removed so far (vfio_notify_dma_unmap)."""
    yield from _take_list(space, me, f"{call}.tell")
    size, space.unmapped = space.unmapped, 0
    space.lock.release()
    yield f"{call}.callback"
    for device in tuple(space.devices):
        yield f"{call}.callback"
        if space.lets_go[device]:
            yield from _let_go(space, me, device, r, call)
    yield f"{call}.told"
    space.list_lock.release()
    yield f"{call}.again"
    yield from take_lock(space, me)
    return size


def _let_go(space: PinnedSpace, me: Task, device: int, r: Range, call: str) -> Generator[str, None, None]:
    """A driver's callback: it unpins page by page, each under the lock."""
    while space.pages_within(device, r):
        space.want_lock += 1
        yield f"{call}.unpin"
        yield from take_lock(space, me)
        space.want_lock -= 1
        for page in space.pages_within(device, r)[:1]:
            space.unpin(device, page)
        space.lock.release()
        yield f"{call}.callback"


def _take_list(space: PinnedSpace, me: Task, step: str) -> Generator[str, None, None]:
    """Wait for device_list_lock, with the lock."""
    space.want_list += 1
    yield step
    while not space.list_lock.taken_by(me):
        yield BLOCKED
    space.want_list -= 1
