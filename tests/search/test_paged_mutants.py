"""Each property of the mappings of 2011 has a mutant: a defect of the code, or one broken step, after which it falls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.search.test_mutants import forgetful, unguarded

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.paged_scopes import paged_scope
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System

NAME = "dma-rfc2011"
SIZES = {"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}
SCOPE = paged_scope(SIZES)
POOR = paged_scope({**SIZES, "address": 2, "page": 2}, limit=0)


def variant(name: str) -> System:
    """The system with a defect, or as meant."""
    return next(s for s in SYSTEMS if s.name == NAME and s.variant == name)


def fallen(system: System, scope: Scope, alone: str | None = None) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, scope), stated, limit=40_000, exhaust=alone is None).violations)


DEFECTS = {
    "DMA-1": "D-G1-08",
    "DMA-12": "D-G1-02",
    "RFC-6": "D-G1-09",
    "RFC-7": "D-G1-11",
    "MAP-1": "D-G1-28",
    "MAP-2": "D-G1-01",
    "MAP-3": "D-G1-27",
    "MAP-4": "D-G1-16",
    "PAY-3": "D-G1-10",
}
FAULTS: dict[str, tuple[Callable[[System], System], Scope]] = {
    "PAY-1": (forgetful("map_dma.pin", "held"), SCOPE),
    "PAY-2": (forgetful("unmap_dma.unpin", "held"), SCOPE),
    "ACT-3": (unguarded("map_dma.pin", 1), POOR),
}


@pytest.mark.parametrize(("property_", "defect"), DEFECTS.items())
def test_a_defect_breaks_its_property(property_: str, defect: str) -> None:
    """There is a run to where the property is false."""
    assert property_ in fallen(variant(defect), SCOPE, property_)


@pytest.mark.parametrize("property_", FAULTS)
def test_a_planted_fault_breaks_its_property(property_: str) -> None:
    """With the fault there is such a run."""
    fault, scope = FAULTS[property_]

    assert property_ in fallen(fault(variant("")), scope, property_)


@pytest.mark.parametrize("scope", [SCOPE, POOR])
def test_without_a_fault_nothing_breaks_but_what_type1_promises(scope: Scope) -> None:
    """An unmap of 2011 cuts mappings; type1's cuts none."""
    assert fallen(variant(""), scope) <= {"DMA-4"}


def test_every_property_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[:3] == (NAME, "", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert set(DEFECTS) | set(FAULTS) == held
