"""Memory: what was worked out once is not worked out again, and no more is kept than there is room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenure.vocabulary.types import Type, parsed

REMEMBERED = 1 << 12
"""How many states, views and the like are kept. Runs start alike, so most calls meet a state that was met lately."""

K = TypeVar("K")
V = TypeVar("V")


class Memory(dict[K, V]):
    """A pure function as a table that fills itself; where it is full, the rest is worked out each time."""

    def __init__(self, work: Callable[[K], V]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, key: K) -> V:
        value = self._work(key)
        if len(self) < REMEMBERED:
            self[key] = value
        return value


def numbers(kind: Type) -> Memory[str | int | bool, int]:
    """What the written values of a type stand for."""
    return Memory(lambda text: int(parsed(kind, text)))
