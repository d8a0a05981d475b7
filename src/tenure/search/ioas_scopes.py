"""Scopes of the IO address spaces of an iommufd: addresses in order, with nothing that is valid or not."""

from __future__ import annotations

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope


def ioas_scope(sizes: dict[str, int]) -> Scope:
    """Addresses, each at its number."""
    return Scope(sizes, {"position": tuple(range(sizes["address"]))})


IOAS = Family(
    marks=seen.space_exists,
    scope=ioas_scope,
    main={"thread": 1, "table": 1, "address": 4, "mapping": 3},
    narrow=(),
    witness=ioas_scope({"thread": 2, "table": 2, "address": 2, "mapping": 2}),
    gate=ioas_scope({"thread": 1, "table": 2, "address": 8, "mapping": 5}),
    plan=ioas_scope({"thread": 1, "table": 1, "address": 4, "mapping": 3}),
    whole=(
        Place("one address space", ioas_scope({"thread": 1, "table": 1, "address": 5, "mapping": 3})),
        Place("two address spaces", ioas_scope({"thread": 1, "table": 2, "address": 3, "mapping": 2})),
        Place("large", ioas_scope({"thread": 1, "table": 1, "address": 8, "mapping": 5}), full=True),
    ),
    pairs=(
        Place("one address space", ioas_scope({"thread": 2, "table": 1, "address": 3, "mapping": 2})),
        Place("two address spaces", ioas_scope({"thread": 2, "table": 2, "address": 2, "mapping": 2}), full=True),
    ),
    columns=(("address_position", "a", "position"),),
)
