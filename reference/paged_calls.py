"""MAP_DMA, UNMAP_DMA and the last release of the RFC of November 2011, each under the one mutex of its metagroup, round by round."""

from __future__ import annotations

from collections.abc import Generator

from tenure.reference.calls import OK, Steps, Task
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.steps import told
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.paged_spaces import PagedSpace
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.observables import DMA_REQUEST


def may_map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, table: int, request: int, low: int, high: int, to: int, writes: int, made: int
) -> bool:
    """The range has its ends, and nothing has the new mapping's name."""
    asked = _is_asked(machine, table, DMA_REQUEST.values[request], low, high)
    return asked and 0 <= to < machine.pages and writes in (0, 1) and _is_free(machine, made)


def map_dma(  # noqa: PLR0913 -- what the caller passes
    machine: Machine, me: Task, table: int, request: int, low: int, high: int, to: int, writes: int, made: int
) -> Steps:
    """Lead devices to memory; EINVAL, EBUSY, ENOMEM, EFAULT (vfio_dma_map_dm)."""
    space = machine.paged[table]
    yield from _lock(space, me)
    rounds = space.map_steps(DMA_REQUEST.values[request], low, high, to, writes=bool(writes), made=made)
    answer = yield from told(rounds, lambda upcoming: f"map_dma.{upcoming.step}")
    space.lock.release()
    return _answered(answer)


def may_unmap_dma(machine: Machine, table: int, request: int, low: int, high: int, rest: int) -> bool:
    """The range has its ends, and nothing has the name that the other part of a mapping would get."""
    return _is_asked(machine, table, DMA_REQUEST.values[request], low, high) and _is_free(machine, rest)


def unmap_dma(machine: Machine, me: Task, table: int, request: int, low: int, high: int, rest: int) -> Steps:  # noqa: PLR0913 -- as above
    """Take a range out of whatever mappings have it; EINVAL, ENOMEM, EFAULT (vfio_dma_unmap_dm)."""
    space = machine.paged[table]
    yield from _lock(space, me)
    rounds = space.unmap_steps(DMA_REQUEST.values[request], low, high, rest)
    answer = yield from told(rounds, lambda upcoming: f"unmap_dma.{upcoming.step}")
    space.lock.release()
    return _answered(answer)


def may_release_iommu(machine: Machine, table: int) -> bool:
    """There is such an address space."""
    return 0 <= table < len(machine.paged)


def release_iommu(machine: Machine, me: Task, table: int) -> Steps:
    """Forget every mapping (vfio_close_iommu, vfio_dma_unmap_all)."""
    space = machine.paged[table]
    yield from _lock(space, me)
    yield from told(space.release_steps(), lambda upcoming: f"release_iommu.{upcoming.step}")
    space.lock.release()
    return OK


def _lock(space: PagedSpace, me: Task) -> Generator[str, None, None]:
    while not space.lock.taken_by(me):
        yield BLOCKED


def _answered(answer: Errno | int | None) -> Answer:
    """An answer that is no errno is told by its number."""
    if answer is None:
        return OK
    return Refused(answer.name if isinstance(answer, Errno) else str(answer))


def _is_free(machine: Machine, name: int) -> bool:
    return all(name not in space.names for space in machine.paged)


def _is_asked(machine: Machine, table: int, request: str, low: int, high: int) -> bool:
    """The whole address space cannot be asked for: its size is no number of 64 bits."""
    if not (0 <= table < len(machine.paged) and min(low, high) >= 0 and max(low, high) < machine.paged[table].count):
        return False
    whole = (high + 1) % machine.paged[table].count == low
    ordered = low <= high if request == "range" else high < low if request == "wraps" else low == high
    return ordered and not whole
