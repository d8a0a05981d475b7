"""Profiles: the scopes in which subjects are driven and in which the reference is compared with the model."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from tenure.gate.catalogue import OBSERVABLES
from tenure.gate.subject import Setup, Shown
from tenure.models import containers, files, groups, iommu_drivers, modules, vms
from tenure.search.families import family_of
from tenure.search.family import Family, Place
from tenure.search.scopes import has_modules, has_users, has_vms, isolations, scope, sleepers
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, IOMMU_DRIVER, VM
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.symbols import Symbol
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import Term, both, either, every, no, number_of, some
from tenure.vocabulary.types import written


def gate_scope(system: System) -> Scope:
    """Where a subject is driven: two groups, two containers, three devices, two external users, two processes."""
    if (family := family_of(system)) is not None:
        return family.gate
    users = 2 if has_users(system) else 0
    return scope(
        {
            "process": 2,
            "thread": sleepers(system),
            "file": 8 if has_vms(system) else 6,
            "group": 2,
            "container": 2,
            "device": 3,
            "table": 2,
            "page": 2,
            "user": users,
            "vm": 2 if has_vms(system) else 0,
        },
        vfio_devices=3,
        coherent=(True, True, False),
    )


def plan_scope(system: System) -> Scope:
    """A part of the gate's scope, small enough to be searched for the runs with which a campaign begins."""
    if (family := family_of(system)) is not None:
        return family.plan
    common = {"process": 2, "thread": sleepers(system), "group": 1, "device": 1, "page": 1}
    if has_vms(system):
        return scope({**common, "file": 5, "container": 1, "table": 1, "user": 2, "vm": 1})
    return scope({**common, "file": 3, "container": 2, "table": 2, "user": 1 if has_users(system) else 0, "vm": 0})


def setup_of(system: System, machine: Machine) -> Setup:
    """A scope in the words of the line protocol."""
    where = machine.scope
    sizes = {k: v for k, v in where.sizes.items() if v}
    if (family := family_of(system)) is not None:
        return Setup(system.id, sizes, _fixed(where, family), _initial(where))

    def table(sort: str, letter: str, values: tuple[object, ...]) -> dict[str, str | int | bool]:
        return {f"{letter}{i}": values[i] for i in range(sizes.get(sort, 0))}  # type: ignore[misc]  # written values

    count = {s: sizes.get(s, 0) for s in ("device", "group", "process")}
    fixed: Shown = {
        "device_group": table("device", "d", tuple(f"g{v}" for v in where.fixed["group of"])),
        "device_bridge": table(
            "device", "d", tuple(bool(v) for v in where.fixed.get("bridge", (False,) * count["device"]))
        ),
        "group_no_iommu": table(
            "group", "g", tuple(bool(v) for v in where.fixed.get("no iommu", (False,) * count["group"]))
        ),
        "rawio": table("process", "p", tuple(bool(v) for v in where.fixed.get("rawio", (False,) * count["process"]))),
        "driver_noiommu": table("iommu_driver", "dr", tuple(bool(v) for v in where.fixed.get("is noiommu", ()))),
    }
    if "enforced coherent" in where.fixed:
        fixed["device_enforced_coherent"] = table(
            "device", "d", tuple(bool(v) for v in where.fixed["enforced coherent"])
        )
    drivers = tuple(DRIVER.values[v] for v in where.initial["driver"][0])
    return Setup(system.id, sizes, fixed, {"device_driver": table("device", "d", drivers)})


def _fixed(where: Scope, family: Family) -> Shown:
    """What never changes where there are no groups."""

    def table(name: str, field: str) -> dict[str, str | int | bool]:
        one = OBSERVABLES[name]
        places = product(*([sort.element(i) for i in range(where.sizes[sort.name])] for sort in one.domain))
        return {",".join(p): written(one.value, v) for p, v in zip(places, where.fixed[field], strict=True)}

    columns: Shown = {
        name: {f"{letter}{i}": v for i, v in enumerate(where.fixed[field])} for name, letter, field in family.columns
    }
    told = {name: table(name, field) for name, field in family.tables.items() if field in where.fixed}
    return {**columns, **told}


