"""Each property of IO address spaces has a mutant: one broken step, after which a search finds a run that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, unguarded
from tests.search.test_range_mutants import adding, assigning, position_of

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.dma_ioas import allowed
from tenure.models.dma_type1 import access
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.ioas_scopes import ioas_scope
from tenure.vocabulary.calls import Case
from tenure.vocabulary.effects import each
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.objects import MAPPING
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.symbols import Symbol
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, constant, no, rewrite
from tenure.vocabulary.types import COUNT, FLAG

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas")
SCOPE = ioas_scope({"thread": 1, "table": 1, "address": 3, "mapping": 2})
REMOVAL = "ioas_unmap.remove"
MADE = SOUND.call("ioas_map_fixed").parameter("made")


def case_of(step: str, why: str) -> int:
    """The number of the case that is refused for this reason."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SOUND.call(call).steps if s.name == name)
    return next(i for i, one in enumerate(cases) if why in one.why)


def counting_nothing(system: System) -> System:
    """A removal does not count what goes."""
    return assigning(REMOVAL, position_of(system, REMOVAL), "unmapped", constant(0, COUNT))(system)


def choosing_as_if(asked: Symbol, *, answer: bool) -> Fault:
    """Where an address is chosen, this is not asked, but taken for answered."""

    def taken(term: Term) -> Term | None:
        return constant(int(answer), FLAG) if term.data is asked else None

    def change(old: Case) -> Case:
        assert old.pick is not None
        return replace(old, pick=replace(old.pick, where=rewrite(old.pick.where, taken)))

    def fault(system: System) -> System:
        return on_case("ioas_map.map", position_of(system, "ioas_map.map"), change)(system)

    return fault


def fallen_in(system: System, scope: Scope, alone: str | None = None) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, scope), stated, limit=20_000, exhaust=alone is None).violations)


GRANTED = len(SOUND.call("ioas_map_fixed").steps[0].cases) - 1
"""The case in which the area is made."""

SHRINKING = each(MAPPING, lambda m: access[m].becomes("none"), lambda m: no(m == MADE))

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-1", unguarded("ioas_map_fixed.map", case_of("ioas_map_fixed.map", "already"))),
    ("DMA-4", adding("ioas_map_fixed.map", GRANTED, SHRINKING)),
    ("DMA-5", counting_nothing),
    ("DMA-12", forgetful("ioas_map_fixed.map", "last")),
    ("DMA-14", forgetful("destroy.destroy", "listed")),
    ("DMA-15", choosing_as_if(allowed, answer=True)),
)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[m[0] for m in MUTANTS])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen_in(fault(SOUND), SCOPE, property_)


@pytest.mark.ci
def test_without_a_fault_only_the_promise_that_type1_keeps_breaks() -> None:
    """In the same scope."""
    assert fallen_in(SOUND, SCOPE) == {"DMA-13"}


def test_every_property_of_io_address_spaces_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] == "dma-ioas" and key[1:3] == ("", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert {property_ for property_, _ in MUTANTS} == held
