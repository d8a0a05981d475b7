"""Traces: the one currency. Solvers and searches make them, the reference replays them, reports draw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenure.vocabulary.machine import Event

Shown = dict[str, dict[str, str | int | bool]]
"""A state by name and place, in written form."""


@dataclass(frozen=True)
class TraceStep:
    """One step and what it left behind."""

    event: Event
    after: Shown


@dataclass(frozen=True)
class Trace:
    """A run from an initial state, and why somebody should look at it."""

    system: str
    granularity: str
    subject: str
    """The property, race or witness that the trace is about."""
    reason: str
    scope: tuple[tuple[str, int], ...]
    fixed: Shown
    initial: Shown
    steps: tuple[TraceStep, ...]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def events(self) -> tuple[Event, ...]:
        """The steps without the states."""
        return tuple(s.event for s in self.steps)

    def meta(self) -> dict[str, Any]:
        """Everything about the trace but its states."""
        return {
            "system": self.system,
            "granularity": self.granularity,
            "subject": self.subject,
            "reason": self.reason,
            "scope": dict(self.scope),
            "fixed": self.fixed,
        }
