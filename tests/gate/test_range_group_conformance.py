"""Groups that come to type1 and go: each property has a mutant, and a fault planted in the reference is found by whole calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.search.test_ioas_mutants import fallen_in
from tests.search.test_mutants import Fault, forgetful, unguarded

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import type1_calls
from tenure.reference.dma import Range
from tenure.reference.spaces import Space
from tenure.search.range_scopes import group_scope

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2:groups")
SCOPE = group_scope({"process": 1, "thread": 1, "table": 1, "group": 2, "address": 4, "mapping": 2})


def untested(step: str, why: str) -> Fault:
    """The step does not refuse for this reason."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SYSTEM.call(call).steps if s.name == name)
    return unguarded(step, next(n for n, one in enumerate(cases) if why in one.why))


MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-16", untested("map_dma.map", "a group reserves")),
    ("DMA-16", untested("attach_group.attach", "reserves what is mapped")),
    ("DMA-2", forgetful("detach_group.remove", "translation")),
    ("DMA-7", forgetful("detach_group.remove", "available")),
    ("ACT-1", forgetful("detach_group.remove", "charged")),
)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_fault_of_groups_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen_in(fault(SYSTEM), SCOPE, property_)


def test_without_a_fault_nothing_breaks() -> None:
    """In the same scope."""
    assert fallen_in(SYSTEM, SCOPE) == set()


def whole() -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, SCOPE, most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope."""
    found = whole()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 100


def what_it_reserved_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The valid ranges are not made wider when a group leaves."""
    monkeypatch.setattr(Space, "detach", lambda self, group: self.groups.discard(group))


def a_group_that_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the group reserves is not looked at."""

    def attach(self: Space, group: int) -> bool:
        self.groups.add(group)
        return True

    monkeypatch.setattr(Space, "attach", attach)


def mappings_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last group leaves, and nothing is unmapped."""
    monkeypatch.setattr(type1_calls, "everything", lambda _: Range(3, 3))


@pytest.mark.parametrize("plant", [what_it_reserved_stays_away, a_group_that_is_not_asked, mappings_that_stay])
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls, of which one is a group's."""
    plant(monkeypatch)

    found = whole()

    assert found.differences
    assert any("_group" in call for call in found.differences[0].calls)


def gate() -> Campaign:
    """Random runs of the reference as a subject."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())
    campaign.play((), seconds=None, calls=3000)
    return campaign


def test_the_gate_finds_nothing_in_the_reference() -> None:
    """Which is told what groups reserve."""
    assert gate().report.findings == []


def test_the_gate_finds_a_subject_that_does_not_ask_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it answers."""
    a_group_that_is_not_asked(monkeypatch)

    assert gate().report.findings
