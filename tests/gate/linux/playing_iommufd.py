"""A guest that is played with an iommufd: areas of IO address spaces, as their structures come; it may be wrong."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache

from tenure.gate.linux.batch import ARENA, Batch, Number
from tenure.gate.linux.edges import PAGE
from tenure.gate.linux.facts import FIRST_FILE
from tenure.gate.linux.ioas_requests import EDGES, LARGEST, scope_of
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import setup_of
from tenure.gate.subject import Setup
from tenure.models import SYSTEMS

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas")

ARENA_AT = 0x100000000

ENOENT, EBUSY, EEXIST, ENODEV, EINVAL, ENOSPC, EMSGSIZE, EOVERFLOW, EOPNOTSUPP = 2, 16, 17, 19, 22, 28, 90, 75, 95


@cache
def asked() -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    return Oracle(SYSTEM, scope_of({"thread": 1, "table": 2, "address": len(EDGES), "mapping": 5}))


def setup() -> Setup:
    """What a run starts from."""
    return setup_of(SYSTEM, asked().machine)


@dataclass
class Space:
    """What a played IO address space has: areas and allowed ranges by first byte and last, and none of another kind."""

    areas: set[tuple[int, int]] = field(default_factory=set)
    allowed: list[tuple[int, int]] = field(default_factory=list)
    cuts: bool = False

    def meets(self, first: int, last: int) -> bool:
        """Some area has a part of the range."""
        return any(one[0] <= last and first <= one[1] for one in self.areas)

    def is_allowed(self, first: int, last: int) -> bool:
        """Every address of the range may be chosen: ranges that touch are one."""
        reached = first
        for low, high in sorted(self.allowed):
            reached = high + 1 if low <= reached <= high else reached
        return not self.allowed or reached > last

    def room(self, size: int, lowest: int) -> int | None:
        """The first page from which on so many bytes are free and allowed, and not on the last page."""
        after = {lowest, *(last + 1 for _, last in self.areas), *(first for first, _ in self.allowed)}
        for begin in sorted((at + PAGE - 1) // PAGE * PAGE for at in after):
            last = begin + size - 1
            if (
                lowest <= begin
                and last <= LARGEST - PAGE
                and not self.meets(begin, last)
                and self.is_allowed(begin, last)
            ):
                return begin
        return None


@dataclass
class Iommu:
    """A guest that is played with one iommufd, as its structures come; some things about it may be wrong."""

    ranges: tuple[tuple[int, int], ...] = ((0, LARGEST),)
    over: bool = False
    """An area may be where another one is."""
    splits: bool = False
    """An unmap takes an area of which it was asked a part."""
    short: bool = False
    """It counts the last byte of what it took for none."""
    keeps: bool = False
    """What was destroyed is found all the same."""
    free: bool = False
    """It chooses addresses that nobody has allowed."""
    stale: bool = False
    """What was allowed before stays so."""
    first_page: bool = False
    """It chooses addresses from 0 on."""
    skips: bool = False
    """It chooses two pages further on."""
    pinned: int = 0
    runs: bool = True
    heard: list[tuple[Batch, ...]] = field(default_factory=list)
    arena: bytearray = field(default_factory=lambda: bytearray(ARENA))
    files: dict[int, dict[int, Space]] = field(default_factory=dict)
    """The IO address spaces of each iommufd, by number."""
    spaces: dict[int, Space] = field(default_factory=dict)
    """Those of the iommufd that was called last."""
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    """The structures of the ioctls that were made, as the kernel found them."""

    def end(self) -> None:
        """Stop."""
        self.runs = False

    def ask(self, *batches: Batch, limit: float = 0) -> None:
        """Make every line."""
        del limit
        for batch in batches:
            batch.replies.extend(self._line(line) for line in batch.lines)

    def _line(self, line: str) -> str:
        kind, *words = line.split()
        match kind:
            case "s":
                return str(self._call([self._argument(word) for word in words]))
            case "w":
                content = bytes.fromhex(words[1])
                self.arena[int(words[0]) : int(words[0]) + len(content)] = content
            case "p":
                struct.pack_into("<Q", self.arena, int(words[0]), self._argument(words[1]))
            case "r":
                return self.arena[int(words[0]) : int(words[0]) + int(words[1])].hex()
            case "f":
                return f"VmPin:\t{self.pinned:8} kB".encode().hex()
        return "0"

    def _argument(self, word: str) -> int:
        if word.startswith("*"):
            return int(struct.unpack_from("<i", self.arena, int(word[1:]))[0])
        return ARENA_AT + int(word[1:]) if word.startswith("@") else int(word)

    def _call(self, a: list[int]) -> int:
        match a[0]:
            case Number.CLOSE_RANGE:
                self.files = {}
            case Number.OPENAT:
                self.files[number := FIRST_FILE + len(self.files)] = {}
                return number
            case Number.IOCTL:
                return self._ioctl(a[1], a[2], a[3]) if a[1] in self.files else -9
        return 0

    def _ioctl(self, file: int, request: int, argument: int) -> int:
        self.spaces, at = self.files[file], argument - ARENA_AT
        (size,) = struct.unpack_from("<I", self.arena, at)
        self.asked.append((request, bytes(self.arena[at : at + size])))
        match request:
            case IommuIoctl.IOAS_ALLOC:
                number = next(n for n in range(1, 99) if n not in self.spaces)
                self.spaces[number] = Space()
                struct.pack_into("<8xI", self.arena, at, number)
            case IommuIoctl.IOAS_ALLOW_IOVAS:
                return self._allow(*struct.unpack_from("<4xIIIQ", self.arena, at))
            case IommuIoctl.IOAS_MAP:
                return self._map(at, *struct.unpack_from("<4xIIIQQQ", self.arena, at))
            case IommuIoctl.IOAS_UNMAP:
                return self._unmap(at, *struct.unpack_from("<4xIQQ", self.arena, at))
            case IommuIoctl.DESTROY:
                (number,) = struct.unpack_from("<4xI", self.arena, at)
                return 0 if (number in self.spaces if self.keeps else self.spaces.pop(number, None)) else -ENOENT
            case IommuIoctl.IOAS_IOVA_RANGES:
                return self._tell(at, *struct.unpack_from("<4xIIIQ", self.arena, at))
        return 0

    def _allow(self, number: int, many: int, reserved: int, where: int) -> int:
        if reserved:
            return -EOPNOTSUPP
        if number not in self.spaces:
            return -ENOENT
        told = [struct.unpack_from("<QQ", self.arena, where - ARENA_AT + 16 * n) for n in range(many)]
        if any(first >= last for first, last in told):
            return -EINVAL
        if many > 1 and told[0][0] <= told[1][1] and told[1][0] <= told[0][1]:
            return -EINVAL
        space = self.spaces[number]
        space.allowed = [*space.allowed, *told] if self.stale else told
        return 0

    def _map(self, at: int, flags: int, number: int, reserved: int, memory: int, size: int, address: int) -> int:  # noqa: PLR0913  # its fields
        if flags & ~7 or reserved:
            return -EOPNOTSUPP
        if LARGEST in (address, size):
            return -EOVERFLOW
        if not flags & 6:
            return -EINVAL
        if number not in self.spaces:
            return -ENOENT
        if memory + size > LARGEST:
            return -EOVERFLOW
        if not size or size > LARGEST - PAGE:
            return -EINVAL
        space = self.spaces[number]
        if not flags & 1:
            return self._choose(at, space, size)
        if address + size - 1 > LARGEST:
            return -EOVERFLOW
        if not self.over and space.meets(address, address + size - 1):
            return -EEXIST
        space.areas.add((address, address + size - 1))
        return 0

    def _choose(self, at: int, space: Space, size: int) -> int:
        if size >= LARGEST // 2:
            return -EOVERFLOW
        chosen = Space(space.areas) if self.free else space
        if (address := chosen.room(size, 0 if self.first_page else PAGE)) is None:
            return -ENOSPC
        address += 2 * PAGE if self.skips else 0
        space.areas.add((address, address + size - 1))
        struct.pack_into("<32xQ", self.arena, at, address)
        return 0

    def _unmap(self, at: int, number: int, address: int, size: int) -> int:
        if number not in self.spaces:
            return -ENOENT
        everything = (address, size) == (0, LARGEST)
        if not everything and LARGEST in (address, size):
            return -EOVERFLOW
        if not size:
            return -EINVAL
        last = LARGEST if everything else address + size - 1
        if last > LARGEST:
            return -EOVERFLOW
        areas, gone = self.spaces[number].areas, 0
        for one in sorted(areas):
            if one[0] <= last and address <= one[1]:
                if not self.splits and (one[0] < address or last < one[1]):
                    return -ENOENT
                areas.remove(one)
                gone += one[1] - one[0] + 1
        struct.pack_into("<16xQ", self.arena, at, gone - (1 if self.short and gone > 1 else 0))
        return 0 if gone or everything else -ENOENT

    def _tell(self, at: int, number: int, room: int, reserved: int, where: int) -> int:
        assert not reserved
        if number not in self.spaces:
            return -ENOENT
        struct.pack_into("<8xI", self.arena, at, len(self.ranges))
        for n, one in enumerate(self.ranges[:room]):
            struct.pack_into("<QQ", self.arena, where - ARENA_AT + 16 * n, *one)
        return -EMSGSIZE if len(self.ranges) > room else 0
