"""Profiles: the scopes in which subjects are driven and in which the reference is compared with the model."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.gate.subject import Setup, Shown
from tenure.models import groups
from tenure.search.scopes import has_users, scope
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.objects import DEVICE, GROUP
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import TRUE, Term, both, either, every, no, number_of


@dataclass(frozen=True)
class Field:
    """A scope for a comparison, with a cap on the states that are gone on from, and its name."""

    name: str
    scope: Scope
    within: Term = TRUE


def gate_scope(system: System) -> Scope:
    """Where a subject is driven: two groups, two containers, three devices, two external users, two processes."""
    users = 2 if has_users(system) else 0
    return scope(
        {
            "process": 2,
            "thread": 0,
            "file": 6,
            "group": 2,
            "container": 2,
            "device": 3,
            "table": 2,
            "page": 2,
            "user": users,
        },
        vfio_devices=3,
    )


def plan_scope(system: System) -> Scope:
    """A part of the gate's scope, small enough to be searched for the runs with which a campaign begins."""
    users = 1 if has_users(system) else 0
    return scope(
        {
            "process": 2,
            "thread": 0,
            "file": 3,
            "group": 1,
            "container": 2,
            "device": 1,
            "table": 2,
            "page": 1,
            "user": users,
        }
    )


def setup_of(system: System, machine: Machine) -> Setup:
    """A scope in the words of the line protocol."""
    where = machine.scope
    sizes = {k: v for k, v in where.sizes.items() if v}

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
        "rawio": table("process", "p", tuple(bool(v) for v in where.fixed["rawio"])),
    }
    drivers = tuple(DRIVER.values[v] for v in where.initial["driver"][0])
    return Setup(system.id, sizes, fixed, {"device_driver": table("device", "d", drivers)})


ONE_OFF_VFIO = number_of(DEVICE, lambda d: no(groups.driver[d] == "vfio")) <= 1
"""At most one device is off its VFIO driver."""

NO_GROUP_DIES_IN_USE = every(GROUP, lambda g: either(groups.users[g] == 0, groups.exists(g)))
"""What becomes of a group object that is freed while it is counted, and made again, is not modelled."""


def whole_fields(system: System) -> tuple[Field, ...]:
    """Whole calls: small scopes that are seen whole, then the large one."""
    users = 1 if has_users(system) else 0
    small = {
        "process": 1,
        "thread": 0,
        "file": 3,
        "group": 1,
        "container": 2,
        "device": 2,
        "table": 2,
        "page": 1,
        "user": users,
    }
    shared = {**small, "process": 2, "container": 1, "device": 1, "table": 1, "page": 0}
    mixed = {**small, "process": 2, "group": 2, "container": 1, "table": 1, "page": 0}
    large = {**small, "file": 4, "group": 2, "device": 3, "page": 0, "user": 2 * users}
    cap = both(NO_GROUP_DIES_IN_USE, ONE_OFF_VFIO)
    return (
        Field("small", scope(small, vfio_devices=2), NO_GROUP_DIES_IN_USE),
        Field("shared files", scope(shared), NO_GROUP_DIES_IN_USE),
        Field("groups without IOMMU", scope(mixed, no_iommu=(False, True), vfio_devices=2), cap),
        Field("large", scope(large, vfio_devices=3), cap),
    )


def pair_fields(system: System) -> tuple[Field, ...]:
    """Pairs of calls in flight: one group, then two."""
    users = 1 if has_users(system) else 0
    small = {
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
    two = {**small, "file": 4, "group": 2}
    cap = both(NO_GROUP_DIES_IN_USE, ONE_OFF_VFIO)
    return Field("one group", scope(small, vfio_devices=2), cap), Field("two groups", scope(two, vfio_devices=2), cap)
