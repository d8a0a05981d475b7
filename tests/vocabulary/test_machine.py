"""The Python reading: what each form of effect does to a state, and that nothing else changes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.calls import (
    Call,
    Steps,
    call,
    choosing,
    crash,
    done,
    go,
    local,
    new,
    number,
    pointer,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.effects import each, provided
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.symbols import Field, anything, fixed, state
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, number_of, some, when
from tenure.vocabulary.types import COUNT, FLAG, NONE, Choice, Sort

BOX = Sort("box", "b")
HAND = Sort("hand", "h")
COLOUR = Choice("colour", ("red", "green", "blue"))

BOXES, HANDS = 3, 2
SIZES = {"box": BOXES, "hand": HANDS}

full = state("full", BOX, FLAG, meaning="nothing more goes into the box")
weight = state("weight", BOX, COUNT, meaning="what the box weighs")
beside = state("beside", BOX, BOX.maybe, meaning="the box beside it")
colour = state("colour", BOX, COLOUR, meaning="the box's colour")
touched = state("touched", HAND, BOX, FLAG, meaning="the hand has touched the box")
total = state("total", COUNT, meaning="what was ever put into boxes")
made_of = fixed("made of", BOX, COLOUR, meaning="never changes")
found_as = anything("found as", BOX, FLAG, meaning="how the box was found")

FIELDS = (full, weight, beside, colour, touched, total, found_as)


@call("assign at a point", actor=HAND, source="", box=BOX)
def paint(box: Term) -> Steps:
    """Paint a box green."""
    yield step("paint", done(colour[box].becomes("green")))


@call("assign for every object", actor=HAND, source="", hand=HAND)
def touch_full(hand: Term) -> Steps:
    """Touch every full box."""
    yield step("touch", done(each(BOX, lambda b: touched[hand, b].becomes(value=True), where=lambda b: full[b])))


@call("assign where a condition holds", actor=HAND, source="", box=BOX)
def empty(box: Term) -> Steps:
    """Empty a box, which loses its weight if it was full."""
    yield step("empty", done(full[box].becomes(value=False), provided(full[box], weight[box].becomes(0))))


@call("effects at once", actor=HAND, source="", box=BOX, other=BOX)
def swap(box: Term, other: Term) -> Steps:
    """Swap the weights of two boxes."""
    yield step("swap", done(weight[box].becomes(weight[other]), weight[other].becomes(weight[box])))


@call("pick", actor=HAND, source="", hand=HAND)
def grab(hand: Term) -> Steps:
    """Touch some full box; with none there is nothing to grab."""
    yield step(
        "grab",
        choosing(BOX, lambda b: full[b], lambda b: done(touched[hand, b].becomes(value=True), box=b)),
        refuse(no(some(BOX, lambda b: full[b])), "ENOENT", "no box is full"),
        done(),
    )


@call("ordered cases", actor=HAND, source="", box=BOX)
def fill(box: Term) -> Steps:
    """Fill a box; the first case that holds is taken, and a refusal may leave something behind."""
    yield requires(implies(is_none(beside[box]), no(colour[box] == "blue")))
    yield step(
        "fill",
        crash(weight[box] > 8, colour[box].becomes("red"), why="it breaks"),
        refuse(full[box], "EBUSY", "it is full", total.now.becomes(total.now + 1)),
        refuse(weight[box] > 5, "EFBIG", "it is heavy"),
        done(full[box].becomes(value=True), weight[box].becomes(weight[box] + 1), now=weight[box], was=full[box]),
    )


@call("follow a pointer", actor=HAND, source="", box=BOX, to=number(BOX.maybe))
def follow(box: Term, to: Term) -> Steps:
    """Empty the box beside it, whatever that is, and put another one there."""
    yield step(
        "follow",
        done(
            full[beside[box]].becomes(value=False), beside[box].becomes(to), weight=weight[beside[box]], full=full[to]
        ),
    )


@call("name a new one", actor=HAND, source="", made=new(BOX), box=BOX)
def make(made: Term, box: Term) -> Steps:
    """Make a box beside another."""
    yield requires(both(no(full[made]), weight[made] == 0), no(made == box))
    yield step("make", done(weight[made].becomes(1), beside[made].becomes(box)))


@call("remember", actor=HAND, source="", box=BOX, to=number(BOX.maybe))
def remember(box: Term, to: Term) -> Steps:
    """Look beside a box, and touch later what was there then."""
    then, loose = local("then", BOX.maybe), pointer("loose", BOX.maybe)
    yield step("look", go(then.becomes(beside[box]), loose.becomes(to), beside[box].becomes(None)))
    yield step("touch", go(full[then].becomes(value=True), full[loose].becomes(value=False)))
    yield step("end", done(then=then, now=beside[box]))


@call("wait", actor="box", source="", box=BOX)
def drain(box: Term) -> Steps:
    """Wait until a box is full, then empty it."""
    yield step("begin", go())
    yield step("wait", done(full[box].becomes(value=False), when=full[box]), waits=True)


@call("quantities", actor=HAND, source="", hand=HAND)
def count(hand: Term) -> Steps:
    """Say how many boxes a hand has touched, and of which colour they all are."""
    mine = number_of(BOX, lambda b: touched[hand, b])
    yield step(
        "count",
        done(
            number=mine,
            more=mine + total.now - 1,
            all=every(BOX, lambda b: touched[hand, b]),
            one=some(BOX, lambda b: both(touched[hand, b], made_of[b] == "blue")),
            best=when(either(mine > 1, total.now == 0), 1, 2),
            found=some(BOX, lambda b: found_as[b]),
        ),
    )


CALLS = (paint, touch_full, empty, swap, grab, fill, follow, make, remember, drain, count)
SCOPE = Scope(SIZES, {"made of": (0, 1, 2)}, {"found as": ((False,) * BOXES, (True, False, False))})
WHOLE = Machine(rules_of(System("boxes", "", "", "", CALLS, ()), Granularity.WHOLE), SCOPE)
STEPS = Machine(rules_of(System("boxes", "", "", "", CALLS, ()), Granularity.STEPS), SCOPE)

Values = dict[str, dict[tuple[int, ...], int]]
"""A state by field and place."""

KINDS: dict[str, st.SearchStrategy[int]] = {
    "full": st.integers(0, 1),
    "weight": st.integers(0, 9),
    "beside": st.integers(NONE, BOXES - 1),
    "colour": st.integers(0, 2),
    "touched": st.integers(0, 1),
    "total": st.integers(0, 5),
    "found as": st.integers(0, 1),
}


def places(one: Field) -> list[tuple[int, ...]]:
    """The arguments of a field in this scope."""
    return list(itertools.product(*(range(SIZES[s.name]) for s in one.domain)))


STATES: st.SearchStrategy[Values] = st.fixed_dictionaries(
    {f.name: st.fixed_dictionaries(dict.fromkeys(places(f), KINDS[f.name])) for f in FIELDS}
)
BOX_NAMES = st.integers(0, BOXES - 1)
HAND_NAMES = st.integers(0, HANDS - 1)
MAYBE = st.integers(NONE, BOXES - 1)


def packed(machine: Machine, values: Values) -> State:
    """A state in which no call is in flight."""
    return tuple(
        values[f.name][p] if f.name in values else int(f.initial or 0)
        for f in machine.layout.fields
        for p in machine.layout.places(f)
    )


def unpacked(machine: Machine, here: State) -> Values:
    """What a state holds."""
    layout = machine.layout
    return {
        f.name: {p: here[layout.offset[f.name] + k] for k, p in enumerate(layout.places(f))}
        for f in layout.fields
        if f.name in KINDS
    }


def changed(values: Values, *changes: tuple[str, tuple[int, ...], int]) -> Values:
    """The same values but for these."""
    after = {name: dict(cells) for name, cells in values.items()}
    for name, place, value in changes:
        after[name][place] = value
    return after


def begun(machine: Machine, values: Values, one: Call, **arguments: int) -> list[Transition]:
    """What a call does from a state."""
    return machine.begin(packed(machine, values), one.name, arguments)


def only(machine: Machine, values: Values, one: Call, **arguments: int) -> Transition:
    """The one thing that a call does from a state."""
    (made,) = begun(machine, values, one, **arguments)
    return made


def said(made: Transition) -> Mapping[str, object]:
    """The values of an answer."""
    answer = WHOLE.answer(made)
    assert isinstance(answer, Done)
    return dict(answer.values)


# What is not assigned does not change


ASSIGNED = {
    "paint": {"colour"},
    "touch_full": {"touched"},
    "empty": {"full", "weight"},
    "swap": {"weight"},
    "grab": {"touched"},
    "fill": {"full", "weight", "total", "colour"},
    "follow": {"full", "beside"},
    "make": {"weight", "beside"},
    "remember": {"beside", "full"},
    "drain": {"full"},
    "count": set(),
}


@pytest.mark.parametrize("machine", [WHOLE, STEPS], ids=["whole", "steps"])
@given(values=STATES)
def test_a_field_that_is_not_assigned_does_not_change(machine: Machine, values: Values) -> None:
    """Of every transition of every call: only fields that the call's text assigns are others afterwards."""
    for made in machine.successors(packed(machine, values)):
        after = unpacked(machine, made.state)
        differing = {name for name in values if after[name] != values[name]}
        assert differing <= ASSIGNED[machine.rules.rules[made.rule].call.name]


