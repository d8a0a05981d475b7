"""Scopes of the systems of iommufd objects: devices, physical and emulated."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope

MAKES = frozenset({"open_iommufd", "ioas_alloc", "open_cdev", "bind"})
"""How a table comes to have objects."""


def object_scope(sizes: dict[str, int], *, emulated: tuple[bool, ...] = ()) -> Scope:
    """So many of each; unless said otherwise the first device is physical, the second emulated, and so on in turn."""
    kinds = emulated or tuple(d % 2 == 1 for d in range(sizes["device"]))
    return Scope({"user": 0, "group": 0, "container": 0, **sizes}, {"emulated": kinds}, {})
