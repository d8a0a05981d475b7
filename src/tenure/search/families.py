"""Families of systems that speak of no groups: each with its own scopes, of searches, of the gate and of `conform`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tenure.models import dma_rfc2011, dma_type1, files, groups, metagroups
from tenure.search.cdev_scopes import EMULATED, cdev_scope
from tenure.search.interrupt_scopes import INDEXES, SIZES, WIRED, interrupt_scope
from tenure.search.metagroup_scopes import ASKS, DESCRIBED, DEVICES, MAPS, MERGES, OPENS, OUTSIDE, metagroup_scope
from tenure.search.metagroup_scopes import SIZES as OF_METAGROUPS
from tenure.search.object_scopes import object_scope
from tenure.search.paged_scopes import paged_scope
from tenure.search.range_scopes import range_scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.objects import ADDRESS, DEVICE, FILE, MAPPING, TABLE
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some

Sizes = dict[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A scope with a name; `full` where only a run without a budget looks at it."""

    name: str
    scope: Scope
    full: bool = False
    within: tuple[tuple[Term, str], ...] = ()
    """Conditions on the states that a comparison goes on from, in logic and in words."""


@dataclass(frozen=True, slots=True)
class Family:
    """Systems that are alike in what they speak of."""

    marks: Observable
    """What these systems show and no others do."""
    scope: Callable[[Sizes], Scope]
    main: Sizes
    """Where violations are searched; by two threads where calls interleave."""
    narrow: tuple[Scope, ...]
    """Where violations are searched besides."""
    witness: Scope
    """Where the rest of the cases can be reached."""
    gate: Scope
    plan: Scope
    whole: tuple[Place, ...]
    pairs: tuple[Place, ...]
    columns: tuple[tuple[str, str, str], ...] = ()
    """What never changes, for the line protocol: its name, the letter of its places, the field of the scope."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """The same, for observables of any places: the field of each."""
    modelled: tuple[tuple[Term, str], ...] = ()
    """Conditions on the states of which the rules say what comes next, in logic and in words."""
    deep: tuple[tuple[Scope, frozenset[str]], ...] = ()
    """Where violations and the rest of the cases are searched deeper, by these calls alone.

    Where calls interleave it is by as many threads as the scope has, or two.
    """
    within: tuple[tuple[Term, str], ...] = ()
    """The same for those that a comparison goes on from besides."""

    def main_scope(self, granularity: Granularity, more: Iterable[tuple[str, int]] = ()) -> Scope:
        """The scope of a search for violations, with `more` objects of some sorts."""
        threads = {"thread": 2} if granularity is Granularity.STEPS else {}
        return self.scope({**self.main, **threads, **dict(more)})

    def deep_scopes(self, granularity: Granularity) -> tuple[tuple[Scope, frozenset[str]], ...]:
        """Where to search deeper, and by which calls."""
        if granularity is Granularity.WHOLE:
            return self.deep
        return tuple((replace(s, sizes={**s.sizes, "thread": s.sizes["thread"] or 2}), calls) for s, calls in self.deep)


_WHOLE = {"thread": 1, "file": 2, "device": 1, "eventfd": 2, "array": 3}
_PAIRS = {"thread": 2, "file": 2, "device": 1, "eventfd": 2, "array": 2}

TYPE1 = Family(
    marks=seen.address_valid,
    scope=range_scope,
    main={"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3},
    narrow=(),
    witness=range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
    gate=range_scope({"process": 2, "thread": 1, "table": 2, "address": 8, "mapping": 5}, most=3),
    plan=range_scope({"process": 2, "thread": 1, "table": 1, "address": 4, "mapping": 3}),
    whole=(
        Place("one address space", range_scope({"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
        ),
        Place(
            "large", range_scope({"process": 2, "thread": 1, "table": 1, "address": 8, "mapping": 5}, most=4), full=True
        ),
    ),
    pairs=(
        Place("one address space", range_scope({"process": 2, "thread": 2, "table": 1, "address": 4, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 2, "table": 2, "address": 3, "mapping": 3}),
            full=True,
        ),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("address_valid", "a", "valid range"),
        ("mappings_most", "tb", "entry limit"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)

ORDINARY = (
    every(
        MAPPING,
        lambda m: implies(
            no(is_none(dma_type1.listed[m])),
            both(
                dma_type1.position[dma_type1.first[m]] <= dma_type1.position[dma_type1.last[m]],
                every(
                    MAPPING,
                    lambda n: either(
                        m == n,
                        no(dma_type1.listed[m] == dma_type1.listed[n]),
                        no(dma_type1.overlaps(m, dma_type1.first[n], dma_type1.last[n])),
                    ),
                ),
            ),
        ),
    ),
    "no mapping goes round the top or overlaps another",
)
"""What is done to mappings that no list can hold is not modelled: entries of the RFC's list that only wrong calls make."""


