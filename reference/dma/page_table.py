"""The page table: one entry for each page mapped, and nothing else to get wrong.

It answers what the tracker answers, with sets of pages where the tracker has ranges; so it is the tracker's oracle, and a
backend of its own where an address space is small and look-ups are many.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.effects import Effects, give_back, take
from tenure.reference.dma.mappings import Cut, Mapping, Refusal, Removal, part
from tenure.reference.dma.ranges import Range

MOST_PAGES = 1 << 24
"""A table has an entry a page; an address space of more pages wants the tracker."""


class PageTable:
    """An address space of few pages: a look-up costs the same however many mappings there are."""

    def __init__(self, bounds: Bounds | None = None, effects: Effects | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.effects = effects
        self._entries: dict[int, Mapping] = {}
        self._usable = self._pages_within(self.bounds.all_valid())

    def map(self, mapping: Mapping) -> Refusal | None:
        self.bounds.check_mapping(mapping)
        if not self.bounds.is_aligned(mapping):
            return Refusal.MISALIGNED
        pages = self._pages(mapping.range)
        if any(page in pages for page in self._entries):
            return Refusal.OCCUPIED
        if self.bounds.entries is not None and len(self) >= self.bounds.entries:
            return Refusal.FULL
        if not any(pages.start in usable and pages[-1] in usable for usable in self._usable):
            return Refusal.OUTSIDE
        if self.pages_held(mapping.owner) + len(pages) > self.bounds.pages.get(mapping.owner, MOST_PAGES):
            return Refusal.CHARGED
        if self.effects is not None:
            take(self.effects, mapping)
        self._entries.update(dict.fromkeys(pages, mapping))
        return None

    def unmap(self, request: Range, removal: Removal) -> tuple[Mapping, ...] | Refusal:
        self.bounds.check(request)
        asked = self._pages(request)
        if (asked.start << self.bounds.shift, asked.stop << self.bounds.shift) != (request.first, request.last + 1):
            return Refusal.MISALIGNED
        cuts: dict[Mapping, Cut] = {}
        for mapping in self.overlapping(request):
            cut = removal(mapping.range, request)
            if isinstance(cut, Refusal):
                return cut
            cuts[mapping] = cut
        return self._remove(cuts)

    def unmap_all(self) -> tuple[Mapping, ...]:
        found = tuple(self)
        if self.effects is not None:
            give_back(self.effects, found, -len(found))
        self._entries.clear()
        return found

    def set_valid(self, valid: tuple[Range, ...]) -> Refusal | None:
        usable = self._pages_within(self.bounds.checked_valid(valid))
        for mapping in self:
            pages = self._pages(mapping.range)
            if not any(pages.start in within and pages[-1] in within for within in usable):
                return Refusal.IN_USE
        self._usable = usable
        return None

    def at(self, byte: int) -> Mapping | None:
        return self._entries.get(byte >> self.bounds.shift)

    def overlapping(self, r: Range) -> tuple[Mapping, ...]:
        self.bounds.check(r)
        asked = self._pages(r)
        return tuple(dict.fromkeys(self._entries[page] for page in sorted(self._entries) if page in asked))

    def pages_held(self, owner: str) -> int:
        return sum(mapping.owner == owner for mapping in self._entries.values())

    def __iter__(self) -> Iterator[Mapping]:
        return iter(dict.fromkeys(self._entries[page] for page in sorted(self._entries)))

    def __len__(self) -> int:
        return len(set(self._entries.values()))

    def _remove(self, cuts: dict[Mapping, Cut]) -> tuple[Mapping, ...] | Refusal:
        """Clear the entries of what goes, and let those of what stays lead to their own part."""
        gone = tuple(part(mapping, cut.removed) for mapping, cut in cuts.items())
        kept = [part(mapping, r) for mapping, cut in cuts.items() for r in cut.kept]
        more = len(kept) - len(cuts)
        if self.bounds.entries is not None and len(self) + more > self.bounds.entries:
            return Refusal.FULL
        if self.effects is not None:
            give_back(self.effects, gone, more)
        for mapping in gone:
            for page in self._pages(mapping.range):
                del self._entries[page]
        for mapping in kept:
            self._entries.update(dict.fromkeys(self._pages(mapping.range), mapping))
        return gone

    def _pages(self, r: Range) -> range:
        """The numbers of the pages that hold a byte of a range."""
        return range(r.first >> self.bounds.shift, (r.last >> self.bounds.shift) + 1)

    def _pages_within(self, valid: tuple[Range, ...]) -> tuple[range, ...]:
        """The pages that lie within each valid range, with every byte."""
        page = 1 << self.bounds.shift
        within = tuple(range(-(-r.first // page), (r.last + 1) // page) for r in valid)
        if sum(len(pages) for pages in within) > MOST_PAGES:
            raise ValueError(f"more than {MOST_PAGES} pages are valid: a page table has an entry for each")
        return within
