"""IO address spaces with accesses compared with their model: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import ioas_access_calls
from tenure.reference.calls import EINVAL, Part
from tenure.reference.dma import Mapping
from tenure.reference.ioas_accesses import Areas
from tenure.reference.ioas_spaces import IoasSpace
from tenure.reference.locks import Lock
from tenure.reference.machine import Machine
from tenure.search.ioas_scopes import access_scope
from tenure.vocabulary.answers import Refused

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas:accesses")
SIZES = {"thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}


def whole() -> Conformance:
    """Whole calls, without that which chooses."""
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name != "ioas_map"))
    return conform_whole(few, access_scope(SIZES), most=1)


def pairs() -> Conformance:
    """Two calls at a time, over one address."""
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name not in ("ioas_map", "ioas_allow_iovas")))
    return conform_pairs(few, access_scope({**SIZES, "thread": 2, "address": 1, "mapping": 1}), most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scopes; also where a pin comes while drivers are told."""
    for found, least in ((whole(), 4000), (pairs(), 10_000)):
        assert found.complete
        assert found.differences == []
        assert found.transitions > least


def an_unmap_that_looks_at_no_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is counted."""
    monkeypatch.setattr(Areas, "count", lambda _self, _area, _more: None)


def an_unmap_that_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver is called."""
    monkeypatch.setattr(ioas_access_calls, "_asked", lambda _space, _area: None)


def a_pin_of_a_shut_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked whether the area is shut."""
    looks = ioas_access_calls._unpinnable  # noqa: SLF001  # what the fault is planted in

    def unpinnable(space: IoasSpace, area: Mapping | None, asked: str) -> Refused | None:
        refused = looks(space, area, asked)
        return None if refused == EINVAL else refused

    monkeypatch.setattr(ioas_access_calls, "_unpinnable", unpinnable)


def an_access_that_leaves_its_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody tells the driver that all goes."""

    def leave(machine: Machine, device: int, call: str) -> Part:
        for space in machine.ioases:
            space.devices.discard(device)
        yield f"{call}.leave"
        machine.ioases[0].everyone[device].unpins_in = None

    monkeypatch.setattr(ioas_access_calls, "_leave", leave)


def an_area_that_stays_shut_when_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next area of the name cannot be pinned."""
    monkeypatch.setattr(Areas, "forget", lambda self, area: self.accesses.pop(area, None))


@pytest.mark.parametrize(
    "plant",
    [
        an_unmap_that_looks_at_no_pin,
        an_unmap_that_tells_nobody,
        a_pin_of_a_shut_area,
        an_access_that_leaves_its_pins,
        an_area_that_stays_shut_when_it_is_gone,
    ],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it answers, or shows of its pins."""
    plant(monkeypatch)

    assert whole().differences


def an_unmap_that_shuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drivers are told of an area of which pages can still be pinned."""
    told = ioas_access_calls._told  # noqa: SLF001  # as above

    def tells(space: IoasSpace, area: Mapping, call: str) -> Part:
        for step in told(space, area, call):
            space.pinned.closed.discard(area.owner)
            yield step

    monkeypatch.setattr(ioas_access_calls, "_told", tells)


def two_who_have_one_access_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the dev_set.lock."""
    monkeypatch.setattr(Lock, "taken_by", lambda _self, _task: True)


@pytest.mark.parametrize("plant", [an_unmap_that_shuts_nothing, two_who_have_one_access_leave])
def test_a_fault_in_the_reference_is_found_by_two_at_a_time(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what can come between the steps of another call."""
    plant(monkeypatch)

    assert pairs().differences
