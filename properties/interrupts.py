"""IRQ: what a user may rely on of a device's interrupts, and what the host may rely on of a user."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ARRAY, EVENTFD, FILE, INDEX, LINE
from tenure.vocabulary.properties import always, argument, at_rest, called, each_step, refused
from tenure.vocabulary.symbols import before
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some, when

CHANGES = ("set_irq_eventfds", "unmask_irq", "set_unmask_irq_eventfd", "reset_device")
"""The calls that change what becomes of interrupts, and can be refused."""


def is_level(line: Term) -> Term:
    """The line is level-triggered."""
    return seen.index_level[seen.line_index[line]]


def is_enabled(line: Term) -> Term:
    """There is an eventfd for the line's interrupts."""
    return no(is_none(seen.line_eventfd[line]))


def _signals(line: Term, eventfd: Term) -> Term:
    """The eventfd is signalled for the line, or would be next."""
    return either(seen.line_eventfd[line] == eventfd, seen.line_delivers[line] == eventfd)


@each_step("IRQ-1", "RFC of November 2011: a level interrupt is masked on the host", line=LINE)
def nothing_is_taken_from_a_masked_line(line: Term) -> Term:
    """While a line is masked the host takes no interrupt from it."""
    return implies(before(seen.line_masked[line]), seen.line_taken[line] <= before(seen.line_taken[line]))


@always("IRQ-2", "RFC of November 2011: signalled once, then masked", line=LINE)
def what_masks_a_line_reaches_the_user(line: Term) -> Term:
    """The interrupt for which a line is masked is on its way to the line's eventfd, is counted there, or has been read there."""
    eventfd = seen.line_eventfd[line]
    counted = either(seen.eventfd_count[eventfd] > 0, seen.line_read[line])
    told = both(no(is_none(eventfd)), either(seen.line_delivers[line] == eventfd, counted))
    return implies(seen.line_masked[line], told)


@always("IRQ-3", "RFC of November 2011: a user that does not answer cannot keep the host busy", line=LINE)
def the_host_takes_one_level_interrupt_for_each_unmask(line: Term) -> Term:
    """From a level-triggered line the host takes at most one interrupt each time that a user arms it who keeps eventfds for unmasking apart."""
    return seen.line_taken[line] <= 1


@at_rest("IRQ-4", seen.index_at_rest, "SET_IRQ_EVENTFDS: a count of zero disables", index=INDEX, line=LINE)
def a_line_signals_what_was_given_for_it_last(index: Term, line: Term) -> Term:
    """A line of an index at rest signals the eventfd that the user gave last; where that was taken away, none."""
    here = seen.line_index[line] == index
    late = no(either(is_none(seen.line_delivers[line]), seen.line_delivers[line] == seen.line_given[line]))
    return implies(here, both(seen.line_eventfd[line] == seen.line_given[line], no(late)))


@always("IRQ-5", "RFC of November 2011: only level interrupts are masked", line=LINE)
def an_edge_never_masks(line: Term) -> Term:
    """No line is masked that is not level-triggered."""
    return implies(no(is_level(line)), no(seen.line_masked[line]))


@each_step("IRQ-6", "SET_IRQ_EVENTFDS: a line signals its own eventfd", eventfd=EVENTFD)
def an_eventfd_counts_nothing_that_no_line_signals(eventfd: Term) -> Term:
    """An eventfd counts more only where a line is enabled for it or is signalling it, or the user keeps it for unmasking."""
    grows = before(seen.eventfd_count[eventfd]) < seen.eventfd_count[eventfd]
    by_line = some(LINE, lambda ln: either(before(_signals(ln, eventfd)), _signals(ln, eventfd)))
    return implies(grows, either(by_line, seen.eventfd_unmasks[eventfd]))


@each_step("IRQ-7", "RFC of November 2011: signalled once", line=LINE, eventfd=EVENTFD)
def an_interrupt_is_signalled_once_and_to_one_eventfd(line: Term, eventfd: Term) -> Term:
    """Where the host takes an interrupt from a line, the eventfd that is signalled for it counts one more, if it can, no other does."""
    now, then = seen.eventfd_count[eventfd], before(seen.eventfd_count[eventfd])
    delivers = before(seen.line_delivers[line])
    target = either(delivers == eventfd, both(is_none(delivers), before(seen.line_eventfd[line]) == eventfd))
    here = both(called("take_interrupt"), argument("line", LINE) == line)
    signalled = both(delivers == eventfd, is_none(seen.line_delivers[line]))
    counted = implies(signalled, either(now == then + 1, now == seen.eventfd_most[eventfd]))
    return implies(here, both(then <= now, now <= then + 1, implies(no(target), now == then), counted))


