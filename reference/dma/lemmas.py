"""What the arithmetic owes: sentences about an arbitrary byte, true for all ranges, named by what they say.

Each is an ordinary function that answers True. Its parameters are read as "for every": a Range has `first <= last`, an
integer is any that an address could hold, a Shift is below the width of an address. Python runs them on numbers (the tests
do, on the edges of 64 bits); `tenure.prover` proves them for all, by CrossHair and over bit-vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from tenure.reference.dma.pages import (
    Shift,
    bytes_of,
    first_byte,
    is_aligned,
    is_page_aligned,
    last_byte,
    page_count,
    page_of,
    pages,
)
from tenure.reference.dma.ranges import (
    Range,
    across,
    covers,
    intersection,
    is_adjacent,
    join,
    overlap,
    size,
    split,
    without,
)
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.widths import Malformed, Width, from_size, narrowed, top


def ranges_that_share_a_byte_overlap(a: Range, b: Range, byte: int) -> bool:
    """A byte in both is enough."""
    return not (byte in a and byte in b) or overlap(a, b)


def ranges_that_overlap_share_a_byte(a: Range, b: Range) -> bool:
    """The higher of the two first bytes is in both."""
    shared = max(a.first, b.first)
    return not overlap(a, b) or (shared in a and shared in b)


def what_covers_a_range_holds_each_of_its_bytes(outer: Range, inner: Range, byte: int) -> bool:
    """No byte of the inner range is missing."""
    return not (covers(outer, inner) and byte in inner) or byte in outer


def what_holds_both_ends_covers(outer: Range, inner: Range) -> bool:
    """Ranges have no holes, so the ends are enough."""
    return covers(outer, inner) == (inner.first in outer and inner.last in outer)


def the_intersection_holds_what_both_hold(a: Range, b: Range, byte: int) -> bool:
    """No byte more, and none less; and there is one exactly where there is such a byte."""
    return holds(byte, some(intersection(a, b))) == (byte in a and byte in b)


def the_intersection_is_a_range(a: Range, b: Range) -> bool:
    """It is never empty, and within both."""
    return all(r.first <= r.last and covers(a, r) and covers(b, r) for r in some(intersection(a, b)))


def what_is_left_is_what_was_there_and_not_cut(r: Range, hole: Range, byte: int) -> bool:
    """A byte is left exactly where it was in the range and is not in the hole."""
    return holds(byte, without(r, hole)) == (byte in r and byte not in hole)


def what_is_left_is_ranges_in_order(r: Range, hole: Range) -> bool:
    """None is empty, and the hole lies between two."""
    return in_order(without(r, hole))


def a_cut_keeps_every_byte_accounted_for(r: Range, hole: Range) -> bool:
    """What is left and what was cut add up to what was there."""
    left = without(r, hole)
    cut = some(intersection(r, hole))
    return total(left) + total(cut) == size(r)


def an_unmap_that_splits_takes_what_was_asked_and_keeps_the_rest(mapping: Range, request: Range, byte: int) -> bool:
    """Of a mapping that it overlaps: each byte goes or stays, and none does both."""
    if not overlap(mapping, request):
        return True
    removed, kept = splitting(mapping, request)
    gone = byte in mapping and byte in request
    return (byte in removed) == gone and holds(byte, kept) == (byte in mapping and not gone)


def a_split_loses_no_byte_and_invents_none(r: Range, at: int, byte: int) -> bool:
    """A byte is in a part exactly where it was in the whole."""
    return holds(byte, split(r, at)) == (byte in r)


def a_split_gives_ranges_in_order(r: Range, at: int) -> bool:
    """None is empty, and no byte is in two."""
    return in_order(split(r, at))


def a_split_ends_before_the_byte_and_begins_at_it(r: Range, at: int) -> bool:
    """No part holds both the byte and the one before it."""
    return at == 0 or all(not (at - 1 in part and at in part) for part in split(r, at))


def a_split_joins_again(r: Range, at: int) -> bool:
    """The parts are adjacent, and together they are the whole."""
    parts = split(r, at)
    return parts == (r,) or (is_adjacent(*parts) and join(*parts) == r)


def between_adjacent_ranges_is_no_byte(a: Range, b: Range, byte: int) -> bool:
    """A byte above the one is not below the other, and none is in both."""
    if not is_adjacent(a, b):
        return True
    return not (overlap(a, b) or a.last < byte < b.first or b.last < byte < a.first)


def between_ranges_that_are_apart_is_a_byte(a: Range, b: Range) -> bool:
    """The byte after the lower one is in neither."""
    if overlap(a, b) or is_adjacent(a, b):
        return True
    after = min(a.last, b.last) + 1
    return after not in a and after not in b and (a.first < after < b.first or b.first < after < a.first)


def a_join_holds_what_either_holds(a: Range, b: Range, byte: int) -> bool:
    """No byte more, and none less."""
    return all((byte in joined) == (byte in a or byte in b) for joined in some(join(a, b)))


def only_a_hole_prevents_a_join(a: Range, b: Range) -> bool:
    """Ranges that overlap or are adjacent join, others do not."""
    return bool(some(join(a, b))) == (overlap(a, b) or is_adjacent(a, b))


def a_size_counts_the_bytes(r: Range) -> bool:
    """Counted from the first byte, the last has the number size minus one."""
    return size(r) >= 1 and r.first + (size(r) - 1) == r.last


def a_byte_leads_as_far_from_the_target_as_it_is_from_the_first(r: Range, target: int, byte: int, width: Width) -> bool:
    """To an address, where the last byte leads to one; so a part leads where the whole did, from where its first byte led."""
    if r.last - r.first > top(width) or target > top(width) - (r.last - r.first) or byte not in r:
        return True
    led = across(r, target, byte)
    return led <= top(width) and led - target == byte - r.first


def a_page_begins_at_or_below_its_bytes(byte: int, shift: Shift) -> bool:
    """Every byte is in its page, and a page is no longer than its size."""
    page = page_of(byte, shift)
    begin, end = first_byte(page, shift), last_byte(page, shift)
    return begin <= byte <= end and end - begin == (1 << shift) - 1


def a_byte_between_the_ends_of_a_page_is_in_it(page: int, byte: int, shift: Shift, width: Width) -> bool:
    """Both directions: the pages divide the bytes among them."""
    if page > page_of(top(width), shift):
        return True
    return (first_byte(page, shift) <= byte <= last_byte(page, shift)) == (page_of(byte, shift) == page)


def an_aligned_address_begins_its_page(byte: int, shift: Shift) -> bool:
    """No other byte of the page is aligned."""
    return is_aligned(byte, shift) == (byte == first_byte(page_of(byte, shift), shift))


def aligned_ends_make_whole_pages(r: Range, byte: int, shift: Shift) -> bool:
    """A range of whole pages holds a byte exactly where it touches that byte's page."""
    if not is_page_aligned(r, shift):
        return True
    return (byte in r) == (page_of(byte, shift) in pages(r, shift))


