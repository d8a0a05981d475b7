"""How a run ends: with a documented exit code and a line that says why, whatever was raised."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from tenure.cli.verbs import tenure
from tenure.commands.naming import UnknownName
from tenure.commands.output import BadInput, DiskTrouble, Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code; no traceback reaches the user."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _ends_when_told(), tenure.make_context("tenure", given) as context:
            tenure.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as usage:
        usage.show()
        sys.exit(Exit.USAGE)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(Exit.INTERRUPTED)
    except Exception as trouble:  # noqa: BLE001  # what nobody foresaw is our own bug: one line and a saved report
        said, code = _told(trouble)
        click.echo(said, err=True)
        if isinstance(trouble, OSError):
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # what is left to print has no reader
        sys.exit(code)


@contextmanager
def _ends_when_told() -> Iterator[None]:
    """SIGTERM interrupts too: guests and subjects are ended, and what was found until then is told."""
    us = os.getpid()

    def interrupt(number: int, _: FrameType | None) -> None:
        if os.getpid() == us:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)  # a process of ours that works for us just ends
        signal.raise_signal(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(trouble: Exception) -> tuple[str, Exit]:
    """What ended the run, in one line, and the exit code that says so."""
    from tenure.gate.subject import NotRun, TargetFailed, UnknownTarget

    match trouble:
        case BadInput() | UnknownName() | UnknownTarget():
            return f"tenure: {trouble}", Exit.USAGE
        case TargetFailed():
            return f"target-failed: {trouble}", Exit.TARGET
        case NotRun():
            return f"not-run: {trouble}", Exit.NOTHING
        case DiskTrouble():
            return f"tenure: {trouble}", Exit.DISK
        case OSError():
            return f"tenure: cannot write: {trouble.strerror}; free some space or read all of the output", Exit.DISK
        case bug:
            said = f"tenure: our own bug: {type(bug).__name__}: {bug}; report saved as {_saved_report(bug)}"
            return said, Exit.INTERNAL


def _saved_report(bug: Exception) -> str:
    """A file that says what happened, for whoever mends it."""
    told = "".join(traceback.format_exception(bug))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="tenure-report-", suffix=".json", delete=False, encoding="utf-8"
        ) as file:
            json.dump({"argv": sys.argv[1:], "python": platform.python_version(), "trace": told}, file, indent=1)
            return file.name
    except OSError:
        return "nothing: the disk could not be written"
