"""Steps that may fail, for reasons of their own: they are counted as they come, and the one of a planted number does."""

from __future__ import annotations

from tenure.reference.dma.effects import Failed
from tenure.reference.dma.errnos import Errno


class FailedWith(Failed):
    """A step that could not be made, and the errno that says so."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno)
        self.errno = errno


class Faults:
    """Nothing fails, until `fails_in` says after how many steps one does; only that one."""

    def __init__(self) -> None:
        self.fails_in: int | None = None

    def step(self, errno: Errno) -> None:
        """Go on; or fail, with the errno that such a step fails with."""
        if self.fails_in is None:
            return
        self.fails_in -= 1
        if self.fails_in < 0:
            self.fails_in = None
            raise FailedWith(errno)
