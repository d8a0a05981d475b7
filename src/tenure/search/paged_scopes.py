"""Scopes of the mappings of 2011: addresses one after the other, without a hole, that lead to pages of memory."""

from __future__ import annotations

from tenure.models import dma_rfc2011, dma_type1
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import ADDRESS, MAPPING, TABLE
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


def paged_scope(sizes: dict[str, int], *, limit: int = 2) -> Scope:
    """As many addresses as a word has, and memory of which the last page is a device's, whose frame is 0.

    Each process has one address space; the first may lock `limit` pages, the others as many as they like.
    """
    count, pages = sizes["address"], sizes["page"]
    tables, processes = sizes["table"], sizes["process"]
    fixed = {
        "position": tuple(range(count)),
        "after": tuple((a + 1) % count for a in range(count)),
        "preceding": tuple((a - 1) % count for a in range(count)),
        "top": (count - 1,),
        "page number": tuple(range(1, pages + 1)),
        "reserved": tuple(page == pages - 1 for page in range(pages)),
        "frame 0": tuple(page == pages - 1 for page in range(pages)),
        "mm": tuple(t % processes for t in range(tables)),
        "page limit": (limit,) * processes,
        "may exceed": tuple(p > 0 for p in range(processes)),
    }
    return Scope(sizes, fixed)


ORDINARY = (
    every(
        MAPPING,
        lambda m: implies(
            no(is_none(dma_type1.listed[m])),
            both(
                dma_type1.position[dma_type1.first[m]] <= dma_type1.position[dma_type1.last[m]],
                every(
                    MAPPING,
                    lambda n: either(
                        m == n,
                        no(dma_type1.listed[m] == dma_type1.listed[n]),
                        no(dma_type1.overlaps(m, dma_type1.first[n], dma_type1.last[n])),
                    ),
                ),
            ),
        ),
    ),
    "no mapping goes round the top or overlaps another",
)
"""What is done to mappings that no list can hold is not modelled: entries of the RFC's list that only wrong calls make."""


def _is_stray(table: Term, address: Term) -> Term:
    """The IOMMU leads somewhere, and no mapping has the address."""

    def has_it(mapping: Term) -> Term:
        inside = dma_type1.within(address, dma_type1.first[mapping], dma_type1.last[mapping])
        return both(dma_type1.in_list(table, mapping), inside)

    return both(dma_rfc2011.leads[table, address] > 0, no(some(MAPPING, has_it)))


def _is_the_only_stray(table: Term, address: Term) -> Term:
    def other(one: Term, place: Term) -> Term:
        return both(_is_stray(one, place), no(both(one == table, place == address)))

    return no(some(TABLE, lambda t: some(ADDRESS, lambda a: other(t, a))))


FEW_STRAYS = (
    every(TABLE, lambda t: every(ADDRESS, lambda a: implies(_is_stray(t, a), _is_the_only_stray(t, a)))),
    "at most one address leads somewhere without a mapping",
)
"""Where translations are left behind (D-G1-09) they would only be more of the same."""

RFC2011 = Family(
    modelled=(ORDINARY,),
    within=(FEW_STRAYS,),
    marks=seen.mapping_memory,
    scope=paged_scope,
    main={"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2},
    narrow=(paged_scope({"process": 1, "thread": 1, "table": 1, "address": 3, "page": 2, "mapping": 3}),),
    witness=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 2, "page": 2, "mapping": 2}, limit=0),
    gate=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 3, "mapping": 5}),
    plan=paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
    whole=(
        Place(
            "one address space",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
        ),
        Place(
            "a limit of no page",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 2, "mapping": 2}, limit=0),
        ),
        Place(
            "two address spaces",
            paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 1, "mapping": 2}, limit=0),
        ),
        Place(
            "large",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 8, "page": 4, "mapping": 5}),
            full=True,
        ),
    ),
    pairs=(
        Place(
            "two calls",
            paged_scope({"process": 1, "thread": 2, "table": 1, "address": 2, "page": 1, "mapping": 2}, limit=0),
        ),
        Place(
            "one call",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
        ),
        Place(
            "one call, and a limit of one page",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 1}, limit=1),
        ),
        Place(
            "one call among three mappings",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 3}),
            full=True,
        ),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("page_number", "pg", "page number"),
        ("page_reserved", "pg", "reserved"),
        ("page_frame_0", "pg", "frame 0"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)
