"""The command line as users start it: a process of its own, its time from start to exit, and that of all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from benchmarks.figures import NotMeasured, Sample

START = "from tenure.cli import main; main()"


def timed(words: Sequence[str], environment: Mapping[str, str]) -> Sample:
    """One run of `tenure`; raises NotMeasured where it does not end with exit code 0."""
    command = [sys.executable, "-c", START, *words]
    started = time.perf_counter()
    with _started(command, environment) as child:
        # What it says when it fails is short: it fits into the pipe, and nobody has to read it meanwhile.
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        said = child.stderr.read().decode(errors="backslashreplace").strip() if child.stderr else ""
    if child.returncode:
        raise NotMeasured(f"tenure {' '.join(words)} ends with exit code {child.returncode}: {said[-300:]}")
    return Sample(wall, used.ru_utime + used.ru_stime)


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, in a group of its own: whatever ends the measurement ends it, and what it started, too."""
    with subprocess.Popen(  # noqa: S603  # our own command
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
