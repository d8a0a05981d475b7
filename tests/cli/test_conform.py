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
from tests.cli.conftest import LOCKED, Run

from tenure.commands import conforming
from tenure.gate.conform import Conformance, Difference
from tenure.models import SYSTEMS

COMPARED = Conformance(
    "containers-2013", "1 group", "whole calls", 9, 90, complete=True, refusals={"close.drop#0 EBADF"}
)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
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
    system = next(s for s in SYSTEMS if s.id == LOCKED)
    made = replace(conforming.Comparison(system, [COMPARED]), **changes)
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
    monkeypatch.setattr(conforming, "compare", lambda *_: conforming.Comparison(SYSTEMS[1], [COMPARED]))

    ended = run("conform", LOCKED, "--seed", "3")

    assert ended.code == 0
    assert "\x1b" not in ended.out
