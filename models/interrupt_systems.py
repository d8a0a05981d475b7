"""The system `interrupts`: the lines of a device, and how they reach a user, as the interface of November 2011 has it."""

from tenure.models import interrupt_delivery, interrupts
from tenure.models.interrupt_claims import CLAIMS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ARRAY, EVENTFD, LINE
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import both, every, no

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

SYSTEMS = (INTERRUPTS,)
