"""Objects of iommufds compared with their model: planted faults are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.oracle import Made, Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models.iommufd_objects import ACCESSES, IOMMUFD_OBJECTS
from tenure.reference import iommufd_calls, iommufd_device_calls
from tenure.reference.iommufd import IommuObject
from tenure.search.object_scopes import object_scope

Plant = Callable[[pytest.MonkeyPatch], None]

ONE = {"process": 1, "thread": 2, "file": 2, "object": 3, "device": 1}


def whole() -> Conformance:
    """Whole calls with a device, until a first difference."""
    return conform_whole(IOMMUFD_OBJECTS, object_scope({**ONE, "object": 4}, emulated=(False,)), most=1)


def whole_emulated() -> Conformance:
    """The same where the device is emulated."""
    return conform_whole(IOMMUFD_OBJECTS, object_scope(ONE, emulated=(True,)), most=1)


def pairs() -> Conformance:
    """Pairs of calls in flight on one iommufd without a device, until a first difference."""
    return conform_pairs(IOMMUFD_OBJECTS, object_scope({**ONE, "file": 1, "object": 2}), most=1)


@pytest.mark.parametrize("compared", [whole, whole_emulated, pairs])
def test_the_two_tellings_agree(compared: Callable[[], Conformance]) -> None:
    """In every state of the scope, with devices too."""
    found = compared()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 500


def a_hwpt_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HWPT that was made for an IO address space does not go with its last device."""
    monkeypatch.setattr(IommuObject, "auto", property(lambda _: False, lambda *_: None))


def a_close_that_forgets_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HWPT that is freed leaves its IO address space counted."""

    def free(obj: IommuObject) -> None:
        obj.ioas, obj.context, obj.type = None, None, 0

    monkeypatch.setattr(IommuObject, "free", free)


@pytest.mark.parametrize("plant", [a_hwpt_that_stays, a_close_that_forgets_users])
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a small scope."""
    plant(monkeypatch)

    assert whole().differences


def test_who_does_not_wait_for_calls_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls are whole there is nothing to wait for."""

    def wait_for(_: IommuObject) -> Iterator[str]:
        yield from ()

    monkeypatch.setattr(iommufd_calls, "wait_for", wait_for)
    monkeypatch.setattr(iommufd_device_calls, "wait_for", wait_for)

    assert whole().differences == []
    (one,) = pairs().differences
    assert one.model == "waiting"


def test_the_release_of_a_bound_device_is_over_before_the_next_call() -> None:
    """It sleeps on its way until nobody has the access in hand, and a sequential subject has nobody."""
    oracle = Oracle(ACCESSES, object_scope({**ONE, "thread": 1}))
    state = oracle.start()
    for made in (Made("open_iommufd", (0, 0)), Made("open_cdev", (0, 1, 0)), Made("bind", (0, 1, 0, 0))):
        ((state,),) = oracle.outcomes(state, made).values()

    ((closed,),) = oracle.outcomes(state, Made("close", (0, 1))).values()

    shown = oracle.machine.render(closed)
    assert (shown["kind"]["f1"], shown["type"]["o0"]) == ("closed", "none")
