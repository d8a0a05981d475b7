"""Traces as Mermaid sequence diagrams, which many pages draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.report.telling import Told, told
from tenure.report.text import WHOLE, columns
from tenure.vocabulary.traces import Trace

KERNEL = "kernel"


def to_mermaid(trace: Trace) -> str:
    """The trace as a diagram: actors call the kernel, it answers, and a note says what changed in it."""
    steps = list(told(trace))
    alias = {actor: f"a{i}" for i, actor in enumerate(columns(steps))}
    head = f"{trace.system} {trace.granularity}: {trace.subject}"
    return "\n".join(
        [
            "sequenceDiagram",
            f"    title {_escaped(head)}",
            *(f"    participant {name} as {_escaped(actor or WHOLE)}" for actor, name in alias.items()),
            f"    participant k as {KERNEL}",
            *(f"    {line}" for step in steps for line in _step(step, alias[step.actor])),
            f"    Note over k: {_escaped(trace.reason or trace.subject)}",
            "",
        ]
    )


def _step(step: Told, actor: str) -> Iterator[str]:
    yield f"{actor}->>k: {_escaped(' '.join([step.name, *step.arguments]))}"
    if step.changes:
        yield f"Note over k: {'<br/>'.join(map(_escaped, step.changes))}"
    if step.answer:
        yield f"k-->>{actor}: {_escaped(step.answer)}"


def _escaped(text: str) -> str:
    """The text with what means something to Mermaid written as entities, on one line."""
    joined = " ".join(text.split())
    marks = {"#": "#35;", ";": "#59;", "<": "#lt;"}
    return "".join(marks.get(c, c) for c in joined)
