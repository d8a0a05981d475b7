"""What a guest's sysfs says: its devices, their groups and their drivers; and devices that change their driver."""

from __future__ import annotations

import os
import struct

from tenure.gate.linux.batch import Batch, Line, Number
from tenure.gate.linux.guest import Guest

PCI = "/sys/bus/pci/devices"
_ROOM = 1 << 16
_ENTRY = "<QqHB"


def folder(guest: Guest, target: str, path: str) -> list[str]:
    """The names in a folder; none where it does not exist."""
    batch = Batch(target)
    opened = batch.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    room = batch.put(b"", _ROOM)
    got = batch.call(Number.GETDENTS64, opened, room, _ROOM)
    entries = batch.take(room, _ROOM)
    batch.call(Number.CLOSE, opened)
    guest.ask(batch)
    many = batch.number(got)
    return sorted(_names(batch.content(entries)[: max(many, 0)]))


def _names(entries: bytes) -> list[str]:
    names, at = [], 0
    while at + struct.calcsize(_ENTRY) <= len(entries):
        _, _, length, _ = struct.unpack_from(_ENTRY, entries, at)
        name = entries[at + struct.calcsize(_ENTRY) : at + length].split(b"\0")[0].decode()
        if name not in (".", ".."):
            names.append(name)
        at += length
    return names


def links(guest: Guest, target: str, paths: list[str]) -> list[str]:
    """The last part of where each link points to; empty where there is no such link."""
    batch = Batch(target)
    read = [batch.link(path) for path in paths]
    guest.ask(batch)
    return [batch.target_of(link) for link in read]


def bind(batch: Batch, device: str, driver: str) -> Line:
    """Lines that have a device without driver probed by one driver alone; what the probe returned."""
    batch.write(f"{PCI}/{device}/driver_override", f"{driver}\n")
    return batch.write(f"/sys/bus/pci/drivers/{driver}/bind", device)


def unbind(batch: Batch, device: str) -> Line:
    """Lines that take a device from its driver; what that returned."""
    return batch.write(f"{PCI}/{device}/driver/unbind", device)
