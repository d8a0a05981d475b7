"""What a map does besides being kept track of: any step of it may fail, and then those before it are undone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Protocol

from tenure.reference.dma.mappings import Mapping


class Failed(Exception):  # noqa: N818  # what fails is the machine and not the caller
    """A step of a call could not be made, for a reason of its own: no memory, a bad address, a fault while copying out."""


class Effects(Protocol):
    """The machine behind an address space. The first group may raise, and has then done nothing; the second never does."""

    def allocate(self, records: int) -> None:
        """Have memory for so many more mappings."""

    def pin(self, piece: Mapping) -> None:
        """Keep the pages behind a piece where they are."""

    def install(self, piece: Mapping) -> None:
        """Have the hardware translate a piece."""

    def copy_out(self, answer: object) -> None:
        """Hand the caller what the call will answer."""

    def pieces(self, mapping: Mapping) -> Iterable[Mapping]:
        """How a mapping is pinned and installed: whole, or in runs of pages, one after the other."""

    def free(self, records: int) -> None:
        """Give memory of so many mappings back."""

    def unpin(self, piece: Mapping) -> None:
        """Let go of the pages behind a piece."""

    def uninstall(self, piece: Mapping) -> None:
        """Have the hardware translate a piece no more."""


def take(effects: Effects, mapping: Mapping) -> None:
    """Make every step of a map that may fail; if one does, undo those before it, the last first."""
    with ExitStack() as undo:
        effects.allocate(1)
        undo.callback(effects.free, 1)
        for piece in effects.pieces(mapping):
            effects.pin(piece)
            undo.callback(effects.unpin, piece)
            effects.install(piece)
            undo.callback(effects.uninstall, piece)
        effects.copy_out(mapping)
        undo.pop_all()


def give_back(effects: Effects, gone: tuple[Mapping, ...], more: int) -> None:
    """Make the steps of an unmap that may fail, and only then those that may not; `more` mappings than before are kept."""
    with ExitStack() as undo:
        if more > 0:
            effects.allocate(more)
            undo.callback(effects.free, more)
        effects.copy_out(gone)
        undo.pop_all()
    for piece in gone:
        effects.uninstall(piece)
        effects.unpin(piece)
    if more < 0:
        effects.free(-more)
