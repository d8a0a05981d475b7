"""Groups that use iommufds compared with their model, and held to the rules: planted faults are found."""

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
from tenure.reference import compat_ioas_calls, iommufd_group_calls, iommufd_table_calls
from tenure.reference.files import File
from tenure.reference.groups import VfioGroup
from tenure.reference.machine import Machine
from tenure.reference.tables import IommuTable
from tenure.search.cdev_scopes import cdev_scope
from tenure.search.iommufd_group_scopes import ONE_IOMMUFD, THROUGH_GROUPS
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import both

SYSTEM = next(s for s in SYSTEMS if s.id == "cdev-no-container")
SIZES = {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 1, "table": 1, "page": 0}
WAIVED = frozenset({"GRP-2"})
"""What falls by the rules themselves."""
THROUGH_A_GROUP = both(THROUGH_GROUPS[0], ONE_IOMMUFD[0])


def whole(system: System = SYSTEM, tables: int = 1) -> Conformance:
    """Whole calls on a device that is opened through its group alone, until a first difference."""
    return conform_whole(system, cdev_scope({**SIZES, "table": tables}), within=THROUGH_A_GROUP, most=1)


def pairs() -> Conformance:
    """Pairs of calls in flight on a device and its group, until a first difference."""
    return conform_pairs(SYSTEM, cdev_scope({**SIZES, "thread": 2, "file": 2, "table": 0}), most=1)


@pytest.mark.parametrize("compared", [whole, pairs])
def test_the_two_tellings_agree(compared: Callable[[], Conformance]) -> None:
    """In every state of the scope."""
    found = compared()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def an_iommufd_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group lets its iommufd go without giving the reference back."""

    def forget(group: VfioGroup) -> None:
        group.iommufd = None

    monkeypatch.setattr(iommufd_group_calls, "put_iommufd", forget)


def a_claim_that_nobody_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last close leaves the DMA of the group with the iommufd."""
    monkeypatch.setattr(iommufd_group_calls, "release_for_device", lambda _: None)


def a_device_that_stays_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last close detaches nothing."""
    monkeypatch.setattr(iommufd_group_calls, "leave", lambda _: None)


def a_space_that_stands_though_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESTROY leaves what stood for a container where it was."""

    def free(table: IommuTable) -> None:
        table.destroy()
        table.iommufd = None

    monkeypatch.setattr(iommufd_table_calls, "_free", free)


def a_space_that_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """SET_CONTAINER does not see that one stands for a container already."""
    sound = compat_ioas_calls.create_compat_ioas

    def create(machine: Machine, iommufd: File, made: int) -> object:
        iommufd.vfio_ioas = None
        return sound(machine, iommufd, made)

    monkeypatch.setattr(iommufd_group_calls, "create_compat_ioas", create)


@pytest.mark.parametrize(
    "plant",
    [
        an_iommufd_that_stays,
        a_claim_that_nobody_gives_back,
        a_device_that_stays_attached,
        a_space_that_stands_though_it_is_gone,
        a_space_that_is_made_each_time,
    ],
)
def test_a_fault_in_the_reference_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert whole(tables=2).differences


@pytest.mark.parametrize("step", ["set_container.attach", "get_device_fd.open", "unset_container.leave"])
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


def campaign(calls: int) -> Campaign:
    """A campaign of random runs on the reference, judged by the rules and the properties."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    made = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, WAIVED)
    made.play((), seconds=None, calls=calls)
    return made


def test_the_reference_conforms_as_a_subject() -> None:
    """Every answer and every state is one that the rules permit."""
    report = campaign(2_000).report

    assert report.findings == []
    assert report.calls >= 2_000


def test_a_fault_is_found_in_a_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that uses an iommufd in which nothing stands for a container."""
    monkeypatch.setattr(iommufd_group_calls, "create_compat_ioas", lambda *_: None)

    assert campaign(1_000).report.findings
