"""`make fuzz`: atheris looks for a program of calls that the tracker, the page table and plain bytes do not agree on.

It changes programs at random, and keeps those that run what none ran before in the range core; they stay in the corpus, and the
next run begins with them. Exit codes: 0 nothing was found in the time, 1 a difference, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

CORPUS = Path("build/fuzz/corpus")
CORE = "tenure.reference.dma"
TOLD_EVERY = 10.0
"""Seconds between two words on how far it is."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", type=click.IntRange(min=1), default=60, show_default=True, help="How long to look.")
@click.option("--seed", type=click.IntRange(1, 2**31), help="What to begin with; chosen where none is given, and told.")
@click.option("--corpus", type=click.Path(path_type=Path, file_okay=False), default=CORPUS, show_default=True)
@click.option("--program", "digits", metavar="HEX", help="Run one program, as it was told, and look for no other.")
def fuzz(seconds: int, seed: int | None, corpus: Path, digits: str | None) -> None:
    """Look for a program of calls on which the tracker, the page table and plain bytes differ."""
    if digits is not None:
        sys.exit(_again(digits))
    chosen = seed or time.time_ns() % 2**31 + 1
    corpus.mkdir(parents=True, exist_ok=True)
    click.echo(f"seed {chosen}, {seconds} s, {_kept(corpus)} programs from before in {corpus}")
    _look(seconds, chosen, corpus)


def _again(digits: str) -> int:
    """Run a program that was told; the exit code."""
    from tests.fuzz.telling import told  # noqa: PLC0415  # a search loads the core itself, to count what runs in it

    try:
        words = told(bytes.fromhex(digits))
    except ValueError as wrong:
        raise click.BadParameter(f"{digits!r} is no program: {wrong}; give the digits as they were told") from wrong
    click.echo(words or "no difference")
    return 1 if words else 0


def _look(seconds: int, seed: int, corpus: Path) -> None:
    """Hand over to atheris, which does not come back."""
    try:
        import atheris  # noqa: PLC0415  # no default install has it
    except ImportError:
        click.echo("atheris is not installed; `make fuzz` does so, or pip install -e '.[fuzz]'", err=True)
        sys.exit(2)
    with atheris.instrument_imports(include=[CORE]):
        from tests.fuzz.programs import LONGEST_PROGRAM  # noqa: PLC0415  # what is loaded here is counted
        from tests.fuzz.telling import told  # noqa: PLC0415  # as above
    options = [
        f"-seed={seed}",
        f"-max_len={LONGEST_PROGRAM}",
        f"-artifact_prefix={corpus.parent}/",
        "-len_control=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], Search(told, seconds, corpus))
    atheris.Fuzz()


class Search:
    """What is done with each program, until the time is over or one shows a difference: then this process ends."""

    def __init__(self, told: Callable[[bytes], str], seconds: float, corpus: Path) -> None:
        self.told, self.corpus = told, corpus
        self.programs = 0
        self.next_word = time.monotonic() + TOLD_EVERY
        self.end = time.monotonic() + seconds

    def __call__(self, data: bytes) -> None:
        self.programs += 1
        words = self.told(data)
        now = time.monotonic()
        if words or now > self.end:
            click.echo(words or f"nothing found: {self._so_far()}")
            sys.stdout.flush()
            os._exit(1 if words else 0)  # atheris would tell its own story, with a stack
        if now > self.next_word:
            self.next_word = now + TOLD_EVERY
            click.echo(self._so_far())

    def _so_far(self) -> str:
        return f"{self.programs:,} programs run, {_kept(self.corpus)} kept"


def _kept(corpus: Path) -> int:
    return len(list(corpus.iterdir()))


if __name__ == "__main__":
    fuzz(prog_name="python -m tests.fuzz")
