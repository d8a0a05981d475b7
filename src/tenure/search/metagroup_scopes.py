"""Scopes of `rfc2011`: groups of devices that VFIO's driver has, processes that may lock few pages, and names for metagroups."""

from __future__ import annotations

from tenure.models import files, groups, metagroups
from tenure.search.family import Family, Place
from tenure.search.interrupt_scopes import INDEXES
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.terms import both, every, no

VFIO = DRIVER.values.index("vfio")

SIZES = {"process": 1, "file": 3, "group": 2, "metagroup": 2, "device": 1, "page": 1}
"""One process and two groups, of which the first has a device."""

OUTSIDE = frozenset({"create_metagroup", "assign_group"})
"""What has to come before an open in `metagroups-from-outside`; no other variant has these calls."""

OPENS = OUTSIDE | {"open_group", "get_iommu_fd"}
MAPS = OPENS | {"pass_file", "map_dma", "unmap_dma", "give_back", "charge"}
MERGES = OPENS | {"merge", "unmerge", "withdraw_group", "close", "release_group", "release_iommu"}
DEVICES = OUTSIDE | frozenset(
    {
        "open_group",
        "get_device_fd",
        "bind_driver",
        "unbind_driver",
        "add_device",
        "remove_device",
        "close",
        "release_device",
    }
)


ASKS = OPENS | {
    "get_device_fd",
    *("get_device_flags", "get_num_regions", "get_region_info", "get_num_irqs", "get_irq_info", "get_dtpath"),
    *("get_dtindex", "reset_device"),
}
"""What is asked of devices, and what comes before."""

DESCRIBED = {
    **INDEXES,
    "device_in_tree": "in a device tree",
    "region_device": "region device",
    "region_size": "region size",
    "region_offset": "region offset",
    "region_mappable": "mappable",
    "region_read_only": "read only",
    "region_phys_valid": "phys valid",
    "region_phys": "phys",
    "region_property": "region property",
    "region_property_index": "region entry",
    "index_property_index": "index entry",
}
"""What devices tell of themselves: each observable, and the field that it shows."""

Told = tuple[tuple[int, int], ...]
"""Of each region, or of each interrupt index, the device and the size, or the count; 0: a hole."""


def metagroup_scope(  # what there is to say of a machine; most say little
    sizes: dict[str, int],
    *,
    odd_bus: bool = False,
    odd_iommu: bool = False,
    limit: int = 1,
    regions: Told = (),
    indexes: Told = (),
) -> Scope:
    """Devices are dealt to groups in turn; the last group may be on another bus, or behind another kind of IOMMU.

    Each process may lock no more than `limit` pages. The first device alone can be reset and is in a device tree. Regions are
    mapped or only read in turn, and come of `ranges` or `reg`; the addresses of one in three are told; they lie one after the other
    in their files. Indexes are level-triggered or of edges.
    """
    devices = range(sizes["device"])
    groups, processes = sizes["group"], sizes["process"]
    fixed = {
        "group of": tuple(d % groups for d in range(sizes["device"])),
        "bus": tuple(int(odd_bus and g == groups - 1) for g in range(groups)),
        "coherent": tuple(not (odd_iommu and g == groups - 1) for g in range(groups)),
        "page limit": (limit,) * processes,
        "may exceed": (False,) * processes,
        "resets": tuple(d == 0 for d in devices),
        "in a device tree": tuple(d == 0 for d in devices),
        "regions": tuple(sum(of == d for of, _ in regions) for d in devices),
        "indexes": tuple(sum(of == d for of, _ in indexes) for d in devices),
        "region device": tuple(of for of, _ in regions),
        "region size": tuple(size for _, size in regions),
        "region offset": tuple(r << 40 for r in range(len(regions))),
        "mappable": tuple(r % 2 == 0 for r in range(len(regions))),
        "read only": tuple(r % 2 == 1 for r in range(len(regions))),
        "phys valid": tuple(r % 3 == 0 for r in range(len(regions))),
        "phys": tuple(r + 1 << 20 for r in range(len(regions))),
        "region property": tuple((r + 1) % 2 for r in range(len(regions))),
        "region entry": tuple(range(len(regions))),
        "index device": tuple(of for of, _ in indexes),
        "index count": tuple(count for _, count in indexes),
        "level": tuple(i % 2 == 0 for i in range(len(indexes))),
        "index entry": tuple(i + 1 for i in range(len(indexes))),
    }
    told = {"region": len(regions), "index": len(indexes)}
    return Scope({"thread": 0, **sizes, **told}, fixed, {"driver": ((VFIO,) * sizes["device"],)})


