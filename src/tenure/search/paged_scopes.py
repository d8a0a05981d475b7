"""Scopes of the mappings of 2011: addresses one after the other, without a hole, that lead to pages of memory."""

from __future__ import annotations

from tenure.vocabulary.machine import Scope


def paged_scope(sizes: dict[str, int], *, limit: int = 2) -> Scope:
    """As many addresses as a word has, and memory of which the last page is a device's, whose frame is 0.

    Each process has one address space; the first may lock `limit` pages, the others as many as they like.
    """
    count, pages = sizes["address"], sizes["page"]
    tables, processes = sizes["table"], sizes["process"]
    fixed = {
        "position": tuple(range(count)),
        "after": tuple((a + 1) % count for a in range(count)),
        "preceding": tuple((a - 1) % count for a in range(count)),
        "top": (count - 1,),
        "page number": tuple(range(1, pages + 1)),
        "reserved": tuple(page == pages - 1 for page in range(pages)),
        "frame 0": tuple(page == pages - 1 for page in range(pages)),
        "mm": tuple(t % processes for t in range(tables)),
        "page limit": (limit,) * processes,
        "may exceed": tuple(p > 0 for p in range(processes)),
    }
    return Scope(sizes, fixed)
