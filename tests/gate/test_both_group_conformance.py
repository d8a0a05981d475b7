"""Groups that have a container or an iommufd compared with their model, and held to the rules: planted faults are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import ModuleType

import pytest

from tenure.commands.gating import refuted_by_design
from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.findings import CampaignReport
from tenure.gate.oracle import Made, Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models.cdev_of_both import CDEV_OF_BOTH
from tenure.reference import both_group_calls, device_calls_2022, iommufd_group_calls
from tenure.reference.calls import OK
from tenure.reference.groups import Device, VfioGroup
from tenure.reference.machine import Machine
from tenure.search.cdev_scopes import ON_VFIO, cdev_scope
from tenure.search.iommufd_group_scopes import ONE_IOMMUFD, THROUGH_GROUPS
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import both

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SIZES = {"process": 1, "thread": 0, "file": 3, "group": 1, "container": 1, "device": 1, "table": 1, "iommu_driver": 1}
THROUGH_A_GROUP = both(THROUGH_GROUPS[0], ONE_IOMMUFD[0])


def whole(system: System = CDEV_OF_BOTH) -> Conformance:
    """Whole calls with a group, a container, an iommufd and a device, of which three have a file."""
    return conform_whole(system, cdev_scope(SIZES), most=1)


def whole_with_files_of_all() -> Conformance:
    """The same where each of them has one, a group moves from one to the other, and its device is opened through it alone."""
    return conform_whole(CDEV_OF_BOTH, cdev_scope({**SIZES, "file": 4, "table": 3}), within=THROUGH_A_GROUP, most=1)


def pairs() -> Conformance:
    """Pairs of calls in flight on a device that is opened through its group alone."""
    within = both(THROUGH_A_GROUP, ON_VFIO[0])
    return conform_pairs(CDEV_OF_BOTH, cdev_scope({**SIZES, "thread": 2, "table": 2}), within=within, most=1)


@pytest.mark.parametrize("compared", [whole, whole_with_files_of_all, pairs])
def test_the_two_tellings_agree(compared: Callable[[], Conformance]) -> None:
    """In every state of the scope."""
    found = compared()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 10_000


def a_group_that_has_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """SET_CONTAINER sees no iommufd that the group has already."""
    monkeypatch.setattr(both_group_calls, "has_iommu", lambda group: group.container is not None)


def a_container_that_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNSET_CONTAINER and the release of the group let iommufds go alone."""

    def leave(_: Machine, __: object, group: VfioGroup) -> object:
        iommufd_group_calls.put_iommufd(group)
        return iter(())

    monkeypatch.setattr(both_group_calls, "_leave", leave)


def an_iommufd_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group lets its iommufd go without giving the reference back."""

    def forget(group: VfioGroup) -> None:
        group.iommufd = None

    monkeypatch.setattr(both_group_calls, "put_iommufd", forget)


def a_close_that_unbinds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last close of a device that an iommufd has leaves it bound."""
    monkeypatch.setattr(both_group_calls, "unbind", lambda *_: None)


def a_claim_at_set_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """An iommufd owns the group before a device is open, as a container does."""
    sound = both_group_calls._use  # noqa: SLF001  # the fault is planted inside

    def use(machine: Machine, group: VfioGroup, target: object, made: int) -> object:
        answer = sound(machine, group, target, made)  # type: ignore[arg-type]  # as it was called
        group.iommu.owner_cnt += answer == OK
        return answer

    monkeypatch.setattr(both_group_calls, "_use", use)


def a_user_that_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is opened through a container keeps no file of its group, and its close gives one back."""

    def use(device: Device, *_: object, **__: object) -> None:
        device.module.try_get()

    monkeypatch.setattr(both_group_calls, "use_container", use)


PLANTS = [
    a_group_that_has_both,
    a_container_that_is_not_left,
    an_iommufd_that_stays,
    a_close_that_unbinds_nothing,
    a_claim_at_set_container,
    a_user_that_is_not_counted,
]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert whole().differences


@pytest.mark.parametrize("path", [both_group_calls, device_calls_2022], ids=["iommufd", "container"])
def test_a_device_that_does_not_count_for_its_vm_is_found(path: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """On either path, where its group was told of the VM."""
    monkeypatch.setattr(path, "get_kvm", lambda *_: None)
    scope = cdev_scope({**SIZES, "file": 4, "user": 1, "vm": 1})

    assert conform_whole(CDEV_OF_BOTH, scope, within=both(THROUGH_A_GROUP, ON_VFIO[0]), most=1).differences


@pytest.mark.parametrize("step", ["set_container.attach", "get_device_fd.open", "bind.block"])
def test_a_guard_that_the_model_lost_is_found(step: str) -> None:
    """The first refusal of each."""
    assert whole(replace(CDEV_OF_BOTH, calls=without_case(CDEV_OF_BOTH.calls, {step: 0}))).differences


@pytest.mark.parametrize("case", [1, 2])
def test_either_way_to_leave_that_the_model_lost_is_found(case: int) -> None:
    """UNSET_CONTAINER refuses who has neither, and who has a container and an open device."""
    assert whole(
        replace(CDEV_OF_BOTH, calls=without_case(CDEV_OF_BOTH.calls, {"unset_container.leave": case}))
    ).differences


@cache
def plan() -> tuple[tuple[Made, ...], ...]:
    """The runs with which a campaign begins, as a small scope has them."""
    return planned(CDEV_OF_BOTH, rules_of(CDEV_OF_BOTH, Granularity.WHOLE), cdev_scope({**SIZES, "thread": 1}))


def campaign() -> CampaignReport:
    """A campaign on the reference, judged by the rules and the properties: every planned run, then some at random."""
    oracle = Oracle(CDEV_OF_BOTH, gate_scope(CDEV_OF_BOTH))
    waived = refuted_by_design(CDEV_OF_BOTH)
    made = Campaign(ReferenceSubject(CDEV_OF_BOTH.id), oracle, setup_of(CDEV_OF_BOTH, oracle.machine), 1, waived)
    made.play(plan(), seconds=None, calls=6_500)
    return made.report


def test_the_reference_conforms_as_a_subject() -> None:
    """Every answer and every state is one that the rules permit; what falls by the rules themselves is not asked for."""
    report = campaign()

    assert report.findings == []
    assert (report.followed, report.calls >= 6_500) == (report.planned, True)
    assert list(report.waived) == ["EXT-10", "GRP-2", "PROMPT-2"]


@pytest.mark.parametrize("plant", [a_group_that_has_both, a_claim_at_set_container, a_close_that_unbinds_nothing])
def test_a_fault_is_found_in_a_subject(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its answers, or by a state that it shows."""
    plant(monkeypatch)

    assert campaign().findings
