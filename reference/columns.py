"""Columns: what is shown of many objects, observable by observable."""

from __future__ import annotations

Columns = tuple[tuple[int, ...], ...]
"""For each observable its values, over the product of its arguments' sorts, the last argument running fastest."""


def columns(rows: list[tuple[int, ...]], width: int) -> Columns:
    """One tuple for each observable, from one for each object."""
    return tuple(zip(*rows, strict=True)) if rows else ((),) * width
