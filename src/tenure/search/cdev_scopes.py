"""Scopes of the systems of device files that are opened by themselves: physical devices in groups, emulated ones."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.vocabulary.machine import Scope
from tenure.vocabulary.observables import DRIVER

VFIO, NONE_BOUND = (DRIVER.values.index(name) for name in ("vfio", "none"))

FIT: Mapping[str, tuple[bool, ...]] = {}
"""Every device is physical, coherent and isolated."""
EMULATED: Mapping[str, tuple[bool, ...]] = {"emulated": (True,)}
"""The only device is emulated."""


def cdev_scope(
    sizes: dict[str, int], hardware: Mapping[str, tuple[bool, ...]] = FIT, *, vfio_devices: int | None = None
) -> Scope:
    """Devices dealt to groups in turn, physical and fit to be bound unless `hardware` says otherwise; some, or all, are VFIO's."""
    devices = sizes["device"]
    drivers = tuple(VFIO if vfio_devices is None or d < vfio_devices else NONE_BOUND for d in range(devices))
    fixed = {
        "group of": tuple(d % sizes["group"] for d in range(devices)),
        "bridge": (False,) * devices,
        "no iommu": hardware.get("no iommu", (False,) * sizes["group"]),
        "emulated": hardware.get("emulated", (False,) * devices),
        "coherent": hardware.get("coherent", (True,) * devices),
        "isolated": hardware.get("isolated", (True,) * devices),
    }
    iommu_drivers = sizes.get("iommu_driver", 0)
    fixed |= {
        "rawio": (True,) + (False,) * (sizes["process"] - 1),
        "is noiommu": hardware.get("is noiommu", (False,) * iommu_drivers),
    }
    initial = {"driver": (drivers,), "registered": (tuple(d == VFIO for d in drivers),)}
    initial["driver registered"] = ((True,) * iommu_drivers,)
    return Scope({"user": 0, "vm": 0, "container": 0, **sizes}, fixed, initial)
