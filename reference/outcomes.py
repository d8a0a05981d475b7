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


class NotCallable(Exception):  # noqa: N818 -- no error: the call is not there to be made
    """Nobody can make this call now; no kernel is asked, so there is no errno."""


class WouldBlock(Exception):  # noqa: N818 -- no error: the call sleeps
    """The call would sleep, and nobody else runs who could wake it; nothing has changed."""
