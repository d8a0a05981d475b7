"""ITF files: nothing is lost, others open them, and a bad one is refused in words that help."""

from __future__ import annotations

import json
from typing import Any

import itf_py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.report.itf import BadTrace, from_itf, itf_object, to_itf, variable_names
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.machine import Event
from tenure.vocabulary.traces import Trace, TraceStep

NAMES = st.text(max_size=12)
LARGE = 2**53 - 2
WRITTEN = NAMES | st.booleans() | st.integers() | st.integers(min_value=LARGE) | st.integers(max_value=-LARGE)
NAMED = st.lists(st.tuples(NAMES, WRITTEN), max_size=3).map(tuple)
ANSWERS = st.none() | st.builds(Refused, NAMES) | st.builds(Done, NAMED)
EVENTS = st.builds(Event, NAMES, NAMES, NAMES, NAMES, NAMED, ANSWERS)
PLACES = st.dictionaries(NAMES, WRITTEN, max_size=3)
FIELDS = NAMES | st.sampled_from(["action", "container users", "container_users", "container.users", "#meta", "7", ""])


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any trace of any system: all that is asked is that each state shows the same fields."""
    fields = draw(st.lists(FIELDS, max_size=4, unique=True))
    values = st.lists(PLACES, min_size=len(fields), max_size=len(fields))
    state = values.map(lambda places: dict(zip(fields, places, strict=True)))
    return Trace(
        system=draw(NAMES),
        granularity=draw(NAMES),
        subject=draw(NAMES),
        reason=draw(NAMES),
        scope=draw(st.lists(st.tuples(NAMES, st.integers()), max_size=3).map(tuple)),
        fixed=draw(st.dictionaries(FIELDS, PLACES, max_size=3)),
        initial=draw(state),
        steps=draw(st.lists(st.builds(TraceStep, EVENTS, state), max_size=3).map(tuple)),
    )


@given(trace=traces())
def test_a_trace_comes_back_as_it_was(trace: Trace) -> None:
    """Nothing is lost or turned into something equal: order, large integers, flags and any letters stay."""
    back = from_itf(to_itf(trace))

    assert back == trace
    assert repr(back) == repr(trace)  # True == 1, but they are not written alike


@given(trace=traces())
def test_itf_py_reads_every_state_of_every_trace(trace: Trace) -> None:
    """Somebody else's reader finds each value under each variable."""
    read = itf_py.trace_from_json(json.loads(to_itf(trace)))

    names = variable_names(trace.initial)
    states = [trace.initial, *(step.after for step in trace.steps)]
    assert read.vars == ["action", *names.values()]
    assert [{field: dict(s.values[name]) for field, name in names.items()} for s in read.states] == states


@given(trace=traces())
def test_every_integer_is_exact_for_readers_in_javascript(trace: Trace) -> None:
    """An integer that is no double is written in digits."""

    def checked(digits: str) -> int:
        assert abs(int(digits)) < 2**53
        return int(digits)

    json.loads(to_itf(trace), parse_int=checked)


def test_a_file_that_itf_py_wrote_again_is_still_the_trace(small: Trace) -> None:
    """Another tool may write integers its own way."""
    read = itf_py.trace_from_json(json.loads(to_itf(small)))

    assert from_itf(json.dumps(itf_py.trace_to_json(read))) == small


def test_a_state_says_which_action_led_to_it(small: Trace) -> None:
    """A viewer shows the call beside what it left behind; the initial state has a start."""
    read = itf_py.trace_from_json(json.loads(to_itf(small)))

    last, first = read.states[-1].values["action"], read.states[0].values["action"]
    assert (last.step, last.actor, dict(last.arguments)) == ("get.count", "u0", {"user": "u0", "file": "f0"})
    assert last.answer == "EBUSY"
    assert first.step == "start"


