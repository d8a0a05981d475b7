"""The systems of type1 on a guest: MAP_DMA and UNMAP_DMA of two containers, by a process that may lock all and one that may not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from tenure.gate.linux import vfio
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line, Number, Round
from tenure.gate.linux.edges import FEW, LAST_PAGE, PAGE, PLANNED, edges, ranges_in_pages, scope_of, valid
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, LIMIT, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import Setup, Shown, TargetFailed, Written
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

MOST = 3
"""How many mappings an address space may have: few, so that the limit is met."""

MEMORY = 0x200000000
"""Where each process has the memory that it maps."""

_READ_WRITE, _PRIVATE_ANONYMOUS_FIXED_POPULATED = 3, 0x8032
_MEMLOCK = 8
_CAPABILITIES = struct.pack("<II", 0x20080522, 0)
_HALF = PAGE // 2
_LARGEST = (1 << 64) - PAGE

ACCESSES = {"none": 0, "read": 1, "write": 2, "both": 3}

SHOWS = frozenset(
    {
        "address_position",
        "address_valid",
        "mappings_left",
        "mappings_most",
        "pages_charged",
        "pages_most",
        "pages_unlimited",
    }
)


class Type1:
    """Two processes, and as many containers as there are address spaces, each with a group of its own."""

    calls = frozenset({"map_dma", "unmap_dma", "unmap_all"})
    shows = SHOWS

    def __init__(self, guest: Guest, facts: Facts, *, version: int) -> None:
        self._guest = guest
        self._facts = facts
        self._type = version
        self._ranges = ranges_in_pages(facts.space)
        self._pages: dict[str, int] = {}
        self._files: dict[tuple[str, str], int] = {}
        """The container of each address space, as each process has it."""
        self._topped: set[str] = set()
        """The address spaces in which the last page of all was mapped since the sequence began."""
        self._same: Shown = {}
        batch = Batch(KEEPER)
        limited = batch.write(LIMIT, f"{MOST}\n")
        guest.ask(batch)
        if batch.number(limited) < 0:
            raise TargetFailed(f"{LIMIT} cannot be written", "this kernel has no such limit of mappings")

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        del system
        pages = edges(self._ranges)
        sizes = {"process": 2, "thread": 1, "table": 2, "mapping": MOST + 2}
        plan = {**sizes, "table": 1, "mapping": MOST}
        return (
            scope_of(pages, self._ranges, sizes, MOST),
            scope_of(pages[:PLANNED], self._ranges, plan, MOST - 1),
        )

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """A mapping needs memory behind it, and a size must be a number of 64 bits."""
        if call == "unmap_all":
            return True
        low, high = (self._pages[str(args[end])] for end in ("low", "high"))
        if args["request"] == "wraps":
            return low * PAGE + _LARGEST > LAST_PAGE * PAGE + PAGE
        if high - low > LAST_PAGE - 1:
            return False
        of_one_range = valid(self._ranges, low) and valid(self._ranges, low) == valid(self._ranges, high)
        return call != "map_dma" or not of_one_range or high - low < FEW

    def settle(self) -> None:
        hub = Batch("hub")
        for process in {process for process, _ in self._files}:
            hub.order(f"kill {_worker(process)}")
        if hub.lines:
            self._guest.ask(hub)

    def reset(self, setup: Setup) -> None:
        self._pages = {name: int(page) for name, page in setup.fixed["address_position"].items()}
        self._same = {name: dict(setup.fixed[name]) for name in ("address_position", "pages_most", "pages_unlimited")}
        self._same["address_valid"] = {name: valid(self._ranges, page) for name, page in self._pages.items()}
        self._topped = set()
        names = list(setup.fixed["pages_most"])
        hub = Batch("hub")
        for process in names:
            hub.order(f"kill {_worker(process)}")
        born = [hub.order(f"spawn {_worker(process)}") for process in names]
        tables = [f"tb{n}" for n in range(setup.objects["table"])]
        self._guest.ask(hub, self._opening(tables))
        self._files = {(names[0], table): FIRST_FILE + 2 * n for n, table in enumerate(tables)}
        for process in names[1:]:
            self._share(hub.number(born[0]), names[0], process, tables, setup)
        left = self._shown_space()["mappings_left"]
        if set(left) != set(tables):
            raise TargetFailed("the containers of a sequence cannot be made", "the console says why")
        self._same["mappings_most"] = left

    def _opening(self, tables: list[str]) -> Batch:
        """The first process makes the address spaces: each container is followed by the group that goes into it."""
        batch = Batch("0")
        for number, (_, device) in enumerate(zip(tables, self._facts.alone(), strict=False)):
            container = batch.open("/dev/vfio/vfio")
            group = batch.open(f"/dev/vfio/{self._facts.groups[device]}")
            batch.ioctl(group, Ioctl.GROUP_SET_CONTAINER, vfio.number(FIRST_FILE + 2 * number))
            batch.ioctl(container, Ioctl.SET_IOMMU, self._type)
        _memory(batch)
        return batch

    def _share(self, pid: int, owner: str, process: str, tables: list[str], setup: Setup) -> None:
        """Another process has the containers too; it may lock so many pages, and has no privilege."""
        batch = Batch(_worker(process))
        source = batch.call(Number.PIDFD_OPEN, pid, 0)
        got = [batch.call(Number.PIDFD_GETFD, source, self._files[owner, table], 0) for table in tables]
        _memory(batch)
        if not setup.fixed["pages_unlimited"][process]:
            limit = int(setup.fixed["pages_most"][process]) * PAGE
            batch.call(Number.PRLIMIT, 0, _MEMLOCK, batch.put(struct.pack("<QQ", limit, limit)), 0)
            batch.call(Number.CAPSET, batch.put(_CAPABILITIES), batch.put(bytes(24)))
        self._guest.ask(batch)
        wrong = [reply for reply in batch.replies if reply.startswith("-")]
        if wrong:
            raise TargetFailed(f"a second process cannot be made: errno {wrong[0][1:]}", "the console says why")
        self._files |= {(process, table): batch.number(line) for table, line in zip(tables, got, strict=True)}

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        reaches = str(args["table"]) in self._topped or self._reaches_the_last_page(call, args)
        return frozenset({"the last page"} if reaches else ())

    def _reaches_the_last_page(self, call: str, args: Mapping[str, Written]) -> bool:
        return call != "unmap_all" and args["request"] == "range" and self._pages[str(args["high"])] == LAST_PAGE

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        process = str(args.get("process", "p0"))
        batch = using.of(_worker(process))
        container = self._files[process, str(args["table"])]
        if call == "map_dma":
            done = batch.ioctl(container, Ioctl.IOMMU_MAP_DMA, self._map(args))
            return lambda: self._mapped(args, batch.number(done))
        request = vfio.unmap_dma(vfio.UNMAP_ALL, 0, 0) if call == "unmap_all" else self._unmap(args)
        done, back = batch.ioctl_back(container, Ioctl.IOMMU_UNMAP_DMA, request)
        return lambda: _unmapped(batch, done, back)

    def _mapped(self, args: Mapping[str, Written], number: int) -> Answer:
        if number >= 0 and self._reaches_the_last_page("map_dma", args):
            self._topped.add(str(args["table"]))
        return answer(number)

    def _map(self, args: Mapping[str, Written]) -> bytes:
        """The structure for a request: as it is, or with just what is said to be wrong with it."""
        address, size = self._range(args)
        memory = min(
            MEMORY, (1 << 64) - size
        )  # what is larger than the memory there is, is refused before it is looked at
        match args["request"]:
            case "target wraps":
                memory, size = _LARGEST, 2 * PAGE
            case "misaligned" if address // PAGE % 3 == 0:
                memory += _HALF
            case "misaligned" if address // PAGE % 3 == 1:
                address, size = address + _HALF, _HALF
            case "misaligned":
                size = _HALF
        return vfio.map_dma(ACCESSES[str(args["to"])], memory, address, size)

    def _unmap(self, args: Mapping[str, Written]) -> bytes:
        address, size = self._range(args)
        if args["request"] == "misaligned":
            address, size = address + _HALF * (address // PAGE % 2), _HALF
        return vfio.unmap_dma(0, address, size)

    def _range(self, args: Mapping[str, Written]) -> tuple[int, int]:
        """The first byte and the size of what is asked for."""
        low, high = (self._pages[str(args[end])] * PAGE for end in ("low", "high"))
        sizes = {"empty": 0, "wraps": _LARGEST}
        return low, sizes.get(str(args["request"]), high + PAGE - low)

    def look(self, using: Round) -> Callable[[], Shown]:
        owner = next(iter(self._files))[0]
        batches = {process: using.of(_worker(process)) for process, _ in self._files}
        spaces = {
            table: batches[owner].ioctl_back(file, Ioctl.IOMMU_GET_INFO, vfio.info_request())
            for (process, table), file in self._files.items()
            if process == owner
        }
        locked = {process: batch.file("/proc/self/status", "VmLck:") for process, batch in batches.items()}

        def read() -> Shown:
            left: dict[str, Written] = {}
            for table, (done, back) in spaces.items():
                if batches[owner].number(done) >= 0:
                    left[table] = vfio.info(batches[owner].content(back)).available
            charged: dict[str, Written] = {p: _pages(batches[p].content(line)) for p, line in locked.items()}
            return {**self._same, "mappings_left": left, "pages_charged": charged}

        return read

    def _shown_space(self) -> Shown:
        using = Round()
        read = self.look(using)
        self._guest.ask(*using.batches)
        return read()


def _unmapped(batch: Batch, done: Line, back: Line) -> Answer | None:
    """The answer of an unmap, with the pages that went; a size that is no number of pages is told as it is."""
    said = batch.number(done)
    if said < 0:
        return answer(said)
    (size,) = batch.fields(back, vfio.UNMAPPED)
    return Done((("size", f"{size} bytes" if size % PAGE else size // PAGE),))


def _worker(process: str) -> str:
    return process.removeprefix("p")


def _memory(batch: Batch) -> None:
    """Memory to map, at the same place in every process; with pages, for the kernel's page of zeros is charged to nobody."""
    batch.call(Number.MMAP, MEMORY, FEW * PAGE, _READ_WRITE, _PRIVATE_ANONYMOUS_FIXED_POPULATED, -1, 0)


def _pages(line: bytes) -> int:
    """The locked pages that a line of /proc/PID/status tells in kB."""
    return int(line.split()[1]) * 1024 // PAGE
