"""Processes of the rules on a guest: which worker each is, and which number each file has in all that have it."""

from __future__ import annotations

from collections.abc import Callable

from tenure.gate.linux.adapter import answer
from tenure.gate.linux.batch import Batch, Line
from tenure.vocabulary.answers import Answer

FILES = 100
"""The number of the first file of the rules."""

Answering = Callable[[], Answer | None]
"""What reads an answer, once the guest has made the call."""


def worker(process: str) -> str:
    """The worker that makes the calls of a process."""
    return process.removeprefix("p")


def number_of(file: str) -> int:
    """The number of a file, whether a process has it or not."""
    return FILES + int(file.removeprefix("f"))


def opened(file: str, batch: Batch, line: Line) -> Answering:
    """A call that gives the process a file of this name, where it is done."""
    batch.move(line, number_of(file))
    return lambda: answer(min(batch.number(line), 0))
