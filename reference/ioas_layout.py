"""What never changes of the addresses of iommufds: which may be chosen, where pages begin, which of them devices reserve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Range
from tenure.reference.dma.coalescing import ranges_of
from tenure.vocabulary.objects import ADDRESS, DEVICE


@dataclass(frozen=True, slots=True)
class Layout:
    """Ranges of addresses, in order and in as few as can be; of devices, by number."""

    choosable: tuple[Range, ...]
    begins_page: tuple[bool, ...]
    ends_page: tuple[bool, ...]
    reserved: tuple[tuple[Range, ...], ...]

    def is_whole(self, r: Range) -> bool:
        """The range begins with a page and ends with one (iopt_check_iova_alignment)."""
        return self.begins_page[r.first] and self.ends_page[r.last]


def layout_of(configuration: Configuration) -> Layout:
    """Where nothing is said of pages, each address is one."""
    addresses, devices = configuration.number(ADDRESS), configuration.number(DEVICE)
    begins_page = configuration.begins_page or (True,) * addresses
    rows = (configuration.reserves[d * addresses : (d + 1) * addresses] for d in range(devices))
    return Layout(
        ranges_of(configuration.may_be_chosen),
        begins_page,
        ends_of_pages(begins_page),
        tuple(ranges_of(row) for row in rows),
    )


def ends_of_pages(begins_page: Sequence[bool]) -> tuple[bool, ...]:
    """Where pages end: before the next one begins, and at the top."""
    return (*begins_page[1:], True) if begins_page else ()
