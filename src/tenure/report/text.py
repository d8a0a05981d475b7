"""Traces as plain text, to be read in a minute: who does what, what is answered, what changes, what breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from tenure.report.telling import Told, told
from tenure.vocabulary.traces import Trace

WIDTH = 120
FOR_CHANGES = 44
"""Columns that the changes should have, where the calls leave them."""

GAP = 2
WIDEST_INDENT = 24
"""Actors further apart than this do not read any better."""

WHOLE = "whole"
"""The head of the column for calls that nothing can come between, and that so need no actor."""


def to_text(trace: Trace, sentence: str = "") -> str:
    """The trace in lines: a head, one line a step in the column of its actor, and what is wrong in the end."""
    steps = list(told(trace))
    lines = [*_head(trace), *_table(steps), *_end(trace, sentence)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(trace: Trace) -> list[str]:
    reason = f" — {trace.reason}" if trace.reason else ""
    text = f"# {trace.system} {trace.granularity}: {trace.subject}{reason}"
    return wrap(text, WIDTH, subsequent_indent="#   ", break_long_words=False, break_on_hyphens=False)


def _end(trace: Trace, sentence: str) -> list[str]:
    text = f"! {trace.subject} {sentence}"
    return wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _table(steps: Sequence[Told]) -> Iterator[str]:
    """The steps, under the names of their actors where there are several."""
    actors = columns(steps)
    several = len(actors) > 1
    calls = [_call(step, in_column=several) for step in steps]
    number = len(str(len(steps))) + GAP
    apart = _indent(actors, max(map(len, calls), default=0), number)
    start = {actor: number + i * apart for i, actor in enumerate(actors)}
    if several:
        heads = [(actor or WHOLE).ljust(apart) for actor in actors]
        yield " " * number + "".join(heads)
    left = [" " * start[step.actor] + call for step, call in zip(steps, calls, strict=True)]
    middle = max(map(len, left), default=0) + GAP
    for position, (step, line) in enumerate(zip(steps, left, strict=True), start=1):
        first, *more = _changes(step.changes, max(WIDTH - middle, FOR_CHANGES))
        numbered = str(position).rjust(number - GAP) + line[number - GAP :]
        yield numbered.ljust(middle) + first
        yield from (" " * middle + line for line in more)


def columns(steps: Sequence[Told]) -> list[str]:
    """The actors, those of one kind side by side, in the order in which the kinds come in; whole calls first."""
    kinds: list[str] = [""]
    for step in steps:
        if _kind(step.actor) not in kinds:
            kinds.append(_kind(step.actor))
    return sorted({step.actor for step in steps}, key=lambda a: (kinds.index(_kind(a)), len(a), a))


def _kind(actor: str) -> str:
    return actor.rstrip("0123456789")


def _indent(actors: Sequence[str], widest: int, number: int) -> int:
    """How far apart the columns begin: a line has one step, so that a step may run on under its neighbours' names."""
    if len(actors) < 2:  # noqa: PLR2004  # one column is not apart from any
        return 0
    longest_name = max(len(actor or WHOLE) for actor in actors) + GAP
    room = (WIDTH - number - widest - GAP - FOR_CHANGES) // (len(actors) - 1)
    return max(longest_name, min(room, WIDEST_INDENT))


def _call(step: Told, *, in_column: bool) -> str:
    """The step, its arguments but for the actor that the column names, and its answer."""
    given = [a for a in step.arguments if not (in_column and step.actor and a.partition("=")[2] == step.actor)]
    answer = [f"-> {step.answer}"] if step.answer else []
    return " ".join([step.name, *given, *answer])


def _changes(changes: Sequence[str], width: int) -> list[str]:
    """The changes side by side as far as the width goes; a change is never broken."""
    lines = [""]
    for change in changes:
        longer = f"{lines[-1]}, {change}" if lines[-1] else change
        if len(longer) < width or not lines[-1]:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(change)
    return lines
