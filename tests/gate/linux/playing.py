"""A guest that is played with a container, memory and QEMU's edu: what a device writes arrives where it is mapped."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tenure.gate.linux.batch import ARENA, Batch, Number
from tenure.gate.linux.edges import FEW, PAGE
from tenure.gate.linux.edu import BUFFER, IDENTITY, Register
from tenure.gate.linux.type1 import MEMORY, MOST
from tenure.gate.linux.vfio import Ioctl

ARENA_AT = 0x100000000
REGISTERS, CONFIGURATION = 0, 7 << 40


@dataclass
class Mapping:
    """A range of addresses with the memory of a process behind it."""

    container: int
    address: int
    size: int
    process: str
    memory: int
    access: int
    listed: bool = True


@dataclass
class Process:
    """A worker: its arena, the memory that it maps, its files by number."""

    number: str = ""
    arena: bytearray = field(default_factory=lambda: bytearray(ARENA))
    memory: bytearray = field(default_factory=lambda: bytearray(FEW * PAGE))
    files: dict[int, str] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)


@dataclass
class Bus:
    """Two containers of which the first has an edu, by one process and another; some things about it may be wrong."""

    keeps: bool = False
    """An unmap takes a mapping out of the list, and the IOMMU goes on translating for it."""
    deaf: bool = False
    """The device moves nothing."""
    shifts: int = 0
    """The device reaches memory so many bytes further on."""
    lax: bool = False
    """What may be written may be read."""
    narrow: bool = False
    """No more than 4 bytes are written at once."""
    runs: bool = True
    heard: list[tuple[Batch, ...]] = field(default_factory=list)
    moved: list[tuple[str, int]] = field(default_factory=list)
    """What the device did: read or wrote, and where."""

    def __post_init__(self) -> None:
        self.processes: dict[str, Process] = {}
        self.mappings: list[Mapping] = []
        self.registers = {Register.IDENTITY.value: IDENTITY}
        self.word = bytes(8)
        self.master = False
        self.born = 99

    def end(self) -> None:
        """Stop."""
        self.runs = False

    def ask(self, *batches: Batch, limit: float = 0) -> None:
        """Make every line."""
        del limit
        self.heard.append(batches)
        for batch in batches:
            process = self.processes.setdefault(batch.target, Process())
            process.lines = []
            for line in batch.lines:
                said = self._line(batch.target, process, line)
                process.lines.append(int(said) if said.lstrip("-").isdigit() and len(said) < 19 else 0)
                batch.replies.append(said)

    def _line(self, target: str, process: Process, line: str) -> str:
        kind, *words = line.split()
        match kind:
            case "s":
                arguments = [self._argument(process, word) for word in words]
                return str(self._call(target, process, arguments + [0] * (7 - len(arguments))))
            case "w":
                content = bytes.fromhex(words[1])
                process.arena[int(words[0]) : int(words[0]) + len(content)] = content
            case "p":
                struct.pack_into("<Q", process.arena, int(words[0]), self._argument(process, words[1]))
            case "r":
                return process.arena[int(words[0]) : int(words[0]) + int(words[1])].hex()
            case "f":
                return f"VmLck:\t{self._locked(words[0].split('/')[2]) // 1024:8} kB".encode().hex()
            case "spawn":
                self.born += 1
                self.processes[words[0]] = Process(str(self.born))
                return str(self.born)
        return "0"

    def _locked(self, number: str) -> int:
        return sum(one.size for one in self.mappings if one.listed and self.processes[one.process].number == number)

    def _argument(self, process: Process, word: str) -> int:
        if word.startswith("@"):
            return ARENA_AT + int(word[1:])
        return process.lines[int(word[1:])] if word.startswith("$") else int(word)

    def _call(self, target: str, process: Process, a: list[int]) -> int:
        match a[0]:
            case Number.OPENAT | Number.PIDFD_OPEN | Number.PIDFD_GETFD:
                return self._file(process, "file")
            case Number.DUP3:
                process.files[a[2]] = process.files.get(a[1], "")
            case Number.CLOSE_RANGE:
                process.files = {}
                self.mappings = []
            case Number.CLOSE:
                process.files.pop(a[1], None)
            case Number.WRITE:
                return a[3]
            case Number.IOCTL:
                return self._ioctl(target, process, a)
            case Number.PREAD64 | Number.PWRITE64:
                return self._moved_by_hand(target, process, a)
        return 0

    def _file(self, process: Process, what: str) -> int:
        number = next(n for n in range(4, 300) if n not in process.files)
        process.files[number] = what
        return number

    def _ioctl(self, target: str, process: Process, a: list[int]) -> int:
        at = a[3] - ARENA_AT
        match a[2]:
            case Ioctl.GROUP_GET_DEVICE_FD:
                return self._file(process, "device")
            case Ioctl.DEVICE_GET_REGION_INFO:
                (index,) = struct.unpack_from("<8xI", process.arena, at)
                struct.pack_into("<24xQ", process.arena, at, index << 40)
            case Ioctl.IOMMU_MAP_DMA:
                _, access, memory, address, size = struct.unpack_from("<IIQQQ", process.arena, at)
                self.mappings.append(Mapping(a[1], address, size, target, memory, access))
            case Ioctl.IOMMU_UNMAP_DMA:
                struct.pack_into("<16xQ", process.arena, at, self._unmap(process, a[1], at))
            case Ioctl.IOMMU_GET_INFO:
                process.arena[at : at + 256] = self._info(a[1])
        return 0

    def _unmap(self, process: Process, container: int, at: int) -> int:
        _, flags, address, size = struct.unpack_from("<IIQQ", process.arena, at)
        of_it = [one for one in self.mappings if one.listed and one.container == container]
        gone = [one for one in of_it if flags or address <= one.address < address + size]
        for one in gone:
            one.listed = False
        if not self.keeps:
            self.mappings = [one for one in self.mappings if one.listed]
        return sum(one.size for one in gone)

    def _info(self, container: int) -> bytes:
        left = MOST - sum(one.listed for one in self.mappings if one.container == container)
        chain = struct.pack("<HHI", 3, 1, 0) + struct.pack("<I", left)
        return (struct.pack("<IIQII", 256, 3, PAGE, 24, 0) + chain).ljust(256, b"\0")

    def _moved_by_hand(self, target: str, process: Process, a: list[int]) -> int:
        """Pread and pwrite: of a process's own memory, or of the device."""
        number, file, at, size, offset = a[:5]
        room = slice(at - ARENA_AT, at - ARENA_AT + size)
        if process.files[file] != "device":
            if number == Number.PREAD64:
                process.arena[room] = process.memory[offset - MEMORY : offset - MEMORY + size]
            else:
                process.memory[offset - MEMORY : offset - MEMORY + size] = process.arena[room]
            return size
        if number == Number.PREAD64:
            value = self.registers.get(offset, 0)
            process.arena[room] = value.to_bytes(16, "little")[:size]
            return size
        value = int.from_bytes(process.arena[room], "little")
        if offset == CONFIGURATION + 4:
            self.master = bool(value & 4)
            return size
        self.registers[offset] = value & 0xFFFFFFFF if self.narrow else value
        if offset == Register.COMMAND:
            self._transfer(value)
        del target
        return size

    def _transfer(self, command: int) -> None:
        writes = bool(command & 2)
        self.registers[Register.COMMAND.value] = 0
        ours, theirs = (Register.SOURCE, Register.DESTINATION) if writes else (Register.DESTINATION, Register.SOURCE)
        assert self.registers[ours.value] == BUFFER
        address = self.registers[theirs.value]
        self.moved.append(("write" if writes else "read", address))
        found = self._behind(address, 2 if writes else 1)
        if found is None or self.deaf or not self.master:
            self.word = self.word if writes else bytes(8)
            return
        memory, at = found
        if writes:
            memory[at : at + 8] = self.word
        else:
            self.word = bytes(memory[at : at + 8])

    def _behind(self, address: int, way: int) -> tuple[bytearray, int] | None:
        for one in self.mappings:
            allowed = one.access | (1 if self.lax else 0)
            if one.address <= address < one.address + one.size and allowed & way:
                at = one.memory + address - one.address
                process = self.processes[one.process]
                if at >= MEMORY:
                    return process.memory, (at - MEMORY + self.shifts) % (FEW * PAGE)
                return process.arena, at - ARENA_AT
        return None
