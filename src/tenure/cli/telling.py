"""How a command tells what it found: on standard output unless it is to be quiet, and in the files that were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import click

from tenure.commands.output import write
from tenure.vocabulary.verdicts import Row


@dataclass(frozen=True, slots=True)
class Telling:
    """What every command is asked about its words: whether only to say what failed, and which files to write."""

    quiet: bool
    json_file: str | None
    junit_file: str | None

    def say(self, text: str) -> None:
        """A line on standard output, unless only what failed is to be said."""
        if not self.quiet:
            click.echo(text)

    def document(self, command: str, seed: int | None, results: Iterable[Mapping[str, object]]) -> None:
        """The one JSON document, where it was asked for; the command is told without `tenure`."""
        if self.json_file:
            from tenure.report.documents import document

            write(self.json_file, document(f"tenure {command}", seed, results))

    def junit(self, rows: Iterable[tuple[Row, bool]]) -> None:
        """The JUnit report, where it was asked for; each row comes with whether it is as required."""
        if self.junit_file:
            from tenure.report.junit import to_junit

            write(self.junit_file, to_junit(rows))
