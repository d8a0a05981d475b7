"""Scopes of the system in which a device is opened by itself or through a group that has a container or an iommufd."""

from __future__ import annotations

from tenure.models import files
from tenure.search.cdev_group_scopes import BESIDE
from tenure.search.cdev_scopes import CDEVS, EMULATED, NONCOHERENT, ON_VFIO, UNFIT, cdev_scope
from tenure.search.cdev_vm_scopes import CDEVS_GROUPS_AND_VMS
from tenure.search.family import Family, Place
from tenure.search.iommufd_group_scopes import BY_THEMSELVES, ONE_IOMMUFD, THROUGH_GROUPS, USES
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE
from tenure.vocabulary.terms import every, no

_ONE = {**BESIDE, "file": 3}
_MOVES = {**BESIDE, "table": 3}
"""A container, a group, an iommufd and a device have files; SET_CONTAINER needs a name beside the two tables of the former."""
_OF_VMS = {**_ONE, "user": 1, "vm": 1}
_ALONE = {**_ONE, "container": 0, "table": 0, "iommu_driver": 0}
_KEPT = {**_ALONE, "user": 1, "vm": 1}
_NO_IOMMUFD = (every(FILE, lambda f: no(files.kind[f] == "iommufd")), "no iommufd is open")

_DEEP = (
    *((s, calls) for s, calls in CDEVS_GROUPS_AND_VMS.deep if not any(s.fixed["no iommu"])),
    (cdev_scope({**_ALONE, "group": 3, "device": 3, "table": 1}, UNFIT), USES),
    (cdev_scope({**_ALONE, "device": 2, "table": 1}, vfio_devices=1), USES | {"bind_driver"}),
    (cdev_scope({**_ALONE, "device": 2, "file": 4, "table": 2}), USES | {"ioas_alloc", "set_vfio_ioas"}),
    (cdev_scope({**_ALONE, "table": 2}), USES | {"unset_container", "clear_vfio_ioas", "close", "release_device"}),
)
"""As of `cdev:vms`, of groups with IOMMU; and through a group that uses an iommufd."""

GROUPS_OF_BOTH = Family(
    marks=seen.file_uses,
    besides=(seen.container_lists,),
    scope=cdev_scope,
    main=_ONE,
    narrow=(),
    witness=cdev_scope({**_ONE, "process": 2, "file": 2, "device": 2}, vfio_devices=1),
    deep=_DEEP,
    gate=cdev_scope(
        {**BESIDE, "process": 2, "thread": 1, "file": 8, "group": 2, "container": 2, "device": 3, "table": 3}
        | {"user": 2, "vm": 1}
    ),
    plan=cdev_scope({**_OF_VMS, "thread": 1, "file": 4}),
    whole=(
        Place("a device and its group", cdev_scope(_ONE)),
        Place("shared files", cdev_scope({**_ONE, "process": 2, "file": 2})),
        Place("a device that is not coherent", cdev_scope(_ONE, {"coherent": (False,)})),
        Place("a device whose interrupts are not isolated", cdev_scope(_ONE, {"isolated": (False,)})),
        Place("an emulated device", cdev_scope(_ONE, EMULATED)),
        Place("a kernel driver", cdev_scope({**_ONE, "file": 2, "device": 2}, vfio_devices=1)),
        Place(
            "a kernel driver, device files of groups alone",
            cdev_scope({**_ONE, "device": 2}, vfio_devices=1),
            within=(THROUGH_GROUPS, ONE_IOMMUFD),
        ),
        Place(
            "two devices of a group",
            cdev_scope({**_MOVES, "device": 2}),
            within=(THROUGH_GROUPS, ONE_IOMMUFD, ON_VFIO),
        ),
        Place(
            "two devices of a group, device files alone",
            cdev_scope({**_ONE, "device": 2, "table": 2}),
            within=(BY_THEMSELVES, ONE_IOMMUFD, ON_VFIO),
        ),
        Place(
            "a VM that keeps a device file or a group's",
            cdev_scope({**_KEPT, "user": 2}, NONCOHERENT),
            within=(ON_VFIO,),
        ),
        Place("a VM, two processes", cdev_scope({**_KEPT, "process": 2, "file": 2}), within=(ON_VFIO,)),
        Place(
            "a VM, a group that uses an iommufd",
            cdev_scope({**_KEPT, "file": 4, "table": 1}),
            within=(THROUGH_GROUPS, ONE_IOMMUFD, ON_VFIO),
        ),
        Place(
            "a VM, a group in a container",
            cdev_scope({**_OF_VMS, "file": 4}),
            within=(THROUGH_GROUPS, _NO_IOMMUFD, ON_VFIO),
        ),
        Place("a container, a group, an iommufd, a device", cdev_scope(_MOVES), full=True),
        Place(
            "a VM, a container, a group, an iommufd", cdev_scope({**_OF_VMS, "file": 4}), full=True, within=(ON_VFIO,)
        ),
    ),
    pairs=(
        Place(
            "a device of a group",
            cdev_scope({**_MOVES, "thread": 2, "table": 2}),
            within=(THROUGH_GROUPS, ONE_IOMMUFD, ON_VFIO),
        ),
        Place("a device and its group", cdev_scope({**_ALONE, "thread": 2, "file": 2, "table": 1})),
        Place(
            "a device of a group, each of both with its table",
            cdev_scope({**_MOVES, "thread": 2}),
            full=True,
            within=(THROUGH_GROUPS, ONE_IOMMUFD, ON_VFIO),
        ),
        Place("a device, its group and what that has", cdev_scope({**_ONE, "thread": 2}), full=True),
    ),
    columns=CDEVS.columns,
    tables=CDEVS.tables,
)
"""Every group has an IOMMU."""
