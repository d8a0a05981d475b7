"""Address spaces to compare: the tracker, and what somebody would use instead of it. Each counts what it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import portion
from intervaltree import IntervalTree
from sortedcontainers import SortedDict

from tenure.reference.dma import Mapping, Range, Tracker, covering

Places = Sequence[Mapping]


class Maps(Protocol):
    """What refuses to map where something is mapped, and unmaps what it has mapped."""

    name: str

    def map(self, places: Places) -> int:
        """Map each of them; how many were mapped."""

    def unmap(self, places: Places) -> int:
        """Unmap each of them; how many mappings went."""


class Tracked:
    """The tracker of the range core, as its users call it."""

    name = "tenure"

    def __init__(self, mapped: Iterable[Mapping]) -> None:
        self.space = Tracker()
        self.map(list(mapped))

    def map(self, places: Places) -> int:
        space = self.space
        return sum(space.map(mapping) is None for mapping in places)

    def unmap(self, places: Places) -> int:
        space = self.space
        return sum(len(found) for m in places if isinstance(found := space.unmap(m.range, covering), tuple))

    def look_up(self, places: Places) -> int:
        """Ask for a byte of each; how many are mapped."""
        space = self.space
        return sum(space.at(mapping.range.first) is not None for mapping in places)

    def query(self, asked: Sequence[Range]) -> int:
        """Ask for what each range holds; how many mappings that is."""
        space = self.space
        return sum(len(space.overlapping(r)) for r in asked)


class Sorted:
    """A dictionary sorted by first bytes: one look-up below and one above, no bounds, no owners, no alignment."""

    name = "sortedcontainers.SortedDict with two look-ups"

    def __init__(self, mapped: Iterable[Mapping]) -> None:
        self.space: SortedDict[int, Mapping] = SortedDict()
        self.map(list(mapped))

    def map(self, places: Places) -> int:
        space, done = self.space, 0
        for mapping in places:
            first, last = mapping.range
            above = space.bisect_right(first)
            if above and space.peekitem(above - 1)[1].range.last >= first:
                continue
            if above < len(space) and space.peekitem(above)[0] <= last:
                continue
            space[first] = mapping
            done += 1
        return done

    def unmap(self, places: Places) -> int:
        space = self.space
        return sum(space.pop(mapping.range.first, None) is not None for mapping in places)


class Tree:
    """The package intervaltree; its ends are exclusive."""

    name = "intervaltree"

    def __init__(self, mapped: Iterable[Mapping]) -> None:
        self.space = IntervalTree.from_tuples((m.range.first, m.range.last + 1, m) for m in mapped)

    def map(self, places: Places) -> int:
        space, done = self.space, 0
        for mapping in places:
            first, last = mapping.range
            if not space.overlaps(first, last + 1):
                space.addi(first, last + 1, mapping)
                done += 1
        return done

    def unmap(self, places: Places) -> int:
        space, before = self.space, len(self.space)
        for mapping in places:
            space.removei(mapping.range.first, mapping.range.last + 1, mapping)
        return before - len(space)


class Union:
    """The package portion: what is mapped is one union of closed intervals, with nothing said of targets."""

    name = "portion"

    def __init__(self, mapped: Iterable[Mapping]) -> None:
        self.space = portion.Interval(*(portion.closed(*m.range) for m in mapped))

    def map(self, places: Places) -> int:
        done = 0
        for mapping in places:
            new = portion.closed(*mapping.range)
            if not self.space.overlaps(new):
                self.space |= new
                done += 1
        return done

    def unmap(self, places: Places) -> int:
        before = len(self.space)
        for mapping in places:
            self.space -= portion.closed(*mapping.range)
        return before - len(self.space)
