"""The terminal: where tables go, and where progress is seen."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 240
"""Columns of a line that goes to no terminal."""

TABLE_WIDTH = 190
"""Columns that a wide table has at least: a line of a terminal goes on in the next one, a cell that is cut does not."""

LONGEST = 10_000
"""Columns of any table, at most."""


class Plain(Console):
    """A console that leaves a closed pipe to whoever decides how we end."""

    def on_broken_pipe(self) -> None:
        """Say so, as any other failed write does."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console() -> Console:
    """Standard output; NO_COLOR is honoured, and a pipe gets plain lines of full width."""
    return Plain(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def print_wide(table: Table) -> None:
    """A table of many columns, wider than the terminal where it must be."""
    Plain(highlight=False, width=max(console().width, TABLE_WIDTH)).print(table)


def print_whole(table: Table) -> None:
    """A table of which nobody could use a cell that is cut: as wide as its cells are."""
    width = Plain(width=LONGEST).measure(table).maximum
    Plain(highlight=False, width=max(console().width, width)).print(table)


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress line on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with shown:
        task = shown.add_task(title, total=None)
        yield lambda what, done, total: shown.update(
            task, description=f"{title} {what}", completed=done, total=total or None
        )
