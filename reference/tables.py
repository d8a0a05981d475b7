"""IOMMU tables: what a device's DMA is translated through."""

from __future__ import annotations


class IommuTable:
    """A table of the IOMMU, and which pages it translates; dead once its container's IOMMU driver is released."""

    __slots__ = ("alive", "index", "pages")

    def __init__(self, index: int, pages: int, *, alive: bool) -> None:
        self.index = index
        self.pages = [False] * pages
        self.alive = alive

    def destroy(self) -> None:
        """Every translation vanishes; whoever still points here points at freed memory."""
        self.alive = False
        self.pages = [False] * len(self.pages)
