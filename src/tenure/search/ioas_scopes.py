"""Scopes of the IO address spaces of an iommufd: addresses in order, with nothing that is valid or not."""

from __future__ import annotations

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import ADDRESS, DEVICE, MAPPING, TABLE
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import both, every, is_none, no


def ioas_scope(sizes: dict[str, int], positions: tuple[int, ...] = (), chosen: range | None = None) -> Scope:
    """Addresses, each at its number, or at these positions; the kernel chooses neither the first nor the last, or those `chosen`."""
    positions = positions or tuple(range(sizes["address"]))
    chosen = range(1, positions[-1]) if chosen is None else chosen
    top = len(positions) - 1
    number = {at: n for n, at in enumerate(positions)}
    fixed = {
        "position": positions,
        "may be chosen": tuple(at in chosen for at in positions),
        "last of": tuple(number.get(at + length, top) for at in positions for length in positions),
    }
    return Scope(sizes, fixed)


WITHOUT_RANGES = frozenset({"ioas_alloc", "ioas_map_fixed", "ioas_map", "ioas_unmap", "ioas_unmap_all", "destroy"})
"""The calls that leave open where addresses are chosen."""

ANYWHERE = (
    every(TABLE, lambda t: every(ADDRESS, lambda a: no(seen.address_allowed[t, a]))),
    "no address is named as allowed",
)
"""What an IOAS_ALLOW_IOVAS answers is compared, but not what comes after it."""

_ONE = {"thread": 1, "table": 1, "address": 4, "mapping": 1}
_TWO = {"thread": 2, "table": 1, "address": 3, "mapping": 1}

IOAS = Family(
    marks=seen.address_allowed,
    scope=ioas_scope,
    main={**_ONE, "address": 3, "mapping": 3},
    narrow=(),
    witness=ioas_scope({"thread": 2, "table": 2, "address": 2, "mapping": 2}),
    gate=ioas_scope({"thread": 1, "table": 2, "address": 8, "mapping": 5}),
    plan=ioas_scope({**_ONE, "address": 3, "mapping": 2}),
    deep=((ioas_scope({**_ONE, "mapping": 3}), WITHOUT_RANGES),),
    whole=(
        Place("one address space", ioas_scope({**_ONE, "mapping": 3}), within=(ANYWHERE,)),
        Place("allowed ranges", ioas_scope({**_ONE, "address": 3})),
        Place("two address spaces", ioas_scope({**_ONE, "table": 2, "address": 2, "mapping": 2}), within=(ANYWHERE,)),
        Place("four addresses", ioas_scope(_ONE), full=True),
        Place("five addresses", ioas_scope({**_ONE, "address": 5, "mapping": 3}), full=True, within=(ANYWHERE,)),
        Place("large", ioas_scope({**_ONE, "address": 8, "mapping": 5}), full=True),
    ),
    pairs=(
        Place("one address space", ioas_scope({**_TWO, "address": 2, "mapping": 2}), within=(ANYWHERE,)),
        Place("allowed ranges", ioas_scope({**_TWO, "address": 2})),
        Place("three addresses", ioas_scope({**_TWO, "mapping": 2}), full=True, within=(ANYWHERE,)),
        Place("two address spaces", ioas_scope({**_TWO, "table": 2, "address": 2, "mapping": 2}), full=True),
    ),
    columns=(("address_position", "a", "position"), ("address_choosable", "a", "may be chosen")),
)


