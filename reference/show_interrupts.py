"""What a machine shows of interrupts, in the words of the properties."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tenure.vocabulary import observables as seen
from tenure.vocabulary.types import NONE

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.files import File
    from tenure.reference.interrupts import EventFd, Line
    from tenure.reference.machine import Machine

WIRED = (
    seen.line_index,
    seen.line_number,
    seen.eventfd_most,
    seen.eventfd_unmasks,
    seen.array_count,
    seen.array_eventfd,
)
"""What never changes, and stands in the wiring under these names."""

OF_LINES = (
    seen.line_asserted,
    seen.line_pending,
    seen.line_masked,
    seen.line_eventfd,
    seen.line_given,
    seen.line_delivers,
    seen.line_taken,
    seen.line_read,
)

OF_INTERRUPTS = (seen.file_opens, *WIRED, *OF_LINES, seen.index_unmasked_by, seen.eventfd_count)


def observe_interrupts(machine: Machine) -> Columns:
    """The observables of OF_INTERRUPTS, in this order."""
    irqs = machine.interrupts
    if not irqs.indexes:
        return (tuple(map(_told_of, machine.files)), *_nothing(irqs.number["index"]))
    rows = [_line(line) for line in irqs.lines]
    return (
        tuple([NONE if device is None else device.index for device in irqs.files]),
        *(getattr(irqs.wiring, one.name) for one in WIRED),
        *(zip(*rows, strict=True) if rows else [()] * len(OF_LINES)),
        tuple([_name(index.unmasked_by) for index in irqs.indexes]),
        tuple([eventfd.count for eventfd in irqs.eventfds]),
    )


def _line(line: Line) -> tuple[int, ...]:
    flags = int(line.asserted), int(line.pending), int(line.masked)
    return (*flags, _name(line.eventfd), _name(line.given), _name(line.serving), line.taken, int(line.read))


def _name(eventfd: EventFd | None) -> int:
    return NONE if eventfd is None else eventfd.index


def _told_of(file: File) -> int:
    """The device of a device file of 2011."""
    return NONE if file.device_2011 is None else file.device_2011.index


@cache
def _nothing(indexes: int) -> Columns:
    """What a machine without interrupts shows."""
    return (*[()] * (len(OF_INTERRUPTS) - 3), (NONE,) * indexes, ())
