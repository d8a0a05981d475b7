"""What holds the interrupts of a device together: helper invariants."""

from tenure.models.interrupts import (
    array_count,
    array_eventfd,
    delivering,
    draining,
    eventfd_most,
    eventfd_unmasks,
    events,
    given,
    index_count,
    index_device,
    level,
    line_index,
    masked,
    of_device,
    opens,
    pending,
    read,
    taken,
    trigger,
    unmask_eventfd,
)
from tenure.vocabulary.objects import ARRAY, EVENTFD, FILE, INDEX, LINE, THREAD
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, either, frame, implies, is_none, no, some, stands

SET, CLOSE = "set_irq_eventfds.drain", "close_device.drain"


def _index(thread: Term) -> Term:
    return frame(thread, "set_irq_eventfds", "index", INDEX)


def _file(thread: Term) -> Term:
    return frame(thread, "close_device", "file", FILE)


@claim(line=LINE)
def a_masked_line_was_taken_once_and_another_not_at_all(line: Term) -> Term:
    """Only a level-triggered line with an eventfd is masked, by the one interrupt that was taken since it was armed."""
    by_one = both(level[line_index[line]], no(is_none(trigger[line])), taken[line] == 1)
    return both(implies(masked[line], by_one), implies(no(masked[line]), both(taken[line] == 0, no(read[line]))))


@claim(line=LINE)
def nothing_waits_at_a_disabled_line(line: Term) -> Term:
    """An edge waits only where there is an eventfd for it."""
    return implies(is_none(trigger[line]), no(pending[line]))


@claim(line=LINE)
def a_line_has_the_eventfd_that_was_given(line: Term) -> Term:
    """What the user gave for a line is what its handler is installed for."""
    return trigger[line] == given[line]


@claim(array=ARRAY, line=LINE)
def no_array_has_an_eventfd_for_unmasking(array: Term, line: Term) -> Term:
    """Callers keep eventfds for unmasking, and pass others for lines."""
    return no(eventfd_unmasks[array_eventfd[array, line]])


@claim(eventfd=EVENTFD)
def an_eventfd_counts_from_zero_to_its_most(eventfd: Term) -> Term:
    """Neither less nor more, and to one at least."""
    return both(eventfd_most[eventfd] > 0, events[eventfd] >= 0, events[eventfd] <= eventfd_most[eventfd])


@claim(line=LINE, index=INDEX, eventfd=EVENTFD)
def eventfds_are_for_one_thing(line: Term, index: Term, eventfd: Term) -> Term:
    """No eventfd that a line signals is one for unmasking, and an index is unmasked by none that is not."""
    signalled = either(trigger[line] == eventfd, delivering[line] == eventfd)
    unmasking = implies(unmask_eventfd[index] == eventfd, eventfd_unmasks[eventfd])
    return both(implies(signalled, no(eventfd_unmasks[eventfd])), unmasking)


@claim(line=LINE)
def what_masks_a_line_is_under_way_or_counted_or_read(line: Term) -> Term:
    """The interrupt for which a line is masked is being signalled, is counted in its eventfd, or has been read there."""
    told = either(events[trigger[line]] > 0, read[line])
    under_way = delivering[line] == trigger[line]
    return implies(masked[line], either(under_way, both(is_none(delivering[line]), told)))


@claim(line=LINE)
def a_handler_signals_another_eventfd_only_while_a_call_drains(line: Term) -> Term:
    """What a handler took up is the line's eventfd, unless a call that changed it waits for the handler."""
    signals = delivering[line]
    return implies(both(no(is_none(signals)), no(signals == trigger[line])), draining[line_index[line]])


@claim(line=LINE)
def a_handler_has_an_eventfd_between_its_steps(line: Term) -> Term:
    """It took one up, and signals it next; elsewhere nobody has."""
    return stands(line, "take_interrupt.signal") == no(is_none(delivering[line]))


@claim(line=LINE)
def a_line_with_an_eventfd_is_of_an_open_device(line: Term) -> Term:
    """Some file of the device is open."""
    device = index_device[line_index[line]]
    return implies(no(is_none(trigger[line])), some(FILE, lambda f: opens[f] == device))


@claim(index=INDEX)
def an_index_with_an_unmask_eventfd_is_of_an_open_device(index: Term) -> Term:
    """Some file of the device is open."""
    return implies(no(is_none(unmask_eventfd[index])), some(FILE, lambda f: opens[f] == index_device[index]))


@claim(thread=THREAD)
def who_changed_eventfds_drains_their_index(thread: Term) -> Term:
    """A call that waits for handlers has the mutex of its device."""
    return implies(stands(thread, SET), draining[_index(thread)])


@claim(thread=THREAD)
def no_more_lines_are_given_eventfds_than_there_are(thread: Term) -> Term:
    """An array that is longer than the index was refused."""
    count = array_count[frame(thread, "set_irq_eventfds", "array", ARRAY)]
    return implies(stands(thread, SET), count <= index_count[_index(thread)])


@claim(thread=THREAD)
def the_last_file_is_there_until_it_has_drained(thread: Term) -> Term:
    """A file that is being closed stands for its device until no handler signals any more."""
    return implies(stands(thread, CLOSE), no(is_none(opens[_file(thread)])))


@claim(thread=THREAD, index=INDEX)
def who_closes_a_device_drains_all_of_it(thread: Term, index: Term) -> Term:
    """Meanwhile the mutex of the device is taken, and no eventfd unmasks anything of it."""
    closes = both(stands(thread, CLOSE), index_device[index] == opens[_file(thread)])
    return implies(closes, both(draining[index], is_none(unmask_eventfd[index])))


@claim(thread=THREAD, line=LINE)
def who_closes_a_device_has_disabled_it(thread: Term, line: Term) -> Term:
    """Meanwhile no line of the device has an eventfd, and nobody gives it one."""
    closes = both(stands(thread, CLOSE), of_device(line, opens[_file(thread)]))
    return implies(closes, is_none(trigger[line]))


@claim(thread=THREAD, other=THREAD)
def one_thread_drains_a_device_at_a_time(thread: Term, other: Term) -> Term:
    """Of two calls that have the mutex of one device both are the same."""

    def device(one: Term, at: str) -> Term:
        return index_device[_index(one)] if at == SET else opens[_file(one)]

    pairs = [
        implies(both(stands(thread, a), stands(other, b), device(thread, a) == device(other, b)), thread == other)
        for a in (SET, CLOSE)
        for b in (SET, CLOSE)
    ]
    return both(*pairs)


CLAIMS = (
    no_array_has_an_eventfd_for_unmasking,
    an_eventfd_counts_from_zero_to_its_most,
    a_masked_line_was_taken_once_and_another_not_at_all,
    nothing_waits_at_a_disabled_line,
    a_line_has_the_eventfd_that_was_given,
    eventfds_are_for_one_thing,
    what_masks_a_line_is_under_way_or_counted_or_read,
    a_handler_signals_another_eventfd_only_while_a_call_drains,
    a_handler_has_an_eventfd_between_its_steps,
    a_line_with_an_eventfd_is_of_an_open_device,
    an_index_with_an_unmask_eventfd_is_of_an_open_device,
    who_changed_eventfds_drains_their_index,
    no_more_lines_are_given_eventfds_than_there_are,
    the_last_file_is_there_until_it_has_drained,
    who_closes_a_device_drains_all_of_it,
    who_closes_a_device_has_disabled_it,
    one_thread_drains_a_device_at_a_time,
)
