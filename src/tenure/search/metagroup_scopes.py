"""Scopes of `rfc2011`: groups of devices that VFIO's driver has, processes that may lock few pages, and names for metagroups."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope
from tenure.vocabulary.observables import DRIVER

VFIO = DRIVER.values.index("vfio")

SIZES = {"process": 1, "file": 3, "group": 2, "metagroup": 2, "device": 1, "page": 1}
"""One process and two groups, of which the first has a device."""

OUTSIDE = frozenset({"create_metagroup", "assign_group"})
"""What has to come before an open in `metagroups-from-outside`; no other variant has these calls."""

OPENS = OUTSIDE | {"open_group", "get_iommu_fd"}
MAPS = OPENS | {"pass_file", "map_dma", "unmap_dma", "give_back"}
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


def metagroup_scope(sizes: dict[str, int], *, odd_bus: bool = False, odd_iommu: bool = False, limit: int = 1) -> Scope:
    """Devices are dealt to groups in turn; the last group may be on another bus, or behind another kind of IOMMU.

    Each process may lock no more than `limit` pages.
    """
    groups, processes = sizes["group"], sizes["process"]
    fixed = {
        "group of": tuple(d % groups for d in range(sizes["device"])),
        "bus": tuple(int(odd_bus and g == groups - 1) for g in range(groups)),
        "coherent": tuple(not (odd_iommu and g == groups - 1) for g in range(groups)),
        "page limit": (limit,) * processes,
        "may exceed": (False,) * processes,
    }
    return Scope({"thread": 0, **sizes}, fixed, {"driver": ((VFIO,) * sizes["device"],)})
