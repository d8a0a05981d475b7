"""What both solvers say to the same text: a truth is proved twice, a planted falsehood by neither."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import z3

from tenure.models import SYSTEMS
from tenure.prover import second
from tenure.prover.cache import Proofs
from tenure.prover.induction import choices, inductive, prove, words_of
from tenure.prover.second import Known, cross_check, cvc5_verdict, smtlib, z3_verdict
from tenure.prover.theory import Goal, Invariant, Obligation, Theory, claims_of
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.objects import FILE, GROUP
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.terms import FALSE, number_of, variable

LOCKED = next(s for s in SYSTEMS if s.id == "containers-2013:locked")


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The containers of 2013 under one lock, calls indivisible."""
    return rules_of(LOCKED, Granularity.WHOLE)


def goals(rules: Rules, call: str) -> Iterator[tuple[Theory, Obligation, Goal]]:
    """What the paths of one call owe."""
    theory = Theory(rules, claims_of(rules))
    for path in theory.paths():
        obligation, _ = theory.preservation(path)
        if path.rule.call.name == call and obligation is not None:
            yield from ((theory, obligation, goal) for goal in obligation.goals)


@pytest.mark.wide
def test_both_solvers_prove_every_claim_of_the_locked_containers(rules: Rules) -> None:
    """Each initial state and each step, goal by goal, on the same text."""
    found = cross_check(rules, claims_of(rules))

    assert len(found) > 200
    assert [one for one in found if not one.proved] == []


def test_neither_solver_proves_what_a_lost_guard_made_false() -> None:
    """Without the test of `container_users`, UNSET_CONTAINER leaves users behind that count in no container."""
    careless = replace(LOCKED, calls=without_case(LOCKED.calls, {"unset_container.check": 1}))
    rules = rules_of(careless, Granularity.WHOLE)
    texts = [smtlib(t, t.premises, o, goal.contrary()) for t, o, goal in goals(rules, "unset_container")]

    ours = [z3_verdict(text, 200_000) for text in texts]
    theirs = [cvc5_verdict(text, 20_000) for text in texts]

    assert any(z3_says != "unsat" and cvc5_says != "unsat" for z3_says, cvc5_says in zip(ours, theirs, strict=True))


def test_neither_solver_proves_a_false_claim(rules: Rules) -> None:
    """A claim that nothing makes true falls where the system starts."""
    false = Invariant("nothing is so", (), FALSE)

    found = cross_check(rules, (false,), limits=(20_000, 20_000))

    (initially,) = (one for one in found if one.obligation == "initially")
    assert initially.z3 != "unsat"
    assert initially.cvc5 != "unsat"


