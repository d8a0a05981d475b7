"""Scopes of the systems of interrupts: devices with level-triggered indexes and indexes of edges, and what callers pass."""

from __future__ import annotations

from tenure.search.family import Family, Place
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope

SIZES = {"thread": 2, "file": 2, "device": 1, "eventfd": 2, "array": 2}
"""Two threads, so that one waits for the other; one device with a level-triggered line and one of edges."""

INDEXES = {
    "device_resets": "resets",
    "index_device": "index device",
    "index_level": "level",
    "index_count": "index count",
}
"""What never changes of devices and of their interrupt indexes: each observable, and the field that it shows."""

WIRED = {
    "line_index": "line index",
    "line_number": "line number",
    "eventfd_most": "eventfd most",
    "eventfd_unmasks": "eventfd unmasks",
    "array_count": "array count",
    "array_eventfd": "array eventfd",
}
"""The same of lines, of eventfds and of the arrays that callers pass."""


def interrupt_scope(
    sizes: dict[str, int],
    *,
    devices: tuple[int, ...] = (0, 0),
    lines: tuple[int, ...] = (1, 1),
    most: int = 1,
    unmasking: int = 1,
) -> Scope:
    """Indexes of these devices with so many lines each, in turn level-triggered and of edges; the first device alone can be reset.

    The last eventfds, as many as are `unmasking`, are for that. The first array is empty; each that follows is one longer, and deals
    the other eventfds.
    """
    numbers = [n for count in lines for n in range(count)]
    signalled = sizes["eventfd"] - unmasking
    fixed = {
        "index device": devices,
        "level": tuple(i % 2 == 0 for i in range(len(lines))),
        "index count": lines,
        "line index": tuple(i for i, count in enumerate(lines) for _ in range(count)),
        "line number": tuple(numbers),
        "resets": tuple(d == 0 for d in range(sizes["device"])),
        "array count": tuple(range(sizes["array"])),
        "array eventfd": tuple((a + ln) % signalled for a in range(sizes["array"]) for ln in range(len(numbers))),
        "eventfd most": (most,) * sizes["eventfd"],
        "eventfd unmasks": tuple(e >= signalled for e in range(sizes["eventfd"])),
    }
    return Scope({**sizes, "index": len(devices), "line": len(numbers)}, fixed, {})


_WHOLE = {"thread": 1, "file": 2, "device": 1, "eventfd": 2, "array": 3}
_PAIRS = {"thread": 2, "file": 2, "device": 1, "eventfd": 2, "array": 2}

INTERRUPTS = Family(
    marks=seen.line_index,
    scope=interrupt_scope,
    main=SIZES,
    narrow=(),
    witness=interrupt_scope({**SIZES, "file": 1, "device": 2}, devices=(0, 0, 1), lines=(1, 1, 0)),
    gate=interrupt_scope(
        {"thread": 1, "file": 3, "device": 2, "eventfd": 4, "array": 4},
        devices=(0, 0, 1, 1),
        lines=(2, 3, 1, 0),
        most=3,
    ),
    plan=interrupt_scope(
        {"thread": 1, "file": 2, "device": 2, "eventfd": 2, "array": 3}, devices=(0, 0, 1), lines=(1, 1, 0)
    ),
    whole=(
        Place("one device", interrupt_scope(_WHOLE, most=2)),
        Place("several lines", interrupt_scope({**_WHOLE, "file": 1, "eventfd": 3}, lines=(2, 1))),
        Place("two devices", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 1, 1), lines=(1, 1, 0))),
        Place("large", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 0, 1), lines=(2, 1, 1)), full=True),
    ),
    pairs=(
        Place("one device", interrupt_scope(_PAIRS)),
        Place("several lines", interrupt_scope({**_PAIRS, "file": 1, "array": 3}, lines=(2,), devices=(0,))),
        Place("two devices", interrupt_scope({**_PAIRS, "device": 2}, devices=(0, 1), lines=(1, 1)), full=True),
    ),
    tables=INDEXES | WIRED,
)