def _is_stray(table: Term, address: Term) -> Term:
    """The IOMMU leads somewhere, and no mapping has the address."""

    def has_it(mapping: Term) -> Term:
        inside = dma_type1.within(address, dma_type1.first[mapping], dma_type1.last[mapping])
        return both(dma_type1.in_list(table, mapping), inside)

    return both(dma_rfc2011.leads[table, address] > 0, no(some(MAPPING, has_it)))


def _is_the_only_stray(table: Term, address: Term) -> Term:
    def other(one: Term, place: Term) -> Term:
        return both(_is_stray(one, place), no(both(one == table, place == address)))

    return no(some(TABLE, lambda t: some(ADDRESS, lambda a: other(t, a))))


FEW_STRAYS = (
    every(TABLE, lambda t: every(ADDRESS, lambda a: implies(_is_stray(t, a), _is_the_only_stray(t, a)))),
    "at most one address leads somewhere without a mapping",
)
"""Where translations are left behind (D-G1-09) they would only be more of the same."""

RFC2011 = Family(
    modelled=(ORDINARY,),
    within=(FEW_STRAYS,),
    marks=seen.mapping_memory,
    scope=paged_scope,
    main={"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2},
    narrow=(paged_scope({"process": 1, "thread": 1, "table": 1, "address": 3, "page": 2, "mapping": 3}),),
    witness=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 2, "page": 2, "mapping": 2}, limit=0),
    gate=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 3, "mapping": 5}),
    plan=paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
    whole=(
        Place(
            "one address space",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
        ),
        Place(
            "a limit of no page",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 2, "mapping": 2}, limit=0),
        ),
        Place(
            "two address spaces",
            paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 1, "mapping": 2}, limit=0),
        ),
        Place(
            "large",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 8, "page": 4, "mapping": 5}),
            full=True,
        ),
    ),
    pairs=(),
    columns=(
        ("address_position", "a", "position"),
        ("page_number", "pg", "page number"),
        ("page_reserved", "pg", "reserved"),
        ("page_frame_0", "pg", "frame 0"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)

INTERRUPTS = Family(
    marks=seen.line_index,
    scope=interrupt_scope,
    main=SIZES,
    narrow=(),
    witness=interrupt_scope({**SIZES, "file": 1, "device": 2}, devices=(0, 0, 1), lines=(1, 1, 0)),
    gate=interrupt_scope(
        {"thread": 1, "file": 3, "device": 2, "eventfd": 4, "array": 4},
        devices=(0, 0, 1, 1),
        lines=(2, 3, 1, 0),
        most=3,
    ),
    plan=interrupt_scope(
        {"thread": 1, "file": 2, "device": 2, "eventfd": 2, "array": 3}, devices=(0, 0, 1), lines=(1, 1, 0)
    ),
    whole=(
        Place("one device", interrupt_scope(_WHOLE, most=2)),
        Place("several lines", interrupt_scope({**_WHOLE, "file": 1, "eventfd": 3}, lines=(2, 1))),
        Place("two devices", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 1, 1), lines=(1, 1, 0))),
        Place("large", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 0, 1), lines=(2, 1, 1)), full=True),
    ),
    pairs=(
        Place("one device", interrupt_scope(_PAIRS)),
        Place("several lines", interrupt_scope({**_PAIRS, "file": 1, "array": 3}, lines=(2,), devices=(0,))),
        Place("two devices", interrupt_scope({**_PAIRS, "device": 2}, devices=(0, 1), lines=(1, 1)), full=True),
    ),
    tables=INDEXES | WIRED,
)

_ONE = {"process": 1, "thread": 1, "file": 2, "object": 3, "device": 1}

OBJECTS = Family(
    marks=seen.object_users,
    scope=object_scope,
    main=_ONE,
    narrow=(),
    witness=object_scope({**_ONE, "process": 2, "file": 3, "object": 2}),
    gate=object_scope({"process": 2, "thread": 1, "file": 6, "object": 6, "device": 3}),
    plan=object_scope({**_ONE, "file": 3}),
    whole=(
        Place("one device", object_scope({**_ONE, "process": 2, "object": 4})),
        Place("two devices", object_scope({**_ONE, "file": 3, "device": 2})),
        Place("large", object_scope({**_ONE, "process": 2, "file": 3, "device": 2}), full=True),
    ),
    pairs=(
        Place("one device", object_scope({**_ONE, "thread": 2})),
        Place("two files of a device", object_scope({**_ONE, "thread": 2, "file": 3}), full=True),
    ),
    tables={"device_emulated": "emulated"},
)

