"""The JSON document of a command."""

from __future__ import annotations

import json

import pytest

from tenure.report.documents import document, row_result
from tenure.report.itf import from_itf
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.verdicts import Row, Verdict


@pytest.fixture
def refuted(small: Trace) -> Row:
    """A row that has a trace."""
    return Row("external-get-put", "from-dev", "steps", "CON-1", Verdict.REFUTED, "R4", 5, 0.12345, small)


def test_a_document_says_its_schema_its_command_its_seed_and_its_results() -> None:
    """A script finds the same four names whatever the command was."""
    assert json.loads(document("tenure list", None, [])) == {
        "schema": 1,
        "command": "tenure list",
        "seed": None,
        "results": [],
    }


def test_a_row_gives_its_parts_by_name(refuted: Row) -> None:
    """System and variant stand apart, the verdict is the word that people read."""
    (result,) = json.loads(document("tenure prove", 7, [row_result(refuted)]))["results"]
    trace = result.pop("trace")

    assert result == {
        "system": "external-get-put",
        "variant": "from-dev",
        "granularity": "steps",
        "property": "CON-1",
        "verdict": "refuted",
        "reason": "R4",
        "steps": 5,
        "seconds": 0.123,
    }
    assert from_itf(json.dumps(trace)) == refuted.trace


def test_a_row_without_trace_has_no_such_name() -> None:
    """A proof has no length and shows no run."""
    result = row_result(Row("containers-2013", "", "whole", "CON-1", Verdict.PROVED, ""))

    assert "trace" not in result
    assert result["steps"] is None
