"""Scopes of the system in which VMs keep files of groups and of devices that are opened by themselves."""

from __future__ import annotations

from dataclasses import replace

from tenure.search.cdev_group_scopes import BESIDE, CDEVS_AND_GROUPS, PLACES
from tenure.search.cdev_scopes import KEEPS, NONCOHERENT, ON_VFIO, RELEASES, cdev_scope
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen

_LISTS = {**BESIDE, "thread": 1, "container": 0, "table": 0, "iommu_driver": 0, "user": 1, "vm": 1}
"""A VM with one entry, a group and its device; no container."""
_KEPT = {**_LISTS, "thread": 0, "file": 3}
"""A VM and its KVM VFIO device, whose list keeps the only other file."""
_PLACED = {**BESIDE, "thread": 1, "file": 5, "user": 1, "vm": 1}
_MAKES = frozenset({"create_vm", "create_kvm_vfio", "file_add"})
_BOTH = _MAKES | {"open_group", "open_cdev", "open_iommufd", "bind", "exit_process"}

CDEVS_GROUPS_AND_VMS: Family = replace(
    CDEVS_AND_GROUPS,
    marks=seen.entry_cdev,
    besides=(seen.group_cdevs,),
    deep=(
        *CDEVS_AND_GROUPS.deep,
        (cdev_scope(_LISTS), KEEPS | RELEASES | {"file_del"}),
        (cdev_scope({**_LISTS, "file": 5, "user": 2}, NONCOHERENT), KEEPS | RELEASES),
        (cdev_scope(_LISTS), _BOTH | {"close", "release_group", "release_entry", "release_kvm_vfio", "file_del"}),
        (cdev_scope({**_LISTS, "process": 2, "file": 2}), _MAKES | {"file_del", "pass_file"}),
        (cdev_scope(_PLACED), PLACES | _MAKES),
        (cdev_scope(_PLACED), PLACES | _MAKES | {"exit_process", "release_device", "release_group"} | RELEASES),
        (
            cdev_scope({**_LISTS, "file": 3}),
            _MAKES | {"open_group", "unbind_driver", "bind_driver", "file_del"},
        ),
        (cdev_scope({**_LISTS, "file": 3, "device": 2}, vfio_devices=1), _MAKES | {"open_group", "bind_driver"}),
    ),
    gate=cdev_scope(
        {**CDEVS_AND_GROUPS.gate.sizes, "file": 8, "user": 2, "vm": 1},
        {"no iommu": (False, True), "is noiommu": (False, True)},
    ),
    plan=cdev_scope({**_PLACED, "table": 1}),
    whole=(
        Place(
            "a VM that keeps a device file or a group's",
            cdev_scope({**_KEPT, "user": 2}, NONCOHERENT),
            within=(ON_VFIO,),
        ),
        Place("a VM, two processes", cdev_scope({**_KEPT, "process": 2, "file": 2}), within=(ON_VFIO,)),
        Place("a list of two", cdev_scope({**_KEPT, "file": 4, "user": 2}), within=(ON_VFIO,), full=True),
        Place("a VM, a group, an iommufd, a device", cdev_scope({**_KEPT, "file": 4}), within=(ON_VFIO,), full=True),
        Place("a VM, a group in a container", cdev_scope({**_PLACED, "thread": 0}), within=(ON_VFIO,), full=True),
        *CDEVS_AND_GROUPS.whole,
    ),
    pairs=(
        Place("a list and two files", cdev_scope({**_KEPT, "thread": 2}), within=(ON_VFIO,), full=True),
        Place("a list, a group, an iommufd, a device", cdev_scope({**_KEPT, "thread": 2, "file": 4}), full=True),
        *CDEVS_AND_GROUPS.pairs,
    ),
)
