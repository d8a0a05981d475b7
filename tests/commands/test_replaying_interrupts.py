"""A trace of interrupts is made again on the reference, step by step and call by call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.commands.gating import replay_calls
from tenure.commands.recording import recorded
from tenure.commands.replaying import replay_on_reference
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.report.itf import from_itf, to_itf
from tenure.report.mermaid import to_mermaid
from tenure.report.text import to_text
from tenure.search.explorer import explore, trace_of
from tenure.search.scopes import main_scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import INDEX, LINE
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.terms import Term, both, is_none, no, some
from tenure.vocabulary.traces import Trace

SYSTEM, NO_DRAIN = (s for s in SYSTEMS if s.name == "interrupts")


def run_to(goal: Term, granularity: Granularity) -> Trace:
    """A shortest run to where the goal is true."""
    rules = rules_of(SYSTEM, granularity)
    found = explore(Machine(rules, main_scope(SYSTEM, granularity)), until=rules.lower(goal))
    return trace_of(found.machine, found.violations["until"], "reached", "")


READ_WHILE_MASKED = some(
    LINE, lambda ln: both(seen.line_read[ln], no(is_none(seen.index_unmasked_by[seen.line_index[ln]])))
)
LATE = some(LINE, lambda ln: both(no(is_none(seen.line_delivers[ln])), is_none(seen.line_eventfd[ln])))
CHANGING = some(INDEX, lambda i: no(seen.index_at_rest[i]))


@pytest.mark.parametrize("goal", [LATE, CHANGING])
def test_a_trace_in_steps_is_made_again_step_by_step(goal: Term, tmp_path: Path) -> None:
    """From its file too."""
    trace = run_to(goal, Granularity.STEPS)
    file = tmp_path / "trace.itf.json"
    file.write_text(to_itf(trace), encoding="utf-8")

    for one in (trace, from_itf(file.read_text(encoding="utf-8"))):
        stepped = replay_on_reference(one, SYSTEM)
        assert stepped.parted is None
        assert len(stepped.steps) == len(trace)


def test_a_trace_of_whole_calls_is_made_again_call_by_call() -> None:
    """What the host does by itself is no call of anybody's."""
    trace = run_to(READ_WHILE_MASKED, Granularity.WHOLE)

    stepped = replay_on_reference(trace, SYSTEM)
    called = replay_calls(trace, SYSTEM, "reference:interrupts")

    assert (stepped.parted, called.parted) == (None, None)
    assert "take_interrupt" in [step.split()[-1] for step, _, _ in stepped.steps]
    assert "take_interrupt" not in " ".join(step for step, _, _ in called.steps)


def test_a_trace_has_a_column_for_each_thread_device_and_line() -> None:
    """Each step stands under who takes it: a thread calls, a device raises a line, the host's handler is the line's."""
    told = to_text(run_to(LATE, Granularity.STEPS)).splitlines()

    headings = next(line for line in told if " th0 " in line)
    column = {name: headings.index(name) for name in ("th0", "d0", "ln0")}
    steps = {"set_irq_eventfds.install": "th0", "raise_line": "d0", "take_interrupt.take": "ln0"}
    for name, actor in steps.items():
        assert any(line[column[actor] :].startswith(name) for line in told), name


def test_a_trace_is_drawn_with_each_thread_device_and_line() -> None:
    """As participants, in Mermaid; the handler's step comes from its line."""
    drawn = to_mermaid(run_to(LATE, Granularity.STEPS)).splitlines()

    (line,) = (text.split()[1] for text in drawn if text.endswith(" as ln0"))
    assert {text.split(" as ")[1] for text in drawn if "participant" in text} >= {"th0", "d0", "ln0", "kernel"}
    assert f"    {line}->>k: take_interrupt.take line=ln0" in drawn


def test_the_loss_of_what_no_drain_gives_up_is_made_again_on_its_reference_and_not_on_the_other() -> None:
    """A handler signals what was taken away; where calls wait for handlers, the last step cannot be taken."""
    rules = rules_of(NO_DRAIN, Granularity.STEPS)
    (lost,) = (p for p in PROPERTIES if p.id == "IRQ-4")
    found = explore(Machine(rules, main_scope(NO_DRAIN, Granularity.STEPS)), [sentence(rules, lost)])
    trace = trace_of(found.machine, found.violations["IRQ-4"], "IRQ-4", lost.sentence)

    assert len(trace) == recorded()["interrupts", "no-drain", "steps", "IRQ-4"][1]
    assert replay_on_reference(trace, NO_DRAIN).parted is None
    assert replay_on_reference(trace, SYSTEM).parted is not None
