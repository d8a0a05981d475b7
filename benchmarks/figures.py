"""Figures: what was measured, how often, against which goal and beside which peer."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from statistics import median

COLLECTOR = "garbage collector on, as users run it; emptied before each sample"

Run = Callable[[], float]
"""What is measured: it does its work and says how much that was."""


class Clock(Enum):
    """What time means: what passes by, or what the processors spend on it."""

    WALL = "wall"
    PROCESSOR = "processor"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds that passed, seconds of processor time, and the work done (1 where only the time matters)."""

    wall: float
    processor: float
    work: float = 1.0

    def value(self, unit: str, clock: Clock) -> float:
        """The work for each second, or the seconds where there is no unit of work."""
        seconds = self.wall if clock is Clock.WALL else self.processor
        return self.work / max(seconds, 1e-9) if unit else seconds


@dataclass(frozen=True, slots=True)
class Peer:
    """Something else that does the same work, measured in the same run."""

    name: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. With a unit of work it is a rate, and more is better; without one seconds, and less is."""

    what: str
    samples: tuple[Sample, ...]
    unit: str = ""
    goal: float | None = None
    least_ratio: float | None = None
    """A goal that means the peer and not the clock: how many times as fast as it this must be."""
    clock: Clock = Clock.WALL
    """The clock that the goal means."""
    peer: Peer | None = None
    note: str = ""
    spoiled: str = ""
    """Why the figure does not stand for what it says: the work was not all done. A goal is missed then."""

    def typical(self, clock: Clock | None = None) -> float:
        """The median of the samples."""
        return median(s.value(self.unit, clock or self.clock) for s in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest of the samples."""
        values = [s.value(self.unit, self.clock) for s in self.samples]
        return min(values), max(values)

    @property
    def met(self) -> bool | None:
        """The goals are reached by the median; None where there is no goal."""
        if self.goal is None and self.least_ratio is None:
            return None
        if self.spoiled or (self.least_ratio is not None and (self.ratio or 0.0) < self.least_ratio):
            return False
        if self.goal is None:
            return True
        return self.typical() >= self.goal if self.unit else self.typical() < self.goal

    @property
    def peers_typical(self) -> float | None:
        """The median of the peer, by the same clock."""
        return None if self.peer is None else median(s.value(self.unit, self.clock) for s in self.peer.samples)

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the peer it is."""
        theirs = self.peers_typical
        if theirs is None:
            return None
        faster, slower = (self.typical(), theirs) if self.unit else (theirs, self.typical())
        return faster / max(slower, 1e-9)


def sampled(run: Run) -> Sample:
    """One run, timed by both clocks; the processor time is that of this process alone."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    work = run()
    return Sample(time.perf_counter() - wall, time.process_time() - processor, work)


def side_by_side(ours: Run, theirs: Run, times: int) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Samples of both in turn, so that what else the machine does meets both; a first run of each does not count."""
    ours()
    theirs()
    pairs = [(sampled(ours), sampled(theirs)) for _ in range(times)]
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


class NotMeasured(Exception):  # noqa: N818  # named for what it is
    """What this machine lacks for a measurement, and what to do about it."""
