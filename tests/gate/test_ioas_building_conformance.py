"""Areas that are built step by step compared with their model: a fault planted in the reference is found by two calls in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.models import SYSTEMS
from tenure.reference import ioas_building_calls
from tenure.reference.calls import ENOENT
from tenure.reference.dma import Mapping, Range
from tenure.reference.dma.ranges import covers
from tenure.reference.ioas_building import Building
from tenure.reference.ioas_spaces import IoasSpace
from tenure.search.ioas_scopes import copy_scope
from tenure.vocabulary.answers import Refused

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas:building")
SCOPE = copy_scope({"thread": 2, "table": 1, "device": 1, "address": 1, "mapping": 1})


def pairs(most: int = 1) -> Conformance:
    """Two calls at a time, on one area of one address."""
    calls = ("ioas_alloc", "ioas_map_fixed", "ioas_unmap_all", "destroy", "attach", "detach")
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name in calls))
    return conform_pairs(few, SCOPE, most=most)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope, step by step."""
    found = pairs()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 5000


def test_the_two_tellings_agree_where_a_map_that_pauses_has_chosen() -> None:
    """Of two places the reference takes the first; what comes of the other is compared where it does not go there, and no more."""
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name in ("ioas_alloc", "ioas_map")))
    found = conform_pairs(few, copy_scope({**SCOPE.sizes, "address": 2, "mapping": 2}), most=1)

    assert found.complete
    assert found.differences == []


def a_map_that_chooses_what_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last address, wherever there is room."""
    room = IoasSpace.room
    monkeypatch.setattr(IoasSpace, "room", lambda self, length: None if room(self, length) is None else 1)


def test_a_choice_that_the_rules_do_not_leave_open_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is made by the first step of a pair: no other way is one that the reference went."""
    a_map_that_chooses_what_is_taken(monkeypatch)
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name in ("ioas_alloc", "ioas_map")))

    assert conform_pairs(few, copy_scope({**SCOPE.sizes, "address": 2, "mapping": 2}), most=1).differences


def an_unmap_that_takes_what_is_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not look whether the area has its pages."""

    def untakable(space: IoasSpace, area: Mapping, left: Range) -> Refused | None:
        del space
        return None if covers(left, area.range) else ENOENT

    monkeypatch.setattr(ioas_building_calls, "untakable", untakable)


def an_attach_that_fills_what_is_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every area that is there."""

    def finished(self: Building, areas: Iterable[int]) -> list[int]:
        del self
        return list(areas)

    monkeypatch.setattr(Building, "finished", finished)


def a_device_that_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """domains_rwsem is free for whoever asks."""
    monkeypatch.setattr(Building, "is_busy", lambda _self: False)


def a_fill_that_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page table never has the area."""
    monkeypatch.setattr(Building, "fill", lambda _self, _area, _range: None)


def an_unmap_that_leaves_the_page_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices still reach what is gone."""
    monkeypatch.setattr(Building, "unfill", lambda _self, _area: None)


def a_failure_that_leaves_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the tree for ever, and without pages."""
    monkeypatch.setattr(IoasSpace, "abort", lambda _self, _area: None)


def a_hand_that_is_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody publishes."""
    publish = Building.publish

    def keeps(self: Building, area: int) -> None:
        publish(self, area)
        self.stages[area] = "filled"

    monkeypatch.setattr(Building, "publish", keeps)


@pytest.mark.parametrize(
    "plant",
    [
        an_unmap_that_takes_what_is_anothers,
        an_attach_that_fills_what_is_being_built,
        a_device_that_does_not_wait,
        a_fill_that_does_nothing,
        an_unmap_that_leaves_the_page_table,
        a_failure_that_leaves_the_area,
        a_hand_that_is_never_empty,
    ],
)
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it answers, or shows of its areas and its page table, or by a call that goes on where it should wait."""
    plant(monkeypatch)

    assert pairs().differences
