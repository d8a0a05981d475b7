"""What holds the areas of IO address spaces together: helper invariants of `dma-ioas` and `dma-ioas-compat`."""

from tenure.models.cdev_fields import attached_to
from tenure.models.dma_claims import a_listed_mapping_has_its_ends, mappings_of_one_address_space_are_disjoint
from tenure.models.dma_ioas import allowed, is_there
from tenure.models.dma_ioas_compat import found
from tenure.models.dma_ioas_devices import begins_page, ends_page, has_devices, is_reserved
from tenure.models.dma_type1 import first, last, listed, within
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, implies, no


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
