"""What properties/expected records: read by whoever proves, gates or compares, written by people alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from tenure.models import SYSTEMS

Key = tuple[str, str, str, str]
"""System, variant, granularity and property."""


def recorded() -> dict[Key, tuple[str, int | None]]:
    """Verdict and length of every recorded row."""
    names = dict.fromkeys(s.name for s in SYSTEMS)
    return {key: (row["verdict"], row.get("length")) for key, row in rows_recorded(names)}


def rows_recorded(names: Iterable[str]) -> Iterator[tuple[Key, dict[str, Any]]]:
    """The recorded rows of these systems, in all their variants, as they stand in their files."""
    folder = files("tenure.properties") / "expected"
    for name in names:
        file = folder / f"{name}.toml"
        if not file.is_file():
            continue
        for table in tomllib.loads(file.read_text(encoding="utf-8"))["verdicts"]:
            for property_, row in table.items():
                if isinstance(row, dict):
                    yield (name, table["variant"], table["granularity"], property_), row
