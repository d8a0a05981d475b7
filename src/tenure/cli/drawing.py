"""`tenure draw`: an address space on the terminal, or in a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tenure.cli.options import shared
from tenure.cli.screen import console
from tenure.cli.telling import Telling
from tenure.commands.output import BadInput, Exit, read, write

if TYPE_CHECKING:
    from tenure.report.address_space import Region
    from tenure.vocabulary.traces import Trace

OUT_WIDTH = 120
"""Columns of a drawing in a file."""


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write the drawing there instead of printing it.")
@shared
def draw(*, file: str, form: str, out: str | None, tell: Telling) -> None:
    """Draw an address space: a JSON list of ranges, or what a trace shows."""
    from tenure.commands.drawing import results
    from tenure.report.address_space import space
    from tenure.report.address_svg import to_svg
    from tenure.report.address_text import plain, to_lines

    given = _given(file)
    if not isinstance(given, tuple):
        click.echo(
            f"{file}: nothing to draw: a trace of {given.system}; only lists of ranges are drawn so far", err=True
        )
        tell.document(f"draw {file}", None, [])
        sys.exit(Exit.NOTHING)
    drawn = space(given)
    if out:
        write(out, to_svg(drawn) if form == "svg" else plain(to_lines(drawn, OUT_WIDTH)))
    elif form == "svg" and not tell.quiet:
        click.echo(to_svg(drawn), nl=False)
    elif not tell.quiet:
        _print_space(given)
    tell.document(f"draw {file}", None, list(results(drawn)))


def _given(file: str) -> tuple[Region, ...] | Trace:
    """The ranges that are listed in this file, or the trace that it is; raises BadInput, naming the file."""
    from tenure.commands.drawing import given_in
    from tenure.report.itf import BadTrace

    text = read(file, "name a list of ranges or a trace file")
    try:
        return given_in(text)
    except (BadTrace, BadInput) as trouble:
        raise BadInput(f"{file}: {trouble}") from trouble


def _print_space(regions: Sequence[Region]) -> None:
    """A drawing as wide as the terminal, in characters that standard output can write."""
    from tenure.report.address_space import space
    from tenure.report.address_text import glyphs_for, plain, to_lines

    out = console()
    encoding = sys.stdout.encoding or "ascii"
    named = [replace(r, owner=r.owner.encode(encoding, "backslashreplace").decode(encoding)) for r in regions]
    lines = to_lines(space(named), out.width if out.is_terminal else OUT_WIDTH, glyphs_for(encoding))
    if not out.is_terminal:
        click.echo(plain(lines), nl=False)
        return
    for line in lines:
        out.print(line, soft_wrap=True)
