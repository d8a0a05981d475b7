"""The arithmetic on numbers: every pair of ranges of a few bits against plain sets, and the edges at full width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from inspect import signature
from itertools import combinations_with_replacement, product

import pytest

from tenure.reference.dma import (
    Cut,
    Malformed,
    Range,
    Refusal,
    Shift,
    Width,
    bytes_of,
    covering,
    covers,
    exact,
    from_size,
    intersection,
    is_adjacent,
    is_page_aligned,
    join,
    narrowed,
    overlap,
    page_count,
    pages,
    size,
    split,
    splitting,
    top,
    without,
)
from tenure.reference.dma.lemmas import COUNTING, LEMMAS, Lemma

WIDTHS = (4, 5, 6) if "TENURE_DMA_FULL" in os.environ else (4, 5)
"""How many bits every pair of ranges is tried with; `make dma-full` goes up to 6."""

EDGES = (0, 1, 0xFFF, 0x1000, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 0x1000, (1 << 64) - 1)


def every_range(width: int) -> list[Range]:
    """All of them."""
    return [Range(first, last) for first, last in combinations_with_replacement(range(1 << width), 2)]


def as_set(*ranges: Range) -> int:
    """A set of bytes, as the bits of an integer: no arithmetic of ours."""
    return sum(((1 << (last + 1)) - 1) & ~((1 << first) - 1) for first, last in ranges)


def some(r: Range | None) -> tuple[Range, ...]:
    """One range, or none."""
    return () if r is None else (r,)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_pair_of_ranges_is_as_its_sets_of_bytes(width: int) -> None:
    """Overlap, containment, intersection, cut, adjacency and join are those of sets."""
    sets = {r: as_set(r) for r in every_range(width)}
    contiguous = set(sets.values())

    for (a, in_a), (b, in_b) in product(sets.items(), repeat=2):
        both, either = in_a & in_b, in_a | in_b
        assert overlap(a, b) == (both != 0)
        assert covers(a, b) == (both == in_b)
        assert as_set(*some(intersection(a, b))) == both
        assert as_set(*without(a, b)) == in_a & ~in_b
        assert is_adjacent(a, b) == (both == 0 and either in contiguous)
        assert as_set(*some(join(a, b))) == (either if either in contiguous else 0)


def test_every_mapping_is_unmapped_by_each_rule_as_its_set_of_bytes() -> None:
    """Exact and covering take a mapping whole or not at all; splitting takes what was asked."""
    for mapping, request in product(every_range(4), repeat=2):
        mapped, asked = as_set(mapping), as_set(request)
        if mapped & asked:
            assert exact(mapping, request) == (Cut(mapping, ()) if mapped == asked else Refusal.BISECTED)
            assert covering(mapping, request) == (Cut(mapping, ()) if not mapped & ~asked else Refusal.BISECTED)
            removed, kept = splitting(mapping, request)
            assert (as_set(removed), as_set(*kept)) == (mapped & asked, mapped & ~asked)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_range_splits_at_every_byte(width: int) -> None:
    """Two parts where both have a byte, and the whole otherwise."""
    for r, at in product(every_range(width), range(1 << width)):
        parts = split(r, at)
        assert as_set(*parts) == as_set(r)
        assert len(parts) == (2 if r.first < at <= r.last else 1)
        assert size(r) == as_set(r).bit_count() == sum(map(size, parts))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_range_has_the_pages_of_its_bytes(width: int) -> None:
    """Pages are counted as sets of page numbers."""
    for r, shift in product(every_range(width), range(width)):
        touched = {byte >> shift for byte in range(r.first, r.last + 1)}
        whole = {byte for byte in range(1 << width) if byte >> shift in touched}
        found = pages(r, Shift(shift))
        assert set(range(found.first, found.last + 1)) == touched
        assert page_count(r, Shift(shift)) == len(touched)
        assert as_set(bytes_of(found, Shift(shift))) == sum(1 << byte for byte in whole)
        assert is_page_aligned(r, Shift(shift)) == (size(r) == len(whole))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_address_and_size_is_a_range_or_refused_with_its_reason(width: int) -> None:
    """Two bits more than an address has are tried for both."""
    space = range(1 << width)
    for address, length in product(range(4 << width), repeat=2):
        asked = from_size(address, length, Width(width))
        bytes_asked = range(address, address + length)
        if address not in space or length not in space:
            assert asked is Malformed.TOO_WIDE
        elif not bytes_asked:
            assert asked is Malformed.EMPTY
        elif bytes_asked[-1] not in space:
            assert asked is Malformed.WRAPS
        else:
            assert asked == (bytes_asked[0], bytes_asked[-1])


def test_a_range_of_a_wide_bus_is_not_cut_for_a_narrow_host() -> None:
    """D-G1-17: the page at 4 GiB is not the page at 0, and 4 GiB and a page are not a page."""
    assert narrowed(Range(0x1_0000_0000, 0x1_0000_0FFF), Width(32)) is None
    assert narrowed(Range(0xFFFF_F000, 0xFFFF_FFFF), Width(32)) == Range(0xFFFF_F000, 0xFFFF_FFFF)
    assert from_size(0x1_0000_0000, 0x1000, Width(32)) is Malformed.TOO_WIDE
    assert from_size(0, 0x1_0000_1000, Width(32)) is Malformed.TOO_WIDE


@pytest.mark.parametrize(("address", "length"), [(-1, 1), (0, -1), (-1, 0), (-1, 2), (4, -4), (-(1 << 64), 1 << 64)])
def test_an_address_or_a_size_below_zero_is_an_error(address: int, length: int) -> None:
    """It is unsigned where it comes from, so somebody has made a mistake before; no range and no refusal hides it."""
    with pytest.raises(ValueError, match="never negative"):
        from_size(address, length, Width(64))


def test_the_last_byte_of_an_address_space_is_a_byte_like_any_other() -> None:
    """The top page is a range; one byte more wraps."""
    assert from_size((1 << 64) - 0x1000, 0x1000, Width(64)) == Range((1 << 64) - 0x1000, (1 << 64) - 1)
    assert from_size((1 << 64) - 0x1000, 0x1001, Width(64)) is Malformed.WRAPS
    assert without(Range(0, (1 << 64) - 1), Range(0, (1 << 64) - 2)) == (Range((1 << 64) - 1, (1 << 64) - 1),)


def test_membership_is_of_bytes() -> None:
    """A range is a tuple of two numbers, but what is in it are bytes."""
    assert 5 in Range(3, 7)
    assert 8 not in Range(3, 7)


@pytest.mark.parametrize("lemma", [*LEMMAS, *COUNTING])
def test_each_lemma_holds_on_the_edges_at_full_width(lemma: Lemma) -> None:
    """What is proved is also run, on plain integers."""
    assert all(lemma(*arguments) for arguments in product(*arguments_on_edges(lemma)))


def arguments_on_edges(lemma: Lemma) -> Iterator[list[Range] | list[int]]:
    """For each parameter, what it may be on the edges."""
    for parameter in signature(lemma, eval_str=True).parameters.values():
        if parameter.annotation is Range:
            yield [Range(first, last) for first, last in combinations_with_replacement(EDGES, 2)]
        elif parameter.annotation is Shift:
            yield [0, 12, 63]
        elif parameter.annotation is Width:
            yield [32, 64]
        else:
            yield list(EDGES)


def test_the_top_of_a_width_is_its_last_byte() -> None:
    """All ones."""
    assert [top(Width(width)) for width in (1, 32, 64)] == [1, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF]
