"""Rules: calls at one granularity as guarded transitions, and what no rule of a model may read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tenure.models import SYSTEMS, external_users, groups
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import (
    Call,
    Case,
    Crash,
    Finish,
    Refuse,
    Steps,
    call,
    choosing,
    done,
    go,
    local,
    number,
    pointer,
    step,
)
from tenure.vocabulary.properties import answered, called, refused
from tenure.vocabulary.rules import Outcome, Paused, Rules, leaves, rules_of
from tenure.vocabulary.sentences import at_step
from tenure.vocabulary.symbols import Field, Role, fixed, observable, state
from tenure.vocabulary.systems import Granularity, System, claim, shows
from tenure.vocabulary.terms import Op, Term, busy, either, every, frame, in_flight, no, parts, stands, variable
from tenure.vocabulary.types import FLAG, NONE, Choice, Sort

BOX = Sort("box", "b")
HAND = Sort("hand", "h")

full = state("full", BOX, FLAG, meaning="nothing more goes into the box")
shut = state("shut", BOX, FLAG, meaning="the box is shut; nothing ever shuts it")
seen_full = observable("seen_full", BOX, FLAG, meaning="the box looks full")
boxes_at_rest = observable("boxes_at_rest", BOX, FLAG, meaning="nobody works on the box")


@call("fill", actor=HAND, source="", box=BOX, other=number(BOX))
def fill(box: Term, other: Term) -> Steps:
    """Put something into one box, and then into another."""
    kept, loose = local("kept", BOX.maybe), pointer("loose", BOX.maybe)
    yield step("one", go(full[box].becomes(value=True), kept.becomes(other), loose.becomes(other)))
    yield step("two", go(full[kept].becomes(value=True)))
    yield step("three", done(full[loose].becomes(value=True)))


@call("wait", actor="box", source="", box=BOX)
def drain(box: Term) -> Steps:
    """Wait until the box is full, then empty it."""
    yield step("begin", go())
    yield step("wait", go(when=full[box]), waits=True)
    yield step("empty", done(full[box].becomes(value=False)))


@call("look", actor=HAND, source="", box=BOX)
def look(box: Term) -> Steps:
    """Look into the box."""
    yield step("look", done(full=full[box], shut=shut[box]))


@claim(box=BOX)
def a_full_box_is_shut(box: Term) -> Term:
    """It is not, but a claim may say so."""
    return shut[box]


BOXES = System(
    "boxes",
    "",
    "boxes and hands",
    "",
    (fill, drain, look),
    (
        shows(seen_full, lambda b: full[b]),
        shows(boxes_at_rest, lambda b: either(no(in_flight(b)), busy(b))),
    ),
    (a_full_box_is_shut,),
)


def names(rules: Rules) -> list[str]:
    """The rules by name."""
    return [r.name for r in rules.rules]


def test_whole_calls_are_one_rule_each() -> None:
    """But for one that sleeps: there others may run."""
    assert names(rules_of(BOXES, Granularity.WHOLE)) == ["fill", "drain.begin", "drain.wait", "look"]


def test_steps_are_one_rule_each() -> None:
    """A call of a single step keeps its own name."""
    assert names(rules_of(BOXES, Granularity.STEPS)) == [
        "fill.one",
        "fill.two",
        "fill.three",
        "drain.begin",
        "drain.wait",
        "drain.empty",
        "look",
    ]


def test_an_indivisible_call_stays_whole_where_others_interleave() -> None:
    """It still pauses where it sleeps."""
    locked = System("boxes", "locked", "", "", BOXES.calls, (), indivisible=frozenset({"fill", "drain"}))

    assert names(rules_of(locked, Granularity.STEPS)) == names(rules_of(BOXES, Granularity.WHOLE))


def test_a_rule_ends_before_the_next_pause() -> None:
    """Or with the call's answer."""
    rules = rules_of(BOXES, Granularity.STEPS)
    ends = {r.name: [path[-1].then for path in leaves(r.root)] for r in rules.rules}

    assert [getattr(e, "outcome", None) for e in ends["fill.one"]] == [Paused("fill.two")]
    assert [getattr(e, "outcome", None) for e in ends["fill.three"]] == [Finish()]


def test_a_call_that_never_pauses_needs_no_register() -> None:
    """Nothing outlives it."""
    fields = {f.name for f in rules_of(BOXES, Granularity.WHOLE).fields}

    assert "at hand" not in fields
    assert "at box" in fields


def test_the_frame_of_a_call_in_flight_becomes_fields_of_its_actor() -> None:
    """A place to stand, what it keeps a reference to, and what it only has."""
    rules = rules_of(BOXES, Granularity.STEPS)
    made = {f.name: f for f in rules.fields if f.domain == (HAND,)}
    at = made["at hand"].value

    assert set(made) == {"at hand", "hand keeps box 0", "hand keeps box 1", "hand has box 0"}
    assert isinstance(at, Choice)
    assert at.values == ("idle", "fill.two", "fill.three")
    assert set(rules.registers.saved["fill"]) == {"box", "kept", "*loose"}


