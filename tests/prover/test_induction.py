"""Induction proves what is true, and nothing that is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from tenure.models import SYSTEMS
from tenure.models.groups import container
from tenure.properties import PROPERTIES
from tenure.prover.cache import Proofs
from tenure.prover.counterexamples import counterexample, populated
from tenure.prover.induction import Shared, alone, familiar, inductive, nearby, prove
from tenure.prover.theory import Invariant, Theory, claims_of, stated
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.objects import CONTAINER, FILE, GROUP
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.sentences import applies, quantified, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import FALSE, Term, every, implies, is_none, no, number_of, variable

RESTING, NAMED = "an_fd_refers_to_an_open_file", "references_count_file_and_groups"
"""Two claims of the containers that read different fields."""

NO_GROUP_IS_CONTAINED = every(GROUP, lambda g: is_none(container[g]))


def system(name: str) -> System:
    """The system of this identifier."""
    return next(s for s in SYSTEMS if s.id == name)


def rules(name: str, granularity: Granularity = Granularity.WHOLE) -> Rules:
    """Its rules."""
    return rules_of(system(name), granularity)


def properties(of: Rules, *names: str) -> tuple[Invariant, ...]:
    """These properties, or all that apply, as sentences to be proved."""
    chosen = [p for p in PROPERTIES if applies(of.system, p) and (not names or p.id in names)]
    return stated(sentence(of, p) for p in chosen)


@pytest.mark.wide
def test_get_and_put_keep_every_promise_where_container_calls_are_indivisible() -> None:
    """All claims and all properties but PROMPT and PROMPT-2 are proved, with get in its steps."""
    merged = rules("external-get-put:locked-container", Granularity.STEPS)
    wanted = tuple(p for p in properties(merged) if p.name not in {"PROMPT", "PROMPT-2", "EXT-8"})

    proof = prove(merged, claims_of(merged), wanted)

    assert proof.dropped == {}
    assert {p.name for p in wanted} <= set(proof.proved)


def test_a_false_claim_leaves_the_set_and_proves_nothing() -> None:
    """A claim that contradicts the initial states falls first, and nothing is proved from it."""
    contained = rules("containers-2013:locked")
    lie = Invariant("nothing is", (variable("any group", GROUP),), FALSE)

    proof = prove(contained, (lie,), properties(contained, "ISO"))

    assert "nothing is" in proof.dropped
    assert "ISO" not in proof.proved


@pytest.mark.parametrize("lies", [True, False], ids=["a claim", "a property"])
def test_where_only_the_whole_is_of_use_what_is_left_open_ends_it_and_proves_nothing(*, lies: bool) -> None:
    """What comes after a false claim or property is not tried, and so does not count as proved."""
    contained = rules("containers-2013:locked")
    lie = Invariant("nothing is", (variable("any group", GROUP),), FALSE)
    true = properties(contained, "HARM-1")

    proof = prove(contained, (lie,) if lies else (), true if lies else (lie, *true), whole=True)

    assert "nothing is" in proof.dropped
    assert proof.proved == ()
    assert proof.results[-1].open_goals == ("nothing is",)
    assert all("HARM-1" not in one.goals for one in proof.results)


def test_a_lemma_follows_from_earlier_claims_that_it_names_and_from_nothing_else() -> None:
    """Neither itself nor what comes later nor what it does not name may be assumed."""
    contained = rules("containers-2013:locked")
    first, later = (c for c in claims_of(contained) if c.name in {RESTING, NAMED})
    lemma = Invariant("lemma", (), FALSE, rests_on=("lemma", first.name, later.name))

    theory = Theory(contained, (first, lemma, later))

    assert {p.spelled for p in theory.support(lemma)} & {first.spelled, lemma.spelled, later.spelled} == {first.spelled}


def test_false_lemmas_that_rest_on_each_other_leave_the_set_and_prove_nothing() -> None:
    """A circle of lemmas is no proof: each is dropped, and what they serve is not proved."""
    contained = rules("containers-2013:locked")
    one = Invariant("one", (), FALSE, rests_on=("two",), serves=("ISO",))
    two = Invariant("two", (), FALSE, rests_on=("one",), serves=("ISO",))

    proof = prove(contained, (one, two), properties(contained, "ISO"), rlimit=300_000)

    assert proof.proved == ()


def test_a_lemma_is_proved_again_when_what_it_rests_on_has_left() -> None:
    """A lemma that follows from a false claim alone goes with it."""
    contained = rules("containers-2013:locked")
    false = replace(next(c for c in claims_of(contained) if c.name == RESTING), name="false", body=FALSE)
    lemma = Invariant("lemma", (), FALSE, rests_on=("false",), serves=("ISO",))

    proof = prove(contained, (false, lemma), properties(contained, "ISO"), rlimit=300_000)

    assert proof.proved == ()


def test_a_claim_is_tried_first_with_those_that_it_is_known_to_be_kept_with() -> None:
    """With these, as far as they are in the set, and with no others."""
    contained = rules("containers-2013:locked")
    other, one = (c for c in claims_of(contained) if c.name in {RESTING, NAMED})
    first, second = (
        {p.spelled for p in alone(theory, goal)} & {one.spelled, other.spelled}
        for kept in (replace(one, kept_with=(RESTING, "what has left")), one)
        for theory in [Theory(contained, (other, kept))]
        for goal in [next(g for o in inductive(theory)[0] for g in o.goals if g.name == NAMED)]
    )

    assert first == {one.spelled, other.spelled}
    assert second == {one.spelled}


def test_what_served_a_claim_at_one_step_is_tried_at_the_next() -> None:
    """With the claim itself, for goals of its name and for no others."""
    contained = rules("containers-2013:locked")
    theory = Theory(contained, tuple(c for c in claims_of(contained) if c.name in {RESTING, NAMED}))
    owed = {g.name: (o, g) for o in inductive(theory)[0] for g in o.goals}

    theory.learn(NAMED, (NAMED, RESTING))

    assert set(theory.names_of(familiar(theory, *owed[NAMED])[-1])) == {NAMED, RESTING}
    assert set(theory.names_of(familiar(theory, *owed[RESTING])[-1])) == {RESTING}
    assert set(theory.names_of(alone(theory, owed[NAMED][1]))) == {NAMED}


def test_of_what_a_claim_is_kept_with_that_is_tried_first_which_the_step_is_about() -> None:
    """Then what reads one field besides, at last all of it: a claim about other fields is no help, and none is left out."""
    contained = rules("containers-2013:locked")
    claims = claims_of(contained)
    one = next(c for c in claims if c.name == RESTING)
    kept = replace(one, kept_with=tuple(c.name for c in claims if not c.is_lemma))
    theory = Theory(contained, (*(c for c in claims if c is not one and not c.is_lemma), kept))
    fields = {c.name: c.fields for c in claims}
    grows = 0
    for owed in inductive(theory)[0]:
        for goal in owed.goals:
            if goal.name != RESTING or owed.concerns is None:
                continue
            about = owed.concerns | goal.fields
            first, *others = (set(theory.names_of(known)) for known in familiar(theory, owed, goal))
            last = others[-1] if others else first
            assert first == {name for name, read in fields.items() if name in last and read <= about}
            assert all(sum(len(fields[name] - about) > 1 for name in middle) == 0 for middle in others[:-1])
            assert last == {RESTING, *kept.kept_with}
            grows += first < last
    assert grows


def test_what_served_a_goal_at_a_step_is_tried_for_the_others_at_that_step() -> None:
    """Whichever way the step goes, with claims that may be assumed of any goal, and at no other step."""
    contained = rules("containers-2013:locked")
    claims = {c.name: c for c in claims_of(contained)}
    lemma = replace(claims[NAMED], name="lemma", body=implies(no(claims[NAMED].body), FALSE), rests_on=(NAMED,))
    theory = Theory(contained, (claims[RESTING], claims[NAMED], lemma))
    owed = [o for o in inductive(theory)[0] if RESTING in o.names and o.step]
    first = owed[0]
    goal = next(g for g in first.goals if g.name == RESTING)

    theory.learn("another goal", ("another goal", NAMED, "lemma"), first.step)
    tried = {o.step: set(theory.names_of(nearby(theory, o, goal))) for o in owed}

    assert tried.pop(first.step) == {RESTING, NAMED}
    assert tried
    assert all(names == {RESTING} for names in tried.values())


def test_of_the_premises_of_a_proof_those_are_kept_that_it_needs() -> None:
    """The others are noise to the next goal; and where the premises do not suffice nothing is kept."""
    contained = rules("containers-2013:locked")
    theory = Theory(contained, claims_of(contained))
    needed = {}
    for obligation in inductive(theory)[0]:
        if not obligation.name.startswith("unset_container"):
            continue
        shared = Shared(theory, obligation, 300_000)
        for goal in obligation.goals:
            alone_it_falls = not shared.follows((), goal.contrary())
            assert (shared.needed(goal, (), goal.contrary()) is None) == alone_it_falls
            found = shared.needed(goal, theory.premises, goal.contrary())
            if found is not None and alone_it_falls:
                needed[obligation.name, goal.name] = shared.follows(found, goal.contrary()), len(theory.names_of(found))

    assert needed
    assert all(follows and number < len(theory.claimed) // 2 for follows, number in needed.values()), needed


def test_what_nobody_takes_over_two_objects_is_looked_at_over_three() -> None:
    """A step that takes three files tells nothing where there are two."""
    kept = rules("kvm-file", Granularity.STEPS)
    theory = Theory(kept, claims_of(kept))
    name = "get_device_fd.open#5 preserves"
    everything = tuple(c.name for c, _ in theory.claimed)

    assert not theory.small(2).takes(name, everything)
    assert theory.small(3).takes(name, everything)


def test_a_claim_that_is_kept_with_a_false_one_falls_after_it() -> None:
    """Nobody proves it from what has left the set."""
    contained = rules("containers-2013:locked")
    lie = Invariant("nothing is", (variable("any group", GROUP),), FALSE)
    kept = Invariant("no group is contained", (), NO_GROUP_IS_CONTAINED, kept_with=(lie.name,))

    proof = prove(contained, (lie, kept), (), rlimit=300_000)

    assert set(proof.dropped) == {lie.name, kept.name}


def test_a_claim_that_is_kept_with_a_lemma_is_proved_and_remembered_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else may assume the lemma, and with a false one the claim falls, however often it is asked for."""
    monkeypatch.setenv("TENURE_CACHE", str(tmp_path))
    contained = rules("containers-2013:locked")
    claims = {c.name: c for c in claims_of(contained)}
    lemma = replace(claims[NAMED], name="lemma", body=implies(no(claims[NAMED].body), FALSE), rests_on=(NAMED,))
    kept = replace(claims[RESTING], kept_with=("lemma",))
    lie = replace(lemma, body=FALSE)
    two = Invariant("no group is contained", (), NO_GROUP_IS_CONTAINED, kept_with=("lemma",))

    theory = Theory(contained, (claims[NAMED], lemma, kept))
    told = {name: set(theory.everything(name)) - set(theory.premises) for name in (NAMED, RESTING)}
    first, again = (prove(contained, (claims[NAMED], lie, two), (), rlimit=300_000, proofs=Proofs()) for _ in range(2))

    assert (told[NAMED], len(told[RESTING])) == (set(), 1)
    assert {lie.name, two.name} <= set(first.dropped)
    assert set(again.dropped) == set(first.dropped)


