"""Scopes of the systems of address ranges: so many addresses, in valid ranges that touch and that end before the top."""

from __future__ import annotations

from dataclasses import replace

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope

_COLUMNS = (
    ("address_position", "a", "position"),
    ("address_valid", "a", "valid range"),
    ("mappings_most", "tb", "entry limit"),
    ("pages_most", "p", "page limit"),
    ("pages_unlimited", "p", "may exceed"),
)


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


def group_scope(sizes: dict[str, int], *, most: int = 2, reserved: tuple[int, ...] = (1,)) -> Scope:
    """The same with groups, of which the last one reserves these addresses, and the others nothing."""
    base = range_scope(sizes, most=most)
    groups, addresses = sizes["group"], sizes["address"]
    reserves = tuple(g == groups - 1 and a in reserved for g in range(groups) for a in range(addresses))
    return Scope(sizes, {**base.fixed, "group reserves": reserves}, base.initial)


_GROUPS = {"process": 1, "thread": 1, "table": 1, "group": 1, "address": 4, "mapping": 2}

GROUPS = Family(
    marks=seen.group_reserves,
    scope=group_scope,
    main={**_GROUPS, "group": 2, "address": 3},
    narrow=(
        group_scope({**_GROUPS, "process": 2, "group": 2, "address": 5}),
        group_scope({**_GROUPS, "address": 3, "mapping": 1}, reserved=(0, 1, 2)),
    ),
    witness=group_scope({**_GROUPS, "process": 2, "table": 2, "group": 2, "address": 3}, most=1),
    gate=group_scope({"process": 2, "thread": 1, "table": 2, "group": 3, "address": 8, "mapping": 5}, most=3),
    plan=group_scope({**_GROUPS, "group": 2, "address": 3}),
    whole=(
        Place("one address space", group_scope({**_GROUPS, "process": 2, "group": 2})),
        Place("two address spaces", group_scope({**_GROUPS, "table": 2, "group": 2, "address": 3}, most=1)),
        Place("nothing valid", group_scope({**_GROUPS, "address": 3, "mapping": 1}, reserved=(0, 1, 2))),
        Place("large", group_scope({**_GROUPS, "process": 2, "group": 3, "address": 5, "mapping": 3}), full=True),
    ),
    pairs=(
        Place("one address space", group_scope({**_GROUPS, "thread": 2, "group": 2, "address": 2})),
        Place(
            "two address spaces", group_scope({**_GROUPS, "thread": 2, "table": 2, "group": 2, "address": 3}), full=True
        ),
    ),
    columns=_COLUMNS,
    tables={"group_reserves": "group reserves"},
)

VADDRS = replace(
    GROUPS,
    marks=seen.vaddr_invalid_in,
    narrow=(
        group_scope({**_GROUPS, "process": 2}, reserved=()),
        group_scope({**_GROUPS, "address": 3, "mapping": 1}, reserved=(0, 1, 2)),
    ),
    witness=group_scope({**_GROUPS, "process": 2, "group": 2, "address": 5}, most=1, reserved=(0, 1, 2, 3, 4)),
    gate=group_scope({**_GROUPS, "process": 2, "group": 3, "address": 8, "mapping": 4}, most=3),
    plan=group_scope({**_GROUPS, "process": 2, "group": 2, "address": 3}),
    whole=(
        Place("one address space", group_scope({**_GROUPS, "process": 2, "group": 2})),
        Place("two address spaces", group_scope({**_GROUPS, "table": 2, "group": 2, "address": 2}, most=1)),
        Place("nothing valid", group_scope({**_GROUPS, "address": 3, "mapping": 1}, reserved=(0, 1, 2))),
        Place("large", group_scope({**_GROUPS, "process": 2, "group": 3, "address": 5, "mapping": 3}), full=True),
    ),
    pairs=(
        Place("one address space", group_scope({**_GROUPS, "thread": 2, "group": 2, "address": 2, "mapping": 1})),
        Place("two mappings", group_scope({**_GROUPS, "thread": 2, "group": 2, "address": 2}), full=True),
    ),
)


def pin_scope(sizes: dict[str, int], *, most: int = 2, repeats: int = 1, careful: int = 1) -> Scope:
    """The same where no IOMMU is: every address is valid. The drivers of so many devices let go when they are told.

    Of two processes the second may lock one page; if there is one, that may no more.
    """
    base = range_scope(sizes, most=most)
    addresses, tables, devices = sizes["address"], sizes["table"], sizes["device"]
    more = {
        "page limit": (1,) * sizes["process"],
        "may exceed": tuple(p + 1 < sizes["process"] for p in range(sizes["process"])),
        "valid range": (1,) * addresses,
        "lets go": tuple(d < careful for d in range(devices)),
        "most repeats": (repeats,) * tables,
        "container": (0,),
    }
    return Scope(sizes, {**base.fixed, **more}, base.initial)


