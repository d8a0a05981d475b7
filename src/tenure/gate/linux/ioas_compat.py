"""An iommufd in the place of a container on a guest: SET_IOMMU, MAP_DMA and UNMAP_DMA of either version, where no device is bound."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

from tenure.gate.linux import iommufd, vfio
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Round
from tenure.gate.linux.edges import LAST_PAGE, PAGE
from tenure.gate.linux.facts import FIRST_FILE, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.spaces import WORKER, Spaces, settled, without_reserved
from tenure.gate.linux.type1 import ACCESSES, unmapped
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.subject import Setup, Shown, TargetFailed, Written
from tenure.search.ioas_scopes import vfio_scope
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

PAGES = (LAST_PAGE - 2, LAST_PAGE - 1, LAST_PAGE, LAST_PAGE - 3, 0, 1, 2, 3)
"""The last pages of the address space and the first: what is cut there begins and ends at pages that have names."""

PLANNED = 3
"""How many of them, the first, planned runs are about: what is wrong with a range can be so of the last pages alone."""

MEMORY = 0x200000000
"""The memory that is mapped: nothing is there, for without a device nobody looks; but it begins with a page, as areas that are cut must."""

VERSIONS = {"v1": vfio.TYPE1, "v2": vfio.TYPE1_V2, "other": vfio.NO_TYPE}

UNKNOWN_FLAG = 1 << 31

_LARGEST = (1 << 64) - 1
_BETWEEN = 1000
"""A page of which nothing is ever mapped: what ends there cuts nothing."""

_THERE = {0: True, -errno.ENODEV: False}
"""What VFIO_IOAS returns of an iommufd in which an IO address space stands for a container, and where none does."""


class IoContainers:
    """An iommufd for each IO address space, which stands for a container there from when it is made."""

    calls = frozenset({"ioas_alloc", "set_iommu", "map_dma", "unmap_dma", "unmap_all"})
    shows = frozenset({"address_position", "space_exists"})

    def __init__(self, guest: Guest, facts: Facts) -> None:
        without_reserved(guest, facts)
        self._guest = guest
        self._spaces = Spaces({})
        self._pages: dict[str, int] = {}
        self._positions: dict[str, Written] = {}

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        del system
        where = {"thread": 1, "table": 2, "address": len(PAGES), "mapping": 7}
        plan = {"thread": 1, "table": 1, "address": PLANNED, "mapping": 3}
        return vfio_scope(where, PAGES), vfio_scope(plan, PAGES[:PLANNED])

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """An area is of the first pages or of the last; what wraps begins there, and so cuts nothing; 64 bits hold a size."""
        if call not in ("map_dma", "unmap_dma"):
            return True
        low, high = (self._pages[str(args[end])] for end in ("low", "high"))
        if args["request"] == "wraps":
            return low > _BETWEEN
        return high - low < (LAST_PAGE if call == "unmap_dma" else _BETWEEN)

    def settle(self) -> str:
        return settled(self._guest)

    def reset(self, setup: Setup) -> None:
        self._positions = dict(setup.fixed["address_position"])
        self._pages = {name: int(page) for name, page in self._positions.items()}
        self._spaces = Spaces({f"tb{n}": FIRST_FILE + n for n in range(setup.objects["table"])})
        batch = Batch(WORKER)
        opened = self._spaces.begin(batch)
        self._guest.ask(batch)
        if [batch.number(line) for line in opened] != [*self._spaces.files.values()]:
            raise TargetFailed("the iommufds that a run starts with cannot be opened", "the console says why")

    def last(self, call: str) -> bool:
        del call
        return False

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        del call, args
        return frozenset()

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        batch = using.of(WORKER)
        if call == "ioas_alloc":
            return self._alloc(batch, str(args["made"]))
        file = self._spaces.files[str(args["table"])]
        if call == "set_iommu":
            done = batch.ioctl(file, Ioctl.SET_IOMMU, VERSIONS[str(args["version"])])
            return lambda: answer(batch.number(done))
        if call == "map_dma":
            done = batch.ioctl(file, Ioctl.IOMMU_MAP_DMA, self._map(args))
            return lambda: answer(batch.number(done))
        request = vfio.unmap_dma(vfio.UNMAP_ALL, 0, 0) if call == "unmap_all" else self._unmap(args)
        done, back = batch.ioctl_back(file, Ioctl.IOMMU_UNMAP_DMA, request)
        return lambda: unmapped(batch, done, back)

    def _alloc(self, batch: Batch, made: str) -> Callable[[], Answer | None]:
        """Make an IO address space, and have it stand for a container; what went wrong first is told."""
        allocated = self._spaces.alloc(batch, made)
        structure, of = iommufd.vfio_ioas(iommufd.SET), iommufd.CONTAINER_OF
        stands = self._spaces.ioctl(batch, IommuIoctl.VFIO_IOAS, structure, of, made)
        return lambda: answer(min(batch.number(allocated), 0) or batch.number(stands))

    def _map(self, args: Mapping[str, Written]) -> bytes:
        """The structure for a request: as it is, or with just what is said to be wrong with it, in one way or in another."""
        low, address, size = self._range(args)
        flags, memory = ACCESSES[str(args["to"])], MEMORY
        one_way = low % 2 == 0
        match args["request"]:
            case "unknown" if one_way:
                flags |= UNKNOWN_FLAG
            case "unknown":
                return vfio.shorter(vfio.map_dma(flags, memory, address, size))
            case "empty" if not one_way:  # behind so many bytes no page fits, which is told as if there were none
                memory, size = 0, _LARGEST - PAGE + 1
            case "target wraps":
                memory, size = _LARGEST - PAGE + 1, PAGE if one_way else 2 * PAGE
        return vfio.map_dma(flags, memory, address, size)

    def _unmap(self, args: Mapping[str, Written]) -> bytes:
        low, address, size = self._range(args)
        if args["request"] == "unknown" and low % 2:
            return vfio.shorter(vfio.unmap_dma(0, address, size))
        return vfio.unmap_dma(UNKNOWN_FLAG if args["request"] == "unknown" else 0, address, size)

    def _range(self, args: Mapping[str, Written]) -> tuple[int, int, int]:
        """The first page, the first byte and the size of what is asked for."""
        low, high = (self._pages[str(args[end])] for end in ("low", "high"))
        sizes = {"empty": 0, "wraps": (LAST_PAGE + 1 - low + _BETWEEN) * PAGE}
        return low, low * PAGE, sizes.get(str(args["request"]), (high + 1 - low) * PAGE)

    def look(self, using: Round) -> Callable[[], Shown]:
        """In which iommufds an IO address space stands for a container: the kernel tells nothing of their areas."""
        batch = using.of(WORKER)
        asked = {
            table: batch.ioctl(file, IommuIoctl.VFIO_IOAS, iommufd.vfio_ioas(iommufd.GET))
            for table, file in self._spaces.files.items()
        }

        def read() -> Shown:
            said = {table: batch.number(line) for table, line in asked.items()}
            there: dict[str, Written] = {table: _THERE.get(one, f"errno {-one}") for table, one in said.items()}
            return {"address_position": self._positions, "space_exists": there}

        return read
