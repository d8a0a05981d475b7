"""What holds the areas of IO address spaces together: helper invariants of `dma-ioas` and `dma-ioas-compat`."""

from itertools import product

from tenure.models.cdev_fields import attached_to
from tenure.models.dma_claims import a_listed_mapping_has_its_ends, mappings_of_one_address_space_are_disjoint
from tenure.models.dma_ioas import allowed, is_there
from tenure.models.dma_ioas_accesses import is_held_by, is_told, prevents, unpins_in
from tenure.models.dma_ioas_compat import found
from tenure.models.dma_ioas_copies import charges, has_ends, is_used, pinned, shares
from tenure.models.dma_ioas_devices import begins_page, ends_page, has_devices, is_reserved
from tenure.models.dma_type1 import first, last, listed, within
from tenure.models.dma_type1_pins import lets_go
from tenure.models.dma_type1_pins import pinned as pinned_at
from tenure.vocabulary.objects import ADDRESS, DEVICE, IOPT_PAGES, MAPPING, TABLE, THREAD
from tenure.vocabulary.observables import COPY_REQUEST
from tenure.vocabulary.systems import claim, kept_with
from tenure.vocabulary.terms import Term, both, either, frame, implies, in_flight, is_none, no, some, stands, when


@claim(mapping=MAPPING, table=TABLE)
def an_area_is_in_an_address_space_that_is_there(mapping: Term, table: Term) -> Term:
    """An IO address space with areas is there."""
    return implies(listed[mapping] == table, is_there[table])


@claim(table=TABLE, address=ADDRESS, mapping=MAPPING)
def a_look_up_finds_the_area_that_has_the_address(table: Term, address: Term, mapping: Term) -> Term:
    """What a look-up finds is the area that has the address, and any area that has it is found."""
    has_it = both(listed[mapping] == table, within(address, first[mapping], last[mapping]))
    finds = found[table, address] == mapping
    return both(implies(has_it, finds), implies(finds, has_it))


@claim(device=DEVICE, table=TABLE)
def a_device_is_attached_to_an_address_space_that_is_there(device: Term, table: Term) -> Term:
    """An IO address space with devices is there."""
    return implies(attached_to[device] == table, is_there[table])


@claim(table=TABLE, address=ADDRESS)
def no_address_is_allowed_and_reserved(table: Term, address: Term) -> Term:
    """The allowed_itree and the reserved_itree have no address in common."""
    return implies(allowed[table, address], no(is_reserved(table, address)))


@claim(mapping=MAPPING, table=TABLE, address=ADDRESS)
def no_area_has_a_reserved_address(mapping: Term, table: Term, address: Term) -> Term:
    """What an attached device reserves is in no area."""
    has_it = both(listed[mapping] == table, within(address, first[mapping], last[mapping]))
    return implies(has_it, no(is_reserved(table, address)))


@claim(mapping=MAPPING, table=TABLE)
def areas_beside_a_device_are_whole_pages(mapping: Term, table: Term) -> Term:
    """Where a device is attached, an area begins with a page and ends with one."""
    whole = both(begins_page[first[mapping]], ends_page[last[mapping]])
    return implies(both(listed[mapping] == table, has_devices(table)), whole)


@claim(pages=IOPT_PAGES, page=ADDRESS)
def what_a_device_may_reach_is_pinned(pages: Term, page: Term) -> Term:
    """A page is pinned exactly where an area of an IO address space with a device leads to it."""
    return both(implies(is_used(pages, page), pinned[pages, page]), implies(pinned[pages, page], is_used(pages, page)))


@claim(pages=IOPT_PAGES, page=ADDRESS)
def what_is_pinned_is_charged_once(pages: Term, page: Term) -> Term:
    """A page that is pinned is charged once, and no other is."""
    return charges[pages, page] == when(pinned[pages, page], 1, 0)


@claim(mapping=MAPPING)
def only_an_area_refers_to_a_pages_object(mapping: Term) -> Term:
    """An area that is in no IO address space has no pages object."""
    return implies(is_none(listed[mapping]), is_none(shares[mapping]))


