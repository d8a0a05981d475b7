"""Each property of address ranges has a mutant: one broken step, after which a search finds a run that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, unguarded

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.dma_type1 import access, available, last, position
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.range_scopes import range_scope
from tenure.vocabulary.calls import Case, refuse
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import MAPPING
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, constant, no, rewrite
from tenure.vocabulary.types import COUNT

NAMES = ("dma-type1-v1", "dma-type1-v2")
SCOPE = range_scope({"process": 2, "thread": 1, "table": 1, "address": 4, "mapping": 2})


def adding(step: str, number: int, effect: Assign) -> Fault:
    """One case of the step has an effect more."""
    return on_case(step, number, lambda old: replace(old, effects=(*old.effects, effect)))


def assigning(step: str, number: int, field: str, value: Term) -> Fault:
    """One case of the step gives the field another value."""

    def change(old: Case) -> Case:
        changed = (replace(e, value=value) if e.field is not None and e.field.name == field else e for e in old.effects)
        return replace(old, effects=tuple(changed))

    return on_case(step, number, change)


def an_address_short(system: System) -> System:
    """A removal leaves the translation of the last address where it is."""

    def shorter(term: Term) -> Term | None:
        ends = term.data is position and term.args[0].data is last
        return Term(term.op, term.type, term.args, term.data) - 1 if ends else None

    def change(old: Case) -> Case:
        return replace(old, effects=tuple(replace(e, where=rewrite(e.where, shorter)) for e in old.effects))

    return on_case(REMOVAL, position_of(system, REMOVAL), change)(system)


def position_of(system: System, name: str) -> int:
    """The number of the case by which a round of the loop goes on."""
    call, _, step = name.partition(".")
    cases = next(s.cases for s in system.call(call).steps if s.name == step)
    return next(i for i, c in enumerate(cases) if c.pick is not None)


def counting_nothing(system: System) -> System:
    """A removal does not count what goes."""
    return assigning(REMOVAL, position_of(system, REMOVAL), "unmapped", constant(0, COUNT))(system)


def refusing_in_the_end(system: System) -> System:
    """A removal takes what there is, and says that it may not."""
    after = position_of(system, REMOVAL) + 1
    return on_case(REMOVAL, after, lambda old: refuse(old.when, "EINVAL", "it is too late", *old.effects))(system)


REMOVAL = "unmap_dma.remove"
V2 = next(s for s in SYSTEMS if s.id == "dma-type1-v2")
TABLE, MADE = (V2.call("map_dma").parameter(name) for name in ("table", "made"))
GRANTED = 9
"""The case of `map_dma.map` in which the mapping is made."""

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-1", unguarded("map_dma.map", 5)),
    ("DMA-2", an_address_short),
    ("DMA-3", unguarded("map_dma.map", 7)),
    (
        "DMA-4",
        adding("map_dma.map", GRANTED, each(MAPPING, lambda m: access[m].becomes("none"), lambda m: no(m == MADE))),
    ),
    ("DMA-5", counting_nothing),
    ("DMA-7", forgetful(REMOVAL, "available")),
    ("DMA-12", forgetful("map_dma.map", "last")),
    ("DMA-13", refusing_in_the_end),
    ("ACT-1", forgetful(REMOVAL, "charged")),
    ("ACT-2", adding("map_dma.map", 5, available[TABLE].becomes(available[TABLE] - 1))),
    ("ACT-3", unguarded("map_dma.map", 8)),
)


def fallen(system: System, alone: str | None = None) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, SCOPE), stated, limit=20_000, exhaust=alone is None).violations)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[m[0] for m in MUTANTS])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen(fault(V2), property_)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_fault_nothing_breaks(name: str) -> None:
    """In the same scope."""
    assert fallen(next(s for s in SYSTEMS if s.id == name)) == set()


def test_every_property_of_ranges_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] in NAMES and key[1:3] == ("", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert {property_ for property_, _ in MUTANTS} == held