@each_step("IRQ-8", "RFC of November 2011: an unmask lets it fire again", line=LINE)
def an_interrupt_that_arrives_is_not_lost(line: Term) -> Term:
    """What a device sends on an enabled line waits, or has been delivered; and an edge that waits goes only by being delivered."""
    eventfd = before(seen.line_eventfd[line])
    counts, counted = seen.eventfd_count[eventfd], before(seen.eventfd_count[seen.line_eventfd[line]])
    signalled = either(counted < counts, counts == seen.eventfd_most[eventfd])
    delivered = either(seen.line_delivers[line] == eventfd, signalled)
    arrives = both(called("raise_line"), argument("line", LINE) == line, before(is_enabled(line)))
    waits = when(is_level(line), seen.line_asserted[line], seen.line_pending[line])
    goes = both(
        before(seen.line_pending[line]), no(seen.line_pending[line]), is_enabled(line), no(called("reset_device"))
    )
    return both(implies(arrives, either(waits, delivered)), implies(goes, delivered))


@each_step("IRQ-9", "UNMASK_IRQ, or the unmask eventfd", line=LINE)
def only_the_user_unmasks(line: Term) -> Term:
    """A masked line stays masked until the user unmasks its index, by call or by its own eventfd, or gives it eventfds anew."""
    index = seen.line_index[line]
    unmasked = both(before(seen.line_masked[line]), no(seen.line_masked[line]), is_enabled(line))
    by_call = both(either(called("unmask_irq"), called("set_irq_eventfds")), argument("index", INDEX) == index)
    writes = either(*(called(c) for c in ("unmask_by_eventfd", "write_eventfd", "set_unmask_irq_eventfd")))
    by_eventfd = both(writes, seen.index_unmasked_by[index] == argument("eventfd", EVENTFD))
    return implies(unmasked, either(by_call, by_eventfd))


@each_step("IRQ-10", "UNMASK_IRQ", line=LINE)
def after_an_unmask_a_line_is_armed_or_interrupts_again(line: Term) -> Term:
    """After UNMASK_IRQ, or what the unmask eventfd asks for, a line of the index is masked only where it is asserted still."""
    index = seen.line_index[line]
    by_call = both(called("unmask_irq"), no(refused("EINVAL")), argument("index", INDEX) == index)
    eventfd = argument("eventfd", EVENTFD)
    by_eventfd = both(called("unmask_by_eventfd"), before(seen.index_unmasked_by[index]) == eventfd)
    again = implies(seen.line_masked[line], seen.line_asserted[line])
    return implies(either(by_call, by_eventfd), again)


@always("IRQ-11", "SET_IRQ_EVENTFDS: a count of zero disables", line=LINE)
def nothing_waits_at_a_disabled_line(line: Term) -> Term:
    """A disabled line is not masked, and no interrupt of it waits to be delivered when it is enabled."""
    return implies(no(is_enabled(line)), no(either(seen.line_masked[line], seen.line_pending[line])))


@always("IRQ-12", "release of the device file", line=LINE)
def a_device_that_nobody_has_open_interrupts_nobody(line: Term) -> Term:
    """The lines of a device of which no file is open are disabled, and no eventfd unmasks them."""
    index = seen.line_index[line]
    is_open = some(FILE, lambda f: seen.file_opens[f] == seen.index_device[index])
    return implies(either(is_enabled(line), no(is_none(seen.index_unmasked_by[index]))), is_open)


@each_step("IRQ-13", "EINVAL", line=LINE)
def a_call_that_is_refused_changes_no_interrupt(line: Term) -> Term:
    """After a call that is refused every line has the eventfd, the mask and the interrupt that it had before, and its index its own."""
    index = seen.line_index[line]
    denied = both(either(*(called(c) for c in CHANGES)), refused("EINVAL"))
    of_line = (seen.line_eventfd, seen.line_given, seen.line_masked, seen.line_asserted, seen.line_pending)
    same = (before(o[line]) == o[line] for o in of_line)
    return implies(denied, both(*same, before(seen.index_unmasked_by[index]) == seen.index_unmasked_by[index]))


