"""Scopes of the systems of address ranges: so many addresses, in valid ranges that touch and that end before the top."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope


def range_scope(sizes: dict[str, int], *, most: int = 2) -> Scope:
    """Addresses in order: all but the two last in one valid range, then one that is a valid range by itself, then an invalid one.

    The first process may lock as many pages as it likes, the others two.
    """
    count, tables, processes = sizes["address"], sizes["table"], sizes["process"]
    valid = (*(1,) * (count - 2), 2, 0) if count > 2 else (1,) * count  # noqa: PLR2004  # as told
    fixed = {
        "position": tuple(range(count)),
        "valid range": valid,
        "entry limit": (most,) * tables,
        "page limit": (2,) * processes,
        "may exceed": tuple(p == 0 for p in range(processes)),
    }
    return Scope(sizes, fixed, {"available": ((most,) * tables,)})
