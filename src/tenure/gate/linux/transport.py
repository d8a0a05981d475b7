"""The line to the agent: frames out, replies in, over a socket that is a port of the guest."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence

from tenure.gate.linux.batch import Batch
from tenure.gate.subject import TargetFailed

HELLO = b"tenure 1"
"""What the agent says first: its name, and the version of its protocol."""

_CHUNK = 1 << 16
_LONGEST_HEAD = 32
_TICK = 0.5


class Silent(Exception):  # noqa: N818 -- what happened
    """No reply came in time, or the other end is gone."""

    def __init__(self, *, gone: bool) -> None:
        super().__init__()
        self.gone = gone


class Transport:
    """Frames and their replies, in order."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)  # noqa: FBT003 -- it takes no name
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        self._have = b""

    def hello(self, limit: float, alive: Callable[[], bool]) -> None:
        """Wait for the agent's first words; raises Silent."""
        said = self._until_newline(time.monotonic() + limit, alive, _LONGEST_HEAD)
        if said != HELLO:
            raise TargetFailed(f"the agent says {said!r}", f"it should say {HELLO!r}")

    def exchange(self, batches: Sequence[Batch], limit: float, alive: Callable[[], bool] = lambda: True) -> None:
        """Send batches and take in their replies; raises Silent, or TargetFailed where a reply is none."""
        deadline = time.monotonic() + limit
        self._send(b"".join(map(encoded, batches)), deadline, alive)
        for batch in batches:
            head = self._until_newline(deadline, alive, _LONGEST_HEAD)
            if not head.isdigit():
                raise TargetFailed(f"the agent answers {head!r}", "its transport broke")
            batch.replies = self._bytes(int(head), deadline, alive).decode(errors="backslashreplace").splitlines()
            if len(batch.replies) != len(batch.lines):
                raise TargetFailed(
                    f"{batch.target} of the agent answers {len(batch.replies)} of {len(batch.lines)} lines",
                    "it was killed, or the guest has too little memory",
                )

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()

    def _send(self, text: bytes, deadline: float, alive: Callable[[], bool]) -> None:
        while text:
            try:
                text = text[self._socket.send(text) :]
            except BlockingIOError:
                if time.monotonic() > deadline or not alive():
                    raise Silent(gone=not alive()) from None
                time.sleep(0.001)
            except OSError:
                raise Silent(gone=True) from None

    def _until_newline(self, deadline: float, alive: Callable[[], bool], most: int) -> bytes:
        while b"\n" not in self._have:
            if len(self._have) > most:
                raise TargetFailed(f"the agent answers {self._have[:most]!r}", "its transport broke")
            self._receive(deadline, alive)
        line, _, self._have = self._have.partition(b"\n")
        return line

    def _bytes(self, number: int, deadline: float, alive: Callable[[], bool]) -> bytes:
        while len(self._have) < number:
            self._receive(deadline, alive)
        found, self._have = self._have[:number], self._have[number:]
        return found

    def _receive(self, deadline: float, alive: Callable[[], bool]) -> None:
        """Take in what comes next, looking now and then whether anybody is there to send it."""
        while not self._poll.poll(_TICK * 1000):
            if not alive():
                raise Silent(gone=True)
            if time.monotonic() > deadline:
                raise Silent(gone=False)
        try:
            more = self._socket.recv(_CHUNK)
        except OSError:
            more = b""
        if not more:
            raise Silent(gone=True)
        self._have += more


def encoded(batch: Batch) -> bytes:
    """A batch as a frame."""
    text = "".join(f"{line}\n" for line in batch.lines).encode()
    return b"%s %d\n%s" % (batch.target.encode(), len(text), text)
