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
    from tenure.vocabulary.systems import System


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
        _print_side_by_side(designs, lines)
    ending = Ending()
    for lacking in comparing.unrecorded(lines):
        trouble(ending, Exit.NOTHING, lacking)
    asked = ["--granularity", granularity] if granularity else []
    tell.document(" ".join(["compare", *systems, *asked]), None, comparing.results(lines))
    sys.exit(ending.code)


def _print_side_by_side(designs: Sequence[System], lines: Sequence[Line]) -> None:
    """One row for each property and granularity, one column for each design; then what the rows that differ mean."""
    from tenure.commands.comparing import LEGEND, undivided

    table = Table("property", "calls", *(d.id.replace(":", "\n:") for d in designs), box=None, pad_edge=False)
    for one in lines:
        if one.is_a_question:
            table.add_row(one.about.id, one.granularity.value, *one.marks)
    out = console()
    out.print(table)
    out.print(LEGEND)
    if any(one.granularity.value == "steps" for one in lines) and (found := undivided(designs)):
        out.print(
            "In steps these make calls in one where others take several: what races of them break there is no merit of these."
        )
        for name, calls in found.items():
            out.print(f"  {name}: {', '.join(calls)}")
    _print_what_differs(lines)


def _print_what_differs(lines: Sequence[Line]) -> None:
    """For each property whose rows differ, its sentence and who gains or loses it; at the end, the races that were named."""
    from tenure.commands.comparing import differing, races_behind

    found = differing(lines)
    for about, rows in found.items():
        click.echo(f"\n{about.id}: {about.sentence}")
        for row in rows:
            for first, text in enumerate(row.means):
                click.echo(f"  {'' if first else row.granularity.value:5}  {text}")
    races = races_behind(lines)
    if races:
        click.echo("\nThe races named:")
    for race in races:
        click.echo(f"  {race.id:2}  {race.title}\n      tenure trace {race.system} {race.id}")
    asked = [one for one in lines if one.is_a_question]
    click.echo(f"\n{sum(map(len, found.values()))} of {len(asked)} rows differ")
