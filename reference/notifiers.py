"""Notifiers: what a driver gives to VFIO to be called back through."""

from __future__ import annotations


class Notifier:
    """A struct notifier_block: memory of the driver that asks; a list that it is in only points at it."""

    __slots__ = ("device", "freed")

    def __init__(self, device: int) -> None:
        self.device = device
        """The device for which the driver asks."""
        self.freed = False
        """The driver has given the memory back."""
