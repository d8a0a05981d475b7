"""The systems of the RFC's mappings: as meant, and one for each defect that an order of addresses can show."""

from tenure.models import dma_claims, dma_rfc2011, dma_rfc2011_map, dma_rfc2011_unmap, dma_type1
from tenure.models import dma_rfc2011_claims as claims
from tenure.models import dma_rfc2011_claims_in_flight as in_flight
from tenure.models.dma_rfc2011_keeping import kept
from tenure.models.dma_rfc2011_ways import DEFECTS, MEANT, Ways
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import either, is_none, no

DEFINITIONS: tuple[Definition, ...] = (
    shows(seen.address_position, lambda a: dma_type1.position[a]),
    shows(seen.mapping_listed, lambda m: dma_type1.listed[m]),
    shows(seen.mapping_first, lambda m: dma_type1.first[m]),
    shows(seen.mapping_last, lambda m: dma_type1.last[m]),
    shows(seen.mapping_access, lambda m: dma_type1.access[m]),
    shows(seen.mapping_memory, lambda m: dma_rfc2011.memory[m]),
    shows(seen.address_leads, lambda t, a: dma_rfc2011.leads[t, a]),
    shows(seen.space_at_rest, lambda t: is_none(dma_rfc2011.taken[t])),
    shows(seen.space_process, lambda t: dma_rfc2011.owner[t]),
    shows(seen.page_number, lambda pg: dma_rfc2011.page_number[pg]),
    shows(seen.page_reserved, lambda pg: dma_rfc2011.reserved[pg]),
    shows(seen.page_charged, lambda p, pg: dma_rfc2011.held[p, pg]),
    shows(seen.pages_charged, lambda p: dma_type1.charged[p]),
    shows(seen.pages_most, lambda p: dma_type1.page_limit[p]),
    shows(seen.pages_unlimited, lambda p: dma_type1.may_exceed[p]),
)

TITLES = {
    "D-G1-01": "a mapping that ends at the top is never found",
    "D-G1-02": "a map that goes on at 0 is not refused",
    "D-G1-03": "an unmap takes the bytes that went from the pages that are left",
    "D-G1-07": "an unmap of no bytes splits",
    "D-G1-08": "an unmap that goes on at 0 is not refused",
    "D-G1-09": "frame 0 is taken for no translation",
    "D-G1-10": "the limit counts reserved pages",
    "D-G1-11": "a page is charged for each address that leads to it",
    "D-G1-16": "the entry is made after the translation",
    "D-G1-27": "unknown flags and short arguments are accepted",
    "D-G1-28": "coalescing does not find what ends at the top",
    "D-G1-31": "the arguments are written back after the call took effect",
}


CLAIMS = (*claims.CLAIMS, *in_flight.CLAIMS)

BROKEN: dict[str, tuple[Claim, ...]] = {
    "": CLAIMS,
    "D-G1-01": (in_flight.what_is_cut_is_out_of_the_range,),
    "D-G1-02": (dma_claims.a_listed_mapping_has_its_ends,),
    "D-G1-03": (in_flight.what_is_cut_is_out_of_the_range,),
    "D-G1-07": (claims.no_mapping_continues_another_at_rest,),
    "D-G1-08": (dma_claims.mappings_of_one_address_space_are_disjoint,),
    "D-G1-09": (claims.what_leads_somewhere_is_mapped_at_rest,),
    "D-G1-10": (*CLAIMS, in_flight.a_map_that_was_let_in_stays_within_the_limit),
    "D-G1-11": (claims.charges_are_counted,),
    "D-G1-16": (in_flight.a_call_in_flight_was_given_what_it_needs,),
    "D-G1-27": (in_flight.a_call_in_flight_was_given_what_it_needs,),
    "D-G1-28": (claims.no_mapping_continues_another_at_rest,),
    "D-G1-31": (in_flight.a_call_in_flight_was_given_what_it_needs,),
}
"""What is claimed of each: all that holds what was meant together; of a defect the claim that it breaks, which searches refute.

A limit that counts too much breaks none, and takes one more: so it is proved to break nothing but PAY-3.
"""


def _callers(variant: str, calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """What is not tested before the arithmetic of words is asked for in one form at a time."""
    unused = {"D-G1-02": ("empty", "wraps"), "D-G1-07": ("wraps",), "D-G1-08": ("empty",)}.get(variant, ())

    def spared(one: Call) -> Call:
        request = one.parameter("request")
        return one.requiring(no(either(*(request == form for form in unused))))

    return tuple(spared(one) if one.name == "unmap_dma" and unused else one for one in calls)


def _calls(ways: Ways) -> tuple[Call, ...]:
    """The calls, done in these ways."""
    return (dma_rfc2011_map.map_dma_in(ways), dma_rfc2011_unmap.unmap_dma_in(ways), dma_rfc2011_unmap.release_in(ways))


def _system(variant: str, title: str, ways: Ways) -> System:
    return System(
        name="dma-rfc2011",
        variant=variant,
        title=title,
        source="drivers/vfio/vfio_iommu.c, RFC of November 2011",
        calls=_callers(variant, _calls(ways)),
        definitions=DEFINITIONS,
        claims=kept(BROKEN[variant]),
        initially=claims.INITIALLY,
    )


SYSTEMS = (
    _system("", "the mappings of the RFC as meant: an unmap splits, a map becomes one with what leads on", MEANT),
    *(_system(variant, TITLES[variant], ways) for variant, ways in DEFECTS.items()),
)