@given(STATES, BOX_NAMES)
def test_an_assignment_changes_its_own_place_alone(values: Values, box: int) -> None:
    """The other boxes keep their colours."""
    made = only(WHOLE, values, paint, box=box)

    assert unpacked(WHOLE, made.state) == changed(values, ("colour", (box,), 1))


@given(STATES, BOX_NAMES, BOX_NAMES)
def test_effects_happen_at_once(values: Values, box: int, other: int) -> None:
    """Each reads the state before all of them."""
    made = only(WHOLE, values, swap, box=box, other=other)

    first, second = values["weight"][box,], values["weight"][other,]
    assert unpacked(WHOLE, made.state) == changed(values, ("weight", (box,), second), ("weight", (other,), first))


@given(STATES, HAND_NAMES)
def test_each_changes_every_object_for_which_its_condition_holds(values: Values, hand: int) -> None:
    """And no other."""
    made = only(WHOLE, values, touch_full, hand=hand)

    full_ones = [b for b in range(BOXES) if values["full"][b,]]
    assert unpacked(WHOLE, made.state) == changed(values, *(("touched", (hand, b), 1) for b in full_ones))


@given(STATES, BOX_NAMES)
def test_provided_changes_nothing_where_its_condition_does_not_hold(values: Values, box: int) -> None:
    """The condition is read before the effects of its own step."""
    made = only(WHOLE, values, empty, box=box)

    left = 0 if values["full"][box,] else values["weight"][box,]
    assert unpacked(WHOLE, made.state) == changed(values, ("full", (box,), 0), ("weight", (box,), left))


