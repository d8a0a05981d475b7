"""Interrupts: eventfds, the interrupt controller's view of each line, and what a device driver keeps of an index."""

from __future__ import annotations

from tenure.reference.configuration import Configuration
from tenure.reference.descriptions import UNTOLD
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import FILE, INDEX
from tenure.vocabulary.types import NONE

LineState = tuple[bool, bool, bool, int, int, int, bool]
InterruptState = tuple[tuple[int, ...], tuple[LineState, ...], tuple[int, ...], tuple[int, ...]]
"""The device of each file; each line; the unmask eventfd of each index; the count of each eventfd."""


class EventFd:
    """A counter that is signalled and read; one for unmasking is watched by indexes."""

    __slots__ = ("count", "index", "most", "unmasks")

    def __init__(self, index: int, most: int, *, unmasks: bool) -> None:
        self.index = index
        self.most = most
        self.unmasks = unmasks
        self.count = 0

    def signal(self) -> None:
        """Count one more, unless it is full (eventfd_signal)."""
        self.count = min(self.count + 1, self.most)

    def drain(self) -> int:
        """Read: what it counted; from here on it counts from zero."""
        count, self.count = self.count, 0
        return count


class Line:
    """One pin or vector: latched or asserted by the device, masked by the host, with the eventfd of its handler."""

    __slots__ = (
        "asserted",
        "eventfd",
        "given",
        "index",
        "level",
        "masked",
        "number",
        "pending",
        "read",
        "serving",
        "taken",
    )

    def __init__(self, index: int, number: int, *, level: bool) -> None:
        self.index = index
        self.number = number
        self.level = level
        self.asserted = False
        self.pending = False
        self.masked = False
        self.eventfd: EventFd | None = None
        """What the handler that is installed signals; without one the line is off."""
        self.serving: EventFd | None = None
        """What the handler that runs now has read, and is about to signal."""
        self.given: EventFd | None = None
        """What the user believes: the eventfd that it passed last."""
        self.taken = 0
        """The host's statistics of a level-triggered line since its user armed it last."""
        self.read = False
        """What the user knows: it has read the eventfd that was signalled when the line was masked."""

    def install(self, eventfd: EventFd | None) -> None:
        """Arm the line for an eventfd, or switch it off; an edge that waits is kept for whoever is next."""
        self.eventfd = self.given = eventfd
        if eventfd is None:
            self.pending = False
        self.unmask()

    def unmask(self, *, by_user: bool = True) -> None:
        """Let it interrupt again; its user may not have asked for it."""
        self.masked = self.read = False
        if by_user:
            self.taken = 0

    def interrupt(self) -> None:
        """The device asserts the line, or sends an edge; the controller drops an edge of a line that is off."""
        if self.level:
            self.asserted = True
        elif self.eventfd is not None:
            self.pending = True

    def quiet(self) -> None:
        """The device was reset."""
        self.asserted = self.pending = False

    def is_raised(self) -> bool:
        """The controller would interrupt the host now."""
        if self.eventfd is None:
            return False
        return self.asserted and not self.masked if self.level else self.pending


class Index:
    """An interrupt index of a device."""

    __slots__ = ("count", "device", "index", "level", "lines", "unmasked_by")

    def __init__(self, index: int, device: InterruptDevice, count: int, *, level: bool) -> None:
        self.index = index
        self.device = device
        self.count = count
        self.level = level
        self.lines: list[Line] = []
        self.unmasked_by: EventFd | None = None

    def unmask(self, *, by_user: bool = True) -> None:
        """Unmask every line."""
        for line in self.lines:
            line.unmask(by_user=by_user)

    def is_served(self) -> bool:
        """Some handler of the index runs (what synchronize_irq waits for)."""
        return any(line.serving is not None for line in self.lines)


class InterruptDevice:
    """A device with its indexes, the mutex over them, and the number of its open files."""

    __slots__ = ("can_reset", "igate", "index", "indexes", "open_count")

    def __init__(self, index: int, *, can_reset: bool) -> None:
        self.index = index
        self.can_reset = can_reset
        self.igate = Lock()
        self.indexes: list[Index] = []
        self.open_count = 0

    def is_served(self) -> bool:
        """Some handler of the device runs."""
        return any(index.is_served() for index in self.indexes)


class Interrupts:
    """All that a machine has of interrupts: nothing, where its wiring has no line."""

    def __init__(self, configuration: Configuration) -> None:
        wiring, told = configuration.wiring, configuration.descriptions if configuration.wiring.line_index else UNTOLD
        self.wiring = wiring
        self.number = {"file": configuration.number(FILE), "index": configuration.number(INDEX)}
        self.devices = [InterruptDevice(d, can_reset=bool(flag)) for d, flag in enumerate(told.device_resets)]
        self.eventfds = [
            EventFd(e, most, unmasks=bool(flag))
            for e, (most, flag) in enumerate(zip(wiring.eventfd_most, wiring.eventfd_unmasks, strict=True))
        ]
        described = zip(told.index_device, told.index_count, told.index_level, strict=True)
        self.indexes = [Index(i, self.devices[d], n, level=bool(flag)) for i, (d, n, flag) in enumerate(described)]
        self.lines = [
            Line(i, number, level=self.indexes[at].level)
            for i, (at, number) in enumerate(zip(wiring.line_index, wiring.line_number, strict=True))
        ]
        for index in self.indexes:
            index.device.indexes.append(index)
        for line, at in zip(self.lines, wiring.line_index, strict=True):
            self.indexes[at].lines.append(line)
        self.files: list[InterruptDevice | None] = [None] * self.number["file"]
        """The device of each open device file; None where the name is free."""

    def index_of(self, line: int) -> Index:
        """The index that a line belongs to."""
        return self.indexes[self.wiring.line_index[line]]

    def eventfd(self, index: int) -> EventFd | None:
        """The eventfd of this name, or none."""
        return None if index == NONE else self.eventfds[index]

    def watchers(self, eventfd: int) -> list[Index]:
        """The indexes that the eventfd unmasks."""
        return [index for index in self.indexes if index.unmasked_by is self.eventfds[eventfd]]

    def state(self) -> InterruptState:
        """What can be seen, as numbers; no call is in flight."""
        if not self.indexes:
            return _NOTHING
        return (
            tuple([NONE if device is None else device.index for device in self.files]),
            tuple([_line(line) for line in self.lines]),
            tuple([_name(index.unmasked_by) for index in self.indexes]),
            tuple([eventfd.count for eventfd in self.eventfds]),
        )

    def become(self, state: InterruptState) -> None:
        """Go back to a state."""
        if state is _NOTHING:
            return
        files, lines, unmasked_by, counts = state
        self.files = [None if device == NONE else self.devices[device] for device in files]
        for device in self.devices:
            device.open_count = files.count(device.index)
        for line, now in zip(self.lines, lines, strict=True):
            line.asserted, line.pending, line.masked, eventfd, given, line.taken, line.read = now
            line.eventfd, line.given, line.serving = self.eventfd(eventfd), self.eventfd(given), None
        for index, name in zip(self.indexes, unmasked_by, strict=True):
            index.unmasked_by = self.eventfd(name)
        for one, count in zip(self.eventfds, counts, strict=True):
            one.count = count


_NOTHING: InterruptState = ((), (), (), ())


def _line(line: Line) -> LineState:
    now = line.asserted, line.pending, line.masked
    return (*now, _name(line.eventfd), _name(line.given), line.taken, line.read)


def _name(eventfd: EventFd | None) -> int:
    return NONE if eventfd is None else eventfd.index