_TWO = {**OF_METAGROUPS, "process": 2, "group": 1, "metagroup": 1}
_THREE = {**OF_METAGROUPS, "file": 4, "group": 3, "metagroup": 3, "device": 3, "page": 0}
_MERGED = {**OF_METAGROUPS, "device": 2, "page": 0}
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

METAGROUPS = Family(
    marks=seen.metagroup_of,
    scope=metagroup_scope,
    main=OF_METAGROUPS,
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
        (metagroup_scope(_MERGED, odd_iommu=True), MERGES),
        (metagroup_scope({**_TWO, "page": 0}), DEVICES | {"pass_file"}),
        (metagroup_scope(_THREE), OPENS - OUTSIDE | {"merge", "close", "release_iommu"}),
        (_DESCRIBED, ASKS),
    ),
    gate=metagroup_scope(
        {"process": 2, "file": 5, "group": 3, "metagroup": 3, "device": 3, "page": 3},
        limit=2,
        regions=((0, 4096), (0, 0), (0, 256), (1, 64)),
        indexes=((0, 1), (0, 0), (1, 4)),
    ),
    plan=metagroup_scope({**OF_METAGROUPS, "process": 2}),
    whole=(
        Place("two groups", metagroup_scope({**_MERGED, "file": 2})),
        Place("two groups, three files", metagroup_scope(_MERGED), within=(VIABLE,)),
        Place("what devices tell", _DESCRIBED),
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
        Place("three groups", metagroup_scope(_THREE), full=True),
        Place("large", metagroup_scope({**OF_METAGROUPS, "process": 2, "device": 2}), full=True),
    ),
    pairs=(
        Place("one group", metagroup_scope({**_TWO, "process": 1, "file": 2, "thread": 2})),
        Place("two groups", metagroup_scope({**_MERGED, "thread": 2}), full=True),
    ),
    columns=(
        ("group_bus", "g", "bus"),
        ("group_coherent", "g", "coherent"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
    tables={"device_group": "group of", **DESCRIBED},
)

_FILES = {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 2, "table": 2}
_UNFIT = {"coherent": (True, False, True), "isolated": (True, True, False)}
_OF_VMS = {**_FILES, "thread": 1, "file": 4, "device": 1, "table": 0, "user": 1, "vm": 1}
_KEPT_TWICE = {**_OF_VMS, "file": 5, "user": 2}
_KEEPS = frozenset({"open_iommufd", "open_cdev", "bind", "create_vm", "create_kvm_vfio", "file_add", "exit_process"})
_RELEASES = frozenset(
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
    witness=cdev_scope({**_FILES, "process": 2, "file": 2, "group": 3, "device": 3, "table": 1}, _UNFIT),
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
        (cdev_scope(_OF_VMS), _KEEPS | _RELEASES | {"file_del"}),
        (cdev_scope(_KEPT_TWICE), _KEEPS | _RELEASES),
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
            "devices that are not fit", cdev_scope({**_FILES, "file": 2, "group": 3, "device": 3, "table": 1}, _UNFIT)
        ),
        Place("a VM that keeps a device file", cdev_scope(_OF_VMS), within=(ON_VFIO,)),
        Place("a list of two", cdev_scope({**_OF_VMS, "user": 2, "file": 3}), within=(ON_VFIO,)),
        Place("a VM, two processes", cdev_scope({**_OF_VMS, "process": 2, "file": 2}), within=(ON_VFIO,)),
        Place("a VM that keeps two files of a device", cdev_scope(_KEPT_TWICE), within=(ON_VFIO,), full=True),
        Place("two devices, two iommufds", cdev_scope({**_FILES, "file": 4}), full=True),
        Place("two groups", cdev_scope({**_FILES, "file": 4, "group": 2, "device": 3}), full=True),
    ),
    pairs=(
        Place("one device", cdev_scope({**_FILES, "thread": 2, "device": 1})),
        Place("a list and a device file", cdev_scope({**_OF_VMS, "thread": 2, "file": 3}), within=(ON_VFIO,)),
        Place("a list, a device file, an iommufd", cdev_scope({**_OF_VMS, "thread": 2}), within=(ON_VFIO,), full=True),
        Place("two devices of a group", cdev_scope({**_FILES, "thread": 2, "table": 1}), full=True),
    ),
    columns=(("rawio", "p", "rawio"), ("driver_noiommu", "dr", "is noiommu")),
    tables={
        "device_group": "group of",
        "device_bridge": "bridge",
        "group_no_iommu": "no iommu",
        "device_emulated": "emulated",
        "device_coherent": "coherent",
        "device_isolated": "isolated",
    },
)

