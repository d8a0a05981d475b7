"""The systems of type1 on a guest: MAP_DMA and UNMAP_DMA of two containers, by a process that may lock all and one that may not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from tenure.gate.linux import vfio
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line, Number, Round
from tenure.gate.linux.dma import Dma, Memory, Site
from tenure.gate.linux.edges import FEW, LAST_PAGE, PAGE, PLANNED, edges, ranges_in_pages, scope_of, valid
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, LIMIT, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import Arrived, Hits, Setup, Shown, TargetFailed, Written
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
_PTRACE_ALONE = struct.pack("<IIIIII", 1 << 19, 1 << 19, 0, 0, 0, 0)
"""CAP_SYS_PTRACE, by which a process takes files from another, and not CAP_IPC_LOCK."""

_RACED = 3
"""How many addresses races are about: two of one valid range and the first of the next."""

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
        self._pids: dict[str, int] = {}
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

    shown_after = frozenset({"mappings_left", "pages_charged"})

    def race_scope(self, system: System) -> Scope:
        del system
        sizes = {"process": 1, "thread": 2, "table": 1, "mapping": MOST}
        return scope_of(edges(self._ranges)[:_RACED], self._ranges, sizes, MOST)

    def again(self, batch: Batch) -> None:
        self._open(batch, [table for process, table in self._files if process == next(iter(self._pids))])

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

    def settle(self) -> str:
        using = Round()
        for process in self._pids:
            using.of(_worker(process)).close_all(FIRST_FILE)
        read = self._look_at_charges(using)
        self._guest.ask(*using.batches)
        return "pages are charged though everything is closed" if any(read().values()) else ""

    def reset(self, setup: Setup) -> None:
        self._pages = {name: int(page) for name, page in setup.fixed["address_position"].items()}
        self._same = {name: dict(setup.fixed[name]) for name in ("address_position", "pages_most", "pages_unlimited")}
        self._same["address_valid"] = {name: valid(self._ranges, page) for name, page in self._pages.items()}
        self._topped = set()
        if any(self._begin(setup).values()):  # left by an earlier run, and for ever: those who pay for it have to go
            self._pids = {}
            self._begin(setup)

    def _begin(self, setup: Setup) -> dict[str, Written]:
        """Make the containers; what each process is charged then."""
        if not self._pids:
            self._populate(setup)
        tables = [f"tb{n}" for n in range(setup.objects["table"])]
        owner, *others = self._pids
        using = Round()
        self._open(using.of(_worker(owner)), tables)
        self._files = {(owner, table): FIRST_FILE + 2 * n for n, table in enumerate(tables)}
        for process in others:
            self._share(using.of(_worker(process)), owner, process, tables)
        read = self.look(using)
        self._guest.ask(*using.batches)
        shown = read()
        left = shown["mappings_left"]
        if set(left) != set(tables) or any(number < 0 for one in using.batches for number in one.numbers):
            raise TargetFailed("the containers that a run starts with cannot be made", "the console says why")
        self._same["mappings_most"] = left
        return shown["pages_charged"]

    def _populate(self, setup: Setup) -> None:
        """Make the processes: each has memory to map, and those that may lock few pages have no privilege to lock more."""
        names = list(setup.fixed["pages_most"])
        hub = Batch("hub")
        for process in names:
            hub.order(f"kill {_worker(process)}")
        born = {process: hub.order(f"spawn {_worker(process)}") for process in names}
        using = Round()
        for process in names:
            batch = using.of(_worker(process))
            batch.call(Number.MMAP, MEMORY, FEW * PAGE, _READ_WRITE, _PRIVATE_ANONYMOUS_FIXED_POPULATED, -1, 0)
            if not setup.fixed["pages_unlimited"][process]:
                limit = int(setup.fixed["pages_most"][process]) * PAGE
                batch.call(Number.PRLIMIT64, 0, _MEMLOCK, batch.put(struct.pack("<QQ", limit, limit)), 0)
                batch.call(Number.CAPSET, batch.put(_CAPABILITIES), batch.put(_PTRACE_ALONE))
        self._guest.ask(hub, *using.batches)
        if any(number < 0 for one in (hub, *using.batches) for number in one.numbers):
            raise TargetFailed("the processes of a guest cannot be made", "the console says why")
        self._pids = {process: hub.number(line) for process, line in born.items()}

    def _open(self, batch: Batch, tables: list[str]) -> None:
        """The first process makes the address spaces: each container is followed by the group that goes into it."""
        batch.close_all(FIRST_FILE)
        for number, (_, device) in enumerate(zip(tables, self._facts.alone(), strict=False)):
            container = batch.open("/dev/vfio/vfio")
            group = batch.open(f"/dev/vfio/{self._facts.groups[device]}")
            batch.ioctl(group, Ioctl.GROUP_SET_CONTAINER, vfio.number(FIRST_FILE + 2 * number))
            batch.ioctl(container, Ioctl.SET_IOMMU, self._type)

    def _share(self, batch: Batch, owner: str, process: str, tables: list[str]) -> None:
        """Another process has the containers too; they come after the file by which it takes them."""
        batch.close_all(FIRST_FILE)
        source = batch.call(Number.PIDFD_OPEN, self._pids[owner], 0)
        for number, table in enumerate(tables):
            batch.call(Number.PIDFD_GETFD, source, self._files[owner, table], 0)
            self._files[process, table] = FIRST_FILE + 1 + number

    def last(self, call: str) -> bool:
        del call
        return False

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        reaches = args.get("table") in self._topped or self._reaches_the_last_page(args)
        reaches = reaches or (not call and bool(self._topped))  # no call: what is left of all of them
        return frozenset({"the last page"} if reaches else ())

    def _reaches_the_last_page(self, args: Mapping[str, Written]) -> bool:
        return args.get("request") == "range" and self._pages[str(args["high"])] == LAST_PAGE

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        process = str(args.get("process", "p0"))
        batch = using.of(_worker(process))
        container = self._files[process, str(args["table"])]
        if call == "map_dma":
            done = batch.ioctl(container, Ioctl.IOMMU_MAP_DMA, self._map(args))
            return lambda: self._mapped(args, batch.number(done))
        request = vfio.unmap_dma(vfio.UNMAP_ALL, 0, 0) if call == "unmap_all" else self._unmap(args)
        done, back = batch.ioctl_back(container, Ioctl.IOMMU_UNMAP_DMA, request)
        return lambda: unmapped(batch, done, back)

    def _mapped(self, args: Mapping[str, Written], number: int) -> Answer:
        if number >= 0 and self._reaches_the_last_page(args):
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

    def move(self, table: str, wanted: Mapping[str, Hits]) -> Sequence[Arrived]:
        """By the device in the group of this container, whose page of its own is in the middle of the first valid range."""
        owner = next(iter(self._pids))
        container = self._files[owner, table]
        device = self._facts.alone()[(container - FIRST_FILE) // 2]
        if self._facts.cards[device]:
            return []
        memory = Memory(self._guest, MEMORY, {process: _worker(process) for process in self._pids})
        site = Site(_worker(owner), container, container + 1, device, sum(self._ranges[0]) // 2)
        return Dma(self._guest, memory, site).ask(wanted, self._pages)

    def look(self, using: Round) -> Callable[[], Shown]:
        owner = next(iter(self._pids))
        batch = using.of(_worker(owner))
        spaces = {
            table: batch.ioctl_back(file, Ioctl.IOMMU_GET_INFO, vfio.info_request())
            for (process, table), file in self._files.items()
            if process == owner
        }
        charges = self._look_at_charges(using)

        def read() -> Shown:
            left: dict[str, Written] = {}
            for table, (done, back) in spaces.items():
                if batch.number(done) >= 0:
                    left[table] = vfio.info(batch.content(back)).available
            return {**self._same, "mappings_left": left, "pages_charged": charges()}

        return read

    def _look_at_charges(self, using: Round) -> Callable[[], dict[str, Written]]:
        """Put what each process is charged into a round; how to read it."""
        batch = using.of(_worker(next(iter(self._pids))))
        locked = {process: batch.file(f"/proc/{pid}/status", "VmLck:") for process, pid in self._pids.items()}
        return lambda: {process: _pages(batch.content(line)) for process, line in locked.items()}


def unmapped(batch: Batch, done: Line, back: Line) -> Answer | None:
    """The answer of an unmap, with the pages that went; a size that is no number of pages is told as it is."""
    said = batch.number(done)
    if said < 0:
        return answer(said)
    (size,) = batch.fields(back, vfio.UNMAPPED)
    return Done((("size", f"{size} bytes" if size % PAGE else size // PAGE),))


def _worker(process: str) -> str:
    return process.removeprefix("p")


def _pages(line: bytes) -> int:
    """The locked pages that a line of /proc/PID/status tells in kB."""
    return int(line.split()[1]) * 1024 // PAGE
