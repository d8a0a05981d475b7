"""DMA-9, DMA-25 and DMA-26 have mutants: who does not look whether an area has its pages, who fills too much, too little, or not in time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, on_step, unguarded

from tenure.models import SYSTEMS
from tenure.models.dma_ioas_building import stage, workers
from tenure.models.dma_ioas_compat import found
from tenure.models.dma_ioas_devices import has_devices
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.ioas_scopes import copy_scope
from tenure.vocabulary.calls import Case, Next, Step, local
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term, is_none, no, rewrite, variable
from tenure.vocabulary.types import FLAG

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas:building")
SCOPE = copy_scope({"thread": 2, "table": 1, "device": 1, "address": 1, "mapping": 1})
TABLE_OF_A_MAP, MADE = (SOUND.call("ioas_map_fixed").parameter(name) for name in ("table", "made"))
COMES = has_devices(TABLE_OF_A_MAP)


def fallen_in(system: System, alone: str | None = None) -> set[str]:
    """The properties that a search by steps finds broken; one `alone` is searched until it falls."""
    rules = rules_of(system, Granularity.STEPS)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, SCOPE), stated, limit=50_000, exhaust=alone is None).violations)


def last_of(call: str) -> int:
    """The number of the case of a call of one step in which it ends well."""
    return len(SOUND.call(call).steps[0].cases) - 1


def changing(field: str, where: Term | None) -> Fault:
    """An attach fills under another condition, or nothing."""

    def effects(old: Assign) -> tuple[Assign, ...]:
        if old.field is None or old.field.name != field or len(old.bound) > 1:
            return (old,)
        return () if where is None else (replace(old, where=where),)

    def change(old: Case) -> Case:
        return replace(old, effects=tuple(new for one in old.effects for new in effects(one)))

    return on_case("attach.attach", last_of("attach"), change)


def as_when_it_was_inserted(system: System) -> System:
    """A map fills for whoever was attached when it began, and not for who has come since."""
    had = local("had", FLAG)

    def look(old: Step) -> Step:
        went = (
            replace(c, effects=(*c.effects, had.becomes(COMES))) if isinstance(c.follow, Next) else c for c in old.cases
        )
        return replace(old, cases=tuple(went))

    def remembered(term: Term) -> Term:
        return rewrite(term, lambda part: had if part.key == COMES.key else None)

    def case(old: Case) -> Case:
        effects = tuple(replace(e, where=remembered(e.where)) for e in old.effects)
        return replace(old, when=remembered(old.when), effects=effects)

    def recall(old: Step) -> Step:
        return replace(old, cases=tuple(map(case, old.cases)))

    return on_step("ioas_map_fixed.fill", recall)(on_step("ioas_map_fixed.map", look)(system))


def at_once(system: System) -> System:
    """A map publishes its pages where it inserts the area."""

    def case(old: Case) -> Case:
        return replace(
            old, effects=tuple(stage[MADE].becomes("finished") if e.field is stage else e for e in old.effects)
        )

    return on_step("ioas_map_fixed.map", lambda old: replace(old, cases=tuple(map(case, old.cases))))(system)


def left_behind(old: Case) -> Case:
    """Who cannot fill an area goes away without it."""
    return replace(old, effects=tuple(e for e in old.effects if e.field is workers))


def whatever_is_there() -> Term:
    """The address is in some area."""
    table, address = SOUND.call("attach").parameter("table"), variable(f"each {ADDRESS.letter}", ADDRESS)
    return no(is_none(found[table, address]))


MUTANTS: dict[str, tuple[str, Fault]] = {
    "an unmap does not look whether the area has its pages": ("DMA-9", unguarded("ioas_unmap.select", 0)),
    "an unmap of all does not": ("DMA-9", unguarded("ioas_unmap_all.select", 0)),
    "an area that cannot be filled is left behind": ("DMA-9", on_case("ioas_map_fixed.abort", 0, left_behind)),
    "a destroy does not look who works there": ("DMA-9", unguarded("destroy.destroy", 2)),
    "an attach fills what is being built": ("DMA-25", changing("translation", whatever_is_there())),
    "an attach fills nothing": ("DMA-25", changing("translation", None)),
    "an attach does not wait for who fills": (
        "DMA-25",
        on_case("attach.attach", last_of("attach"), lambda old: replace(old, when=TRUE)),
    ),
    "an attach pins what is missing": ("DMA-25", unguarded("attach.attach", 2)),
    "a map pins what is missing": ("DMA-25", unguarded("ioas_map_fixed.fill", 0)),
    "an attach brings a page table at any time": (
        "DMA-26",
        on_case("attach.attach", last_of("attach"), lambda old: replace(old, when=TRUE)),
    ),
    "a detach takes one along at any time": (
        "DMA-26",
        on_case("detach.detach", 0, lambda old: replace(old, when=TRUE)),
    ),
    "a map fills nothing": ("DMA-25", forgetful("ioas_map.fill", "translation")),
    "a map forgets the page table that came": ("DMA-25", as_when_it_was_inserted),
    "a map publishes before it fills": ("DMA-25", at_once),
    "an unmap leaves what it removes in the page table": ("DMA-25", forgetful("ioas_unmap.unfill", "translation")),
    "a detach leaves the page table": ("DMA-25", forgetful("detach.detach", "translation")),
}


@pytest.mark.parametrize(("property_", "fault"), MUTANTS.values(), ids=MUTANTS)
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run of two calls at a time to where the property is false."""
    assert property_ in fallen_in(fault(SOUND), property_)


@pytest.mark.ci
def test_without_a_fault_only_what_does_not_hold_of_steps_breaks() -> None:
    """In the same scope: an area is there before it is filled."""
    assert fallen_in(SOUND) == {"DMA-2"}
