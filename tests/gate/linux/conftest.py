"""A guest that is played: its replies come from a function, and what it was asked is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tenure.gate.linux.batch import Batch
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.vfio import Info

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


@pytest.fixture
def facts() -> Facts:
    """A machine with two devices alone in their groups, and a group of two network cards."""
    groups = {"0000:00:10.0": "2", "0000:00:12.0": "4", "0000:02:01.0": "8", "0000:02:02.0": "8"}
    cards = {device: device != "0000:00:10.0" for device in groups}
    drivers = frozenset({"vfio-pci", "virtio-pci"})
    return Facts("6.1.0-50-amd64", groups, cards, drivers, Info(0x40201000, RANGES, 65535))
