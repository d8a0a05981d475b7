"""What holds address spaces together: helper invariants of the DMA systems."""

from itertools import product

from tenure.models.dma_type1 import (
    available,
    bisects,
    charged,
    entry_limit,
    first,
    fits,
    in_list,
    last,
    listed,
    locked,
    overlaps,
    pages,
    payer,
    position,
    translation,
    unmapped,
    valid_range,
    within,
)
from tenure.models.dma_type1_groups import is_reserved
from tenure.models.dma_type1_vaddr import invalid_count, invalid_in, marked_in
from tenure.vocabulary.objects import ADDRESS, MAPPING, PROCESS, TABLE, THREAD
from tenure.vocabulary.systems import Claim, claim
from tenure.vocabulary.terms import (
    Term,
    both,
    either,
    frame,
    implies,
    is_none,
    no,
    number_of,
    stands,
    total_of,
    when,
)


@claim(mapping=MAPPING)
def a_listed_mapping_has_its_ends(mapping: Term) -> Term:
    """A mapping of an address space has a first address and a last, in this order."""
    ends = both(
        no(is_none(first[mapping])), no(is_none(last[mapping])), position[first[mapping]] <= position[last[mapping]]
    )
    return implies(no(is_none(listed[mapping])), ends)


@claim(mapping=MAPPING, other=MAPPING)
def mappings_of_one_address_space_are_disjoint(mapping: Term, other: Term) -> Term:
    """No address is in two of them."""
    both_listed = both(no(is_none(listed[mapping])), listed[mapping] == listed[other], no(mapping == other))
    return implies(both_listed, no(overlaps(mapping, first[other], last[other])))


@claim(table=TABLE, address=ADDRESS, mapping=MAPPING)
def what_is_translated_is_mapped(table: Term, address: Term, mapping: Term) -> Term:
    """The IOMMU translates only what a mapping of the address space covers."""
    covered = both(in_list(table, mapping), within(address, first[mapping], last[mapping]))
    return implies(translation[table, address] == mapping, covered)


@claim(table=TABLE, address=ADDRESS, mapping=MAPPING)
def what_is_mapped_is_translated(table: Term, address: Term, mapping: Term) -> Term:
    """The IOMMU translates every address of a mapping for that mapping."""
    covered = both(in_list(table, mapping), within(address, first[mapping], last[mapping]))
    return implies(covered, translation[table, address] == mapping)


@claim(mapping=MAPPING)
def a_mapping_lies_in_one_valid_range(mapping: Term) -> Term:
    """Nothing is mapped outside the aperture, in a reserved region, or across two valid ranges."""
    return implies(no(is_none(listed[mapping])), fits(first[mapping], last[mapping]))


@claim(table=TABLE)
def mappings_made_and_left_add_up(table: Term) -> Term:
    """`dma_avail` and the number of mappings make the limit."""
    return available[table] + number_of(MAPPING, lambda m: listed[m] == table) == entry_limit[table]


@claim(mapping=MAPPING)
def a_mapping_is_paid_for_page_by_page(mapping: Term) -> Term:
    """A mapping of an address space has a payer, who is charged for every page of it."""
    is_listed, is_paid = no(is_none(listed[mapping])), no(is_none(payer[mapping]))
    much = position[last[mapping]] - position[first[mapping]] + 1
    return both(implies(is_listed, both(is_paid, pages[mapping] == much)), implies(is_paid, is_listed))


@claim(process=PROCESS)
def charges_add_up(process: Term) -> Term:
    """A process is charged for the pages of the mappings that it pays for, and for no others."""
    return charged[process] == total_of(MAPPING, lambda m: when(payer[m] == process, pages[m], 0))


@claim(table=TABLE)
def nothing_is_counted_without_the_lock(table: Term) -> Term:
    """What was removed so far is zero while nobody removes."""
    return implies(no(locked[table]), unmapped[table] == 0)


def removals_have_the_lock(*calls: str, marking: tuple[str, ...] = ()) -> tuple[Claim, Claim]:
    """These calls remove mappings in a loop, or mark them, under the lock of their address space."""
    calls = (*calls, *marking)

    def removes(thread: Term, call: str) -> Term:
        rounds = ("mark", "restore") if call in marking else ("remove",)
        return stands(thread, *(f"{call}.{one}" for one in rounds))

    def at(thread: Term, call: str) -> Term:
        return frame(thread, call, "table", TABLE)

    @claim(thread=THREAD)
    def who_removes_has_the_lock(thread: Term) -> Term:
        """A call between two rounds of its loop holds the lock of its address space."""
        return both(*(implies(removes(thread, c), locked[at(thread, c)]) for c in calls))

    @claim(thread=THREAD, other=THREAD)
    def one_thread_removes_at_a_time(thread: Term, other: Term) -> Term:
        """Of two calls that hold the lock of one address space both are the same."""
        pairs = [
            implies(both(removes(thread, a), removes(other, b), at(thread, a) == at(other, b)), thread == other)
            for a, b in product(calls, repeat=2)
        ]
        return both(*pairs)

    return who_removes_has_the_lock, one_thread_removes_at_a_time


