"""The systems `interrupts`: the lines of a device, and how they reach a user, as the interface of November 2011 has it."""

from dataclasses import replace

from tenure.models import interrupt_delivery, interrupts
from tenure.models.interrupt_claims import CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call, Step
from tenure.vocabulary.objects import ARRAY, EVENTFD, LINE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import TRUE, both, every, no

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.file_opens, lambda f: interrupts.opens[f]),
    shows(seen.device_resets, lambda d: interrupts.resets[d]),
    shows(seen.index_device, lambda i: interrupts.index_device[i]),
    shows(seen.index_level, lambda i: interrupts.level[i]),
    shows(seen.index_count, lambda i: interrupts.index_count[i]),
    shows(seen.index_unmasked_by, lambda i: interrupts.unmask_eventfd[i]),
    shows(seen.index_at_rest, lambda i: no(interrupts.draining[i])),
    shows(seen.line_index, lambda ln: interrupts.line_index[ln]),
    shows(seen.line_number, lambda ln: interrupts.line_number[ln]),
    shows(seen.line_asserted, lambda ln: interrupts.asserted[ln]),
    shows(seen.line_pending, lambda ln: interrupts.pending[ln]),
    shows(seen.line_eventfd, lambda ln: interrupts.trigger[ln]),
    shows(seen.line_given, lambda ln: interrupts.given[ln]),
    shows(seen.line_masked, lambda ln: interrupts.masked[ln]),
    shows(seen.line_taken, lambda ln: interrupts.taken[ln]),
    shows(seen.line_delivers, lambda ln: interrupts.delivering[ln]),
    shows(seen.line_read, lambda ln: interrupts.read[ln]),
    shows(seen.eventfd_count, lambda e: interrupts.events[e]),
    shows(seen.eventfd_most, lambda e: interrupts.eventfd_most[e]),
    shows(seen.eventfd_unmasks, lambda e: interrupts.eventfd_unmasks[e]),
    shows(seen.array_count, lambda a: interrupts.array_count[a]),
    shows(seen.array_eventfd, lambda a, ln: interrupts.array_eventfd[a, ln]),
)

INITIALLY = both(
    every(EVENTFD, lambda e: interrupts.eventfd_most[e] > 0),
    every(ARRAY, lambda a: every(LINE, lambda ln: no(interrupts.eventfd_unmasks[interrupts.array_eventfd[a, ln]]))),
)
"""An eventfd counts to one at least; no line is given an eventfd that is kept for unmasking."""

INTERRUPTS = System(
    name="interrupts",
    variant="",
    title="interrupts of a device: eventfds, level-triggered lines that are masked until they are unmasked, edges",
    source="RFC of November 2011: what it says of the device file; its core leaves it to device drivers",
    calls=(*interrupts.CALLS, *interrupt_delivery.CALLS),
    definitions=DEFINITIONS,
    claims=CLAIMS,
    initially=INITIALLY,
)


def _without_waiting(call: Call) -> Call:
    """The call ends though handlers may run that took up what was taken away."""

    def at_once(step: Step) -> Step:
        return replace(step, cases=tuple(replace(case, when=TRUE) for case in step.cases), waits=False)

    return replace(call, steps=tuple(at_once(step) if step.name == "drain" else step for step in call.steps))


NO_DRAIN = replace(
    INTERRUPTS,
    variant="no-drain",
    title="the same, but who takes an eventfd away does not wait for the handlers that took it up",
    calls=tuple(map(_without_waiting, INTERRUPTS.calls)),
)

SYSTEMS = (INTERRUPTS, NO_DRAIN)
