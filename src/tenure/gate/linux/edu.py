"""QEMU's edu, a device that moves bytes between memory and itself: what it is told through its registers."""

from __future__ import annotations

import struct
from enum import IntEnum

from tenure.gate.linux import vfio
from tenure.gate.linux.batch import ARENA, PAGE, At, Batch, Line, Number
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import TargetFailed

FILE = 200
"""The number that the device's file gets: behind all others."""

WORD = 8
"""How many bytes are moved at a time."""

BUFFER = 0x40000
"""Where the device has memory of its own, as it counts; nobody else can see it."""

IDENTITY = 0x010000ED
NARROW = 1 << 32
"""Older kernels write no more than 4 bytes at once (6.1 does), and the device takes the rest of an address for zero."""

_REGISTERS, _CONFIGURATION = 0, 7
_COMMAND = 4
MEMORY_AND_MASTER = 6
"""What its command register is told: to answer at its registers, and to move bytes by itself."""

_RUN, _TO_MEMORY = 1, 2
_TENTH = struct.pack("<qq", 0, 102_000_000)
_SOON = struct.pack("<qq", 0, 5_000_000)
_LOOKS = 400
"""How often it is asked whether it is ready."""


class Register(IntEnum):
    """Registers of the device."""

    IDENTITY = 0x00
    SOURCE = 0x80
    DESTINATION = 0x88
    COUNT = 0x90
    COMMAND = 0x98


class Edu:
    """An open device; `shut` lets it go."""

    def __init__(self, guest: Guest, target: str, group: int, device: str) -> None:
        """Open it by the group's file, and let it reach memory."""
        self._guest = guest
        self._target = target
        self._registers, configuration = self._regions(group, device)
        batch = Batch(target)
        self._write(batch, configuration + _COMMAND, MEMORY_AND_MASTER, 2)
        identity = self._read(batch, Register.IDENTITY, 4)
        wide = (1 << 40) + PAGE
        self._write(batch, self._registers + Register.SOURCE, wide, WORD)
        told = self._read(batch, Register.SOURCE, WORD)
        guest.ask(batch)
        if (said := _number(batch, identity)) != IDENTITY:
            raise TargetFailed(f"{device} says that it is {said:#x}", f"QEMU's edu says {IDENTITY:#x}")
        self.wide = _number(batch, told) == wide
        """It can be told addresses of more than 32 bits."""

    def _regions(self, group: int, device: str) -> tuple[int, int]:
        """From where on in the device's file its registers and its configuration are."""
        batch = Batch(self._target)
        opened = batch.ioctl(group, Ioctl.GROUP_GET_DEVICE_FD, device.encode() + b"\0")
        batch.move(opened, FILE)
        asked = [
            batch.ioctl_back(FILE, Ioctl.DEVICE_GET_REGION_INFO, vfio.region_info(index))
            for index in (_REGISTERS, _CONFIGURATION)
        ]
        self._guest.ask(batch)
        if any(batch.number(line) < 0 for line in (opened, *(done for done, _ in asked))):
            raise TargetFailed(f"{device} cannot be opened to move bytes: {batch.numbers}", "the console says why")
        registers, configuration = (batch.fields(back, vfio.REGION_OFFSET)[0] for _, back in asked)
        return registers, configuration

    def fetch(self, address: int) -> None:
        """Have it read a word of memory into its own."""
        self._transfer(address, BUFFER, _RUN)

    def store(self, address: int) -> None:
        """Have it write the word that it read last into memory."""
        self._transfer(BUFFER, address, _RUN | _TO_MEMORY)

    def shut(self) -> None:
        """Close its file."""
        batch = Batch(self._target)
        batch.call(Number.CLOSE, FILE)
        self._guest.ask(batch)

    def _transfer(self, source: int, destination: int, command: int) -> None:
        batch = Batch(self._target)
        size = WORD if self.wide else WORD // 2
        self._write(batch, self._registers + Register.SOURCE, source, size)
        self._write(batch, self._registers + Register.DESTINATION, destination, size)
        self._write(batch, self._registers + Register.COUNT, WORD, size)
        self._write(batch, self._registers + Register.COMMAND, command, size)
        pause = _TENTH
        for _ in range(_LOOKS):
            batch.call(Number.NANOSLEEP, batch.put(pause), 0)
            ready = self._read(batch, Register.COMMAND, 4)
            self._guest.ask(batch)
            if not _number(batch, ready) & _RUN:
                return
            batch, pause = Batch(self._target), _SOON
        raise TargetFailed("a device does not end its transfer", "is the machine very busy?")

    def _write(self, batch: Batch, offset: int, value: int, size: int) -> None:
        batch.call(Number.PWRITE64, FILE, batch.put(value.to_bytes(size, "little")), size, offset)

    def _read(self, batch: Batch, register: Register, size: int) -> Line:
        """What a register says; nothing where it cannot be read."""
        room = batch.put(bytes(size))
        batch.call(Number.PREAD64, FILE, room, size, self._registers + register)
        return batch.take(room, size)


def _number(batch: Batch, line: Line) -> int:
    return int.from_bytes(batch.content(line), "little")


OWN = At(ARENA - PAGE)
"""A page of the agent's own memory, which is mapped for the device alone."""
