"""Interrupts on their way: a device raises a line, the host takes it, masks it and signals, the user reads and asks for an unmask."""

from tenure.models.interrupts import (
    LIFT,
    asserted,
    delivering,
    eventfd_most,
    eventfd_unmasks,
    events,
    every_line,
    level,
    line_index,
    masked,
    of_device,
    pending,
    read,
    taken,
    trigger,
    unmask_eventfd,
)
from tenure.models.locks_interrupts import HANDLERS
from tenure.vocabulary.calls import Steps, call, done, go, local, requires, step
from tenure.vocabulary.effects import each
from tenure.vocabulary.objects import DEVICE, EVENTFD, INDEX, LINE, THREAD
from tenure.vocabulary.terms import Term, both, either, is_none, no, some, when
from tenure.vocabulary.types import COUNT


def is_due(line: Term) -> Term:
    """The host takes an interrupt of the line as soon as it comes to it: an edge that arrived, or a level that is not masked."""
    by_level = both(level[line_index[line]], asserted[line], no(masked[line]))
    by_edge = both(no(level[line_index[line]]), pending[line])
    return both(no(is_none(trigger[line])), either(by_level, by_edge))


@call("a device interrupts", actor="device", source="hardware: a pin, or a message", device=DEVICE, line=LINE)
def raise_line(device: Term, line: Term) -> Steps:
    """Assert a level-triggered line, or send an edge; an edge of a disabled line is nobody's."""
    yield requires(of_device(line, device), no(asserted[line]))
    yield step(
        "raise",
        done(asserted[line].becomes(value=True), when=level[line_index[line]]),
        done(when=is_none(trigger[line]), why="the line is disabled"),
        done(pending[line].becomes(value=True)),
    )


@call("a device interrupts no longer", actor="device", source="hardware: a pin", device=DEVICE, line=LINE)
def lower_line(device: Term, line: Term) -> Steps:
    """Assert a line no longer: the user has seen to what the device wanted."""
    yield requires(of_device(line, device), asserted[line])
    yield step("lower", done(asserted[line].becomes(value=False)))


@call("the host takes an interrupt", actor="line", internal=True, source="the device driver's handler", line=LINE)
def take_interrupt(line: Term) -> Steps:
    """Mask a level-triggered line; then signal the eventfd."""
    yield requires(is_due(line))
    took = delivering[line].becomes(trigger[line])
    yield step(
        "take",
        go(
            masked[line].becomes(value=True),
            taken[line].becomes(taken[line] + 1),
            read[line].becomes(value=False),
            took,
            when=level[line_index[line]],
        ),
        go(pending[line].becomes(value=False), took),
    )
    eventfd = delivering[line]
    over = delivering[line].becomes(None)
    yield step(
        "signal",
        done(events[eventfd].becomes(events[eventfd] + 1), over, when=events[eventfd] < eventfd_most[eventfd]),
        done(over, why="the eventfd is full"),
        wakes=(HANDLERS,),
    )


@call("an unmask eventfd is written", actor="eventfd", internal=True, source="wake-up of the eventfd", eventfd=EVENTFD)
def unmask_by_eventfd(eventfd: Term) -> Steps:
    """Take what was written, and unmask every index that the eventfd is to unmask.

    The user wrote only where it keeps the eventfd for unmasking; elsewhere it was a line's signal, and the user did not arm anything.
    """
    yield requires(events[eventfd] > 0, some(INDEX, lambda i: unmask_eventfd[i] == eventfd))
    yield step(
        "unmask",
        done(
            events[eventfd].becomes(0),
            *every_line(
                lambda ln: unmask_eventfd[line_index[ln]] == eventfd,
                *LIFT,
                lambda ln: taken[ln].becomes(when(eventfd_unmasks[eventfd], 0, taken[ln])),
            ),
        ),
    )


@call("read of an eventfd", actor=THREAD, source="eventfd(2)", eventfd=EVENTFD)
def read_eventfd(eventfd: Term) -> Steps:
    """Learn how often the eventfd was signalled; from then on it counts from zero."""
    yield requires(events[eventfd] > 0, no(eventfd_unmasks[eventfd]))
    found = local("found", COUNT)

    def told_of(line: Term) -> Term:
        return both(masked[line], trigger[line] == eventfd, is_none(delivering[line]))

    yield step(
        "read",
        done(
            found.becomes(events[eventfd]),
            events[eventfd].becomes(0),
            each(LINE, lambda ln: read[ln].becomes(value=True), told_of),
            events=found,
        ),
    )


@call("write to an eventfd", actor=THREAD, source="eventfd(2)", eventfd=EVENTFD)
def write_eventfd(eventfd: Term) -> Steps:
    """Ask by an eventfd for an unmask."""
    yield requires(events[eventfd] < eventfd_most[eventfd], eventfd_unmasks[eventfd])
    yield step("write", done(events[eventfd].becomes(events[eventfd] + 1)))


CALLS = (raise_line, lower_line, take_interrupt, unmask_by_eventfd, read_eventfd, write_eventfd)
