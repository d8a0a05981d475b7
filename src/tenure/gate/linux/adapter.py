"""Adapters: what the calls of a system are in a guest, and what the guest shows of itself."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from tenure.gate.linux.batch import Batch
from tenure.gate.subject import Setup, Shown, Written
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.machine import Scope


class Asked(NamedTuple):
    """A call as the guest makes it, and how to read what came back."""

    batches: tuple[Batch, ...]
    answer: Callable[[], Answer | None]


class Adapter(Protocol):
    """One system on one guest."""

    calls: frozenset[str]
    shows: frozenset[str]

    def scopes(self) -> tuple[Scope, Scope]:
        """Where this target is driven, and the part of it in which runs are planned."""

    def reset(self, setup: Setup) -> None:
        """Close everything and make what a sequence starts from."""

    def settle(self) -> None:
        """Close everything."""

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """The guest can make this call."""

    def ask(self, call: str, args: Mapping[str, Written]) -> Asked:
        """The call as batches."""

    def look(self) -> tuple[tuple[Batch, ...], Callable[[], Shown]]:
        """What shows the state, as batches; and how to read it."""


def answer(number: int, **values: Written) -> Answer:
    """What a system call returned as an answer: done with these values, or refused."""
    if number >= 0:
        return Done(tuple(sorted(values.items())))
    return Refused(errno.errorcode.get(-number, f"errno {-number}"))