def _initial(where: Scope) -> Shown:
    """What each device's driver is at the start, where devices have one."""
    drivers = (DRIVER.values[v] for v in where.initial.get("driver", ((),))[0])
    begins: dict[str, str | int | bool] = {f"d{i}": driver for i, driver in enumerate(drivers)}
    return {"device_driver": begins} if begins else {}


@dataclass(frozen=True)
class Cap:
    """A condition on the states that a comparison goes on from, in logic and in words."""

    term: Term
    words: str


NO_GROUP_DIES_IN_USE = Cap(
    every(GROUP, lambda g: either(groups.users[g] == 0, groups.exists(g))),
    "no group object is freed while it is counted",
)
"""What becomes of a group object that is freed while it is counted, and made again, is not modelled."""

ONE_OFF_VFIO = Cap(
    number_of(DEVICE, lambda d: no(groups.driver[d] == "vfio")) <= 1, "at most one device is off its VFIO driver"
)
IOMMU_DRIVERS_STAY = Cap(
    every(IOMMU_DRIVER, lambda d: iommu_drivers.is_registered[d]), "every IOMMU driver stays registered"
)
VFIO_DRIVERS_STAY = Cap(every(DEVICE, lambda d: no(modules.module_goes[d])), "no VFIO driver goes")
DRIVERS_STAY = Cap(both(IOMMU_DRIVERS_STAY.term, VFIO_DRIVERS_STAY.term), "no module of a driver goes")
NONE_OFF_VFIO = Cap(every(DEVICE, lambda d: groups.driver[d] == "vfio"), "every device is on its VFIO driver")


def _has_file(one: Term, behind: Symbol) -> Term:
    """Some file stands for the object."""
    return some(FILE, lambda f: behind[f] == one)


NO_DEVICE_FILE = Cap(every(FILE, lambda f: no(files.kind[f] == "device")), "no device file is open")

WITH_THEIR_FILES = Cap(
    both(
        every(VM, lambda v: either(vms.vm_references[v] == 0, _has_file(v, vms.file_vm))),
        every(CONTAINER, lambda c: either(containers.references[c] == 0, _has_file(c, files.file_container))),
    ),
    "no VM and no container outlives its file",
)


@dataclass(frozen=True)
class Field:
    """A scope in which model and reference are compared, with the caps on it."""

    name: str
    scope: Scope
    caps: tuple[Cap, ...] = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY)
    full: bool = False
    """Only a run without a budget looks at it."""

    @property
    def within(self) -> Term:
        """The states that the comparison goes on from."""
        return both(*(cap.term for cap in self.caps))

    def __str__(self) -> str:
        return f"{self.name} ({'; '.join([str(self.scope), *(cap.words for cap in self.caps)])})"


def modelled(system: System) -> tuple[Cap, ...]:
    """The states of which the rules say what comes next."""
    family = family_of(system)
    return (NO_GROUP_DIES_IN_USE,) if family is None else tuple(Cap(*one) for one in family.modelled)


def _field(system: System, family: Family, place: Place) -> Field:
    besides = (Cap(*one) for one in (*family.within, *place.within))
    return Field(place.name, place.scope, (*modelled(system), *besides), place.full)


