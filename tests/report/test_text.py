"""The text of a trace: what a reader needs, once, and in lines that fit."""

from __future__ import annotations

from dataclasses import replace

from tenure.report.text import to_text
from tenure.vocabulary.answers import Done
from tenure.vocabulary.machine import Event
from tenure.vocabulary.traces import Shown, Trace, TraceStep

GOLDEN = """\
# external-small steps: R9 — The group leaves while a user looks at it.
   whole                th0                  u0
1  open file=f0 -> ok
2                       set.check file=f0 other=f1
3                                            get.look_up file=f0
4                       set.attach -> ok viable=true              container users g0: 0 -> 1
5                                            get.count -> EBUSY
! R9 The group of a user stays.
"""


def test_a_trace_is_a_head_a_line_a_step_and_an_end(small: Trace) -> None:
    """Arguments stand once a call, answers at its end, changes beside it; registers are not shown."""
    assert to_text(small, "The group of a user stays.") == GOLDEN


def test_a_trace_of_whole_calls_has_no_columns(small: Trace) -> None:
    """Where nobody interleaves there is no actor to tell from another."""
    alone = replace(small, granularity="whole", reason="", steps=small.steps[:1])

    assert to_text(alone) == "# external-small whole: R9\n1  open file=f0 -> ok\n! R9\n"


def test_a_trace_without_steps_is_a_head_and_an_end(small: Trace) -> None:
    """The initial state may be bad enough."""
    assert to_text(replace(small, reason="", steps=()), "No.") == "# external-small steps: R9\n! R9 No.\n"


def test_a_second_call_shows_its_arguments_again(small: Trace) -> None:
    """Only within one call are they known."""
    again = replace(small, steps=(small.steps[0], small.steps[0]))

    assert to_text(again).count("open file=f0 -> ok") == 2


def test_changes_that_do_not_fit_go_on_below(small: Trace) -> None:
    """A line stays within 120 columns as long as a single change does, and no change is broken."""
    places = [f"g{i}" for i in range(12)]
    initial: Shown = {"container users": dict.fromkeys(places, 0)}
    after: Shown = {"container users": dict.fromkeys(places, 1)}
    event = Event("set", "set", "set.check", "", (("file", "f0"),), Done())
    text = to_text(replace(small, reason="word " * 50, initial=initial, steps=(TraceStep(event, after),)), "word " * 50)

    assert max(map(len, text.splitlines())) <= 120
    assert [f"container users {place}: 0 -> 1" in text for place in places] == [True] * 12


def test_a_place_that_was_not_there_was_unknown(small: Trace) -> None:
    """What is seen for the first time has no value before."""
    step = replace(small.steps[0], after={**small.initial, "harm": {"": False}})

    assert "harm: ? -> false" in to_text(replace(small, steps=(step,)))