def test_a_few_objects_choose_the_claims_that_a_goal_needs() -> None:
    """Of all claims those are chosen that leave no way to break the goal; where all leave one, the goal is false."""
    contained = rules("containers-2013:locked")
    claims = claims_of(contained)
    theory = Theory(contained, claims)
    falling = Theory(contained, (Invariant("empty", (), no(NO_GROUP_IS_CONTAINED)),))

    chosen = {
        goal.name: theory.small(2).needed(obligation.name, goal)
        for obligation in inductive(theory)[0]
        if obligation.name.startswith("unset_container")
        for goal in obligation.goals
    }
    lost = [
        falling.small(2).needed(obligation.name, goal)
        for obligation in inductive(falling)[0]
        if obligation.name.startswith("unset_container")
        for goal in obligation.goals
    ]

    assert chosen
    assert all(names is not None and len(names) < len(claims) for names in chosen.values())
    assert any(chosen.values())
    assert None in lost


def test_properties_are_not_proved_from_no_claims() -> None:
    """Without the helper claims nothing but sentences true of every state is proved."""
    contained = rules("containers-2013:locked")

    proof = prove(contained, (), properties(contained, "ISO", "CON-1", "CON-3", "VIA-3"))

    assert proof.proved == ("VIA-3",)


@pytest.mark.parametrize(
    ("step", "case", "property_id"),
    [
        ("unset_container.check", 1, "EXT-1"),
        pytest.param("set_container.check", 1, "CON-2", marks=pytest.mark.wide),
        ("set_container.attach", 0, "CON-4"),
        pytest.param("open_group.claim", 1, "GRP-1", marks=pytest.mark.wide),
        ("get_device_fd.check_viable", 0, "VIA-2"),
        pytest.param("bind_driver.bound", 0, "VIA-2", marks=pytest.mark.wide),
        pytest.param("get_external_user.validate", 1, "EXT-1", marks=pytest.mark.wide),
    ],
)
def test_a_lost_guard_loses_the_proof(step: str, case: int, property_id: str) -> None:
    """Without the guard that protects it, the property is not proved any more: the call that lost it leaves a claim open."""
    merged = system("external-get-put")
    weakened = replace(merged, calls=without_case(merged.calls, {step: case}))
    broken = rules_of(weakened, Granularity.WHOLE)

    proof = prove(broken, claims_of(broken), properties(broken, property_id), whole=True)

    assert property_id not in proof.proved
    left = [one for name, one in proof.dropped.items() if name != property_id]
    assert {(step.partition(".")[0] in one.obligation, one.verdict) for one in left} == {(True, "sat")}


