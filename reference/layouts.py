"""How machines lay out the structures of a call, and which number a call with one has: what a program and a kernel must agree on."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import Enum, IntFlag


@dataclass(frozen=True, slots=True)
class Abi:
    """A convention of C on a machine, as far as structures of calls go; lengths in bytes."""

    name: str
    pointer: int
    alignment: int
    """Of a number of 64 bits inside a structure."""


I386 = Abi("i386", pointer=4, alignment=4)
ARM = Abi("arm", pointer=4, alignment=8)
X86_64 = Abi("x86-64", pointer=8, alignment=8)


class Kind(Enum):
    """What a field holds."""

    U32 = "__u32"
    U64 = "__u64"
    INT = "int"
    POINTER = "char *"


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure by its fields, in order."""

    name: str
    fields: tuple[tuple[str, Kind], ...]

    def size(self, abi: Abi) -> int:
        """Its length in bytes, with what a compiler adds between fields and at the end."""
        return ctypes.sizeof(_type(self, abi))

    def offsets(self, abi: Abi) -> dict[str, int]:
        """Where each field begins, in bytes."""
        laid_out = _type(self, abi)
        return {name: getattr(laid_out, name).offset for name, _ in self.fields}

    def packed(self, abi: Abi, values: dict[str, int]) -> bytes:
        """The structure with these values, and zero elsewhere."""
        return bytes(_type(self, abi)(**values))

    def unpacked(self, abi: Abi, data: bytes) -> dict[str, int]:
        """The values of all its fields in `data`, which has at least its length."""
        read = _type(self, abi).from_buffer_copy(data)
        return {name: getattr(read, name) for name, _ in self.fields}


def width(kind: Kind, abi: Abi) -> int:
    """How many bytes such a field takes by itself."""
    return ctypes.sizeof(_scalar(kind, abi))


def _scalar(kind: Kind, abi: Abi) -> type[ctypes.c_uint32 | ctypes.c_uint64 | ctypes.c_int32]:
    if kind is Kind.INT:
        return ctypes.c_int32
    wide = kind is Kind.U64 or (kind is Kind.POINTER and abi.pointer == ctypes.sizeof(ctypes.c_uint64))
    return ctypes.c_uint64 if wide else ctypes.c_uint32


def _type(structure: Structure, abi: Abi) -> type[ctypes.Structure]:
    """The structure as ctypes lays it out where nothing is aligned to more than the ABI aligns 64 bits to."""
    fields = [(name, _scalar(kind, abi)) for name, kind in structure.fields]
    return type(structure.name, (ctypes.Structure,), {"_layout_": "ms", "_pack_": abi.alignment, "_fields_": fields})


class Direction(IntFlag):
    """Which way an argument goes, as `_IOC` counts: the caller writes it, or reads it."""

    NONE = 0
    WRITE = 1
    READ = 2


@dataclass(frozen=True, slots=True)
class Request:
    """An ioctl: its name, its type and number, and its argument."""

    name: str
    type: str
    number: int
    direction: Direction = Direction.NONE
    argument: Structure | Kind | None = None

    def size(self, abi: Abi) -> int:
        """The length of the argument in bytes, as its number says."""
        if self.argument is None:
            return 0
        return self.argument.size(abi) if isinstance(self.argument, Structure) else width(self.argument, abi)

    def code(self, abi: Abi) -> int:
        """The number by which a program asks for it (`_IOC`): direction, size, type, number."""
        return self.direction << 30 | self.size(abi) << 16 | ord(self.type) << 8 | self.number


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two machines disagree on a call."""

    request: str
    codes: tuple[int, int]
    moved: tuple[str, ...]
    """Fields that begin elsewhere."""


def differences(requests: tuple[Request, ...], one: Abi, other: Abi) -> tuple[Difference, ...]:
    """The calls on which programs of one machine and a kernel of the other disagree; none: the layout is neutral."""
    found = (_difference(request, one, other) for request in requests)
    return tuple(d for d in found if d.moved or d.codes[0] != d.codes[1])


def _difference(request: Request, one: Abi, other: Abi) -> Difference:
    moved: tuple[str, ...] = ()
    if isinstance(request.argument, Structure):
        there = request.argument.offsets(other)
        moved = tuple(name for name, at in request.argument.offsets(one).items() if there[name] != at)
    return Difference(request.name, (request.code(one), request.code(other)), moved)
