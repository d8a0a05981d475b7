"""Scopes of the systems of device files that are opened by themselves: physical devices in groups, emulated ones."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope
from tenure.vocabulary.observables import DRIVER

VFIO, NONE_BOUND = (DRIVER.values.index(name) for name in ("vfio", "none"))


def cdev_scope(
    sizes: dict[str, int],
    *,
    emulated: tuple[bool, ...] = (),
    coherent: tuple[bool, ...] = (),
    isolated: tuple[bool, ...] = (),
    vfio_devices: int | None = None,
) -> Scope:
    """Devices dealt to groups in turn, physical and fit to be bound unless said otherwise; some, or all, are VFIO's."""
    devices = sizes["device"]
    drivers = tuple(VFIO if vfio_devices is None or d < vfio_devices else NONE_BOUND for d in range(devices))
    fixed = {
        "group of": tuple(d % sizes["group"] for d in range(devices)),
        "no iommu": (False,) * sizes["group"],
        "emulated": emulated or (False,) * devices,
        "coherent": coherent or (True,) * devices,
        "isolated": isolated or (True,) * devices,
    }
    initial = {"driver": (drivers,), "registered": (tuple(d == VFIO for d in drivers),)}
    return Scope({"user": 0, "container": 0, **sizes}, fixed, initial)
