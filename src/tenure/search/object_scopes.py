"""Scopes of the systems of iommufd objects."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope

MAKES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind"})
"""How a table comes to have objects."""


def object_scope(sizes: dict[str, int], *, emulated: tuple[bool, ...] = ()) -> Scope:
    """So many of each; devices are emulated unless said otherwise."""
    kinds = emulated or (True,) * sizes["device"]
    return Scope({"user": 0, "group": 0, "container": 0, **sizes}, {"emulated": kinds}, {})
