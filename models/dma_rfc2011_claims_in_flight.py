"""What holds the mappings of the RFC together while a call changes them."""

from dataclasses import dataclass

from tenure.models.dma_rfc2011 import (
    FAILURE,
    held,
    leads,
    leads_on,
    owner,
    page_number,
    parting,
    reserved,
    taken,
)
from tenure.models.dma_rfc2011_claims import holds
from tenure.models.dma_rfc2011_ways import after
from tenure.models.dma_type1 import charged, in_list, listed, may_exceed, overlaps, page_limit, position, within
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, TABLE, THREAD
from tenure.vocabulary.observables import DMA_REQUEST
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    either,
    frame,
    implies,
    is_none,
    no,
    some,
    stands,
)
from tenure.vocabulary.types import COUNT, Type

MAP = ("map_dma.pin", "map_dma.record", "map_dma.join", "map_dma.undo")
PINNING = ("map_dma.pin", "map_dma.record", "map_dma.undo")
JOINING = ("map_dma.join",)
UNMAP = ("unmap_dma.cut", "unmap_dma.unpin")
RELEASE = ("release_iommu.unpin",)


KINDS: dict[str, Type] = {
    **dict.fromkeys(("low", "high", "at"), ADDRESS),
    **dict.fromkeys(("made", "rest"), MAPPING),
    "table": TABLE,
    "to": PAGE,
    "behind": COUNT,
    "failure": FAILURE,
    "request": DMA_REQUEST,
}


