"""Bytes and pages: a page has two to the power `shift` bytes, and alignment is by shift, never by mask or remainder."""

from __future__ import annotations

from typing import NewType

from tenure.reference.dma.ranges import Range

Shift = NewType("Shift", int)
"""The binary logarithm of a page's size, below the width of an address: 12 for 4 KiB."""


def page_of(byte: int, shift: Shift) -> int:
    """The number of the page that holds this byte."""
    return byte >> shift


def first_byte(page: int, shift: Shift) -> int:
    """The first byte of a page."""
    return page << shift


def last_byte(page: int, shift: Shift) -> int:
    """The last byte of a page: of the top page too, whose end is no address."""
    return (page << shift) + ((1 << shift) - 1)


def is_aligned(value: int, shift: Shift) -> bool:
    """An address at which a page begins, or a number of bytes that whole pages have."""
    return value == (value >> shift) << shift


def is_page_aligned(r: Range, shift: Shift) -> bool:
    """A range of whole pages."""
    return r.first == first_byte(page_of(r.first, shift), shift) and r.last == last_byte(page_of(r.last, shift), shift)


def pages(r: Range, shift: Shift) -> Range:
    """The numbers of the pages that hold a byte of `r`."""
    return Range(page_of(r.first, shift), page_of(r.last, shift))


def bytes_of(numbers: Range, shift: Shift) -> Range:
    """The bytes of the pages of these numbers."""
    return Range(first_byte(numbers.first, shift), last_byte(numbers.last, shift))


def page_count(r: Range, shift: Shift) -> int:
    """How many pages hold a byte of `r`."""
    return page_of(r.last, shift) - page_of(r.first, shift) + 1
