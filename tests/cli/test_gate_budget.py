"""`tenure gate` says that a subject conforms only where all that was planned was done."""

from __future__ import annotations

import re
import time

import pytest
from tests.cli.conftest import PROFILE, Run, Written, verdicts

from tenure.commands import gating
from tenure.gate import findings
from tenure.gate.oracle import Made

REFERENCE = "reference:containers-2013"
OPEN = Made("open_group", (0, 0, 0))
PLAN = ((OPEN,), (OPEN,), (OPEN, Made("close", (0, 0))))


@pytest.fixture
def three_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan three runs of four calls in all."""
    monkeypatch.setattr(gating, "planned", lambda *_: PLAN)


@pytest.mark.usefixtures("three_planned")
@pytest.mark.parametrize("budget", ["2calls", "0.000000001s"])
def test_a_budget_that_ends_before_the_planned_runs_is_inconclusive(run: Run, budget: str) -> None:
    """3, never `conforms` or `tested`, even when it should be quiet; with the command that is enough."""
    ended = run("gate", REFERENCE, "--budget", budget, "--seed", "5", "--quiet", "--json", "gate.json")

    assert ended.code == 3
    assert re.search(r"^inconclusive: the budget ended with \d of 3 planned runs done; ", ended.err)
    assert ended.err.endswith(f"tenure gate {REFERENCE} --budget 4calls --seed 5\n")
    assert verdicts("gate.json") <= {"unknown", "not-run", "not-applicable"}


@pytest.mark.usefixtures("three_planned")
def test_the_budget_that_is_said_to_be_enough_is(run: Run) -> None:
    """0, and what was planned is said to be done."""
    ended = run("gate", REFERENCE, "--budget", "4calls")

    assert (ended.code, ended.err) == (0, "")
    assert f"{REFERENCE}: conforms: 4 calls in 3 runs" in ended.out
    assert "3 of 3 planned runs done" in ended.out


@pytest.mark.usefixtures("three_planned")
def test_no_budget_is_no_pass(run: Run) -> None:
    """3 where nothing was called and something was planned: not run."""
    ended = run("gate", REFERENCE, "--budget", "0calls", "--json", "gate.json")

    assert ended.code == 3
    assert f"{REFERENCE}: not-run: 0 calls" in ended.out
    assert verdicts("gate.json") <= {"not-run", "not-applicable"}


@pytest.mark.usefixtures("three_planned")
def test_a_finding_counts_more_than_a_plan_that_was_not_done(run: Run, subject: Written) -> None:
    """1, and what was not done is told as well."""
    ended = run("gate", subject("return {'refused': 'EXDEV'}"), *PROFILE, "--budget", "1calls")

    assert ended.code == 1
    assert "1 of 3 planned runs done" in ended.err


def test_planning_takes_nothing_of_the_budget(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes, the time is the subject's."""

    def slowly(*_: object) -> tuple[findings.Run, ...]:
        time.sleep(0.6)
        return PLAN

    monkeypatch.setattr(gating, "planned", slowly)

    ended = run("gate", REFERENCE, "--budget", "0.5s")

    assert ended.code == 0
    assert "3 of 3 planned runs done" in ended.out
