"""Comparing IO address spaces with their model: a fault planted in the reference is found, in calls or between two areas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate import walks
from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import ioas_calls
from tenure.reference.calls import ENOENT, Steps
from tenure.reference.dma import Mapping, Range
from tenure.reference.dma.bounds import usable
from tenure.reference.dma.ranges import covers, overlap, size
from tenure.reference.ioas_spaces import IoasSpace
from tenure.search.ioas_scopes import ioas_scope
from tenure.vocabulary.answers import Answer

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

EVERY_CALL = next(s for s in SYSTEMS if s.id == "dma-ioas")
SYSTEM = replace(EVERY_CALL, calls=tuple(c for c in EVERY_CALL.calls if c.name != "ioas_allow_iovas"))
"""The calls that leave open where addresses are chosen."""
FEW = replace(SYSTEM, calls=tuple(map(SYSTEM.call, ("ioas_alloc", "ioas_map", "ioas_unmap_all"))))
"""The calls that need no address of the caller."""


def whole() -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, ioas_scope({"thread": 1, "table": 1, "address": 3, "mapping": 2}), most=1)


def pairs() -> Conformance:
    """Pairs of calls in flight, area by area, until a first difference."""
    return conform_pairs(SYSTEM, ioas_scope({"thread": 2, "table": 1, "address": 2, "mapping": 2}), most=1)


def choosing() -> Conformance:
    """Whole calls about what is allowed and what is chosen then, until a first difference."""
    calls = tuple(c for c in EVERY_CALL.calls if "unmap" not in c.name)
    scope = ioas_scope({"thread": 1, "table": 1, "address": 3, "mapping": 1})
    return conform_whole(replace(EVERY_CALL, calls=calls), scope, most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope, by whole calls and by pairs; `tenure conform` compares in larger ones."""
    for found in (whole(), pairs(), choosing()):
        assert found.complete
        assert found.differences == []
        assert found.transitions > 100


def a_part_that_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNMAP takes an area of which it was asked a part."""
    monkeypatch.setattr(ioas_calls, "covers", overlap)


def an_unmap_that_looks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNMAP refuses before it takes anything, as type1 does."""
    sound = ioas_calls.take

    def take(space: IoasSpace, asked: Range, step: str, ended: Callable[..., Answer]) -> Steps | Answer:
        found = space.areas.overlapping(asked)
        if all(asked.first <= one.range.first and one.range.last <= asked.last for one in found):
            return sound(space, asked, step, ended)
        return ENOENT

    monkeypatch.setattr(ioas_calls, "take", take)


def an_area_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last address of an area is mapped still after it was taken."""
    sound = IoasSpace.remove

    def remove(self: IoasSpace, area: Mapping) -> int:
        size = sound(self, area)
        if area.range.first < area.range.last:
            self.areas.map(Mapping(Range(area.range.last, area.range.last), 0, area.access, area.owner))
        return size

    monkeypatch.setattr(IoasSpace, "remove", remove)


def a_neighbour_that_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAP takes the address before the range for a part of it."""
    sound = IoasSpace.map

    def make(self: IoasSpace, name: int, r: Range, access: int) -> object:
        if self.areas.overlapping(Range(max(r.first - 1, 0), r.last)):
            return "in the way"
        return sound(self, name, r, access)

    monkeypatch.setattr(IoasSpace, "map", make)


@pytest.mark.parametrize(
    "plant",
    [a_part_that_is_taken_whole, an_unmap_that_looks_first, an_area_that_stays, a_neighbour_that_is_in_the_way],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison names the calls that led there."""
    plant(monkeypatch)

    found = whole()

    assert found.differences
    assert any("ioas_map_fixed" in call for call in found.differences[0].calls)


def test_any_place_that_fits_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference takes the lowest; one that takes the highest keeps the rules too, and is followed."""

    def room(self: IoasSpace, length: int) -> int | None:
        taken = [area.range for area in self.areas]
        begins = (r.last - length + 1 for one in self.layout.choosable for r in usable(one, taken) if size(r) >= length)
        return max(begins, default=None)

    monkeypatch.setattr(IoasSpace, "room", room)

    alone = conform_whole(SYSTEM, ioas_scope({"thread": 1, "table": 1, "address": 4, "mapping": 2}), most=1)
    beside = conform_pairs(FEW, ioas_scope({"thread": 2, "table": 1, "address": 4, "mapping": 1}), most=1)

    assert (alone.complete, alone.differences) == (True, [])
    assert (beside.complete, beside.differences) == (True, [])
    monkeypatch.setattr(
        walks, "gate_scope", lambda _: ioas_scope({"thread": 1, "table": 1, "address": 4, "mapping": 2})
    )
    assert walks.random_walks(FEW, seed=1, seconds=60.0, walks=100)[1] == ""


def a_place_that_is_never_chosen(self: IoasSpace, length: int) -> int | None:
    """The first address."""
    return 0 if not self.areas.overlapping(Range(0, length - 1)) else None


def no_place_at_all(self: IoasSpace, length: int) -> int | None:
    """Though there is one."""
    del self, length
    return None


@pytest.mark.parametrize("room", [a_place_that_is_never_chosen, no_place_at_all])
def test_a_place_that_does_not_fit_is_found(room: Callable[..., int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the rules leave open."""
    monkeypatch.setattr(IoasSpace, "room", room)

    found = whole()

    assert found.differences
    assert "ioas_map " in found.differences[0].calls[-1]
    monkeypatch.setattr(
        walks, "gate_scope", lambda _: ioas_scope({"thread": 1, "table": 1, "address": 4, "mapping": 2})
    )
    assert "ioas_map " in walks.random_walks(FEW, seed=1, seconds=60.0)[1]


def a_place_that_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel looks for room wherever it may choose at all."""
    sound = IoasSpace.room

    def room(self: IoasSpace, length: int) -> int | None:
        kept, self.allowed = self.allowed, ()
        found = sound(self, length)
        self.allowed = kept
        return found

    monkeypatch.setattr(IoasSpace, "room", room)


def a_space_that_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next IO address space of the name finds what was allowed in the one before."""

    def end(self: IoasSpace) -> None:
        self.is_there = False
        self.areas.unmap_all()

    monkeypatch.setattr(IoasSpace, "end", end)


@pytest.mark.parametrize("plant", [a_place_that_is_not_allowed, a_space_that_remembers])
def test_a_fault_in_what_is_allowed_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a call's answer, or in what is shown after it."""
    plant(monkeypatch)

    found = choosing()

    assert found.differences
    assert any("ioas_allow_iovas" in call for call in found.differences[0].calls)


def an_unmap_that_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each area UNMAP looks at its whole range again, and takes what was made behind it."""

    def take(space: IoasSpace, asked: Range, step: str, ended: Callable[..., Answer]) -> Steps:
        space.users += 1
        removed = 0
        yield step
        while found := space.areas.overlapping(asked):
            if not covers(asked, found[0].range):
                break
            removed += space.remove(found[0])
            yield step
        space.unmapped -= removed
        space.users -= 1
        return ended(removed, in_the_way=bool(found))

    monkeypatch.setattr(ioas_calls, "take", take)


def test_an_unmap_that_begins_anew_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody comes between two areas, there is nothing to see of it."""
    an_unmap_that_begins_anew(monkeypatch)

    assert whole().differences == []
    assert pairs().differences