_COPIES = ("ioas_copy_fixed", "ioas_copy")


def _made_by(thread: Term, call: str) -> Term:
    return frame(thread, call, "made", MAPPING)


@claim(thread=THREAD)
def the_area_of_a_copy_under_way_is_not_there(thread: Term) -> Term:
    """What a copy that has its source is going to make has a name, and is in no IO address space."""
    made = [(stands(thread, f"{c}.map"), _made_by(thread, c)) for c in _COPIES]
    return both(*(implies(standing, both(no(is_none(m)), is_none(listed[m]))) for standing, m in made))


@claim(thread=THREAD, other=THREAD)
def two_copies_under_way_make_two_areas(thread: Term, other: Term) -> Term:
    """No two calls are going to make one area."""
    return both(
        *(
            implies(
                both(stands(thread, f"{a}.map"), stands(other, f"{b}.map"), _made_by(thread, a) == _made_by(other, b)),
                thread == other,
            )
            for a, b in product(_COPIES, repeat=2)
        )
    )


@claim(thread=THREAD)
def where_a_copy_under_way_comes_to_is_a_range(thread: Term) -> Term:
    """A copy that has its source goes to a range that begins no later than it ends, if it does not wrap."""
    name = "ioas_copy_fixed"
    request = frame(thread, name, "request", COPY_REQUEST)
    begin, length = (frame(thread, name, one, ADDRESS) for one in ("begin", "length"))
    named = both(no(is_none(begin)), no(is_none(length)))
    ordered = both(request == "range", named, has_ends(begin, length))
    return implies(stands(thread, f"{name}.map"), either(ordered, request == "wraps"))


@claim(device=DEVICE, table=TABLE)
def an_access_unpins_in_an_address_space_that_is_there(device: Term, table: Term) -> Term:
    """An IO address space that an access has not left is there."""
    return implies(unpins_in[device] == table, is_there[table])


@claim(device=DEVICE)
def an_access_pins_where_it_unpins(device: Term) -> Term:
    """What an access is attached to, it also unpins from; one that is just leaving is attached to nothing."""
    return either(is_none(attached_to[device]), attached_to[device] == unpins_in[device])


@claim(device=DEVICE, address=ADDRESS)
def a_pinned_page_is_of_an_area(device: Term, address: Term) -> Term:
    """An area of the IO address space in which the driver unpins has the address."""

    def has_it(mapping: Term) -> Term:
        return both(listed[mapping] == unpins_in[device], within(address, first[mapping], last[mapping]))

    return implies(pinned_at[device, address], both(no(is_none(unpins_in[device])), some(MAPPING, has_it)))


@claim(mapping=MAPPING)
def only_an_area_that_is_there_is_shut(mapping: Term) -> Term:
    """No other has `prevent_access`."""
    return implies(prevents[mapping], no(is_none(listed[mapping])))


_LEAVING = ("attach", "detach")


def _leaves(thread: Term, call: str, device: Term) -> Term:
    """The thread has the dev_set.lock of a device whose access is just leaving."""
    return both(stands(thread, f"{call}.leave"), frame(thread, call, "device", DEVICE) == device)


@claim(thread=THREAD, device=DEVICE)
def an_access_that_leaves_is_attached_to_nothing(thread: Term, device: Term) -> Term:
    """From the moment its driver is told that all goes, until all is gone."""
    leaves = either(*(_leaves(thread, c, device) for c in _LEAVING))
    return implies(leaves, both(is_none(attached_to[device]), no(is_none(unpins_in[device]))))


@claim(thread=THREAD, other=THREAD, device=DEVICE)
def one_call_at_a_time_has_an_access_leave(thread: Term, other: Term, device: Term) -> Term:
    """The dev_set.lock is one."""
    both_leave = (both(_leaves(thread, a, device), _leaves(other, b, device)) for a, b in product(_LEAVING, repeat=2))
    return implies(either(*both_leave), thread == other)


