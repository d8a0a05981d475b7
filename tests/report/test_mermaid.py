"""The diagram of a trace: who calls, what comes back, what changed."""

from __future__ import annotations

from dataclasses import replace

from tenure.report.mermaid import to_mermaid
from tenure.vocabulary.traces import Trace

GOLDEN = """\
sequenceDiagram
    title external-small steps: R9
    participant a0 as whole
    participant a1 as th0
    participant a2 as u0
    participant k as kernel
    a0->>k: open file=f0
    k-->>a0: ok
    a1->>k: set.check file=f0 other=f1
    a2->>k: get.look_up user=u0 file=f0
    a1->>k: set.attach
    Note over k: container users g0: 0 -> 1
    k-->>a1: ok viable=true
    a2->>k: get.count
    k-->>a2: EBUSY
    Note over k: The group leaves while a user looks at it.
"""


def test_actors_call_the_kernel_and_it_answers(small: Trace) -> None:
    """Every actor is a participant, every change a note."""
    assert to_mermaid(small) == GOLDEN


def test_what_means_something_to_mermaid_is_escaped(small: Trace) -> None:
    """A reason is words, whatever stands in it."""
    text = to_mermaid(replace(small, reason="a;\nb #1 <br>"))

    assert text.splitlines()[-1] == "    Note over k: a#59; b #35;1 #lt;br>"
