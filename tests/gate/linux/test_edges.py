"""Edges: a campaign is about the addresses at which something begins or ends on its target."""

from __future__ import annotations

import pytest
from tests.gate.linux.conftest import RANGES

from tenure.gate.linux.edges import LAST_PAGE, PLANNED, edges, ranges_in_pages, scope_of, valid
from tenure.gate.linux.vfio import Info

TOP = (1 << 64) - 1
INTEL = Info(0x40201000, RANGES, 65535)
AMD = Info(0x1000, ((0, 0xFEDFFFFF), (0xFEF00000, 0xFCFFFFFFFF), (0x10000000000, TOP)), 65535)
OPEN = Info(0x1000, (), 65535)


@pytest.mark.parametrize("info", [INTEL, AMD, OPEN])
def test_every_range_is_visited_at_both_its_ends(info: Info) -> None:
    """And so is the last page of all, valid or not, and the page beyond the aperture, where there is one."""
    ranges = ranges_in_pages(info)
    pages = edges(ranges)

    assert {page for one in ranges for page in one} <= set(pages)
    assert LAST_PAGE in pages
    assert len(set(pages)) == len(pages)
    assert all(0 <= page <= LAST_PAGE for page in pages)
    beyond = ranges[-1][1] + 1
    assert beyond > LAST_PAGE or beyond in pages


def test_planned_runs_meet_two_pages_of_a_range_one_of_the_next_and_one_of_none() -> None:
    """As planned runs elsewhere do, so that each case of each call can be reached."""
    ranges = ranges_in_pages(INTEL)

    assert [valid(ranges, page) for page in edges(ranges)[:PLANNED]] == [1, 1, 2, 0]


def test_a_range_that_ends_within_a_page_ends_before_it() -> None:
    """A page that is not whole in it cannot be mapped."""
    assert ranges_in_pages(Info(0x1000, ((0x800, 0x2FFF), (0x3000, 0x3800)), 1)) == ((1, 2),)


def test_a_target_that_tells_no_ranges_takes_every_address() -> None:
    """As containers with emulated devices alone do."""
    assert ranges_in_pages(OPEN) == ((0, LAST_PAGE),)


def test_the_oracle_is_told_the_numbers_of_the_target() -> None:
    """A size is so many pages there as here."""
    ranges = ranges_in_pages(INTEL)
    sizes = {"process": 2, "thread": 1, "table": 2, "mapping": 5}

    scope = scope_of(edges(ranges), ranges, sizes, 3)

    assert scope.sizes["address"] == len(scope.fixed["position"])
    assert scope.fixed["position"][1] == 0xFEDFF
    assert scope.fixed["may exceed"] == (True, False)
    assert scope.initial["available"] == ((3, 3),)
