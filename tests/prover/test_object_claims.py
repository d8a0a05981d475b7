"""Claims of iommufd objects with physical devices: lemmas follow from what they name, and no claim falls in a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.models.iommufd_objects import IOMMUFD_OBJECTS
from tenure.prover.induction import RLIMIT, solve
from tenure.prover.theory import Theory, claims_of
from tenure.search.falsify import falsify
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity

LEMMAS = [c.name for c in IOMMUFD_OBJECTS.claims if c.rests_on]


def theory(granularity: Granularity) -> Theory:
    """The claims at this granularity."""
    rules = rules_of(IOMMUFD_OBJECTS, granularity)
    return Theory(rules, claims_of(rules))


@pytest.mark.parametrize("granularity", list(Granularity), ids=lambda g: g.value)
def test_every_lemma_follows_from_what_it_names(granularity: Granularity) -> None:
    """Who leaves last is alone; what nobody refers to rests; who sleeps waits for one who does not."""
    of_objects = theory(granularity)

    found = {r.goals[0]: r.verdict for r in (solve(of_objects, o, RLIMIT) for o in of_objects.lemmas())}

    assert found == dict.fromkeys(LEMMAS, "unsat")


@pytest.mark.parametrize(
    ("lemma", "left_out"),
    [
        ("users_of_what_is_let_go_are_hwpts", "nothing_is_attached_to_what_is_let_go"),
        ("where_something_is_let_go_something_can_go", "an_ioas_counts_its_hwpts"),
        ("where_a_device_is_locked_somebody_goes_on", "where_a_call_sleeps_another_goes_on"),
    ],
)
def test_a_lemma_that_names_too_little_does_not_follow(lemma: str, left_out: str) -> None:
    """Each stage needs the one before."""
    rules = rules_of(IOMMUFD_OBJECTS, Granularity.STEPS)
    less = {c.name: replace(c, rests_on=tuple(n for n in c.rests_on if n != left_out)) for c in claims_of(rules)}
    claims = tuple(less[c.name] if c.name == lemma else c for c in claims_of(rules))
    of_objects = Theory(rules, claims)

    (owed,) = (o for o in of_objects.lemmas() if o.names == (lemma,))

    assert solve(of_objects, owed, RLIMIT // 10).verdict != "unsat"


def test_no_claim_falls_where_calls_are_whole() -> None:
    """A search of small scopes breaks none."""
    found = falsify(rules_of(IOMMUFD_OBJECTS, Granularity.WHOLE), ())

    assert (found.complete, found.false_claims) == (True, set())


def test_in_steps_one_claim_falls_as_obj_6_does() -> None:
    """A HWPT that was made for an IO address space can outlive its last device there; all other claims stand."""
    found = falsify(rules_of(IOMMUFD_OBJECTS, Granularity.STEPS), ())

    assert (found.complete, found.false_claims) == (True, {"a_hwpt_made_for_an_ioas_has_a_device"})
