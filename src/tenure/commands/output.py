"""What every command can leave behind, and how it ends: exit codes, files, and the order in which troubles count."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """Exit codes; scripts depend on them."""

    OK = 0
    FINDING = 1
    USAGE = 2
    INCONCLUSIVE = 3
    NOTHING = 4
    TARGET = 5
    INTERNAL = 70
    DISK = 74
    INTERRUPTED = 130


PRECEDENCE = (Exit.INTERRUPTED, Exit.INTERNAL, Exit.FINDING, Exit.TARGET, Exit.INCONCLUSIVE, Exit.NOTHING)
"""If several apply, the first of these: a later pass never hides an earlier failure."""


class BadInput(ValueError):  # noqa: N818  # named for what it is
    """What the caller gave cannot be used: what, where and what to do."""


class DiskTrouble(Exception):  # noqa: N818  # named for what it is
    """A file of ours could not be written or read."""


@dataclass
class Ending:
    """The exit codes that a command has met so far."""

    codes: set[Exit] = field(default_factory=set)

    def note(self, code: Exit) -> None:
        """Something happened that counts."""
        self.codes.add(code)

    @property
    def code(self) -> Exit:
        """The exit code of the whole."""
        return next((c for c in PRECEDENCE if c in self.codes), Exit.OK)


def write(path: str, text: str) -> None:
    """Write a file of ours; raises DiskTrouble with what, where and what to do."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as trouble:
        message = f"cannot write {path}: {trouble.strerror}; free some space or choose another place"
        raise DiskTrouble(message) from trouble


def folder(path: str | Path) -> Path:
    """The folder of this name, made where it is absent; raises DiskTrouble with what, where and what to do."""
    place = Path(path)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise DiskTrouble(f"cannot make {path}: {trouble.strerror}; choose another place") from trouble
    return place


TRACES = "name a trace file that `tenure trace --format itf` wrote"


def read(path: str, wanted: str = TRACES) -> str:
    """Read a file that the caller named; raises BadInput with what, where and what to do: what is wanted."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise BadInput(f"cannot read {path}: {trouble}; {wanted}") from trouble
