"""Scopes of the systems in which a device is opened by itself or through its group."""

from __future__ import annotations

from tenure.models import files, groups
from tenure.search.cdev_scopes import CDEVS, EMULATED, UNFIT, cdev_scope
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.terms import both, every, implies, is_none, no

BESIDE = {
    "process": 1,
    "thread": 0,
    "file": 4,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "iommu_driver": 1,
}
_ALONE = {**BESIDE, "container": 0, "iommu_driver": 0}
_BOUND = {**_ALONE, "thread": 1, "file": 2}
_TWO_GROUPS = {**BESIDE, "group": 2, "device": 2, "iommu_driver": 2}
_NO_IOMMU = {"no iommu": (True,), "is noiommu": (False, True)}
_MIXED = {"no iommu": (False, True), "is noiommu": (False, True)}
_BINDS = frozenset({"open_iommufd", "open_cdev", "bind", "close", "release_device", "release_iommufd"})
_ATTACHES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach"})
PLACES = frozenset({"open_container", "open_group", "set_container", "set_iommu", "get_device_fd"})

OF_CONTAINERS = (
    both(
        every(FILE, lambda f: no(files.kind[f] == "iommufd")),
        every(FILE, lambda f: implies(files.kind[f] == "device", no(is_none(files.file_group[f])))),
        every(DEVICE, lambda d: groups.driver[d] == "vfio"),
    ),
    "every file is a container's, a group's or of a group's device, every device is on VFIO's driver",
)
"""How groups without IOMMU are met: neither they nor their containers have to do with iommufds."""

CDEVS_AND_GROUPS = Family(
    marks=seen.group_cdevs,
    scope=cdev_scope,
    main={**BESIDE, "file": 3},
    narrow=(),
    witness=cdev_scope({**BESIDE, "process": 2, "file": 2, "device": 2}, vfio_devices=1),
    deep=(
        (
            cdev_scope({**BESIDE, "file": 2, "group": 3, "device": 3}, UNFIT),
            frozenset({"open_iommufd", "open_cdev", "bind"}),
        ),
        (cdev_scope({**_BOUND, "file": 3, "table": 2, "device": 2}), _ATTACHES),
        (cdev_scope({**_BOUND, "table": 2}), _ATTACHES | _BINDS | {"detach", "destroy"}),
        (cdev_scope(_BOUND, EMULATED), _ATTACHES),
        (cdev_scope({**_BOUND, "device": 2}, vfio_devices=1), _BINDS | {"bind_driver"}),
        (cdev_scope({**BESIDE, "thread": 1}), PLACES | {"bind", "attach", "detach", "close", "release_device"}),
        (cdev_scope({**BESIDE, "file": 3, "container": 2}), PLACES | {"unset_container", "close", "release_group"}),
        (cdev_scope({**BESIDE, "file": 3, "device": 2}, vfio_devices=1), PLACES | {"bind_driver", "unbind_driver"}),
        (
            cdev_scope(
                {**BESIDE, "process": 2, "file": 3, "group": 2, "device": 2, "iommu_driver": 2},
                _MIXED,
            ),
            PLACES | {"pass_file"},
        ),
    ),
    gate=cdev_scope(
        {**_TWO_GROUPS, "process": 2, "thread": 1, "file": 6, "container": 2, "device": 3, "table": 2}, _MIXED
    ),
    plan=cdev_scope({**BESIDE, "thread": 1}),
    whole=(
        Place("a device and a group", cdev_scope({**BESIDE, "file": 3})),
        Place("shared files", cdev_scope({**BESIDE, "process": 2, "file": 2, "table": 0})),
        Place(
            "devices that are not fit",
            cdev_scope(
                {**_ALONE, "file": 2, "group": 2, "device": 2, "table": 0},
                {"coherent": (False, True), "isolated": (True, False)},
            ),
        ),
        Place(
            "two devices of a group, no group file",
            cdev_scope({**_ALONE, "file": 3, "device": 2, "table": 2}, vfio_devices=2),
        ),
        Place(
            "a group without IOMMU",
            cdev_scope({**BESIDE, "process": 2, "iommu_driver": 2, "file": 3}, _NO_IOMMU),
            full=True,
        ),
        Place("groups of both kinds", cdev_scope({**_TWO_GROUPS, "file": 3, "table": 0}, _MIXED), full=True),
        Place(
            "a group without IOMMU, no iommufd",
            cdev_scope({**BESIDE, "process": 2, "iommu_driver": 2, "file": 3}, _NO_IOMMU),
            within=(OF_CONTAINERS,),
        ),
        Place(
            "groups of both kinds, no iommufd",
            cdev_scope({**_TWO_GROUPS, "file": 3, "table": 0}, _MIXED),
            within=(OF_CONTAINERS,),
        ),
        Place("a kernel driver", cdev_scope({**BESIDE, "file": 2, "device": 2, "table": 0}, vfio_devices=1)),
        Place("two groups", cdev_scope({**_TWO_GROUPS, "file": 3}, _MIXED), full=True),
        Place("two groups, no container", cdev_scope({**_ALONE, "file": 4, "group": 2, "device": 3}), full=True),
        Place("two devices of a group", cdev_scope({**BESIDE, "file": 3, "device": 2}), full=True),
        Place("a container, a group, an iommufd, a device", cdev_scope(BESIDE), full=True),
    ),
    pairs=(
        Place("a device and its group", cdev_scope({**_ALONE, "thread": 2, "file": 2, "table": 0})),
        Place("two devices and their group", cdev_scope({**_ALONE, "thread": 2, "file": 2, "device": 2, "table": 0})),
        Place("a device and a group", cdev_scope({**BESIDE, "thread": 2, "file": 3}), full=True),
        Place("two devices of a group", cdev_scope({**_ALONE, "thread": 2, "file": 3, "device": 2}), full=True),
    ),
    columns=CDEVS.columns,
    tables=CDEVS.tables,
)
