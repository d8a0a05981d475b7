"""`tenure compare`: designs side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table

from tenure.cli.options import LEVEL_HELP, LEVELS, SYSTEM, shared
from tenure.cli.screen import console
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble
from tenure.commands.output import Ending, Exit

if TYPE_CHECKING:
    from tenure.commands.comparing import Line


@click.command()
@click.argument("systems", nargs=-1, metavar=f"{SYSTEM} {SYSTEM}...")
@click.option("--granularity", type=LEVELS, help=LEVEL_HELP)
@shared
def compare(*, systems: tuple[str, ...], granularity: str | None, tell: Telling) -> None:
    """Set designs side by side: what is known of each property, and what a user gains or loses with each.

    A bare name is the base variant. The verdicts are those of properties/expected, which `prove` checks.
    """
    from tenure.commands import comparing
    from tenure.vocabulary.systems import Granularity

    designs = comparing.designs_named(systems)
    lines = comparing.compared(designs, [Granularity(granularity)] if granularity else Granularity)
    if not tell.quiet:
        _print_side_by_side([d.id for d in designs], lines)
    ending = Ending()
    for lacking in comparing.unrecorded(lines):
        trouble(ending, Exit.NOTHING, lacking)
    asked = ["--granularity", granularity] if granularity else []
    tell.document(" ".join(["compare", *systems, *asked]), None, comparing.results(lines))
    sys.exit(ending.code)


def _print_side_by_side(designs: Sequence[str], lines: Sequence[Line]) -> None:
    """One row for each property and granularity, one column for each design; then a line for each row that differs."""
    from tenure.commands.comparing import LEGEND

    table = Table("property", "calls", *(d.replace(":", "\n:") for d in designs), box=None, pad_edge=False)
    for one in lines:
        table.add_row(one.about.id, one.granularity.value, *one.marks)
    out = console()
    out.print(table)
    out.print(LEGEND)
    differing = [one for one in lines if one.differs]
    for one in differing:
        click.echo(f"\n{one.about.id} {one.granularity.value}: {one.about.sentence}\n  {one.means}")
    click.echo(f"\n{len(differing)} of {len(lines)} rows differ")
