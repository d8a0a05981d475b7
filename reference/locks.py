"""Locks: one owner at a time; whoever comes later sleeps until the scheduler finds the lock free."""

from __future__ import annotations

from typing import Final

BLOCKED: Final = "(blocked)"
"""What a call yields instead of a step's name when it cannot go on yet; stepped again, it looks again."""


class Lock:
    """A sleeping lock (mutex or rwsem), taken by ``while not lock.taken_by(me): yield BLOCKED``.

    Nobody takes a lock twice: like the kernel's mutexes, it would wait for itself for ever.
    """

    __slots__ = ("owner",)

    def __init__(self) -> None:
        self.owner: object = None

    def taken_by(self, task: object) -> bool:
        """Take the lock if it is free; say whether it was."""
        if self.owner is not None:
            return False
        self.owner = task
        return True

    def release(self) -> None:
        self.owner = None
