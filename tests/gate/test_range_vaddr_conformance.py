"""Memory behind type1's mappings that is handed over: each property has a mutant, and a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.search.test_ioas_mutants import fallen_in
from tests.search.test_mutants import Fault, forgetful, unguarded
from tests.search.test_range_mutants import adding

from tenure.commands.recording import recorded
from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.models.dma_type1 import available
from tenure.prover.induction import prove
from tenure.prover.theory import claims_of
from tenure.reference.dma import Mapping, size
from tenure.reference.spaces import Payer, Space, name_of
from tenure.search.range_scopes import group_scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2:vaddr")
SIZES = {"process": 2, "thread": 1, "table": 1, "group": 2, "address": 4, "mapping": 2}
SCOPE, SMALL = group_scope(SIZES), group_scope({**SIZES, "address": 3})
TINY = group_scope({**SIZES, "process": 1, "address": 2}, reserved=())
SCOPES = {"ACT-1": SMALL, "ACT-3": SCOPE}
"""Where a property falls, if it does not in the tiny scope: two pay, one may lock fewer pages than there are."""

TABLE = SYSTEM.call("map_vaddr").parameter("table")


def case_of(step: str, why: str) -> int:
    """The number of the case that is told so."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SYSTEM.call(call).steps if s.name == name)
    return next(n for n, one in enumerate(cases) if why in one.why)


def untested(step: str, why: str) -> Fault:
    """The step does not refuse for this reason."""
    return unguarded(step, case_of(step, why))


COUNT_FIELD = "vaddr invalid count"

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-8", untested("attach_group.attach", "a vaddr is invalid")),
    ("DMA-8", forgetful("unmap_vaddr.mark", COUNT_FIELD)),
    ("DMA-17", unguarded("unmap_vaddr.restore", 0)),
    ("DMA-17", forgetful("unmap_vaddr.restore", "invalid in")),
    ("DMA-17", forgetful("unmap_vaddr_all.mark", "marked in")),
    ("DMA-18", forgetful("unmap_vaddr.mark", "unmapped")),
    ("ACT-1", forgetful("map_vaddr.map", "charged")),
    ("ACT-1", forgetful("map_vaddr.map", "payer")),
    (
        "ACT-2",
        adding("map_vaddr.map", case_of("map_vaddr.map", "nothing is"), available[TABLE].becomes(available[TABLE] - 1)),
    ),
    ("ACT-3", untested("map_vaddr.map", "more pages than it may")),
)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_fault_of_vaddrs_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen_in(fault(SYSTEM), SCOPES.get(property_, TINY), property_)


def test_without_a_fault_nothing_breaks() -> None:
    """In a smaller scope."""
    assert fallen_in(SYSTEM, SMALL) == set()


def test_every_property_of_vaddrs_alone_has_a_mutant() -> None:
    """One that is proved here and of no other system of type1."""

    def proved(variant: str) -> set[str]:
        held = recorded().items()
        return {k[3] for k, (verdict, _) in held if k[:3] == ("dma-type1-v2", variant, "whole") and verdict == "proved"}

    assert proved("vaddr") - proved("groups") == {"DMA-8", "DMA-17", "DMA-18"} <= {one for one, _ in MUTANTS}


@pytest.mark.parametrize("step", ["unmap_dma.remove", "unmap_all.remove", "detach_group.remove", "map_vaddr.map"])
def test_the_number_of_invalid_vaddrs_is_not_proved_of_who_forgets_it(step: str) -> None:
    """Mappings that go, and those that are given memory, count no longer."""
    rules = rules_of(forgetful(step, COUNT_FIELD)(SYSTEM), Granularity.WHOLE)

    assert "invalid_vaddrs_are_counted" in prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped


def test_the_number_of_invalid_vaddrs_is_proved_where_nobody_forgets_it() -> None:
    """Together with everything that it needs."""
    rules = rules_of(SYSTEM, Granularity.WHOLE)

    assert prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped == {}


def whole() -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, SMALL, most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope."""
    found = whole()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def what_is_not_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused UNMAP_DMA leaves invalid what it has made so."""
    monkeypatch.setattr(Space, "restore", lambda self: self.marked.pop())


def a_group_that_comes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether a vaddr is invalid."""
    monkeypatch.setattr(Space, "awaits_memory", lambda _: False)


def a_payer_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made the mapping goes on paying for it."""

    def renew(self: Space, mapping: Mapping, payer: Payer) -> bool:
        self.invalid.remove(name_of(mapping))
        return payer.may_lock(size(mapping.range)) or payer is self.payers[name_of(mapping)]

    monkeypatch.setattr(Space, "renew", renew)


def a_limit_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pays already is asked whether it may lock as many pages more."""
    renew = Space.renew

    def asked(self: Space, mapping: Mapping, payer: Payer) -> bool:
        return payer.may_lock(size(mapping.range)) and renew(self, mapping, payer)

    monkeypatch.setattr(Space, "renew", asked)


def what_goes_stays_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping that is removed counts as invalid for ever."""
    remove = Space.remove

    def removed(self: Space, mapping: Mapping) -> None:
        invalid = set(self.invalid)
        remove(self, mapping)
        self.invalid = invalid

    monkeypatch.setattr(Space, "remove", removed)


PLANTED = (
    what_is_not_rolled_back,
    a_group_that_comes_meanwhile,
    a_payer_for_ever,
    a_limit_twice,
    what_goes_stays_invalid,
)


@pytest.mark.parametrize("plant", PLANTED)
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert conform_whole(SYSTEM, SCOPE if plant is a_limit_twice else SMALL, most=1).differences


def gate() -> Campaign:
    """Random runs of the reference as a subject."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())
    campaign.play((), seconds=None, calls=4000)
    return campaign


def test_the_gate_finds_nothing_in_the_reference() -> None:
    """Which shows whose vaddr is invalid."""
    assert gate().report.findings == []


def test_the_gate_finds_a_subject_that_takes_a_group_in_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it answers."""
    a_group_that_comes_meanwhile(monkeypatch)

    assert gate().report.findings
