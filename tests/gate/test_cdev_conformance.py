"""Device files that are opened by themselves compared with their model, and held to the rules: planted faults are found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import cdev_calls
from tenure.reference.files import File
from tenure.reference.groups import Device, IommuGroup, VfioGroup
from tenure.search.cdev_scopes import cdev_scope
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.systems import System

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "cdev-no-group")
BEFORE_CYCLE_FIX = next(s for s in SYSTEMS if s.id == "cdev-no-group:before-cycle-fix")
CDEV = next(s for s in SYSTEMS if s.id == "cdev")
SIZES = {"process": 1, "thread": 2, "file": 3, "group": 1, "device": 2, "table": 2}


def whole(system: System = SYSTEM) -> Conformance:
    """Whole calls with two devices of one group, until a first difference."""
    return conform_whole(system, cdev_scope(SIZES), most=1)


def beside_groups() -> Conformance:
    """Whole calls with a group, a container and an iommufd, of which three have a file."""
    sizes = {**SIZES, "thread": 0, "device": 1, "table": 1, "container": 1, "iommu_driver": 1}
    return conform_whole(CDEV, cdev_scope(sizes), most=1)


def pairs_beside_groups() -> Conformance:
    """Pairs of calls in flight on a device and its group, until a first difference."""
    return conform_pairs(CDEV, cdev_scope({**SIZES, "file": 2, "device": 1, "table": 0}), most=1)


def pairs(system: System = SYSTEM) -> Conformance:
    """Pairs of calls in flight on one device, until a first difference."""
    return conform_pairs(system, cdev_scope({**SIZES, "device": 1, "table": 1}), most=1)


def of_a_list(system: System = SYSTEM) -> Conformance:
    """Whole calls with a VM that keeps a device file, and goes on once its own file is closed."""
    return conform_whole(system, cdev_scope({**SIZES, "device": 1, "table": 0, "user": 1, "vm": 1}), most=1)


def before_the_cycle_was_cured() -> Conformance:
    """The same where a list goes with its VM."""
    return of_a_list(BEFORE_CYCLE_FIX)


@pytest.mark.parametrize(
    "compared", [whole, pairs, beside_groups, pairs_beside_groups, of_a_list, before_the_cycle_was_cured]
)
def test_the_two_tellings_agree(compared: Callable[[], Conformance]) -> None:
    """In every state of the scope."""
    found = compared()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def a_claim_that_nobody_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close leaves the DMA of the group with the iommufd."""
    monkeypatch.setattr(cdev_calls, "release_for_device", lambda _: None)


def a_device_that_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last device of a group to be detached leaves the group attached."""
    monkeypatch.setattr(IommuGroup, "detach", lambda _: None)


def a_bind_that_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answer cannot be written back the device stays bound."""
    sound = cdev_calls.df_close
    monkeypatch.setattr(cdev_calls, "df_close", lambda f: sound(f) if f.access_granted else None)


def a_device_that_is_bound_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts opens."""
    monkeypatch.setattr(Device, "open_count", property(lambda _: 0, lambda *_: None))


PLANTS = [
    a_claim_that_nobody_gives_back,
    a_device_that_goes_alone,
    a_bind_that_is_not_undone,
    a_device_that_is_bound_twice,
]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert whole().differences


def a_file_that_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """FILE_ADD keeps a device's file, and tells it of no VM."""
    monkeypatch.setattr(File, "kvm", property(lambda _: None, lambda *_: None))


def a_device_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bind takes no reference to the VM."""
    monkeypatch.setattr(cdev_calls, "get_kvm", lambda *_: None)


def a_device_that_counts_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close does not give the reference back."""
    monkeypatch.setattr(cdev_calls, "put_kvm", lambda _: None)


@pytest.mark.parametrize(
    "plant", [a_file_that_is_not_told, a_device_that_does_not_count, a_device_that_counts_for_ever]
)
def test_a_fault_in_what_a_device_knows_of_a_vm_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert of_a_list().differences


def test_a_group_that_is_not_kept_away_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls: the group opens beside a bound device."""
    monkeypatch.setattr(VfioGroup, "cdev_device_open_cnt", property(lambda _: 0, lambda *_: None))

    assert beside_groups().differences


@pytest.mark.parametrize("step", ["bind.bind", "attach.attach", "destroy.remove"])
def test_a_guard_that_the_model_lost_is_found(step: str) -> None:
    """The first refusal of each."""
    lost = System(
        SYSTEM.name,
        SYSTEM.variant,
        SYSTEM.title,
        SYSTEM.source,
        without_case(SYSTEM.calls, {step: 0}),
        SYSTEM.definitions,
        halted=SYSTEM.halted,
        initially=SYSTEM.initially,
    )

    assert whole(lost).differences


@pytest.mark.parametrize("system", [SYSTEM, CDEV], ids=lambda s: s.id)
def test_the_reference_conforms_as_a_subject(system: System) -> None:
    """A campaign of planned and random runs, judged by the rules and the properties."""
    oracle = Oracle(system, gate_scope(system))
    campaign = Campaign(ReferenceSubject(system.id), oracle, setup_of(system, oracle.machine), 1, frozenset())

    campaign.play((), seconds=None, calls=2_000)

    assert campaign.report.findings == []
    assert campaign.report.calls >= 2_000


def test_a_fault_is_found_in_a_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that gives access before it is bound: by an ioctl that reaches the driver."""
    monkeypatch.setattr(File, "access_granted", property(lambda _: True, lambda *_: None))
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())

    campaign.play((), seconds=None, calls=500)

    assert campaign.report.findings
