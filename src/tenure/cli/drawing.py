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
from tenure.commands.naming import UnknownName, system_named
from tenure.commands.output import BadInput, Exit, read, write

if TYPE_CHECKING:
    from tenure.report.address_space import Region
    from tenure.vocabulary.traces import Trace

OUT_WIDTH = 120
"""Columns of a drawing in a file."""


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", show_default=True)
@click.option(
    "--step", type=click.IntRange(0), metavar="N", help="Of a trace: after so many steps, not after the last."
)
@click.option("--space", "name", metavar="NAME", help="Of a trace: one address space, by its name there.")
@click.option("--out", metavar="FILE", help="Write the drawing there instead of printing it.")
@shared
def draw(*, file: str, form: str, step: int | None, name: str | None, out: str | None, tell: Telling) -> None:
    """Draw an address space: a JSON list of ranges, or what a trace shows."""
    from tenure.commands.drawing import results
    from tenure.report.address_space import space

    spaces = _spaces(file, step, name)
    if form == "svg" and len(spaces) > 1:
        raise BadInput(f"{file}: {', '.join(spaces)} are there, and a picture is of one; name it with --space")
    if out and spaces:
        write(out, "".join(_in_file(each, regions, form) for each, regions in spaces.items()))
    elif not tell.quiet:
        for each, regions in spaces.items():
            _print(each, regions, form)
    tell.document(f"draw {file}", None, [one for each in spaces for one in results(space(spaces[each]), each)])
    sys.exit(Exit.OK if spaces else Exit.NOTHING)


def _in_file(name: str, regions: Sequence[Region], form: str) -> str:
    from tenure.report.address_space import space
    from tenure.report.address_svg import to_svg
    from tenure.report.address_text import plain, to_lines

    drawn = space(regions)
    return to_svg(drawn) if form == "svg" else _title(name) + plain(to_lines(drawn, OUT_WIDTH))


def _print(name: str, regions: Sequence[Region], form: str) -> None:
    if form == "svg":
        click.echo(_in_file(name, regions, form), nl=False)
    else:
        click.echo(_title(name), nl=False)
        _print_space(regions)


def _title(name: str) -> str:
    """What stands before a drawing where spaces have names."""
    return f"{name}: " if name else ""


def _spaces(file: str, step: int | None, name: str | None) -> dict[str, tuple[Region, ...]]:
    """The spaces of this file, by name: of a list one without; raises BadInput, naming the file. None is said."""
    from tenure.commands.drawing import given_in
    from tenure.report.itf import BadTrace

    text = read(file, "name a list of ranges or a trace file")
    try:
        given = given_in(text)
        if not isinstance(given, tuple):
            return _of_trace(file, given, step, name)
    except (BadTrace, BadInput, UnknownName) as trouble:
        raise BadInput(f"{file}: {trouble}") from trouble
    if step is not None or name is not None:
        raise BadInput(f"{file}: --step and --space are for traces, and this is a list of ranges; leave them out")
    return {"": given}


def _of_trace(file: str, trace: Trace, step: int | None, name: str | None) -> dict[str, tuple[Region, ...]]:
    from tenure.commands.address_spaces import draws, spaces_after

    system = system_named(trace.system)
    if not draws(system):
        click.echo(f"{file}: nothing to draw: a trace of {trace.system}, which has no mappings", err=True)
        return {}
    steps = len(trace) if step is None else step
    if steps > len(trace):
        raise BadInput(f"the trace ends after step {len(trace)}; --step is at most that")
    spaces = spaces_after(trace, system, steps)
    if not spaces:
        click.echo(f"{file}: nothing to draw: nothing is mapped after step {steps} of {len(trace)}", err=True)
    if name is not None and spaces:
        if name not in spaces:
            raise BadInput(f"nothing is mapped in {name!r} after step {steps}; there is {', '.join(spaces)}")
        return {name: spaces[name]}
    return spaces


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
