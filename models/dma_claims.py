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
from tenure.models.dma_type1_dirty import UNMAPS as UNMAPS_TRACKED
from tenure.models.dma_type1_dirty import confined, dirty, is_kept, kept, pins_first, tracks_dirty, unsaved
from tenure.models.dma_type1_groups import is_in, is_reserved
from tenure.models.dma_type1_pins import UNMAPS, container, list_locked, pinned, references, registered
from tenure.models.dma_type1_vaddr import invalid_count, invalid_in, marked_in
from tenure.models.harm import harm
from tenure.vocabulary.objects import ADDRESS, DEVICE, GROUP, MAPPING, PROCESS, TABLE, THREAD
from tenure.vocabulary.symbols import choice_is
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
    some,
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


def _asked(thread: Term, call: str) -> tuple[Term, Term, Term]:
    """The address space and the range of a call."""
    return (
        frame(thread, call, "table", TABLE),
        frame(thread, call, "low", ADDRESS),
        frame(thread, call, "high", ADDRESS),
    )


@claim(thread=THREAD, mapping=MAPPING)
def what_is_being_unmapped_is_bisected_by_nothing(thread: Term, mapping: Term) -> Term:
    """Between two rounds no mapping reaches out of the range that is being unmapped."""
    table, low, high = _asked(thread, "unmap_dma")
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


@claim(device=DEVICE, address=ADDRESS)
def what_is_pinned_is_mapped(device: Term, address: Term) -> Term:
    """A driver has a page only where something is mapped, and its device is registered there."""
    there = both(registered[device] == container.now, no(is_none(translation[container.now, address])))
    return implies(pinned[device, address], there)


@claim(address=ADDRESS)
def pins_are_counted(address: Term) -> Term:
    """`ref_count` of a page is the number of drivers that have it."""
    return references[address] == number_of(DEVICE, lambda d: pinned[d, address])


def _of_unmaps(*steps: str) -> tuple[str, ...]:
    return tuple(f"{call}.{one}" for call in UNMAPS for one in steps)


_OTHERS_OF_LOCK = ("pin_pages.pin", "pin_pages.undo", "register_device.list")
_OF_LOCK = (*_of_unmaps("remove", "tell"), *_OTHERS_OF_LOCK)
_OF_LIST = _of_unmaps("callback", "unpin", "told")
_OF_NEITHER = _of_unmaps("again")


@claim(thread=THREAD)
def every_call_is_on_the_container(thread: Term) -> Term:
    """A call under way is on the container that is looked at; and who pins is registered there."""
    steps = (*_OF_LOCK, *_OF_LIST, *_OF_NEITHER)
    on = (
        implies(stands(thread, s), frame(thread, s.partition(".")[0], "table", TABLE) == container.now) for s in steps
    )
    device = frame(thread, "pin_pages", "device", DEVICE)
    pins = stands(thread, "pin_pages.pin", "pin_pages.undo")
    return both(*on, implies(pins, registered[device] == container.now))


@claim(thread=THREAD)
def who_goes_on_has_its_lock(thread: Term) -> Term:
    """A call between two steps that keep the lock of its address space, or device_list_lock, holds that."""
    return both(
        implies(stands(thread, *_OF_LOCK), locked[container.now]),
        implies(stands(thread, *_OF_LIST), list_locked[container.now]),
    )


@claim(thread=THREAD)
def who_removes_nothing_counts_nothing(thread: Term) -> Term:
    """Where a call has the lock that removes nothing, nothing is counted as removed."""
    return implies(stands(thread, *_OTHERS_OF_LOCK), unmapped[container.now] == 0)


@claim(thread=THREAD, other=THREAD)
def one_thread_has_each_lock(thread: Term, other: Term) -> Term:
    """Of two calls that hold one lock both are the same."""
    twice = either(*(both(stands(thread, *s), stands(other, *s)) for s in (_OF_LOCK, _OF_LIST)))
    return implies(twice, thread == other)


@claim()
def nothing_but_a_bug_stops_the_kernel() -> Term:
    """The only harm is that the kernel stops itself."""
    return choice_is(harm.now, "none", "bug")


@claim(mapping=MAPPING)
def a_mapping_has_a_payer(mapping: Term) -> Term:
    """A mapping of an address space has somebody who is charged for what is pinned of it, and no other mapping has."""
    return both(
        implies(no(is_none(listed[mapping])), no(is_none(payer[mapping]))),
        implies(no(is_none(payer[mapping])), no(is_none(listed[mapping]))),
    )


@claim(group=GROUP, address=ADDRESS)
def what_a_group_keeps_is_mapped(group: Term, address: Term) -> Term:
    """A driver that has a page has it where something is mapped, and its group is confined to what it pins."""
    there = both(no(is_none(is_in[group])), no(is_none(translation[is_in[group], address])), confined[group])
    return implies(kept[group, address], there)


@claim(group=GROUP)
def who_is_confined_pins_first(group: Term) -> Term:
    """A group is confined to what its driver pins only in a container, and only if its devices write nothing else."""
    return implies(confined[group], both(no(is_none(is_in[group])), pins_first[group]))


