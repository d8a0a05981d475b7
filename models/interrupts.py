"""Interrupts of a device as its files set them up: which line signals which eventfd, what unmasks it, and when it is disabled.

A line is disabled, armed or masked: it has no eventfd; it has one; it has one and is masked. An index that is not of the file's
device stands for a number beyond those of the device.
"""

from collections.abc import Callable

from tenure.models.locks_interrupts import HANDLERS, IGATE
from tenure.vocabulary.calls import Case, Steps, call, done, go, new, number, refuse, requires, step
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import ARRAY, DEVICE, EVENTFD, FILE, INDEX, LINE, THREAD
from tenure.vocabulary.symbols import client, fixed, state
from tenure.vocabulary.terms import Term, both, either, every, implies, in_flight, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG

index_device = fixed("index device", INDEX, DEVICE, meaning="the device whose interrupt index it is")
level = fixed("level", INDEX, FLAG, meaning="VFIO_IRQ_INFO_FLAG_LEVEL: the lines of the index are level-triggered")
index_count = fixed("index count", INDEX, COUNT, meaning="how many lines the index has")
line_index = fixed("line index", LINE, INDEX, meaning="the index of the line")
line_number = fixed("line number", LINE, COUNT, meaning="the number of the line in its index")
resets = fixed("resets", DEVICE, FLAG, meaning="the device's flag RESET")
array_count = fixed(
    "array count", ARRAY, COUNT, meaning="the second number of an array that a caller passes: how many fds follow"
)
array_eventfd = fixed(
    "array eventfd", ARRAY, LINE, EVENTFD, meaning="the eventfd at the place of the line, as far as the array goes"
)
eventfd_most = fixed(
    "eventfd most", EVENTFD, COUNT, meaning="the most that the eventfd counts; a signal more changes nothing"
)
eventfd_unmasks = fixed("eventfd unmasks", EVENTFD, FLAG, meaning="the user made the eventfd for unmasking")

opens = state("opens", FILE, DEVICE.maybe, meaning="the device of the open device file; none: the name is unused")
asserted = state("asserted", LINE, FLAG, meaning="the device asserts the line; only where it is level-triggered")
pending = state("pending", LINE, FLAG, meaning="an edge of the line waits for the host to take it")
trigger = state("trigger", LINE, EVENTFD.maybe, meaning="the eventfd for which the host's handler is installed")
masked = state("masked", LINE, FLAG, meaning="the line is masked at the host's interrupt controller")
delivering = state(
    "delivering", LINE, EVENTFD.maybe, meaning="the eventfd that the handler took up, and has yet to signal"
)
draining = state(
    "draining", INDEX, FLAG, meaning="a call has changed the index's eventfds, and has the device's mutex still"
)
unmask_eventfd = state("unmask eventfd", INDEX, EVENTFD.maybe, meaning="the eventfd whose write unmasks the index")
events = state("events", EVENTFD, COUNT, meaning="the eventfd's counter")
given = client(
    "given", LINE, EVENTFD.maybe, meaning="the eventfd that the user gave for the line and has not taken away"
)
taken = client("taken", LINE, COUNT, meaning="level interrupts taken from the line since the user armed it last")
read = client("read", LINE, FLAG, meaning="since the line was masked the user has read the eventfd that was signalled")


def of_device(line: Term, device: Term) -> Term:
    """The line is one of the device's."""
    return index_device[line_index[line]] == device


def covers(array: Term, line: Term) -> Term:
    """The array goes as far as the line."""
    return line_number[line] < array_count[array]


def _under_lock(device: Term, *cases: Case) -> tuple[Case, ...]:
    """The cases of a step that takes the device's mutex, and sleeps while another has it."""
    locked = some(INDEX, lambda i: both(index_device[i] == device, draining[i]))
    return tuple(Case(both(no(locked), c.when), c.effects, c.follow, c.why, c.pick) for c in cases)


def _no_such(index: Term, device: Term) -> Case:
    return refuse(no(index_device[index] == device), "EINVAL", "the device has no such index")


def every_line(where: Callable[[Term], Term], *effects: Callable[[Term], Assign]) -> tuple[Assign, ...]:
    """Each of the effects at once for every line for which `where` holds."""
    return tuple(each(LINE, effect, where) for effect in effects)


LIFT = (
    lambda line: masked[line].becomes(value=False),
    lambda line: read[line].becomes(value=False),
)
"""A line is unmasked; on one that is armed or disabled this has no effect."""

UNMASK = (*LIFT, lambda line: taken[line].becomes(0))
"""The user arms a line."""

DISABLE = (
    lambda line: trigger[line].becomes(None),
    lambda line: given[line].becomes(None),
    lambda line: pending[line].becomes(value=False),
    *UNMASK,
)
"""A line loses its eventfd, and an edge that nobody took."""


@call(
    "open of a device file",
    actor=THREAD,
    source="RFC of November 2011, GET_DEVICE_FD",
    file=new(FILE),
    device=DEVICE,
)
def open_device(file: Term, device: Term) -> Steps:
    """Get a file of the device; any number may be open."""
    yield requires(is_none(opens[file]), no(in_flight(file)))
    yield step("open", done(opens[file].becomes(device)))