def range_asked(thread: Term, call: str) -> tuple[Term, Term, Term]:
    """The address space and the range of a call."""
    return (
        frame(thread, call, "table", TABLE),
        frame(thread, call, "low", ADDRESS),
        frame(thread, call, "high", ADDRESS),
    )


@claim(thread=THREAD, mapping=MAPPING)
def what_is_being_unmapped_is_bisected_by_nothing(thread: Term, mapping: Term) -> Term:
    """Between two rounds no mapping reaches out of the range that is being unmapped."""
    table, low, high = range_asked(thread, "unmap_dma")
    return implies(both(stands(thread, "unmap_dma.remove"), in_list(table, mapping)), no(bisects(mapping, low, high)))


@claim(mapping=MAPPING, table=TABLE, address=ADDRESS)
def no_mapping_has_a_reserved_address(mapping: Term, table: Term, address: Term) -> Term:
    """What a group of the container reserves is in no mapping."""
    has_it = both(in_list(table, mapping), within(address, first[mapping], last[mapping]))
    return implies(has_it, no(is_reserved(table, address)))


@claim(mapping=MAPPING)
def an_invalid_vaddr_is_a_mapping_s(mapping: Term) -> Term:
    """A vaddr counts as invalid in the address space that has its mapping, and in no other."""
    return implies(no(is_none(invalid_in[mapping])), invalid_in[mapping] == listed[mapping])


@claim(table=TABLE)
def invalid_vaddrs_are_counted(table: Term) -> Term:
    """`vaddr_invalid_count` is the number of mappings whose vaddr is invalid."""
    return invalid_count[table] == number_of(MAPPING, lambda m: invalid_in[m] == table)


@claim(mapping=MAPPING)
def what_is_marked_is_invalid(mapping: Term) -> Term:
    """A mapping is marked only where its vaddr counts as invalid."""
    return implies(no(is_none(marked_in[mapping])), marked_in[mapping] == invalid_in[mapping])


@claim(mapping=MAPPING)
def nothing_is_marked_without_the_lock(mapping: Term) -> Term:
    """Where nobody has the lock, no mapping of the address space is marked."""
    return implies(no(is_none(marked_in[mapping])), locked[marked_in[mapping]])


def nothing_marked_is_removed(*calls: str) -> Claim:
    """These calls remove mappings in a loop."""

    @claim(thread=THREAD, mapping=MAPPING)
    def where_one_removes_nothing_is_marked(thread: Term, mapping: Term) -> Term:
        """Between two rounds of a removal no mapping of the address space is marked."""
        return no(
            either(
                *(
                    both(stands(thread, f"{c}.remove"), marked_in[mapping] == frame(thread, c, "table", TABLE))
                    for c in calls
                )
            )
        )

    return where_one_removes_nothing_is_marked


@claim(address=ADDRESS)
def every_address_is_valid(address: Term) -> Term:
    """Where no IOMMU is, there is one valid range, and all addresses are in it."""
    return valid_range[address] == 1


OF_MAPPINGS = (
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    what_is_translated_is_mapped,
    what_is_mapped_is_translated,
    a_mapping_lies_in_one_valid_range,
    mappings_made_and_left_add_up,
    a_mapping_is_paid_for_page_by_page,
    charges_add_up,
    nothing_is_counted_without_the_lock,
)
CLAIMS_V1 = (*OF_MAPPINGS, *removals_have_the_lock("unmap_dma", "unmap_all"))
CLAIMS_V2 = (*CLAIMS_V1, what_is_being_unmapped_is_bisected_by_nothing)
CLAIMS_OF_GROUPS = (
    *OF_MAPPINGS,
    *removals_have_the_lock("unmap_dma", "unmap_all", "detach_group"),
    what_is_being_unmapped_is_bisected_by_nothing,
    no_mapping_has_a_reserved_address,
)
CLAIMS_OF_VADDRS = (
    *OF_MAPPINGS,
    *removals_have_the_lock("unmap_dma", "unmap_all", "detach_group", marking=("unmap_vaddr", "unmap_vaddr_all")),
    what_is_being_unmapped_is_bisected_by_nothing,
    no_mapping_has_a_reserved_address,
    an_invalid_vaddr_is_a_mapping_s,
    invalid_vaddrs_are_counted,
    what_is_marked_is_invalid,
    nothing_is_marked_without_the_lock,
    nothing_marked_is_removed("unmap_dma", "unmap_all", "detach_group"),
)
