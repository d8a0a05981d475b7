"""IOMMU drivers: modules that register with VFIO, and stay while a container uses them."""

from __future__ import annotations

from tenure.vocabulary.types import Choice

IOMMU_TYPE = Choice("iommu type", ("type1", "noiommu", "unsupported"))
TYPE1 = IOMMU_TYPE.values.index("type1")
NO_IOMMU = IOMMU_TYPE.values.index("noiommu")


class IommuDriver:
    """struct vfio_iommu_driver and the module that it comes in."""

    __slots__ = ("index", "is_live", "is_noiommu", "module_references")

    def __init__(self, index: int, *, is_noiommu: bool) -> None:
        self.index = index
        self.is_noiommu = is_noiommu
        self.is_live = True
        """The module is loaded: its code is there to be called."""
        self.module_references = 0

    def supports(self, kind: int) -> bool:
        """What the driver's own CHECK_EXTENSION says."""
        return kind == (NO_IOMMU if self.is_noiommu else TYPE1)

    def try_get(self) -> bool:
        """Keep the module loaded, if it still is (try_module_get)."""
        if self.is_live:
            self.module_references += 1
        return self.is_live

    def put(self) -> None:
        """Let the module go (module_put)."""
        self.module_references -= 1
