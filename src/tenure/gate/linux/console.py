"""The console of a guest: kept, and watched for the words by which a kernel says that something is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SIGNS = (
    ("KASAN", r"BUG: KASAN:.*"),
    ("lockdep", r"WARNING: possible (?:circular|recursive|irq lock) .*|WARNING: (?:inconsistent lock|bad unlock) .*"),
    ("BUG", r"BUG: .*|kernel BUG at .*"),
    ("oops", r"Oops: .*|general protection fault.*|Unable to handle .*"),
    ("WARN", r"WARNING: .*"),
    ("hung task", r"INFO: task .* blocked for more than .*|watchdog: BUG: soft lockup.*"),
    ("stall", r"rcu: INFO: .* detected stalls.*"),
    ("panic", r"Kernel panic - not syncing: .*"),
)
"""What a kernel in trouble says, by the name under which it is told; the first that fits."""

AGENT_ENDED = "Attempted to kill init"
"""What a kernel says when the agent is gone: its end, and not the kernel's."""

NO_PORT = "tenure-agent: there is no virtio-serial port"
"""What the agent says where the kernel has not the drivers of the port by which it is called."""

NO_MEMORY = re.compile(r"Out of memory: .*|.*invoked oom-killer.*|System is deadlocked on memory.*")

_STAMP = re.compile(r"^(?:\x1b\[[0-9;]*m|\[[ 0-9.]*\]|\s|<[0-9]+>)*")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that the console says: what kind, and the line."""

    kind: str
    line: str


def trouble_in(text: str) -> Trouble | None:
    """The first complaint of the kernel in a text of its console; None where it complains of nothing."""
    for line in text.splitlines():
        plain = _STAMP.sub("", line).rstrip()
        if AGENT_ENDED in plain:
            continue
        for kind, sign in SIGNS:
            found = re.search(rf"(?:^|[^A-Za-z]){f'(?P<line>{sign})'}", plain)
            if found:
                return Trouble(kind, found["line"])
    return None


def out_of_memory(text: str) -> bool:
    """The guest had too little memory."""
    return NO_MEMORY.search(text) is not None


class Console:
    """A file that a guest's console is written to, read as it grows."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path = path
        self._file = path.open("rb", buffering=0)
        self._rest = b""
        self.text = ""

    def trouble(self) -> Trouble | None:
        """The first complaint in what was written since this was last asked."""
        more = self._file.read()
        if not more:
            return None
        lines, _, self._rest = (self._rest + more).rpartition(b"\n")
        new = lines.decode(errors="backslashreplace").replace("\r", "")
        self.text += new + "\n"
        return trouble_in(new)

    def all(self) -> str:
        """Everything that was ever written to it."""
        self.trouble()
        return self.text + self._rest.decode(errors="backslashreplace")

    def close(self) -> None:
        self._file.close()
