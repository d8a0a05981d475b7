"""Pairs in flight: what interleavings have in common is compared once, and all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.gate import pairs
from tenure.gate.conform import parting
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import NO_DEVICE_FILE, NO_GROUP_DIES_IN_USE
from tenure.models import SYSTEMS
from tenure.search.scopes import scope
from tenure.vocabulary.terms import both

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tenure.gate.conform import Comparison, Conformance
    from tenure.gate.pairs import _Move
    from tenure.vocabulary.machine import Transition

SIZES = {"process": 1, "thread": 1, "file": 2, "group": 1, "container": 1, "device": 1, "table": 0, "page": 0}


def test_every_beginning_of_an_interleaving_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each move that is made after the same moves is looked at when it is made first; moves count as often as they are made."""
    beginnings: set[tuple[object, ...]] = set()
    roots: list[Transition] = []
    compared: list[Transition | None] = []
    interleavings = pairs._interleavings  # noqa: SLF001  # what is replayed

    def told(two: Comparison, path: list[_Move], started: int) -> Iterator[list[_Move]]:
        outermost = len(path) == 1 and started == 1
        if outermost:
            roots.append(path[0].made)
        for found in interleavings(two, path, started):
            if outermost:
                beginnings.update(
                    (len(roots), *((m.label, m.begins, m.made) for m in found[:end]))
                    for end in range(1, len(found) + 1)
                )
            yield found

    def noted(two: Comparison, report: Conformance, made: Transition | None, given: str) -> tuple[str, str] | None:
        compared.append(made)
        return parting(two, report, made, given)

    monkeypatch.setattr(pairs, "_interleavings", told)
    monkeypatch.setattr(pairs, "parting", noted)
    system = next(s for s in SYSTEMS if s.id == "containers-2013")
    report = conform_pairs(system, scope(SIZES), within=both(NO_GROUP_DIES_IN_USE.term, NO_DEVICE_FILE.term))

    assert report.complete
    assert report.differences == []
    assert len(compared) == len(beginnings)
    assert report.transitions > len(compared)
