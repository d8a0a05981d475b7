"""ACT-4 has mutants: a copy that charges again, an unmap that gives back what a copy still uses, and their like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.search.test_ioas_mutants import fallen_in
from tests.search.test_mutants import Fault

from tenure.models import SYSTEMS
from tenure.search.ioas_scopes import copy_scope
from tenure.vocabulary.calls import Case
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import TRUE, Op, Term, both, rewrite

SOUND = next(s for s in SYSTEMS if s.id == "dma-ioas:copies")
SCOPE = copy_scope({"thread": 1, "table": 2, "device": 1, "address": 2, "mapping": 2, "iopt_pages": 1})


def changing(calls: tuple[str, ...], change: Callable[[Assign], tuple[Assign, ...]]) -> Fault:
    """Each effect of these calls is replaced by what it is changed to."""

    def case(old: Case) -> Case:
        return replace(old, effects=tuple(new for one in old.effects for new in change(one)))

    def fault(system: System) -> System:
        made = (
            replace(c, steps=tuple(replace(s, cases=tuple(map(case, s.cases))) for s in c.steps))
            if c.name in calls
            else c
            for c in system.calls
        )
        return replace(system, calls=tuple(made))

    return fault


def is_about(effect: Assign, name: str) -> bool:
    """The effect changes this field."""
    return effect.field is not None and effect.field.name == name


def whatever_is_pinned(effect: Assign) -> tuple[Assign, ...]:
    """What comes is charged, whether or not it is pinned already."""
    asked = effect.where.args if is_about(effect, "charges") else ()
    others = [part for part in asked if "pinned" not in part.reads]
    return (replace(effect, where=both(*others)) if others else effect,)


def whoever_uses_it(name: str) -> Callable[[Assign], tuple[Assign, ...]]:
    """What goes is given back, or unpinned, whether or not another area leads to it."""

    def alone(term: Term) -> Term | None:
        return TRUE if term.op is Op.NOT and term.args[0].op is Op.SOME and "shares" in term.reads else None

    def change(effect: Assign) -> tuple[Assign, ...]:
        return (replace(effect, where=rewrite(effect.where, alone)) if is_about(effect, name) else effect,)

    return change


def never(name: str) -> Callable[[Assign], tuple[Assign, ...]]:
    """The field is left as it was."""
    return lambda effect: () if is_about(effect, name) else (effect,)


MAPS, COPIES = ("ioas_map_fixed", "ioas_map"), ("ioas_copy_fixed", "ioas_copy")

MUTANTS: dict[str, Fault] = {
    "a copy charges again": changing(("ioas_copy_fixed",), whatever_is_pinned),
    "an attach charges what is pinned": changing(("attach",), whatever_is_pinned),
    "an unmap gives back what a copy uses": changing(("ioas_unmap",), whoever_uses_it("charges")),
    "an unmap of all unpins what a copy uses": changing(("ioas_unmap_all",), whoever_uses_it("pinned")),
    "a map charges nothing": changing(MAPS, never("charges")),
    "a copy begins at the first page": changing(COPIES, never("offset")),
    "an attach pins nothing": changing(("attach",), never("pinned")),
    "an area keeps what was pinned for it": changing(("ioas_unmap",), never("pinned")),
}


@pytest.mark.parametrize("fault", MUTANTS.values(), ids=MUTANTS)
def test_a_planted_fault_breaks_it(fault: Fault) -> None:
    """With the fault there is a run to where a page is charged twice, or for nobody, or not at all."""
    assert "ACT-4" in fallen_in(fault(SOUND), SCOPE, "ACT-4")


def test_a_detach_that_gives_back_what_is_used_elsewhere_breaks_it() -> None:
    """Two devices, each with a page table of its own."""
    fault = changing(("detach",), whoever_uses_it("charges"))
    two = copy_scope({**SCOPE.sizes, "device": 2, "address": 1})

    assert "ACT-4" in fallen_in(fault(SOUND), two, "ACT-4")


@pytest.mark.ci
def test_without_a_fault_only_the_promise_that_type1_keeps_breaks() -> None:
    """In the same scope."""
    assert fallen_in(SOUND, SCOPE) == {"DMA-13"}
