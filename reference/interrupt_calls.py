"""The calls of a device file that are about interrupts, what the hardware does, and the host's handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tenure.reference.calls import EINVAL, OK, Part, Steps, Task
from tenure.reference.interrupts import Index, InterruptDevice
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.types import NONE


def may_open_device(machine: Machine, file: int, device: int) -> bool:
    """The name is free."""
    irqs = machine.interrupts
    return 0 <= file < len(irqs.files) and irqs.files[file] is None and 0 <= device < len(irqs.devices)


def open_device(machine: Machine, _: Task, file: int, device: int) -> Answer:
    """Get one more file of the device."""
    opened = machine.interrupts.devices[device]
    machine.interrupts.files[file] = opened
    opened.open_count += 1
    return OK


def may_close_device(machine: Machine, file: int) -> bool:
    """The file is open; whether some call is in flight on it is seen to elsewhere."""
    return may_use(machine, file)


def close_device(machine: Machine, me: Task, file: int, *, drains: bool = True) -> Steps:
    """Let a file go; who lets go of the last one switches off every line, and waits for handlers."""
    device = _opened(machine, file)
    yield from _lock(device, me)
    device.open_count -= 1
    if device.open_count == 0:
        for index in device.indexes:
            index.unmasked_by = None
            for line in index.lines:
                line.install(None)

        yield "close_device.drain"
        if drains:
            yield from _synchronize(device.is_served)
    machine.interrupts.files[file] = None
    device.igate.release()
    return OK


def may_use(machine: Machine, file: int, index: int = 0) -> bool:
    """The file is open; the index is any."""
    files = machine.interrupts.files
    return 0 <= file < len(files) and files[file] is not None and 0 <= index < len(machine.interrupts.indexes)


def get_irq_info(machine: Machine, _: Task, file: int, index: int) -> Answer:
    """Count and kind of an index; EINVAL (VFIO_DEVICE_GET_IRQ_INFO)."""
    found = _find(machine, file, index)
    return EINVAL if found is None else Done((("count", found.count), ("level", found.level)))


def may_set_irq_eventfds(machine: Machine, file: int, index: int, array: int) -> bool:
    """The file is open, and the caller has such an array."""
    return may_use(machine, file, index) and 0 <= array < len(machine.interrupts.wiring.array_count)


def set_irq_eventfds(machine: Machine, me: Task, file: int, index: int, array: int, *, drains: bool = True) -> Steps:
    """Install eventfds for the first lines of an index, switch off the rest; EINVAL (VFIO_DEVICE_SET_IRQ_EVENTFDS)."""
    irqs, device = machine.interrupts, _opened(machine, file)
    yield from _lock(device, me)
    found, count = _find(machine, file, index), irqs.wiring.array_count[array]
    if found is None or count > found.count:
        device.igate.release()
        return EINVAL
    passed = irqs.wiring.passed(array)
    for line in found.lines:
        line.install(irqs.eventfds[passed[line.index]] if line.number < count else None)

    yield "set_irq_eventfds.drain"
    if drains:
        yield from _synchronize(found.is_served)
    device.igate.release()
    return OK


def unmask_irq(machine: Machine, me: Task, file: int, index: int) -> Steps:
    """Unmask the lines of an index; EINVAL (VFIO_DEVICE_UNMASK_IRQ)."""
    device = _opened(machine, file)
    yield from _lock(device, me)
    found = _find(machine, file, index)
    if found is not None:
        found.unmask()
    device.igate.release()
    return EINVAL if found is None else OK


def may_set_unmask_irq_eventfd(machine: Machine, file: int, index: int, eventfd: int) -> bool:
    """The file is open, and the user made the eventfd for unmasking, if there is one."""
    named = machine.interrupts.eventfds[eventfd].unmasks if eventfd != NONE else True
    return named and may_use(machine, file, index)


def set_unmask_irq_eventfd(machine: Machine, me: Task, file: int, index: int, eventfd: int) -> Steps:
    """Have an eventfd watched for an index, or none; EINVAL (VFIO_DEVICE_SET_UNMASK_IRQ_EVENTFD)."""
    device = _opened(machine, file)
    yield from _lock(device, me)
    found = _find(machine, file, index)
    if found is not None:
        found.unmasked_by = machine.interrupts.eventfd(eventfd)
    device.igate.release()
    return EINVAL if found is None else OK


def reset_device(machine: Machine, me: Task, file: int) -> Steps:
    """Reset the hardware; EINVAL where it cannot be (VFIO_DEVICE_RESET)."""
    device = _opened(machine, file)
    yield from _lock(device, me)
    if device.can_reset:
        for index in device.indexes:
            for line in index.lines:
                line.quiet()
    device.igate.release()
    return OK if device.can_reset else EINVAL


def may_raise_line(machine: Machine, device: int, line: int) -> bool:
    """The line is the device's, and not asserted yet."""
    return _has(machine, device, line) and not machine.interrupts.lines[line].asserted


