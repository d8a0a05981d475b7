"""IO address spaces of an iommufd on a guest: IOAS_MAP, IOAS_UNMAP and DESTROY, where no device is bound; addresses are bytes."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import ARENA, Batch, Line, Round, There
from tenure.gate.linux.edges import PAGE, Ranges
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.sysfs import folder
from tenure.gate.subject import NotRun, Setup, Shown, TargetFailed, Written
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

WORKER = "0"
"""Who has the iommufd."""

LARGEST = (1 << 64) - 1
"""ULONG_MAX: as an address and as a length it is too large, though the byte is there."""

LONGEST = {"ioas_map_fixed": LARGEST - PAGE, "ioas_unmap": LARGEST - 1}
"""The longest range that a call takes: behind what is mapped a page must fit."""

MEMORY = 0x200000001
"""The memory that is mapped: nothing is there, for without a device nobody looks; and it begins in the middle of a page."""

ACCESSES = {
    "none": 0,
    "read": iommufd.READABLE,
    "write": iommufd.WRITEABLE,
    "both": iommufd.READABLE | iommufd.WRITEABLE,
}

UNKNOWN_FLAG = 1 << 31

_THERE = {0: True, -errno.EMSGSIZE: True, -errno.ENOENT: False}
"""What IOAS_IOVA_RANGES returns, with no room for any, of an IO address space that is there, and of one that is not."""

PLANNED = 3
"""How many of the addresses, the first of them, planned runs are about."""

_MANY = 16
_APART = 16
"""Bytes from one IO address space to the next where their structures are kept."""


class IoSpaces:
    """One iommufd. Each of its objects is a number, which is kept where the kernel wrote it, so that runs are made ahead."""

    calls = frozenset({"ioas_alloc", "ioas_map_fixed", "ioas_unmap", "ioas_unmap_all", "destroy"})
    shows = frozenset({"address_position", "space_exists"})

    def __init__(self, guest: Guest, facts: Facts) -> None:
        if "iommu" not in folder(guest, KEEPER, "/dev"):
            raise NotRun(
                f"Linux {facts.release} has no iommufd",
                "it needs CONFIG_IOMMUFD, which stock kernels of Debian lack",
            )
        self._guest = guest
        self._edges = edges(_ranges(guest))
        self._bytes: dict[str, int] = {}
        self._tables: list[str] = []
        self._there: set[str] = set()
        """The IO address spaces that are there by what was called."""
        self._positions: dict[str, Written] = {}

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        del system
        plan = {"thread": 1, "table": 1, "mapping": 2}
        return scope_of(self._edges, {"thread": 1, "table": 2, "mapping": 5}), scope_of(self._edges[:PLANNED], plan)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """A range must have a length that the call takes, and its first byte another address than ULONG_MAX."""
        if call not in LONGEST:
            return True
        request, (address, size) = str(args["request"]), self._range(call, args)
        if request in ("unknown", "too large"):
            return True
        if request in ("range", "wraps") and size > LONGEST[call]:
            return False
        return address < LARGEST and (request != "wraps" or address + size - 1 > LARGEST)

    def settle(self) -> str:
        batch = Batch(WORKER)
        batch.close_all(FIRST_FILE)
        pinned = batch.file("/proc/self/status", "VmPin:")
        self._guest.ask(batch)
        return "pages are pinned though everything is closed" if int(batch.content(pinned).split()[1]) else ""

    def reset(self, setup: Setup) -> None:
        self._positions = dict(setup.fixed["address_position"])
        self._bytes = {name: int(at) for name, at in self._positions.items()}
        self._tables = [f"tb{n}" for n in range(setup.objects["table"])]
        self._there = set()
        batch = Batch(WORKER)
        batch.close_all(FIRST_FILE)
        opened = batch.open("/dev/iommu")
        for table in self._tables:
            self._forget(batch, table)
        self._guest.ask(batch)
        if batch.number(opened) != FIRST_FILE:
            raise TargetFailed("the iommufd that a run starts with cannot be opened", "the console says why")

    def last(self, call: str) -> bool:
        del call
        return False

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        del call, args
        return frozenset()

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        batch = using.of(WORKER)
        if call == "ioas_alloc":
            return _plain(batch, self._alloc(batch, str(args["made"])))
        table = str(args["table"])
        if call == "destroy":
            self._there.discard(table)
            return _plain(batch, self._ioctl(batch, IommuIoctl.DESTROY, iommufd.destroy(0), iommufd.DESTROY_OF, table))
        if call == "ioas_map_fixed":
            request = self._map(args)
            return _plain(batch, self._ioctl(batch, IommuIoctl.IOAS_MAP, request, iommufd.MAP_OF, table))
        address, size = (0, LARGEST) if call == "ioas_unmap_all" else self._range(call, args)
        return self._unmap(batch, iommufd.ioas_unmap(address, size), table)

    def _alloc(self, batch: Batch, made: str) -> Line:
        """Those that are gone keep their numbers until others may get these."""
        self._there.add(made)
        for table in self._tables:
            if table not in self._there:
                self._forget(batch, table)
        at = batch.put_last(iommufd.IOAS_ALLOC, self._kept(made))
        return batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_ALLOC, at)

    def _forget(self, batch: Batch, table: str) -> None:
        """The IO address space has a number that none has."""
        batch.put_last(struct.pack("<I", iommufd.NO_OBJECT), self._kept(table) + iommufd.ALLOCATED)

    def _kept(self, table: str) -> int:
        """Where on the last page its structure of IOAS_ALLOC is."""
        return _APART * self._tables.index(table)

    def _number(self, table: str) -> There:
        return There(ARENA - PAGE + self._kept(table) + iommufd.ALLOCATED)

    def _ioctl(self, batch: Batch, request: IommuIoctl, structure: bytes, of: int, table: str) -> Line:
        """Make an ioctl about an IO address space."""
        return batch.ioctl(FIRST_FILE, request, batch.put_with_number(structure, of, self._number(table)))

    def _unmap(self, batch: Batch, structure: bytes, table: str) -> Callable[[], Answer | None]:
        at = batch.put_with_number(structure, iommufd.UNMAP_OF, self._number(table))
        done = batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_UNMAP, at)
        back = batch.take(at, len(structure))

        def read() -> Answer | None:
            if batch.number(done) < 0:
                return answer(batch.number(done))
            return Done((("size", batch.fields(back, iommufd.UNMAPPED)[0]),))

        return read

    def _map(self, args: Mapping[str, Written]) -> bytes:
        """The structure for a request: as it is, or with just what is said to be wrong with it."""
        address, size = self._range("ioas_map_fixed", args)
        flags = iommufd.FIXED | ACCESSES[str(args["to"])]
        memory = min(MEMORY, LARGEST - size)
        if args["request"] == "unknown":
            flags |= UNKNOWN_FLAG
        if args["request"] == "target wraps":  # it ends on the last byte, which is one too far, or behind it
            memory, size = LARGEST - address % 2, 2
        return iommufd.ioas_map(flags, memory, address, size)

    def _range(self, call: str, args: Mapping[str, Written]) -> tuple[int, int]:
        """The first byte and the length of what is asked for; what is wrong with it is so in one way or in another."""
        low, high = (self._bytes[str(args[end])] for end in ("low", "high"))
        one_way = low % 2 == 0
        match args["request"]:
            case "empty" if one_way or call == "ioas_unmap":
                return low, 0
            case "empty":  # of a length behind which no page fits nothing is mapped either, and it is told so
                return low, LONGEST[call] + 1
            case "wraps":
                return low, LARGEST - low + 2 if one_way else LONGEST[call]
            case "too large" if one_way or low == LARGEST:
                return LARGEST, 1
            case "too large":
                return low, LARGEST
        return low, high - low + 1

    def look(self, using: Round) -> Callable[[], Shown]:
        """Which IO address spaces are there: the kernel tells nothing of their areas."""
        batch = using.of(WORKER)
        asked = {
            table: self._ioctl(batch, IommuIoctl.IOAS_IOVA_RANGES, iommufd.iova_ranges(), iommufd.RANGES_OF, table)
            for table in self._tables
        }

        def read() -> Shown:
            said = {table: batch.number(line) for table, line in asked.items()}
            there: dict[str, Written] = {table: _THERE.get(one, f"errno {-one}") for table, one in said.items()}
            return {"address_position": self._positions, "space_exists": there}

        return read


def edges(ranges: Ranges) -> tuple[int, ...]:
    """Bytes at which something begins or ends: the last page, the last byte and the valid ranges; one in the middle.

    The first two are beside one another, and everything can be asked of them. Areas that end at these bytes never are all
    of 2^64: of so many the kernel's numbers would say 0.
    """
    (first, last), (_, top) = ranges[0], ranges[-1]
    wanted = [top - PAGE, top - PAGE + 1, top - 1, top, first, first + PAGE, (first + last) // 2]
    ends = [at for one in ranges for at in one]
    return tuple(dict.fromkeys(at for at in (*wanted, *ends) if 0 <= at <= LARGEST))


def scope_of(edges: tuple[int, ...], sizes: dict[str, int]) -> Scope:
    """The scope in which the oracle has these bytes."""
    return Scope({**sizes, "address": len(edges)}, {"position": edges})


def _plain(batch: Batch, line: Line) -> Callable[[], Answer | None]:
    """What says nothing but whether it was done."""
    return lambda: answer(batch.number(line))


def _ranges(guest: Guest) -> Ranges:
    """The ranges of an IO address space without a device, as its kernel tells them. The process that has the iommufds is made."""
    hub, batch = Batch("hub"), Batch(WORKER)
    hub.order(f"spawn {WORKER}")
    opened = batch.open("/dev/iommu")
    allocated, back = batch.ioctl_back(FIRST_FILE, IommuIoctl.IOAS_ALLOC, iommufd.IOAS_ALLOC)
    guest.ask(hub, batch)
    said = [batch.number(opened), batch.number(allocated)]
    if said == [FIRST_FILE, 0]:
        (number,) = batch.fields(back, iommufd.MADE)
        batch = Batch(WORKER)
        room = batch.put(bytes(_MANY * 16))
        at = batch.put_with_address(iommufd.iova_ranges(number, _MANY), iommufd.RANGES_ADDRESS, room)
        asked = batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_IOVA_RANGES, at)
        many, told = batch.take(at, 32), batch.take(room, _MANY * 16)
        guest.ask(batch)
        said.append(batch.number(asked))
        if said[-1] == 0 and (count := batch.fields(many, iommufd.RANGES_MANY)[0]):
            found = batch.fields(told, f"<{2 * count}Q")
            return tuple(zip(found[::2], found[1::2], strict=True))
    raise TargetFailed(f"an iommufd gives no IO address space: {said}", "the console says why")
