"""The RFC of November 2011: the mappings of a metagroup and the pages behind them, as its calls find and leave them.

Pages are translated and charged one by one, each page once. Where the code was otherwise than meant, the text asks its `Ways`.
"""

from collections.abc import Callable

from tenure.models.dma_rfc2011_ways import Asked, Ways, after, size_of
from tenure.models.dma_type1 import access, charged, first, last, listed, position
from tenure.vocabulary.calls import Case, caller, refuse
from tenure.vocabulary.effects import Assign, provided
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import fixed, state
from tenure.vocabulary.terms import TRUE, Term, both, implies, no, some, when
from tenure.vocabulary.types import COUNT, FLAG, Choice

preceding = fixed("preceding", ADDRESS, ADDRESS, meaning="the address that comes before; before the lowest one the top")
page_number = fixed("page number", PAGE, COUNT, meaning="the number of the page in memory, from 1 on")
reserved = fixed("reserved", PAGE, FLAG, meaning="the page is a device's: it has no struct page, and is never charged")
frame_0 = fixed("frame 0", PAGE, FLAG, meaning="the number of the page's physical frame is 0")
owner = fixed("mm", TABLE, PROCESS, meaning="the process whose memory the metagroup maps: its mm")

memory = state("memory", MAPPING, COUNT, meaning="the number of the page behind the mapping's first address: its vaddr")
taken = state("taken", TABLE, THREAD.maybe, meaning="the thread that has the metagroup's mutex")
leads = state("leads", TABLE, ADDRESS, COUNT, meaning="the number of the page that the domain translates to; 0: none")
parting = state(
    "parting", TABLE, ADDRESS, FLAG, meaning="an unmap has taken the address out of the list, and not yet unmapped it"
)
held = state("held", PROCESS, PAGE, FLAG, meaning="the page is counted in locked_vm")

CALLER = caller(THREAD)
FAILURE = Choice("failure", ("EFAULT", "ENOMEM", "EBUSY"))


def requested(request: Term, low: Term, high: Term) -> Term:
    """What callers can say: a range that ends where it should or beyond the top, but not the whole space."""
    one = both(no(request == "range"), no(request == "wraps"))
    return both(
        no(after[high] == low),
        implies(request == "range", position[low] <= position[high]),
        implies(request == "wraps", position[high] < position[low]),
        implies(one, low == high),
    )


def asked_for(ways: Ways, request: Term, low: Term, high: Term) -> Asked:
    """What is asked for; an unmap of nothing gets so far where its size is not tested."""
    return Asked(low, high, after[high] if ways.tests_unmap_size else when(request == "empty", low, after[high]))


def unfit(ways: Ways, request: Term) -> tuple[Case, ...]:
    """What is refused whatever the size."""
    unknown = refuse(request == "unknown", "EINVAL", "a flag is unknown, or the arguments are too short")
    return (
        refuse(request == "misaligned", "EINVAL", "an address or the size is no multiple of the page size"),
        *((unknown,) if ways.tests_arguments else ()),
    )


def costs(ways: Ways, table: Term, page: Term) -> Term:
    """Another address that leads to the page makes its process pay for it."""
    return both(no(reserved[page]), no(held[owner[table], page]) if ways.charges_once else TRUE)


def installed(ways: Ways, table: Term, address: Term, page: Term) -> tuple[Assign, ...]:
    """The address leads to the page, which is pinned and paid for."""
    process = owner[table]
    return (
        provided(costs(ways, table, page), charged[process].becomes(charged[process] + 1)),
        provided(no(reserved[page]), held[process, page].becomes(value=True)),
        leads[table, address].becomes(page_number[page]),
    )


def uninstalled(ways: Ways, table: Term, address: Term, page: Term) -> tuple[Assign, ...]:
    """The address leads nowhere, and a page to which no other one leads is given back."""
    process = owner[table]
    other = some(ADDRESS, lambda a: both(no(a == address), leads[table, a] == page_number[page]))
    over = both(held[process, page], no(other))
    returned = over if ways.charges_once else no(reserved[page])
    return (
        provided(returned, charged[process].becomes(charged[process] - 1)),
        provided(over, held[process, page].becomes(value=False)),
        leads[table, address].becomes(0),
    )


def forgotten(mapping: Term) -> tuple[Assign, ...]:
    """The mapping is out of the list."""
    return (
        listed[mapping].becomes(None),
        first[mapping].becomes(None),
        last[mapping].becomes(None),
        access[mapping].becomes("none"),
        memory[mapping].becomes(0),
    )


def leads_on(low: Term, high: Term, size: Callable[[Term], Term] = size_of) -> Term:
    """The higher mapping begins where the lower one ends, at the memory where that ends, and permits the same."""
    return both(
        listed[low] == listed[high],
        position[first[high]] == position[last[low]] + 1,
        access[low] == access[high],
        memory[high] == memory[low] + size(low),
    )


def lost(ways: Ways, table: Term, request: Term) -> tuple[Case, ...]:
    """The arguments are handed back when all is done, and cannot be."""
    if not ways.copies_out_last:
        return ()
    unlocked = taken[table].becomes(None)
    return (refuse(request == "unwritable", "EFAULT", "the arguments cannot be written back", unlocked),)
