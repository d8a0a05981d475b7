"""Comparing the two tellings of notifiers for a group: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import group_notifier_calls
from tenure.reference.groups import VfioGroup
from tenure.reference.machine import Machine
from tenure.reference.notifiers import Notifier
from tenure.reference.users import ExternalUser
from tenure.reference.vms import Vm
from tenure.search.scopes import scope
from tenure.vocabulary.systems import System
from tenure.vocabulary.types import NONE

DRIVERS_ALONE = {
    "process": 1,
    "thread": 1,
    "file": 2,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 1,
    "vm": 0,
}
WITH_A_VM = {**DRIVERS_ALONE, "file": 4, "user": 2, "vm": 1}
"""An entry and a driver."""

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


@pytest.fixture
def system() -> System:
    """The KVM VFIO device by get and put, beside drivers with notifiers."""
    return next(s for s in SYSTEMS if s.id == "kvm-file:get-put-notifiers")


def alone(system: System) -> Conformance:
    """Whole calls in a scope with a driver and no VM, until a first difference."""
    return conform_whole(system, scope(DRIVERS_ALONE), most=1)


def with_a_vm(system: System) -> Conformance:
    """Whole calls in a scope with an entry and a driver, until a first difference."""
    return conform_whole(system, scope(WITH_A_VM), most=1)


def pairs(system: System) -> Conformance:
    """Pairs of calls in flight in a scope with a driver and no VM, until a first difference."""
    return conform_pairs(system, scope({**DRIVERS_ALONE, "thread": 2}), most=1)


def test_the_two_tellings_agree_about_drivers(system: System) -> None:
    """Without a fault a small scope is seen whole, and nothing differs; each refusal that it has room for is met."""
    report = alone(system)

    assert report.complete
    assert report.differences == []
    assert {one for one in report.refusals if "group_notifier" in one} == {
        "register_group_notifier.look_up#0 EINVAL",
        "register_group_notifier.look_up#1 ENODEV",
        "register_group_notifier.count#0 EINVAL",
        "register_group_notifier.validate#1 EINVAL",
        "register_group_notifier.validate#2 EINVAL",
        "unregister_group_notifier.look_up#0 ENODEV",
        "unregister_group_notifier.count#0 EINVAL",
        "unregister_group_notifier.validate#1 EINVAL",
        "unregister_group_notifier.validate#2 EINVAL",
    }


@pytest.mark.ci
def test_the_two_tellings_agree_about_what_drivers_are_told(system: System) -> None:
    """The same with an entry and a VM."""
    report = with_a_vm(system)

    assert report.complete
    assert report.differences == []


def the_use_stays(patch: pytest.MonkeyPatch) -> None:
    """A registered notifier counts as a user of the group."""

    def nothing(_: Machine, __: object, driver: ExternalUser, ___: VfioGroup) -> Iterator[str]:
        driver.counts = NONE
        yield from ()

    patch.setattr(group_notifier_calls, "dissolve", nothing)


def nobody_may_count(patch: pytest.MonkeyPatch) -> None:
    """No group can be used by a driver."""

    def refused(*_: object) -> Generator[str, None, bool]:
        yield from ()
        return False

    patch.setattr(group_notifier_calls, "used", refused)


@pytest.mark.parametrize(("plant", "shown"), [(the_use_stays, "container_users"), (nobody_may_count, "done")])
def test_a_fault_in_the_calls_of_drivers_is_found(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant, shown: str
) -> None:
    """The difference says in what they part: an answer, or what is shown."""
    plant(monkeypatch)

    report = alone(system)

    assert report.differences
    assert shown in report.differences[0].model


def nobody_is_told(patch: pytest.MonkeyPatch) -> None:
    """The group keeps to itself what it is told."""
    patch.setattr(VfioGroup, "set_kvm", lambda self, vm: setattr(self, "kvm", vm))


def nobody_is_told_that_there_is_none(patch: pytest.MonkeyPatch) -> None:
    """Listeners hear of a VM, and of its end nothing."""

    def set_kvm(self: VfioGroup, vm: Vm | None) -> None:
        self.kvm = vm
        for notifier in self.iommu.listeners if vm is not None else ():
            notifier.vm = vm

    patch.setattr(VfioGroup, "set_kvm", set_kvm)


def who_registers_late_is_not_told(patch: pytest.MonkeyPatch) -> None:
    """Register leaves it to the next ADD."""

    class Deaf(Notifier):
        vm = property(lambda _: None, lambda _, __: None)

    patch.setattr(group_notifier_calls, "Notifier", Deaf)


@pytest.mark.parametrize("plant", [nobody_is_told, nobody_is_told_that_there_is_none, who_registers_late_is_not_told])
def test_a_fault_in_what_drivers_are_told_is_found(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant
) -> None:
    """What a driver was told of is shown."""
    plant(monkeypatch)

    report = with_a_vm(system)

    assert report.differences
    assert "notifier_vm" in report.differences[0].model


def the_last_use_detaches_nothing(patch: pytest.MonkeyPatch) -> None:
    """A driver's call that is left alone with the group gives its use back, and leaves the group where it is."""

    def given_back(_: Machine, __: object, driver: ExternalUser, group: VfioGroup) -> Iterator[str]:
        driver.counts = NONE
        group.try_dissolve()
        yield from ()

    patch.setattr(group_notifier_calls, "dissolve", given_back)


def test_a_fault_in_the_reference_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch, system: System) -> None:
    """Where calls are whole, SET_CONTAINER's use outlasts that of a driver's call."""
    assert pairs(system).differences == []

    the_last_use_detaches_nothing(monkeypatch)

    assert alone(system).differences == []
    assert pairs(system).differences