@claim(thread=THREAD)
def who_changes_has_the_lock(thread: Term) -> Term:
    """A call that is changing an address space holds its lock."""
    steps = {"map_dma": MAP, "unmap_dma": UNMAP, "release_iommu": RELEASE}
    return both(
        *(
            implies(stands(thread, *at), taken[frame(thread, call, "table", TABLE)] == thread)
            for call, at in steps.items()
        )
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """What a call in flight keeps, as claims read it."""

    thread: Term
    call: str

    def __getattr__(self, name: str) -> Term:
        return frame(self.thread, self.call, name, KINDS[name])

    @property
    def count(self) -> Term:
        """How many pages are asked for."""
        return position[self.high] - position[self.low] + 1

    @property
    def so_far(self) -> Term:
        """How many of them are pinned."""
        return self.behind - page_number[self.to]

    def asks_for(self, address: Term) -> Term:
        """The address is in the range."""
        return within(address, self.low, self.high)

    def has_pinned(self, address: Term) -> Term:
        """The address is one of the first, whose pages are pinned."""
        start = position[self.low]
        return both(start <= position[address], position[address] < start + self.so_far)


def _is_mapped(table: Term, address: Term) -> Term:
    return some(MAPPING, lambda m: holds(table, m, address))


@claim(thread=THREAD)
def a_map_pins_page_by_page(thread: Term) -> Term:
    """While a MAP_DMA pins, its address is as far from the first one as there are pages pinned."""
    f = Frame(thread, "map_dma")
    ordered = both(f.count >= 1, no(after[f.high] == f.low), f.so_far >= 0, f.so_far <= f.count)
    reached = either(
        both(f.so_far < f.count, position[f.at] == position[f.low] + f.so_far, no(f.at == after[f.high])),
        both(f.so_far == f.count, f.at == after[f.high]),
    )
    whole = implies(stands(thread, "map_dma.record"), f.so_far == f.count)
    return implies(stands(thread, *PINNING), both(ordered, reached, whole))


@claim(thread=THREAD, mapping=MAPPING)
def a_map_pins_where_nothing_is_mapped(thread: Term, mapping: Term) -> Term:
    """No mapping has a part of the range for which pages are being pinned."""
    f = Frame(thread, "map_dma")
    here = both(stands(thread, *PINNING), in_list(f.table, mapping))
    return implies(here, no(overlaps(mapping, f.low, f.high)))


@claim(thread=THREAD, address=ADDRESS)
def what_is_pinned_leads_where_it_should(thread: Term, address: Term) -> Term:
    """An address whose page is pinned leads to it."""
    f = Frame(thread, "map_dma")
    right = leads[f.table, address] == page_number[f.to] + position[address] - position[f.low]
    return implies(both(stands(thread, *PINNING), f.has_pinned(address)), right)


@claim(thread=THREAD, address=ADDRESS)
def what_is_not_pinned_yet_leads_nowhere(thread: Term, address: Term) -> Term:
    """An address whose turn has not come leads nowhere."""
    f = Frame(thread, "map_dma")
    ahead = both(f.asks_for(address), no(f.has_pinned(address)))
    return implies(both(stands(thread, *PINNING), ahead), leads[f.table, address] == 0)


@claim(thread=THREAD)
def what_is_pinned_next_leads_nowhere(thread: Term) -> Term:
    """So does the address whose turn it is."""
    f = Frame(thread, "map_dma")
    goes_on = both(stands(thread, "map_dma.pin"), no(f.at == after[f.high]))
    return implies(goes_on, leads[f.table, f.at] == 0)


@claim(thread=THREAD, address=ADDRESS)
def what_else_leads_somewhere_is_mapped(thread: Term, address: Term) -> Term:
    """While a map goes on, what leads somewhere and is not pinned by it is mapped."""
    f = Frame(thread, "map_dma")
    led = leads[f.table, address] > 0
    pinned = both(stands(thread, *PINNING), led, no(f.has_pinned(address)))
    return implies(either(pinned, both(stands(thread, *JOINING), led)), _is_mapped(f.table, address))


@claim(thread=THREAD, address=ADDRESS)
def only_an_unmap_takes(thread: Term, address: Term) -> Term:
    """While a map goes on, or a release, nothing is being taken."""
    mapping, release = Frame(thread, "map_dma"), Frame(thread, "release_iommu")
    return both(
        implies(stands(thread, *MAP), no(parting[mapping.table, address])),
        implies(stands(thread, *RELEASE), no(parting[release.table, address])),
    )


@claim(thread=THREAD, mapping=MAPPING, other=MAPPING)
def only_what_is_made_goes_on(thread: Term, mapping: Term, other: Term) -> Term:
    """Until a map has become one with its neighbours, no other mapping goes on where one ends."""
    f = Frame(thread, "map_dma")
    two = both(in_list(f.table, mapping), in_list(f.table, other), leads_on(mapping, other))
    made = either(mapping == f.made, other == f.made)
    return both(
        no(both(stands(thread, *PINNING), two)),
        implies(both(stands(thread, *JOINING), two), made),
    )


@claim(thread=THREAD)
def what_is_made_is_listed_in_its_turn(thread: Term) -> Term:
    """The name that a caller gives to a new mapping is used by no other until it is."""
    f = Frame(thread, "map_dma")
    return both(
        implies(stands(thread, *PINNING), is_none(listed[f.made])),
        implies(stands(thread, *JOINING), listed[f.made] == f.table),
    )


@claim(thread=THREAD, mapping=MAPPING)
def the_rest_is_listed_in_its_turn(thread: Term, mapping: Term) -> Term:
    """While there is something to cut, the name for the other part of a mapping is unused."""
    f = Frame(thread, "unmap_dma")
    met = both(in_list(f.table, mapping), overlaps(mapping, f.low, f.high))
    return implies(both(stands(thread, "unmap_dma.cut"), met), is_none(listed[f.rest]))


@claim(thread=THREAD, other=THREAD)
def no_name_is_promised_twice(thread: Term, other: Term) -> Term:
    """Two calls in flight have been given different names."""
    names: list[tuple[tuple[str, ...], Term, Term]] = [
        (MAP, Frame(thread, "map_dma").made, Frame(other, "map_dma").made)
    ]
    names += [(UNMAP, Frame(thread, "unmap_dma").rest, Frame(other, "unmap_dma").rest)]
    return both(
        *(
            implies(both(stands(thread, *steps), stands(other, *more), mine == theirs), thread == other)
            for steps, mine, _ in names
            for more, _, theirs in names
        )
    )


@claim(thread=THREAD)
def an_unmap_goes_through_its_range(thread: Term) -> Term:
    """While an UNMAP_DMA unmaps, its address is in the range, or the one after it."""
    f = Frame(thread, "unmap_dma")
    proper = both(no(f.request == "empty"), no(f.request == "wraps"), f.count >= 1, no(after[f.high] == f.low))
    reached = either(f.asks_for(f.at), f.at == after[f.high])
    return both(implies(stands(thread, *UNMAP), proper), implies(stands(thread, "unmap_dma.unpin"), reached))


@claim(thread=THREAD, address=ADDRESS)
def what_an_unmap_takes_is_unmapped(thread: Term, address: Term) -> Term:
    """What leads somewhere is mapped, or being taken; what is being taken is in the range, and in no mapping."""
    f = Frame(thread, "unmap_dma")
    goes = parting[f.table, address]
    either_way = implies(leads[f.table, address] > 0, either(_is_mapped(f.table, address), goes))
    ahead = both(no(f.at == after[f.high]), position[f.at] <= position[address])
    return both(
        implies(stands(thread, *UNMAP), both(either_way, implies(goes, f.asks_for(address)))),
        implies(both(stands(thread, "unmap_dma.unpin"), goes), ahead),
    )


@claim(thread=THREAD, mapping=MAPPING, address=ADDRESS)
def what_an_unmap_takes_is_in_no_mapping(thread: Term, mapping: Term, address: Term) -> Term:
    """What is being taken is in no mapping."""
    f = Frame(thread, "unmap_dma")
    here = both(stands(thread, *UNMAP), holds(f.table, mapping, address))
    return implies(here, no(parting[f.table, address]))


@claim(thread=THREAD, mapping=MAPPING)
def what_is_cut_is_out_of_the_range(thread: Term, mapping: Term) -> Term:
    """Once everything is cut, no mapping has a part of the range."""
    f = Frame(thread, "unmap_dma")
    here = both(stands(thread, "unmap_dma.unpin"), in_list(f.table, mapping))
    return implies(here, no(overlaps(mapping, f.low, f.high)))


@claim(thread=THREAD, mapping=MAPPING, other=MAPPING)
def an_unmap_leaves_no_mapping_that_goes_on(thread: Term, mapping: Term, other: Term) -> Term:
    """The parts of a mapping do not touch, for what is between them is taken."""
    f = Frame(thread, "unmap_dma")
    two = both(in_list(f.table, mapping), in_list(f.table, other), stands(thread, *UNMAP))
    return implies(two, no(leads_on(mapping, other)))


@claim(thread=THREAD, mapping=MAPPING)
def a_release_leaves_no_mapping(thread: Term, mapping: Term) -> Term:
    """While a release unmaps, nothing is mapped."""
    f = Frame(thread, "release_iommu")
    return implies(stands(thread, *RELEASE), no(in_list(f.table, mapping)))


@claim(thread=THREAD, address=ADDRESS)
def a_release_goes_upwards(thread: Term, address: Term) -> Term:
    """While a release unmaps, what leads somewhere is still ahead."""
    f = Frame(thread, "release_iommu")
    ahead = implies(leads[f.table, address] > 0, position[f.at] <= position[address])
    return implies(stands(thread, *RELEASE), ahead)


@claim(thread=THREAD)
def a_call_in_flight_was_given_what_it_needs(thread: Term) -> Term:
    """What a call keeps is there, and what is asked for wrongly goes no further than its tests."""
    f, g, h = Frame(thread, "map_dma"), Frame(thread, "unmap_dma"), Frame(thread, "release_iommu")

    def given(*kept: Term) -> Term:
        return both(*(no(is_none(one)) for one in kept))

    wrong = ("empty", "wraps", "misaligned", "unknown")
    return both(
        implies(stands(thread, *MAP), both(given(f.table, f.made), no(choice_is(f.request, *wrong, "no memory")))),
        implies(stands(thread, *PINNING), given(f.low, f.high, f.to, f.at)),
        implies(stands(thread, *JOINING), no(f.request == "unwritable")),
        implies(
            stands(thread, *UNMAP),
            both(given(g.table, g.low, g.high, g.rest), no(choice_is(g.request, *wrong, "unwritable"))),
        ),
        implies(stands(thread, "unmap_dma.unpin"), given(g.at)),
        implies(stands(thread, *RELEASE), given(h.table, h.at)),
    )


@claim(thread=THREAD)
def a_map_that_is_over_the_limit_would_cost_something(thread: Term) -> Term:
    """Where the limit stopped a map, some page of its memory is neither reserved nor charged."""
    f = Frame(thread, "map_dma")

    def costs(page: Term) -> Term:
        numbered = both(page_number[f.to] <= page_number[page], page_number[page] < page_number[f.to] + f.count)
        return both(numbered, no(reserved[page]), no(held[owner[f.table], page]))

    stopped = both(stands(thread, "map_dma.undo"), f.failure == "ENOMEM")
    return implies(stopped, some(PAGE, costs))


@claim(thread=THREAD)
def a_map_that_was_let_in_stays_within_the_limit(thread: Term) -> Term:
    """Where every page of the range was counted first, each that is left may still be charged, and no map is undone for the limit."""
    f = Frame(thread, "map_dma")
    process = owner[f.table]
    within_it = charged[process] + f.count - f.so_far <= page_limit[process]
    return both(
        implies(stands(thread, "map_dma.pin"), either(may_exceed[process], within_it)),
        implies(stands(thread, "map_dma.undo"), no(f.failure == "ENOMEM")),
    )


CLAIMS = (
    who_changes_has_the_lock,
    a_call_in_flight_was_given_what_it_needs,
    a_map_pins_page_by_page,
    a_map_pins_where_nothing_is_mapped,
    what_is_pinned_leads_where_it_should,
    what_is_not_pinned_yet_leads_nowhere,
    what_is_pinned_next_leads_nowhere,
    what_else_leads_somewhere_is_mapped,
    only_an_unmap_takes,
    only_what_is_made_goes_on,
    what_is_made_is_listed_in_its_turn,
    the_rest_is_listed_in_its_turn,
    no_name_is_promised_twice,
    an_unmap_goes_through_its_range,
    what_an_unmap_takes_is_unmapped,
    what_an_unmap_takes_is_in_no_mapping,
    what_is_cut_is_out_of_the_range,
    an_unmap_leaves_no_mapping_that_goes_on,
    a_release_leaves_no_mapping,
    a_release_goes_upwards,
    a_map_that_is_over_the_limit_would_cost_something,
)