@claim(thread=THREAD, table=TABLE)
def an_access_moves_to_an_address_space_that_is_there(thread: Term, table: Term) -> Term:
    """The call has looked it up, and nobody destroys it meanwhile."""
    moves = both(stands(thread, "attach.leave"), frame(thread, "attach", "table", TABLE) == table)
    return implies(moves, is_there[table])


_UNMAPS = ("ioas_unmap", "ioas_unmap_all")


@claim(thread=THREAD, mapping=MAPPING)
def what_drivers_are_told_of_is_shut(thread: Term, mapping: Term) -> Term:
    """As long as the area is there it has `prevent_access`, its ends are those that drivers are told, and nobody calls another so."""

    def told(call: str) -> Term:
        ends = (frame(thread, call, name, ADDRESS.maybe) for name in ("begin", "end"))
        begin, end = ends
        of_table = frame(thread, call, "table", TABLE) == listed[mapping]
        stays = both(prevents[mapping], begin == first[mapping], end == last[mapping], of_table)
        names = both(stands(thread, f"{call}.callback"), frame(thread, call, "told", MAPPING.maybe) == mapping)
        return implies(both(names, no(is_none(listed[mapping]))), stays)

    return both(*map(told, _UNMAPS))


@claim(thread=THREAD)
def only_who_has_drivers_told_keeps_an_area(thread: Term) -> Term:
    """Before and after, no call keeps one."""
    told = frame(thread, _UNMAPS[0], "told", MAPPING.maybe)  # that of the other stands where this one does
    return either(stands(thread, *(f"{c}.callback" for c in _UNMAPS)), is_none(told))


@claim(mapping=MAPPING)
def an_area_of_which_drivers_are_told_is_shut(mapping: Term) -> Term:
    """Nobody can pin a page of it."""
    return implies(is_told(mapping), prevents[mapping])


@kept_with(
    mappings_of_one_address_space_are_disjoint,
    an_access_pins_where_it_unpins,
    only_an_area_that_is_there_is_shut,
    what_drivers_are_told_of_is_shut,
    only_who_has_drivers_told_keeps_an_area,
)
@claim(device=DEVICE, mapping=MAPPING)
def who_lets_go_has_a_page_of_a_shut_area_only_until_told(device: Term, mapping: Term) -> Term:
    """Some unmap is still at it."""
    has = both(prevents[mapping], lets_go[device], is_held_by(device, mapping))
    return implies(has, in_flight(mapping))


CLAIMS = (
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    an_area_is_in_an_address_space_that_is_there,
)

COMPAT_CLAIMS = (*CLAIMS, a_look_up_finds_the_area_that_has_the_address)

DEVICE_CLAIMS = (
    *CLAIMS,
    a_device_is_attached_to_an_address_space_that_is_there,
    no_address_is_allowed_and_reserved,
    no_area_has_a_reserved_address,
    areas_beside_a_device_are_whole_pages,
)

COPY_CLAIMS = (
    *CLAIMS,
    a_device_is_attached_to_an_address_space_that_is_there,
    what_a_device_may_reach_is_pinned,
    what_is_pinned_is_charged_once,
    only_an_area_refers_to_a_pages_object,
    the_area_of_a_copy_under_way_is_not_there,
    two_copies_under_way_make_two_areas,
    where_a_copy_under_way_comes_to_is_a_range,
)

ACCESS_CLAIMS = (
    *CLAIMS,
    an_access_unpins_in_an_address_space_that_is_there,
    an_access_pins_where_it_unpins,
    a_pinned_page_is_of_an_area,
    only_an_area_that_is_there_is_shut,
    an_access_that_leaves_is_attached_to_nothing,
    one_call_at_a_time_has_an_access_leave,
    an_access_moves_to_an_address_space_that_is_there,
    what_drivers_are_told_of_is_shut,
    only_who_has_drivers_told_keeps_an_area,
    an_area_of_which_drivers_are_told_is_shut,
    who_lets_go_has_a_page_of_a_shut_area_only_until_told,
)
