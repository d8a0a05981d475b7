"""DMA of the RFC of November 2011: mappings that are split and joined, and pages of memory that are paid for once."""

from tenure.properties.ranges import holds, position
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, PROCESS, TABLE
from tenure.vocabulary.observables import DMA_REQUEST
from tenure.vocabulary.properties import always, answered, argument, at_rest, called, each_step, refused
from tenure.vocabulary.symbols import before, choice_is
from tenure.vocabulary.terms import Term, both, either, implies, no, number_of, some

_REQUEST = argument("request", DMA_REQUEST)


def leads_to(mapping: Term, address: Term) -> Term:
    """The number of the page that is behind an address of the mapping."""
    return seen.mapping_memory[mapping] + position(address) - position(seen.mapping_first[mapping])


@at_rest("RFC-6", seen.space_at_rest, "invariant I6 of the RFC", table=TABLE, address=ADDRESS)
def the_iommu_leads_where_the_mappings_do(table: Term, address: Term) -> Term:
    """While nothing is being changed, an address that a mapping has leads to the page behind it, and any other leads nowhere."""
    found = some(
        MAPPING,
        lambda m: both(
            seen.mapping_listed[m] == table,
            holds(m, address),
            seen.address_leads[table, address] == leads_to(m, address),
        ),
    )
    mapped = some(MAPPING, lambda m: both(seen.mapping_listed[m] == table, holds(m, address)))
    return both(implies(mapped, found), implies(seen.address_leads[table, address] > 0, mapped))


@always("RFC-7", "invariant I7 of the RFC, lock_acct", process=PROCESS)
def a_process_is_charged_for_each_page_once(process: Term) -> Term:
    """The locked pages of a process are as many as the pages for which it is charged."""
    return seen.pages_charged[process] == number_of(PAGE, lambda pg: seen.page_charged[process, pg])


@always("PAY-1", "lock_acct, is_invalid_reserved_pfn", table=TABLE, address=ADDRESS, page=PAGE)
def what_a_device_reaches_is_paid_for(table: Term, address: Term, page: Term) -> Term:
    """A page to which the IOMMU leads a device is charged to the process whose memory it is, and a reserved page never is."""
    led = seen.address_leads[table, address] == seen.page_number[page]
    paid = seen.page_charged[seen.space_process[table], page]
    return both(implies(both(led, no(seen.page_reserved[page])), paid), implies(paid, no(seen.page_reserved[page])))


@always("PAY-2", "vfio_dma_unpin", process=PROCESS, page=PAGE)
def what_is_paid_for_a_device_reaches(process: Term, page: Term) -> Term:
    """A process is charged for a page only while an address space of its own leads a device there."""
    reached = some(
        TABLE,
        lambda t: both(
            seen.space_process[t] == process,
            some(ADDRESS, lambda a: seen.address_leads[t, a] == seen.page_number[page]),
        ),
    )
    return implies(seen.page_charged[process, page], reached)


@at_rest("MAP-1", seen.space_at_rest, "vfio_dma_map_dm: coalescing", table=TABLE, mapping=MAPPING, other=MAPPING)
def no_mapping_goes_on_where_another_ends(table: Term, mapping: Term, other: Term) -> Term:
    """Of two mappings neither begins where the other ends, at the memory where that ends, with the same access."""
    size = position(seen.mapping_last[mapping]) - position(seen.mapping_first[mapping]) + 1
    goes_on = both(
        position(seen.mapping_first[other]) == position(seen.mapping_last[mapping]) + 1,
        seen.mapping_memory[other] == seen.mapping_memory[mapping] + size,
        seen.mapping_access[other] == seen.mapping_access[mapping],
    )
    return no(both(seen.mapping_listed[mapping] == table, seen.mapping_listed[other] == table, goes_on))


@each_step("MAP-2", "vfio_dma_unmap_dm", table=TABLE, mapping=MAPPING, address=ADDRESS)
def an_unmap_that_succeeds_leaves_nothing_mapped(table: Term, mapping: Term, address: Term) -> Term:
    """After an UNMAP_DMA that succeeds no address of its range is in a mapping."""
    low, high = argument("low", ADDRESS), argument("high", ADDRESS)
    inside = both(position(low) <= position(address), position(address) <= position(high))
    mapped = both(seen.mapping_listed[mapping] == table, holds(mapping, address))
    asked = both(argument("table", TABLE) == table, no(_REQUEST == "empty"))
    over = both(called("unmap_dma"), answered(), asked, seen.space_at_rest[table])
    return implies(both(over, inside), no(mapped))


@each_step("MAP-3", "vfio_dma_map_dm, vfio_dma_unmap_dm: EINVAL, EFAULT", mapping=MAPPING)
def what_must_be_refused_changes_no_mapping(mapping: Term) -> Term:
    """A call that must be refused, for what it asks or because its arguments cannot be written back, changes no mapping."""
    wrong = choice_is(_REQUEST, "empty", "wraps", "misaligned", "unknown", "unwritable")
    told = (seen.mapping_listed, seen.mapping_first, seen.mapping_last, seen.mapping_access, seen.mapping_memory)
    same = both(*(before(one[mapping]) == one[mapping] for one in told))
    return implies(both(either(called("map_dma"), called("unmap_dma")), wrong), same)


@each_step("MAP-4", "vfio_dma_map_dm: the order of its tests", table=TABLE, address=ADDRESS)
def a_map_without_an_entry_leads_no_device_anywhere(table: Term, address: Term) -> Term:
    """No step of a MAP_DMA that finds no memory for its entry leads a device to a page, not even for a while."""
    leads = seen.address_leads[table, address]
    return implies(both(called("map_dma"), _REQUEST == "no memory"), before(leads) == leads)


@each_step("PAY-3", "RLIMIT_MEMLOCK", table=TABLE, process=PROCESS)
def the_limit_refuses_only_what_it_is_about(table: Term, process: Term) -> Term:
    """A MAP_DMA is refused for the limit only where some page of its memory is neither reserved nor paid for already."""
    asked = both(argument("table", TABLE) == table, seen.space_process[table] == process)
    count = position(argument("high", ADDRESS)) - position(argument("low", ADDRESS)) + 1
    start = seen.page_number[argument("to", PAGE)]
    costs = some(
        PAGE,
        lambda pg: both(
            start <= seen.page_number[pg],
            seen.page_number[pg] < start + count,
            no(seen.page_reserved[pg]),
            no(before(seen.page_charged[process, pg])),
        ),
    )
    return implies(both(asked, called("map_dma"), refused("ENOMEM"), no(_REQUEST == "no memory")), costs)


PROPERTIES = (
    the_iommu_leads_where_the_mappings_do,
    a_process_is_charged_for_each_page_once,
    what_a_device_reaches_is_paid_for,
    what_is_paid_for_a_device_reaches,
    no_mapping_goes_on_where_another_ends,
    an_unmap_that_succeeds_leaves_nothing_mapped,
    what_must_be_refused_changes_no_mapping,
    a_map_without_an_entry_leads_no_device_anywhere,
    the_limit_refuses_only_what_it_is_about,
)
