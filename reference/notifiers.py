"""Notifiers: what a driver gives to VFIO to be called back through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.reference.vms import Vm


class Notifier:
    """A struct notifier_block: memory of the driver that asks; a list that it is in only points at it."""

    __slots__ = ("device", "freed", "vm")

    def __init__(self, device: int) -> None:
        self.device = device
        """The device for which the driver asks."""
        self.freed = False
        """The driver has given the memory back."""
        self.vm: Vm | None = None
        """The VM of which its driver was told last, where it stands in the list of a group."""
