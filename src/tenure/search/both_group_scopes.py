"""Scopes of the system in which a device is opened by itself or through a group that has a container or an iommufd."""

from __future__ import annotations

from dataclasses import replace

from tenure.search.cdev_group_scopes import BESIDE, CDEVS_AND_GROUPS
from tenure.search.cdev_scopes import ON_VFIO, cdev_scope
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen

_ONE = {**BESIDE, "file": 3}

GROUPS_OF_BOTH: Family = replace(
    CDEVS_AND_GROUPS,
    marks=seen.file_uses,
    besides=(seen.container_lists,),
    gate=cdev_scope(
        {**_ONE, "process": 2, "thread": 1, "file": 8, "group": 2, "container": 2, "device": 3, "table": 3}
        | {"user": 2, "vm": 1}
    ),
    plan=cdev_scope({**_ONE, "thread": 1, "file": 4}),
    whole=(
        Place("a device and its group", cdev_scope(_ONE)),
    ),
    pairs=(
        Place("a device and its group", cdev_scope({**_ONE, "thread": 2, "file": 2})),
    ),
)
