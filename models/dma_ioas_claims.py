"""What holds the areas of IO address spaces together: helper invariants of `dma-ioas`."""

from tenure.models.dma_claims import a_listed_mapping_has_its_ends, mappings_of_one_address_space_are_disjoint
from tenure.models.dma_ioas import is_there
from tenure.models.dma_type1 import listed
from tenure.vocabulary.objects import MAPPING, TABLE
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, implies


@claim(mapping=MAPPING, table=TABLE)
def an_area_is_in_an_address_space_that_is_there(mapping: Term, table: Term) -> Term:
    """An IO address space with areas is there."""
    return implies(listed[mapping] == table, is_there[table])


CLAIMS = (
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    an_area_is_in_an_address_space_that_is_there,
)
