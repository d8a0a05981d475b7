"""`tenure guards`: what each guard of the rules is for, in one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table

from tenure.cli.options import LEVELS, SYSTEM, parallel, shared
from tenure.cli.screen import console, print_wide, progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble, until_interrupted
from tenure.commands.naming import systems_named
from tenure.commands.output import Ending, Exit

if TYPE_CHECKING:
    from tenure.commands.guarding import Found


@click.command(hidden=True)  # for those who work on the rules; the stable commands are those that `--help` lists
@click.argument("systems", nargs=-1, metavar=f"[{SYSTEM}]...")
@click.option("--granularity", type=LEVELS, default="whole", show_default=True)
@parallel
@shared
def guards(*, systems: tuple[str, ...], granularity: str, jobs: int, tell: Telling) -> None:
    """Take out each guard of a system, and each that mask one another, and say what is lost without it."""
    from tenure.commands import guarding

    chosen = [s.id for s in systems_named(systems)] if systems else guarding.DEFAULT
    planned = [(system, granularity) for system in chosen]
    ending = Ending()
    with progress("guards", quiet=tell.quiet) as told:
        found = list(until_interrupted(guarding.guard_rows(planned, jobs, told), ending))
    found = guarding.in_order(found, planned)
    if not tell.quiet:
        _print_table(found)
    for (system, _), row in found:
        if row.worth is guarding.Worth.UNMET:
            said = f"inconclusive: {system} {granularity} {row.guards[0].name}: {row.evidence}"
            trouble(ending, Exit.INCONCLUSIVE, said)
    if not found:
        ending.note(Exit.NOTHING)
    asked = " ".join(["guards", *systems, "--granularity", granularity])
    tell.document(asked, None, [guarding.result(job, row) for job, row in found])
    sys.exit(ending.code)


def _print_table(found: Sequence[Found]) -> None:
    """A row for each guard, and for each set of those that mask one another; then how many have each class."""
    table = Table("system", "guard", "does", "why", "class", "without it", box=None, pad_edge=False)
    for (system, _), row in found:
        names, does, why = (
            "\n+ ".join(parts) for parts in zip(*((g.name, g.does, g.why) for g in row.guards), strict=True)
        )
        table.add_row(system, names, does, why, row.worth.value, row.evidence)
    print_wide(table)
    words = [row.worth.value for _, row in found]
    console().print(", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words)))
