"""IO address spaces of iommufds on a guest: each is a number, which is kept where the kernel wrote it, so that runs are made ahead."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tenure.gate.linux import iommufd
from tenure.gate.linux.batch import ARENA, At, Batch, Line, There
from tenure.gate.linux.edges import PAGE, Ranges
from tenure.gate.linux.facts import FIRST_FILE, KEEPER, Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.iommufd import IommuIoctl
from tenure.gate.linux.sysfs import folder
from tenure.gate.subject import NotRun, TargetFailed

WORKER = "0"
"""Who has the iommufds."""

_MANY = 16
_APART = 16
"""Bytes from one IO address space to the next where their structures are kept."""

_LOOKED = 1024
_WIDE = 32
"""Where the structures of IOAS_IOVA_RANGES are kept behind them, and bytes from one to the next."""


class Spaces:
    """IO address spaces by name, each of the iommufd that is this file."""

    def __init__(self, files: Mapping[str, int]) -> None:
        self.files = files
        self._there: set[str] = set()
        """Those that are there by what was called."""

    def begin(self, batch: Batch) -> list[Line]:
        """Close everything and open the iommufds anew, without any IO address space; what opening each returned."""
        self._there.clear()
        batch.close_all(FIRST_FILE)
        opened = [batch.open("/dev/iommu") for _ in dict.fromkeys(self.files.values())]
        for table in self.files:
            self._forget(batch, table)
            batch.put_last(iommufd.iova_ranges(), self._looked(table))
        return opened

    def alloc(self, batch: Batch, made: str) -> Line:
        """Make one. Those that are gone keep their numbers until others may get these."""
        self._there.add(made)
        for table in self.files:
            if table not in self._there:
                self._forget(batch, table)
        at = batch.put_last(iommufd.IOAS_ALLOC, self._kept(made))
        return batch.ioctl(self.files[made], IommuIoctl.IOAS_ALLOC, at)

    def ends(self, table: str) -> None:
        """It is gone after this."""
        self._there.discard(table)

    def put(self, batch: Batch, structure: bytes, of: int, table: str) -> At:
        """Bytes to point to, which have its number from this byte on."""
        return batch.put_with_number(structure, of, self._number(table))

    def ioctl(self, batch: Batch, request: IommuIoctl, structure: bytes, of: int, table: str) -> Line:
        """Make an ioctl about it."""
        return batch.ioctl(self.files[table], request, self.put(batch, structure, of, table))

    def look(self, batch: Batch, table: str) -> Line:
        """Ask IOAS_IOVA_RANGES for none of its ranges: by its structure that is kept, so that after each call little is said."""
        at = At(ARENA - PAGE + self._looked(table))
        batch.point(
            at, iommufd.RANGES_OF, self._number(table)
        )  # eight bytes: behind the number is how many are asked for, 0
        return batch.ioctl(self.files[table], IommuIoctl.IOAS_IOVA_RANGES, at)

    def _number(self, table: str) -> There:
        return There(ARENA - PAGE + self._kept(table) + iommufd.ALLOCATED)

    def _forget(self, batch: Batch, table: str) -> None:
        """It has a number that none has."""
        batch.put_last(struct.pack("<I", iommufd.NO_OBJECT), self._kept(table) + iommufd.ALLOCATED)

    def _kept(self, table: str) -> int:
        """Where on the last page its structure of IOAS_ALLOC is."""
        return _APART * list(self.files).index(table)

    def _looked(self, table: str) -> int:
        """The same, of IOAS_IOVA_RANGES."""
        return _LOOKED + _WIDE * list(self.files).index(table)


def settled(guest: Guest) -> str:
    """Close everything; what is left all the same, empty: nothing."""
    batch = Batch(WORKER)
    batch.close_all(FIRST_FILE)
    pinned = batch.file("/proc/self/status", "VmPin:")
    guest.ask(batch)
    return "pages are pinned though everything is closed" if int(batch.content(pinned).split()[1]) else ""


def without_reserved(guest: Guest, facts: Facts) -> None:
    """See that all addresses are valid where no device is: the rules are about that. The process that has the iommufds is made.

    Raises NotRun where there are no iommufds.
    """
    if "iommu" not in folder(guest, KEEPER, "/dev"):
        raise NotRun(
            f"Linux {facts.release} has no iommufd",
            "it needs CONFIG_IOMMUFD, which stock kernels of Debian lack",
        )
    if (told := _ranges(guest)) != ((0, (1 << 64) - 1),):
        spans = ", ".join(f"{first:#x}-{last:#x}" for first, last in told)
        raise TargetFailed(
            f"without a device only {spans} can be mapped", "the rules are of kernels that reserve nothing"
        )


def _ranges(guest: Guest) -> Ranges:
    """The ranges of an IO address space without a device, as its kernel tells them."""
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
