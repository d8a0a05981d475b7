"""How each claim of the RFC's mappings is kept: by which others, so that nobody has to look for them."""

from dataclasses import replace

from tenure.models import dma_claims
from tenure.models import dma_rfc2011_claims as at_rest
from tenure.models import dma_rfc2011_claims_in_flight as in_flight
from tenure.vocabulary.systems import Claim, kept_with

IN_ORDER = (
    at_rest.every_address_has_a_number,
    at_rest.every_address_is_followed,
    at_rest.every_address_is_preceded,
)

KEPT: tuple[Claim, ...] = (
    kept_with(
        *IN_ORDER,
        in_flight.who_changes_has_the_lock,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.a_map_pins_page_by_page,
        at_rest.addresses_have_numbers_of_their_own,
    )(in_flight.what_is_pinned_leads_where_it_should),
    kept_with(
        *IN_ORDER,
        at_rest.what_leads_somewhere_is_mapped_at_rest,
        at_rest.what_leads_somewhere_leads_to_a_page,
        in_flight.who_changes_has_the_lock,
        in_flight.a_map_pins_page_by_page,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
    )(in_flight.what_is_not_pinned_yet_leads_nowhere),
    kept_with(
        at_rest.every_address_has_a_number,
        at_rest.every_address_is_followed,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.who_changes_has_the_lock,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.a_map_pins_page_by_page,
        in_flight.what_is_not_pinned_yet_leads_nowhere,
        at_rest.what_leads_somewhere_is_mapped_at_rest,
        at_rest.what_leads_somewhere_leads_to_a_page,
    )(in_flight.what_is_pinned_next_leads_nowhere),
    kept_with(
        *IN_ORDER,
        at_rest.what_leads_somewhere_is_mapped_at_rest,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.a_map_pins_page_by_page,
        in_flight.what_is_made_is_listed_in_its_turn,
        in_flight.who_changes_has_the_lock,
        dma_claims.a_listed_mapping_has_its_ends,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.the_rest_is_listed_in_its_turn,
    )(in_flight.what_else_leads_somewhere_is_mapped),
    kept_with(at_rest.what_leads_somewhere_is_mapped_at_rest, in_flight.who_changes_has_the_lock)(
        in_flight.only_an_unmap_takes
    ),
    kept_with(in_flight.who_changes_has_the_lock, at_rest.no_mapping_continues_another_at_rest)(
        in_flight.only_what_is_made_goes_on
    ),
    kept_with(
        *IN_ORDER,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.a_map_pins_page_by_page,
        in_flight.the_rest_is_listed_in_its_turn,
    )(dma_claims.a_listed_mapping_has_its_ends),
    kept_with(
        *IN_ORDER,
        in_flight.an_unmap_goes_through_its_range,
        in_flight.a_map_pins_where_nothing_is_mapped,
        dma_claims.a_listed_mapping_has_its_ends,
    )(dma_claims.mappings_of_one_address_space_are_disjoint),
    kept_with(
        at_rest.pages_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        at_rest.every_address_has_a_number,
        at_rest.every_address_is_followed,
    )(at_rest.behind_a_mapping_there_is_memory),
    kept_with(
        *IN_ORDER,
        in_flight.a_map_pins_page_by_page,
        in_flight.what_is_pinned_leads_where_it_should,
        at_rest.behind_a_mapping_there_is_memory,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.a_map_pins_where_nothing_is_mapped,
        in_flight.what_an_unmap_takes_is_in_no_mapping,
        in_flight.a_release_leaves_no_mapping,
    )(at_rest.what_is_mapped_leads_where_it_should),
    kept_with(
        in_flight.what_is_made_is_listed_in_its_turn,
        in_flight.what_else_leads_somewhere_is_mapped,
        in_flight.only_an_unmap_takes,
        in_flight.a_map_pins_page_by_page,
        in_flight.what_an_unmap_takes_is_unmapped,
        at_rest.every_address_has_a_number,
        at_rest.every_address_is_followed,
        at_rest.addresses_have_numbers_of_their_own,
        at_rest.pages_have_numbers_of_their_own,
        in_flight.a_release_goes_upwards,
        at_rest.what_leads_somewhere_leads_to_a_page,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.who_changes_has_the_lock,
        dma_claims.a_listed_mapping_has_its_ends,
        in_flight.the_rest_is_listed_in_its_turn,
    )(at_rest.what_leads_somewhere_is_mapped_at_rest),
    kept_with(
        in_flight.who_changes_has_the_lock,
        in_flight.only_what_is_made_goes_on,
        in_flight.a_release_leaves_no_mapping,
        in_flight.an_unmap_leaves_no_mapping_that_goes_on,
    )(at_rest.no_mapping_continues_another_at_rest),
    kept_with(in_flight.who_changes_has_the_lock)(in_flight.a_map_pins_where_nothing_is_mapped),
    kept_with(
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.no_name_is_promised_twice,
        dma_claims.a_listed_mapping_has_its_ends,
        in_flight.who_changes_has_the_lock,
    )(in_flight.what_is_made_is_listed_in_its_turn),
    kept_with(
        *IN_ORDER,
        in_flight.who_changes_has_the_lock,
        in_flight.no_name_is_promised_twice,
        dma_claims.mappings_of_one_address_space_are_disjoint,
        in_flight.an_unmap_goes_through_its_range,
    )(in_flight.the_rest_is_listed_in_its_turn),
    kept_with(
        *IN_ORDER,
        in_flight.what_is_made_is_listed_in_its_turn,
        in_flight.who_changes_has_the_lock,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.the_rest_is_listed_in_its_turn,
        at_rest.addresses_have_numbers_of_their_own,
        at_rest.what_leads_somewhere_leads_to_a_page,
        at_rest.what_leads_somewhere_is_mapped_at_rest,
        in_flight.an_unmap_goes_through_its_range,
    )(in_flight.what_an_unmap_takes_is_unmapped),
    kept_with(
        *IN_ORDER,
        dma_claims.mappings_of_one_address_space_are_disjoint,
        in_flight.only_an_unmap_takes,
        at_rest.what_leads_somewhere_is_mapped_at_rest,
        in_flight.a_call_in_flight_was_given_what_it_needs,
    )(in_flight.what_an_unmap_takes_is_in_no_mapping),
    kept_with(in_flight.who_changes_has_the_lock)(in_flight.what_is_cut_is_out_of_the_range),
    kept_with(
        *IN_ORDER,
        in_flight.who_changes_has_the_lock,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        dma_claims.a_listed_mapping_has_its_ends,
        dma_claims.mappings_of_one_address_space_are_disjoint,
        in_flight.an_unmap_goes_through_its_range,
        at_rest.no_mapping_continues_another_at_rest,
    )(in_flight.an_unmap_leaves_no_mapping_that_goes_on),
    kept_with(
        at_rest.each_address_space_has_its_own_process,
        in_flight.who_changes_has_the_lock,
        in_flight.a_map_pins_page_by_page,
    )(in_flight.a_map_that_is_over_the_limit_would_cost_something),
    kept_with(
        at_rest.pages_have_numbers_of_their_own,
        at_rest.each_address_space_has_its_own_process,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        in_flight.what_is_pinned_next_leads_nowhere,
    )(at_rest.what_is_charged_a_device_reaches),
    kept_with(
        *IN_ORDER,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        at_rest.pages_have_numbers_of_their_own,
        at_rest.what_leads_somewhere_leads_to_a_page,
        in_flight.what_is_pinned_leads_where_it_should,
    )(in_flight.a_map_pins_page_by_page),
    kept_with(
        at_rest.every_address_has_a_number,
        at_rest.every_address_is_followed,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
        at_rest.what_leads_somewhere_leads_to_a_page,
        in_flight.who_changes_has_the_lock,
    )(in_flight.a_release_goes_upwards),
    kept_with(
        at_rest.every_address_has_a_number,
        at_rest.every_address_is_followed,
        at_rest.addresses_have_numbers_of_their_own,
        in_flight.a_call_in_flight_was_given_what_it_needs,
    )(in_flight.an_unmap_goes_through_its_range),
)
"""What else holds each claim, whichever step is taken: found by taking away what no proof needs."""


def kept(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same claims, each with the others by which the steps keep it, as far as that takes any."""
    others = {one.name: one.kept_with for one in KEPT}
    return tuple(replace(one, kept_with=others.get(one.name, one.kept_with)) for one in claims)
