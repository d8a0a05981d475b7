"""iommufd's ioctls, and those of device files that are bound to one, as bytes."""

from __future__ import annotations

import struct
from enum import IntEnum


class IommuIoctl(IntEnum):
    """The ioctls of an iommufd."""

    DESTROY = 0x3B80
    IOAS_ALLOC = 0x3B81
    IOAS_IOVA_RANGES = 0x3B84
    IOAS_MAP = 0x3B85
    IOAS_UNMAP = 0x3B86


class CdevIoctl(IntEnum):
    """The ioctls of a device file that have to do with iommufds, and the one that asks its driver."""

    DEVICE_GET_INFO = 0x3B6B
    DEVICE_BIND_IOMMUFD = 0x3B76
    DEVICE_ATTACH_IOMMUFD_PT = 0x3B77
    DEVICE_DETACH_IOMMUFD_PT = 0x3B78


NO_OBJECT = 0x7FFF0000
"""A number that no object of an iommufd has: they are given from 1 on."""

GET_INFO = struct.pack("<I20x", 24)
"""The structure of DEVICE_GET_INFO."""

IOAS_ALLOC = struct.pack("<III", 12, 0, 0)
"""The structure of IOAS_ALLOC; the number of what was made comes back in its last field."""

MADE = "<8xI"
"""Where IOAS_ALLOC says that number."""

ALLOCATED = 8
"""From which byte on it is."""

MAP_OF, UNMAP_OF, DESTROY_OF, RANGES_OF = 8, 4, 4, 4
"""From which byte on the structures have the number of the IO address space that they are about."""

FIXED, WRITEABLE, READABLE = 1, 2, 4
"""Flags of IOAS_MAP."""

UNMAPPED = "<16xQ"
"""Where IOAS_UNMAP says how many bytes went."""

DETACH = struct.pack("<II", 8, 0)
"""The structure of DEVICE_DETACH_IOMMUFD_PT."""

SMALLEST, KNOWN, LONGER = 16, 24, 32
"""Bytes of a bind: of the first version, with a token (6.17), and one more field, which no kernel knows."""

TOKEN, UNKNOWN_FLAG = 1, 1 << 31


def destroy(number: int) -> bytes:
    """The structure of DESTROY."""
    return struct.pack("<II", 8, number)


def iova_ranges(number: int = 0, many: int = 0) -> bytes:
    """The structure of IOAS_IOVA_RANGES, with room for so many ranges; where this is, is still to be put into it."""
    return struct.pack("<IIIIQQ", 32, number, many, 0, 0, 0)


RANGES_ADDRESS = 16
"""From which byte on it has where the ranges are to go."""

RANGES_MANY = "<8xI"
"""Where it says how many there are."""


def ioas_map(flags: int, memory: int, address: int, size: int) -> bytes:
    """The structure of IOAS_MAP; the number of the IO address space is still to be put into it."""
    return struct.pack("<IIIIQQQ", 40, flags, 0, 0, memory, size, address)


def ioas_unmap(address: int, size: int) -> bytes:
    """The structure of IOAS_UNMAP; the number of the IO address space is still to be put into it."""
    return struct.pack("<IIQQ", 24, 0, address, size)


def attach(number: int) -> bytes:
    """The structure of DEVICE_ATTACH_IOMMUFD_PT."""
    return struct.pack("<III", 12, 0, number)


def bind(iommufd: int, size: int = SMALLEST, flags: int = 0, beyond: int = 0) -> bytes:
    """The structure of DEVICE_BIND_IOMMUFD, as long as it ever was; the address of a token is still to be put into it."""
    return struct.pack("<IIiIQQ", size, flags, iommufd, 0, 0, beyond)


TOKEN_ADDRESS = 16
"""Where a bind wants the address of its token."""
