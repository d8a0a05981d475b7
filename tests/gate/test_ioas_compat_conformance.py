"""Comparing VFIO's calls on an iommufd with their model: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import ioas_compat_calls
from tenure.reference.calls import ENOENT
from tenure.reference.ioas_spaces import IoasSpace
from tenure.search.ioas_scopes import vfio_scope
from tenure.vocabulary.answers import Answer, Done

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas-compat")


def whole() -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, vfio_scope({"thread": 1, "table": 1, "address": 3, "mapping": 3}), most=1)


def pairs() -> Conformance:
    """Pairs of calls in flight, area by area, until a first difference; of few forms."""
    system = replace(SYSTEM, calls=tuple(map(SYSTEM.call, ("ioas_alloc", "set_iommu", "map_dma", "unmap_dma"))))
    return conform_pairs(system, vfio_scope({"thread": 2, "table": 1, "address": 2, "mapping": 2}), most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope, by whole calls and by pairs; `tenure conform` compares in larger ones."""
    for found in (whole(), pairs()):
        assert found.complete
        assert found.differences == []
        assert found.transitions > 100


def a_cut_that_takes_the_lower_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an area was keeps its upper part, and the lower one is new."""
    sound = IoasSpace.cut

    def cut(self: IoasSpace, last: int, name: int) -> None:
        area = self.areas.at(last)
        if area is None or last == area.range.last:
            return
        old = int(area.owner.removeprefix("m"))
        sound(self, last, name)
        named = self.named()
        self.areas.unmap_all()
        swapped = {old: named[name], name: named[old]}
        for other, one in (named | swapped).items():
            self.map(other, one.range, one.access.value)

    monkeypatch.setattr(IoasSpace, "cut", cut)


def a_cut_for_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever version was asked for."""
    monkeypatch.setattr(IoasSpace, "cuts", property(lambda _: True, lambda _one, _value: None), raising=False)


def a_cut_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """An area is cut an address above where the range ends."""
    sound = IoasSpace.cut
    monkeypatch.setattr(IoasSpace, "cut", lambda self, last, name: sound(self, last + 1, name))


def an_unmap_of_nothing_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IOAS_UNMAP refuses it, and VFIO's call did before November 2025."""

    def told(removed: int, *, in_the_way: bool) -> Answer:
        return ENOENT if in_the_way or removed == 0 else Done((("size", removed),))

    monkeypatch.setattr(ioas_compat_calls, "_told", told)


@pytest.mark.parametrize(
    "plant",
    [a_cut_that_takes_the_lower_part, a_cut_for_version_2, a_cut_too_far, an_unmap_of_nothing_that_is_refused],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison names the calls that led there."""
    plant(monkeypatch)

    found = whole()

    assert found.differences