_BESIDE = {
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
_ALONE = {**_BESIDE, "container": 0, "iommu_driver": 0}
_BOUND = {**_ALONE, "thread": 1, "file": 2}
_TWO_GROUPS = {**_BESIDE, "group": 2, "device": 2, "iommu_driver": 2}
_NO_IOMMU = {"no iommu": (True,), "is noiommu": (False, True)}
_MIXED = {"no iommu": (False, True), "is noiommu": (False, True)}
_BINDS = frozenset({"open_iommufd", "open_cdev", "bind", "close", "release_device", "release_iommufd"})
_ATTACHES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach"})
_PLACES = frozenset({"open_container", "open_group", "set_container", "set_iommu", "get_device_fd"})

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
    main={**_BESIDE, "file": 3},
    narrow=(),
    witness=cdev_scope({**_BESIDE, "process": 2, "file": 2, "device": 2}, vfio_devices=1),
    deep=(
        (
            cdev_scope({**_BESIDE, "file": 2, "group": 3, "device": 3}, _UNFIT),
            frozenset({"open_iommufd", "open_cdev", "bind"}),
        ),
        (cdev_scope({**_BOUND, "file": 3, "table": 2, "device": 2}), _ATTACHES),
        (cdev_scope({**_BOUND, "table": 2}), _ATTACHES | _BINDS | {"detach", "destroy"}),
        (cdev_scope(_BOUND, EMULATED), _ATTACHES),
        (cdev_scope({**_BOUND, "device": 2}, vfio_devices=1), _BINDS | {"bind_driver"}),
        (cdev_scope({**_BESIDE, "thread": 1}), _PLACES | {"bind", "attach", "detach", "close", "release_device"}),
        (cdev_scope({**_BESIDE, "file": 3, "container": 2}), _PLACES | {"unset_container", "close", "release_group"}),
        (cdev_scope({**_BESIDE, "file": 3, "device": 2}, vfio_devices=1), _PLACES | {"bind_driver", "unbind_driver"}),
        (
            cdev_scope(
                {**_BESIDE, "process": 2, "file": 3, "group": 2, "device": 2, "iommu_driver": 2},
                _MIXED,
            ),
            _PLACES | {"pass_file"},
        ),
    ),
    gate=cdev_scope(
        {**_TWO_GROUPS, "process": 2, "thread": 1, "file": 6, "container": 2, "device": 3, "table": 2}, _MIXED
    ),
    plan=cdev_scope({**_BESIDE, "thread": 1}),
    whole=(
        Place("a device and a group", cdev_scope({**_BESIDE, "file": 3})),
        Place("shared files", cdev_scope({**_BESIDE, "process": 2, "file": 2, "table": 0})),
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
            cdev_scope({**_BESIDE, "process": 2, "iommu_driver": 2, "file": 3}, _NO_IOMMU),
            full=True,
        ),
        Place("groups of both kinds", cdev_scope({**_TWO_GROUPS, "file": 3, "table": 0}, _MIXED), full=True),
        Place(
            "a group without IOMMU, no iommufd",
            cdev_scope({**_BESIDE, "process": 2, "iommu_driver": 2, "file": 3}, _NO_IOMMU),
            within=(OF_CONTAINERS,),
        ),
        Place(
            "groups of both kinds, no iommufd",
            cdev_scope({**_TWO_GROUPS, "file": 3, "table": 0}, _MIXED),
            within=(OF_CONTAINERS,),
        ),
        Place("a kernel driver", cdev_scope({**_BESIDE, "file": 2, "device": 2, "table": 0}, vfio_devices=1)),
        Place("two groups", cdev_scope({**_TWO_GROUPS, "file": 3}, _MIXED), full=True),
        Place("two devices of a group", cdev_scope({**_BESIDE, "file": 3, "device": 2}), full=True),
        Place("a container, a group, an iommufd, a device", cdev_scope(_BESIDE), full=True),
    ),
    pairs=(
        Place("a device and its group", cdev_scope({**_ALONE, "thread": 2, "file": 2, "table": 0})),
        Place("a device and a group", cdev_scope({**_BESIDE, "thread": 2, "file": 3}), full=True),
    ),
    columns=CDEVS.columns,
    tables=CDEVS.tables,
)

FAMILIES = (TYPE1, RFC2011, INTERRUPTS, OBJECTS, METAGROUPS, CDEVS_AND_GROUPS, CDEVS)


def family_of(system: System) -> Family | None:
    """The family of the system; None where it speaks of groups and files."""
    return next((one for one in FAMILIES if system.defines(one.marks)), None)