def raise_line(machine: Machine, _: Task, device: int, line: int) -> Answer:
    """The hardware asserts a line, or sends an edge."""
    del device
    machine.interrupts.lines[line].interrupt()
    return OK


def may_lower_line(machine: Machine, device: int, line: int) -> bool:
    """The line is the device's, and asserted."""
    return _has(machine, device, line) and machine.interrupts.lines[line].asserted


def lower_line(machine: Machine, _: Task, device: int, line: int) -> Answer:
    """The hardware asserts a line no longer."""
    del device
    machine.interrupts.lines[line].asserted = False
    return OK


def may_take_interrupt(machine: Machine, line: int) -> bool:
    """The controller interrupts the host for this line, whose handler does not run yet."""
    found = machine.interrupts.lines[line]
    return found.is_raised() and found.serving is None


def take_interrupt(machine: Machine, _: Task, line: int) -> Steps:
    """The host's handler: mask the line where it is level-triggered, then signal its eventfd."""
    served = machine.interrupts.lines[line]
    served.serving = served.eventfd
    if served.level:
        served.masked, served.read = True, False
        served.taken += 1
    else:
        served.pending = False

    yield "take_interrupt.signal"
    if served.serving is not None:
        served.serving.signal()
    served.serving = None
    return OK


def may_unmask_by_eventfd(machine: Machine, eventfd: int) -> bool:
    """Something was written, and somebody watches."""
    irqs = machine.interrupts
    return irqs.eventfds[eventfd].count > 0 and bool(irqs.watchers(eventfd))


def unmask_by_eventfd(machine: Machine, _: Task, eventfd: int) -> Answer:
    """The wake-up of an unmask eventfd: take what was written, and unmask whatever it is watched for."""
    woken = machine.interrupts.eventfds[eventfd]
    woken.drain()
    for index in machine.interrupts.watchers(eventfd):
        index.unmask(by_user=woken.unmasks)
    return OK


def may_read_eventfd(machine: Machine, eventfd: int) -> bool:
    """There is something to read, in one that is not for unmasking."""
    found = machine.interrupts.eventfd(eventfd)
    return found is not None and found.count > 0 and not found.unmasks


def read_eventfd(machine: Machine, _: Task, eventfd: int) -> Answer:
    """Learn that lines interrupted: those that are masked, and for which the eventfd was signalled."""
    found = machine.interrupts.eventfds[eventfd]
    for line in machine.interrupts.lines:
        if line.masked and line.eventfd is found and line.serving is None:
            line.read = True
    return Done((("events", found.drain()),))


def may_write_eventfd(machine: Machine, eventfd: int) -> bool:
    """One for unmasking, that is not full."""
    found = machine.interrupts.eventfd(eventfd)
    return found is not None and found.unmasks and found.count < found.most


def write_eventfd(machine: Machine, _: Task, eventfd: int) -> Answer:
    """Ask for an unmask; whoever watches is woken."""
    machine.interrupts.eventfds[eventfd].count += 1
    return OK


def due_interrupts(machine: Machine) -> Iterator[tuple[str, dict[str, int]]]:
    """What the host owes itself: handlers of lines that are raised, wake-ups of unmask eventfds that were written."""
    for line in machine.interrupts.lines:
        if may_take_interrupt(machine, line.index):
            yield "take_interrupt", {"line": line.index}
    for eventfd in machine.interrupts.eventfds:
        if may_unmask_by_eventfd(machine, eventfd.index):
            yield "unmask_by_eventfd", {"eventfd": eventfd.index}


def _opened(machine: Machine, file: int) -> InterruptDevice:
    device = machine.interrupts.files[file]
    if device is None:
        raise LookupError(f"f{file} is not open")
    return device


def _find(machine: Machine, file: int, index: int) -> Index | None:
    """The index, if it is one of the file's device."""
    found = machine.interrupts.indexes[index]
    return found if found.device is machine.interrupts.files[file] else None


def _has(machine: Machine, device: int, line: int) -> bool:
    irqs = machine.interrupts
    return 0 <= line < len(irqs.lines) and irqs.index_of(line).device.index == device


def _lock(device: InterruptDevice, me: Task) -> Part:
    while not device.igate.taken_by(me):
        yield BLOCKED


def _synchronize(is_served: Callable[[], bool]) -> Part:
    """Sleep until the handlers that ran when the eventfds were changed are over (synchronize_irq)."""
    while is_served():
        yield BLOCKED