@claim(table=TABLE, address=ADDRESS)
def what_is_dirty_is_tracked_and_mapped(table: Term, address: Term) -> Term:
    """A bit is set only in the bitmap of a mapping, and bitmaps are there while dirty pages are tracked."""
    there = both(tracks_dirty[table], no(is_none(translation[table, address])))
    return implies(dirty[table, address], there)


@claim(group=GROUP, address=ADDRESS)
def what_a_group_keeps_is_dirty(group: Term, address: Term) -> Term:
    """While dirty pages are tracked, a page that a driver has is dirty."""
    table = is_in[group]
    return implies(both(kept[group, address], tracks_dirty[table]), dirty[table, address])


@claim(table=TABLE, address=ADDRESS)
def what_was_written_will_be_told(table: Term, address: Term) -> Term:
    """A page that was written since it was told has its bit set, or a group is there that writes unseen."""
    unseen = some(GROUP, lambda g: both(is_in[g] == table, no(pins_first[g])))
    there = both(tracks_dirty[table], no(is_none(translation[table, address])))
    return implies(unsaved[table, address], both(there, either(dirty[table, address], unseen)))


@claim(thread=THREAD, address=ADDRESS)
def nobody_keeps_what_is_being_unmapped(thread: Term, address: Term) -> Term:
    """Between two rounds of an unmap no driver has a page of its range."""

    def of_range(call: str) -> Term:
        table, low, high = _asked(thread, call)
        asked = both(stands(thread, f"{call}.remove"), within(address, low, high))
        return implies(asked, no(is_kept(table, address)))

    def of_all(call: str) -> Term:
        table = frame(thread, call, "table", TABLE)
        return implies(stands(thread, f"{call}.remove"), no(is_kept(table, address)))

    return both(*map(of_range, ("unmap_dma", "unmap_dirty")), *map(of_all, ("unmap_all", "detach_group")))


@claim(thread=THREAD, mapping=MAPPING)
def what_is_told_and_unmapped_is_bisected_by_nothing(thread: Term, mapping: Term) -> Term:
    """The same for an unmap with a bitmap, for which dirty pages are tracked besides."""
    table, low, high = _asked(thread, "unmap_dirty")
    uncut = implies(in_list(table, mapping), no(bisects(mapping, low, high)))
    return implies(stands(thread, "unmap_dirty.remove"), both(tracks_dirty[table], uncut))


@claim(thread=THREAD, group=GROUP)
def the_last_group_is_alone_while_it_leaves(thread: Term, group: Term) -> Term:
    """Where every mapping goes with a group, that group is in the container, and no other is."""
    table, leaves = frame(thread, "detach_group", "table", TABLE), frame(thread, "detach_group", "group", GROUP)
    alone = both(is_in[leaves] == table, implies(is_in[group] == table, group == leaves))
    return implies(stands(thread, "detach_group.remove"), alone)


_OF_MAPPINGS = (
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
CLAIMS_V1 = (*_OF_MAPPINGS, *removals_have_the_lock("unmap_dma", "unmap_all"))
CLAIMS_V2 = (*CLAIMS_V1, what_is_being_unmapped_is_bisected_by_nothing)
CLAIMS_OF_GROUPS = (
    *_OF_MAPPINGS,
    *removals_have_the_lock("unmap_dma", "unmap_all", "detach_group"),
    what_is_being_unmapped_is_bisected_by_nothing,
    no_mapping_has_a_reserved_address,
)
CLAIMS_OF_VADDRS = (
    *_OF_MAPPINGS,
    *removals_have_the_lock("unmap_dma", "unmap_all", "detach_group", marking=("unmap_vaddr", "unmap_vaddr_all")),
    what_is_being_unmapped_is_bisected_by_nothing,
    no_mapping_has_a_reserved_address,
    an_invalid_vaddr_is_a_mapping_s,
    invalid_vaddrs_are_counted,
    what_is_marked_is_invalid,
    nothing_is_marked_without_the_lock,
    nothing_marked_is_removed("unmap_dma", "unmap_all", "detach_group"),
)
CLAIMS_OF_PINS = (
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    what_is_translated_is_mapped,
    what_is_mapped_is_translated,
    mappings_made_and_left_add_up,
    a_mapping_has_a_payer,
    charges_add_up,
    nothing_is_counted_without_the_lock,
    every_address_is_valid,
    what_is_pinned_is_mapped,
    pins_are_counted,
    who_goes_on_has_its_lock,
    every_call_is_on_the_container,
    who_removes_nothing_counts_nothing,
    one_thread_has_each_lock,
    nothing_but_a_bug_stops_the_kernel,
)
CLAIMS_OF_DIRTY_PAGES = (
    *(one for one in _OF_MAPPINGS if one is not a_mapping_lies_in_one_valid_range),
    every_address_is_valid,
    *removals_have_the_lock(*UNMAPS_TRACKED),
    what_is_being_unmapped_is_bisected_by_nothing,
    what_is_told_and_unmapped_is_bisected_by_nothing,
    what_a_group_keeps_is_mapped,
    who_is_confined_pins_first,
    what_is_dirty_is_tracked_and_mapped,
    what_a_group_keeps_is_dirty,
    what_was_written_will_be_told,
    nobody_keeps_what_is_being_unmapped,
    the_last_group_is_alone_while_it_leaves,
)
