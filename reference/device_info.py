"""What a device file of the RFC tells of its device: regions and interrupts with holes, paths, and how long an answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from tenure.reference.layouts import Abi, Structure
from tenure.reference.rfc2011_interface import DTINDEX, IRQ_INFO, REGION_INFO
from tenure.vocabulary.answers import Refused


class RegionFlags(IntFlag):
    """What can be done with a region."""

    NONE = 0
    MMAP = 1
    READ_ONLY = 2
    PHYS_VALID = 4


class TreeProperty(IntEnum):
    """The property of a device's node in a device tree, by the number that GET_DTINDEX tells."""

    REG = 0
    RANGES = 1
    INTERRUPTS = 2


class TreeFlags(IntFlag):
    """What a caller of GET_DTINDEX means by its index."""

    NONE = 0
    REGION = 1
    IRQ = 2


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """Where in the device's node a region, or an interrupt index, is described: an entry of a property."""

    property: TreeProperty
    index: int


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a device; lengths in bytes. Of size 0 it is a hole: its index is there, and nothing behind it."""

    size: int
    offset: int = 0
    """Where it lies in the device file, for read, write and mmap."""
    flags: RegionFlags = RegionFlags.NONE
    phys: int = 0
    """Its physical address, where `flags` say so."""
    entry: TreeEntry | None = None
    """None of a device that is in no device tree."""


@dataclass(frozen=True, slots=True)
class Interrupts:
    """An interrupt index; with a count of 0 it is not implemented."""

    count: int
    level: bool = False
    entry: TreeEntry | None = None


def room(length: int, least: int, known: int) -> int | Refused:
    """How many bytes are read and written of a structure for which the caller has `length`.

    `least` bytes every version of the structure has, `known` this kernel. EINVAL below the first; above the second the rest is the
    caller's, and stays as it is. (The rule of `argsz` and `minsz` since 2012; of the RFC's `len` it is what was meant.)
    """
    return Refused("EINVAL") if length < least else min(length, known)


def over(told: bytes, data: bytes) -> bytes:
    """The caller's bytes with an answer over the first of them; the rest is not touched."""
    return told + data[len(told) :]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as its file describes it."""

    regions: tuple[Region, ...]
    interrupts: tuple[Interrupts, ...] = ()
    path: str | None = None
    """Where it is in the device tree; none: it is in no such tree (ENODEV)."""
    can_reset: bool = False

    def region_info(self, abi: Abi, data: bytes) -> bytes | Refused:
        """GET_REGION_INFO: the caller's bytes with the answer in them. EINVAL: no such index, or no room for the structure."""

        def values(asked: dict[str, int]) -> dict[str, int] | None:
            if asked["index"] >= len(self.regions):
                return None
            one = self.regions[asked["index"]]
            phys = one.phys if RegionFlags.PHYS_VALID in one.flags else 0
            return {"size": one.size, "offset": one.offset, "flags": int(one.flags), "phys": phys}

        return _answered(REGION_INFO, abi, data, values)

    def irq_info(self, abi: Abi, data: bytes) -> bytes | Refused:
        """GET_IRQ_INFO: the same for an interrupt index."""

        def values(asked: dict[str, int]) -> dict[str, int] | None:
            if asked["index"] >= len(self.interrupts):
                return None
            one = self.interrupts[asked["index"]]
            return {"count": one.count, "flags": int(one.level)}

        return _answered(IRQ_INFO, abi, data, values)

    def dtpath(self, length: int, data: bytes) -> bytes | Refused:
        """GET_DTPATH: the caller's bytes with the path and its NUL in the first `length`. ENODEV: no device tree; EINVAL: too few."""
        if self.path is None:
            return Refused("ENODEV")
        told = self.path.encode() + b"\0"
        return Refused("EINVAL") if min(length, len(data)) < len(told) else over(told, data)

    def dtindex(self, abi: Abi, data: bytes) -> bytes | Refused:
        """GET_DTINDEX: the property and the entry of a region or an index, as flags say which. ENODEV: no device tree.

        EINVAL: neither flag or both; no such number; nothing behind it; no room for the structure.
        """
        if self.path is None:
            return Refused("ENODEV")

        def values(asked: dict[str, int]) -> dict[str, int] | None:
            entries = self._entries(asked["flags"])
            found = entries[asked["index"]] if asked["index"] < len(entries) else None
            return None if found is None else {"prop_type": int(found.property), "prop_index": found.index}

        return _answered(DTINDEX, abi, data, values)

    def _entries(self, flags: int) -> list[TreeEntry | None]:
        """Those of regions, or of interrupt indexes; of a hole, and of what is not implemented, none."""
        match flags:
            case TreeFlags.REGION:
                return [one.entry if one.size else None for one in self.regions]
            case TreeFlags.IRQ:
                return [one.entry if one.count else None for one in self.interrupts]
            case _:
                return []


def _answered(
    structure: Structure, abi: Abi, data: bytes, values: Callable[[dict[str, int]], dict[str, int] | None]
) -> bytes | Refused:
    """The caller's bytes, the first of which are the structure: `len` says how many, the other fields what is asked for."""
    known = structure.size(abi)
    told = structure.unpacked(abi, data.ljust(known, b"\0"))
    taken = room(min(told["len"], len(data)), known, known)
    if isinstance(taken, Refused):
        return taken
    found = values(told)
    if found is None:
        return Refused("EINVAL")
    return over(structure.packed(abi, {**told, **found})[:taken], data)
