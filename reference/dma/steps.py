"""Calls in steps: whoever runs one may let others come between any two."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")
Steps = Generator[str, None, T]
"""A call in its steps: what stands between two of them is indivisible, and each is named before it is made."""


class Round(NamedTuple):
    """The round of a loop that comes next: of which step, and at which IO address, where it is one of a known one."""

    step: str
    at: int | None = None


Rounds = Generator[Round, None, T]
"""A call in the rounds of its loops, each named before it is made."""


def finish(steps: Generator[object, None, T]) -> T:
    """A call, alone: its steps one after the other."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            answer: T = stop.value
            return answer


def told(rounds: Rounds[T], tell: Callable[[Round], U]) -> Generator[U, None, T]:
    """The same call, of which each next round is told in other words."""
    while True:
        try:
            upcoming = next(rounds)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        yield tell(upcoming)
