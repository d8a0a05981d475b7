"""IOMMU tables: what a device's DMA is translated through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.reference.files import File


class IommuTable:
    """A table of the IOMMU, and which pages it translates; dead once its container's IOMMU driver is released."""

    __slots__ = ("alive", "index", "iommufd", "pages", "users")

    def __init__(self, index: int, pages: int, *, alive: bool) -> None:
        self.index = index
        self.pages = [False] * pages
        self.alive = alive
        self.iommufd: File | None = None
        """The iommufd whose IO address space it is."""
        self.users = 0
        """How many devices that iommufd has attached to it."""

    def destroy(self) -> None:
        """Every translation vanishes; whoever still points here points at freed memory."""
        self.alive = False
        self.pages = [False] * len(self.pages)
