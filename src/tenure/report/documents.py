"""The one JSON document that every command can leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tenure.report.itf import itf_object
from tenure.report.json_text import json_text
from tenure.vocabulary.verdicts import Row

SCHEMA = 1
"""The version of the document's form."""

LINES = 3
"""How deep each part has a line of its own: a name of a result."""


def document(command: str, seed: int | None, results: Iterable[Mapping[str, object]]) -> str:
    """What a command found, as the text of one JSON document."""
    whole = {"schema": SCHEMA, "command": command, "seed": seed, "results": [dict(result) for result in results]}
    return json_text(whole, LINES)


def row_result(row: Row) -> dict[str, object]:
    """One row as a result of the document; `trace` is an ITF document, and only there where the row has a trace."""
    result: dict[str, object] = {
        "system": row.system,
        "variant": row.variant,
        "granularity": row.granularity,
        "property": row.property,
        "verdict": row.verdict.value,
        "reason": row.reason,
        "steps": row.length,
        "seconds": round(row.seconds, 3),
    }
    if row.trace is not None:
        result["trace"] = itf_object(row.trace)
    return result
