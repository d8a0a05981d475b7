"""Memory that areas of IO address spaces share: pages objects, each of whose pages is pinned and charged once."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenure.reference.dma import Range


@dataclass(slots=True, eq=False)
class IoptPages:
    """A pages object (iopt_pages); it lives as long as an area or a call refers to it."""

    name: int
    writable: bool
    """It was made for writing."""
    number: int
    references: int = 0
    needed: list[int] = field(default_factory=list)
    """How many areas with a page table lead to each page."""
    pinned: list[bool] = field(default_factory=list)
    charged: list[int] = field(default_factory=list)
    """How often each page is charged."""

    def __post_init__(self) -> None:
        self.needed, self.pinned, self.charged = [0] * self.number, [False] * self.number, [0] * self.number

    def need(self, span: Range) -> None:
        """An area leads devices to these pages; those that were not pinned are, and charged (iopt_pages_update_pinned)."""
        for page in range(span.first, span.last + 1):
            self.needed[page] += 1
            if self.needed[page] == 1:
                self.pinned[page] = True
                self.charged[page] += 1

    def drop(self, span: Range) -> None:
        """An area leads devices there no more; what no other one needs is unpinned, and given back."""
        for page in range(span.first, span.last + 1):
            self.needed[page] -= 1
            if self.needed[page] == 0:
                self.pinned[page] = False
                self.charged[page] -= 1


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a pages object to which an area leads."""

    pages: IoptPages
    span: Range


class Memory:
    """The pages objects that are there, by name."""

    def __init__(self, number: int) -> None:
        self.number = number
        """How many pages one can have."""
        self.there: dict[int, IoptPages] = {}
        self.promised: set[int] = set()
        """The names of areas that copies under way are going to make."""

    def get(self, name: int, *, writable: bool) -> IoptPages:
        """One more reference to the pages object of this name, which is made if it is not there."""
        pages = self.there.setdefault(name, IoptPages(name, writable, self.number))
        pages.references += 1
        return pages

    def put(self, pages: IoptPages) -> None:
        """One reference less; with the last one goes the pages object (iopt_put_pages)."""
        pages.references -= 1
        if pages.references == 0:
            del self.there[pages.name]

    def forget(self) -> None:
        """There is nothing, and no call is under way."""
        self.there.clear()
        self.promised.clear()
