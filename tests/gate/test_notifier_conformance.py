"""Comparing the two tellings of notifiers: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import notifier_calls
from tenure.reference.groups import VfioGroup
from tenure.reference.machine import Machine
from tenure.reference.notifiers import Notifier
from tenure.reference.tables import IommuTable
from tenure.reference.users import ExternalUser
from tenure.search.scopes import scope
from tenure.vocabulary.systems import System
from tenure.vocabulary.types import NONE

SIZES = {
    "process": 1,
    "thread": 2,
    "file": 2,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 1,
}
KEPT, MISUSE = "external-get-put:notifiers", "external-get-put:notifiers-misuse"

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


def named(system_id: str) -> System:
    """The system of this name."""
    return next(s for s in SYSTEMS if s.id == system_id)


def whole(system_id: str) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(named(system_id), scope(SIZES), most=1)


def pairs(system_id: str) -> Conformance:
    """Pairs of calls in flight in a small scope, until a first difference."""
    return conform_pairs(named(system_id), scope(SIZES), most=1)


@pytest.mark.parametrize("system_id", [KEPT, MISUSE])
def test_the_two_tellings_agree(system_id: str) -> None:
    """Without a fault a small scope is seen whole, and nothing differs; `tenure conform` compares calls in flight in a larger one."""
    report = whole(system_id)

    assert report.complete
    assert report.differences == []
    assert {one for one in report.refusals if "register_notifier" in one} == {
        "register_notifier.look_up#0 EINVAL",
        "register_notifier.look_up#1 ENODEV",
        "register_notifier.count#0 EINVAL",
        "register_notifier.validate#1 EINVAL",
        "register_notifier.validate#2 EINVAL",
        "unregister_notifier.look_up#0 ENODEV",
        "unregister_notifier.count#0 EINVAL",
        "unregister_notifier.validate#1 EINVAL",
        "unregister_notifier.validate#2 EINVAL",
        "unregister_notifier.put#1 ENOENT",
    }


def the_use_stays(patch: pytest.MonkeyPatch) -> None:
    """A registered notifier counts as a user of the group."""

    def nothing(_: Machine, __: object, driver: ExternalUser, ___: VfioGroup) -> Iterator[str]:
        driver.counts = NONE
        yield from ()

    patch.setattr(notifier_calls, "dissolve", nothing)


def the_list_outlives_its_table(patch: pytest.MonkeyPatch) -> None:
    """Whoever stood there is thought to stand there."""
    patch.setattr(IommuTable, "destroy", lambda self: setattr(self, "alive", False))


def the_driver_has_no_list(patch: pytest.MonkeyPatch) -> None:
    """An IOMMU driver that calls nobody back."""
    patch.setattr(notifier_calls, "_table_of", lambda _: None)


def no_driver_frees(patch: pytest.MonkeyPatch) -> None:
    """What was freed is thought to be alive."""
    patch.setattr(Notifier, "freed", property(lambda _: False, lambda _, __: None))


WHOLE: list[tuple[Plant, str, str]] = [
    (the_use_stays, KEPT, "container_users"),
    (the_list_outlives_its_table, KEPT, "notifier_table"),
    (the_driver_has_no_list, KEPT, "done"),
    (no_driver_frees, MISUSE, "notifier_lives"),
]


@pytest.mark.parametrize(("plant", "system_id", "shown"), WHOLE)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, system_id: str, shown: str
) -> None:
    """The difference says in what they part: an answer, or what is shown."""
    plant(monkeypatch)

    report = whole(system_id)

    assert report.differences
    assert shown in report.differences[0].model


def the_last_use_detaches_nothing(patch: pytest.MonkeyPatch) -> None:
    """A driver's call that is left alone with the group gives its use back, and leaves the group where it is."""

    def given_back(_: Machine, __: object, driver: ExternalUser, group: VfioGroup) -> Iterator[str]:
        driver.counts = NONE
        group.try_dissolve()
        yield from ()

    patch.setattr(notifier_calls, "dissolve", given_back)


def test_a_fault_in_the_reference_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls are whole, SET_CONTAINER's use outlasts that of a driver's call."""
    the_last_use_detaches_nothing(monkeypatch)

    assert whole(KEPT).differences == []
    assert pairs(KEPT).differences
