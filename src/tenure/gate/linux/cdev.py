"""Device files on a guest that are opened by themselves, and iommufds; containers and groups are beside them as ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import At, Batch, Line, Number, Round
from tenure.gate.linux.containers import Containers
from tenure.gate.linux.facts import KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import CdevIoctl, IommuIoctl
from tenure.gate.linux.processes import Answering, number_of, opened, worker
from tenure.gate.linux.sysfs import PCI, folder
from tenure.gate.profiles import plan_scope
from tenure.gate.subject import NotRun, Setup, Shown, Written
from tenure.search.cdev_scopes import cdev_scope
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

SIZES = {
    "process": 2,
    "thread": 1,
    "file": 8,
    "group": 2,
    "container": 2,
    "device": 3,
    "table": 3,
    "page": 0,
    "iommu_driver": 1,
}
"""Where a guest is driven: all groups have an IOMMU there, and all devices are physical."""

WITH_TOKENS = (6, 17)
"""The first version that knows of tokens, and looks at what is beyond the structure that it knows."""

IOMMUFD_AS_CONTAINER = "an iommufd as container"
"""SET_CONTAINER takes an iommufd too, since 6.2."""

ANSWERED = frozenset({"ioas_alloc", "destroy", "bind", "bind_driver"})
"""Calls after which it must be known what came of them: which numbers objects have, which nodes devices."""

_READ, _READ_WRITE = 1, 3
_PAGE = 4096


class Cdevs:
    """Files of devices and iommufds are files of processes; an object of an iommufd is a number, which only that iommufd knows."""

    def __init__(self, guest: Guest, facts: Facts) -> None:
        if "iommu" not in folder(guest, KEEPER, "/dev") or not folder(guest, KEEPER, "/dev/vfio/devices"):
            raise NotRun(
                f"Linux {facts.release} has no device files and no iommufd",
                "it needs CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV, which stock kernels of Debian lack",
            )
        self._guest = guest
        self._version = facts.version
        self._containers = Containers(guest, facts)
        self._calls: Mapping[str, Callable[[Mapping[str, str], Round], Answering]] = {
            "open_iommufd": self._open_iommufd,
            "ioas_alloc": self._ioas_alloc,
            "destroy": self._destroy,
            "open_cdev": self._open_cdev,
            "bind": self._bind,
            "get_info": self._get_info,
            "attach": self._attach,
            "detach": self._detach,
        }
        self.calls = self._containers.calls | frozenset(self._calls)
        self.shows = self._containers.shows
        self._nodes: dict[str, str] = {}
        """The node of each device, as far as it is known."""
        self._tables: dict[str, tuple[str, int]] = {}
        """The iommufd in which an IO address space was made, and its number there."""
        self._bound: dict[str, str] = {}
        """The iommufd to which a device file is bound."""
        self._iommufds: set[str] = set()
        self._as_containers: set[tuple[str, str]] = set()
        """The groups' files for which SET_CONTAINER was called with an iommufd, and these."""

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        return cdev_scope(SIZES), plan_scope(system)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        late = call == "bind" and args["request"] in ("too long", "token")
        return self._containers.able(call, args) and not (late and self._version < WITH_TOKENS)

    def last(self, call: str) -> bool:
        return call in ANSWERED or self._containers.last(call)

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        pair = str(args.get("file", "")), str(args.get("other", ""))
        return frozenset({IOMMUFD_AS_CONTAINER} if call == "set_container" and pair in self._as_containers else ())

    def settle(self) -> str:
        return self._containers.settle()

    def reset(self, setup: Setup) -> None:
        self._containers.reset(setup)
        self._nodes.clear()
        self._tables.clear()
        self._bound.clear()
        self._iommufds.clear()
        self._as_containers.clear()

    def look(self, using: Round) -> Callable[[], Shown]:
        return self._containers.look(using)

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Answering:
        if call in ("bind_driver", "unbind_driver"):
            self._nodes.clear()
        if call.startswith("open_"):
            self._iommufds.discard(str(args["file"]))
        if call == "get_device_fd":
            self._iommufds.discard(str(args["made"]))
        if call == "set_container" and args["other"] in self._iommufds:
            self._as_containers.add((str(args["file"]), str(args["other"])))
        if call not in self._calls:
            return self._containers.ask(call, args, using)
        return self._calls[call]({name: str(value) for name, value in args.items()}, using)

    def _open_iommufd(self, args: Mapping[str, str], using: Round) -> Answering:
        file = args["file"]
        self._tables = {name: one for name, one in self._tables.items() if one[0] != file}
        self._iommufds.add(file)
        batch = using.of(worker(args["process"]))
        return opened(file, batch, batch.open("/dev/iommu"))

    def _ioas_alloc(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        line, back = batch.ioctl_back(number_of(args["file"]), IommuIoctl.IOAS_ALLOC, iommufd.IOAS_ALLOC)

        def read() -> Answer | None:
            if batch.number(line) == 0:
                (made,) = batch.fields(back, iommufd.MADE)
                self._tables[args["made"]] = args["file"], made
            return answer(batch.number(line))

        return read

    def _destroy(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        number = self._number_in(args["file"], args["obj"])
        line = batch.ioctl(number_of(args["file"]), IommuIoctl.DESTROY, iommufd.destroy(number))

        def read() -> Answer | None:
            if batch.number(line) == 0:
                self._tables.pop(args["obj"], None)
            return answer(batch.number(line))

        return read

    def _number_in(self, file: str, table: str) -> int:
        """What this iommufd knows the IO address space by; of one that it has not, a number that it knows nothing by."""
        where, number = self._tables.get(table, ("", 0))
        return number if where == file else iommufd.NO_OBJECT

    def _open_cdev(self, args: Mapping[str, str], using: Round) -> Answering:
        self._bound.pop(args["file"], None)
        batch = using.of(worker(args["process"]))
        return opened(args["file"], batch, batch.open(f"/dev/vfio/devices/{self._node(args['device'])}"))

    def _node(self, device: str) -> str:
        """The name of the device's node, which is another one each time that it gets VFIO's driver."""
        if device not in self._nodes:
            names = folder(self._guest, KEEPER, f"{PCI}/{self._containers.place_of(device)}/vfio-dev")
            self._nodes[device] = names[0] if names else "none"
        return self._nodes[device]

    def _bind(self, args: Mapping[str, str], using: Round) -> Answering:
        batch = using.of(worker(args["process"]))
        file, other = number_of(args["file"]), args["other"]
        line = self._request(batch, file, -1 if other == "none" else number_of(other), args["request"])

        def read() -> Answer | None:
            if batch.number(line) == 0:
                self._bound[args["file"]] = other
            return answer(batch.number(line))

        return read

    def _request(self, batch: Batch, file: int, other: int, request: str) -> Line:
        """A bind as it should be, or with what is wrong with it."""
        size = iommufd.SMALLEST if self._version < WITH_TOKENS else iommufd.KNOWN
        argument: bytes | int | At
        match request:
            case "unreadable":
                argument = 0
            case "too short":
                argument = iommufd.bind(other, iommufd.SMALLEST - 4)
            case "too long":
                argument = iommufd.bind(other, iommufd.LONGER, beyond=1)
            case "unknown flag":
                argument = iommufd.bind(other, size, iommufd.UNKNOWN_FLAG)
            case "token":
                token = batch.put(bytes(16))
                argument = batch.put_with_address(
                    iommufd.bind(other, size, iommufd.TOKEN), iommufd.TOKEN_ADDRESS, token
                )
            case "unwritable":
                page = batch.put_last(iommufd.bind(other, size))
                batch.call(Number.MPROTECT, page, _PAGE, _READ)
                line = batch.ioctl(file, CdevIoctl.DEVICE_BIND_IOMMUFD, page)
                batch.call(Number.MPROTECT, page, _PAGE, _READ_WRITE)
                return line
            case _:
                argument = iommufd.bind(other, size)
        return batch.ioctl(file, CdevIoctl.DEVICE_BIND_IOMMUFD, argument)

    def _get_info(self, args: Mapping[str, str], using: Round) -> Answering:
        return _plain(args, using, CdevIoctl.DEVICE_GET_INFO, iommufd.GET_INFO)

    def _attach(self, args: Mapping[str, str], using: Round) -> Answering:
        number = self._number_in(self._bound.get(args["file"], "none"), args["obj"])
        return _plain(args, using, CdevIoctl.DEVICE_ATTACH_IOMMUFD_PT, iommufd.attach(number))

    def _detach(self, args: Mapping[str, str], using: Round) -> Answering:
        return _plain(args, using, CdevIoctl.DEVICE_DETACH_IOMMUFD_PT, iommufd.DETACH)


def _plain(args: Mapping[str, str], using: Round, request: CdevIoctl, argument: bytes) -> Answering:
    """An ioctl of a device file, which says nothing but whether it was done."""
    batch = using.of(worker(args["process"]))
    line = batch.ioctl(number_of(args["file"]), request, argument)
    return lambda: answer(batch.number(line))
