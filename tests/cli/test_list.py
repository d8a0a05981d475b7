"""`tenure list`: every kind, as a table and as a document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES


def test_list_says_what_there_is(run: Run) -> None:
    """Every kind, in plain lines of full width where nobody watches."""
    systems, properties, races, calls, targets = (
        run("list", *kind).out for kind in ((), ("properties",), ("races",), ("calls",), ("targets",))
    )

    assert all(s.id in systems and s.title in systems for s in SYSTEMS)
    assert all(p.id in properties for p in PROPERTIES)
    assert all(r.system in races for r in RACES)
    assert all(c.name in calls for s in SYSTEMS for c in s.calls)
    assert "exec:COMMAND" in targets


@pytest.mark.parametrize("kind", ["systems", "properties", "races", "calls", "targets"])
def test_list_ends_well_and_leaves_a_document(run: Run, tmp_path: Path, kind: str) -> None:
    """One row of the table is one result."""
    ended = run("list", kind, "--quiet", "--json", "list.json")

    found = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert (found["schema"], found["command"], found["seed"]) == (1, f"tenure list {kind}", None)
    assert found["results"]