@call("release of a device file", actor=THREAD, source="RFC of November 2011, release of a device file", file=FILE)
def close_device(file: Term) -> Steps:
    """Let go of the last reference to a file; with the device's last file all its lines are disabled."""
    device = opens[file]
    yield requires(no(is_none(device)), no(in_flight(file)))
    others = some(FILE, lambda f: both(no(f == file), opens[f] == device))
    yield step(
        "disable",
        *_under_lock(
            device,
            done(opens[file].becomes(None), when=others),
            go(
                *every_line(lambda ln: of_device(ln, device), *DISABLE),
                each(INDEX, lambda i: unmask_eventfd[i].becomes(None), lambda i: index_device[i] == device),
                each(INDEX, lambda i: draining[i].becomes(value=True), lambda i: index_device[i] == device),
            ),
        ),
        locks=(IGATE,),
        keeps=(IGATE,),
        waits=True,
    )
    yield step(
        "drain",
        done(
            opens[file].becomes(None),
            each(INDEX, lambda i: draining[i].becomes(value=False), lambda i: index_device[i] == device),
            when=every(LINE, lambda ln: implies(of_device(ln, device), is_none(delivering[ln]))),
        ),
        waits=HANDLERS,
    )


@call(
    "VFIO_DEVICE_GET_IRQ_INFO", actor=THREAD, source="RFC of November 2011, device file", file=FILE, index=number(INDEX)
)
def get_irq_info(file: Term, index: Term) -> Steps:
    """How many lines an index has, and whether they are level-triggered."""
    yield requires(no(is_none(opens[file])))
    yield step("look", _no_such(index, opens[file]), done(count=index_count[index], level=level[index]))


@call(
    "VFIO_DEVICE_SET_IRQ_EVENTFDS",
    actor=THREAD,
    source="RFC of November 2011, device file",
    file=FILE,
    index=number(INDEX),
    array=ARRAY,
)
def set_irq_eventfds(file: Term, index: Term, array: Term) -> Steps:
    """Arm as many lines of the index as the array has eventfds, each for its own; disable the others: all, where it has none."""
    device = opens[file]
    yield requires(no(is_none(device)))

    def for_line(line: Term) -> Term:
        return when(covers(array, line), array_eventfd[array, line], trigger.nothing)

    yield step(
        "install",
        *_under_lock(
            device,
            _no_such(index, device),
            refuse(index_count[index] < array_count[array], "EINVAL", "the index has fewer lines"),
            go(
                *every_line(
                    lambda ln: line_index[ln] == index,
                    lambda ln: trigger[ln].becomes(for_line(ln)),
                    lambda ln: given[ln].becomes(for_line(ln)),
                    lambda ln: pending[ln].becomes(both(pending[ln], covers(array, ln))),
                    *UNMASK,
                ),
                draining[index].becomes(value=True),
            ),
        ),
        locks=(IGATE,),
        keeps=(IGATE,),
        waits=True,
    )
    yield step(
        "drain",
        done(
            draining[index].becomes(value=False),
            when=every(LINE, lambda ln: implies(line_index[ln] == index, is_none(delivering[ln]))),
        ),
        waits=HANDLERS,
    )


@call(
    "VFIO_DEVICE_UNMASK_IRQ", actor=THREAD, source="RFC of November 2011, device file", file=FILE, index=number(INDEX)
)
def unmask_irq(file: Term, index: Term) -> Steps:
    """Arm the lines of the index that are masked; one that is still asserted interrupts again at once."""
    device = opens[file]
    yield requires(no(is_none(device)))
    yield step(
        "unmask",
        *_under_lock(device, _no_such(index, device), done(*every_line(lambda ln: line_index[ln] == index, *UNMASK))),
        locks=(IGATE,),
        waits=True,
    )


@call(
    "VFIO_DEVICE_SET_UNMASK_IRQ_EVENTFD",
    actor=THREAD,
    source="RFC of November 2011, device file",
    file=FILE,
    index=number(INDEX),
    eventfd=EVENTFD.maybe,
)
def set_unmask_irq_eventfd(file: Term, index: Term, eventfd: Term) -> Steps:
    """Let an eventfd unmask the index, or none any more; what was written to it before counts."""
    device = opens[file]
    yield requires(no(is_none(device)), either(is_none(eventfd), eventfd_unmasks[eventfd]))
    yield step(
        "set",
        *_under_lock(device, _no_such(index, device), done(unmask_eventfd[index].becomes(eventfd))),
        locks=(IGATE,),
        waits=True,
    )


@call("VFIO_DEVICE_RESET", actor=THREAD, source="RFC of November 2011, device file", file=FILE)
def reset_device(file: Term) -> Steps:
    """Reset the device: it asserts nothing, and no edge of it is left; eventfds and masks stay."""
    device = opens[file]
    yield requires(no(is_none(device)))
    yield step(
        "reset",
        *_under_lock(
            device,
            refuse(no(resets[device]), "EINVAL", "the device cannot be reset"),
            done(
                *every_line(
                    lambda ln: of_device(ln, device),
                    lambda ln: asserted[ln].becomes(value=False),
                    lambda ln: pending[ln].becomes(value=False),
                )
            ),
        ),
        locks=(IGATE,),
        waits=True,
    )


CALLS = (
    open_device,
    close_device,
    get_irq_info,
    set_irq_eventfds,
    unmask_irq,
    set_unmask_irq_eventfd,
    reset_device,
)
