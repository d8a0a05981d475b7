"""Totals add up by one law, and nothing is proved of them that the law does not give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case

from tenure.models import SYSTEMS
from tenure.models.dma_type1 import pages, payer
from tenure.prover.induction import prove
from tenure.prover.theory import claims_of
from tenure.prover.totals import added
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import MAPPING, PROCESS
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.symbols import anything
from tenure.vocabulary.systems import Granularity, System, claim
from tenure.vocabulary.terms import Term, total_of, variable, when
from tenure.vocabulary.types import COUNT

V2 = next(s for s in SYSTEMS if s.id == "dma-type1-v2")
GRANTED = 9


def dropped(system: System) -> set[str]:
    """The claims that induction does not keep."""
    rules = rules_of(system, Granularity.WHOLE)
    return set(prove(rules, claims_of(rules), (), rlimit=1_000_000).dropped)


def charging(change: Callable[[Term], Term]) -> Fault:
    """MAP_DMA charges something else."""

    def of(one: Assign) -> Assign:
        charges = one.field is not None and one.field.name == "charged"
        return replace(one, value=change(one.value)) if charges else one

    return on_case("map_dma.map", GRANTED, lambda old: replace(old, effects=tuple(map(of, old.effects))))


def test_what_is_charged_and_given_back_adds_up() -> None:
    """For any number of mappings and processes."""
    assert dropped(V2) == set()


@pytest.mark.parametrize(
    "fault",
    [
        charging(lambda value: value + 1),
        forgetful("map_dma.map", "charged"),
        forgetful("unmap_dma.remove", "charged"),
        forgetful("unmap_all.remove", "charged"),
    ],
    ids=["a page too much", "never charged", "never given back", "not given back by ALL"],
)
def test_charges_that_do_not_add_up_are_not_proved(fault: Fault) -> None:
    """A law that gave everything would prove these too."""
    assert "charges_add_up" in dropped(fault(V2))


def test_an_amount_that_changes_changes_its_total() -> None:
    """A mapping that grows while its payer is charged for what it was."""
    grown = on_case(
        "map_dma.map", GRANTED, lambda old: replace(old, effects=(*old.effects, pages[OTHER].becomes(pages[OTHER] + 1)))
    )

    assert "charges_add_up" in dropped(grown(V2))


OTHER = V2.call("map_dma").parameter("made")


def test_only_what_points_can_be_added_up_for_any_number_of_objects() -> None:
    """No law is known of other sums."""
    with pytest.raises(TypeError, match="for any number of objects"):
        added(total_of(MAPPING, lambda m: pages[m]))
    assert added(total_of(MAPPING, lambda m: when(payer[m] == variable("p", PROCESS), pages[m], 0)))[0].name == (
        "pages by payer"
    )


def test_many_at_once_have_no_law() -> None:
    """What is added up changes for one object at a time."""
    many = on_case(
        "map_dma.map",
        GRANTED,
        lambda old: replace(old, effects=(*old.effects, each(MAPPING, lambda m: pages[m].becomes(0)))),
    )

    with pytest.raises(TypeError, match="one object at a time"):
        dropped(many(V2))


def test_nothing_may_be_pointed_at_from_the_start() -> None:
    """A total starts at zero."""
    owner, weight = (
        anything("owner", MAPPING, PROCESS.maybe, meaning=""),
        anything("weight", MAPPING, COUNT, meaning=""),
    )

    @claim(process=PROCESS)
    def light(process: Term) -> Term:
        """Nobody owns anything heavy."""
        return total_of(MAPPING, lambda m: when(owner[m] == process, weight[m], 0)) == 0

    with pytest.raises(TypeError, match="from the start"):
        dropped(replace(V2, claims=(*V2.claims, light)))
