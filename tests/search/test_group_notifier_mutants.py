"""What breaks the calls about a notifier of a group, or what a group tells, breaks a property."""

from __future__ import annotations

import pytest
from tests.search.test_mutants import Fault, forgetful, system_named, unguarded

from tenure.properties import PROPERTIES
from tenure.search.explorer import Exploration, explore
from tenure.search.scopes import OF_LISTENERS, SETUP, VM_LIFE, scope
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity, System

SYSTEM = "kvm-file:get-put-notifiers"

SIZES = {"process": 1, "thread": 0, "file": 2, "group": 1, "container": 1, "device": 1, "table": 1, "page": 0}
ALONE = scope({**SIZES, "user": 1, "vm": 0})
TOLD = scope({**SIZES, "file": 4, "user": 2, "vm": 1})
"""An entry and a driver."""

CALLS = SETUP | OF_LISTENERS | {"set_iommu", "unset_container", "close", "release_group"}
OF_VMS = SETUP | OF_LISTENERS | VM_LIFE | {"set_iommu", "file_add", "file_del", "exit_process"}


def untold(step: str) -> Fault:
    """The step tells neither the group nor the drivers in its list."""
    return lambda system: forgetful(step, "told of")(forgetful(step, "group kvm")(system))


OF_WHAT_IS_TOLD: dict[str, tuple[str, Fault]] = {
    "a driver does not hear that its group has no VM": ("EXT-12", forgetful("file_del.remove", "told of")),
    "a driver does not hear that its VM goes": ("EXT-12", forgetful("destroy_entry.remove", "told of")),
    "nobody hears that a VM goes": ("EXT-12", untold("destroy_entry.remove")),
}
OF_CALLS: dict[str, tuple[str, Fault]] = {
    "register gives back what it did not take": (
        "EXT-2",
        forgetful("register_group_notifier.count", "container users"),
    ),
    "unregister gives back what it did not take": (
        "EXT-2",
        forgetful("unregister_group_notifier.count", "container users"),
    ),
    "a refused register gives nothing back": (
        "CON-2",
        forgetful("register_group_notifier.validate", "container users"),
    ),
    "a registered notifier counts": ("CON-2", forgetful("register_group_notifier.dissolve", "container users")),
    "a notifier counts once it is unregistered": (
        "CON-2",
        forgetful("unregister_group_notifier.dissolve", "container users"),
    ),
    "register does not ask for a container": ("HARM-1", unguarded("register_group_notifier.count", 0)),
    "unregister does not ask for a container": ("HARM-1", unguarded("unregister_group_notifier.count", 0)),
}
FAULTS: dict[str, tuple[str, Fault, Scope, frozenset[str]]] = {
    **{name: (*one, TOLD, OF_VMS) for name, one in OF_WHAT_IS_TOLD.items()},
    **{name: (*one, ALONE, CALLS) for name, one in OF_CALLS.items()},
}


def searched(system: System, property_: str, where: Scope, calls: frozenset[str]) -> Exploration:
    """Every run of whole calls in a small scope, until the property falls."""
    rules = rules_of(system, Granularity.WHOLE)
    broken = next(p for p in PROPERTIES if p.id == property_)
    return explore(Machine(rules, where), [sentence(rules, broken)], calls=calls, orbits=True)


@pytest.mark.parametrize(("property_", "fault", "where", "calls"), FAULTS.values(), ids=list(FAULTS))
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault, where: Scope, calls: frozenset[str]) -> None:
    """With the fault there is a run to where the property is false; without it there is none in that scope."""
    sound = system_named(SYSTEM)

    assert property_ in searched(fault(sound), property_, where, calls).violations

    without = searched(sound, property_, where, calls)
    assert without.complete
    assert not without.violations