@pytest.mark.parametrize(("spare", "proved"), [(0, True), (1, False)])
def test_those_in_a_relation_are_counted_exactly(spare: int, proved: bool) -> None:  # noqa: FBT001  # a table
    """A container has a reference for each group in its list, and not one more, however many there are."""
    contained = rules("containers-2013:locked")
    fields = {f.name: f for f in contained.fields}
    one = variable("any container", CONTAINER)
    files = number_of(FILE, lambda f: fields["file container"][f] == one)
    listed = number_of(GROUP, lambda g: fields["linked"][one, g])
    exact = Invariant("exact", (one,), fields["container references"][one] == files + listed + spare)

    proof = prove(contained, (*claims_of(contained), exact), (), rlimit=1_000_000)

    assert ("exact" in proof.proved) is proved


def test_an_exhausted_limit_is_no_proof() -> None:
    """A solver that runs out of its limit leaves the goal open."""
    of = rules("interrupts")

    proof = prove(of, claims_of(of), properties(of, "IRQ-1"), rlimit=10)

    assert "IRQ-1" not in proof.proved


def test_a_counterexample_to_induction_is_a_step_that_python_makes_too() -> None:
    """With a claim left out, the step that breaks the property is found over few objects and confirmed."""
    contained = rules("containers-2013:locked")
    few = tuple(c for c in claims_of(contained) if c.name != "a_contained_group_is_in_its_containers_list")
    goal = next(c for c in claims_of(contained) if c.name == "a_table_needs_a_listed_group")
    sizes = {
        "process": 1,
        "thread": 0,
        "file": 3,
        "group": 2,
        "container": 2,
        "device": 1,
        "table": 2,
        "page": 0,
        "user": 0,
        "iommu_driver": 1,
    }
    path = "unset_container.check#2+unset_container.detach#2"

    assert counterexample(contained, claims_of(contained), path, goal, sizes) is None
    found = counterexample(contained, few[:1], path, goal, sizes)

    assert found is not None
    assert not found.machine.function(sentence_of(goal, contained))(found.transition.state), (
        "the claim is false after the step"
    )


def sentence_of(goal: Invariant, of: Rules) -> Term:
    """The claim, closed, for the Python reading."""
    return of.lower(quantified(goal.body, goal.variables))


@pytest.mark.parametrize("name", [s.id for s in SYSTEMS if not s.variant])
def test_the_claims_of_each_system_admit_two_objects_of_every_sort(name: str) -> None:
    """Claims that no populated state satisfies would prove everything; `tenure prove` asks it of each variant, for its row CASES."""
    of = rules(name)

    assert populated(of, claims_of(of)) is not None
