"""Comparing address spaces with their model: a fault planted in the reference is found, in calls or in rounds of a loop."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import type1_calls
from tenure.reference.calls import Steps
from tenure.reference.dma import Mapping, Range
from tenure.reference.spaces import Payer, Space
from tenure.search.range_scopes import range_scope
from tenure.vocabulary.answers import Done
from tenure.vocabulary.types import NONE

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SIZES = {"process": 2, "thread": 2, "table": 1, "address": 4, "mapping": 2}


def whole(name: str) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(next(s for s in SYSTEMS if s.id == name), range_scope(SIZES), most=1)


def pairs(name: str) -> Conformance:
    """Pairs of calls in flight, round by round, until a first difference."""
    return conform_pairs(next(s for s in SYSTEMS if s.id == name), range_scope(SIZES), most=1)


@pytest.mark.parametrize("name", ["dma-type1-v1", "dma-type1-v2"])
def test_the_two_tellings_agree(name: str) -> None:
    """In every state of the scope; `tenure conform` compares calls in flight in a larger one."""
    found = whole(name)

    assert found.complete
    assert found.differences == []
    assert found.transitions > 100


def an_upper_end_that_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNMAP_DMA looks for a bisected mapping at the lower end alone."""

    def bisects(space: Space, r: Range) -> bool:
        low = space.mappings.at(r.first)
        return low is not None and low.range.first < r.first

    monkeypatch.setattr(type1_calls, "bisects", bisects)


def pages_that_are_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal leaves the payer charged."""
    sound = Space.remove

    def remove(self: Space, mapping: Mapping) -> None:
        payer = self.payers[int(mapping.owner.removeprefix("m"))]
        sound(self, mapping)
        payer.locked += 1

    monkeypatch.setattr(Space, "remove", remove)


def a_limit_that_is_reached_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may not lock the last page that it may."""
    monkeypatch.setattr(Payer, "may_lock", lambda self, pages: self.unlimited or self.locked + pages < self.limit)


def a_translation_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unmapped is still translated."""
    sound = Space.translate  # the fault is planted inside

    def translate(self: Space, r: Range, name: int) -> None:
        if name != NONE:
            sound(self, r, name)

    monkeypatch.setattr(Space, "translate", translate)


@pytest.mark.parametrize(
    "plant",
    [
        an_upper_end_that_is_not_asked,
        pages_that_are_not_given_back,
        a_limit_that_is_reached_too_soon,
        a_translation_that_stays,
    ],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison names the calls that led there."""
    plant(monkeypatch)

    found = whole("dma-type1-v2")

    assert found.differences
    assert "map_dma" in found.differences[0].calls[0]


def the_highest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop takes the highest mapping first; when it is over, nobody can tell."""

    def remove(space: Space, r: Range, step: str, *, below: bool = True) -> Steps:
        del below
        yield step
        while left := space.mappings.overlapping(r):
            space.remove(left[-1])
            yield step
        answer = Done((("size", space.unmapped),))
        space.unmapped = 0
        space.lock.release()
        return answer

    monkeypatch.setattr(type1_calls, "_remove", remove)


def test_a_round_out_of_order_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a whole call there is nothing to see of it."""
    the_highest_first(monkeypatch)

    assert whole("dma-type1-v2").differences == []
    assert pairs("dma-type1-v2").differences
