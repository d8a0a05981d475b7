"""Claims of iommufd objects with physical devices: lemmas follow from what they name, and no claim falls in a search."""

from __future__ import annotations

import pytest

from tenure.models.iommufd_object_claims import WITH_DEVICES
from tenure.models.iommufd_objects import IOMMUFD_OBJECTS
from tenure.prover.induction import RLIMIT, solve
from tenure.prover.theory import Theory, claims_of
from tenure.search.falsify import falsify
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity

LEMMAS = [c.name for c in WITH_DEVICES if c.rests_on]


def theory(granularity: Granularity) -> Theory:
    """The claims at this granularity."""
    rules = rules_of(IOMMUFD_OBJECTS, granularity)
    return Theory(rules, claims_of(rules))


@pytest.mark.parametrize("granularity", list(Granularity), ids=lambda g: g.value)
def test_every_lemma_follows_from_what_it_names(granularity: Granularity) -> None:
    """Who leaves last is alone; what nobody waits for no call has in hand."""
    of_objects = theory(granularity)

    found = {r.goals[0]: r.verdict for r in (solve(of_objects, o, RLIMIT) for o in of_objects.lemmas())}

    assert found == dict.fromkeys(LEMMAS, "unsat")


def test_no_claim_falls_where_calls_are_whole() -> None:
    """They are not all proved: a search of small scopes breaks none."""
    found = falsify(rules_of(IOMMUFD_OBJECTS, Granularity.WHOLE), ())

    assert (found.complete, found.false_claims) == (True, set())


def test_in_steps_one_claim_falls_as_obj_6_does() -> None:
    """A HWPT that was made for an IO address space can outlive its last device there; all other claims stand."""
    found = falsify(rules_of(IOMMUFD_OBJECTS, Granularity.STEPS), ())

    assert (found.complete, found.false_claims) == (True, {"a_hwpt_made_for_an_ioas_has_a_device"})
