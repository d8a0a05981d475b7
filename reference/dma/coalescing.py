"""A mapping becomes one with its neighbours, where they lead on: the one policy that has a tracker keep fewer than were made."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.reference.dma.mappings import Mapping
from tenure.reference.dma.ranges import Range, is_adjacent, join, size
from tenure.reference.dma.removal import exact
from tenure.reference.dma.steps import Round, Rounds, finish
from tenure.reference.dma.tracker import Tracker

JOIN = Round("join")


def together(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes in as few ranges as can be, in order."""
    apart: list[Range] = []
    for r in sorted(ranges):
        both = join(apart[-1], r) if apart else None
        apart[-1:] = [both] if both is not None else [*apart[-1:], r]
    return apart


def ranges_of(those: Iterable[bool]) -> tuple[Range, ...]:
    """The addresses, from 0 on, of which it is so; in as few ranges as can be, in order."""
    return tuple(together(Range(a, a) for a, is_one in enumerate(those) if is_one))


def continues(low: Mapping, high: Mapping) -> bool:
    """The higher range begins where the lower one ends, leads on where it led to, and permits the same."""
    ends_there = low.target + size(low.range) == high.target
    return is_adjacent(low.range, high.range) and ends_there and (low.access, low.owner) == (high.access, high.owner)


def coalesce(space: Tracker, mapping: Mapping) -> Mapping:
    """Join a mapping with what it continues and with what continues it; nothing behind them changes, so no effect is due."""
    return finish(coalesce_steps(space, mapping))


def coalesce_steps(space: Tracker, mapping: Mapping) -> Rounds[Mapping]:
    """The same in rounds, of which each joins two; the last finds nothing to join."""
    yield JOIN
    below = space.at(mapping.range.first - 1) if mapping.range.first else None
    if below is not None and continues(below, mapping):
        mapping = _one(space, below, mapping)
        yield JOIN
    above = space.at(mapping.range.last + 1)
    if above is not None and continues(mapping, above):
        mapping = _one(space, mapping, above)
        yield JOIN
    return mapping


def _one(space: Tracker, low: Mapping, high: Mapping) -> Mapping:
    """Two mappings as one."""
    whole = join(low.range, high.range)
    if whole is None:
        raise ValueError(f"between {low.range} and {high.range} is a hole")
    joined = low._replace(range=whole)
    effects, space.effects = space.effects, None
    for one in (low, high):
        space.unmap(one.range, exact)
    space.map(joined)
    space.effects = effects
    return joined
