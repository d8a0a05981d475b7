"""`tenure replay`: trace files that are none are refused, whole ones are made again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run, Written, written


@pytest.mark.parametrize(
    ("text", "happened"),
    [
        ("", "no JSON"),
        ('{"vars": [1', "cut short"),
        ("[]", "vars"),
        ('{"vars": [], "states": []}', "by another tool"),
        ('{"#meta": {"schema": 2}, "vars": [], "states": []}', "another schema"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(run: Run, tmp_path: Path, text: str, happened: str) -> None:
    """The message says which file, and what is wrong with it."""
    (tmp_path / "bad.itf.json").write_text(text, encoding="utf-8")

    ended = run("replay", "bad.itf.json", "reference:containers-2013")

    assert ended.code == 2
    assert happened in ended.err
    assert "bad.itf.json" in ended.err


def test_a_truncated_trace_is_refused_with_its_line(run: Run, r1: dict[str, Any], tmp_path: Path) -> None:
    """Half a file is no trace; the message says where it stops."""
    text = json.dumps(r1, indent=1)
    (tmp_path / "half.itf.json").write_text(text[: len(text) // 2], encoding="utf-8")

    ended = run("replay", "half.itf.json", "reference:containers-2013")

    assert ended.code == 2
    assert re.search(r"half\.itf\.json.*line \d+", ended.err)


@pytest.mark.parametrize("path", ["absent.itf.json", "."])
def test_a_trace_that_cannot_be_read_is_refused(run: Run, path: str) -> None:
    """It was named by the caller: that is usage, and no trouble of our own disk."""
    ended = run("replay", path, "reference:containers-2013")

    assert ended.code == 2
    assert f"cannot read {path}" in ended.err


def test_a_trace_of_another_schema_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names both versions."""
    r1["#meta"]["schema"] = 7

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "`#meta.schema` is 7, and this Tenure reads 1" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_of_an_unknown_system_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The nearest system is offered."""
    r1["#meta"]["system"] = "containers-2031"

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "containers-2013" in ended.err


def test_a_trace_with_an_unknown_call_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names the file, the call and the event."""
    r1["#meta"]["events"][0] |= {"call": "open_grup", "rule": "open_grup.look_up"}

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "open_grup" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_with_an_unknown_object_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """An object outside the trace's own scope is named, and where it stands."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"], ["group", "g7"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "g7" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_with_a_word_that_is_no_object_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message says what it should have been."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"], ["group", "seven"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "'seven' is no group" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_trace_that_lacks_an_argument_is_refused(run: Run, r1: dict[str, Any]) -> None:
    """The message names the call and the argument."""
    r1["#meta"]["events"][0]["arguments"] = [["process", "p0"], ["file", "f0"]]

    ended = run("replay", written(r1), "reference:containers-2013")

    assert ended.code == 2
    assert "open_group lacks the argument 'group'" in ended.err
    assert "changed.itf.json" in ended.err


def test_a_target_of_no_kind_is_refused_whatever_the_trace_is(run: Run, r1: dict[str, Any]) -> None:
    """The nearest kind is offered, before anything is said of the trace."""
    ended = run("replay", written(r1), "exce:./subject")

    assert ended.code == 2
    assert "there is no kind of target exce; did you mean exec?" in ended.err


def test_a_trace_of_steps_is_refused_by_a_target_that_takes_whole_calls(
    run: Run, r1: dict[str, Any], subject: Written
) -> None:
    """Only the reference can be led through it; the message says so."""
    ended = run("replay", written(r1), subject("return {'done': {}}"))

    assert ended.code == 2
    assert "reference:SYSTEM" in ended.err


def test_a_trace_that_the_target_does_not_follow_is_a_finding(run: Run, subject: Written) -> None:
    """A whole-call trace on a subject that refuses everything: 1."""
    assert run("trace", "external-v1", "A", "--format", "itf", "--out", "a.itf.json").code == 0

    ended = run("replay", "a.itf.json", subject("return {'refused': 'EXDEV'}"))

    assert ended.code == 1
    assert "parts from the trace" in ended.out


def test_a_trace_in_a_file_replays_on_the_reference(run: Run, r1: dict[str, Any]) -> None:
    """Every step as the trace says, one ITF state for each and one for the start."""
    ended = run("replay", written(r1), "reference:containers-2013", "--json", "replay.json")

    assert ended.code == 0
    assert "replayed as the trace says; harm: list_corruption" in ended.out
    assert len(r1["states"]) == 11
    (result,) = json.loads(Path("replay.json").read_text(encoding="utf-8"))["results"]
    assert (result["target"], result["verdict"], result["steps"]) == ("reference:containers-2013", "witnessed", 10)