_PINS = {"process": 1, "thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}

PINS = Family(
    marks=seen.page_pins,
    scope=pin_scope,
    main={**_PINS, "thread": 2, "device": 2, "address": 1, "mapping": 1},
    narrow=(pin_scope(_PINS), pin_scope(_PINS, most=1)),
    witness=pin_scope({**_PINS, "thread": 2, "mapping": 1}),
    gate=pin_scope({**_PINS, "process": 2, "device": 3, "address": 6, "mapping": 4}, most=3, careful=3),
    plan=pin_scope({**_PINS, "process": 2, "device": 2, "address": 3}, careful=2),
    whole=(
        Place("two devices", pin_scope({**_PINS, "process": 2, "device": 2, "mapping": 1})),
        Place("two mappings", pin_scope({**_PINS, "process": 2})),
        Place("one mapping at a time", pin_scope(_PINS, most=1)),
        Place("two devices, two mappings", pin_scope({**_PINS, "process": 2, "device": 2}), full=True),
        Place("large", pin_scope({**_PINS, "process": 2, "device": 2, "address": 4, "mapping": 3}), full=True),
    ),
    pairs=(
        Place("one page", pin_scope({**_PINS, "thread": 2, "address": 1, "mapping": 1})),
        Place("two pages", pin_scope({**_PINS, "thread": 2, "mapping": 1}), full=True),
        Place("two mappings", pin_scope({**_PINS, "thread": 2}), full=True),
        Place("two devices", pin_scope({**_PINS, "thread": 2, "device": 2, "address": 1, "mapping": 1}), full=True),
    ),
    columns=(*_COLUMNS, ("device_lets_go", "d", "lets go"), ("repeats_most", "tb", "most repeats")),
)


def dirty_scope(sizes: dict[str, int], *, most: int = 2, bitmaps: int = 1, pinning: int = 1) -> Scope:
    """The same behind IOMMUs for which every address is valid. So many groups, the last ones, write only what is pinned.

    There is memory to keep dirty bits of so many mappings. The first process may lock as many pages as it likes, the others one.
    """
    base = range_scope(sizes, most=most)
    groups = sizes["group"]
    more = {
        "valid range": (1,) * sizes["address"],
        "page limit": (1,) * sizes["process"],
        "pins first": tuple(groups - pinning <= g for g in range(groups)),
        "bitmap limit": (bitmaps,) * sizes["table"],
    }
    return Scope(sizes, {**base.fixed, **more}, base.initial)


_DIRTY = {"process": 1, "thread": 1, "table": 1, "group": 1, "address": 2, "mapping": 2}

DIRTY_PAGES = Family(
    marks=seen.dirty_tracked,
    scope=dirty_scope,
    main={**_DIRTY, "group": 2, "mapping": 1},
    narrow=(dirty_scope({**_DIRTY, "group": 2}, bitmaps=2), dirty_scope({**_DIRTY, "thread": 2, "mapping": 1})),
    witness=dirty_scope({**_DIRTY, "process": 2, "group": 2, "address": 3}, most=1, bitmaps=0),
    gate=dirty_scope({**_DIRTY, "process": 2, "group": 3, "address": 6, "mapping": 4}, most=3, bitmaps=2),
    plan=dirty_scope({**_DIRTY, "process": 2, "group": 2}),
    whole=(
        Place("two groups", dirty_scope({**_DIRTY, "group": 2, "mapping": 1})),
        Place("two mappings", dirty_scope({**_DIRTY, "process": 2})),
        Place("no bitmap", dirty_scope(_DIRTY, most=1, bitmaps=0, pinning=0)),
        Place("two address spaces", dirty_scope({**_DIRTY, "table": 2, "mapping": 1}), full=True),
        Place("two groups, two mappings", dirty_scope({**_DIRTY, "group": 2}), full=True),
        Place("three pages", dirty_scope({**_DIRTY, "address": 3}, bitmaps=2, pinning=0), full=True),
    ),
    pairs=(
        Place("one page", dirty_scope({**_DIRTY, "thread": 2, "address": 1, "mapping": 1})),
        Place("two groups", dirty_scope({**_DIRTY, "thread": 2, "group": 2, "address": 1, "mapping": 1}), full=True),
        Place("two pages", dirty_scope({**_DIRTY, "thread": 2, "mapping": 1}, pinning=0), full=True),
    ),
    columns=(*_COLUMNS, ("group_pins_first", "g", "pins first"), ("bitmaps_most", "tb", "bitmap limit")),
)

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
    columns=_COLUMNS,
)
