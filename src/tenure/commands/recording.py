"""What properties/expected records: read by whoever proves, gates or compares, written by people alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
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
    """The recorded rows of these systems, in all their variants, as they stand in their files; nobody changes them."""
    for name in names:
        yield from _rows_of(name)


@cache
def _rows_of(name: str) -> tuple[tuple[Key, dict[str, Any]], ...]:
    """The rows of one file, read once: to parse them all takes longer than to compare a whole table with them."""
    file = files("tenure.properties") / "expected" / f"{name}.toml"
    if not file.is_file():
        return ()
    tables = tomllib.loads(file.read_text(encoding="utf-8"))["verdicts"]
    return tuple(
        ((name, table["variant"], table["granularity"], property_), row)
        for table in tables
        for property_, row in table.items()
        if isinstance(row, dict)
    )
