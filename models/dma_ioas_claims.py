"""What holds the areas of IO address spaces together: helper invariants of `dma-ioas` and `dma-ioas-compat`."""

from tenure.models.dma_claims import a_listed_mapping_has_its_ends, mappings_of_one_address_space_are_disjoint
from tenure.models.dma_ioas import is_there
from tenure.models.dma_ioas_compat import found
from tenure.models.dma_type1 import first, last, listed, within
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, implies


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


CLAIMS = (
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    an_area_is_in_an_address_space_that_is_there,
)

COMPAT_CLAIMS = (*CLAIMS, a_look_up_finds_the_area_that_has_the_address)
