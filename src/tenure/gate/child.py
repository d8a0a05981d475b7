"""A child process spoken to in lines: one sent, one received, nobody waits for ever, and nothing is left behind."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tenure.gate.json_lines import said
from tenure.gate.subject import TargetFailed
from tenure.gate.wording import excerpt

LONGEST_LINE = 1 << 20
"""Bytes of a line, with its newline."""

_CHUNK = 1 << 16
_LOG = 4096
_LAST_LINES = 5
_GRACE = 0.3
_TICK = 0.002
_LAST_WAIT = 2.0


class Child:
    """A running command and the three pipes to it.

    It leads a process group of its own, so that what it starts ends with it, and Ctrl-C reaches the tool alone.
    """

    def __init__(self, command: str, limit: float) -> None:
        self.limit = limit
        self._process = _started(command)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("three pipes were asked for")
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._to, self._from, self._log_from = stdin.fileno(), stdout.fileno(), stderr.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._log_from, False)
        self._one_line = [(self._from, select.POLLIN)]
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)
        self._poll.register(self._log_from, select.POLLIN)
        self._log = b""
        self._log_ended = False

    def ask(self, line: bytes) -> bytes:
        """Send a line and wait for the line that answers it; raises TargetFailed where none comes in time."""
        self._nothing_unasked()
        deadline = time.monotonic() + self.limit
        try:
            sent = os.write(self._to, line)
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            raise self._ended(b"") from None
        if sent != len(line):
            self._send(line[sent:], deadline)
        return self._receive(deadline)

    def last_words(self) -> str:
        """The last lines that it wrote to standard error; empty where it wrote none."""
        lines = [line for line in self._log.decode(errors="backslashreplace").splitlines() if line.strip()]
        return " | ".join(excerpt(line.strip()) for line in lines[-_LAST_LINES:])

    def leave(self) -> None:
        """Wait until it has ended by itself, silently and with status 0; raises TargetFailed where it does not."""
        deadline = time.monotonic() + self.limit
        self._stdin.close()
        if self._readable(deadline) and (rest := os.read(self._from, _CHUNK)):
            raise TargetFailed(f"a line after the last reply: {said(rest)}", "end after the reply to quit")
        if not self._has_ended(deadline):
            raise TargetFailed("it does not end", "end with status 0 after the reply to quit")
        if status := self.end():
            raise TargetFailed(f"it ended {_ending(status)} after quit", "end with status 0 after the reply to quit")

    def end(self) -> int | None:
        """Stop it and whatever it started, and reap it; its status, or the signal it died of as a negative number.

        None where it cannot be stopped: it sleeps in the kernel, or belongs to another user.
        """
        if not self._stdout.closed:
            self._stdin.close()
            if not self._has_ended(0):
                self._signal(signal.SIGTERM)
                self._has_ended(time.monotonic() + _GRACE)
            self._signal(signal.SIGKILL)  # what it started too; its number is not given away before it is reaped
            self._has_ended(time.monotonic() + _LAST_WAIT)
            self._process.poll()
            self._read_log()
            self._stdout.close()
            self._stderr.close()
        return self._process.returncode

    def _nothing_unasked(self) -> None:
        """Nothing has come since the last reply; what it logged meanwhile is read."""
        events = self._poll.poll(0)
        if not events:
            return
        for number, _ in events:
            if number == self._from:
                unasked = os.read(self._from, _CHUNK)
                if not unasked:
                    raise self._ended(b"")
                raise TargetFailed(f"a line that nobody asked for: {said(unasked)}", _ONE_EACH)
        self._read_log()

    def _receive(self, deadline: float) -> bytes:
        """The next line, alone."""
        if self._poll.poll(self.limit * 1000) == self._one_line:
            line = os.read(self._from, _CHUNK)
            if line.find(b"\n") == len(line) - 1 and line:
                return line
        else:
            line = b""
        return self._rest_of(bytearray(line), deadline)

    def _rest_of(self, line: bytearray, deadline: float) -> bytes:
        """The line that begins like this, however slowly it comes."""
        searched = 0
        while (end := line.find(b"\n", searched)) < 0:
            searched = len(line)
            if searched >= LONGEST_LINE:
                break
            if not self._readable(deadline):
                began = f"; it began a line: {said(line)}" if line else ""
                raise TargetFailed(f"no reply within {self.limit:g} s{began}", _ANSWER)
            more = os.read(self._from, _CHUNK)
            if not more:
                raise self._ended(bytes(line))
            line += more
        if not 0 <= end < LONGEST_LINE:
            raise TargetFailed(f"a line longer than 1 MiB: {said(line)}", "send only what is not the default")
        if end != len(line) - 1:
            raise TargetFailed(f"a line that nobody asked for: {said(line[end + 1 :])}", _ONE_EACH)
        return bytes(line)

    def _readable(self, deadline: float) -> bool:
        """Standard output has something, or has ended; False when the time is over. The log is read meanwhile."""
        while True:
            left = deadline - time.monotonic()
            events = self._poll.poll(max(left, 0) * 1000)
            if any(number == self._log_from for number, _ in events):
                self._read_log()
            if any(number == self._from for number, _ in events):
                return True
            if left <= 0:
                return False

    def _send(self, line: bytes, deadline: float) -> None:
        """Write what the pipe did not take at once, as the child reads."""
        writable = select.poll()
        writable.register(self._to, select.POLLOUT)
        if not self._log_ended:
            writable.register(self._log_from, select.POLLIN)
        while line:
            if (left := deadline - time.monotonic()) <= 0:
                raise TargetFailed(f"it reads no request within {self.limit:g} s", _ANSWER)
            for number, _ in writable.poll(left * 1000):
                if number == self._log_from:
                    if not self._read_log():
                        writable.unregister(self._log_from)
                    continue
                try:
                    line = line[os.write(self._to, line) :]
                except BrokenPipeError:
                    raise self._ended(b"") from None

    def _read_log(self) -> bool:
        """Keep the end of what it wrote to standard error; False once it can write no more."""
        try:
            more = os.read(self._log_from, _CHUNK)
        except BlockingIOError:
            return True
        self._log = (self._log + more)[-_LOG:]
        if not more and not self._log_ended:
            self._log_ended = True
            self._poll.unregister(self._log_from)
        return bool(more)

    def _ended(self, line: bytes) -> TargetFailed:
        """It has closed its end of a pipe: how it ended, if it did."""
        half = f" in the middle of a line: {said(line)}" if line else ""
        if self._has_ended(time.monotonic() + _GRACE):
            return TargetFailed(f"it ended {_ending(self.end())}{half}", "end only after the reply to quit")
        return TargetFailed(f"it closed its standard input or output{half}", "keep both open until quit")

    def _has_ended(self, deadline: float) -> bool:
        """It is over, though not reaped, before the deadline."""
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while self._process.returncode is None and os.waitid(os.P_PID, self._process.pid, how) is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_TICK)
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(PermissionError):
            os.killpg(self._process.pid, number)


_ONE_EACH = "write one line for each request, and logs to standard error"
_ANSWER = "flush each reply, and answer what would sleep with EAGAIN"


def _started(command: str) -> subprocess.Popen[bytes]:
    """The process; raises TargetFailed where the command cannot be started."""
    try:
        words = shlex.split(command)
    except ValueError as wrong:
        raise TargetFailed(f"the command cannot be split into words: {wrong}", "quote it as a shell would") from None
    if not words:
        raise TargetFailed("the command is empty", "say exec:COMMAND")
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603 -- to run the user's command is the point
            words, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except FileNotFoundError:
        if shutil.which(words[0]):
            advice = "its first line names an interpreter that does not exist"
        elif "/" in words[0]:
            advice = f"the path is read from {Path.cwd()}; is it built?"
        else:
            advice = "PATH has no such program; a file of this directory is ./NAME"
        raise TargetFailed(f"there is no command {excerpt(words[0])}", advice) from None
    except (OSError, ValueError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else wrong
        advice = "is it an executable file, and a script with a first line #!INTERPRETER?"
        raise TargetFailed(f"{excerpt(words[0])} cannot be started: {reason}", advice) from None


def _ending(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return "in a way that cannot be told"
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