# Choices


@given(STATES, HAND_NAMES)
def test_choosing_offers_every_object_for_which_its_condition_holds(values: Values, hand: int) -> None:
    """One transition for each; where there is none, the next case is taken."""
    made = begun(WHOLE, values, grab, hand=hand)

    full_ones = [b for b in range(BOXES) if values["full"][b,]]
    if full_ones:
        assert [said(m)["box"] for m in made] == [f"b{b}" for b in full_ones]
        assert [unpacked(WHOLE, m.state) for m in made] == [
            changed(values, ("touched", (hand, b), 1)) for b in full_ones
        ]
    else:
        (refused,) = made
        assert WHOLE.answer(refused) == Refused("ENOENT")


@given(STATES, BOX_NAMES)
def test_the_first_case_that_holds_is_taken(values: Values, box: int) -> None:
    """A crash before a refusal, a refusal before success; what a refusal leaves behind stays."""
    made = begun(WHOLE, values, fill, box=box)

    weight_, full_ = values["weight"][box,], values["full"][box,]
    if values["colour"][box,] == 2 and values["beside"][box,] == NONE:
        assert made == []
        return
    (one,) = made
    after = unpacked(WHOLE, one.state)
    if weight_ > 8:
        assert (WHOLE.answer(one), WHOLE.pauses(one)) == (None, False)
        assert after == changed(values, ("colour", (box,), 0))
    elif full_:
        assert WHOLE.answer(one) == Refused("EBUSY")
        assert after == changed(values, ("total", (), values["total"][()] + 1))
    elif weight_ > 5:
        assert (WHOLE.answer(one), after) == (Refused("EFBIG"), values)
    else:
        assert said(one) == {"now": weight_ + 1, "was": True}
        assert after == changed(values, ("full", (box,), 1), ("weight", (box,), weight_ + 1))


