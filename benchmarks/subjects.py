"""A subject in Python: the reference behind the dictionaries of docs/adapters.md, so that what is timed is a real subject."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Setup, Shown, Written
from tenure.vocabulary.answers import Done, Refused

SYSTEM = "external-get-put"


class Wrapped:
    """What docs/adapters.md asks of a Python object."""

    def __init__(self) -> None:
        self._reference = ReferenceSubject(SYSTEM)
        self.calls = self._reference.calls
        self.shows = self._reference.shows
        self._shown: Shown = {}

    def reset(self, configuration: Mapping[str, Mapping[str, int] | Shown]) -> None:
        """Start from there."""
        objects, fixed, initial = (configuration[name] for name in ("objects", "fixed", "initial"))
        self._reference.reset(Setup(SYSTEM, objects, fixed, initial))  # type: ignore[arg-type]  # as it was sent

    def do(self, call: str, args: Mapping[str, Written]) -> dict[str, object]:
        """Make a call."""
        reply = self._reference.do(call, args, show=True)
        self._shown = reply.shown or {}
        match reply.answer:
            case Done(values):
                return {"done": dict(values)}
            case Refused(errno):
                return {"refused": errno}
        return {"died": True}

    def show(self) -> Shown:
        """What the last call left."""
        return self._shown
