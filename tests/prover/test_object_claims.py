"""Claims of iommufd objects: lemmas follow from what they name, and what is kept with one is not kept without."""

from __future__ import annotations

import pytest

from tenure.models.iommufd_object_claims import WITH_DEVICES
from tenure.models.iommufd_objects import IOMMUFD_OBJECTS
from tenure.prover.induction import RLIMIT, solve
from tenure.prover.theory import Theory, claims_of
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
