"""A guest that is played: its replies come from a function, and what it was asked is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest

from tenure.gate.linux.adapter import Adapter
from tenure.gate.linux.batch import Batch, Round
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.vfio import Info
from tenure.gate.subject import Written
from tenure.vocabulary.answers import Answer

RANGES = ((0, 0xFEDFFFFF), (0xFEF00000, 0x7FFFFFFFFF))
"""The valid ranges of VT-d with 39 bits."""


@dataclass
class Played:
    """Replies by target and line; what nobody thought of is 0, and memory is zeros."""

    reply: Callable[[str, str], str | None] = lambda _target, _line: None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, *batches: Batch, limit: float = 0) -> None:
        """Answer every line."""
        del limit
        for batch in batches:
            for line in batch.lines:
                self.asked.append((batch.target, line))
                batch.replies.append(self.reply(batch.target, line) or _default(line))


def _default(line: str) -> str:
    if line.startswith("r "):
        return "00" * int(line.split()[2])
    return b"VmLck:\t       0 kB".hex() if "VmLck" in line else "0"


class Kernel(Played):
    """Opens get numbers from 4 on, processes ids from 100 on; every device has the driver that is said here."""

    def __init__(self, driver: str = "vfio-pci") -> None:
        super().__init__(self.answered)
        self.files = 3
        self.processes = 99
        self.driver = driver
        self.errno: dict[str, int] = {}
        self.returned: dict[str, int] = {}

    def answered(self, target: str, line: str) -> str | None:
        """What a line returns."""
        del target
        for word, number in self.errno.items():
            if word in line:
                return str(-number)
        if line in self.returned:
            return str(self.returned[line])
        if line.startswith(("s 257", "s 438")) or "15210" in line:
            self.files += 1
            return str(self.files)
        if line.startswith("spawn"):
            self.processes += 1
            return str(self.processes)
        link = f"../../bus/pci/drivers/{self.driver}".encode()
        if line.startswith("s 267"):
            return str(len(link))
        if line.startswith("r ") and line.endswith(" 128"):
            return link.ljust(128, b"\0").hex()
        return None


def made(kernel: Kernel, adapter: Adapter, call: str, **args: Written) -> Answer | None:
    """Make a call; its answer. What the kernel was asked before is forgotten."""
    using = Round()
    read = adapter.ask(call, cast("Mapping[str, Written]", args), using)
    kernel.asked.clear()
    kernel.ask(*using.batches)
    return read()


@pytest.fixture
def kernel() -> Kernel:
    """It does what it is asked."""
    return Kernel()


@pytest.fixture
def facts() -> Facts:
    """A machine with two devices alone in their groups, and a group of two network cards."""
    groups = {"0000:00:10.0": "2", "0000:00:12.0": "4", "0000:02:01.0": "8", "0000:02:02.0": "8"}
    cards = {device: device != "0000:00:10.0" for device in groups}
    drivers = frozenset({"vfio-pci", "virtio-pci"})
    return Facts("6.1.0-50-amd64", groups, cards, drivers, Info(0x40201000, RANGES, 65535))
