"""The structures of November 2011 as compilers lay them out for 32 and 64 bits, and the ioctl numbers that come of it.

A structure is neutral where a 32-bit program and a 64-bit kernel agree on every offset, and so on the number (not so: D-G1-18).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

TYPE = ord(";")
"""The letter of VFIO's ioctls."""


class Member(IntEnum):
    """What a member is, by its size for 64 bits; only a pointer has another for 32."""

    U32 = 4
    U64 = 8
    POINTER = 9


class Bits(IntEnum):
    """For which machine a structure is laid out; i386 aligns what has 64 bits to 32."""

    I386 = 32
    X86_64 = 64


@dataclass(frozen=True, slots=True)
class Structure:
    """The argument of an ioctl: its number, whether it is copied back, and its members in order."""

    number: int
    members: tuple[tuple[str, Member], ...]
    copied_back: bool = True

    def laid_out(self, bits: Bits) -> type[ctypes.Structure]:
        """The structure as the compiler has it."""
        words: Mapping[Member, type[ctypes.c_uint32 | ctypes.c_uint64]] = {
            Member.U32: ctypes.c_uint32,
            Member.U64: ctypes.c_uint64,
            Member.POINTER: ctypes.c_uint32 if bits is Bits.I386 else ctypes.c_uint64,
        }
        body = {"_pack_": bits // 8, "_fields_": [(name, words[kind]) for name, kind in self.members]}
        return type("Laid", (ctypes.Structure,), body)

    def offsets(self, bits: Bits) -> dict[str, int]:
        """Where each member is."""
        laid = self.laid_out(bits)
        return {name: getattr(laid, name).offset for name, _ in self.members}

    def size(self, bits: Bits) -> int:
        """How many bytes it has."""
        return ctypes.sizeof(self.laid_out(bits))

    def ioctl(self, bits: Bits) -> int:
        """_IOW, or _IOWR where it is copied back, of its size."""
        direction = 3 if self.copied_back else 1
        return direction << 30 | self.size(bits) << 16 | TYPE << 8 | self.number

    def is_neutral(self) -> bool:
        """A program of 32 bits and a kernel of 64 mean the same by it."""
        here, there = Bits.I386, Bits.X86_64
        same = self.offsets(here) == self.offsets(there) and self.size(here) == self.size(there)
        return same and all(kind is not Member.POINTER for _, kind in self.members)


_U32, _U64, _POINTER = Member.U32, Member.U64, Member.POINTER

AS_WRITTEN: Mapping[str, Structure] = {
    "GET_DEVICE_FD": Structure(104, (("name", _POINTER),), copied_back=False),
    "MAP_DMA": Structure(106, tuple((name, _U64) for name in ("len", "vaddr", "dmaaddr", "size", "flags"))),
    "GET_REGION_INFO": Structure(
        110, (("len", _U32), ("index", _U32), ("size", _U64), ("offset", _U64), ("flags", _U64), ("phys", _U64))
    ),
    "GET_IRQ_INFO": Structure(112, (("len", _U32), ("index", _U32), ("count", _U32), ("flags", _U64))),
    "GET_DTPATH": Structure(117, (("len", _U32), ("index", _U32), ("flags", _U64), ("path", _POINTER))),
    "GET_DTINDEX": Structure(
        118, (("len", _U32), ("index", _U32), ("prop_type", _U32), ("prop_index", _U32), ("flags", _U64))
    ),
}
"""The members in an order that has the sizes which compilers gave; the number of MAP_DMA follows from its place among the others."""

AS_MEANT: Mapping[str, Structure] = {
    **AS_WRITTEN,
    "GET_DEVICE_FD": Structure(104, (("name", _U64),), copied_back=False),
    "GET_IRQ_INFO": Structure(
        112, (("len", _U32), ("index", _U32), ("count", _U32), ("padding", _U32), ("flags", _U64))
    ),
    "GET_DTPATH": Structure(117, (("len", _U32), ("index", _U32), ("flags", _U64), ("path", _U64))),
}
"""The same with addresses as numbers of 64 bits, and nothing that a compiler pads."""
