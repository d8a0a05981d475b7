"""Accesses: by which drivers of emulated devices have pages of an IO address space stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenure.reference.configuration import Configuration
from tenure.reference.dma import Range
from tenure.reference.locks import Lock
from tenure.vocabulary.objects import DEVICE

if TYPE_CHECKING:
    from tenure.reference.ioas_spaces import IoasSpace

ClosedState = tuple[str, ...]
"""The areas that are shut, by name."""

AccessState = tuple[int, tuple[int, ...]]
"""Of each device: in which IO address space its driver unpins, -1: in none; and the addresses that it has pinned."""

NOWHERE = -1


@dataclass(slots=True, eq=False)
class Areas:
    """What an IO address space keeps of areas of which pages are pinned."""

    closed: set[str] = field(default_factory=set)
    """Of which no page can be pinned (prevent_access)."""
    accesses: dict[str, int] = field(default_factory=dict)
    """How many pages of each are pinned, counted once for each driver (num_accesses)."""
    told: list[str] = field(default_factory=list)
    """Of which calls under way have drivers told."""

    def count(self, area: str, more: int) -> None:
        """So many pins more of an area."""
        self.accesses[area] = self.accesses.get(area, 0) + more

    def forget(self, area: str) -> None:
        """The area is no more."""
        self.closed.discard(area)
        self.accesses.pop(area, None)


class DeviceAccess:
    """The access of one device, and what its driver does with it."""

    def __init__(self, *, lets_go: bool) -> None:
        self.lets_go = lets_go
        """The driver unpins what it is told of before its callback returns."""
        self.dev_set_lock = Lock()
        self.unpins_in: IoasSpace | None = None
        """Where its pages are (ioas_unpin); that in which it may pin more is where the device is attached."""
        self.pages: set[int] = set()
        """The addresses that the driver has pinned."""

    def pin(self, address: int, area: str) -> None:
        """One page more (iopt_area_add_access)."""
        assert self.unpins_in is not None  # noqa: S101  # where it pins, it unpins
        self.pages.add(address)
        self.unpins_in.pinned.count(area, 1)

    def unpin(self, address: int) -> None:
        """One page less (iommufd_access_unpin_pages, iopt_area_remove_access)."""
        space = self.unpins_in
        area = None if space is None else space.areas.at(address)
        self.pages.discard(address)
        if space is not None and area is not None:
            space.pinned.count(area.owner, -1)

    def has(self, r: Range) -> list[int]:
        """What the driver has of a range."""
        return sorted(address for address in self.pages if address in r)

    def unmapped(self, r: Range) -> None:
        """The callback: the driver lets go what it has of the range."""
        for address in self.has(r):
            self.unpin(address)


def accesses_of(configuration: Configuration) -> list[DeviceAccess]:
    """One for each device; where nothing is said of drivers, each lets go."""
    devices = configuration.number(DEVICE)
    return [DeviceAccess(lets_go=lets_go) for lets_go in configuration.lets_go or (True,) * devices]


def save_accesses(spaces: Sequence[IoasSpace]) -> tuple[AccessState, ...]:
    """Where each driver has which pages."""
    where = {space: number for number, space in enumerate(spaces)}
    known = spaces[0].everyone if spaces else ()
    return tuple(
        (NOWHERE if one.unpins_in is None else where[one.unpins_in], tuple(sorted(one.pages))) for one in known
    )


def load_accesses(spaces: Sequence[IoasSpace], states: Sequence[AccessState]) -> None:
    """Bring all of them back to these states, in which no call is in flight; their areas are there."""
    for one, (number, pages) in zip(spaces[0].everyone if spaces else (), states, strict=True):
        one.dev_set_lock.release()
        one.pages.clear()
        one.unpins_in = None if number == NOWHERE else spaces[number]
        for address in pages:
            area = None if one.unpins_in is None else one.unpins_in.areas.at(address)
            if area is None:
                one.pages.add(address)
            else:
                one.pin(address, area.owner)