def test_variables_are_identifiers_and_no_two_are_the_same() -> None:
    """Viewers take no spaces; what becomes alike is numbered."""
    names = variable_names(["container users", "container.users", "container_users", "action", "7", "é", ""])

    assert names == {
        "container users": "container_users",
        "container.users": "container_users_2",
        "container_users": "container_users_3",
        "action": "action_2",
        "7": "v7",
        "é": "v_",
        "": "v",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no JSON: damaged or cut short at line 1, column 1 \(Expecting value\); copy it again, or write"),
        ("[" * 100_000, r"no JSON that can be read here: .*; write the trace anew with `tenure trace SYSTEM SUBJECT"),
        ("[]", r"no ITF: the file has no `vars` and `states`; give a file \*\.itf\.json, or write the trace anew"),
        ('{"vars": [], "#meta": {}}', "no ITF: the file has no `vars` and `states`"),
        (
            '{"vars": [], "states": []}',
            "no trace of Tenure: an ITF file without `#meta.schema`, by another tool; write",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, message: str) -> None:
    """The message says what the file is not."""
    with pytest.raises(BadTrace, match=f"^{message}"):
        from_itf(text)


def test_a_file_cut_short_is_refused(small: Trace) -> None:
    """Wherever it is cut, the place is named."""
    text = to_itf(small)

    with pytest.raises(BadTrace, match=r"^no JSON: damaged or cut short at line \d+, column \d+ "):
        from_itf(text[: len(text) // 2])


META = ("#meta",)
EVENT = ("#meta", "events", 1)
USERS = ("states", 2, "container_users")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*META, "schema"), 2, "another schema: `#meta.schema` is 2, and this Tenure reads 1; read it with the Tenure"),
        ((*META, "schema"), "1", 'ill-typed: `#meta.schema` is "1", not an integer; write the trace anew with `tenure'),
        (META, 7, "no trace of Tenure: an ITF file without `#meta.schema`"),
        ((*META, "reason"), None, "ill-typed: `#meta.reason` is null, not a text"),
        ((*META, "fields"), [], r"ill-typed: `#meta.fields` is \[\], not an object"),
        ((*META, "scope"), [["group"]], r'ill-typed: `#meta.scope\[0\]` is \["group"\], not a list of two'),
        ((*META, "scope"), [["group", True]], r"ill-typed: `#meta.scope\[0\]\[1\]` is true, not an integer"),
        ((*META, "fixed", "no iommu"), "no", 'ill-typed: `#meta.fixed.no iommu` is "no", not an object'),
        ((*META, "events"), [], "missing: `states` holds 6 states where 0 events in `#meta.events` need 1; write"),
        ((*META, "events"), "none", 'ill-typed: `#meta.events` is "none", not a list'),
        ((*EVENT, "answer"), "ok", r'ill-typed: `#meta.events\[1\].answer` is "ok", not an answer \(null, .*\); write'),
        (
            (*EVENT, "arguments"),
            [["n", 1.5]],
            r"ill-typed: `#meta.events\[1\].arguments\[0\]\[1\]` is 1.5, not a text, a",
        ),
        (("vars",), [1], r"ill-typed: `vars\[0\]` is 1, not a text"),
        (("states",), {}, "ill-typed: `states` is {}, not a list"),
        (("states", 2), 5, r"ill-typed: `states\[2\]` is 5, not an object"),
        (USERS, {}, r"missing: `#map` in `states\[2\].container_users`; write"),
        ((*USERS, "#map"), [["g0", {"#bigint": "x"}]], r"ill-typed: `.*#map\[0\]\[1\]` is {.*}, not an integer"),
        ((*USERS, "#map"), [["g" * 99]], r'ill-typed: `.*` is \["g{35}\.\.\., not a list of two'),
    ],
)
def test_an_ill_typed_part_is_named_by_its_place(
    small: Trace, path: tuple[str | int, ...], value: object, message: str
) -> None:
    """The message says what stands there and what should."""
    document = changed(small, path, value)

    with pytest.raises(BadTrace, match=f"^{message}"):
        from_itf(document)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        *(
            ((*META, key), f"missing: `{key}` in `#meta`; write")
            for key in ("system", "reason", "fixed", "fields", "events")
        ),
        ((*EVENT, "actor"), r"missing: `actor` in `#meta.events\[1\]`; write"),
        (USERS, r"missing: `container_users` in `states\[2\]`; write"),
    ],
)
def test_a_missing_part_is_named_by_its_place(small: Trace, path: tuple[str | int, ...], message: str) -> None:
    """The message says what is missing, and in what."""
    document = changed(small, path)

    with pytest.raises(BadTrace, match=f"^{message}"):
        from_itf(document)


def test_states_that_show_different_fields_are_no_trace(small: Trace) -> None:
    """ITF gives each state a value for each variable, so that nothing can be told from a gap."""
    odd = Trace(**{**vars(small), "initial": {}})

    with pytest.raises(
        BadTrace, match=r"^state 1 shows other fields than state 0; make each state show the same fields$"
    ):
        to_itf(odd)


def changed(trace: Trace, path: tuple[str | int, ...], *value: object) -> str:
    """The trace's file with another value at one place, or with nothing there."""
    document: Any = json.loads(json.dumps(itf_object(trace)))
    *way, last = path
    inner = document
    for key in way:
        inner = inner[key]
    if value:
        (inner[last],) = value
    else:
        del inner[last]
    return json.dumps(document)
