"""Terms: typed where they are written, simplified where a constant decides, true or false only in a state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.vocabulary.effects import Assign, each, provided
from tenure.vocabulary.emission import Layout
from tenure.vocabulary.symbols import before, choice_is, fixed, observable, state
from tenure.vocabulary.terms import (
    FALSE,
    TRUE,
    Op,
    Term,
    both,
    constant,
    either,
    every,
    free_variables,
    implies,
    is_none,
    literal,
    no,
    number_of,
    parts,
    rebuild,
    some,
    substitute,
    variable,
    when,
)
from tenure.vocabulary.types import COUNT, FLAG, NONE, Choice, Sort, default, parsed, written

BOX = Sort("box", "b")
BALL = Sort("ball", "l")
COLOUR = Choice("colour", ("red", "green"))

inside = state("inside", BALL, BOX.maybe, meaning="the box in which the ball is")
full = state("full", BOX, FLAG, meaning="nothing more goes into the box")
weight = state("weight", BOX, COUNT, meaning="what the box weighs")
colour = state("colour", BOX, COLOUR, meaning="the box's colour")
made_of = fixed("made of", BOX, COLOUR, meaning="never changes")
seen = observable("seen", BOX, FLAG, meaning="somebody looks at the box")
flags = tuple(state(f"flag {i}", FLAG, meaning="true or false") for i in range(3))

box, other_box = variable("box", BOX), variable("other box", BOX)
ball = variable("ball", BALL)
P, Q = full[box], full[other_box]


# A term has no truth before it is read


@pytest.mark.parametrize("term", [P, TRUE, FALSE, weight[box] == 1, inside[ball]], ids=str)
def test_a_term_has_no_truth_value(term: Term) -> None:
    """Not even one that is constant: the message says what to write instead."""
    with pytest.raises(TypeError, match="both, either, no, implies"):
        bool(term)


def test_python_s_own_connectives_are_refused() -> None:
    """`and`, `or`, `not` and a chained comparison would drop half of what was written."""
    with pytest.raises(TypeError):
        _ = P and Q
    with pytest.raises(TypeError):
        _ = not P
    with pytest.raises(TypeError):
        _ = 0 < weight[box] < 3
    with pytest.raises(TypeError):
        _ = P in (Q, P)


# Types


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: box == ball, id="box == ball"),
        pytest.param(lambda: weight[box] == full[box], id="weight[box] == full[box]"),
        pytest.param(lambda: colour[box] == "blue", id="colour[box] == 'blue'"),
        pytest.param(lambda: colour[box] == 1, id="colour[box] == 1"),
        pytest.param(lambda: full[box] == 1, id="full[box] == 1"),
        pytest.param(lambda: weight[box] == True, id="weight[box] == True"),  # noqa: E712  # what is refused
        pytest.param(lambda: weight[box] == "three", id="weight[box] == 'three'"),
        pytest.param(lambda: box == None, id="box == None"),  # noqa: E711  # as above
        pytest.param(lambda: full[box] < 1, id="full[box] < 1"),
        pytest.param(lambda: weight[box] + full[box], id="weight[box] + full[box]"),
        pytest.param(lambda: no(weight[box]), id="no(weight[box])"),
        pytest.param(lambda: both(P, weight[box]), id="both(P, weight[box])"),
        pytest.param(lambda: either(box, P), id="either(box, P)"),
        pytest.param(lambda: implies(P, box), id="implies(P, box)"),
        pytest.param(lambda: when(weight[box], 1, 2), id="when(weight[box], 1, 2)"),
        pytest.param(lambda: when(P, weight[box], colour[box]), id="when(P, weight[box], colour[box])"),
        pytest.param(lambda: inside[box], id="inside[box]"),
        pytest.param(lambda: full[box, ball], id="full[box, ball]"),
        pytest.param(lambda: full.now, id="full.now"),
        pytest.param(lambda: full[weight[box]], id="full[weight[box]]"),
        pytest.param(lambda: choice_is(colour[box], "blue"), id="choice_is(colour[box], 'blue')"),
        pytest.param(
            lambda: state("bad", FLAG, FLAG, meaning="only sorts are arguments"),
            id="state('bad', FLAG, FLAG, meaning='only sorts are arguments')",
        ),
    ],
)
def test_a_sentence_of_wrong_types_cannot_be_written(wrong: Callable[[], object]) -> None:
    """It fails where the model is written, not where it runs."""
    with pytest.raises(TypeError):
        wrong()


def test_pointers_compare_whether_or_not_they_may_be_none() -> None:
    """One that always points at something is never none."""
    assert (inside[ball] == box).type == FLAG
    assert (box == inside[ball]).type == FLAG
    assert is_none(inside[ball]).op is Op.EQUAL
    assert is_none(box) is FALSE
    assert (box == inside.nothing) is FALSE


def test_a_symbol_takes_a_pointer_that_may_be_none() -> None:
    """What is read there is another matter."""
    assert full[inside[ball]].type == FLAG


@pytest.mark.parametrize(
    ("value", "kind", "data"),
    [(None, BOX.maybe, NONE), ("green", COLOUR, 1), (True, FLAG, True), (False, FLAG, False), (7, COUNT, 7)],
)
def test_a_literal_becomes_a_constant_of_its_type(value: object, kind: object, data: object) -> None:
    """None is no element, a string names a choice."""
    made = literal(value, kind)  # type: ignore[arg-type]  # one of the types of the language

    assert (made.op, made.type, made.data) == (Op.CONSTANT, kind, data)


# What is simplified


@pytest.mark.parametrize(
    ("made", "simple"),
    [
        (full[box] == P, TRUE),
        (full[box] != P, FALSE),
        (no(no(P)), P),
        (no(TRUE), FALSE),
        (no(FALSE), TRUE),
        (both(), TRUE),
        (either(), FALSE),
        (both(P), P),
        (either(P), P),
        (both(P, TRUE), P),
        (both(P, FALSE, Q), FALSE),
        (either(P, FALSE), P),
        (either(P, TRUE, Q), TRUE),
        (both(P, Q, P), both(P, Q)),
        (either(P, either(Q, P)), either(P, Q)),
        (both(P, both(Q, P)), both(P, Q)),
        (implies(TRUE, P), P),
        (implies(FALSE, P), TRUE),
        (implies(P, TRUE), TRUE),
        (when(TRUE, weight[box], 3), weight[box]),
        (when(FALSE, weight[box], 3), constant(3, COUNT)),
        (every(BOX, lambda _: TRUE), TRUE),
        (some(BOX, lambda _: FALSE), FALSE),
        (choice_is(colour[box], "red"), colour[box] == "red"),
    ],
)
def test_a_constant_part_is_simplified_away(made: Term, simple: Term) -> None:
    """What is left says the same."""
    assert made.key == simple.key


def test_substitution_simplifies_where_a_constant_decides() -> None:
    """As if it had been written so."""
    one = variable("one", FLAG)
    term = both(P, implies(one, Q), number_of(BOX, lambda b: both(one, full[b])) == 0)

    assert substitute(term, {"one": FALSE}).key == P.key


@pytest.mark.parametrize("op", [Op.EVERY, Op.SOME])
def test_a_quantifier_over_a_constant_is_that_constant(op: Op) -> None:
    """Every sort is taken to have objects; an empty scope is no reason to say otherwise."""
    assert rebuild(Term(op, FLAG, (box, P), "box"), (box, TRUE)) is TRUE
    assert rebuild(Term(op, FLAG, (box, P), "box"), (box, FALSE)) is FALSE


# Formulas mean what Python's connectives mean


@dataclass(frozen=True)
class Formula:
    """A term, and what Python says that it means."""

    term: Term
    means: Callable[[tuple[bool, ...]], bool]


def _leaf(number: int) -> Formula:
    return Formula(flags[number].now, lambda s: s[number])


def _grow(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    two = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda f: Formula(no(f.term), lambda s: not f.means(s))),
        st.lists(inner, max_size=3).map(
            lambda fs: Formula(both(*(f.term for f in fs)), lambda s: all(f.means(s) for f in fs))
        ),
        st.lists(inner, max_size=3).map(
            lambda fs: Formula(either(*(f.term for f in fs)), lambda s: any(f.means(s) for f in fs))
        ),
        two.map(lambda p: Formula(implies(p[0].term, p[1].term), lambda s: not p[0].means(s) or p[1].means(s))),
        two.map(lambda p: Formula(p[0].term == p[1].term, lambda s: p[0].means(s) == p[1].means(s))),
        st.tuples(inner, inner, inner).map(
            lambda p: Formula(
                when(p[0].term, p[1].term, p[2].term), lambda s: p[1].means(s) if p[0].means(s) else p[2].means(s)
            )
        ),
    )


CONSTANTS = st.sampled_from([Formula(TRUE, lambda _: True), Formula(FALSE, lambda _: False)])
FORMULAS = st.recursive(st.one_of(st.integers(0, 2).map(_leaf), CONSTANTS), _grow, max_leaves=12)


@given(FORMULAS, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_a_simplified_formula_means_what_was_written(formula: Formula, values: tuple[bool, bool, bool]) -> None:
    """In every state, read by Python."""
    layout = Layout(flags, {}, {})

    assert bool(layout.function(formula.term)(tuple(map(int, values)))) == formula.means(values)


# Variables


def test_a_quantifier_binds_its_variable() -> None:
    """Only what it does not bind is free."""
    assert free_variables(every(BOX, lambda b: implies(full[b], full[box]))) == {"box"}
    assert free_variables(inside[ball] == box) == {"ball", "box"}


def test_quantifiers_inside_one_another_do_not_capture() -> None:
    """Two of one sort have different names."""
    term = every(BOX, lambda a: some(BOX, lambda b: no(a == b)))
    outer, inner = (t for t in parts(term) if t.op in (Op.EVERY, Op.SOME))

    assert outer.data != inner.data
    assert not free_variables(term)


def test_equal_sentences_are_equal_terms() -> None:
    """However often they are written, and whatever Python called the variable."""
    first = some(BALL, lambda b: inside[b] == box)
    second = some(BALL, lambda anything: inside[anything] == box)

    assert first.key == second.key
    assert hash(first) == hash(second)


def test_substitution_reaches_everything() -> None:
    """Every place where the variable is free, at once."""
    swapped = substitute(both(full[box], no(full[other_box])), {"box": other_box, "other box": box})

    assert swapped.key == both(full[other_box], no(full[box])).key


def test_substitution_of_nothing_is_the_term_itself() -> None:
    """Nothing is built anew."""
    assert substitute(P, {}) is P
    assert substitute(P, {"ball": ball}) is P


# Places that can change


def test_fields_and_variables_can_change() -> None:
    """With a value of their type, or None where they may point at nothing."""
    assert inside[ball].becomes(None).value.data == NONE
    assert colour[box].becomes("green").value.data == 1
    assert variable("kept", BOX.maybe).becomes(box).field is None
    assert full[box].becomes(value=True).field is full


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(
            lambda: (full[box] == full[other_box]).becomes(value=True),
            id="(full[box] == full[other_box]).becomes(value=True)",
        ),
        pytest.param(lambda: TRUE.becomes(value=False), id="TRUE.becomes(value=False)"),
        pytest.param(lambda: seen[box].becomes(value=True), id="seen[box].becomes(value=True)"),
        pytest.param(lambda: before(full[box]).becomes(value=True), id="before(full[box]).becomes(value=True)"),
        pytest.param(lambda: full[box].becomes(weight[box]), id="full[box].becomes(weight[box])"),
        pytest.param(lambda: inside[ball].becomes(ball), id="inside[ball].becomes(ball)"),
        pytest.param(lambda: box.becomes(inside[ball]), id="box.becomes(inside[ball])"),
        pytest.param(lambda: box.becomes(None), id="box.becomes(None)"),
        pytest.param(lambda: weight[box].becomes("three"), id="weight[box].becomes('three')"),
        pytest.param(
            lambda: each(BOX, lambda _: full[box].becomes(value=True)),
            id="each(BOX, lambda _: full[box].becomes(value=True))",
        ),
        pytest.param(
            lambda: provided(weight[box], full[box].becomes(value=True)),
            id="provided(weight[box], full[box].becomes(value=True))",
        ),
    ],
)
def test_nothing_else_can_change(wrong: Callable[[], Assign]) -> None:
    """No compound term, no observable, no value of another type, and no sure pointer into one that may be none."""
    with pytest.raises(TypeError):
        wrong()


# Values in words


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (BOX, 3, "b3"),
        (BOX.maybe, NONE, "none"),
        (BOX.maybe, 0, "b0"),
        (COLOUR, 1, "green"),
        (FLAG, True, True),
        (COUNT, 12, 12),
    ],
)
def test_a_value_is_read_as_it_is_written(kind: Sort, value: int, text: str) -> None:
    """There and back."""
    assert written(kind, value) == text
    assert parsed(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (BOX, "none"),
        (BOX, "l1"),
        (BOX, "b"),
        (BOX, "b-1"),
        (BOX, "b²"),
        (BOX, 1),
        (COLOUR, "blue"),
        (FLAG, 1),
        (COUNT, True),
    ],
)
def test_what_is_no_value_of_a_type_is_refused(kind: Sort, text: str) -> None:
    """The message says what it should have been."""
    with pytest.raises(ValueError, match=f"is no {kind}"):
        parsed(kind, text)


def test_every_type_has_a_default() -> None:
    """False, zero, none, the first choice."""
    assert [default(kind) for kind in (FLAG, COUNT, BOX.maybe, COLOUR)] == [False, 0, NONE, 0]
    assert made_of.initial is None
    assert weight.initial == 0
