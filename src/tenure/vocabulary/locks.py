"""Locks as values: what a step takes and how long it holds it, what a release takes, what sleepers sleep on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lock:
    """A class of locks that sleep: a mutex or a rwsem, by the kernel's name; every object of its kind has one."""

    name: str
    meaning: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Queue:
    """What threads sleep on until a step wakes them: a wait queue or a completion, by the kernel's name."""

    name: str
    meaning: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Briefly:
    """Locks taken one under the other, what may be dropped for good under them, and all of them let go again."""

    locks: tuple[Taken, ...]
    drops: tuple[Reference, ...] = ()

    def __str__(self) -> str:
        inside = [*map(str, self.locks), *(f"drop of the last {one}" for one in self.drops)]
        return f"({' > '.join(inside)})"


Taken = Lock | Briefly
"""What is taken: a lock alone is held until the step, the release or the brief time ends."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A kind of counted reference, with what its release takes and drops when the last one goes, in order."""

    name: str
    locks: tuple[Taken, ...] = ()
    drops: tuple[Reference, ...] = ()
    meaning: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


def briefly(*locks: Taken, drops: tuple[Reference, ...] = ()) -> Briefly:
    """These locks, each under those before it, let go before the step goes on."""
    return Briefly(locks, drops)
