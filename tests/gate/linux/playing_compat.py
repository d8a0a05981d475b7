"""A guest that is played with iommufds in the place of containers: VFIO's structures, over the areas of an IO address space."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache

from tests.gate.linux.playing_iommufd import (
    ARENA_AT,
    EEXIST,
    EINVAL,
    ENODEV,
    ENOENT,
    EOVERFLOW,
    Iommu,
    Space,
)

from tenure.gate.linux.edges import PAGE
from tenure.gate.linux.ioas_compat import PAGES
from tenure.gate.linux.ioas_requests import LARGEST
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.vfio import TYPE1, TYPE1_V2, UNMAP_ALL, Ioctl
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import setup_of
from tenure.gate.subject import Setup
from tenure.models import SYSTEMS
from tenure.search.ioas_scopes import vfio_scope

COMPAT = next(s for s in SYSTEMS if s.id == "dma-ioas-compat")


@cache
def asked() -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    return Oracle(COMPAT, vfio_scope({"thread": 1, "table": 2, "address": len(PAGES), "mapping": 7}, PAGES))


def setup() -> Setup:
    """What a run starts from."""
    return setup_of(COMPAT, asked().machine)


@dataclass
class Containers(Iommu):
    """Iommufds in which an IO address space may stand for a container; some things about them may be wrong."""

    whole: bool = False
    """Version 1 takes whole areas, too."""
    always_cuts: bool = False
    """Version 2 cuts, too."""
    needs_some: bool = False
    """An unmap of nothing is refused."""
    stands: dict[int, int] = field(default_factory=dict)
    """The number of the IO address space that stands for a container, by iommufd."""

    def _ioctl(self, file: int, request: int, argument: int) -> int:
        at = argument - ARENA_AT
        if file not in self.files or not self.files[file]:
            self.stands.pop(file, None)
        if request not in (IommuIoctl.VFIO_IOAS, *Ioctl):
            return super()._ioctl(file, request, argument)
        if request == Ioctl.SET_IOMMU:
            return self._set(file, argument)
        (size,) = struct.unpack_from("<I", self.arena, at)
        self.asked.append((request, bytes(self.arena[at : at + size])))
        if request == IommuIoctl.VFIO_IOAS:
            return self._stand(file, *struct.unpack_from("<4xIH", self.arena, at))
        if request == Ioctl.IOMMU_MAP_DMA:
            return self._map_dma(file, *struct.unpack_from("<IIQQQ", self.arena, at))
        return self._unmap_dma(file, at, *struct.unpack_from("<IIQQ", self.arena, at))

    def _container(self, file: int) -> Space | None:
        return self.files[file].get(self.stands.get(file, 0))

    def _set(self, file: int, version: int) -> int:
        if version not in (TYPE1, TYPE1_V2):
            return -EINVAL
        if (space := self._container(file)) is None:
            return -ENODEV
        space.cuts = space.cuts or version == TYPE1
        return 0

    def _stand(self, file: int, number: int, what: int) -> int:
        if what:
            self.stands[file] = number
            return 0 if number in self.files[file] else -ENOENT
        return 0 if self._container(file) else -ENODEV

    def _map_dma(self, file: int, long: int, flags: int, memory: int, address: int, size: int) -> int:
        if long < struct.calcsize("<IIQQQ") or flags & ~3:
            return -EINVAL
        if (space := self._container(file)) is None:
            return -ENODEV
        if memory + size > LARGEST:
            return -EOVERFLOW
        if not size or size > LARGEST - PAGE:
            return -EINVAL
        if address + size - 1 > LARGEST:
            return -EOVERFLOW
        if not self.over and space.meets(address, address + size - 1):
            return -EEXIST
        space.areas.add((address, address + size - 1))
        return 0

    def _unmap_dma(self, file: int, at: int, long: int, flags: int, address: int, size: int) -> int:
        if long < struct.calcsize("<IIQQ") or flags & ~UNMAP_ALL:
            return -EINVAL
        if (space := self._container(file)) is None:
            return -ENODEV
        first, last = (0, LARGEST) if flags else (address, address + size - 1)
        if not flags and (self.always_cuts or (space.cuts and not self.whole)):
            for end in (last % (LARGEST + 1), first - 1):
                _cut(space, end)
        if not flags and not size:
            return -EINVAL
        if last > LARGEST:
            return -EOVERFLOW
        gone = 0
        for one in sorted(space.areas):
            if one[0] <= last and first <= one[1]:
                if one[0] < first or last < one[1]:
                    return -ENOENT
                space.areas.remove(one)
                gone += one[1] - one[0] + 1
        struct.pack_into("<16xQ", self.arena, at, gone)
        return -ENOENT if self.needs_some and not gone and not flags else 0


def _cut(space: Space, last: int) -> None:
    """Have an area end at this byte, if one goes on behind it."""
    for one in [one for one in space.areas if one[0] <= last < one[1]]:
        space.areas.remove(one)
        space.areas |= {(one[0], last), (last + 1, one[1])}
