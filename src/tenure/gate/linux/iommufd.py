"""iommufd's ioctls, and those of device files that are bound to one, as bytes."""

from __future__ import annotations

import struct
from enum import IntEnum


class IommuIoctl(IntEnum):
    """The ioctls of an iommufd."""

    DESTROY = 0x3B80
    IOAS_ALLOC = 0x3B81
    IOAS_ALLOW_IOVAS = 0x3B82
    IOAS_IOVA_RANGES = 0x3B84
    IOAS_MAP = 0x3B85
    IOAS_UNMAP = 0x3B86
    VFIO_IOAS = 0x3B88
    HWPT_ALLOC = 0x3B89


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

MAP_OF, UNMAP_OF, DESTROY_OF, RANGES_OF, ALLOW_OF, CONTAINER_OF = 8, 4, 4, 4, 4, 4
"""From which byte on the structures have the number of the IO address space that they are about."""

FIXED, WRITEABLE, READABLE = 1, 2, 4
"""Flags of IOAS_MAP."""

MAPPED_AT = "<32xQ"
"""Where IOAS_MAP says at which address the area begins."""

UNMAPPED = "<16xQ"
"""Where IOAS_UNMAP says how many bytes went."""

BOUND, PAGE_TABLE = 12, 16
"""From which byte on a bind says the number of the device's object, and HWPT_ALLOC that of what was made."""

ATTACHED = 8
"""From which byte on an attach has the number of the object that is asked for, and says which one the device got."""

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


def allow_iovas(many: int, reserved: int = 0) -> bytes:
    """The structure of IOAS_ALLOW_IOVAS; the number and where these ranges are, are still to be put into it."""
    return struct.pack("<IIIIQ", 24, 0, many, reserved, 0)


ALLOW_ADDRESS = 16
"""From which byte on it has where the ranges are."""


def ranges(*told: tuple[int, int]) -> bytes:
    """Ranges as an iommufd has them, by first and last byte."""
    return b"".join(struct.pack("<QQ", *one) for one in told)


GET, SET = 0, 1
"""What VFIO_IOAS does: say which IO address space stands for a container, or have one stand for it."""


def vfio_ioas(what: int) -> bytes:
    """The structure of VFIO_IOAS; the number of the IO address space is still to be put into it, or comes back there."""
    return struct.pack("<IIHH", 12, 0, what, 0)


def ioas_map(flags: int, memory: int, address: int, size: int) -> bytes:
    """The structure of IOAS_MAP; the number of the IO address space is still to be put into it."""
    return struct.pack("<IIIIQQQ", 40, flags, 0, 0, memory, size, address)


def ioas_unmap(address: int, size: int) -> bytes:
    """The structure of IOAS_UNMAP; the number of the IO address space is still to be put into it."""
    return struct.pack("<IIQQ", 24, 0, address, size)


def attach(number: int) -> bytes:
    """The structure of DEVICE_ATTACH_IOMMUFD_PT."""
    return struct.pack("<III", 12, 0, number)


def hwpt_alloc() -> bytes:
    """The structure of HWPT_ALLOC in its first form; the numbers of the device and of the IO address space are still to be put into it."""
    return struct.pack("<IIIIII", 24, 0, 0, 0, 0, 0)


HWPT_DEVICE, HWPT_OF = 8, 12
"""From which byte on it has these numbers."""


def bind(iommufd: int, size: int = SMALLEST, flags: int = 0, beyond: int = 0) -> bytes:
    """The structure of DEVICE_BIND_IOMMUFD, as long as it ever was; the address of a token is still to be put into it."""
    return struct.pack("<IIiIQQ", size, flags, iommufd, 0, 0, beyond)


TOKEN_ADDRESS = 16
"""Where a bind wants the address of its token."""
