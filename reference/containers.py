"""Containers: the lists of groups, and the tables that their devices translate through."""

from __future__ import annotations

from tenure.reference.groups import VfioGroup
from tenure.reference.harm import USE_AFTER_FREE, Oops
from tenure.reference.iommu_drivers import IommuDriver
from tenure.reference.locks import Lock
from tenure.reference.tables import IommuTable


class Container:
    """struct vfio_container: one reference for its file and one for each attached group; freed at zero."""

    __slots__ = ("driver", "group_list", "group_lock", "index", "kref", "no_iommu", "table")

    def __init__(self, index: int, kref: int = 0) -> None:
        self.index = index
        self.kref = kref
        self.table: IommuTable | None = None
        """iommu_data: the table, or no IOMMU driver."""
        self.driver: IommuDriver | None = None
        """iommu_driver: the one whose module the container keeps loaded."""
        self.no_iommu = False
        """The kind of the groups that came last; it means something while the list is not empty."""
        self.group_list: list[VfioGroup] = []
        self.group_lock = Lock()

    def put(self) -> None:
        """Drop a reference (vfio_container_put)."""
        self.kref -= 1
        if self.kref == 0:
            self.no_iommu = False

    def link(self, group: VfioGroup, everywhere: list[Container]) -> bool:
        """Add the group's node to the list; False where the node was in a list already, which corrupts both.

        A node has one pair of pointers: linked twice into the same list it is still there once.
        """
        clean = not any(group in container.group_list for container in everywhere)
        if group not in self.group_list:
            self.group_list.append(group)
        return clean

    def unlink(self, group: VfioGroup) -> bool:
        """Delete the group's node; False where the node is not in this list, which corrupts it."""
        if group not in self.group_list:
            return False
        self.group_list.remove(group)
        return True

    def enter_driver(self) -> None:
        """The container's IOMMU driver, if there is one, is called; the code of a removed module is gone."""
        if self.driver is not None and not self.driver.is_live:
            raise Oops(USE_AFTER_FREE)

    def close_table(self) -> None:
        """The last group has left: the IOMMU driver is released, and every translation vanishes."""
        if self.table is not None:
            self.table.destroy()
            self.table = None
        if self.driver is not None:
            self.driver.put()
            self.driver = None
