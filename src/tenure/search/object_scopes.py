"""Scopes of the systems of iommufd objects."""

from __future__ import annotations

from dataclasses import replace

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope

MAKES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind"})
"""How a table comes to have objects."""


def object_scope(sizes: dict[str, int], *, emulated: tuple[bool, ...] = ()) -> Scope:
    """So many of each; devices are emulated unless said otherwise."""
    kinds = emulated or (True,) * sizes["device"]
    return Scope({"user": 0, "group": 0, "container": 0, **sizes}, {"emulated": kinds}, {})


_ONE = {"process": 1, "thread": 1, "file": 2, "object": 3, "device": 1}

OBJECTS = Family(
    marks=seen.object_users,
    scope=object_scope,
    main=_ONE,
    narrow=(),
    witness=object_scope({**_ONE, "process": 2, "file": 3, "object": 2}),
    gate=object_scope({"process": 2, "thread": 1, "file": 6, "object": 6, "device": 3}),
    plan=object_scope({**_ONE, "file": 3}),
    whole=(
        Place("one device", object_scope({**_ONE, "process": 2, "object": 4})),
        Place("two devices", object_scope({**_ONE, "file": 3, "device": 2})),
        Place("large", object_scope({**_ONE, "process": 2, "file": 3, "device": 2}), full=True),
    ),
    pairs=(
        Place("one device", object_scope({**_ONE, "thread": 2})),
        Place("two files of a device", object_scope({**_ONE, "thread": 2, "file": 3}), full=True),
    ),
    tables={"device_emulated": "emulated"},
    returns=True,
)

MIXTURE = (False, False, True)
"""Where devices are physical, one is emulated all the same."""


def physical_scope(sizes: dict[str, int]) -> Scope:
    """So many of each; devices are physical."""
    return object_scope(sizes, emulated=(False,) * sizes["device"])


_TABLES = {**_ONE, "object": 4}
MOVES = MAKES | {"attach", "detach"}

PAGE_TABLES = replace(
    OBJECTS,
    marks=seen.object_auto,
    scope=physical_scope,
    narrow=(object_scope({**_ONE, "thread": 2}),),
    witness=object_scope({**_ONE, "process": 2, "file": 3, "device": 2}, emulated=MIXTURE[1:]),
    gate=object_scope({"process": 2, "thread": 1, "file": 6, "object": 7, "device": 3}, emulated=MIXTURE),
    plan=object_scope({"process": 1, "thread": 1, "file": 3, "object": 4, "device": 2}, emulated=MIXTURE[1:]),
    whole=(
        Place("one device", physical_scope(_TABLES)),
        Place("one emulated device", object_scope(_ONE)),
        Place("one of two emulated", object_scope({**_ONE, "file": 3, "device": 2}, emulated=MIXTURE[1:])),
        Place("two devices", physical_scope({**_TABLES, "file": 3, "device": 2})),
        Place(
            "three devices", object_scope({**_TABLES, "file": 4, "object": 5, "device": 3}, emulated=MIXTURE), full=True
        ),
    ),
    pairs=(
        Place("one device", physical_scope({**_ONE, "thread": 2})),
        Place("a device with a page table", physical_scope({**_TABLES, "thread": 2}), full=True),
    ),
    deep=(
        (physical_scope({**_TABLES, "object": 5}), MOVES | {"hwpt_alloc", "close", "release_device"}),
        (physical_scope({**_TABLES, "thread": 2}), MOVES | {"hwpt_alloc"}),
        (object_scope({**_ONE, "file": 3, "device": 2}, emulated=MIXTURE[1:]), MAKES | {"hwpt_alloc"}),
    ),
)
"""The same where devices are physical and have page tables."""
