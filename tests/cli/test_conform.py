"""`tenure conform` ends as the comparison did."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOCKED, Run, verdicts

from tenure.commands import conforming
from tenure.gate.conform import Conformance, Difference
from tenure.gate.profiles import Field
from tenure.search.scopes import scope

COMPARED = Conformance(
    "containers-2013", "1 group", "whole calls", 9, 90, complete=True, refusals={"close.drop#0 EBADF"}
)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"parts": [replace(COMPARED, complete=False)]}, 3),
        ({"parts": [replace(COMPARED, complete=False), COMPARED], "left": ("large",)}, 3),
        ({"parts": [replace(COMPARED, complete=False, differences=[Difference(("close",), "ok", "EBADF")])]}, 1),
        ({"walks": 0}, 3),
        ({"left": ("large",)}, 0),
        ({"missing": ("close.drop#0 EBADF",)}, 3),
        ({"walked": "close\nmodel: ok\nreference: EBADF"}, 1),
        ({"parts": [replace(COMPARED, differences=[Difference(("close",), "ok", "EBADF")])]}, 1),
        ({"walked": "close", "missing": ("close.drop#0 EBADF",)}, 1),
    ],
)
def test_conform_ends_as_the_comparison_did(
    run: Run, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], code: int
) -> None:
    """0 where nothing differs, 1 where something does, 3 where a refusal is not accounted for."""
    made = replace(conforming.Comparison(LOCKED, [COMPARED], walks=7), **changes)
    monkeypatch.setattr(conforming, "compare", lambda *_: made)

    ended = run("conform", LOCKED, "--seed", "3", "--json", "conform.json", "--junit", "conform.xml")

    assert ended.code == code
    assert f"tenure conform {LOCKED} --seed 3" in ended.out
    found = json.loads(Path("conform.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"]) == (1, 3)
    assert found["command"].startswith(f"tenure conform {LOCKED}")
    for result in found["results"]:
        assert {"system", "target", "verdict", "steps", "seconds"} <= set(result)
    assert len(re.findall("<(?:failure|error) ", Path("conform.xml").read_text(encoding="utf-8"))) == (code != 0)


def test_progress_stays_off_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is shown on standard error, and only there."""
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(conforming, "compare", lambda *_: conforming.Comparison(LOCKED, [COMPARED], walks=7))

    ended = run("conform", LOCKED, "--seed", "3")

    assert ended.code == 0
    assert "\x1b" not in ended.out


@pytest.fixture
def scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two scopes of one device be all there is: one for every run, one for runs without a budget."""
    sizes = {"process": 1, "thread": 2, "file": 1, "group": 1, "container": 1, "device": 1, "table": 1, "page": 0}
    one = Field("tiny", scope({**sizes, "user": 0}))
    monkeypatch.setattr(conforming, "whole_fields", lambda _: (one, replace(one, name="vast", full=True)))
    monkeypatch.setattr(conforming, "pair_fields", lambda _: ())
    monkeypatch.setattr(conforming, "_account", lambda _: None)


@pytest.mark.usefixtures("scopes")
def test_a_scope_that_the_budget_cut_short_is_inconclusive(run: Run) -> None:
    """3, never `conforms`, and the scope is named."""
    ended = run("conform", LOCKED, "--budget", "0s", "--json", "conform.json")

    assert ended.code == 3
    assert f"{LOCKED}: unknown" in ended.out
    assert "inconclusive: the budget ended before all of it was seen; give more: whole calls: tiny (" in ended.err
    assert verdicts("conform.json") == {"unknown", "not-run"}


@pytest.mark.usefixtures("scopes")
def test_a_large_scope_is_not_run_with_a_budget_and_says_so(run: Run) -> None:
    """0: it was not meant to be; its caps are part of its name."""
    ended = run("conform", LOCKED, "--budget", "5s", "--json", "conform.json")

    assert (ended.code, ended.err) == (0, "")
    assert "not run (make conform-full): vast (" in ended.out
    assert "no group object is freed while it is counted" in ended.out
    assert verdicts("conform.json") == {"conforms", "not-run"}


@pytest.mark.usefixtures("scopes")
def test_every_scope_is_run_without_a_budget(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left out."""
    monkeypatch.setattr(conforming, "random_walks", lambda *_, **__: (1, ""))

    ended = run("conform", LOCKED)

    assert ended.code == 0
    assert "not run" not in ended.out
    assert "whole calls, vast (" in ended.out


def test_systems_that_are_compared_at_once_are_told_in_their_order(run: Run) -> None:
    """However long each takes; what several processes say of a budget of nothing is what one says."""
    names = ("interrupts:no-drain", "dma-rfc2011:D-G1-01", "dma-rfc2011:D-G1-02")

    at_once = run("conform", *names, "--budget", "0s", "--seed", "3", "--jobs", "2", "--json", "two.json")
    one_by_one = run("conform", *names, "--budget", "0s", "--seed", "3", "--jobs", "1", "--json", "one.json")

    assert (at_once.code, one_by_one.code) == (3, 3)
    assert [line.removesuffix(": unknown") for line in at_once.out.splitlines() if line.endswith(": unknown")] == list(
        names
    )
    assert _without_seconds("two.json") == _without_seconds("one.json")


def test_the_last_lines_name_each_system_that_does_not_conform(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And why: what was said of it at its place may be far above."""
    fine = conforming.Comparison("containers-2013", [COMPARED], walks=7)
    cut = replace(fine, system=LOCKED, parts=[replace(COMPARED, complete=False)])
    monkeypatch.setattr(conforming, "compare", lambda system, *_: {LOCKED: cut}.get(system, fine))

    ended = run("conform", "containers-2013", LOCKED, "--jobs", "1")

    assert (ended.code, ended.out.splitlines()[-2]) == (3, "1 of 2 systems conform")
    why = "inconclusive: the budget ended before all of it was seen; give more: whole calls: 1 group"
    assert ended.err.splitlines()[-1] == f"{LOCKED}: unknown: {why}"


def _without_seconds(name: str) -> list[dict[str, Any]]:
    """The results of a document without what differs from run to run."""
    results = json.loads(Path(name).read_text(encoding="utf-8"))["results"]
    return [{k: v for k, v in result.items() if k != "seconds"} for result in results]
