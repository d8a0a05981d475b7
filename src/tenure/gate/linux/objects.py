"""The objects of iommufds on a guest: IO address spaces, page tables, devices and accesses, and how each goes, or is refused to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line, Round
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import CdevIoctl, IommuIoctl
from tenure.gate.linux.mdev import mediated
from tenure.gate.linux.object_numbers import Numbers, put_about
from tenure.gate.linux.processes import FILES, Answering, Asking, Holders, Processes, number_of, opened, worker
from tenure.gate.linux.sysfs import PCI, folder
from tenure.gate.profiles import gate_scope, plan_scope
from tenure.gate.subject import NotRun, Setup, Shown, Written
from tenure.search.object_scopes import object_scope
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

PLAN = object_scope({"process": 2, "thread": 1, "file": 3, "object": 3, "device": 1})
"""Where runs are planned that need no page tables: processes share files there."""

ACCESSES = (True, True, True)
"""Which devices are emulated, where all of them are."""

RACE = {"process": 1, "thread": 2, "file": 2, "object": 3, "device": 1}
"""Where races are looked for: with one iommufd there, an object is a number whether its device is bound yet or not."""

NOT_OPEN = FILES - 1
"""The number of a file that nobody ever has."""

ANSWERED = frozenset({"ioas_alloc", "bind", "attach", "hwpt_alloc", "exit_process"})
"""Calls after which it must be known what came of them: which numbers objects have, which process ids processes."""

_MANY = 16


class Objects:
    """Iommufds and device files are files of processes; an object is a number, which only its own iommufd knows.

    No kernel shows an object's counts. What they are is seen by what DESTROY refuses, and by what is found.
    """

    shows = frozenset({"device_emulated"})
    shown_after: frozenset[str] = frozenset()

    def __init__(self, guest: Guest, facts: Facts, emulated: tuple[bool, ...] = ()) -> None:
        """Have these devices: emulated ones and physical ones."""
        if "iommu" not in folder(guest, KEEPER, "/dev"):
            raise NotRun(
                f"Linux {facts.release} has no iommufd", "it needs CONFIG_IOMMUFD, which stock kernels of Debian lack"
            )
        self._guest = guest
        self._processes = Processes(guest)
        self._nodes = [_node(guest, facts, at) for at in _devices(guest, facts, emulated)]
        self._page_tables = not all(emulated)
        """There are physical devices, and they have page tables."""
        self._calls: Mapping[str, Asking] = {
            **self._processes.calls,
            "open_iommufd": self._open_iommufd,
            "ioas_alloc": self._ioas_alloc,
            "iova_ranges": self._iova_ranges,
            "destroy": self._destroy,
            **(self._of_devices() if emulated else {}),
            **({"hwpt_alloc": self._hwpt_alloc} if self._page_tables else {}),
        }
        self.calls = frozenset(self._calls)
        self._numbers = Numbers()
        self._bound: dict[str, str] = {}
        """The iommufd to which a device file is bound."""
        self._attached: dict[str, tuple[str, int]] = {}
        """What the device behind a file is attached to: a number, and in which iommufd."""
        self._holders = Holders()
        self._emulated: dict[str, Written] = {}

    def _of_devices(self) -> Mapping[str, Asking]:
        """The calls that only devices have."""
        return {
            "open_cdev": self._open_cdev,
            "bind": self._bind,
            "attach": self._attach,
            "detach": self._detach,
        }

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        return gate_scope(system), plan_scope(system) if self._page_tables else PLAN

    def race_scope(self, system: System) -> Scope:
        if self._page_tables:
            raise NotRun(
                f"no threads race in {system.id} on a kernel: which page table an attach made is known when it is over",
                "say iommufd-objects:accesses",
            )
        return object_scope(RACE)

    def again(self, batch: Batch) -> None:
        self._begin()
        batch.close_all(FIRST_FILE)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        del call, args
        return True

    def last(self, call: str) -> bool:
        return call in ANSWERED

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        del call, args
        return frozenset()

    def settle(self) -> str:
        """Close everything; then each device can be bound to a new iommufd, for nothing of an old one is left."""
        self._processes.close_all()
        if not self._nodes:
            return ""
        batch = Batch(KEEPER)
        batch.move(batch.open("/dev/iommu"), FILES)
        bound = [
            batch.ioctl(batch.open(node), CdevIoctl.DEVICE_BIND_IOMMUFD, iommufd.bind(FILES)) for node in self._nodes
        ]
        batch.close_all(FIRST_FILE)
        self._guest.ask(batch)
        left = [f"d{n}" for n, line in enumerate(bound) if batch.number(line) < 0]
        return f"{', '.join(left)} cannot be bound though everything is closed" if left else ""

    def reset(self, setup: Setup) -> None:
        self._emulated = dict(setup.fixed.get("device_emulated", {}))
        self._processes.begin(setup)
        self._begin()

    def _begin(self) -> None:
        self._numbers.clear()
        self._bound.clear()
        self._attached.clear()
        self._holders = Holders()

    def look(self, using: Round) -> Callable[[], Shown]:
        del using
        return lambda: {"device_emulated": self._emulated}

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Answering:
        named = {name: str(value) for name, value in args.items()}
        self._holders.hear(call, named)
        self._attached = {file: one for file, one in self._attached.items() if self._holders.has(file)}
        return self._calls[call](named, using)

    def _open_iommufd(self, args: Mapping[str, str], using: Round) -> Answering:
        self._numbers.begins(args["file"])
        batch = using.of(worker(args["process"]))
        return opened(args["file"], batch, batch.open("/dev/iommu"))

    def _ioas_alloc(self, args: Mapping[str, str], using: Round) -> Answering:
        file, batch = args["file"], using.of(worker(args["process"]))
        at = self._numbers.promise(batch, args["made"], file, iommufd.IOAS_ALLOC, iommufd.ALLOCATED)
        line = batch.ioctl(number_of(file), IommuIoctl.IOAS_ALLOC, at)
        return self._making(
            batch, line, batch.take(at, len(iommufd.IOAS_ALLOC)), iommufd.ALLOCATED, (args["made"], file)
        )

    def _making(self, batch: Batch, line: Line, back: Line, says: int, named: tuple[str, str]) -> Answering:
        """What made an object: its number is in what came back, from this byte on."""

        def read() -> Answer | None:
            if batch.number(line) == 0:
                self._numbers.keep(*named, *batch.fields(back, f"<{says}xI"))
            else:
                self._numbers.drop(named[0])
            return answer(batch.number(line))

        return read

    def _iova_ranges(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        number = self._numbers.within(args["file"], args["obj"])
        room = batch.put(bytes(_MANY * 16))
        at = put_about(batch, iommufd.iova_ranges(0, _MANY), (iommufd.RANGES_OF, number))
        batch.point(at, iommufd.RANGES_ADDRESS, room)
        line = batch.ioctl(number_of(args["file"]), IommuIoctl.IOAS_IOVA_RANGES, at)
        return lambda: answer(batch.number(line))

    def _destroy(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        number = self._numbers.within(args["file"], args["obj"])
        at = put_about(batch, iommufd.destroy(0), (iommufd.DESTROY_OF, number))
        line = batch.ioctl(number_of(args["file"]), IommuIoctl.DESTROY, at)
        self._numbers.forget(batch, args["obj"])
        return lambda: answer(batch.number(line))

    def _open_cdev(self, args: Mapping[str, str], using: Round) -> Answering:
        self._bound.pop(args["file"], None)
        batch = using.of(worker(args["process"]))
        return opened(args["file"], batch, batch.open(self._nodes[int(args["device"].removeprefix("d"))]))

    def _bind(self, args: Mapping[str, str], using: Round) -> Answering:
        file, other, batch = args["file"], args["other"], using.of(worker(args["process"]))
        first = file not in self._bound
        self._bound.setdefault(file, other)
        made, structure = args["made"], iommufd.bind(NOT_OPEN if other == "none" else number_of(other))
        at = self._numbers.promise(batch, made, other, structure[: iommufd.SMALLEST], iommufd.BOUND)
        line = batch.ioctl(number_of(file), CdevIoctl.DEVICE_BIND_IOMMUFD, at)
        read = self._making(batch, line, batch.take(at, iommufd.SMALLEST), iommufd.BOUND, (made, other))

        def told() -> Answer | None:
            if first and batch.number(line) < 0:
                self._bound.pop(file, None)
            return read()

        return told

    def _attach(self, args: Mapping[str, str], using: Round) -> Answering:
        file, batch = args["file"], using.of(worker(args["process"]))
        within = self._bound.get(file, "")
        number = self._numbers.within(within, args["obj"])
        at = put_about(batch, iommufd.attach(0), (iommufd.ATTACHED, number))
        line = batch.ioctl(number_of(file), CdevIoctl.DEVICE_ATTACH_IOMMUFD_PT, at)
        back = batch.take(at, len(iommufd.attach(0)))

        def read() -> Answer | None:
            if self._page_tables and batch.number(line) == 0:
                (got,) = batch.fields(back, f"<{iommufd.ATTACHED}xI")
                # a page table that was made for an IO address space is there as long as a device is attached to it
                if got != number and (within, got) not in self._attached.values():
                    self._numbers.keep(args["made"], within, got)
                self._attached[file] = within, got
            return answer(batch.number(line))

        return read

    def _detach(self, args: Mapping[str, str], using: Round) -> Answering:
        self._attached.pop(args["file"], None)
        batch = using.of(worker(args["process"]))
        line = batch.ioctl(number_of(args["file"]), CdevIoctl.DEVICE_DETACH_IOMMUFD_PT, iommufd.DETACH)
        return lambda: answer(batch.number(line))

    def _hwpt_alloc(self, args: Mapping[str, str], using: Round) -> Answering:
        file, batch = args["file"], using.of(worker(args["process"]))
        device, of = (self._numbers.within(file, args[name]) for name in ("dev", "obj"))
        at = put_about(batch, iommufd.hwpt_alloc(), (iommufd.HWPT_DEVICE, device), (iommufd.HWPT_OF, of))
        line = batch.ioctl(number_of(file), IommuIoctl.HWPT_ALLOC, at)
        back = batch.take(at, len(iommufd.hwpt_alloc()))
        return self._making(batch, line, back, iommufd.PAGE_TABLE, (args["made"], file))


def _devices(guest: Guest, facts: Facts, emulated: tuple[bool, ...]) -> list[str]:
    """Where these devices are in sysfs: physical ones are alone in their groups."""
    physical = iter([f"{PCI}/{one}" for one in facts.alone()])
    made = iter(mediated(guest, facts, sum(emulated)) if any(emulated) else [])
    return [next(made if one else physical) for one in emulated]


def _node(guest: Guest, facts: Facts, device: str) -> str:
    """The device file of a device, by where this is in sysfs."""
    names = folder(guest, KEEPER, f"{device}/vfio-dev")
    there = folder(guest, KEEPER, "/dev/vfio/devices")
    if not names or names[0] not in there:
        raise NotRun(f"Linux {facts.release} has no device files", "it needs CONFIG_VFIO_DEVICE_CDEV")
    return f"/dev/vfio/devices/{names[0]}"
