"""VFIO's ioctls as bytes: their numbers, the structures they take, and what these say when they come back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum


class Ioctl(IntEnum):
    """The ioctls of containers, groups, devices and type1."""

    GET_API_VERSION = 0x3B64
    CHECK_EXTENSION = 0x3B65
    SET_IOMMU = 0x3B66
    GROUP_GET_STATUS = 0x3B67
    GROUP_SET_CONTAINER = 0x3B68
    GROUP_UNSET_CONTAINER = 0x3B69
    GROUP_GET_DEVICE_FD = 0x3B6A
    DEVICE_GET_REGION_INFO = 0x3B6C
    IOMMU_GET_INFO = 0x3B70
    IOMMU_MAP_DMA = 0x3B71
    IOMMU_UNMAP_DMA = 0x3B72


TYPE1 = 1
TYPE1_V2 = 3
NO_IOMMU = 8
NO_TYPE = 0x7777
"""An IOMMU type that no driver has."""

UNMAP_ALL = 2
VIABLE, CONTAINER_SET = 1, 2

INFO_BYTES = 256
_INFO = "<IIQII"
_RANGES, _AVAILABLE = 1, 3
_CAPABILITIES = 2


@dataclass(frozen=True, slots=True)
class Info:
    """What VFIO_IOMMU_GET_INFO says."""

    page_sizes: int
    ranges: tuple[tuple[int, int], ...]
    """The valid ranges of I/O addresses, first and last byte; none: every address is valid."""
    available: int
    """How many mappings may still be made; -1 where the kernel does not say."""


def info_request() -> bytes:
    """The structure of IOMMU_GET_INFO, with room for what it appends."""
    return struct.pack("<I", INFO_BYTES).ljust(INFO_BYTES, b"\0")


def info(answer: bytes) -> Info:
    """What the structure says when it comes back: the capabilities are a chain of offsets."""
    _, flags, sizes, at, _ = struct.unpack_from(_INFO, answer)
    ranges: tuple[tuple[int, int], ...] = ()
    available = -1
    at = at if flags & _CAPABILITIES else 0
    while at:
        kind, _, following = struct.unpack_from("<HHI", answer, at)
        if kind == _RANGES:
            (many,) = struct.unpack_from("<I", answer, at + 8)
            ranges = tuple(struct.unpack_from("<QQ", answer, at + 16 + 16 * n) for n in range(many))
        if kind == _AVAILABLE:
            (available,) = struct.unpack_from("<I", answer, at + 8)
        at = following if following > at else 0
    return Info(sizes, ranges, available)


MAPPED_MEMORY = 8
"""From which byte on the structure of IOMMU_MAP_DMA has the address of the memory."""


def map_dma(flags: int, memory: int, address: int, size: int) -> bytes:
    """The structure of IOMMU_MAP_DMA."""
    return struct.pack("<IIQQQ", 32, flags, *(number % (1 << 64) for number in (memory, address, size)))


def unmap_dma(flags: int, address: int, size: int) -> bytes:
    """The structure of IOMMU_UNMAP_DMA."""
    return struct.pack("<IIQQ", 24, flags, *(number % (1 << 64) for number in (address, size)))


def shorter(structure: bytes) -> bytes:
    """The structure, which says that it is shorter by its last field."""
    (size,) = struct.unpack_from("<I", structure)
    return struct.pack("<I", size - 8) + structure[4:]


UNMAPPED = "<16xQ"
"""Where IOMMU_UNMAP_DMA says how many bytes went."""

REGION_OFFSET = "<24xQ"
"""Where DEVICE_GET_REGION_INFO says from where on in a device's file the region is."""


def region_info(index: int) -> bytes:
    """The structure of DEVICE_GET_REGION_INFO."""
    return struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0)


STATUS = struct.pack("<II", 8, 0)
"""The structure of GROUP_GET_STATUS; its flags come back behind its size."""


def number(value: int) -> bytes:
    """A number to point to, as SET_CONTAINER wants it."""
    return struct.pack("<i", value)
