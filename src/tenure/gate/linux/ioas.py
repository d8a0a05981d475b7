"""IO address spaces of an iommufd on a guest: IOAS_MAP, ALLOW_IOVAS, IOAS_UNMAP and DESTROY, where no device is bound; addresses are bytes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line, Round
from tenure.gate.linux.facts import FIRST_FILE, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.ioas_requests import EDGES, LARGEST, PLANNED, Requests, scope_of
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.spaces import WORKER, Spaces, settled, without_reserved
from tenure.gate.subject import Setup, Shown, TargetFailed, Written
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

_THERE = {0: True, -errno.EMSGSIZE: True, -errno.ENOENT: False}
"""What IOAS_IOVA_RANGES returns, with no room for any, of an IO address space that is there, and of one that is not."""


class IoSpaces:
    """One iommufd, whose IO address spaces are asked for what `Requests` has of the bytes that have names."""

    calls = frozenset(
        {"ioas_alloc", "ioas_allow_iovas", "ioas_map", "ioas_map_fixed", "ioas_unmap", "ioas_unmap_all", "destroy"}
    )
    shows = frozenset({"address_position", "space_exists"})

    def __init__(self, guest: Guest, facts: Facts) -> None:
        without_reserved(guest, facts)
        self._guest = guest
        self._requests = Requests({})
        self._spaces = Spaces({})
        self._positions: dict[str, Written] = {}

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        del system
        where = {"thread": 1, "table": 2, "address": len(EDGES), "mapping": 5}
        return scope_of(where), scope_of({"thread": 1, "table": 1, "address": PLANNED, "mapping": 2})

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        return self._requests.able(call, args)

    def settle(self) -> str:
        return settled(self._guest)

    def reset(self, setup: Setup) -> None:
        self._positions = dict(setup.fixed["address_position"])
        self._requests = Requests({name: int(at) for name, at in self._positions.items()})
        self._spaces = Spaces({f"tb{n}": FIRST_FILE for n in range(setup.objects["table"])})
        batch = Batch(WORKER)
        opened = self._spaces.begin(batch)
        self._guest.ask(batch)
        if [batch.number(line) for line in opened] != [FIRST_FILE]:
            raise TargetFailed("the iommufd that a run starts with cannot be opened", "the console says why")

    def last(self, call: str) -> bool:
        del call
        return False

    def marks(self, call: str, args: Mapping[str, Written]) -> frozenset[str]:
        del call, args
        return frozenset()

    def ask(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        batch, asked = using.of(WORKER), self._requests
        if call == "ioas_alloc":
            return _plain(batch, self._spaces.alloc(batch, str(args["made"])))
        table = str(args["table"])
        match call:
            case "destroy":
                self._spaces.ends(table)
                structure, of = iommufd.destroy(0), iommufd.DESTROY_OF
                return _plain(batch, self._spaces.ioctl(batch, IommuIoctl.DESTROY, structure, of, table))
            case "ioas_map_fixed":
                structure, of = asked.map_fixed(args), iommufd.MAP_OF
                return _plain(batch, self._spaces.ioctl(batch, IommuIoctl.IOAS_MAP, structure, of, table))
            case "ioas_map":
                return self._map(batch, asked.map(args), table)
            case "ioas_allow_iovas":
                return self._allow(batch, args, table)
        address, size = (0, LARGEST) if call == "ioas_unmap_all" else asked.range(call, args)
        return self._unmap(batch, iommufd.ioas_unmap(address, size), table)

    def _map(self, batch: Batch, structure: bytes, table: str) -> Callable[[], Answer | None]:
        """Where the area is, is told by the name of its first byte."""
        at = self._spaces.put(batch, structure, iommufd.MAP_OF, table)
        done = batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_MAP, at)
        back = batch.take(at, len(structure))

        def read() -> Answer | None:
            if batch.number(done) < 0:
                return answer(batch.number(done))
            return Done((("iova", self._requests.named(batch.fields(back, iommufd.MAPPED_AT)[0])),))

        return read

    def _allow(self, batch: Batch, args: Mapping[str, Written], table: str) -> Callable[[], Answer | None]:
        ranges = self._requests.allowed(args)
        told = batch.put(iommufd.ranges(*ranges))
        structure = iommufd.allow_iovas(len(ranges), reserved=int(args["request"] == "unknown"))
        at = self._spaces.put(batch, structure, iommufd.ALLOW_OF, table)
        batch.point(at, iommufd.ALLOW_ADDRESS, told)
        return _plain(batch, batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_ALLOW_IOVAS, at))

    def _unmap(self, batch: Batch, structure: bytes, table: str) -> Callable[[], Answer | None]:
        at = self._spaces.put(batch, structure, iommufd.UNMAP_OF, table)
        done = batch.ioctl(FIRST_FILE, IommuIoctl.IOAS_UNMAP, at)
        back = batch.take(at, len(structure))

        def read() -> Answer | None:
            if batch.number(done) < 0:
                return answer(batch.number(done))
            return Done((("size", batch.fields(back, iommufd.UNMAPPED)[0]),))

        return read

    def look(self, using: Round) -> Callable[[], Shown]:
        """Which IO address spaces are there: the kernel tells nothing of their areas."""
        batch = using.of(WORKER)
        asked = {table: self._spaces.look(batch, table) for table in self._spaces.files}

        def read() -> Shown:
            said = {table: batch.number(line) for table, line in asked.items()}
            there: dict[str, Written] = {table: _THERE.get(one, f"errno {-one}") for table, one in said.items()}
            return {"address_position": self._positions, "space_exists": there}

        return read


def _plain(batch: Batch, line: Line) -> Callable[[], Answer | None]:
    """What says nothing but whether it was done."""
    return lambda: answer(batch.number(line))
