"""Calls: steps in one direction, each with an answer to everything unless it waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenure.models import SYSTEMS
from tenure.vocabulary.calls import (
    Call,
    Case,
    Finish,
    Next,
    Refuse,
    Steps,
    call,
    choosing,
    crash,
    done,
    go,
    new,
    number,
    refuse,
    requires,
    step,
    without_case,
)
from tenure.vocabulary.lock_order import following, leading_to
from tenure.vocabulary.locks import Lock
from tenure.vocabulary.symbols import state
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, no
from tenure.vocabulary.types import FLAG, Sort

LID = Lock("lid")
BOX = Sort("box", "b")
HAND = Sort("hand", "h")

full = state("full", BOX, FLAG, meaning="nothing more goes into the box")
shut = state("shut", BOX, FLAG, meaning="the box is shut")


@call("fill it", actor=HAND, source="the manual, page 3", box=BOX, label=new(BOX), seal=number(BOX.maybe))
def fill(box: Term, label: Term, seal: Term) -> Steps:
    """Put something into a box.

    A second sentence.
    """
    yield requires(no(shut[label]))
    yield step("look", refuse(full[box], "EBUSY", "the box is full"), refuse(shut[box], "EPERM", "it is shut"), go())
    yield step("put", done(full[box].becomes(value=True), seal=shut[seal]), locks=(LID,))
    yield requires(no(full[label]))


def steps_of(*texts: Callable[[Term], object]) -> Call:
    """A call that yields what these make of its box."""

    @call("", actor=HAND, source="", box=BOX)
    def made(box: Term) -> Steps:
        """Whatever was asked for."""
        for text in texts:
            yield text(box)  # type: ignore[misc]  # steps, of which some are wrong

    return made


def test_a_call_is_what_its_text_says() -> None:
    """Name, docstring, parameters and steps come from the function."""
    assert (fill.name, fill.title, fill.source) == ("fill", "fill it", "the manual, page 3")
    assert fill.doc.startswith("Put something into a box.")
    assert [(p.name, p.held, p.new) for p in fill.parameters] == [
        ("box", True, False),
        ("label", True, True),
        ("seal", False, False),
    ]
    assert [s.name for s in fill.steps] == ["look", "put"]
    assert fill.qualified("put") == "fill.put"
    assert fill.names(BOX) is fill.parameters[1]
    assert fill.names(HAND) is None


def test_everything_that_a_caller_sees_to_is_required() -> None:
    """Wherever it was said, all of it."""
    label = fill.parameter("label")

    assert fill.requires.key == both(no(shut[label]), no(full[label])).key


def test_a_case_ends_or_goes_on() -> None:
    """With an errno and its reason, with values, or with the next step."""
    busy, _, on = fill.steps[0].cases
    (end,) = fill.steps[1].cases

    assert (busy.follow, busy.why) == (Refuse("EBUSY"), "the box is full")
    assert (on.when, on.follow) == (TRUE, Next(None))
    assert isinstance(end.follow, Finish)
    assert [name for name, _ in end.follow.values] == ["seal"]


def test_a_step_that_does_not_wait_needs_an_unconditional_last_case() -> None:
    """Every call comes to an end: there is an answer to everything."""
    with pytest.raises(TypeError, match=r"made\.look: a step that does not wait needs a last case without condition"):
        steps_of(lambda box: step("look", refuse(full[box], "EBUSY", "full"), done(when=no(full[box]))))


def test_a_choice_is_no_answer_to_everything() -> None:
    """There may be nothing to choose."""
    with pytest.raises(TypeError, match="a step that does not wait"):
        steps_of(lambda _: step("take", choosing(BOX, lambda b: full[b], lambda _: done())))


def test_a_step_without_cases_is_no_step() -> None:
    """It could only wait, and for nothing."""
    with pytest.raises(TypeError, match="a step that does not wait"):
        steps_of(lambda _: step("nothing"))


def test_a_step_that_waits_needs_none() -> None:
    """It sleeps until one of its cases holds."""
    made = steps_of(lambda box: step("wait", done(when=full[box]), waits=True))

    assert made.steps[0].waits


@pytest.mark.parametrize("to", ["second", "first", "third", "fourth"])
def test_a_call_only_goes_forward(to: str) -> None:
    """Not back, not in a circle, and not to a step that does not exist."""

    def made() -> Call:
        return steps_of(
            lambda _: step("first", go()), lambda _: step("second", go(to=to)), lambda _: step("third", done())
        )

    if to == "third":
        assert made().steps[1].cases[0].follow == Next("third")
    else:
        with pytest.raises(TypeError, match=r"made\.second: a case must go on to a later step"):
            made()


def test_a_later_step_may_lead_back_to_a_loop_s_round() -> None:
    """To one that says that it is one, and to no other."""
    made = steps_of(
        lambda _: step("first", go()),
        lambda box: step("round", go(when=full[box], to="round"), go(), repeats=True),
        lambda _: step("last", go(to="round")),
    )

    assert [following(made, index) for index in range(3)] == [(1,), (1, 2), (1,)]
    assert leading_to(made, 1) == (0, 1, 2)


def test_a_call_does_not_go_on_after_its_last_step() -> None:
    """It must say how it ends."""
    with pytest.raises(TypeError, match="a case must go on to a later step"):
        steps_of(lambda _: step("only", go()))


def test_a_crash_is_an_end() -> None:
    """Nothing has to follow."""
    made = steps_of(lambda box: step("break", crash(full[box], why="a bug"), done()))

    assert len(made.steps) == 1


def test_the_names_of_steps_are_unique() -> None:
    """A pause point has one name."""
    with pytest.raises(TypeError, match="step names must be unique"):
        steps_of(lambda _: step("twice", go()), lambda _: step("twice", done()))


def test_a_call_without_one_of_its_cases_is_otherwise_the_same() -> None:
    """A design that lost this guard; the call that was given is not changed."""
    (bare,) = without_case((fill,), {"fill.look": 0})

    assert [c.follow for c in bare.steps[0].cases] == [Refuse("EPERM"), Next(None)]
    assert bare.steps[1] is fill.steps[1]
    assert len(fill.steps[0].cases) == 3


def test_a_call_of_another_name_or_with_more_discipline_is_otherwise_the_same() -> None:
    """Systems compose calls without writing them again."""
    named, strict = fill.named("load"), fill.requiring(FALSE)

    assert (named.name, named.steps) == ("load", fill.steps)
    assert (strict.requires, strict.steps) == (FALSE, fill.steps)
    assert named.qualified("put") == "load.put"


def every_case() -> list[tuple[Call, Case]]:
    """Each case of each call of all systems."""
    calls = {id(c): c for s in SYSTEMS for c in s.calls}
    return [(c, case) for c in calls.values() for s in c.steps for case in s.cases]


def test_every_refusal_of_a_model_has_its_reason() -> None:
    """A report can say why."""
    assert all(case.why for _, case in every_case() if isinstance(case.follow, Refuse))


def test_every_call_of_a_model_has_a_docstring_and_a_source() -> None:
    """Whoever reads it can look where it was read."""
    assert all(c.doc and c.source and c.title for c, _ in every_case())