def a_range_touches_the_pages_of_its_bytes(r: Range, byte: int, shift: Shift) -> bool:
    """The page of each of its bytes is among its pages."""
    return byte not in r or page_of(byte, shift) in pages(r, shift)


def each_page_touched_holds_a_byte_of_the_range(r: Range, byte: int, shift: Shift) -> bool:
    """Read `byte` as any byte of the page: the range's byte nearest to it is in that page."""
    page = page_of(byte, shift)
    if page not in pages(r, shift):
        return True
    nearest = max(r.first, min(byte, r.last))
    return nearest in r and page_of(nearest, shift) == page


def the_bytes_of_pages_are_those_in_them(r: Range, byte: int, shift: Shift) -> bool:
    """A byte is among the bytes of the pages that a range touches exactly where its page is among those."""
    return (byte in bytes_of(pages(r, shift), shift)) == (page_of(byte, shift) in pages(r, shift))


def the_pages_of_a_range_are_whole_and_cover_it(r: Range, shift: Shift) -> bool:
    """Taken outward, to whole pages, a range loses no byte."""
    whole = bytes_of(pages(r, shift), shift)
    return covers(whole, r) and is_page_aligned(whole, shift)


def a_page_count_is_the_size_of_the_page_numbers(r: Range, shift: Shift) -> bool:
    """As many as there are numbers from the first page to the last."""
    return page_count(r, shift) == size(pages(r, shift))


def one_page_has_its_bytes(byte: int, shift: Shift) -> bool:
    """A page has two to the power `shift` bytes and counts one; what parts add up to is in the next two."""
    page = page_of(byte, shift)
    whole = bytes_of(Range(page, page), shift)
    return size(whole) == 1 << shift and page_count(whole, shift) == 1


def bytes_of_parts_add_up(r: Range, at: int) -> bool:
    """Split anywhere, the parts have as many bytes as the whole."""
    return total(split(r, at)) == size(r)


def pages_of_parts_add_up(r: Range, at: int, shift: Shift) -> bool:
    """Split where a page begins, the parts have as many pages as the whole: what was charged can be given back in parts."""
    if not is_aligned(at, shift):
        return True
    return sum(page_count(part, shift) for part in split(r, at)) == page_count(r, shift)


