"""What a map and an unmap of type1 do besides keeping track: records, pins, charges, translations, bitmaps."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from tenure.reference.dma.errnos import Errno
from tenure.reference.dma.faults import FailedWith
from tenure.reference.dma.mappings import Mapping
from tenure.reference.dma.pages import page_count
from tenure.reference.dma.ranges import covers
from tenure.reference.dma.removal import splitting
from tenure.reference.dma.type1_state import Container, Dma, Domain

MOST_BITS = (1 << 31) - 1
"""As many pages as one mapping's bitmap may have (INT_MAX)."""


class Memory:
    """The effects behind a type1 container; `upcoming` is the mapping that is being made, which no look-up finds yet."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.upcoming: Dma | None = None

    def allocate(self, records: int) -> None:
        del records
        self.container.faults.step(Errno.ENOMEM)

    def pieces(self, mapping: Mapping) -> Iterable[Mapping]:
        return self._dma(mapping).process.runs(mapping) if self.container.domains else ()

    def pin(self, piece: Mapping) -> None:
        dma = self._dma(piece)
        self.container.faults.step(Errno.EFAULT)
        dma.charge(dma.owed(piece, self.container.bounds.shift))
        dma.runs.append(piece)

    def install(self, piece: Mapping) -> None:
        with ExitStack() as undo:
            for domain in self.container.domains:
                self.translate(domain, piece)
                undo.callback(domain.table.unmap, piece.range, splitting)
            undo.pop_all()

    def translate(self, domain: Domain, piece: Mapping) -> None:
        """Have one IOMMU translate a piece; what its driver may fail with is its own affair."""
        self.container.faults.step(Errno.ENOMEM)
        if domain.table.map(piece) is not None:
            raise FailedWith(Errno.EEXIST)

    def copy_out(self, answer: object) -> None:
        """Have a bitmap for what is being mapped, where dirty pages are tracked: the last step that can fail."""
        del answer
        if self.upcoming is not None and self.container.tracks_dirty:
            self.have_bitmap(self.upcoming)

    def have_bitmap(self, dma: Dma) -> None:
        """Allocate a bit for each page."""
        if page_count(dma.range, self.container.bounds.shift) > MOST_BITS:
            raise FailedWith(Errno.EINVAL)
        self.container.faults.step(Errno.ENOMEM)

    def free(self, records: int) -> None:
        """Nothing to do: memory that is given back is no concern of anybody's."""

    def uninstall(self, piece: Mapping) -> None:
        for domain in self.container.domains:
            domain.table.unmap(piece.range, splitting)

    def unpin(self, piece: Mapping) -> None:
        dma = self._dma(piece)
        for run in [run for run in dma.runs if covers(piece.range, run.range)]:
            dma.runs.remove(run)
            dma.discharge(dma.owed(run, self.container.bounds.shift))

    def _dma(self, piece: Mapping) -> Dma:
        """The record of what a piece is a part of."""
        dma = self.upcoming or self.container.record(piece.range.first)
        if dma is None:
            raise LookupError(f"nothing is mapped at {piece.range}")
        return dma
