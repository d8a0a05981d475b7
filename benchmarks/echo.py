"""The peer of campaigns through pipes: JSON there and back, and nobody who reads it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.figures import NotMeasured

SOURCE = Path(__file__).parent / "echo.c"


def built(folder: str) -> str:
    """The path of the echo, made in this folder; raises NotMeasured where nothing can make it."""
    program = f"{folder}/echo"
    made(["cc", "-O2", "-o", program, str(SOURCE)])
    return program


def made(command: list[str]) -> None:
    """Run a compiler; raises NotMeasured with what it said last where it does not succeed."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own command
    except OSError as trouble:
        raise NotMeasured(
            f"{command[0]} cannot be started ({trouble.strerror}); tenure doctor says what is missing"
        ) from trouble
    except subprocess.CalledProcessError as failed:
        said = (failed.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise NotMeasured(f"{' '.join(command)} fails: {said}") from failed


class Echo:
    """A running echo; each call is one request written and one reply read, both as JSON."""

    def __init__(self, child: subprocess.Popen[bytes], request: object) -> None:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  # they are pipes
        self._into, self._from = child.stdin.fileno(), child.stdout.fileno()
        self._request = request

    def calls(self, number: int) -> float:
        """So many requests and replies; how many they were."""
        encode, decode, request = msgspec.json.encode, msgspec.json.decode, self._request
        for _ in range(number):
            os.write(self._into, encode(request) + b"\n")
            line = os.read(self._from, 1 << 16)
            while not line.endswith(b"\n"):
                if not line:
                    raise NotMeasured("the echo has ended")
                line += os.read(self._from, 1 << 16)
            decode(line)
        return float(number)


@contextmanager
def running(program: str, request: object, reply: object) -> Iterator[Echo]:
    """The echo at work: it ends with the measurement."""
    command = [program, msgspec.json.encode(reply).decode()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0) as child:  # noqa: S603  # our own program
        try:
            yield Echo(child, request)
        finally:
            child.kill()
