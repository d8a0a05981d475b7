"""`tenure list` and `tenure explain`: what there is, and what a name means."""

from __future__ import annotations

import click
from rich.table import Table

from tenure.cli.options import shared
from tenure.cli.screen import console
from tenure.cli.telling import Telling


@click.command("list")
@click.argument("kind", default="systems")
@shared
def list_(*, kind: str, tell: Telling) -> None:
    """List systems, properties, races, calls or targets."""
    from tenure.commands.explaining import listing

    headings, rows = listing(kind)
    if not tell.quiet:
        table = Table(*headings, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        console().print(table)
    tell.document(f"list {kind}", None, [dict(zip(headings, row, strict=True)) for row in rows])


@click.command()
@click.argument("name")
@shared
def explain(*, name: str, tell: Telling) -> None:
    """Explain a property, race, call, system or variant, with its source."""
    from tenure.commands.explaining import explanation

    text = explanation(name)
    tell.say(text)
    tell.document(f"explain {name}", None, [{"name": name, "text": text}])
