"""`tenure guards`: what each guard is for, in one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import LOCKED, Run

from tenure.commands import guarding, proving
from tenure.commands.guarding import GuardRow, Worth
from tenure.vocabulary.guards import Guard
from tenure.vocabulary.verdicts import Verdict

GUARD = Guard("open_group.claim#1", "EBUSY", "the group is open already")


def guard_row(worth: Worth) -> GuardRow:
    """The row of a guard that has this class."""
    verdict = Verdict.UNKNOWN if worth is Worth.UNMET else Verdict.PROVED
    return GuardRow((GUARD,), worth, verdict, extent="every state")


@pytest.mark.parametrize(
    ("worths", "code"),
    [([Worth.DEAD], 0), ([Worth.UNSPECIFIED, Worth.UNMET], 3), ([], 4)],
    ids=["classes", "unmet", "none"],
)
def test_guards_end_as_their_classes_say(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worths: list[Worth], code: int
) -> None:
    """0 where each has a class, 3 where one has none, 4 where there is no guard; the document has a result for each."""
    monkeypatch.setattr(guarding, "guard_rows", lambda jobs, *_: ((jobs[0], guard_row(w)) for w in worths))

    ended = run("guards", LOCKED, "--json", "guards.json")

    found = json.loads((tmp_path / "guards.json").read_text(encoding="utf-8"))
    assert ended.code == code
    assert ended.out.count("open_group.claim#1") == len(worths)
    assert [r["class"] for r in found["results"]] == [w.value for w in worths]
    for result in found["results"]:
        assert {"system", "property", "verdict", "steps", "seconds"} <= set(result)


def test_interrupted_guards_keep_the_rows_that_were_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, and the guard that was classified before is told."""

    def guard_rows(jobs: list[proving.Job], *_: object) -> Iterator[guarding.Found]:
        yield jobs[0], guard_row(Worth.DEAD)
        raise KeyboardInterrupt

    monkeypatch.setattr(guarding, "guard_rows", guard_rows)

    ended = run("guards", LOCKED)

    assert ended.code == 130
    assert "open_group.claim#1" in ended.out


def test_guards_are_quiet_but_for_what_has_no_class(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, with how far was searched."""
    rows = [guard_row(Worth.DEAD), guard_row(Worth.UNMET)]
    monkeypatch.setattr(guarding, "guard_rows", lambda jobs, *_: ((jobs[0], r) for r in rows))

    ended = run("guards", LOCKED, "--quiet")

    assert ended.out == ""
    assert ended.err == f"inconclusive: {LOCKED} whole open_group.claim#1: searched every state\n"
