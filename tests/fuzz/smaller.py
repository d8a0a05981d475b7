"""A program that shows a difference, made shorter and plainer as long as it still shows one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.fuzz.programs import WORD


def smaller(data: bytes, shows: Callable[[bytes], bool]) -> bytes:
    """The first simpler one that still shows it, and so on until none does."""
    found = data
    while (simpler := next(filter(shows, _simpler(found)), None)) is not None:
        found = simpler
    return found


def _simpler(data: bytes) -> Iterator[bytes]:
    """Fewer bytes first: what follows a word, then a word; then a smaller byte in its place. Each is shorter or lower."""
    for at in range(WORD, len(data), WORD):
        yield data[:at]
    for at in range(WORD, len(data), WORD):
        yield data[:at] + data[at + WORD :]
    for at, byte in enumerate(data):
        for lower in sorted({0, byte // 2, byte - 1} - {byte, -1}):
            yield data[:at] + bytes([lower]) + data[at + 1 :]
