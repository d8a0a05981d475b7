"""Each property of VFIO's calls on an iommufd has a mutant: one broken step, after which a search finds a run that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, unguarded
from tests.search.test_range_mutants import assigning, position_of

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.dma_type1 import last
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.ioas_scopes import vfio_scope
from tenure.vocabulary.calls import Case
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Op, constant
from tenure.vocabulary.types import COUNT

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas-compat")
SCOPE = vfio_scope({"thread": 1, "table": 1, "address": 3, "mapping": 3})


def case_of(step: str, why: str) -> int:
    """The number of the case that is refused for this reason."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SOUND.call(call).steps if s.name == name)
    return next(i for i, one in enumerate(cases) if why in one.why)


def counting_nothing(system: System) -> System:
    """A removal does not count what goes."""
    step = "unmap_dma.remove"
    return assigning(step, position_of(system, step), "unmapped", constant(0, COUNT))(system)


def keeping_its_end(old: Case) -> Case:
    """What is cut off an area stays in it, too."""
    kept = (e for e in old.effects if e.field is not last or e.target.args[0].op is Op.VARIABLE)
    return replace(old, effects=tuple(kept))


CUT_ABOVE = len(SOUND.call("unmap_dma").steps[0].cases) - 3
"""The case of a cut where a range ends, and none where it begins."""

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-1", unguarded("map_dma.map", case_of("map_dma.map", "already"))),
    ("DMA-1", on_case("unmap_dma.cut", CUT_ABOVE, keeping_its_end)),
    ("DMA-5", counting_nothing),
    ("DMA-12", forgetful("map_dma.map", "last")),
    ("DMA-14", unguarded("map_dma.map", case_of("map_dma.map", "stands for a container"))),
)


def fallen(system: System, alone: str) -> set[str]:
    """Whether a search finds a run after which this property is false."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and p.id == alone]
    return set(explore(Machine(rules, SCOPE), stated, limit=20_000, exhaust=False).violations)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{n} {m[0]}" for n, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen(fault(SOUND), property_)


def test_every_property_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] == SOUND.id and key[1:3] == ("", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert {property_ for property_, _ in MUTANTS} == held