# Pointers


@given(STATES, BOX_NAMES, MAYBE)
def test_a_pointer_that_is_none_reads_as_the_default_and_writes_nowhere(values: Values, box: int, to: int) -> None:
    """One that points somewhere is followed to where it pointed before the step."""
    made = only(WHOLE, values, follow, box=box, to=to)

    there = values["beside"][box,]
    emptied = [("full", (there,), 0)] if there != NONE else []
    after = changed(values, *emptied, ("beside", (box,), to))
    assert unpacked(WHOLE, made.state) == after
    assert said(made) == {
        "weight": 0 if to == NONE else after["weight"][to,],
        "full": False if to == NONE else bool(after["full"][to,]),
    }


# Names of new objects


def free(values: Values) -> list[int]:
    """The names that nobody uses."""
    return [b for b in range(BOXES) if not values["full"][b,] and values["weight"][b,] == 0]


@given(STATES)
def test_a_new_object_takes_the_lowest_free_name_where_one_explores(values: Values) -> None:
    """For each of the other arguments that can be chosen with it."""
    number = WHOLE.beginning("make")

    made = WHOLE.canonical(packed(WHOLE, values), number)

    lowest = free(values)[:1]
    assert [m.args for m in made] == [(name, b) for name in lowest for b in range(BOXES) if b != name]


@given(STATES)
def test_a_new_object_may_have_every_free_name_where_one_compares(values: Values) -> None:
    """Callers choose; the exact reading leaves nothing out."""
    number = WHOLE.beginning("make")

    made = WHOLE.exact(packed(WHOLE, values), number)

    assert [m.args for m in made] == [(name, b) for name in free(values) for b in range(BOXES) if b != name]


@given(STATES)
def test_the_canonical_reading_is_a_part_of_the_exact_one(values: Values) -> None:
    """For calls that name nothing new, all of it."""
    here = packed(WHOLE, values)

    for rule in range(len(WHOLE.rules.rules)):
        canonical, exact = WHOLE.canonical(here, rule), WHOLE.exact(here, rule)
        names_new = any(p.new for p in WHOLE.rules.rules[rule].variables)
        assert set(canonical) <= set(exact) if names_new else canonical == exact


@given(STATES)
def test_the_arguments_of_a_rule_are_those_of_its_transitions(values: Values) -> None:
    """Each once and in their order, also where they are found without making any; some rule here has no end in some state."""
    for machine in (WHOLE, STEPS):
        here = packed(machine, values)

        for rule in range(len(machine.rules.rules)):
            made = [one.args for one in machine.canonical(here, rule)]
            assert machine.arguments(here, rule) == list(dict.fromkeys(made))


@given(STATES)
def test_all_successors_are_those_of_each_rule(values: Values) -> None:
    """In the order of the rules."""
    here = packed(STEPS, values)
    rules = range(len(STEPS.rules.rules))

    assert STEPS.successors(here) == [t for r in rules for t in STEPS.canonical(here, r)]


# Calls in flight


@given(STATES, BOX_NAMES, MAYBE)
def test_a_call_that_has_ended_leaves_nothing_behind(values: Values, box: int, to: int) -> None:
    """Its actor stands nowhere, and keeps nothing."""
    (made,) = begun(STEPS, values, remember, box=box, to=to)
    actor = STEPS.actor(made)
    for name in ("remember.touch", "remember.end"):
        assert STEPS.pauses(made)
        (made,) = STEPS.proceed(made.state, STEPS.continuing(name), actor)

    assert not STEPS.pauses(made)
    assert made.state == packed(STEPS, unpacked(STEPS, made.state))


@given(STATES, BOX_NAMES, MAYBE)
def test_a_call_that_paused_returns_what_its_frame_kept(values: Values, box: int, to: int) -> None:
    """Where nobody else runs, it answers what it answers where it is indivisible."""
    whole = only(WHOLE, values, remember, box=box, to=to)
    (made,) = begun(STEPS, values, remember, box=box, to=to)
    for name in ("remember.touch", "remember.end"):
        (made,) = STEPS.proceed(made.state, STEPS.continuing(name), STEPS.actor(made))

    assert made.values == whole.values
    assert made.values[0] == values["beside"][(box,)]


