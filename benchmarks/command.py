"""Programs as users start them: a process of its own, its time from start to exit, and that of all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from benchmarks.figures import NotMeasured, Sample

START = "from tenure.cli import main; main()"


def timed(words: Sequence[str], environment: Mapping[str, str]) -> Sample:
    """One run of `tenure`; raises NotMeasured where it does not end with exit code 0."""
    sample, code, said = ran([sys.executable, "-c", START, *words], environment)
    if code:
        raise NotMeasured(f"tenure {' '.join(words)} ends with exit code {code}: {said[-300:]}")
    return sample


def ran(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    out: IO[bytes] | None = None,
) -> tuple[Sample, int, str]:
    """One run of a program: its time, its exit code, and its complaints; what it prints goes to `out`."""
    started = time.perf_counter()
    with _started(command, environment or {}, folder, out) as child:
        # What it says when it fails is short: it fits into the pipe, and nobody has to read it meanwhile.
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        said = child.stderr.read().decode(errors="backslashreplace").strip() if child.stderr else ""
    return Sample(wall, used.ru_utime + used.ru_stime), child.returncode, said


@contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None, out: IO[bytes] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, in a group of its own: whatever ends the measurement ends it, and what it started, too."""
    with subprocess.Popen(  # noqa: S603  # our own command
        command,
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL if out is None else out,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