def whole_fields(system: System) -> tuple[Field, ...]:
    """Whole calls: one group, files that processes share, groups without IOMMU; then more of each, and the large scope."""
    if (family := family_of(system)) is not None:
        return tuple(_field(system, family, one) for one in family.whole)
    if has_vms(system):
        return _whole_fields_of_vms(system)
    users = 1 if has_users(system) else 0
    many = {"take_file", "register"}  # external users that do these have many more states
    wide = any(c.name in many for c in system.calls)
    small = {
        "process": 1,
        "thread": sleepers(system),
        "file": 3,
        "group": 1,
        "container": 2,
        "device": 2,
        "table": 2,
        "page": 1,
        "user": users,
    }
    shared = {**small, "process": 2, "container": 1, "device": 1, "table": 1, "page": 0}
    mixed = {**shared, "group": 2, "device": 2}
    large = {**small, "file": 3 if users else 4, "group": 2, "device": 3, "page": 0, "user": 2 * users}
    one_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, ONE_OFF_VFIO)
    none_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, NONE_OFF_VFIO)
    two_files = {"file": 2} if wide else {}
    two_groups = "groups without IOMMU" if isolations(system) else "two groups"
    more = (
        Field(
            "groups of both kinds, no external user",
            scope({**mixed, "user": 0}, no_iommu=(False, True), vfio_devices=2),
            none_off,
        ),
        Field("two devices", scope(small, vfio_devices=2), full=True),
        Field("three shared files", scope(shared), full=True),
    )
    return (
        Field("one group", scope({**small, "device": 1} if wide else small, vfio_devices=2)),
        Field("shared files", scope({**shared, **two_files})),
        Field(
            two_groups,
            scope({**mixed, **two_files}, no_iommu=isolations(system), vfio_devices=2),
            none_off,
        ),
        *_modules(system, small),
        *(more if wide else ()),
        Field(
            f"{two_groups}, drivers that come and go",
            scope(mixed, no_iommu=isolations(system), vfio_devices=2),
            one_off,
            full=True,
        ),
        Field("large", scope(large, vfio_devices=3), none_off if wide else one_off, full=True),
    )


def pair_fields(system: System) -> tuple[Field, ...]:
    """Pairs of calls in flight: one device, without external users and with; then one group and two, with all."""
    if (family := family_of(system)) is not None:
        return tuple(_field(system, family, one) for one in family.pairs)
    if has_vms(system):
        return _pair_fields_of_vms(system)
    users = 1 if has_users(system) else 0
    one = {
        "process": 1,
        "thread": 2,
        "file": 3,
        "group": 1,
        "container": 2,
        "device": 2,
        "table": 2,
        "page": 0,
        "user": users,
    }
    two = {**one, "file": 4, "group": 2, "container": 1, "table": 1}
    alone = Field("two containers", scope({**one, "device": 1, "user": 0}))
    touched = int(any(c.name == "register" for c in system.calls))  # a break waits for who is about to touch a page
    few = {**one, "device": 1, "container": 1, "table": 1, "page": touched}
    careless = any(c.name == "drop_file_early" for c in system.calls)  # users that break rules have many more states
    user = (Field("an external user and a thread", scope({**few, "thread": 1})),) if careless else ()
    user = (*user, Field("an external user", scope(few), full=careless)) if users else ()
    one_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, ONE_OFF_VFIO)
    none_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, NONE_OFF_VFIO)
    return (
        alone,
        *user,
        *_modules(system, one),
        Field("one group", scope(one, vfio_devices=2), one_off, full=True),
        Field("two groups, a container", scope(two, vfio_devices=2), none_off, full=True),
    )


def _modules(system: System, sizes: dict[str, int]) -> tuple[Field, ...]:
    """Small scopes in which the IOMMU driver and a VFIO driver come and go, where they do so."""
    if not has_modules(system):
        return ()
    few = {**sizes, "file": 2, "container": 1, "device": 1, "table": 1, "page": 0, "user": 0}
    of_iommu = (NO_GROUP_DIES_IN_USE, VFIO_DRIVERS_STAY, NONE_OFF_VFIO)
    return (
        Field("the module of an IOMMU driver", scope(few), of_iommu),
        Field("the module of a VFIO driver", scope({**few, "file": 3}), (NO_GROUP_DIES_IN_USE, IOMMU_DRIVERS_STAY)),
    )


