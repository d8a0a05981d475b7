"""A guest that is played with iommufds and device files: objects and who relies on them, by structures; it may be wrong."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tenure.gate.linux.batch import ARENA, Batch, Number
from tenure.gate.linux.iommufd import CdevIoctl, IommuIoctl

ARENA_AT = 0x100000000

ENOENT, EBADF, EBUSY, EINVAL, EBADFD, EOPNOTSUPP = 2, 9, 16, 22, 77, 95


@dataclass(eq=False)
class Object:
    """An object of an iommufd, and how many rely on it."""

    kind: str
    users: int = 1
    ioas: Object | None = None
    auto: bool = False


@dataclass(eq=False)
class File:
    """A file, how many refer to it, and what is behind it."""

    path: str = ""
    references: int = 0
    table: dict[int, Object] = field(default_factory=dict)
    bound: File | None = None
    number: int = 0
    attached: Object | None = None
    of: str = ""
    """The worker that a pidfd is for."""


@dataclass
class Worker:
    """A process of the guest."""

    files: dict[int, File] = field(default_factory=dict)
    arena: bytearray = field(default_factory=lambda: bytearray(ARENA))
    lines: list[int] = field(default_factory=list)


@dataclass
class Objects:
    """A guest; some things about it may be wrong."""

    emulated: bool = True
    """Its devices are."""
    lax: bool = False
    """DESTROY takes what others rely on."""
    vague: bool = False
    """DESTROY says ENOENT of what others rely on."""
    keeps: bool = False
    """A detach leaves the IO address space counted."""
    stays: bool = False
    """A close leaves a device bound."""
    runs: bool = True
    heard: list[tuple[Batch, ...]] = field(default_factory=list)
    workers: dict[str, Worker] = field(default_factory=dict)
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    """The structures of the ioctls that were made, as the kernel found them."""
    open_devices: set[File] = field(default_factory=set)
    born: int = 99

    def end(self) -> None:
        """Stop."""
        self.runs = False

    def ask(self, *batches: Batch, limit: float = 0) -> None:
        """Make every line."""
        del limit
        self.heard.append(batches)
        for batch in batches:
            worker = self.workers.setdefault(batch.target, Worker())
            worker.lines = []
            for line in batch.lines:
                said = self._line(worker, line)
                worker.lines.append(int(said) if said.lstrip("-").isdigit() and len(said) < 19 else 0)
                batch.replies.append(said)

    def _line(self, worker: Worker, line: str) -> str:
        kind, *words = line.split()
        match kind:
            case "s":
                arguments = [self._argument(worker, word) for word in words]
                return str(self._call(worker, arguments + [0] * (7 - len(arguments))))
            case "w":
                content = bytes.fromhex(words[1])
                worker.arena[int(words[0]) : int(words[0]) + len(content)] = content
            case "p":
                struct.pack_into("<q", worker.arena, int(words[0]), self._argument(worker, words[1]))
            case "r":
                return worker.arena[int(words[0]) : int(words[0]) + int(words[1])].hex()
            case "kill":
                self._close_from(self.workers.pop(words[0], Worker()), 0)
            case "spawn":
                self.born += 1
                self.workers[words[0]] = Worker()
                self.workers[words[0]].files[0] = File(of=str(self.born))
                return str(self.born)
        return "0"

    def _argument(self, worker: Worker, word: str) -> int:
        if word.startswith("*"):
            return int(struct.unpack_from("<i", worker.arena, int(word[1:]))[0])
        if word.startswith("$"):
            return worker.lines[int(word[1:])]
        return ARENA_AT + int(word[1:]) if word.startswith("@") else int(word)

    def _call(self, worker: Worker, a: list[int]) -> int:
        match a[0]:
            case Number.OPENAT:
                at = a[2] - ARENA_AT
                return self._open(worker, File(worker.arena[at : worker.arena.index(0, at)].decode()))
            case Number.PIDFD_OPEN:
                return self._open(worker, File(of=str(a[1])))
            case Number.PIDFD_GETFD:
                return self._fetch(worker, worker.files[a[1]].of, a[2])
            case Number.DUP3:
                if a[1] not in worker.files:
                    return -EBADF
                self._close(worker, a[2])
                worker.files[a[2]] = worker.files[a[1]]
                worker.files[a[2]].references += 1
            case Number.CLOSE:
                return self._close(worker, a[1])
            case Number.CLOSE_RANGE:
                self._close_from(worker, a[1])
            case Number.IOCTL:
                return self._ioctl(worker, a)
        return 0

    def _open(self, worker: Worker, file: File) -> int:
        number = next(n for n in range(4, 99) if n not in worker.files)
        worker.files[number] = file
        file.references += 1
        if "devices" in file.path:
            self.open_devices.add(file)
        return number

    def _fetch(self, worker: Worker, pid: str, number: int) -> int:
        (owner,) = [w for w in self.workers.values() if 0 in w.files and w.files[0].of == pid]
        return self._open(worker, owner.files[number]) if number in owner.files else -EBADF

    def _close_from(self, worker: Worker, first: int) -> None:
        for number in [n for n in worker.files if n >= first and n]:
            self._close(worker, number)

    def _close(self, worker: Worker, number: int) -> int:
        if number not in worker.files:
            return -EBADF
        self._put(worker.files.pop(number))
        return 0

    def _put(self, file: File) -> None:
        file.references -= 1
        if file.references or (self.stays and file.bound is not None):
            return
        self.open_devices.discard(file)
        if file.bound is not None:
            self._leave(file)
            del file.bound.table[file.number]
            self._put(file.bound)

    def _ioctl(self, worker: Worker, a: list[int]) -> int:
        if a[1] not in worker.files:
            return -EBADF
        file, at = worker.files[a[1]], a[3] - ARENA_AT
        (size,) = struct.unpack_from("<I", worker.arena, at)
        self.asked.append((a[2], bytes(worker.arena[at : at + size])))
        told = struct.unpack_from("<IIIIII", worker.arena, at)
        match a[2]:
            case IommuIoctl.IOAS_ALLOC:
                struct.pack_into("<I", worker.arena, at + 8, _listed(file, Object("ioas")))
            case IommuIoctl.IOAS_IOVA_RANGES:
                return 0 if _kind(file, told[1]) == "ioas" else -ENOENT
            case IommuIoctl.DESTROY:
                return self._destroy(file, told[1])
            case IommuIoctl.HWPT_ALLOC:
                return _hwpt_alloc(worker, file, at, told)
            case CdevIoctl.DEVICE_BIND_IOMMUFD:
                return self._bind(worker, file, at, told[2])
            case CdevIoctl.DEVICE_ATTACH_IOMMUFD_PT:
                return self._attach(worker, file, at, told[2])
            case CdevIoctl.DEVICE_DETACH_IOMMUFD_PT:
                if file.bound is None:
                    return -EINVAL
                self._leave(file)
        return 0

    def _destroy(self, file: File, number: int) -> int:
        if number not in file.table:
            return -ENOENT
        if file.table[number].users != 1 and not self.lax:
            return -ENOENT if self.vague else -EBUSY
        _free(file, number)
        return 0

    def _bind(self, worker: Worker, file: File, at: int, number: int) -> int:
        if file.bound is not None:
            return -EINVAL
        if number not in worker.files:
            return -EBADF
        other = worker.files[number]
        if other.path != "/dev/iommu":
            return -EBADFD
        if any(one.bound is not None and one.path == file.path for one in self.open_devices):
            return -EINVAL
        file.number = _listed(other, Object("access" if self.emulated else "device", 2))
        file.bound = other
        other.references += 1
        struct.pack_into("<I", worker.arena, at + 12, file.number)
        return 0

    def _attach(self, worker: Worker, file: File, at: int, number: int) -> int:
        if file.bound is None:
            return -EINVAL
        wanted = file.bound.table.get(number)
        if wanted is None or (self.emulated and wanted.kind != "ioas"):
            return -ENOENT
        if wanted.kind not in ("ioas", "hwpt"):
            return -EINVAL
        if not self.emulated and wanted.kind == "ioas":
            wanted = self._made_for(file.bound, wanted)
        if file.attached is not wanted:
            wanted.users += 1
            self._leave(file)
            file.attached = wanted
        struct.pack_into("<I", worker.arena, at + 8, next(n for n, o in file.bound.table.items() if o is wanted))
        return 0

    def _made_for(self, iommufd: File, ioas: Object) -> Object:
        for one in iommufd.table.values():
            if one.ioas is ioas and one.auto:
                return one
        ioas.users += 1
        made = Object("hwpt", 1, ioas, auto=True)
        _listed(iommufd, made)
        return made

    def _leave(self, file: File) -> None:
        old, file.attached = file.attached, None
        if old is None or self.keeps or file.bound is None:
            return
        old.users -= 1
        if old.auto and old.users == 1:
            _free(file.bound, next(n for n, o in file.bound.table.items() if o is old))


def _kind(file: File, number: int) -> str:
    return file.table[number].kind if number in file.table else ""


def _listed(file: File, made: Object) -> int:
    """Its number, the lowest that is free."""
    number = next(n for n in range(1, 99) if n not in file.table)
    file.table[number] = made
    return number


def _free(file: File, number: int) -> None:
    gone = file.table.pop(number)
    if gone.ioas is not None:
        gone.ioas.users -= 1


def _hwpt_alloc(worker: Worker, file: File, at: int, told: tuple[int, ...]) -> int:
    if _kind(file, told[2]) != "device":
        return -ENOENT
    if _kind(file, told[3]) != "ioas":
        return -EOPNOTSUPP if _kind(file, told[3]) == "hwpt" else -EINVAL
    ioas = file.table[told[3]]
    ioas.users += 1
    struct.pack_into("<I", worker.arena, at + 16, _listed(file, Object("hwpt", 1, ioas)))
    return 0
