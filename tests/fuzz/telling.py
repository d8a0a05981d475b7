"""What a program shows, in words, once it was made small."""

from __future__ import annotations

from tests.fuzz.alike import run
from tests.fuzz.programs import program
from tests.fuzz.smaller import smaller


def told(data: bytes) -> str:
    """The smallest program found that shows a difference, or breaks the core; empty where this one does neither."""
    if not _shown(data):
        return ""
    small = smaller(data, lambda other: bool(_shown(other)))
    bounds, calls = program(small)
    lines = [repr(bounds), *(f"{number}  {call!r}" for number, call in enumerate(calls)), f"! {_shown(small)}"]
    again = f"run it again: python -m tests.fuzz --program {small.hex()}"
    return "\n".join([*lines, again, "keep it: add these digits to SAVED in tests/fuzz/test_programs.py"])


def _shown(data: bytes) -> str:
    """How the run of a program fails; empty where it does not."""
    try:
        run(data)
    except Exception as wrong:  # noqa: BLE001  # an exception that no call should raise is a finding too
        return f"{type(wrong).__name__}: {wrong}"
    return ""
