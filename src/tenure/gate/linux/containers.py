"""Containers and groups on a guest: files of processes, groups with one device and two, drivers that come and go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from tenure.gate.linux import vfio
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import AT_FDCWD, Batch, Number, Round
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.processes import Answering, Processes, number_of, opened, worker
from tenure.gate.linux.sysfs import PCI, bind, links, unbind
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.profiles import gate_scope, plan_scope
from tenure.gate.subject import NotRun, Setup, Shown, TargetFailed, Written
from tenure.search.scopes import scope
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

DRIVERS = {"vfio": "vfio-pci", "kernel": "virtio-pci", "stub": "pci-stub"}
"""The drivers of the rules, as a guest has them: all three take a network card of virtio."""

TYPES = {"type1": vfio.TYPE1, "noiommu": vfio.NO_IOMMU, "unsupported": vfio.NO_TYPE}


class Containers:
    """Processes with files of their own; each call is a system call of the process that makes it."""

    shows = frozenset({"device_driver", "group_exists", "device_group"})

    def __init__(self, guest: Guest, facts: Facts) -> None:
        self._guest = guest
        self._facts = facts
        self._processes = Processes(guest)
        self._calls: Mapping[str, Callable[[Mapping[str, str], Round], Answering]] = {
            "open_container": self._open_container,
            "open_group": self._open_group,
            "set_container": self._set_container,
            "unset_container": self._unset_container,
            "set_iommu": self._set_iommu,
            "check_extension": self._check_extension,
            "get_api_version": self._get_api_version,
            "get_status": self._get_status,
            "get_device_fd": self._get_device_fd,
            **self._processes.calls,
            "bind_driver": self._bind_driver,
            "unbind_driver": self._unbind_driver,
        }
        self.calls = frozenset(self._calls)
        self._devices: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._fixed: Shown = {}

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        return gate_scope(system), plan_scope(system)

    shown_after: frozenset[str] = frozenset()

    def race_scope(self, system: System) -> Scope:
        del system
        sizes = {"process": 1, "thread": 2, "file": 4, "group": 1, "container": 2, "device": 1, "table": 2}
        return scope({**sizes, "page": 0, "user": 0, "vm": 0})

    def again(self, batch: Batch) -> None:
        batch.close_all(FIRST_FILE)

    def place_of(self, device: str) -> str:
        """The device of the guest that stands for this one, by its address on the bus."""
        return self._devices[device]

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        return call != "bind_driver" or DRIVERS[str(args["to"])] in self._facts.drivers

    def last(self, call: str) -> bool:
        return call == "exit_process"

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        del call, args
        return frozenset()

    def settle(self) -> str:
        self._processes.close_all()
        return ""

    def reset(self, setup: Setup) -> None:
        self._place(setup)
        self._fixed = {"device_group": dict(setup.fixed["device_group"])}
        self._processes.begin(setup)
        self._restore({device: str(driver) for device, driver in setup.initial["device_driver"].items()}, Batch(KEEPER))

    def _place(self, setup: Setup) -> None:
        """Which devices of the guest stand for those of the rules: as many in each group as there are to be."""
        wanted = setup.fixed["device_group"]
        by_group: dict[str, list[str]] = {}
        for device, group in self._facts.groups.items():
            if self._facts.cards.get(device):
                by_group.setdefault(group, []).append(device)
        self._devices, self._groups = {}, {}
        for name in dict.fromkeys(map(str, wanted.values())):
            members = [device for device, whose in wanted.items() if whose == name]
            group = next((g for g, have in by_group.items() if len(have) == len(members)), "")
            if not group:
                raise NotRun(f"the guest has no group of {len(members)} network cards", "say another --iommu")
            self._groups[name] = group
            self._devices |= dict(zip(members, by_group.pop(group), strict=True))

    def _restore(self, wanted: Mapping[str, str], batch: Batch) -> None:
        """Every device has the driver that a sequence starts with."""
        now = self._drivers()
        moved = {device: driver for device, driver in wanted.items() if now[device] != driver}
        for device in moved:
            if now[device] != "none":
                unbind(batch, self._devices[device])
        done = [bind(batch, self._devices[d], DRIVERS[to]) for d, to in moved.items() if to != "none"]
        if batch.lines:
            self._guest.ask(batch)
        if any(batch.number(line) < 0 for line in done):
            raise TargetFailed(f"the drivers {moved} cannot be restored", "the console says why")

    def _drivers(self) -> dict[str, str]:
        paths = [f"{PCI}/{device}/driver" for device in self._devices.values()]
        return dict(zip(self._devices, map(_driver, links(self._guest, KEEPER, paths)), strict=True))

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Answering:
        return self._calls[call]({name: str(value) for name, value in args.items()}, using)

    def _open_container(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        return opened(args["file"], batch, batch.open("/dev/vfio/vfio"))

    def _open_group(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        return opened(args["file"], batch, batch.open(f"/dev/vfio/{self._groups[args['group']]}"))

    def _plain(self, args: Mapping[str, str], using: Round, request: Ioctl, argument: bytes | int = 0) -> Answering:
        """An ioctl of a file, which says nothing but whether it was done."""
        batch = using.of(worker(args["process"]))
        line = batch.ioctl(number_of(args["file"]), request, argument)
        return lambda: answer(batch.number(line))

    def _set_container(self, args: Mapping[str, str], using: Round) -> Answering:
        other = -1 if args["other"] == "none" else number_of(args["other"])
        return self._plain(args, using, Ioctl.GROUP_SET_CONTAINER, vfio.number(other))

    def _unset_container(self, args: Mapping[str, str], using: Round) -> Answering:
        return self._plain(args, using, Ioctl.GROUP_UNSET_CONTAINER)

    def _set_iommu(self, args: Mapping[str, str], using: Round) -> Answering:
        return self._plain(args, using, Ioctl.SET_IOMMU, TYPES[args["type"]])

    def _check_extension(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        line = batch.ioctl(number_of(args["file"]), Ioctl.CHECK_EXTENSION, TYPES[args["type"]])

        def read() -> Answer | None:
            number = batch.number(line)
            return answer(number) if number < 0 else Done((("supported", number > 0),))

        return read

    def _get_api_version(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        line = batch.ioctl(number_of(args["file"]), Ioctl.GET_API_VERSION)

        def read() -> Answer | None:
            number = batch.number(line)
            return answer(number, version=number)

        return read

    def _get_status(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        file = number_of(args["file"])
        line, back = batch.ioctl_back(file, Ioctl.GROUP_GET_STATUS, vfio.STATUS)

        def read() -> Answer | None:
            if (number := batch.number(line)) < 0:
                return answer(number)
            (flags,) = batch.fields(back, "<4xI")
            return Done((("container_set", bool(flags & vfio.CONTAINER_SET)), ("viable", bool(flags & vfio.VIABLE))))

        return read

    def _get_device_fd(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        name = self._devices[args["device"]].encode() + b"\0"
        line = batch.ioctl(number_of(args["file"]), Ioctl.GROUP_GET_DEVICE_FD, name)
        return opened(args["made"], batch, line)

    def _bind_driver(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(KEEPER)
        line = bind(batch, self._devices[args["device"]], DRIVERS[args["to"]])
        return lambda: answer(batch.number(line))

    def _unbind_driver(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(KEEPER)
        line = unbind(batch, self._devices[args["device"]])
        return lambda: answer(batch.number(line))

    def look(self, using: Round) -> Callable[[], Shown]:
        batch = using.of(KEEPER)
        nodes = {
            name: batch.call(Number.FACCESSAT, AT_FDCWD, batch.put(f"/dev/vfio/{group}".encode() + b"\0"), os.F_OK)
            for name, group in self._groups.items()
        }
        drivers = {name: batch.link(f"{PCI}/{device}/driver") for name, device in self._devices.items()}

        def read() -> Shown:
            exist: dict[str, Written] = {name: True for name, line in nodes.items() if batch.number(line) == 0}
            bound = {name: _driver(batch.target_of(link)) for name, link in drivers.items()}
            moved: dict[str, Written] = {name: driver for name, driver in bound.items() if driver != "none"}
            return {**self._fixed, "group_exists": exist, "device_driver": moved}

        return read


def _driver(name: str) -> str:
    """The driver of the rules that a driver of the guest stands for."""
    return next((ours for ours, theirs in DRIVERS.items() if theirs == name), "none")
