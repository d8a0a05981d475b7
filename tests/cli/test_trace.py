"""`tenure trace`: a trace where there is one, and an exit code that says why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOCKED, Judged, Run, as_recorded, row

from tenure.commands import proving, tracing
from tenure.commands.judging import Judgement
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Verdict


@pytest.mark.parametrize(
    ("form", "part"),
    [("text", "set_container.attach"), ("itf", '"#meta"'), ("mermaid", "sequenceDiagram"), ("json", "{")],
)
def test_a_trace_of_a_race_is_shown_in_every_form(run: Run, form: str, part: str) -> None:
    """On standard output, with 0."""
    ended = run("trace", "containers-2013", "R1", "--format", form)

    assert (ended.code, ended.err) == (0, "")
    assert part in ended.out


def test_a_trace_is_a_result_of_its_document(run: Run, tmp_path: Path) -> None:
    """With system, property, verdict, number of steps and the trace itself."""
    ended = run("trace", "external-v1:misuse", "D", "--quiet", "--json", "d.json")

    (result,) = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))["results"]
    assert (ended.code, ended.out) == (0, "")
    assert (result["system"], result["variant"], result["property"]) == ("external-v1", "misuse", "D")
    assert (result["verdict"], result["steps"], len(result["trace"]["states"])) == ("refuted", 5, 6)
    assert "seconds" in result


def test_a_proved_property_has_no_trace(run: Run, judged: Judged) -> None:
    """4, the reason, and no file."""
    judged(as_recorded(LOCKED, "whole"))

    ended = run("trace", LOCKED, "CON-1", "--granularity", "whole", "--format", "itf", "--out", "none.itf.json")

    assert ended.code == 4
    assert "proved" in ended.out + ended.err
    assert not Path("none.itf.json").exists()


def test_a_property_that_was_only_searched_has_no_trace(run: Run, judged: Judged) -> None:
    """3, and no file: nothing was found, and nothing is known."""
    judged([row("containers-2013", "steps", "GRP-1", Verdict.SEARCHED)])

    ended = run("trace", "containers-2013", "GRP-1", "--granularity", "steps", "--out", "none.itf.json")

    assert ended.code == 3
    assert "searched" in ended.out + ended.err
    assert not Path("none.itf.json").exists()


def test_a_property_that_is_proved_whole_and_searched_in_steps_is_inconclusive(run: Run, judged: Judged) -> None:
    """What was proved of whole calls says nothing about the others."""
    judged(
        [
            row("containers-2013", "whole", "GRP-1", Verdict.PROVED),
            row("containers-2013", "steps", "GRP-1", Verdict.SEARCHED),
        ]
    )

    assert run("trace", "containers-2013", "GRP-1").code == 3


def test_a_race_that_its_whole_scope_does_not_have_is_only_searched(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """3: a bound on objects is no proof."""
    monkeypatch.setattr(tracing, "race_trace", lambda *_: None)

    assert run("trace", "containers-2013", "R1").code == 3


def test_a_harmless_race_has_no_trace(run: Run) -> None:
    """4: its property is proved."""
    ended = run("trace", "external-v1", "C")

    assert ended.code == 4
    assert "EXT-8" in ended.out + ended.err


def test_a_property_that_the_system_does_not_show_has_no_trace(run: Run, judged: Judged) -> None:
    """4: it is not applicable."""
    judged([row("containers-2013", level, "EXT-8", Verdict.NOT_APPLICABLE) for level in ("whole", "steps")])

    assert run("trace", "containers-2013", "EXT-8").code == 4


@pytest.fixture
def short_and_long(r1: dict[str, Any]) -> tuple[Trace, Trace]:
    """Make two traces of one property, by whole calls and by steps."""
    from tenure.report.itf import from_itf  # noqa: PLC0415  # only here

    steps = from_itf(json.dumps(r1))
    return replace(steps, granularity="whole", steps=steps.steps[:4]), steps


def test_a_trace_uses_the_coarsest_granularity_that_shows_the_harm(
    run: Run, judged: Judged, short_and_long: tuple[Trace, Trace]
) -> None:
    """Whole calls are easier to read; --granularity asks for the other."""
    rows = [
        replace(row("containers-2013", t.granularity, "HARM-3", Verdict.REFUTED, len(t)), trace=t)
        for t in short_and_long
    ]
    judged(rows[::-1])

    whole = run("trace", "containers-2013", "HARM-3", "--format", "itf")
    steps = run("trace", "containers-2013", "HARM-3", "--format", "itf", "--granularity", "steps")

    assert (whole.code, steps.code) == (0, 0)
    assert json.loads(whole.out)["#meta"]["granularity"] == "whole"
    assert json.loads(steps.out)["#meta"]["granularity"] == "steps"


def test_a_counterexample_to_induction_is_shown_and_is_no_trace(
    run: Run, judged: Judged, short_and_long: tuple[Trace, Trace]
) -> None:
    """3, for its first state may never be reached; and no file."""
    _, steps = short_and_long
    stuck = replace(row("containers-2013", "steps", "HARM-3", Verdict.NOT_INDUCTIVE), trace=steps)
    judged([stuck])

    ended = run("trace", "containers-2013", "HARM-3", "--granularity", "steps", "--out", "none.itf.json")

    assert ended.code == 3
    assert "no trace: not-inductive" in ended.out
    assert steps.events[0].rule in ended.out
    assert not Path("none.itf.json").exists()


def test_a_run_is_preferred_to_a_counterexample_to_induction(
    run: Run, judged: Judged, short_and_long: tuple[Trace, Trace]
) -> None:
    """Where whole calls show none, interleaved ones may."""
    whole, steps = short_and_long
    stuck = replace(row("containers-2013", "whole", "HARM-3", Verdict.NOT_INDUCTIVE), trace=whole)
    judged([stuck, replace(row("containers-2013", "steps", "HARM-3", Verdict.REFUTED, len(steps)), trace=steps)])

    ended = run("trace", "containers-2013", "HARM-3")

    assert ended.code == 0
    assert ended.out.startswith("# containers-2013 steps")


def test_who_asks_for_a_trace_waits_for_no_other_proof(
    run: Run, monkeypatch: pytest.MonkeyPatch, short_and_long: tuple[Trace, Trace]
) -> None:
    """Where whole calls have one, nothing is judged of steps: not even begun, for a process that works is waited for."""
    asked: list[proving.Job] = []
    whole = next(t for t in short_and_long if t.granularity == "whole")
    fallen = replace(row("containers-2013", "whole", "HARM-3", Verdict.REFUTED, len(whole)), trace=whole)

    def judge(jobs: list[proving.Job], *_: object) -> Iterator[tuple[proving.Job, Judgement]]:
        asked.extend(jobs)
        yield jobs[0], Judgement([fallen])

    monkeypatch.setattr(tracing, "judged", judge)

    assert run("trace", "containers-2013", "HARM-3").code == 0
    assert asked == [("containers-2013", "whole")]


def test_a_property_that_a_system_shows_nothing_of_has_no_trace(run: Run) -> None:
    """4, as for any that does not apply; nothing is judged for it."""
    ended = run("trace", "dma-type1-v2", "ISO")

    assert ended.code == 4
    assert "no trace: not-applicable: the system shows nothing of what it speaks of" in ended.out
