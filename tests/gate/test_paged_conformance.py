"""The mappings of 2011: their model and their reference agree, as meant and with each defect, and the gate catches each defect."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Made, Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, plan_scope, setup_of, whole_fields
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.models.dma_rfc2011_ways import DEFECTS
from tenure.reference.dma import Mapping
from tenure.reference.dma.rfc2011_memory import Memory
from tenure.reference.dma.rfc2011_ways import DEFECTS as IN_THE_REFERENCE
from tenure.reference.paged_spaces import PagedSpace
from tenure.vocabulary.systems import System

pytestmark = pytest.mark.ci

NAME = "dma-rfc2011"
UNSEEN = {
    "D-G1-04": "a size of 2^44 bytes, which pages of an abstract order do not have",
    "D-G1-05": "the same, and a page",
    "D-G1-06": "2^31 pages, as a number of 32 bits",
    "D-G1-16": "a device could use the pages for a while, and no caller can tell",
    "D-G1-17": "a host of 32 bits",
    "D-G1-26": "memory is what a process was given: none of it is copied when it is written",
    "D-G1-29": "2^31 pages, as a sum of two numbers",
    "D-G1-30": "2^31 pages, in the loop that unmaps them",
}
"""The defects that a caller of this gate cannot see, with what hides them; tests/reference/dma/test_rfc2011.py shows each."""


def system(variant: str = "") -> System:
    """The system as meant, or with a defect."""
    return next(s for s in SYSTEMS if s.name == NAME and s.variant == variant)


def small(variant: str, name: str = "two address spaces") -> Conformance:
    """Whole calls over four addresses, until a first difference."""
    field = next(f for f in whole_fields(system(variant)) if f.name == name)
    return conform_whole(system(variant), field.scope, within=field.within, most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope, with every call; `tenure conform` says it of each defect, in the same scope."""
    found = small("")

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def ignored(*arguments: object) -> None:
    """A step that is left out."""
    del arguments


def a_page_that_stays_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unmapped is not given back."""
    sound = Memory.uninstall

    def uninstall(self: Memory, piece: Mapping) -> None:
        locked = self.process.locked
        sound(self, piece)
        self.process.locked = locked

    monkeypatch.setattr(Memory, "uninstall", uninstall)


def a_release_that_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last release leaves everything as it is."""
    monkeypatch.setattr(PagedSpace, "release_steps", lambda _: iter(()))


def a_translation_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unmapped is still translated."""
    monkeypatch.setattr(Memory, "uninstall", ignored)


@pytest.mark.parametrize("plant", [a_page_that_stays_charged, a_release_that_forgets_nothing, a_translation_that_stays])
def test_a_fault_in_the_reference_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison names the calls that led there."""
    plant(monkeypatch)

    assert small("", "one address space").differences


@cache
def plan() -> tuple[Oracle, tuple[tuple[Made, ...], ...]]:
    """The oracle of what was meant, and the runs with which a campaign begins."""
    oracle = Oracle(system(), gate_scope(system()))
    return oracle, planned(system(), oracle.rules, plan_scope(system()))


def campaign(subject: str) -> Campaign:
    """The planned runs, and some random ones, on a subject."""
    oracle, runs = plan()
    made = Campaign(ReferenceSubject(subject), oracle, setup_of(oracle.system, oracle.machine), 1, frozenset({"DMA-4"}))
    made.play(runs, seconds=None, calls=1500)
    return made


@pytest.mark.parametrize("variant", [d for d in DEFECTS if d not in UNSEEN])
def test_the_gate_catches_each_defect_that_a_caller_can_see(variant: str) -> None:
    """By a run of at most four calls, when it is shrunk."""
    found = campaign(f"{NAME}:{variant}").report.findings

    assert found
    assert min(len(one.run) for one in found) <= 4


def test_the_gate_finds_nothing_in_what_was_meant() -> None:
    """With the same runs."""
    assert campaign(NAME).report.findings == []


def test_every_defect_is_a_variant_or_has_a_reason_why_not() -> None:
    """None is left out quietly."""
    assert set(DEFECTS) | set(UNSEEN) == set(IN_THE_REFERENCE)
    assert set(DEFECTS) & set(UNSEEN) == {"D-G1-16"}
