"""The edges of a target's address space: which of its addresses a campaign is about, and what the oracle is told of them."""

from __future__ import annotations

from tenure.gate.linux.vfio import Info
from tenure.vocabulary.machine import Scope

PAGE = 4096
LAST_PAGE = (1 << 64) // PAGE - 1
PLANNED = 4
"""How many of the addresses, the first of them, planned runs are about."""

FEW = 8
"""The most pages that a guest has for one mapping."""

Ranges = tuple[tuple[int, int], ...]


def ranges_in_pages(info: Info) -> Ranges:
    """The valid ranges as numbers of their first and last whole page; all addresses where none are told."""
    told = info.ranges or ((0, (1 << 64) - 1),)
    whole = [((first + PAGE - 1) // PAGE, (last + 1) // PAGE - 1) for first, last in told]
    return tuple((first, last) for first, last in whole if first <= last)


def edges(ranges: Ranges) -> tuple[int, ...]:
    """Pages at which something begins or ends: of each valid range, of the aperture, of the address space.

    The first four are two of one range, one of the next, and one of none, as far as there are such.
    """
    (first, last), (_, top) = ranges[0], ranges[-1]
    inner = [ranges[1][0]] if len(ranges) > 1 else [first]
    beside = [page for page in (last + 1, top + 1, LAST_PAGE) if page <= LAST_PAGE and not valid(ranges, page)]
    ends = [page for one in ranges for page in one]
    wanted = [last - 1, last, *inner, *beside[:1], first, top, top - 1, LAST_PAGE, *ends, *beside[1:], first + 1]
    return tuple(dict.fromkeys(page for page in wanted if 0 <= page <= LAST_PAGE))


def valid(ranges: Ranges, page: int) -> int:
    """The number of the valid range that a page is in, the first is 1; 0: none."""
    return next((number + 1 for number, (first, last) in enumerate(ranges) if first <= page <= last), 0)


def scope_of(pages: tuple[int, ...], ranges: Ranges, sizes: dict[str, int], most: int) -> Scope:
    """The scope in which the oracle has these pages, numbered as the target numbers them; so many mappings may be made.

    The first process may lock as many pages as it likes, the others two.
    """
    tables, processes = sizes["table"], sizes["process"]
    fixed = {
        "position": pages,
        "valid range": tuple(valid(ranges, page) for page in pages),
        "entry limit": (most,) * tables,
        "page limit": (2,) * processes,
        "may exceed": tuple(p == 0 for p in range(processes)),
    }
    return Scope({**sizes, "address": len(pages)}, fixed, {"available": ((most,) * tables,)})
