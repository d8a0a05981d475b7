"""Scopes of the systems of device files that are opened by themselves: physical devices in groups, emulated ones."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.models import groups
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import DEVICE
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.terms import every

VFIO, NONE_BOUND = (DRIVER.values.index(name) for name in ("vfio", "none"))

FIT: Mapping[str, tuple[bool, ...]] = {}
"""Every device is physical, coherent and isolated."""
NONCOHERENT: Mapping[str, tuple[bool, ...]] = {"enforced coherent": (False,)}
"""For the only device the IOMMU does not enforce cache coherency."""
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
    if sizes.get("vm"):
        fixed["enforced coherent"] = hardware.get("enforced coherent", tuple(d == VFIO for d in drivers))
    initial = {"driver": (drivers,), "registered": (tuple(d == VFIO for d in drivers),)}
    initial["driver registered"] = ((True,) * iommu_drivers,)
    return Scope({"user": 0, "vm": 0, "container": 0, **sizes}, fixed, initial)


_FILES = {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 2, "table": 2}
UNFIT = {"coherent": (True, False, True), "isolated": (True, True, False)}
"""Of three devices one is not coherent, and one not isolated."""
_OF_VMS = {**_FILES, "thread": 1, "file": 4, "device": 1, "table": 0, "user": 1, "vm": 1}
_KEPT_TWICE = {**_OF_VMS, "file": 5, "user": 2}
KEEPS = frozenset({"open_iommufd", "open_cdev", "bind", "create_vm", "create_kvm_vfio", "file_add", "exit_process"})
RELEASES = frozenset(
    {
        "release_vm",
        "release_kvm_vfio",
        "release_entry",
        "destroy_entry",
        "destroy_vm",
        "release_device",
        "release_iommufd",
    }
)

ON_VFIO = (
    every(DEVICE, lambda d: groups.driver[d] == "vfio"),
    "every device is on VFIO's driver",
)
"""Drivers come and go where there is no VM."""

CDEVS = Family(
    marks=seen.file_granted,
    scope=cdev_scope,
    main={**_FILES, "table": 1},
    narrow=(cdev_scope({**_FILES, "device": 1}, EMULATED),),
    witness=cdev_scope({**_FILES, "process": 2, "file": 2, "group": 3, "device": 3, "table": 1}, UNFIT),
    deep=(
        (
            cdev_scope({**_FILES, "file": 3, "device": 2}),
            frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach", "detach"}),
        ),
        (
            cdev_scope({**_FILES, "device": 1}, EMULATED),
            frozenset(
                {"open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach", "detach", "close", "release_device"}
            ),
        ),
        (cdev_scope(_OF_VMS), KEEPS | RELEASES | {"file_del"}),
        (cdev_scope(_KEPT_TWICE, NONCOHERENT), KEEPS | RELEASES),
        (
            cdev_scope({**_OF_VMS, "process": 2, "file": 2}),
            frozenset({"create_vm", "create_kvm_vfio", "file_add", "file_del", "pass_file"}),
        ),
    ),
    gate=cdev_scope(
        {"process": 2, "thread": 1, "file": 8, "group": 2, "device": 4, "table": 3, "user": 2, "vm": 1},
        {"emulated": (False, False, False, True)},
    ),
    plan=cdev_scope({**_OF_VMS, "device": 2, "table": 2}, vfio_devices=1),
    whole=(
        Place("one device", cdev_scope({**_FILES, "device": 1, "table": 1, "process": 2})),
        Place("two devices of a group", cdev_scope(_FILES)),
        Place("an emulated device", cdev_scope({**_FILES, "device": 1}, EMULATED)),
        Place(
            "devices that are not fit", cdev_scope({**_FILES, "file": 2, "group": 3, "device": 3, "table": 1}, UNFIT)
        ),
        Place("a VM that keeps a device file", cdev_scope(_OF_VMS), within=(ON_VFIO,)),
        Place("a list of two", cdev_scope({**_OF_VMS, "user": 2, "file": 3}, NONCOHERENT), within=(ON_VFIO,)),
        Place("a VM, two processes", cdev_scope({**_OF_VMS, "process": 2, "file": 2}), within=(ON_VFIO,)),
        Place("a VM that keeps two files of a device", cdev_scope(_KEPT_TWICE), within=(ON_VFIO,), full=True),
        Place("two devices, two iommufds", cdev_scope({**_FILES, "file": 4}), full=True),
        Place("two groups", cdev_scope({**_FILES, "file": 4, "group": 2, "device": 3}), full=True),
    ),
    pairs=(
        Place("one device", cdev_scope({**_FILES, "thread": 2, "device": 1})),
        Place(
            "a list and a device file", cdev_scope({**_OF_VMS, "thread": 2, "file": 3}, NONCOHERENT), within=(ON_VFIO,)
        ),
        Place("a list, a device file, an iommufd", cdev_scope({**_OF_VMS, "thread": 2}), within=(ON_VFIO,), full=True),
        Place("two devices of a group", cdev_scope({**_FILES, "thread": 2, "table": 1})),
    ),
    columns=(("rawio", "p", "rawio"), ("driver_noiommu", "dr", "is noiommu")),
    tables={
        "device_group": "group of",
        "device_bridge": "bridge",
        "group_no_iommu": "no iommu",
        "device_emulated": "emulated",
        "device_coherent": "coherent",
        "device_isolated": "isolated",
        "device_enforced_coherent": "enforced coherent",
    },
)
