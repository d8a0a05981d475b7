"""From orbit to orbit: every state that both tellings come to, and what is compared at each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tenure.gate.conform import Comparison, Conformance, Difference, unlike
from tenure.reference.saving import Snapshot
from tenure.vocabulary.machine import State, Transition
from tenure.vocabulary.terms import Term

Told = Callable[[int, int], None]

History = tuple[str, ...]
"""The calls that led to a state."""

Steps = Callable[[Comparison, State, Snapshot, History, Conformance], Iterator[tuple[State, Transition]]]
"""What is compared from one state: reports it, and yields each state after a call, and the call's beginning, with the reference left there."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where to go on from, and when to stop: after so many seconds, or at so many differences."""

    within: Term
    budget: float | None
    most: int


def explore(both: Comparison, report: Conformance, steps: Steps, bounds: Bounds, told: Told | None) -> Conformance:
    """Compare from every orbit of states within the bounds, the nearest first."""
    started = time.monotonic()
    inside = both.machine.function(both.rules.lower(bounds.within))
    state, snapshot = both.start()
    if (shown := both.kernel.observe()) != (wanted := both.view(state)):
        report.differences.append(Difference((), *unlike(wanted, shown)))
        return report
    known, seen = {state}, {both.orbit(state)}
    frontier: list[tuple[State, Snapshot, History]] = [(state, snapshot, ())]
    while frontier:
        upcoming: list[tuple[State, Snapshot, History]] = []
        for state, snapshot, history in frontier:
            for after, made in _new(both, steps(both, state, snapshot, history, report), known, seen):
                report.states = len(seen)
                if inside(after):
                    upcoming.append((after, both.kernel.snapshot(), (*history, both.words(made))))
            report.seconds = time.monotonic() - started
            if bounds.budget is not None and report.seconds > bounds.budget:
                return report
            if len(report.differences) >= bounds.most:
                return report
        if told is not None:
            told(report.states, report.transitions)
        frontier = upcoming
    report.complete = not frontier
    return report


def _new(
    both: Comparison, found: Iterator[tuple[State, Transition]], known: set[State], seen: set[State]
) -> Iterator[tuple[State, Transition]]:
    """Of the states found, the first of each orbit that was not seen before."""
    for after, made in found:
        if after in known:
            continue
        known.add(after)
        key = both.orbit(after)
        if key not in seen:
            seen.add(key)
            yield after, made
