"""What holds areas together while calls make and take them step by step: helper invariants of `dma-ioas:building`."""

from itertools import product

from tenure.models.dma_ioas_building import is_filled, is_unfinished, missing, stage, workers
from tenure.models.dma_ioas_claims import (
    CLAIMS,
    a_device_is_attached_to_an_address_space_that_is_there,
    a_look_up_finds_the_area_that_has_the_address,
)
from tenure.models.dma_ioas_devices import has_devices
from tenure.models.dma_type1 import first, last, listed, translation, within
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE, THREAD
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, frame, implies, in_flight, is_none, no, stands, when

_HANDS = (
    *(
        (call, "made", step, at)
        for call in ("ioas_map_fixed", "ioas_map")
        for step, at in (("fill", "inserted"), ("publish", "filled"), ("abort", "inserted"))
    ),
    *(
        (call, "taken", step, at)
        for call in ("ioas_unmap", "ioas_unmap_all")
        for step, at in (("unfill", "taken"), ("remove", "emptied"))
    ),
)
"""The steps before which a call has an area in hand: the call, the name of the area, the step, how far the area is."""


_KEPT = tuple(dict.fromkeys(one[:2] for one in _HANDS))
"""The calls that ever have one, and the name of it."""


@claim(mapping=MAPPING)
def what_is_in_no_address_space_is_at_no_stage(mapping: Term) -> Term:
    """An area is at some stage exactly while it is in an IO address space."""
    nowhere, at_none = is_none(listed[mapping]), stage[mapping] == "none"
    return both(implies(nowhere, at_none), implies(at_none, nowhere))


@claim(mapping=MAPPING)
def an_area_in_hand_is_in_one(mapping: Term) -> Term:
    """As many calls have an area in hand as it needs: one while it has no pages."""
    return workers[mapping] == when(is_unfinished(mapping), 1, 0)


@claim(mapping=MAPPING)
def an_area_without_its_pages_is_in_some_hand(mapping: Term) -> Term:
    """A call that makes it or takes it is under way."""
    return implies(is_unfinished(mapping), in_flight(mapping))


@claim(thread=THREAD)
def what_a_call_has_in_hand_is_as_far_as_the_call(thread: Term) -> Term:
    """Its area is in the IO address space on which it works, at the stage that its next step goes on from."""
    cases = []
    for call, name, step, at in _HANDS:
        mine = frame(thread, call, name, MAPPING)
        there = both(no(is_none(listed[mine])), listed[mine] == frame(thread, call, "table", TABLE))
        cases.append(implies(stands(thread, f"{call}.{step}"), both(no(is_none(mine)), there, stage[mine] == at)))
    return both(*cases)


@claim(thread=THREAD)
def who_has_an_area_in_hand_makes_or_takes_it(thread: Term) -> Term:
    """Before any other step a call has none."""
    at_work = stands(thread, *(f"{call}.{step}" for call, _, step, _ in _HANDS))
    return both(*(implies(no(is_none(frame(thread, c, n, MAPPING))), at_work) for c, n in _KEPT))


@claim(thread=THREAD)
def an_unmap_under_way_is_of_an_address_space(thread: Term) -> Term:
    """What it has looked up is some IO address space."""
    looks = ((c, stands(thread, f"{c}.select")) for c in ("ioas_unmap", "ioas_unmap_all"))
    return both(*(implies(standing, no(is_none(frame(thread, c, "table", TABLE)))) for c, standing in looks))


@claim(thread=THREAD, other=THREAD)
def two_calls_have_two_areas_in_hand(thread: Term, other: Term) -> Term:
    """No area is in the hands of two calls."""
    pairs = ((frame(thread, *one, MAPPING), frame(other, *two, MAPPING)) for one, two in product(_KEPT, repeat=2))
    return both(*(implies(both(no(is_none(a)), a == b), thread == other) for a, b in pairs))


@claim(table=TABLE, address=ADDRESS, mapping=MAPPING)
def what_is_translated_is_what_is_filled(table: Term, address: Term, mapping: Term) -> Term:
    """A page table has an area while a device is attached and the area is filled, and nothing else; its memory is there."""
    there = both(listed[mapping] == table, has_devices(table), is_filled(mapping))
    due = both(there, within(address, first[mapping], last[mapping]))
    translated = translation[table, address] == mapping
    return both(implies(due, translated), implies(translated, both(due, no(missing[mapping]))))


BUILDING_CLAIMS = (
    *CLAIMS,
    a_device_is_attached_to_an_address_space_that_is_there,
    a_look_up_finds_the_area_that_has_the_address,
    what_is_in_no_address_space_is_at_no_stage,
    an_area_in_hand_is_in_one,
    an_area_without_its_pages_is_in_some_hand,
    what_a_call_has_in_hand_is_as_far_as_the_call,
    who_has_an_area_in_hand_makes_or_takes_it,
    an_unmap_under_way_is_of_an_address_space,
    two_calls_have_two_areas_in_hand,
    what_is_translated_is_what_is_filled,
)