def test_what_only_a_pick_reads_is_kept() -> None:
    """The frame keeps a local by which a later step chooses."""

    @call("pick", actor=HAND, source="", box=BOX)
    def pick(box: Term) -> Steps:
        """Choose a box that is full, though another than the one given."""
        kept = local("kept", BOX.maybe)
        yield step("one", go(kept.becomes(box)))
        yield step("two", choosing(BOX, lambda b: no(b == kept), lambda b: done(full[b].becomes(value=True))), done())

    rules = rules_of(replace(BOXES, calls=(pick,)), Granularity.STEPS)

    assert "kept" in rules.registers.saved["pick"]


def test_only_what_is_held_is_in_flight() -> None:
    """An argument that is a number, and a pointer, keep nothing alive."""
    rules = rules_of(BOXES, Granularity.STEPS)
    box = variable("box", BOX)

    read = {p.data.name for p in parts(rules.lower(in_flight(box))) if isinstance(p.data, Field)}

    assert read == {"hand keeps box 0", "hand keeps box 1"}
    assert rules_of(BOXES, Granularity.WHOLE).lower(in_flight(box)).data is False


def test_busy_is_to_stand_in_the_middle_of_a_call() -> None:
    """Whoever makes no call that pauses is never busy."""
    rules = rules_of(BOXES, Granularity.WHOLE)

    assert rules.lower(busy(variable("box", BOX))).op is Op.NOT
    assert rules.lower(busy(variable("hand", HAND))).data is False


def test_where_a_call_stands_is_known_only_where_it_can_pause_there() -> None:
    """Elsewhere nobody stands, and nothing is kept."""
    whole, steps = rules_of(BOXES, Granularity.WHOLE), rules_of(BOXES, Granularity.STEPS)
    hand = variable("hand", HAND)

    assert steps.lower(stands(hand, "fill.two")).op is Op.EQUAL
    assert whole.lower(stands(hand, "fill.two")).data is False
    assert steps.lower(frame(hand, "fill", "kept", BOX)).op is Op.READ
    assert whole.lower(frame(hand, "fill", "kept", BOX)).data == NONE


def test_a_call_keeps_values_of_any_type() -> None:
    """A flag is false where no call keeps it: a claim about it needs no none."""

    @call("glance", actor=HAND, source="", box=BOX)
    def glance(box: Term) -> Steps:
        """Say afterwards whether the box was full."""
        was = local("was", FLAG)
        yield step("look", go(was.becomes(full[box])))
        yield step("say", done(was=was))

    system, hand = replace(BOXES, calls=(glance,)), variable("hand", HAND)
    kept = {g: rules_of(system, g).lower(frame(hand, "glance", "was", FLAG)) for g in Granularity}

    assert (kept[Granularity.STEPS].op, kept[Granularity.STEPS].type) == (Op.READ, FLAG)
    assert kept[Granularity.WHOLE].data is False


@pytest.mark.parametrize(
    ("outcome", "knows"),
    [
        (Finish(), (True, False)),
        (Refuse("EBUSY"), (False, True)),
        (Refuse("EINVAL"), (False, False)),
        (Paused("fill.two"), (False, False)),
        (Crash(), (False, False)),
    ],
    ids=str,
)
def test_a_sentence_about_a_step_knows_how_it_ends(outcome: Outcome, knows: tuple[bool, bool]) -> None:
    """With values, with this errno, or not yet; and which call it is of."""
    rule = rules_of(BOXES, Granularity.STEPS).rules[0]

    assert tuple(at_step(one, rule, outcome).data for one in (answered(), refused("EBUSY"))) == knows
    assert [at_step(called(name), rule, outcome).data for name in ("fill", "look")] == [True, False]


def test_a_field_that_only_a_pick_reads_is_one_of_the_fields() -> None:
    """What is chosen by it would be chosen by another's values otherwise."""
    marked = fixed("marked", BOX, FLAG, meaning="the box is marked")

    @call("choose", actor=HAND, source="")
    def choose() -> Steps:
        """Shut some box that is marked."""
        yield step("choose", choosing(BOX, lambda b: marked[b], lambda b: done(full[b].becomes(value=True))), done())

    rules = rules_of(replace(BOXES, calls=(choose,)), Granularity.WHOLE)

    assert "marked" in {f.name for f in rules.fields}


def test_a_field_that_is_never_assigned_is_its_initial_value() -> None:
    """Wherever it is read; it is no part of the state."""
    rules = rules_of(BOXES, Granularity.WHOLE)

    assert "shut" not in {f.name for f in rules.fields}
    assert rules.lower(every(BOX, lambda b: shut[b])).data is False
    assert rules.claims[0].body.data is False


def test_a_view_is_its_definition() -> None:
    """Over fields; a view that the system does not define cannot be lowered."""
    rules = rules_of(BOXES, Granularity.WHOLE)
    box = variable("box", BOX)

    assert rules.lower(seen_full[box]).key == full[box].key
    with pytest.raises(KeyError):
        rules.lower(seen.group_exists[variable("group", seen.group_exists.domain[0])])