def a_byte_is_in_what_was_asked_for_exactly_if_it_is_that_far(
    address: int, length: int, byte: int, width: Width
) -> bool:
    """The range of an address and a size holds the bytes from the address on that are nearer than the size, and no other."""
    asked = from_size(address, length, width)
    return isinstance(asked, Malformed) or (byte in asked) == (byte >= address and byte - address < length)


def an_address_and_a_size_make_a_range_within_the_width(address: int, length: int, width: Width) -> bool:
    """It begins at the address, has the size, and ends within the address space."""
    asked = from_size(address, length, width)
    return isinstance(asked, Malformed) or (
        asked.first == address and size(asked) == length and asked.first <= asked.last <= top(width)
    )


def only_what_is_no_range_is_refused(address: int, length: int, width: Width) -> bool:
    """And for the reason that is given: too many bits, no byte, or a last byte beyond the top."""
    end = top(width)
    asked = from_size(address, length, width)
    if address > end or length > end:
        return asked is Malformed.TOO_WIDE
    if length == 0:
        return asked is Malformed.EMPTY
    return (asked is Malformed.WRAPS) == (address > end - (length - 1))


def a_narrow_side_sees_the_same_bytes_or_none(r: Range, byte: int, width: Width) -> bool:
    """What is handed over is not another range, and fits."""
    return all((byte in n) == (byte in r) and n.first <= n.last <= top(width) for n in some(narrowed(r, width)))


def only_what_does_not_fit_is_kept_from_a_narrow_side(r: Range, width: Width) -> bool:
    """Every range whose last byte has an address there is handed over."""
    return bool(some(narrowed(r, width))) == (r.last <= top(width))


def a_page_count_fits_an_address(r: Range, shift: Shift) -> bool:
    """For pages of two bytes and more, even a whole address space has no more pages than the width can count."""
    return shift == 0 or page_count(r, shift) >= 1


def some(one: Range | None) -> tuple[Range, ...]:
    """One range, or none."""
    return () if one is None else (one,)


def holds(byte: int, ranges: tuple[Range, ...]) -> bool:
    """The byte is in one of them."""
    return any(byte in r for r in ranges)


def total(ranges: tuple[Range, ...]) -> int:
    """The bytes of all of them together."""
    return sum(size(r) for r in ranges)


def in_order(ranges: tuple[Range, ...]) -> bool:
    """None is empty, and each ends before the next begins."""
    return all(r.first <= r.last for r in ranges) and all(a.last < b.first for a, b in pairwise(ranges))


Lemma = Callable[..., bool]

LEMMAS: tuple[Lemma, ...] = (
    ranges_that_share_a_byte_overlap,
    ranges_that_overlap_share_a_byte,
    what_covers_a_range_holds_each_of_its_bytes,
    what_holds_both_ends_covers,
    the_intersection_holds_what_both_hold,
    the_intersection_is_a_range,
    what_is_left_is_what_was_there_and_not_cut,
    what_is_left_is_ranges_in_order,
    an_unmap_that_splits_takes_what_was_asked_and_keeps_the_rest,
    a_split_loses_no_byte_and_invents_none,
    a_split_gives_ranges_in_order,
    a_split_ends_before_the_byte_and_begins_at_it,
    a_split_joins_again,
    between_adjacent_ranges_is_no_byte,
    between_ranges_that_are_apart_is_a_byte,
    a_join_holds_what_either_holds,
    only_a_hole_prevents_a_join,
    a_byte_leads_as_far_from_the_target_as_it_is_from_the_first,
    a_page_begins_at_or_below_its_bytes,
    a_byte_between_the_ends_of_a_page_is_in_it,
    an_aligned_address_begins_its_page,
    aligned_ends_make_whole_pages,
    a_range_touches_the_pages_of_its_bytes,
    each_page_touched_holds_a_byte_of_the_range,
    the_bytes_of_pages_are_those_in_them,
    the_pages_of_a_range_are_whole_and_cover_it,
    a_page_count_fits_an_address,
    a_byte_is_in_what_was_asked_for_exactly_if_it_is_that_far,
    only_what_is_no_range_is_refused,
    a_narrow_side_sees_the_same_bytes_or_none,
    only_what_does_not_fit_is_kept_from_a_narrow_side,
)
"""True in words of the width of an address: no sum and no difference on the way to the answer wraps."""

COUNTING: tuple[Lemma, ...] = (
    a_cut_keeps_every_byte_accounted_for,
    a_size_counts_the_bytes,
    a_page_count_is_the_size_of_the_page_numbers,
    one_page_has_its_bytes,
    bytes_of_parts_add_up,
    pages_of_parts_add_up,
    an_address_and_a_size_make_a_range_within_the_width,
)
"""True in words of one bit more: the bytes of a whole address space are one more than its width can count."""
