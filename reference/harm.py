"""Harm to the kernel: what it notes and survives, and what stops the machine."""

from __future__ import annotations

from tenure.vocabulary.observables import HARM

LIST_CORRUPTION = HARM.values.index("list_corruption")
NULL_DEREFERENCE = HARM.values.index("null_dereference")
USE_AFTER_FREE = HARM.values.index("use_after_free")
BUG = HARM.values.index("bug")


class Oops(Exception):  # noqa: N818 -- the kernel's own word
    """The running call does a harm that stops the machine; it never returns."""

    def __init__(self, harm: int) -> None:
        super().__init__(HARM.values[harm])
        self.harm = harm
