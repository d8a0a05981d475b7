"""Type1 against the page table: requests in every small state, and every two ranges between the edges of 64 bits."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import pytest

from tenure.reference.dma import Access, Bounds, Mapping, PageTable, Range, Refusal, Shift, Width, covering
from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.processes import Process
from tenure.reference.dma.type1 import Flags, Type1
from tenure.reference.dma.type1_unmap import from_its_start

PAGE = 0x1000
RW = Flags.READ | Flags.WRITE


def held(made: Type1) -> list[Range]:
    """What is mapped."""
    return [mapping.range for mapping in made.container.space]


def small_states() -> list[list[Range]]:
    """Every state of at most two mappings of whole pages, of eight, that can be asked for by a size."""
    ranges = [Range(2 * a, 2 * b + 1) for a, b in combinations_with_replacement(range(8), 2) if (a, b) != (0, 7)]
    return [[], *([r] for r in ranges), *([a, b] for a, b in product(ranges, repeat=2) if a.last < b.first)]


def test_requests_in_every_small_state_are_answered_as_the_page_table_and_a_few_lines_have_it() -> None:
    """Each where at most one is mapped, every second one where two are: version 2 is the page table's `covering`; version 1 in three lines."""
    bounds = Bounds(Width(4), Width(6), Shift(1))
    who = Process("p0", bounds=Bounds(Width(6), Width(6), Shift(0)))
    requests = [Range(2 * a, 2 * b + 1) for a, b in combinations_with_replacement(range(8), 2)]
    for state, request in ((held_there, r) for held_there in small_states() for r in requests[:: len(held_there) or 1]):
        one, two, table = Type1(v2=False, bounds=bounds), Type1(bounds=bounds), PageTable(bounds)
        for r in state:
            answers = [made.map_dma(who, r.first, 0, r.last - r.first + 1, RW) for made in (one, two)]
            assert answers == [None, None]
            assert table.map(made_mapping(two, r)) is None
        asked = (0, 0, Flags.ALL) if request == Range(0, 15) else (request.first, total([request]))

        gone = table.unmap(request, covering)
        answer = Errno.EINVAL if isinstance(gone, Refusal) else total([mapping.range for mapping in gone])
        assert two.unmap_dma(*asked) == answer
        assert held(two) == [mapping.range for mapping in table]

        hit = [r for r in state if any(byte in r for byte in range(request.first, request.last + 1))]
        gone_whole = [] if any(request.first > r.first for r in hit) else hit
        assert one.unmap_dma(*asked) == total(gone_whole)
        assert held(one) == [r for r in state if r not in gone_whole]


def made_mapping(made: Type1, r: Range) -> Mapping:
    """The mapping of this range."""
    return made.container.dmas[r.first].mapping()


def total(ranges: list[Range]) -> int:
    """How many bytes."""
    return sum(r.last - r.first + 1 for r in ranges)


EDGES = (0, PAGE, 2 * PAGE, 1 << 32, 1 << 63, (1 << 64) - PAGE, (1 << 64))


@pytest.mark.parametrize("v2", [False, True])
def test_the_edges_at_full_width_are_as_their_numbers(v2: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Every two ranges between edges of 64 bits, and unmaps of others, as a page table of six pages has it."""
    numbers = [Range(a, b) for a, b in combinations_with_replacement(range(6), 2) if (a, b) != (0, 5)]
    rule = covering if v2 else from_its_start
    who = Process("p0")
    for a, b, request in product(numbers, numbers[::2], numbers[::3]):
        made, table = Type1(v2=v2), PageTable(Bounds(Width(3), Width(3), Shift(0)))
        for r in (a, b):
            refusal = table.map(Mapping(r, 0, Access.READ, "p0"))
            answer = made.map_dma(who, EDGES[r.first], 0, EDGES[r.last + 1] - EDGES[r.first], Flags.READ)
            assert answer is (None if refusal is None else Errno.EEXIST)
        gone = table.unmap(request, rule)
        refused = Errno.EINVAL if v2 else 0
        bytes_gone = refused if isinstance(gone, Refusal) else sum(bytes_between(one.range) for one in gone)
        assert made.unmap_dma(EDGES[request.first], bytes_between(request)) == bytes_gone
        assert [r.first for r in held(made)] == [EDGES[one.range.first] for one in table]


def bytes_between(numbers: Range) -> int:
    """From one edge to before another."""
    return EDGES[numbers.last + 1] - EDGES[numbers.first]
