"""Areas that share memory compared with their model: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference.dma import Range
from tenure.reference.ioas_memory import IoptPages, Memory
from tenure.reference.ioas_spaces import IoasSpace
from tenure.search.ioas_scopes import copy_scope

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas:copies")
SIZES = {"thread": 1, "table": 2, "device": 1, "address": 2, "mapping": 2, "iopt_pages": 1}


def whole() -> Conformance:
    """Whole calls, without those that choose."""
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name not in ("ioas_map", "ioas_copy")))
    return conform_whole(few, copy_scope(SIZES), most=1)


def pairs() -> Conformance:
    """Two calls at a time, of those that wait between their steps a copy alone."""
    calls = ("ioas_alloc", "ioas_map_fixed", "ioas_copy", "destroy", "attach")
    few = replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name in calls))
    return conform_pairs(few, copy_scope({**SIZES, "table": 1, "thread": 2}), most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scopes; also where a copy chooses after others came."""
    for found, least in ((whole(), 1000), (pairs(), 700)):
        assert found.complete
        assert found.differences == []
        assert found.transitions > least


def memory_that_is_charged_for_each_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy charges again."""
    need = IoptPages.need

    def needs(self: IoptPages, span: Range) -> None:
        need(self, span)
        self.charged[span.first] = self.needed[span.first]

    monkeypatch.setattr(IoptPages, "need", needs)


def memory_that_goes_with_its_first_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unmap gives back what a copy uses."""

    def put(self: Memory, pages: IoptPages) -> None:
        self.there.pop(pages.name, None)

    monkeypatch.setattr(Memory, "put", put)


def an_unmap_that_keeps_what_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the area needed is still counted."""
    monkeypatch.setattr(IoptPages, "drop", lambda _self, _span: None)


def a_device_that_comes_to_areas_that_stay_unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is mapped later is filled."""
    monkeypatch.setattr(IoasSpace, "enter", lambda self, device: self.devices.add(device))


@pytest.mark.parametrize(
    "plant",
    [
        memory_that_is_charged_for_each_area,
        memory_that_goes_with_its_first_area,
        an_unmap_that_keeps_what_is_pinned,
        a_device_that_comes_to_areas_that_stay_unpinned,
    ],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it shows of its memory."""
    plant(monkeypatch)

    assert whole().differences


def test_a_copy_that_keeps_no_reference_is_found_by_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source goes in between, and its memory with it."""
    monkeypatch.setattr("tenure.reference.ioas_memory.Memory.get", _without_a_reference)

    assert pairs().differences


def _without_a_reference(self: Memory, name: int, *, writable: bool) -> IoptPages:
    """Whoever finds it there has none; so the first that lets go ends it."""
    pages = self.there.setdefault(name, IoptPages(name, writable, self.number))
    pages.references = 1
    return pages
