"""Where a proof sticks, somebody is shown the step or the state to look at."""

from tenure.commands.sticking import where_stuck
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.prover.induction import prove
from tenure.prover.theory import Invariant, claims_of, stated
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity


def contained() -> Rules:
    """The containers of 2013, calls indivisible."""
    return rules_of(next(s for s in SYSTEMS if s.id == "containers-2013:locked"), Granularity.WHOLE)


def wanted(rules: Rules, property_id: str) -> tuple[Invariant, ...]:
    """One property, to be proved."""
    return stated(sentence(rules, p) for p in PROPERTIES if p.id == property_id)


def test_a_claim_that_is_not_inductive_is_shown_with_its_step() -> None:
    """Alone, the claim that used groups are contained is left by a step from a state that nobody can reach."""
    rules = contained()
    alone = tuple(c for c in claims_of(rules) if c.name == "used_means_contained")
    properties = wanted(rules, "CON-1")
    proof = prove(rules, alone, properties, rlimit=300_000)

    stuck = where_stuck(rules, alone, properties, proof)["CON-1"]

    assert "used_means_contained" in stuck.reason
    assert len(stuck.trace) == 1


def test_a_property_that_the_claims_do_not_imply_is_shown_with_a_state() -> None:
    """Without any claim, nothing forbids a table without a group."""
    rules = contained()
    properties = wanted(rules, "CON-3")
    proof = prove(rules, (), properties, rlimit=300_000)

    stuck = where_stuck(rules, (), properties, proof)["CON-3"]

    assert "CON-3" in stuck.reason
    assert len(stuck.trace) == 0


def test_nothing_sticks_where_everything_is_proved() -> None:
    """A proved property has no counterexample to induction."""
    rules = contained()
    properties = wanted(rules, "CON-3")

    assert where_stuck(rules, claims_of(rules), properties, prove(rules, claims_of(rules), properties)) == {}
