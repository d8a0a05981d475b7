"""What devices tell of themselves, and never changes: their flags, their regions, their interrupt indexes."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.reference.device_info import DeviceInfo, Interrupts, Region, RegionFlags


@dataclass(frozen=True, slots=True)
class Descriptions:
    """One tuple for each observable of that name: a place for each device, region or interrupt index."""

    device_resets: tuple[int, ...] = ()
    device_in_tree: tuple[int, ...] = ()
    region_device: tuple[int, ...] = ()
    region_size: tuple[int, ...] = ()
    region_mappable: tuple[int, ...] = ()
    region_read_only: tuple[int, ...] = ()
    index_device: tuple[int, ...] = ()
    index_level: tuple[int, ...] = ()
    index_count: tuple[int, ...] = ()

    def of(self, column: tuple[int, ...], device: int) -> list[int]:
        """The places of a column of regions, or of indexes, that are the device's, in order."""
        return [place for place, of in enumerate(column) if of == device]


UNTOLD = Descriptions()
"""A machine whose devices say nothing."""


def described(told: Descriptions, device: int) -> DeviceInfo:
    """A device as its file tells of it; each region lies 2^40 bytes after the one before."""
    flags = zip(told.region_mappable, told.region_read_only, strict=True)
    kinds = [RegionFlags(RegionFlags.MMAP * mapped | RegionFlags.READ_ONLY * read) for mapped, read in flags]
    own = told.of(told.region_device, device)
    lines = told.of(told.index_device, device)
    return DeviceInfo(
        regions=tuple(Region(told.region_size[r], number << 40, kinds[r]) for number, r in enumerate(own)),
        interrupts=tuple(Interrupts(told.index_count[i], level=bool(told.index_level[i])) for i in lines),
        path=f"/soc/device@{device}" if any(told.device_in_tree[device : device + 1]) else None,
        can_reset=any(told.device_resets[device : device + 1]),
    )