def device_scope(sizes: dict[str, int], pages_of: int = 2, reserved: tuple[frozenset[int], ...] = ()) -> Scope:
    """The same, by pages of so many addresses; each device reserves these, or the last one the last page and others nothing.

    The kernel may choose any address: a page that it never chooses leaves too few in a small scope.
    """
    addresses, devices = range(sizes["address"]), sizes["device"]
    last_page = frozenset(a for a in addresses if a // pages_of == addresses[-1] // pages_of)
    reserved = reserved or (*(frozenset[int](),) * (devices - 1), *(last_page,) * min(devices, 1))
    base = ioas_scope(sizes, (), range(sizes["address"]))
    fixed = {
        **base.fixed,
        "reserves": tuple(a in mine for mine in reserved for a in addresses),
        "begins page": tuple(a % pages_of == 0 for a in addresses),
        "ends page": tuple(a % pages_of == pages_of - 1 or a == addresses[-1] for a in addresses),
    }
    return Scope(sizes, fixed)


_OF_DEVICES = {"thread": 1, "table": 1, "device": 1, "address": 4, "mapping": 1}

DEVICES = Family(
    marks=seen.device_reserves,
    scope=device_scope,
    main={**_OF_DEVICES, "address": 3, "mapping": 2},
    narrow=(),
    witness=device_scope({"thread": 2, "table": 2, "device": 2, "address": 2, "mapping": 1}, pages_of=1),
    gate=device_scope({"thread": 1, "table": 2, "device": 2, "address": 8, "mapping": 4}),
    plan=device_scope(_OF_DEVICES),
    whole=(
        Place("a device", device_scope({**_OF_DEVICES, "mapping": 2}), within=(ANYWHERE,)),
        Place("allowed ranges", device_scope(_OF_DEVICES)),
        Place(
            "two address spaces",
            device_scope({**_OF_DEVICES, "table": 2, "device": 2, "address": 2}, pages_of=1),
        ),
        Place("two devices", device_scope({**_OF_DEVICES, "device": 2, "mapping": 2}), full=True),
    ),
    pairs=(
        Place("a device", device_scope({**_OF_DEVICES, "thread": 2, "address": 2}, pages_of=1), within=(ANYWHERE,)),
        Place("two areas", device_scope({**_OF_DEVICES, "thread": 2, "address": 2, "mapping": 2}, 1), full=True),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("address_choosable", "a", "may be chosen"),
        ("address_begins_page", "a", "begins page"),
        ("address_ends_page", "a", "ends page"),
    ),
    tables={"device_reserves": "reserves"},
)


NONE_FOR_WRITING_ALONE = (
    every(MAPPING, lambda m: no(seen.mapping_access[m] == "write")),
    "no area is for writing alone",
)

_OF_COPIES = {"thread": 1, "table": 2, "device": 1, "address": 2, "mapping": 2, "iopt_pages": 2}


def copy_scope(sizes: dict[str, int]) -> Scope:
    """Addresses of which the kernel may choose any."""
    return ioas_scope(sizes, (), range(sizes["address"]))


COPIES = Family(
    marks=seen.memory_charged,
    scope=copy_scope,
    main=_OF_COPIES,
    narrow=(),
    witness=copy_scope({**_OF_COPIES, "thread": 2}),
    gate=copy_scope({"thread": 1, "table": 2, "device": 2, "address": 4, "mapping": 3, "iopt_pages": 2}),
    plan=copy_scope(_OF_COPIES),
    whole=(
        Place("two address spaces", copy_scope(_OF_COPIES)),
        Place("three addresses", copy_scope({**_OF_COPIES, "table": 1, "address": 3})),
    ),
    pairs=(
        Place(
            "one pages object",
            copy_scope({**_OF_COPIES, "thread": 2, "table": 1, "iopt_pages": 1}),
            within=(NONE_FOR_WRITING_ALONE,),
        ),
        Place("two addresses", copy_scope({**_OF_COPIES, "thread": 2, "table": 1}), full=True),
    ),
    columns=(("address_position", "a", "position"), ("address_choosable", "a", "may be chosen")),
)


BEFORE_DEVICES = (
    both(
        every(DEVICE, lambda d: is_none(seen.device_ioas[d])),
        every(MAPPING, lambda m: both(choice_is(seen.mapping_access[m], "none", "read"), no(seen.mapping_missing[m]))),
    ),
    "no device is attached, every area is for reading alone, and its memory is there",
)
"""What a pair does to such areas is compared, and the device may be one of the two; not what comes after both."""

_OF_BUILDING = {"thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}

BUILDING = Family(
    marks=seen.mapping_stage,
    scope=copy_scope,
    main=_OF_BUILDING,
    narrow=(),
    witness=copy_scope({**_OF_BUILDING, "thread": 2}),
    gate=copy_scope({"thread": 1, "table": 2, "device": 2, "address": 4, "mapping": 3}),
    plan=copy_scope(_OF_BUILDING),
    whole=(
        Place("one address space", copy_scope(_OF_BUILDING)),
        Place("two address spaces", copy_scope({**_OF_BUILDING, "table": 2, "device": 2, "address": 1})),
    ),
    pairs=(
        Place("one address", copy_scope({**_OF_BUILDING, "thread": 2, "address": 1, "mapping": 1})),
        Place("two areas", copy_scope({**_OF_BUILDING, "thread": 2}), within=(BEFORE_DEVICES,)),
        Place("two addresses", copy_scope({**_OF_BUILDING, "thread": 2}), full=True),
    ),
    columns=(("address_position", "a", "position"), ("address_choosable", "a", "may be chosen")),
)


def access_scope(sizes: dict[str, int], *, tries: int = 1) -> Scope:
    """Addresses of which the kernel may choose any. Only the first device's driver lets go when it is told."""
    fixed = {
        **copy_scope(sizes).fixed,
        "lets go": tuple(d == 0 for d in range(sizes["device"])),
        "most tries": (tries,) * sizes["table"],
    }
    return Scope(sizes, fixed)


_OF_ACCESSES = {"thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}

ACCESSES = Family(
    marks=seen.area_closed,
    scope=access_scope,
    main=_OF_ACCESSES,
    narrow=(access_scope({**_OF_ACCESSES, "device": 2, "address": 1, "mapping": 1}),),
    witness=access_scope({**_OF_ACCESSES, "thread": 2, "table": 2, "address": 1, "mapping": 1}),
    gate=access_scope({"thread": 1, "table": 2, "device": 2, "address": 4, "mapping": 3}),
    plan=access_scope(_OF_ACCESSES),
    whole=(
        Place("a device", access_scope(_OF_ACCESSES)),
        Place("two devices", access_scope({**_OF_ACCESSES, "device": 2, "mapping": 1})),
        Place("two address spaces", access_scope({**_OF_ACCESSES, "table": 2, "address": 1})),
    ),
    pairs=(
        Place("a device", access_scope({**_OF_ACCESSES, "thread": 2, "mapping": 1})),
        Place("two areas", access_scope({**_OF_ACCESSES, "thread": 2}), full=True),
        Place("two devices", access_scope({**_OF_ACCESSES, "thread": 2, "device": 2, "mapping": 1}), full=True),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("address_choosable", "a", "may be chosen"),
        ("device_lets_go", "d", "lets go"),
        ("tries_most", "tb", "most tries"),
    ),
)


def vfio_scope(sizes: dict[str, int], pages: tuple[int, ...] = ()) -> Scope:
    """Pages one after the other, of which callers name all; or these, of which no area has one beside it that has no name."""
    pages = pages or tuple(range(sizes["address"]))
    number = {page: n for n, page in enumerate(pages)}
    fixed = {
        "position": pages,
        "page before": tuple(number.get(page - 1, n) for n, page in enumerate(pages)),
        "page after": tuple(number.get(page + 1, n) for n, page in enumerate(pages)),
    }
    return Scope(sizes, fixed)


_PAGES = {"thread": 1, "table": 1, "address": 3, "mapping": 3}

COMPAT = Family(
    marks=seen.space_cuts,
    scope=vfio_scope,
    main=_PAGES,
    narrow=(),
    witness=vfio_scope({"thread": 2, "table": 2, "address": 2, "mapping": 2}),
    gate=vfio_scope({"thread": 1, "table": 2, "address": 8, "mapping": 7}),
    plan=vfio_scope(_PAGES),
    deep=((vfio_scope(_PAGES), frozenset({"ioas_alloc", "map_dma", "unmap_dma"})),),
    whole=(
        Place("one address space", vfio_scope(_PAGES)),
        Place("two address spaces", vfio_scope({**_PAGES, "table": 2, "address": 2})),
        Place("four addresses", vfio_scope({**_PAGES, "address": 4, "mapping": 4}), full=True),
    ),
    pairs=(
        Place("one address space", vfio_scope({**_PAGES, "thread": 2, "address": 2})),
        Place("three addresses", vfio_scope({**_PAGES, "thread": 2}), full=True),
    ),
    columns=(("address_position", "a", "position"),),
)
"""VFIO's calls: an unmap may need two names more."""
