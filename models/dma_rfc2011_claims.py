"""What holds the mappings of the RFC together: what never changes, and what is so whoever is at it."""

from tenure.models.dma_claims import a_listed_mapping_has_its_ends, mappings_of_one_address_space_are_disjoint
from tenure.models.dma_rfc2011 import (
    held,
    leads,
    leads_on,
    memory,
    owner,
    page_number,
    parting,
    preceding,
    reserved,
    taken,
)
from tenure.models.dma_rfc2011_ways import after, top
from tenure.models.dma_type1 import charged, first, in_list, last, listed, position, within
from tenure.vocabulary.objects import ADDRESS, MAPPING, PAGE, PROCESS, TABLE
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import (
    Term,
    both,
    every,
    implies,
    is_none,
    no,
    number_of,
    some,
    when,
)


def _is_numbered(one: Term) -> Term:
    """No address has a number above that of the top."""
    return both(position[one] >= 0, position[one] <= top.now)


def _is_followed(one: Term) -> Term:
    """After an address comes the next number, after the top one 0."""
    return position[after[one]] == when(position[one] == top.now, 0, position[one] + 1)


def _is_preceded(one: Term) -> Term:
    """Before an address comes the number below, before the lowest one the top."""
    return position[preceding[one]] == when(position[one] == 0, top.now, position[one] - 1)


def _is_alone(one: Term, other: Term) -> Term:
    """No two addresses have one number."""
    return implies(position[one] == position[other], one == other)


def _numbered(one: Term, other: Term) -> Term:
    return both(page_number[one] >= 1, implies(page_number[one] == page_number[other], one == other))


INITIALLY = both(
    every(ADDRESS, lambda a: both(_is_numbered(a), _is_followed(a), _is_preceded(a))),
    every(ADDRESS, lambda a: every(ADDRESS, lambda b: _is_alone(a, b))),
    every(PAGE, lambda a: every(PAGE, lambda b: _numbered(a, b))),
    every(TABLE, lambda a: every(TABLE, lambda b: implies(owner[a] == owner[b], a == b))),
)
"""Addresses follow one another, the lowest after the top one; so do numbers of pages; each metagroup has its own process."""


@claim(address=ADDRESS)
def every_address_has_a_number(address: Term) -> Term:
    """No address has a number above that of the top."""
    return _is_numbered(address)


@claim(address=ADDRESS)
def every_address_is_followed(address: Term) -> Term:
    """After an address comes the next number, after the top one 0."""
    return _is_followed(address)


@claim(address=ADDRESS)
def every_address_is_preceded(address: Term) -> Term:
    """Before an address comes the number below, before the lowest one the top."""
    return _is_preceded(address)


@claim(address=ADDRESS, other=ADDRESS)
def addresses_have_numbers_of_their_own(address: Term, other: Term) -> Term:
    """No two addresses have one number."""
    return _is_alone(address, other)


@claim(page=PAGE, other=PAGE)
def pages_have_numbers_of_their_own(page: Term, other: Term) -> Term:
    """Pages are numbered from 1 on, and no two have one number."""
    return _numbered(page, other)


@claim(table=TABLE, other=TABLE)
def each_address_space_has_its_own_process(table: Term, other: Term) -> Term:
    """No process has two."""
    return implies(owner[table] == owner[other], table == other)


def holds(table: Term, mapping: Term, address: Term) -> Term:
    """The mapping is one of the address space's, and has the address."""
    return both(in_list(table, mapping), within(address, first[mapping], last[mapping]))


@claim(table=TABLE, mapping=MAPPING, address=ADDRESS)
def what_is_mapped_leads_where_it_should(table: Term, mapping: Term, address: Term) -> Term:
    """Every address of a mapping leads to the page behind it."""
    page = memory[mapping] + position[address] - position[first[mapping]]
    return implies(holds(table, mapping, address), leads[table, address] == page)


@claim(mapping=MAPPING)
def behind_a_mapping_there_is_memory(mapping: Term) -> Term:
    """The page behind the first address of a listed mapping has a number."""
    return implies(no(is_none(listed[mapping])), memory[mapping] >= 1)


@claim(table=TABLE, address=ADDRESS)
def what_leads_somewhere_is_mapped_at_rest(table: Term, address: Term) -> Term:
    """While nobody changes the address space, what leads somewhere is in a mapping, and nothing is being taken."""
    mapped = some(MAPPING, lambda m: holds(table, m, address))
    at_rest = both(implies(leads[table, address] > 0, mapped), no(parting[table, address]))
    return implies(is_none(taken[table]), at_rest)


@claim(table=TABLE, address=ADDRESS)
def what_leads_somewhere_leads_to_a_page(table: Term, address: Term) -> Term:
    """There is a page of the number to which an address leads."""
    page = some(PAGE, lambda pg: page_number[pg] == leads[table, address])
    return both(leads[table, address] >= 0, implies(leads[table, address] > 0, page))


@claim(table=TABLE, address=ADDRESS, page=PAGE)
def what_a_device_reaches_is_charged(table: Term, address: Term, page: Term) -> Term:
    """A page that is led to is charged, unless it is reserved."""
    led = both(leads[table, address] == page_number[page], no(reserved[page]))
    return implies(led, held[owner[table], page])


@claim(table=TABLE, page=PAGE)
def what_is_charged_a_device_reaches(table: Term, page: Term) -> Term:
    """A page that the process of an address space is charged for is not reserved, and the space leads there."""
    led = some(ADDRESS, lambda a: leads[table, a] == page_number[page])
    return implies(held[owner[table], page], both(no(reserved[page]), led))


@claim(process=PROCESS, page=PAGE)
def who_is_charged_has_an_address_space(process: Term, page: Term) -> Term:
    """Only a map charges, and for the process of its address space."""
    return implies(held[process, page], some(TABLE, lambda t: owner[t] == process))


@claim(process=PROCESS)
def charges_are_counted(process: Term) -> Term:
    """A process is charged for as many pages as are charged to it."""
    return charged[process] == number_of(PAGE, lambda pg: held[process, pg])


@claim(table=TABLE, mapping=MAPPING, other=MAPPING)
def no_mapping_continues_another_at_rest(table: Term, mapping: Term, other: Term) -> Term:
    """While nobody changes the address space, no mapping goes on where another ends."""
    two = both(in_list(table, mapping), in_list(table, other), is_none(taken[table]))
    return implies(two, no(leads_on(mapping, other)))


CLAIMS = (
    every_address_has_a_number,
    every_address_is_followed,
    every_address_is_preceded,
    addresses_have_numbers_of_their_own,
    pages_have_numbers_of_their_own,
    each_address_space_has_its_own_process,
    a_listed_mapping_has_its_ends,
    mappings_of_one_address_space_are_disjoint,
    behind_a_mapping_there_is_memory,
    what_is_mapped_leads_where_it_should,
    what_leads_somewhere_is_mapped_at_rest,
    what_leads_somewhere_leads_to_a_page,
    what_a_device_reaches_is_charged,
    what_is_charged_a_device_reaches,
    who_is_charged_has_an_address_space,
    charges_are_counted,
    no_mapping_continues_another_at_rest,
)
