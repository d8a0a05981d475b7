"""What keeps pages of emulated devices and their mappings together: helper invariants of `dma-type1-v2:pins`."""

from tenure.models.dma_claims import (
    a_listed_mapping_has_its_ends,
    charges_add_up,
    every_address_is_valid,
    mappings_made_and_left_add_up,
    mappings_of_one_address_space_are_disjoint,
    nothing_is_counted_without_the_lock,
    what_is_mapped_is_translated,
    what_is_translated_is_mapped,
)
from tenure.models.dma_type1 import listed, locked, payer, translation, unmapped
from tenure.models.dma_type1_pins import UNMAPS, container, list_locked, pinned, references, registered
from tenure.models.harm import harm
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE, THREAD
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
    number_of,
    stands,
)


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
