"""The places where the RFC's code went wrong, each with the way that was meant; and the defects, each by its name.

What was written is arithmetic of 64-bit words and 32-bit integers, on numbers that are no ranges: it is part of what is
shown here, and nothing else in this package computes so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tenure.reference.dma.ranges import Range, overlap
from tenure.reference.dma.rfc2011_memory import Due, each_page_each_time, each_page_once

WORD = 1 << 64
Overlap = Callable[[int, int, int, int], bool]


def as_word(value: int) -> int:
    """What an unsigned long of 64 bits keeps."""
    return value % WORD


def as_int(value: int) -> int:
    """What a signed int of 32 bits keeps."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def as_it_is(value: int) -> int:
    """All of it."""
    return value


def cut_to_32(value: int) -> int:
    """What an unsigned long of a 32-bit host keeps."""
    return value % (1 << 32)


def overlap_of_ranges(start: int, length: int, other: int, other_length: int) -> bool:
    """Some byte is in both; where one has none, none is."""
    if length <= 0 or other_length <= 0:
        return False
    return overlap(Range(start, start + (length - 1)), Range(other, other + (other_length - 1)))


def overlap_of_words(start: int, length: int, other: int, other_length: int) -> bool:
    """Neither ends before the other begins; but an end at the top is 0, and one beyond it is small."""
    return not (as_word(start + length) <= other or as_word(other + other_length) <= start)


def overlap_on_32_bits(start: int, length: int, other: int, other_length: int) -> bool:
    """What a 32-bit host compares: 4 GiB is 0."""
    return overlap_of_ranges(cut_to_32(start), cut_to_32(length), cut_to_32(other), cut_to_32(other_length))


@dataclass(frozen=True, slots=True)
class Ways:
    """How each thing is done; the defaults are what was meant."""

    overlap: Overlap = overlap_of_ranges
    neighbour: Overlap = overlap_of_ranges
    host: Callable[[int], int] | None = None
    count: Callable[[int], int] = as_it_is
    total: Callable[[int], int] = as_it_is
    loop: Callable[[int], int] = as_it_is
    due: Due = each_page_once
    for_write: bool = True
    tests_arguments: bool = True
    tests_map_wraps: bool = True
    tests_unmap_size: bool = True
    cuts_words: bool = False
    counts_bytes: bool = False
    frame_0_is_none: bool = False
    limits_all: bool = False
    records_last: bool = False
    copies_out_last: bool = False


MEANT = Ways()
WRAPPING = replace(MEANT, overlap=overlap_of_words, neighbour=overlap_of_words, cuts_words=True, loop=as_int)
"""The list's own arithmetic, which was exact as long as nothing wrapped; some defects meet it with what was not refused."""

DEFECTS: dict[str, Ways] = {
    "D-G1-01": replace(MEANT, overlap=overlap_of_words),
    "D-G1-02": replace(WRAPPING, tests_map_wraps=False, tests_unmap_size=False),
    "D-G1-03": replace(MEANT, counts_bytes=True),
    "D-G1-04": replace(MEANT, count=as_int),
    "D-G1-05": replace(MEANT, count=as_int),
    "D-G1-06": replace(MEANT, count=as_int, limits_all=True),
    "D-G1-07": replace(WRAPPING, tests_unmap_size=False),
    "D-G1-08": replace(WRAPPING, tests_unmap_size=False),
    "D-G1-09": replace(MEANT, frame_0_is_none=True),
    "D-G1-10": replace(MEANT, limits_all=True),
    "D-G1-11": replace(MEANT, due=each_page_each_time),
    "D-G1-16": replace(MEANT, records_last=True),
    "D-G1-17": replace(MEANT, host=cut_to_32, overlap=overlap_on_32_bits),
    "D-G1-26": replace(MEANT, for_write=False),
    "D-G1-27": replace(MEANT, tests_arguments=False),
    "D-G1-28": replace(MEANT, neighbour=overlap_of_words),
    "D-G1-29": replace(MEANT, total=as_int),
    "D-G1-30": replace(MEANT, loop=as_int),
    "D-G1-31": replace(MEANT, copies_out_last=True),
}
OF_INTEGERS = frozenset({"D-G1-04", "D-G1-05", "D-G1-06", "D-G1-17", "D-G1-29", "D-G1-30"})
"""Those that need more pages than an integer of 32 bits counts, or addresses that it cannot hold."""
OF_COPIES = frozenset({"D-G1-26"})
"""That of memory which is copied when it is written."""
AS_WRITTEN = replace(
    WRAPPING,
    count=as_int,
    total=as_int,
    due=each_page_each_time,
    for_write=False,
    tests_arguments=False,
    tests_map_wraps=False,
    tests_unmap_size=False,
    counts_bytes=True,
    frame_0_is_none=True,
    limits_all=True,
    records_last=True,
    copies_out_last=True,
)
"""All of them together, on a host of 64 bits."""
IN_3_6 = replace(MEANT, cuts_words=True, tests_unmap_size=False)
"""The list that was merged, as far as its cut goes: its look-up no longer wraps, and so meets ends that the cut still does."""