def test_a_view_of_nothing_is_the_default() -> None:
    """Like a field that is read through a pointer that is none."""
    rules = rules_of(BOXES, Granularity.WHOLE)
    maybe = variable("maybe", BOX.maybe)

    assert rules.lower(seen_full[maybe]).op is Op.IF


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_a_system_at_both_granularities_has_the_same_calls(system: System) -> None:
    """And begins each of them by one rule."""
    for granularity in Granularity:
        begun = [r.call.name for r in rules_of(system, granularity).rules if r.begins]
        assert begun == [c.name for c in system.calls]


# What a guard and an effect on a real field may read


def client_fields(term: Term) -> set[str]:
    """The client fields that a term reads."""
    return {p.data.name for p in parts(term) if isinstance(p.data, Field) and p.data.role is Role.CLIENT}


def kernel_terms(case: Case) -> Iterator[Term]:
    """What the kernel must know to take this case: its condition, and all that it writes into fields of its own."""
    yield case.when
    if case.pick is not None:
        yield case.pick.where
    for effect in case.effects:
        if effect.field is None or effect.field.role is not Role.CLIENT:
            yield from (effect.value, effect.where, *effect.target.args)
    if isinstance(case.follow, Finish):
        yield from (value for _, value in case.follow.values)


def read_by_kernel(one: Call) -> set[str]:
    """The client fields that some step of the call reads, whatever its callers see to."""
    return {name for s in one.steps for case in s.cases for term in kernel_terms(case) for name in client_fields(term)}


USERS_OWN = {
    ("use", "seen table"),  # the guest maps into the table that the user linked to its bus number: its own pointer
    ("iommu_id_from_file", "passed"),  # v1 passes a struct file with each call: `passed` is what the user passes,
    ("add_external_user", "passed"),  # and VFIO follows that pointer, whatever it points at
    ("del_external_user", "passed"),
    ("release_user", "passed"),
    ("drop_file", "passed"),  # fput is KVM's own step: it drops the reference that it took
    ("drop_file_early", "passed"),
    ("release_user", "counted"),  # kvm_vfio_destroy calls del only where KVM itself had called add
}
"""Steps of external users that read what the user itself knows. The user is the caller here, not VFIO."""


def test_guards_and_effects_on_real_fields_read_no_client_field() -> None:
    """But for what external users themselves pass or do: a step must exist for a caller that holds nothing.

    A stolen count could not happen in a model whose guards know who is entitled.
    """
    found = {(one.name, name) for system in SYSTEMS for one in system.calls for name in read_by_kernel(one)}

    assert found == USERS_OWN


def test_the_exceptions_are_calls_of_external_users() -> None:
    """No call of a thread, a file or a device is among them."""
    actors = {one.actor for system in SYSTEMS for one in system.calls if one.name in {name for name, _ in USERS_OWN}}

    assert actors == {"user"}


def test_the_walk_sees_what_it_looks_for() -> None:
    """A guard, a value, a place, a range and an answer that read a client field are all found."""
    user = variable("user", external_users.seen_table.domain[0])
    group = variable("group", groups.users.domain[0])
    cheating = groups.counted[user] == group
    cases = [
        go(when=cheating),
        go(groups.opened[group].becomes(cheating)),
        go(groups.users[groups.counted[user]].becomes(0)),
        done(id=groups.counted[user]),
    ]

    assert [{n for t in kernel_terms(case) for n in client_fields(t)} for case in cases] == [{"counted"}] * 4
    assert not {n for t in kernel_terms(go(groups.counted[user].becomes(group))) for n in client_fields(t)}


def test_a_fixed_field_is_never_assigned() -> None:
    """Hardware, configuration and privilege stay as they are."""
    assigned = {
        e.field for s in SYSTEMS for c in s.calls for one in c.steps for case in one.cases for e in case.effects
    }

    assert Role.FIXED not in {one.role for one in assigned if one is not None}


def test_a_kernel_that_has_stopped_is_known_by_real_fields() -> None:
    """Nothing that only callers know stops it."""
    assert not {name for s in SYSTEMS for name in client_fields(s.halted)}


GHOSTLY = (Op.NUMBER, Op.STANDS, Op.FRAME)
"""Counting by a bijection, and looking into the frames of calls: what only claims and properties may do."""


def terms_of(system: System) -> Iterator[Term]:
    """Every term of the calls of a system and of its views."""
    for one in system.calls:
        yield one.requires
        for each_step in one.steps:
            for case in each_step.cases:
                yield from kernel_terms(case)
                for effect in case.effects:
                    yield from (effect.target, effect.value, effect.where)
    yield system.halted
    yield system.initially
    yield from (definition.body for definition in system.definitions)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_no_call_and_no_view_counts_or_looks_into_frames(system: System) -> None:
    """The tallies that proofs count by are never named in a model: they live in the solver's states alone."""
    assert not {p.op for term in terms_of(system) for p in parts(term)} & set(GHOSTLY)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_no_field_of_a_system_is_a_tally(system: System) -> None:
    """What a model assigns it declares itself."""
    for granularity in Granularity:
        rules = rules_of(system, granularity)
        assert not [f.name for f in rules.fields if "tally" in f.name or "slot" in f.name or "holder" in f.name]
