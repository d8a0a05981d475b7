"""A trace told once: each step with what a reader does not know yet, and with what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenure.vocabulary.answers import ScalarWritten
from tenure.vocabulary.traces import Shown, Trace


@dataclass(frozen=True, slots=True)
class Told:
    """One step, ready for any form of words."""

    actor: str
    """Who took the step; empty for a call that nothing can come between."""
    name: str
    """The step's name, or the call's where the step is the whole call."""
    arguments: tuple[str, ...]
    """The arguments that this call of this actor did not show before, as ``name=value``."""
    answer: str
    """What the call answered; empty while it goes on."""
    changes: tuple[str, ...]


def told(trace: Trace) -> Iterator[Told]:
    """Each step of the trace, in order."""
    before = trace.initial
    known: dict[tuple[str, str], set[str]] = {}
    for step in trace.steps:
        event = step.event
        in_flight = (event.actor, event.call)
        arguments = [f"{name}={plain(value)}" for name, value in event.arguments]
        seen = known.setdefault(in_flight, set())
        new = tuple(a for a in arguments if a not in seen)
        seen.update(new)
        if event.answer is not None or not event.actor:
            del known[in_flight]
        answer = "" if event.answer is None else str(event.answer)
        yield Told(event.actor, event.rule, new, answer, changes(before, step.after))
        before = step.after


def changes(before: Shown, after: Shown) -> tuple[str, ...]:
    """What differs between two states, registers of calls in flight left out: ``container users g0: 1 -> 2``."""
    return tuple(
        f"{field} {place}".rstrip() + f": {was} -> {now}"
        for field, places in after.items()
        if not is_register(field)
        for place in places
        if (was := _value(before, field, place)) != (now := _value(after, field, place))
    )


def is_register(field: str) -> bool:
    """The field only says where a call in flight stands, or keeps its arguments and locals."""
    return field.startswith("at ") or " keeps " in field or " has " in field


def plain(value: ScalarWritten) -> str:
    """A written value in a line of text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(shown: Shown, field: str, place: str) -> str:
    places = shown.get(field, {})
    return plain(places[place]) if place in places else "?"
