"""What was proved is known again by its words, and nothing else is."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tenure.models import SYSTEMS
from tenure.prover.cache import Proofs
from tenure.prover.induction import Proof, prove
from tenure.prover.theory import claims_of
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.rules import Branch, Node, Rules, rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import FALSE, no


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the locked containers of 2013 are proved, to be copied."""
    place = tmp_path_factory.mktemp("known")
    good = whole(system("containers-2013:locked"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_CACHE", str(place))
        assert prove(good, claims_of(good), (), proofs=Proofs()).dropped == {}
    return place


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test knows."""
    monkeypatch.setenv("TENURE_CACHE", str(tmp_path))
    return tmp_path


def system(name: str) -> System:
    """The system of this identifier."""
    return next(s for s in SYSTEMS if s.id == name)


def whole(one: System) -> Rules:
    """Its rules, calls indivisible."""
    return rules_of(one, Granularity.WHOLE)


def proofs_from(known: Path, mine: Path) -> Proofs:
    """What was proved there, to be added to here."""
    shutil.copytree(known, mine, dirs_exist_ok=True)
    return Proofs()


def left_open(proof: Proof, step: str) -> bool:
    """The proof ends with claims that the call of this step makes false, and with no others."""
    call = step.partition(".")[0]
    return {(call in left.obligation, left.verdict) for left in proof.dropped.values()} == {(True, "sat")}


def test_what_was_proved_in_one_variant_is_known_in_the_next(known: Path, own_cache: Path) -> None:
    """Whole calls of the two variants of 2013 say the same, word for word."""
    other = whole(system("containers-2013"))

    again = prove(other, claims_of(other), (), proofs=proofs_from(known, own_cache))

    assert again.dropped == {}
    assert all(r.remembered > 0 for r in again.results)


def test_the_claims_that_were_looked_for_are_known_again_with_the_proof() -> None:
    """A proof that is remembered says what it needed, from the file too; another says nothing."""
    Proofs().keep("looked for", ("a_first_claim", "a_second_claim"))
    Proofs().keep("found at once")

    again = Proofs()

    assert again.has("looked for")
    assert again.needed("looked for") == ("a_first_claim", "a_second_claim")
    assert again.has("found at once")
    assert again.needed("found at once") == ()
    assert again.needed("never proved") == ()


def test_what_a_goal_needed_is_told_when_it_is_proved_and_when_it_is_remembered() -> None:
    """No other round, and no other run, has to look for it again."""
    good = whole(system("containers-2013:locked"))

    first = {r.name: r.needed for r in prove(good, claims_of(good), (), proofs=Proofs()).results if r.needed}
    again = prove(good, claims_of(good), (), proofs=Proofs()).results

    assert first
    assert {r.name: r.needed for r in again if r.needed} == first
    assert {r.remembered for r in again if r.needed} != {0}


def test_a_lost_guard_is_not_covered_by_what_was_proved_with_it(known: Path, own_cache: Path) -> None:
    """The words of a step are part of the formula."""
    good = system("containers-2013:locked")
    bad = whole(replace(good, calls=without_case(good.calls, {"set_container.check": 1})))

    proof = prove(bad, claims_of(bad), (), rlimit=300_000, proofs=proofs_from(known, own_cache), whole=True)

    assert left_open(proof, "set_container.check")


def changed(rules: Rules, step: str, case: int, change: Callable[[Branch], Branch]) -> Rules:
    """The same rules with one case of one step changed, and nothing taken out."""

    def node(one: Node) -> Node:
        branches = [replace(b, then=node(b.then)) if isinstance(b.then, Node) else b for b in one.branches]
        if one.step == step:
            branches[case] = change(branches[case])
        return Node(one.step, tuple(branches))

    return replace(rules, rules=tuple(replace(r, root=node(r.root)) for r in rules.rules))


@pytest.mark.parametrize(
    ("step", "case", "change"),
    [
        ("set_container.check", 1, lambda b: replace(b, when=FALSE)),
        ("unset_container.check", 1, lambda b: replace(b, when=FALSE)),
        ("unset_container.detach", 2, lambda b: replace(b, effects=b.effects[:1])),
        (
            "unset_container.detach",
            2,
            lambda b: replace(b, effects=tuple(replace(e, value=e.target) if e.field else e for e in b.effects)),
        ),
    ],
    ids=["condition", "another condition", "effects", "values"],
)
def test_what_was_proved_covers_no_other_condition_and_no_other_effect(
    step: str, case: int, change: Callable[[Branch], Branch], known: Path, own_cache: Path
) -> None:
    """As many cases of the same names, one of which says something else, are another formula."""
    bad = changed(whole(system("containers-2013:locked")), step, case, change)

    proof = prove(bad, claims_of(bad), (), rlimit=300_000, proofs=proofs_from(known, own_cache), whole=True)

    assert left_open(proof, step)


def test_what_was_proved_covers_no_other_rule_of_beginning(known: Path, own_cache: Path) -> None:
    """Who may make a call is part of the formula: here everybody but those who may."""
    good = whole(system("containers-2013:locked"))
    others = (replace(r, when=no(r.when)) if r.call.name == "release_container" else r for r in good.rules)
    bad = replace(good, rules=tuple(others))

    proof = prove(bad, claims_of(bad), (), rlimit=300_000, proofs=proofs_from(known, own_cache), whole=True)

    assert left_open(proof, "release_container")


def test_a_torn_line_is_no_proof(own_cache: Path) -> None:
    """What an interrupted run left half written is not taken for a digest."""
    Proofs().keep("a formula")
    (file,) = own_cache.iterdir()
    file.write_text(file.read_text(encoding="ascii")[:40], encoding="ascii")

    assert not Proofs().has("a formula")
