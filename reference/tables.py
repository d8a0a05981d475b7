"""IOMMU tables: what a device's DMA is translated through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.reference.files import File
    from tenure.reference.notifiers import Notifier


class IommuTable:
    """A table of the IOMMU, and which pages it translates; dead once its container's IOMMU driver is released."""

    __slots__ = ("alive", "index", "iommufd", "notifiers", "pages", "users")

    def __init__(self, index: int, pages: int, *, alive: bool) -> None:
        self.index = index
        self.pages = [False] * pages
        self.alive = alive
        self.notifiers: list[Notifier] = []
        """The notifiers of drivers that are called back before type1 removes what they pinned."""
        self.iommufd: File | None = None
        """The iommufd whose IO address space it is."""
        self.users = 0
        """How many devices that iommufd has attached to it."""

    def destroy(self) -> None:
        """Every translation vanishes, and the list of notifiers; whoever still points here points at freed memory."""
        self.alive = False
        self.notifiers.clear()
        self.pages = [False] * len(self.pages)
