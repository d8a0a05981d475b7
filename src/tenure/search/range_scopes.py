"""Scopes of the systems of address ranges: so many addresses, in valid ranges that touch and that end before the top."""

from __future__ import annotations

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope


def range_scope(sizes: dict[str, int], *, most: int = 2) -> Scope:
    """Addresses in order: all but the two last in one valid range, then one that is a valid range by itself, then an invalid one.

    The first process may lock as many pages as it likes, the others two.
    """
    count, tables, processes = sizes["address"], sizes["table"], sizes["process"]
    valid = (*(1,) * (count - 2), 2, 0) if count > 2 else (1,) * count  # noqa: PLR2004  # as told
    fixed = {
        "position": tuple(range(count)),
        "valid range": valid,
        "entry limit": (most,) * tables,
        "page limit": (2,) * processes,
        "may exceed": tuple(p == 0 for p in range(processes)),
    }
    return Scope(sizes, fixed, {"available": ((most,) * tables,)})


TYPE1 = Family(
    marks=seen.address_valid,
    scope=range_scope,
    main={"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3},
    narrow=(),
    witness=range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
    gate=range_scope({"process": 2, "thread": 1, "table": 2, "address": 8, "mapping": 5}, most=3),
    plan=range_scope({"process": 2, "thread": 1, "table": 1, "address": 4, "mapping": 3}),
    whole=(
        Place("one address space", range_scope({"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
        ),
        Place(
            "large", range_scope({"process": 2, "thread": 1, "table": 1, "address": 8, "mapping": 5}, most=4), full=True
        ),
    ),
    pairs=(
        Place("one address space", range_scope({"process": 2, "thread": 2, "table": 1, "address": 4, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 2, "table": 2, "address": 3, "mapping": 3}),
            full=True,
        ),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("address_valid", "a", "valid range"),
        ("mappings_most", "tb", "entry limit"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)
