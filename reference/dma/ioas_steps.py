"""Calls in steps: whoever runs one may let others come between any two."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[str, None, T]
"""A call in its steps: what stands between two of them is indivisible, and each is named before it is made."""


def finish(steps: Steps[T]) -> T:
    """A call, alone: its steps one after the other."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