@each_step("IRQ-14", "RFC of November 2011: a level interrupt is masked on the host", line=LINE)
def a_level_interrupt_masks_its_line(line: Term) -> Term:
    """Where the host takes an interrupt from a level-triggered line, the line is masked before anything is signalled."""
    takes = both(called("take_interrupt"), argument("line", LINE) == line, before(is_none(seen.line_delivers[line])))
    return implies(both(takes, is_level(line)), seen.line_masked[line])


@each_step("IRQ-15", "SET_IRQ_EVENTFDS, release of the device file", line=LINE)
def only_the_user_disables(line: Term) -> Term:
    """A line stays enabled until the user gives its index eventfds anew, or closes the last file of the device."""
    index = seen.line_index[line]
    disabled = both(before(is_enabled(line)), no(is_enabled(line)))
    by_call = both(called("set_irq_eventfds"), argument("index", INDEX) == index)
    is_last = every(
        FILE,
        lambda f: implies(before(seen.file_opens[f] == seen.index_device[index]), argument("file", FILE) == f),
    )
    return implies(disabled, either(by_call, both(called("close_device"), is_last)))


@each_step("IRQ-16", "SET_IRQ_EVENTFDS EINVAL", index=INDEX, array=ARRAY)
def no_index_gets_more_eventfds_than_it_has_lines(index: Term, array: Term) -> Term:
    """SET_IRQ_EVENTFDS with more eventfds than the index has lines is refused."""
    passed = both(argument("index", INDEX) == index, argument("array", ARRAY) == array)
    accepted = both(called("set_irq_eventfds"), no(refused("EINVAL")), passed)
    return implies(accepted, seen.array_count[array] <= seen.index_count[index])


@each_step(
    "IRQ-17",
    "vfio/pci: Lock external INTx masking ops (2024): who uses an interrupt holds the lock of who ends it",
    index=INDEX,
    other=INDEX,
)
def one_call_at_a_time_changes_a_device(index: Term, other: Term) -> Term:
    """While a call changes eventfds of a device, no other unmasks anything of it, resets it, or begins to change eventfds."""
    device = seen.index_device[index]
    begins = both(device == seen.index_device[other], before(seen.index_at_rest[index]), no(seen.index_at_rest[index]))
    makes = either(*(called(c) for c in ("unmask_irq", "reset_device", "set_unmask_irq_eventfd")))
    here = both(makes, some(FILE, lambda f: both(argument("file", FILE) == f, before(seen.file_opens[f] == device))))
    return both(implies(begins, before(seen.index_at_rest[other])), implies(here, before(seen.index_at_rest[index])))


@each_step("IRQ-18", "RFC of November 2011: an unmask has no other effect", line=LINE)
def an_unmask_does_nothing_to_a_line_that_is_not_masked(line: Term) -> Term:
    """UNMASK_IRQ and the unmask eventfd leave a line that is armed or disabled as it is."""
    unmasks = both(either(called("unmask_irq"), called("unmask_by_eventfd")), no(before(seen.line_masked[line])))
    of_line = (seen.line_eventfd, seen.line_masked, seen.line_asserted, seen.line_pending, seen.line_taken)
    return implies(unmasks, both(*(before(o[line]) == o[line] for o in of_line)))


PROPERTIES = (
    nothing_is_taken_from_a_masked_line,
    what_masks_a_line_reaches_the_user,
    the_host_takes_one_level_interrupt_for_each_unmask,
    a_line_signals_what_was_given_for_it_last,
    an_edge_never_masks,
    an_eventfd_counts_nothing_that_no_line_signals,
    an_interrupt_is_signalled_once_and_to_one_eventfd,
    an_interrupt_that_arrives_is_not_lost,
    only_the_user_unmasks,
    after_an_unmask_a_line_is_armed_or_interrupts_again,
    nothing_waits_at_a_disabled_line,
    a_device_that_nobody_has_open_interrupts_nobody,
    a_call_that_is_refused_changes_no_interrupt,
    a_level_interrupt_masks_its_line,
    only_the_user_disables,
    no_index_gets_more_eventfds_than_it_has_lines,
    one_call_at_a_time_changes_a_device,
    an_unmask_does_nothing_to_a_line_that_is_not_masked,
)
