"""The tracker: mappings in an ordered map of ranges that never overlap.

Because they never do, one look-up finds any overlap: of all mappings that begin at or below the last byte asked for, the
highest also ends highest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter

from sortedcontainers import SortedKeyList

from tenure.reference.dma.bounds import Bounds
from tenure.reference.dma.effects import Effects, give_back, take
from tenure.reference.dma.mappings import Cut, Mapping, Refusal, Removal, part
from tenure.reference.dma.pages import is_page_aligned, page_count
from tenure.reference.dma.ranges import Range, covers

FIRST = attrgetter("range.first")
"""The order of mappings is that of their first bytes."""


class Tracker:
    """An address space for any number of mappings of any size: a call costs the logarithm of their number."""

    def __init__(self, bounds: Bounds | None = None, effects: Effects | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.effects = effects
        self._valid = self.bounds.all_valid()
        self._mappings: SortedKeyList[Mapping] = SortedKeyList(key=FIRST)
        self._held: Counter[str] = Counter()

    def map(self, mapping: Mapping) -> Refusal | None:
        self.bounds.check_mapping(mapping)
        refusal = self.refusal(mapping)
        if refusal is not None:
            return refusal
        if self.effects is not None:
            take(self.effects, mapping)
        self._mappings.add(mapping)
        self._held[mapping.owner] += page_count(mapping.range, self.bounds.shift)
        return None

    def refusal(self, mapping: Mapping) -> Refusal | None:
        """The first reason not to map this, if there is one."""
        bounds, r = self.bounds, mapping.range
        if not bounds.is_aligned(mapping):
            return Refusal.MISALIGNED
        highest = self._highest_from(r.last)
        if highest is not None and r.first <= highest.range.last:
            return Refusal.OCCUPIED
        if bounds.entries is not None and len(self._mappings) >= bounds.entries:
            return Refusal.FULL
        if not _is_in_one(r, self._valid):
            return Refusal.OUTSIDE
        limit = bounds.pages.get(mapping.owner)
        if limit is not None and self._held[mapping.owner] + page_count(r, bounds.shift) > limit:
            return Refusal.CHARGED
        return None

    def unmap(self, request: Range, removal: Removal) -> tuple[Mapping, ...] | Refusal:
        found = self.overlapping(request)
        if not is_page_aligned(request, self.bounds.shift):
            return Refusal.MISALIGNED
        cuts = []
        for mapping in found:
            cut = removal(mapping.range, request)
            if isinstance(cut, Refusal):
                return cut
            cuts.append((mapping, cut))
        return self._remove(cuts)

    def unmap_all(self) -> tuple[Mapping, ...]:
        found = tuple(self)
        if self.effects is not None:
            give_back(self.effects, found, -len(found))
        self._mappings.clear()
        self._held.clear()
        return found

    def set_valid(self, valid: tuple[Range, ...]) -> Refusal | None:
        self.bounds.checked_valid(valid)
        if not all(_is_in_one(mapping.range, valid) for mapping in self):
            return Refusal.IN_USE
        self._valid = valid
        return None

    def at(self, byte: int) -> Mapping | None:
        below = self._highest_from(byte)
        return below if below is not None and byte in below.range else None

    def overlapping(self, r: Range) -> tuple[Mapping, ...]:
        self.bounds.check(r)
        reaching = self.at(r.first)
        start = r.first if reaching is None else reaching.range.first
        return tuple(self._mappings.irange_key(start, r.last))

    def pages_held(self, owner: str) -> int:
        return self._held[owner]

    def __iter__(self) -> Iterator[Mapping]:
        return iter(self._mappings)

    def __len__(self) -> int:
        return len(self._mappings)

    def _remove(self, cuts: list[tuple[Mapping, Cut]]) -> tuple[Mapping, ...] | Refusal:
        """Put what stays of mappings in their place, and answer with what goes."""
        gone = tuple(part(mapping, cut.removed) for mapping, cut in cuts)
        kept = [part(mapping, r) for mapping, cut in cuts for r in cut.kept]
        more = len(kept) - len(cuts)
        if self.bounds.entries is not None and len(self) + more > self.bounds.entries:
            return Refusal.FULL
        if self.effects is not None:
            give_back(self.effects, gone, more)
        for mapping, _ in cuts:
            self._mappings.remove(mapping)
        self._mappings.update(kept)
        for mapping in gone:
            self._held[mapping.owner] -= page_count(mapping.range, self.bounds.shift)
        return gone

    def _highest_from(self, byte: int) -> Mapping | None:
        """Of the mappings that begin at this byte or below it, the highest."""
        return next(self._mappings.irange_key(None, byte, reverse=True), None)


def _is_in_one(r: Range, valid: tuple[Range, ...]) -> bool:
    """One of these ranges has all of it."""
    for one in valid:  # noqa: SIM110  # `any` over a generator costs a map an eighth of its time
        if covers(one, r):
            return True
    return False
