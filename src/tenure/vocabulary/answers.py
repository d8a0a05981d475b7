"""Answers: what a call says when it ends, as data."""

from __future__ import annotations

import errno as numbers
from dataclasses import dataclass

ScalarWritten = str | int | bool


@dataclass(frozen=True, slots=True)
class Done:
    """The call took effect; `values` are what it returned, in the order in which the call declares them."""

    values: tuple[tuple[str, ScalarWritten], ...] = ()

    def __str__(self) -> str:
        return " ".join(["ok", *(f"{name}={_plain(value)}" for name, value in self.values)])


@dataclass(frozen=True, slots=True)
class Refused:
    """The call was refused with this errno, written by its name."""

    errno: str

    def __str__(self) -> str:
        return self.errno


Answer = Done | Refused


def errno_is_known(name: str) -> bool:
    """Some Linux kernel has an errno of this name."""
    return hasattr(numbers, name) and name.startswith("E")


def _plain(value: ScalarWritten) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
