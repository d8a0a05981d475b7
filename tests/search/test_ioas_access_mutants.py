"""DMA-6, DMA-23 and DMA-24 have mutants: an unmap that looks at no pin, tells nobody, or shuts nothing, and their like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, on_step, unguarded

from tenure.models import SYSTEMS
from tenure.models.dma_ioas_accesses import prevents
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.ioas_scopes import access_scope
from tenure.vocabulary.calls import Step
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import FALSE, Term, rewrite

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas:accesses")
ONE = {"thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}
SCOPE = access_scope(ONE)


def fallen_in(system: System, scope: Scope, granularity: Granularity, alone: str | None = None) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, granularity)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, scope), stated, limit=40_000, exhaust=alone is None).violations)


def never(step: str, why: str) -> Fault:
    """The step never takes the case that has this reason."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SOUND.call(call).steps if s.name == name)
    number = next(number for number, case in enumerate(cases) if case.why == why)
    return on_case(step, number, lambda old: replace(old, when=FALSE))


def a_pin_that_looks_at_no_shut_area() -> Fault:
    """As if none were shut."""

    def none_is_shut(term: Term) -> Term | None:
        return FALSE if term.data is prevents else None

    def change(old: Step) -> Step:
        cases = tuple(replace(case, when=rewrite(case.when, none_is_shut)) for case in old.cases)
        assert any(new.when.key != case.when.key for new, case in zip(cases, old.cases, strict=True))
        return replace(old, cases=cases)

    return on_step("pin_pages.pin", change)


PINNED = "a page of the area is pinned"
SHUTS_NOTHING = forgetful("ioas_unmap.remove", "prevents")

MUTANTS: dict[str, tuple[str, Fault]] = {
    "an unmap that looks at no pin": ("DMA-6", never("ioas_unmap.remove", PINNED)),
    "an unmap of all that looks at no pin": ("DMA-6", never("ioas_unmap_all.remove", PINNED)),
    "a detach that leaves pins": ("DMA-6", forgetful("detach.leave", "pinned")),
    "a destroy that looks at no access": ("DMA-6", never("destroy.destroy", "an access is attached to it")),
    "a pin of what nobody has mapped": ("DMA-6", never("pin_pages.pin", "no areas have all of the range")),
    "an unmap that tells nobody": ("DMA-24", unguarded("ioas_unmap.callback", 0)),
    "a pin of a shut area": ("DMA-24", a_pin_that_looks_at_no_shut_area()),
}


@pytest.mark.parametrize(("property_", "fault"), MUTANTS.values(), ids=MUTANTS)
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """Already where calls are indivisible."""
    assert property_ in fallen_in(fault(SOUND), SCOPE, Granularity.WHOLE, property_)


@pytest.mark.parametrize("fault", [SHUTS_NOTHING, a_pin_that_looks_at_no_shut_area()], ids=["shuts", "pin"])
def test_a_pin_may_come_between_where_nothing_is_shut(fault: Fault) -> None:
    """While drivers are told."""
    two = access_scope({**ONE, "thread": 2, "device": 2, "address": 1, "mapping": 1})

    assert "DMA-23" in fallen_in(fault(SOUND), two, Granularity.STEPS, "DMA-23")


def test_a_move_that_leaves_pins_breaks_it() -> None:
    """The new IO address space has nothing at the address."""
    fault = forgetful("attach.leave", "pinned")
    two = access_scope({**ONE, "table": 2, "address": 1, "mapping": 1})

    assert "DMA-6" in fallen_in(fault(SOUND), two, Granularity.WHOLE, "DMA-6")


@pytest.mark.ci
def test_without_a_fault_only_the_promise_that_type1_keeps_breaks() -> None:
    """In the same scope."""
    assert fallen_in(SOUND, SCOPE, Granularity.WHOLE) == {"DMA-13"}
