"""Shorter runs: what is tried again to tell a finding by fewer calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenure.gate.findings import Run
from tenure.gate.subject import Written


def shorter_runs(run: Run, arguments: tuple[Mapping[str, Written], ...], *, whole: bool) -> Iterator[Run]:
    """Runs with less in them: without a stretch of calls, or without every call that names some object.

    The last call stays, but where the `whole` run is at fault: a fall may come when everything is closed.
    """
    last = run[-1:]
    size = max(len(run) // 2, 1)
    while size >= 1:
        for position in range(0, len(run) - size, size):
            yield run[:position] + run[position + size :]
        size //= 2
    if whole and len(run) > 1:
        yield run[:-1]
    words = [set(one.values()) for one in arguments]
    for name in sorted({w for ws in words for w in ws if isinstance(w, str)}):
        rest = tuple(m for m, ws in zip(run[:-1], words[:-1], strict=True) if name not in ws)
        if len(rest) < len(run) - 1:
            yield rest + last
    for first in range(len(run) - 1):
        for second in range(first + 1, len(run) - 1):
            yield tuple(m for i, m in enumerate(run) if i not in (first, second))