@given(STATES, BOX_NAMES)
def test_a_step_that_waits_goes_on_once_a_case_holds(values: Values, box: int) -> None:
    """Until then nothing happens, and its actor makes no other call."""
    made = only(WHOLE, values, drain, box=box)
    wait = WHOLE.continuing("drain.wait")

    after = WHOLE.proceed(made.state, wait, box)

    assert WHOLE.begin(made.state, "drain", {"box": box}) == []
    assert WHOLE.pauses(made)
    if values["full"][box,]:
        assert [unpacked(WHOLE, m.state) for m in after] == [changed(values, ("full", (box,), 0))]
    else:
        assert after == []


def test_an_actor_makes_one_call_at_a_time() -> None:
    """Another one may begin meanwhile; with every hand busy no call that pauses can begin."""
    (start, _) = STEPS.initial()
    (one,) = STEPS.begin(start, "remember", {"box": 0, "to": 1})
    (two,) = STEPS.begin(one.state, "remember", {"box": 0, "to": 1})

    assert (STEPS.actor(one), STEPS.actor(two)) == (0, 1)
    assert STEPS.begin(two.state, "remember", {"box": 0, "to": 1}) == []
    assert STEPS.begin(two.state, "paint", {"box": 0}) != []


# Starting and telling


def test_every_initial_value_that_is_left_open_is_tried() -> None:
    """The others start at their defaults."""
    starts = [unpacked(WHOLE, s) for s in WHOLE.initial()]

    assert [s["found as"] for s in starts] == [{(0,): 0, (1,): 0, (2,): 0}, {(0,): 1, (1,): 0, (2,): 0}]
    assert {v for s in starts for v in s["beside"].values()} == {NONE}


@given(STATES, HAND_NAMES)
def test_quantities_are_counted_over_the_scope(values: Values, hand: int) -> None:
    """How many, all, some, sums, differences and choices between two."""
    made = only(WHOLE, values, count, hand=hand)

    mine = [b for b in range(BOXES) if values["touched"][hand, b]]
    assert said(made) == {
        "number": len(mine),
        "more": len(mine) + values["total"][()] - 1,
        "all": len(mine) == BOXES,
        "one": 2 in mine,
        "best": 1 if len(mine) > 1 or values["total"][()] == 0 else 2,
        "found": any(values["found as"].values()),
    }
    assert unpacked(WHOLE, made.state) == values


def test_an_event_is_a_transition_in_words() -> None:
    """Rule, step, actor, arguments by name, and the answer."""
    (start, _) = STEPS.initial()
    (made,) = STEPS.begin(start, "remember", {"box": 0, "to": NONE})
    (after,) = STEPS.proceed(made.state, STEPS.continuing("remember.touch"), 0)

    first, second = STEPS.event(start, made), STEPS.event(made.state, after)

    assert (first.rule, first.call, first.step, first.actor) == ("remember.look", "remember", "remember.look", "h0")
    assert first.arguments == (("box", "b0"), ("to", "none"))
    assert (second.rule, second.actor, second.answer) == ("remember.touch", "h0", None)
    assert dict(second.arguments)["box"] == "b0"


@given(STATES)
def test_a_state_in_words_has_every_field_and_place(values: Values) -> None:
    """In written form, by the names of its objects."""
    shown = WHOLE.render(packed(WHOLE, values))

    assert shown["beside"] == {f"b{b}": BOX.element(v) for (b,), v in values["beside"].items()}
    assert shown["touched"] == {f"h{h},b{b}": bool(v) for (h, b), v in values["touched"].items()}
    assert shown["total"] == {"": values["total"][()]}
    assert shown["colour"] == {f"b{b}": COLOUR.values[v] for (b,), v in values["colour"].items()}
    assert WHOLE.layout.render_fixed() == {"made of": {"b0": "red", "b1": "green", "b2": "blue"}}


def test_a_scope_is_said_in_words() -> None:
    """What there is none of is left out."""
    assert str(Scope({"box": 2, "hand": 1, "process": 3, "user": 0})) == "2 boxes, 1 hand, 3 processes"


def test_an_unknown_call_is_no_rule() -> None:
    """Whoever asks is told."""
    with pytest.raises(KeyError, match="fold"):
        WHOLE.beginning("fold")
