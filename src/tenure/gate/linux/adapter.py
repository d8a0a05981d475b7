"""Adapters: what the calls of a system are in a guest, and what the guest shows of itself."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from tenure.gate.linux.batch import Round
from tenure.gate.subject import Arrived, Hits, Setup, Shown, Written
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System


class Adapter(Protocol):
    """One system on one guest."""

    calls: frozenset[str]
    shows: frozenset[str]

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        """Where this target is driven, and the part of it in which runs are planned."""

    def reset(self, setup: Setup) -> None:
        """Close everything and make what a sequence starts from."""

    def settle(self) -> str:
        """Close everything; what is left all the same, empty: nothing."""

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """The guest can make this call."""

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        """Put the call into a round; how to read what it answered."""

    def last(self, call: str) -> bool:
        """What the call returns is needed to make the next one: no call can be made ahead after it."""

    def look(self, using: Round) -> Callable[[], Shown]:
        """Put what shows the state into a round; how to read it."""

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        """What recorded faults of kernels may be about, as far as this call has it."""


@runtime_checkable
class Moves(Protocol):
    """An adapter whose guest has devices that move bytes in its address spaces."""

    def move(self, table: str, wanted: Mapping[str, Hits]) -> Sequence[Arrived]:
        """Have the device of an address space read and write at these addresses, and at one of its own."""


_NAMES = {**errno.errorcode, errno.EOPNOTSUPP: "EOPNOTSUPP"}
"""Errnos as the rules write them: this one has another name besides."""


def answer(number: int, **values: Written) -> Answer:
    """What a system call returned as an answer: done with these values, or refused."""
    if number >= 0:
        return Done(tuple(sorted(values.items())))
    return Refused(_NAMES.get(-number, f"errno {-number}"))
