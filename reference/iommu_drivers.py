"""IOMMU drivers: modules that register with VFIO, and stay while a container uses them."""

from __future__ import annotations

from tenure.reference.modules import Module
from tenure.vocabulary.types import Choice

IOMMU_TYPE = Choice("iommu type", ("type1", "noiommu", "unsupported"))
TYPE1 = IOMMU_TYPE.values.index("type1")
NO_IOMMU = IOMMU_TYPE.values.index("noiommu")


class IommuDriver(Module):
    """struct vfio_iommu_driver and the module that it comes in."""

    __slots__ = ("index", "is_noiommu")

    def __init__(self, index: int, *, is_noiommu: bool) -> None:
        super().__init__()
        self.index = index
        self.is_noiommu = is_noiommu

    def supports(self, kind: int) -> bool:
        """What the driver's own CHECK_EXTENSION says."""
        return kind == (NO_IOMMU if self.is_noiommu else TYPE1)

    def has_coherent_dma(self, opened: bool, behind: list[bool]) -> bool:  # noqa: FBT001  # as a container has it
        """What it says to VFIO_DMA_CC_IOMMU: type1, opened by a container, of the devices behind its domains; all others no."""
        return opened and not self.is_noiommu and all(behind)
