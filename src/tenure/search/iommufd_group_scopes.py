"""Scopes of the system in which a device is opened by itself or through a group that uses an iommufd."""

from __future__ import annotations

from tenure.models import cdev_fields, files
from tenure.search.cdev_scopes import CDEVS, EMULATED, ON_VFIO, UNFIT, cdev_scope
from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import FILE, TABLE
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no


def _is_iommufd(file: Term) -> Term:
    return files.kind[file] == "iommufd"


_ONE = {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 1, "table": 1, "page": 0}
_TWO_GROUPS = {**_ONE, "group": 2, "device": 2}
_NO_IOMMU = {"no iommu": (True,)}
_MIXED = {"no iommu": (False, True)}
_BINDS = frozenset({"open_iommufd", "open_cdev", "bind", "close", "release_device", "release_iommufd"})
_ATTACHES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach"})
USES = frozenset({"open_iommufd", "open_group", "set_container", "get_device_fd"})
_CLOSES = frozenset({"close", "release_device", "release_group", "release_iommufd"})

THROUGH_GROUPS = (
    every(FILE, lambda f: implies(files.kind[f] == "device", no(is_none(files.file_group[f])))),
    "every device file is of a group's device",
)
BY_THEMSELVES = (
    every(FILE, lambda f: is_none(files.file_group[f])),
    "no file of a group, or of a device of one, is open",
)
ONE_IOMMUFD = (
    every(FILE, lambda f: every(FILE, lambda g: either(f == g, no(both(_is_iommufd(f), _is_iommufd(g)))))),
    "one iommufd is open, or none",
)
NO_SPACE = (every(TABLE, lambda t: is_none(cdev_fields.iommufd_of[t])), "no iommufd has an IO address space")

GROUPS_OF_IOMMUFDS = Family(
    marks=seen.file_uses,
    scope=cdev_scope,
    main=_ONE,
    narrow=(),
    witness=cdev_scope({**_ONE, "process": 2, "file": 2, "device": 2}, vfio_devices=1),
    deep=(
        (
            cdev_scope({**_ONE, "file": 2, "group": 3, "device": 3}, UNFIT),
            frozenset({"open_iommufd", "open_cdev", "bind"}),
        ),
        (cdev_scope({**_ONE, "group": 3, "device": 3}, UNFIT), USES),
        (cdev_scope({**_ONE, "table": 2, "device": 2}), _ATTACHES),
        (cdev_scope({**_ONE, "file": 2, "table": 2}), _ATTACHES | _BINDS | {"detach", "destroy"}),
        (cdev_scope({**_ONE, "file": 2}, EMULATED), _ATTACHES),
        (cdev_scope({**_ONE, "file": 2, "device": 2}, vfio_devices=1), _BINDS | {"bind_driver"}),
        (
            cdev_scope({**_ONE, "table": 2, "file": 4}),
            USES | _CLOSES | {"unset_container", "get_info", "attach", "detach"},
        ),
        (cdev_scope({**_ONE, "table": 2, "device": 2, "file": 4}), USES | {"ioas_alloc", "set_vfio_ioas"}),
        (cdev_scope({**_ONE, "table": 2}), USES | {"set_vfio_ioas", "clear_vfio_ioas", "get_vfio_ioas", "destroy"}),
        (cdev_scope({**_ONE, "device": 2}, vfio_devices=1), USES | {"bind_driver", "unbind_driver", "get_status"}),
        (cdev_scope({**_TWO_GROUPS, "process": 2, "file": 4}, _MIXED), USES | {"pass_file", "set_vfio_ioas"}),
        (
            cdev_scope({**_ONE, "table": 2}, _NO_IOMMU),
            USES | {"ioas_alloc", "set_vfio_ioas", "close", "release_device"},
        ),
        (
            cdev_scope({**_ONE, "thread": 1, "device": 2, "file": 4}),
            USES | {"close", "release_group", "open_cdev", "bind"},
        ),
    ),
    gate=cdev_scope({**_TWO_GROUPS, "process": 2, "thread": 1, "file": 6, "device": 3, "table": 3}, _MIXED),
    plan=cdev_scope({**_ONE, "thread": 1, "file": 4}),
    whole=(
        Place("a device and its group", cdev_scope(_ONE)),
        Place("shared files", cdev_scope({**_ONE, "process": 2, "file": 2})),
        Place("a device that is not coherent", cdev_scope(_ONE, {"coherent": (False,)})),
        Place("a device whose interrupts are not isolated", cdev_scope(_ONE, {"isolated": (False,)})),
        Place("an emulated device", cdev_scope(_ONE, EMULATED)),
        Place("a group without IOMMU", cdev_scope(_ONE, _NO_IOMMU)),
        Place(
            "a group without IOMMU, two processes",
            cdev_scope({**_ONE, "process": 2}, _NO_IOMMU),
            within=(THROUGH_GROUPS, ONE_IOMMUFD, NO_SPACE),
        ),
        Place("a group without IOMMU, two IO address spaces", cdev_scope({**_ONE, "file": 2, "table": 2}, _NO_IOMMU)),
        Place("groups of both kinds", cdev_scope({**_TWO_GROUPS, "file": 2}, _MIXED)),
        Place(
            "a kernel driver", cdev_scope({**_ONE, "device": 2}, vfio_devices=1), within=(THROUGH_GROUPS, ONE_IOMMUFD)
        ),
        Place("a kernel driver, device files alone", cdev_scope({**_ONE, "file": 2, "device": 2}, vfio_devices=1)),
        Place(
            "two devices of a group",
            cdev_scope({**_ONE, "file": 4, "device": 2, "table": 2}),
            within=(THROUGH_GROUPS, ONE_IOMMUFD, ON_VFIO),
        ),
        Place(
            "two devices of a group, device files alone",
            cdev_scope({**_ONE, "device": 2, "table": 2}),
            within=(BY_THEMSELVES, ONE_IOMMUFD, ON_VFIO),
        ),
        Place("two IO address spaces", cdev_scope({**_ONE, "table": 2}), full=True),
        Place("groups of both kinds, three files", cdev_scope(_TWO_GROUPS, _MIXED), full=True),
        Place("two groups", cdev_scope({**_TWO_GROUPS, "file": 4, "device": 3}), full=True),
    ),
    pairs=(
        Place("a device and its group", cdev_scope({**_ONE, "thread": 2, "file": 2})),
        Place("two devices and their group", cdev_scope({**_ONE, "thread": 2, "file": 2, "device": 2, "table": 0})),
        Place("a device, its group and an iommufd", cdev_scope({**_ONE, "thread": 2}), full=True),
        Place("two devices of a group", cdev_scope({**_ONE, "thread": 2, "device": 2}), full=True),
    ),
    columns=CDEVS.columns,
    tables=CDEVS.tables,
)
