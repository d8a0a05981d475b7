"""Scopes of the systems of iommufd objects."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope


def object_scope(sizes: dict[str, int]) -> Scope:
    """So many of each; there are no groups, and nobody outside uses anything."""
    return Scope({"device": 0, "user": 0, **sizes}, {}, {})