_TWO = {**SIZES, "process": 2, "group": 1, "metagroup": 1}
_THREE = {**SIZES, "file": 4, "group": 3, "metagroup": 3, "device": 3, "page": 0}
_MERGED = {**SIZES, "device": 2, "page": 0}
_ASKED_BY_OTHERS = metagroup_scope(
    {**_TWO, "file": 2, "metagroup": 1, "page": 0}, regions=((0, 4096),), indexes=((0, 1),)
)
_DESCRIBED = metagroup_scope(
    {**_TWO, "process": 1, "file": 2, "device": 2, "page": 0},
    regions=((0, 4096), (0, 0), (1, 64)),
    indexes=((0, 1), (0, 0), (1, 4)),
)

VIABLE = (
    every(DEVICE, lambda d: both(no(metagroups.removed[d]), groups.driver[d] == "vfio")),
    "every device is plugged in, and on VFIO's driver",
)
"""Elsewhere drivers and devices come and go."""

UNOPENED = (every(FILE, lambda f: no(files.kind[f] == "device")), "no device is open")
"""Elsewhere devices are opened and released."""

METAGROUPS = Family(
    marks=seen.metagroup_of,
    scope=metagroup_scope,
    main={**SIZES, "device": 2},
    narrow=(),
    witness=metagroup_scope({**_TWO, "file": 2}),
    deep=(
        (metagroup_scope({**_TWO, "page": 2}), MAPS),
        (metagroup_scope({**_MERGED, "file": 4, "page": 2}), OPENS | {"map_dma"}),
        (
            metagroup_scope({**_MERGED, "process": 2}),
            OPENS | {"pass_file", "merge", "unmerge", "get_flags", "get_device_fd"},
        ),
        (metagroup_scope({**_MERGED, "file": 2}), DEVICES | MERGES),
        (metagroup_scope(_MERGED), OPENS | {"merge"}),
        (metagroup_scope(_MERGED, odd_iommu=True), MERGES),
        (metagroup_scope({**_TWO, "page": 0}), DEVICES | {"pass_file"}),
        (metagroup_scope(_THREE), OPENS - OUTSIDE | {"merge", "close", "release_iommu"}),
        (_DESCRIBED, ASKS),
        (_ASKED_BY_OTHERS, ASKS | {"pass_file"}),
    ),
    gate=metagroup_scope(
        {"process": 2, "file": 5, "group": 3, "metagroup": 3, "device": 3, "page": 3},
        limit=2,
        regions=((0, 4096), (0, 0), (0, 256), (1, 64)),
        indexes=((0, 1), (0, 0), (1, 4)),
    ),
    plan=metagroup_scope({**SIZES, "process": 2}),
    whole=(
        Place("two groups", metagroup_scope({**_MERGED, "file": 2})),
        Place("two groups, three files", metagroup_scope(_MERGED), within=(VIABLE,)),
        Place("what devices tell", _DESCRIBED),
        Place("what devices tell another process", _ASKED_BY_OTHERS, within=(VIABLE,)),
        Place("two processes", metagroup_scope({**_TWO, "file": 2})),
        Place(
            "two processes, three files",
            metagroup_scope({**_TWO, "file": 3, "metagroup": 2, "page": 0}),
            within=(VIABLE,),
        ),
        Place("no page may be locked", metagroup_scope({**_TWO, "process": 1, "file": 2}, limit=0)),
        Place("another bus", metagroup_scope({**_MERGED, "file": 2}, odd_bus=True)),
        Place("another kind of IOMMU", metagroup_scope({**_MERGED, "file": 2}, odd_iommu=True)),
        Place("two groups that come and go", metagroup_scope(_MERGED), full=True),
        Place("three groups", metagroup_scope(_THREE), full=True, within=(VIABLE,)),
        Place(
            "three groups, four devices, two processes",
            metagroup_scope({**_THREE, "process": 2, "file": 3, "device": 4}),
            full=True,
            within=(VIABLE,),
        ),
        Place("large", metagroup_scope({**SIZES, "process": 2, "device": 2}), full=True, within=(VIABLE,)),
    ),
    pairs=(
        Place("one group", metagroup_scope({**_TWO, "process": 1, "file": 2, "thread": 2})),
        Place("two groups", metagroup_scope({**_MERGED, "thread": 2}), full=True),
        Place(
            "one group, two processes",
            metagroup_scope({**_TWO, "file": 3, "page": 0, "thread": 2}),
            within=(VIABLE,),
        ),
        Place(
            "two groups, two pages",
            metagroup_scope({**_MERGED, "file": 4, "page": 2, "thread": 2}),
            full=True,
            within=(VIABLE, UNOPENED),
        ),
    ),
    columns=(
        ("group_bus", "g", "bus"),
        ("group_coherent", "g", "coherent"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
    tables={"device_group": "group of", **DESCRIBED},
)
