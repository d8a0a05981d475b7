"""The places where the code of the RFC of November 2011 went wrong, each with the way that was meant.

`dma_rfc2011` is one text for all of them. A defect is a single value here that is another than meant.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tenure.models.dma_type1 import first, last, overlaps, position, within
from tenure.vocabulary.objects import ADDRESS
from tenure.vocabulary.symbols import fixed
from tenure.vocabulary.terms import TRUE, Term, both, either, no, when
from tenure.vocabulary.types import COUNT

after = fixed(
    "after", ADDRESS, ADDRESS, meaning="the address that comes next; after the top one the lowest, as words count"
)


top = fixed("top", COUNT, meaning="the number of the top address")


@dataclass(frozen=True, slots=True)
class Asked:
    """A range that is asked for, and the address after it: where nothing is asked for, that is the first one itself."""

    low: Term
    high: Term
    beyond: Term


def overlap_of_ranges(mapping: Term, asked: Asked) -> Term:
    """Some address is in both."""
    return overlaps(mapping, asked.low, asked.high)


def overlap_of_words(mapping: Term, asked: Asked) -> Term:
    """Neither ends before the other begins; but the end of what reaches the top is 0."""
    end = position[after[last[mapping]]]
    return no(either(end <= position[asked.low], position[asked.beyond] <= position[first[mapping]]))


def exceeds(mapping: Term, asked: Asked) -> Term:
    """A part of the mapping is above the range."""
    return position[asked.high] < position[last[mapping]]


def exceeds_in_words(mapping: Term, asked: Asked) -> Term:
    """The same by ends, of which that at the top is 0."""
    return position[asked.beyond] < position[after[last[mapping]]]


def in_range(address: Term, asked: Asked) -> Term:
    """The address is in the range."""
    return within(address, asked.low, asked.high)


def in_words(address: Term, asked: Asked) -> Term:
    """The same for a range that may go on at 0, and for none."""
    low, high, one = position[asked.low], position[asked.high], position[address]
    wraps = both(high < low, either(low <= one, one <= high))
    return both(no(asked.beyond == asked.low), either(in_range(address, asked), wraps))


def size_of(mapping: Term) -> Term:
    """How many addresses the mapping has."""
    return position[last[mapping]] - position[first[mapping]] + 1


def size_in_words(mapping: Term) -> Term:
    """The same of a mapping that may go on at 0."""
    return when(position[last[mapping]] < position[first[mapping]], size_of(mapping) + top.now + 1, size_of(mapping))


def met_everywhere(mapping: Term, address: Term) -> Term:
    """Coalescing finds every mapping that has the address."""
    del mapping, address
    return TRUE


def met_below_the_top(mapping: Term, address: Term) -> Term:
    """It finds none that reaches the top, for that ends at 0."""
    return position[address] < position[after[last[mapping]]]


@dataclass(frozen=True, slots=True)
class Ways:
    """How each thing is done; the defaults are what was meant."""

    overlap: Callable[[Term, Asked], Term] = overlap_of_ranges
    exceeds: Callable[[Term, Asked], Term] = exceeds
    spans: Callable[[Term, Asked], Term] = in_range
    size: Callable[[Term], Term] = size_of
    meets: Callable[[Term, Term], Term] = met_everywhere
    tests_arguments: bool = True
    tests_map_wraps: bool = True
    tests_unmap_size: bool = True
    counts_bytes: bool = False
    frame_0_is_none: bool = False
    limits_all: bool = False
    charges_once: bool = True
    records_last: bool = False
    copies_out_last: bool = False

    @property
    def loses_translations(self) -> bool:
        """The domain may be seen to lead somewhere where the list finds nothing: only then does its test before a map refuse any."""
        return self.overlap is not overlap_of_ranges


MEANT = Ways()


WRAPPING = Ways(
    overlap=overlap_of_words,
    exceeds=exceeds_in_words,
    spans=in_words,
    size=size_in_words,
    meets=met_below_the_top,
    tests_unmap_size=False,
)
"""The list's own arithmetic, right as long as nothing wraps; and an unmap tests no size before it."""

DEFECTS: dict[str, Ways] = {
    "D-G1-01": Ways(overlap=overlap_of_words),
    "D-G1-02": replace(WRAPPING, tests_map_wraps=False),
    "D-G1-03": Ways(counts_bytes=True),
    "D-G1-07": WRAPPING,
    "D-G1-08": WRAPPING,
    "D-G1-09": Ways(frame_0_is_none=True),
    "D-G1-10": Ways(limits_all=True),
    "D-G1-11": Ways(charges_once=False),
    "D-G1-16": Ways(records_last=True),
    "D-G1-27": Ways(tests_arguments=False),
    "D-G1-28": Ways(meets=met_below_the_top),
    "D-G1-31": Ways(copies_out_last=True),
}
"""Those that an order of addresses can show; the others are arithmetic of words and integers, and told in docs/ranges.md."""

__all__ = ["DEFECTS", "MEANT", "Asked", "Ways", "after"]