_VM = {
    "process": 1,
    "thread": 0,
    "file": 4,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 2,
    "vm": 1,
}
"""A container, a group and a VM with its KVM VFIO device: each has a file."""


def _whole_fields_of_vms(system: System) -> tuple[Field, ...]:
    """Whole calls with VMs: two entries, a device file, two processes, groups without IOMMU; then two VMs, and more of each."""
    none_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, NONE_OFF_VFIO)
    no_vm = {**_VM, "process": 2, "file": 3, "user": 0, "vm": 0}
    two_groups = {**_VM, "file": 5, "group": 2, "device": 2}
    return (
        Field("a list of two", scope(_VM, coherent=(False,))),
        Field("a device file", scope({**_VM, "file": 5, "user": 1}), none_off),
        Field("no VM, two processes", scope(no_vm)),
        Field("a VM, two processes", scope({**_VM, "process": 2, "file": 3, "device": 0, "user": 1})),
        Field("no VM, two devices", scope({**no_vm, "process": 1, "device": 2}, vfio_devices=2)),
        *_fields_of_host(system, no_vm),
        Field("a group without IOMMU", scope({**_VM, "user": 1}, no_iommu=(True,)), none_off),
        *(Field("a page of the guest", scope({**_VM, "user": 1, "page": page}), none_off) for page in _pages(system)),
        Field(
            "no VM, groups without IOMMU",
            scope({**no_vm, "group": 2, "device": 2}, no_iommu=isolations(system)),
            none_off,
        ),
        Field("two VMs, no KVM VFIO device of one", scope({**_VM, "file": 5, "vm": 2}), none_off, full=True),
        Field("two processes", scope({**_VM, "process": 2}), none_off, full=True),
        Field("two groups", scope(two_groups, no_iommu=isolations(system), vfio_devices=2), none_off, full=True),
        Field("two containers", scope({**_VM, "container": 2, "table": 2}), full=True),
        Field("two VMs", scope({**_VM, "file": 6, "vm": 2}), none_off, full=True),
    )


def _fields_of_host(system: System, sizes: dict[str, int]) -> tuple[Field, ...]:
    """Where a driver of the host maps through the table of one of two groups, where such drivers are told of."""
    if not any(c.name == "host_map" for c in system.calls):
        return ()
    few = scope({**sizes, "process": 1, "group": 2, "device": 3}, vfio_devices=2)
    return (Field("no VM, a driver of the host", few, (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, ONE_OFF_VFIO)),)


def _pages(system: System) -> tuple[int, ...]:
    """How many pages a guest maps by itself, where it does."""
    return (1,) if any(c.name == "h_put_tce" for c in system.calls) else ()


def _pair_fields_of_vms(system: System) -> tuple[Field, ...]:
    """Pairs of calls in flight with VMs: without a list, with one entry; then with two."""
    pairs = {**_VM, "thread": 2, "user": 1}
    none_off = (NO_GROUP_DIES_IN_USE, DRIVERS_STAY, NONE_OFF_VFIO)
    with_files = (*none_off, NO_DEVICE_FILE, WITH_THEIR_FILES)
    listened = any(c.name == "register_group_notifier" for c in system.calls)  # who listens has many more states
    driver = Field("a driver that is told of VMs", scope({**pairs, "file": 3}, coherent=(False,)), with_files)
    return (
        *((driver,) if listened else ()),
        Field("an entry", scope(pairs, coherent=(False,)), with_files, full=listened),
        Field("an entry, and device files", scope(pairs), none_off, full=True),
        Field("a list of two", scope({**pairs, "user": 2}), none_off, full=True),
        Field("a device file", scope({**pairs, "file": 5}), none_off, full=True),
        *(
            Field("a page of the guest", scope({**pairs, "page": page}), with_files, full=True)
            for page in _pages(system)
        ),
    )
