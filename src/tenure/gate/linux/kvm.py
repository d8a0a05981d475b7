"""KVM's ioctls as bytes: those that make a VM and its KVM VFIO device, and those that this is told of files by."""

from __future__ import annotations

import struct
from enum import IntEnum


class KvmIoctl(IntEnum):
    """The ioctls of /dev/kvm, of a VM and of its devices."""

    CREATE_VM = 0xAE01
    CREATE_DEVICE = 0xC00CAEE0
    SET_DEVICE_ATTR = 0x4018AEE1


_VFIO = 4
"""The type of the KVM VFIO device."""

_FILE = 1
"""The attributes that are about files: of groups alone before 6.6, and called so."""

ADD, DEL = 1, 2

CREATED = 4
"""Where CREATE_DEVICE says the number of the new file."""


def create_device() -> bytes:
    """The structure of CREATE_DEVICE for a KVM VFIO device; its file is none until the kernel says which."""
    return struct.pack("<IiI", _VFIO, -1, 0)


ADDRESS = 16
"""Where SET_DEVICE_ATTR wants the address of what it is about."""


def file_attribute(what: int) -> bytes:
    """The structure of SET_DEVICE_ATTR for a file, the address of whose number is still to be put into it."""
    return struct.pack("<IIQQ", 0, _FILE, what, 0)
