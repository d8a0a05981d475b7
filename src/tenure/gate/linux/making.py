"""Runs of make that take long: they are watched, tell how far they are, and are stopped with all that they started."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import killpg
from pathlib import Path
from tempfile import TemporaryFile

from tenure.gate.linux.apt import Told
from tenure.gate.linux.programs import path_of
from tenure.gate.subject import TargetFailed
from tenure.gate.wording import excerpt

FULL = b"No space left on device"

EVERY = 2.0
"""Seconds between two words about how far it is."""

_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Making:
    """A source, the folder in which it is built, and what make is told by its environment."""

    source: Path
    place: Path
    environment: Mapping[str, str]

    def make(self, *targets: str, told: Told = lambda _: None) -> None:
        """Make these targets; raises TargetFailed where that fails, OSError where the disk is full. Whatever ends it ends all of it."""
        with TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 -- make, by words of ours
                [path_of("make"), f"O={self.place}", *targets],
                cwd=self.source,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            try:
                self._watch(process, told)
                process.wait()
            finally:
                _stop(process)
            errors.seek(0)
            if process.returncode:
                raise _why(errors.read(), process.returncode, self.place)

    def _watch(self, process: subprocess.Popen[bytes], told: Told) -> None:
        """Read what make says until it says no more, and tell of it now and then."""
        started, said = time.monotonic(), 0.0
        steps = 0
        for line in process.stdout or ():
            steps += line.startswith(b"  ")
            now = time.monotonic()
            if now - said >= EVERY:
                said = now
                name = line.decode(errors="backslashreplace").split()[-1:]
                told(
                    f"building in {self.place}: {steps} steps in {(now - started) / 60:.0f} min, {''.join(name)[-40:]}"
                )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it runs on."""
    if process.stdout is not None:
        process.stdout.close()
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        killpg(process.pid, signal.SIGKILL)
    process.wait()


def _why(said: bytes, status: int, place: Path) -> Exception:
    """What make failed of, in the first words that say so: what follows them only says that it did."""
    if FULL in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = [line.strip() for line in said.decode(errors="backslashreplace").splitlines() if line.strip()]
    first = next((line for line in lines if "rror" in line), lines[-1] if lines else "nothing")
    advice = f"what was built is kept in {place}, and the next try goes on from there; remove it to begin anew"
    return TargetFailed(f"make ended with status {status}, and said: {excerpt(first, 200)}", advice)
