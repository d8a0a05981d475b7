"""What comes back when a call is begun or stepped, besides its answer."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.vocabulary.answers import Answer


@dataclass(frozen=True, slots=True)
class Paused:
    """The call stands just before this step; others may run."""

    step: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The call sleeps: it cannot go on yet, and nothing has changed."""


@dataclass(frozen=True, slots=True)
class Died:
    """The call never returns: it did this harm, and the machine has stopped."""

    harm: str


Outcome = Paused | Waiting | Answer | Died
WAITING = Waiting()


class NotCallableError(Exception):
    """Nobody can make this call now; no kernel is asked, so there is no errno."""


class WouldBlockError(Exception):
    """The call would sleep, and nobody else runs who could wake it; nothing has changed."""
