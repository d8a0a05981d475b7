"""What devices tell of themselves, and never changes: their flags, their regions, their interrupt indexes."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.reference.device_info import DeviceInfo, Interrupts, Region, RegionFlags, TreeEntry, TreeProperty


@dataclass(frozen=True, slots=True)
class Descriptions:
    """One tuple for each observable of that name: a place for each device, region or interrupt index."""

    device_resets: tuple[int, ...] = ()
    device_in_tree: tuple[int, ...] = ()
    region_device: tuple[int, ...] = ()
    region_size: tuple[int, ...] = ()
    region_offset: tuple[int, ...] = ()
    region_mappable: tuple[int, ...] = ()
    region_read_only: tuple[int, ...] = ()
    region_phys_valid: tuple[int, ...] = ()
    region_phys: tuple[int, ...] = ()
    region_property: tuple[int, ...] = ()
    region_property_index: tuple[int, ...] = ()
    index_device: tuple[int, ...] = ()
    index_level: tuple[int, ...] = ()
    index_count: tuple[int, ...] = ()
    index_property_index: tuple[int, ...] = ()

    def of(self, column: tuple[int, ...], device: int) -> list[int]:
        """The places of a column of regions, or of indexes, that are the device's, in order."""
        return [place for place, of in enumerate(column) if of == device]


UNTOLD = Descriptions()
"""A machine whose devices say nothing."""


def described(told: Descriptions, device: int) -> DeviceInfo:
    """A device as its file tells of it."""
    in_tree = any(told.device_in_tree[device : device + 1])

    def region(name: int) -> Region:
        flags = RegionFlags.MMAP * told.region_mappable[name] | RegionFlags.READ_ONLY * told.region_read_only[name]
        flags |= RegionFlags.PHYS_VALID * told.region_phys_valid[name]
        entry = TreeEntry(TreeProperty(told.region_property[name]), told.region_property_index[name])
        return Region(
            size=told.region_size[name],
            offset=told.region_offset[name],
            flags=RegionFlags(flags),
            phys=told.region_phys[name],
            entry=entry if in_tree else None,
        )

    def lines(name: int) -> Interrupts:
        entry = TreeEntry(TreeProperty.INTERRUPTS, told.index_property_index[name]) if in_tree else None
        return Interrupts(told.index_count[name], level=bool(told.index_level[name]), entry=entry)

    return DeviceInfo(
        regions=tuple(map(region, told.of(told.region_device, device))),
        interrupts=tuple(map(lines, told.of(told.index_device, device))),
        path=f"/soc/device@{device}" if in_tree else None,
        can_reset=any(told.device_resets[device : device + 1]),
    )
