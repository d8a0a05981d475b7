"""Batches: system calls in a row, made by one process of the guest, and what they returned."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from enum import IntEnum

from tenure.gate.subject import TargetFailed

ARENA = 1 << 20
"""Bytes of memory that calls may point to."""


PAGE = 4096
"""Bytes of a page of it."""

LINK = 128
"""Bytes of what a link points to, at most."""


class Number(IntEnum):
    """System calls of Linux on x86-64."""

    READ = 0
    WRITE = 1
    CLOSE = 3
    MMAP = 9
    MPROTECT = 10
    IOCTL = 16
    PREAD64 = 17
    PWRITE64 = 18
    NANOSLEEP = 35
    CAPSET = 126
    GETDENTS64 = 217
    OPENAT = 257
    READLINKAT = 267
    FACCESSAT = 269
    DUP3 = 292
    PRLIMIT64 = 302
    PIDFD_OPEN = 434
    CLOSE_RANGE = 436
    PIDFD_GETFD = 438


AT_FDCWD = -100
_MANY = 500
_WORD = 4


@dataclass(frozen=True, slots=True)
class At:
    """A place in the memory that calls may point to."""

    offset: int

    def __str__(self) -> str:
        return f"@{self.offset}"


@dataclass(frozen=True, slots=True)
class There:
    """The number of 32 bits that stands at a place of this memory when the call is made."""

    offset: int

    def __str__(self) -> str:
        return f"*{self.offset}"


@dataclass(frozen=True, slots=True)
class Line:
    """What an earlier line of the batch returned, or will."""

    number: int

    def __str__(self) -> str:
        return f"${self.number}"


Argument = int | At | There | Line


@dataclass
class Batch:
    """Lines for one process, and its replies once they are there."""

    target: str
    lines: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    _used: int = 0

    @property
    def used(self) -> int:
        """How many bytes of the memory that calls may point to are taken."""
        return self._used

    @property
    def full(self) -> bool:
        """There may not be room for another call and what it says."""
        return self._used > ARENA // 4 or len(self.lines) > _MANY

    def call(self, number: Number, *arguments: Argument) -> Line:
        """Make a system call; what is not given is zero."""
        return self._line(f"s {int(number)} {' '.join(map(_word, arguments))}")

    def put(self, content: bytes, room: int = 0) -> At:
        """Bytes to point to, in so much room."""
        at = At(self._used)
        self._used += (max(len(content), room) + 15) // 16 * 16
        if self._used > ARENA - PAGE:
            raise ValueError("a batch points to more memory than there is")
        if content:
            self._line(f"w {at.offset} {content.hex()}")
        return at

    def put_last(self, content: bytes, offset: int = 0) -> At:
        """Bytes to point to on the last page, where nothing else is put."""
        at = At(ARENA - PAGE + offset)
        self._line(f"w {at.offset} {content.hex()}")
        return at

    def put_with_address(self, content: bytes, offset: int, of: At) -> At:
        """Bytes to point to, of which eight, from this offset on, are the address of another place."""
        at = self.put(content)
        self.point(at, offset, of)
        return at

    def point(self, at: At, offset: int, of: At | There) -> None:
        """Put the address of another place, or the number that stands there in eight bytes, so far into what was put there."""
        self._line(f"p {at.offset + offset} {of}")

    def put_with_number(self, content: bytes, offset: int, of: There) -> At:
        """Bytes to point to, of which four, from this offset on, are the number that stands at another place."""
        at = self.put(content, len(content) + _WORD)
        behind = offset + _WORD
        self._line(f"p {at.offset + offset} {of}")  # this writes eight bytes, as wide as an address is
        if over := content[behind : behind + _WORD]:
            self._line(f"w {at.offset + behind} {over.hex()}")
        return at

    def take(self, at: At, size: int) -> Line:
        """Bytes as they are now."""
        return self._line(f"r {at.offset} {size}")

    def file(self, path: str, word: str = "") -> Line:
        """What a file says, or its first line that begins with a word."""
        return self._line(f"f {path} {word}".rstrip())

    def order(self, text: str) -> Line:
        """A line as the agent has it."""
        return self._line(text)

    def open(self, path: str, flags: int = os.O_RDWR | os.O_CLOEXEC) -> Line:
        """Open a file of the guest."""
        return self.call(Number.OPENAT, AT_FDCWD, self.put(path.encode() + b"\0"), flags)

    def close_all(self, first: int) -> None:
        """Close every file from this number on."""
        self.call(Number.CLOSE_RANGE, first, (1 << 32) - 1, 0)

    def move(self, file: Line | There, to: int) -> None:
        """Give a file that was just opened another number; where it was not opened, nothing happens."""
        self.call(Number.DUP3, file, to, os.O_CLOEXEC)
        self.call(Number.CLOSE, file)

    def write(self, path: str, text: str) -> Line:
        """Write a text into a file of the guest; what write returned."""
        file = self.open(path, os.O_WRONLY | os.O_CLOEXEC)
        wrote = self.call(Number.WRITE, file, self.put(text.encode()), len(text))
        self.call(Number.CLOSE, file)
        return wrote

    def link(self, path: str) -> tuple[Line, Line]:
        """Where a link points to."""
        room = self.put(b"", LINK)
        return self.call(Number.READLINKAT, AT_FDCWD, self.put(path.encode() + b"\0"), room, LINK), self.take(
            room, LINK
        )

    def target_of(self, link: tuple[Line, Line]) -> str:
        """The last part of where a link points to; empty where there is no such link."""
        many = self.number(link[0])
        return self.content(link[1])[:many].decode().rpartition("/")[2] if many > 0 else ""

    def ioctl(self, file: int | Line, request: int, argument: bytes | int | At = 0) -> Line:
        """Make an ioctl with a number, or with a structure, or with one that was put somewhere."""
        at = self.put(argument) if isinstance(argument, bytes) else argument
        return self.call(Number.IOCTL, file, request, at)

    def ioctl_back(self, file: int | Line, request: int, argument: bytes) -> tuple[Line, Line]:
        """Make an ioctl with a structure that the kernel writes back."""
        at = self.put(argument)
        return self.call(Number.IOCTL, file, request, at), self.take(at, len(argument))

    def number(self, line: Line) -> int:
        """What a line returned: a number, or minus the errno."""
        try:
            return int(self.replies[line.number])
        except ValueError:
            raise _unreadable(self.replies[line.number]) from None

    @property
    def numbers(self) -> list[int]:
        """What its calls returned, and nothing that bytes were asked of."""
        said = zip(self.lines, self.replies, strict=True)
        return [int(reply) for line, reply in said if line.split()[0] not in ("r", "f")]

    def content(self, line: Line) -> bytes:
        """The bytes that a line returned; empty where it failed."""
        text = self.replies[line.number]
        if text.startswith("-"):
            return b""
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise _unreadable(text) from None

    def fields(self, line: Line, form: str) -> tuple[int, ...]:
        """The bytes that a line returned, as numbers of this form."""
        found: tuple[int, ...] = struct.unpack_from(form, self.content(line))
        return found

    def _line(self, text: str) -> Line:
        self.lines.append(text)
        return Line(len(self.lines) - 1)


def _word(argument: Argument) -> str:
    return str(argument % (1 << 64)) if isinstance(argument, int) else str(argument)


def _unreadable(text: str) -> TargetFailed:
    return TargetFailed(f"the agent answers {text[:40]!r}", "its transport broke")


class Round:
    """The batches of one exchange, in the order in which they are made; what one process does in a row is one batch."""

    def __init__(self, first: Batch | None = None) -> None:
        """Begin with this batch, if there is one."""
        self._batches: list[Batch] = [first] if first is not None else []

    def of(self, target: str) -> Batch:
        """The batch of this process: the one that is made last, or a new one after it."""
        last = self._batches[-1] if self._batches else None
        if last is None or last.target != target or last.full:
            last = Batch(target)
            self._batches.append(last)
        return last

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All of them."""
        return tuple(self._batches)
