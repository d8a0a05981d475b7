"""Troubles that do not stop a command: each is told on standard error, and counts when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import click

from tenure.commands.output import Ending, Exit

Found = TypeVar("Found")


def trouble(ending: Ending, code: Exit, said: str) -> None:
    """Say what is wrong, even where the command is to be quiet, and let it count."""
    click.echo(said, err=True)
    ending.note(code)


def until_interrupted(found: Iterator[Found], ending: Ending) -> Iterator[Found]:
    """What comes before an interruption; what was found until then is told like anything else."""
    try:
        yield from found
    except KeyboardInterrupt:
        trouble(ending, Exit.INTERRUPTED, "interrupted")