def test_what_a_proof_needed_is_tried_first_and_need_not_suffice(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told rightly, both solvers prove the goal from that; told wrongly, they prove it from what is looked for as ever."""
    claims = claims_of(rules)
    others = {r.name: {g: n for g, n in r.needed.items() if {*n} > {g}} for r in prove(rules, claims, ()).results}
    needed = dict([(name, goals) for name, goals in others.items() if goals][:2])
    monkeypatch.setattr(second, "inductive", lambda theory: ([o for o in inductive(theory)[0] if o.name in needed], 0))

    def found(told: second.Needed) -> list[second.Crossed]:
        crossed = [one for one in cross_check(rules, claims, known=Known(told)) if one.goal in needed[one.obligation]]
        assert all(one.proved for one in crossed)
        return crossed

    assert {one.premises for one in found(needed)} == {"known"}
    wrongly = {name: dict.fromkeys(goals, ()) for name, goals in needed.items()}
    assert {one.premises for one in found(wrongly)} - {"known"}


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that no other test knows."""
    monkeypatch.setenv("TENURE_CACHE", str(tmp_path))


def of_steps(monkeypatch: pytest.MonkeyPatch, name: str, most: int | None = None) -> None:
    """Let nothing be asked but what the steps with names like this owe, or so many goals of each."""
    monkeypatch.setattr(
        second,
        "_obligations",
        lambda rules, claims, properties: (  # noqa: ARG005  # as that which it replaces
            (theory, replace(obligation, goals=obligation.goals[:most]))
            for theory in [Theory(rules, claims)]
            for obligation in inductive(theory)[0]
            if obligation.name.startswith(name)
        ),
    )


@pytest.mark.usefixtures("own_cache")
def test_what_both_solvers_refuted_is_known_again_by_its_words(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another variant, and in another process; a solver is asked nothing any more."""
    of_steps(monkeypatch, "unset_container.")
    other = rules_of(next(s for s in SYSTEMS if s.id == "containers-2013"), Granularity.WHOLE)
    first = cross_check(rules, claims_of(rules), known=Known(proofs=Proofs("both")))
    monkeypatch.setattr(second, "z3_verdict", None)
    monkeypatch.setattr(second, "cvc5_verdict", None)

    again = cross_check(other, claims_of(other), known=Known(proofs=Proofs("both")))

    assert first
    assert not any(one.remembered for one in first)
    assert all(one.remembered and one.proved for one in again)
    assert [(one.obligation, one.goal) for one in again] == [(one.obligation, one.goal) for one in first]


@pytest.mark.usefixtures("own_cache")
def test_what_z3_alone_refuted_is_not_known_to_both(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a judgement remembers is its own, and what only Z3 refutes is no proof, now or when it is asked again."""
    of_steps(monkeypatch, "unset_container.check#2", most=2)
    for theory, obligation, goal in goals(rules, "unset_container"):
        Proofs().keep(words_of(theory.premises, obligation, goal))
    monkeypatch.setattr(second, "cvc5_verdict", lambda *_: "unknown")
    monkeypatch.setattr(second, "sufficient", lambda *_: ())

    found = cross_check(rules, claims_of(rules), known=Known(proofs=Proofs("both")))
    again = cross_check(rules, claims_of(rules), known=Known(proofs=Proofs("both")))

    assert "unsat" in {one.z3 for one in found}
    assert len(again) == len(found)
    assert not any(one.remembered or one.proved for one in (*found, *again))


@pytest.mark.usefixtures("own_cache")
def test_a_lost_guard_is_not_known_by_what_was_refuted_with_it(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are others."""
    of_steps(monkeypatch, "unset_container.")
    cross_check(rules, claims_of(rules), known=Known(proofs=Proofs("both")))
    careless = replace(LOCKED, calls=without_case(LOCKED.calls, {"unset_container.check": 1}))
    weak = rules_of(careless, Granularity.WHOLE)

    found = cross_check(weak, claims_of(weak), known=Known(proofs=Proofs("both")), limits=(100_000, 100_000))

    assert any(not one.proved for one in found)


def formula(theory: Theory, obligation: Obligation, goal: Goal) -> tuple[str, ...]:
    """What the first choice of premises, the obligation and the goal really say, whatever their variables are called."""

    def said(*formulas: z3.BoolRef) -> str:
        numbers: dict[str, str] = {}
        text = " ".join(" ".join(f.sexpr().split()) for f in formulas)
        return re.sub(r"(?<=!)\d+", lambda found: numbers.setdefault(found[0], str(len(numbers))), text)

    known = next(choices(theory, obligation, goal))
    return *sorted(said(p.formula) for p in known), said(*obligation.assume, goal.contrary())


def test_the_same_words_are_the_same_formula() -> None:
    """Over two systems and two variants; so that what was refuted under some words need not be refuted again."""
    formulas: dict[str, tuple[str, ...]] = {}
    met = 0
    for name in ("containers-2013", "containers-2012", "rfc2011", "rfc2011:D-G1-15"):
        rules = rules_of(next(s for s in SYSTEMS if s.id == name), Granularity.WHOLE)
        theory = Theory(rules, claims_of(rules))
        for obligation in inductive(theory)[0][::4]:
            for goal in obligation.goals:
                words = words_of(next(choices(theory, obligation, goal)), obligation, goal)
                met += words in formulas
                meant = formula(theory, obligation, goal)
                assert formulas.setdefault(words, meant) == meant, (name, obligation.name, goal.name)

    assert met > 50


def test_a_limit_that_is_used_up_is_unknown(rules: Rules) -> None:
    """No proof is no refutation, and no answer is not green."""
    theory, obligation, goal = next(goals(rules, "unset_container"))
    text = smtlib(theory, theory.premises, obligation, goal.contrary())

    assert (z3_verdict(text), cvc5_verdict(text)) == ("unsat", "unsat")
    assert (z3_verdict(text, 1), cvc5_verdict(text, 1)) == ("unknown", "unknown")


def test_a_property_that_counts_what_no_claim_counts_is_not_put_to_a_solver(rules: Rules) -> None:
    """Its ghost would be assumed to count exactly, and nothing would show that it does."""
    counts = next(f for f in rules.fields if f.name == "counts")
    one = variable("any group", GROUP)
    nobody = Invariant("nobody counts", (one,), number_of(FILE, lambda f: counts[f] == one) == 0)

    with pytest.raises(ValueError, match="nobody counts"):
        cross_check(rules, (), (nobody,))


def test_a_text_that_is_no_smt_lib_is_our_own_mistake() -> None:
    """It must not pass for an answer."""
    with pytest.raises(RuntimeError):
        cvc5_verdict("(assert (= it's wrong))\n(check-sat)\n")
