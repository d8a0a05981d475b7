"""Verdicts: the words for what was found, and how a row of findings looks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tenure.vocabulary.traces import Trace


class Verdict(Enum):
    """What is known about a property, or what a campaign saw. The three words proved, searched, tested never mix."""

    PROVED = "proved"
    REFUTED = "refuted"
    WITNESSED = "witnessed"
    SEARCHED = "searched"
    TESTED = "tested"
    NOT_INDUCTIVE = "not-inductive"
    CONFORMS = "conforms"
    DIFFERS = "differs"
    VIOLATES = "violates"
    TARGET_FAILED = "target-failed"
    UNKNOWN = "unknown"
    NOT_RUN = "not-run"
    NOT_APPLICABLE = "not-applicable"


OPEN = (Verdict.UNKNOWN, Verdict.NOT_INDUCTIVE)
"""Neither proved nor refuted, whatever is recorded."""


@dataclass(frozen=True)
class Row:
    """One property of one system at one granularity: the verdict, why, and the trace that shows it."""

    system: str
    variant: str
    granularity: str
    property: str
    verdict: Verdict
    reason: str
    length: int | None = None
    seconds: float = 0.0
    trace: Trace | None = None

    def system_id(self) -> str:
        """The system with its variant, as the command line writes it."""
        return f"{self.system}:{self.variant}" if self.variant else self.system

    def key(self) -> tuple[str, str, str, str]:
        """What the row is about."""
        return (self.system, self.variant, self.granularity, self.property)
