"""Traces as ITF JSON, the Informal Trace Format: viewers and parsers of others open them, and nothing is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tenure.report.json_text import json_text
from tenure.report.parts import REPAIR, BadTrace, Part, number, scalar
from tenure.vocabulary.answers import Answer, Done, Refused, ScalarWritten
from tenure.vocabulary.machine import Event
from tenure.vocabulary.traces import Shown, Trace, TraceStep

SCHEMA = 1
"""The version of what stands under ``#meta``."""

LINES = 3
"""How deep each part has a line of its own: a variable of a state, an event."""

ACTION = "action"
"""The variable that says which step led to a state."""

START = Event("", "", "start", "", (), None)
"""What led to the initial state, for viewers."""


def to_itf(trace: Trace) -> str:
    """The text of an ITF file that holds the whole trace; a BadTrace where its states do not show the same fields."""
    return json_text(itf_object(trace), LINES)


def from_itf(text: str) -> Trace:
    """The trace that `to_itf` wrote as this text; a BadTrace, which says what to do, for any other text."""
    try:
        whole = Part(json.loads(text))
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise BadTrace(f"no JSON: damaged or cut short at {where} ({fault.msg}); copy it again, or {REPAIR}") from None
    except (ValueError, RecursionError) as fault:
        raise BadTrace(f"no JSON that can be read here: {fault}; {REPAIR}") from None
    return _trace(whole)


def itf_object(trace: Trace) -> dict[str, object]:
    """The trace as an ITF document, to be written by itself or as a part of another."""
    shown = [trace.initial, *(step.after for step in trace.steps)]
    for position, state in enumerate(shown):
        if state.keys() != trace.initial.keys():
            raise BadTrace(f"state {position} shows other fields than state 0; make each state show the same fields")
    variables = variable_names(trace.initial)
    events = (START, *trace.events)
    return {
        "#meta": _meta(trace, variables),
        "vars": [ACTION, *variables.values()],
        "states": [
            _state(i, event, state, variables) for i, (event, state) in enumerate(zip(events, shown, strict=True))
        ],
    }


def variable_names(fields: Iterable[str]) -> dict[str, str]:
    """A different identifier for each field, as like its name as can be: ``container users`` is container_users."""
    names: dict[str, str] = {}
    taken = {ACTION}
    for field in fields:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", field)
        first = plain if re.match(r"[A-Za-z]", plain) else f"v{plain}"
        name, count = first, 1
        while name in taken:
            count += 1
            name = f"{first}_{count}"
        taken.add(name)
        names[field] = name
    return names


def _meta(trace: Trace, variables: dict[str, str]) -> dict[str, object]:
    return {
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "description": f"{trace.system} {trace.granularity}: {trace.subject}",
        "schema": SCHEMA,
        "system": trace.system,
        "granularity": trace.granularity,
        "subject": trace.subject,
        "reason": trace.reason,
        "scope": [[sort, number(size)] for sort, size in trace.scope],
        "fixed": {field: {place: scalar(v) for place, v in places.items()} for field, places in trace.fixed.items()},
        "fields": {variable: field for field, variable in variables.items()},
        "events": [_event(event) for event in trace.events],
    }


def _state(index: int, event: Event, shown: Shown, variables: dict[str, str]) -> dict[str, object]:
    values = {v: {"#map": [[place, scalar(x)] for place, x in shown[f].items()]} for f, v in variables.items()}
    return {"#meta": {"index": index}, ACTION: _action(event), **values}


def _action(event: Event) -> dict[str, object]:
    """The event for the eyes: a record whose parts are texts in every state."""
    return {
        "call": event.call,
        "step": event.step,
        "actor": event.actor,
        "arguments": {"#map": [[name, str(value)] for name, value in event.arguments]},
        "answer": "" if event.answer is None else str(event.answer),
    }


def _event(event: Event) -> dict[str, object]:
    return {
        "rule": event.rule,
        "call": event.call,
        "step": event.step,
        "actor": event.actor,
        "arguments": _named(event.arguments),
        "answer": _answer(event.answer),
    }


def _answer(answer: Answer | None) -> object:
    match answer:
        case Refused(errno):
            return {"refused": errno}
        case Done(values):
            return {"done": _named(values)}
        case None:
            return None


def _named(values: tuple[tuple[str, ScalarWritten], ...]) -> list[list[object]]:
    return [[name, scalar(value)] for name, value in values]


def _trace(whole: Part) -> Trace:
    if not (whole.has("vars") and whole.has("states")):
        raise BadTrace(f"no ITF: the file has no `vars` and `states`; give a file *.itf.json, or {REPAIR}")
    for variable in whole.at("vars").elements():
        variable.text()
    meta = whole.at("#meta") if whole.has("#meta") else Part({}, "#meta")
    _check_schema(meta)
    fields = {variable: field.text() for variable, field in meta.at("fields").entries()}
    events = [_event_of(part) for part in meta.at("events").elements()]
    states = [_shown(part, fields) for part in whole.at("states").elements()]
    if len(states) != len(events) + 1:
        raise BadTrace(
            f"missing: `states` holds {len(states)} states where {len(events)} events in `#meta.events` "
            f"need {len(events) + 1}; {REPAIR}"
        )
    return Trace(
        system=meta.at("system").text(),
        granularity=meta.at("granularity").text(),
        subject=meta.at("subject").text(),
        reason=meta.at("reason").text(),
        scope=tuple((sort.text(), size.integer()) for sort, size in map(Part.pair, meta.at("scope").elements())),
        fixed={field: {place: x.scalar() for place, x in part.entries()} for field, part in meta.at("fixed").entries()},
        initial=states[0],
        steps=tuple(TraceStep(event, after) for event, after in zip(events, states[1:], strict=True)),
    )


def _check_schema(meta: Part) -> None:
    if not meta.has("schema"):
        raise BadTrace(f"no trace of Tenure: an ITF file without `#meta.schema`, by another tool; {REPAIR}")
    schema = meta.at("schema").integer()
    if schema != SCHEMA:
        raise BadTrace(
            f"another schema: `#meta.schema` is {schema}, and this Tenure reads {SCHEMA}; "
            f"read it with the Tenure that wrote it, or {REPAIR}"
        )


def _shown(state: Part, fields: dict[str, str]) -> Shown:
    return {field: _places(state.at(variable)) for variable, field in fields.items()}


def _places(variable: Part) -> dict[str, ScalarWritten]:
    pairs = map(Part.pair, variable.at("#map").elements())
    return {place.text(): value.scalar() for place, value in pairs}


def _event_of(part: Part) -> Event:
    return Event(
        rule=part.at("rule").text(),
        call=part.at("call").text(),
        step=part.at("step").text(),
        actor=part.at("actor").text(),
        arguments=_named_of(part.at("arguments")),
        answer=_answer_of(part.at("answer")),
    )


def _answer_of(part: Part) -> Answer | None:
    if part.value is None:
        return None
    if part.has("refused"):
        return Refused(part.at("refused").text())
    if part.has("done"):
        return Done(_named_of(part.at("done")))
    raise part.wrong('an answer (null, {"refused": errno} or {"done": values})')


def _named_of(part: Part) -> tuple[tuple[str, ScalarWritten], ...]:
    return tuple((name.text(), value.scalar()) for name, value in map(Part.pair, part.elements()))


__all__ = ["ACTION", "SCHEMA", "BadTrace", "from_itf", "itf_object", "to_itf", "variable_names"]
