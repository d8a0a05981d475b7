"""`tenure trace`: one run, in the form that was asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tenure.cli.options import LEVELS, SYSTEM, shared
from tenure.cli.telling import Telling
from tenure.commands.naming import system_named
from tenure.commands.output import Exit, write
from tenure.vocabulary.verdicts import Verdict

if TYPE_CHECKING:
    from tenure.commands.tracing import Found
    from tenure.vocabulary.systems import System
    from tenure.vocabulary.traces import Trace

KNOWN = (Verdict.PROVED, Verdict.NOT_APPLICABLE)
"""Where there is no trace, and cannot be one."""


@click.command()
@click.argument("system", metavar=SYSTEM)
@click.argument("name", metavar="PROPERTY|RACE")
@click.option("--granularity", type=LEVELS, help="Only a trace at this granularity.")
@click.option(
    "--format", "form", type=click.Choice(["text", "itf", "mermaid", "json"]), default="text", show_default=True
)
@click.option("--out", metavar="FILE", help="Write the trace there instead of printing it.")
@shared
def trace(*, system: str, name: str, granularity: str | None, form: str, out: str | None, tell: Telling) -> None:
    """Show the shortest trace to a property's fall, or the one to a named race."""
    from tenure.commands.tracing import find_trace
    from tenure.report.text import to_text

    chosen = system_named(system)
    found = find_trace(chosen, name, granularity)
    if found.trace is None:
        click.echo(f"{chosen.id} {name}: no trace: {found.verdict.value}: {found.reason}")
        if found.induction is not None:
            tell.say(to_text(found.induction, found.sentence))
    elif out:
        write(out, _formed(found.trace, form, found.sentence))
    else:
        tell.say(_formed(found.trace, form, found.sentence))
    tell.document(f"trace {system} {name}", None, [_result(chosen, name, found)])
    if found.trace is None:
        sys.exit(Exit.NOTHING if found.verdict in KNOWN else Exit.INCONCLUSIVE)


def _result(system: System, name: str, found: Found) -> dict[str, object]:
    """What was found as a result of the JSON document; `trace` is there where there is one."""
    from tenure.report.itf import itf_object

    result: dict[str, object] = {
        "system": system.name,
        "variant": system.variant,
        "property": name,
        "verdict": found.verdict.value,
        "steps": len(found.trace) if found.trace else None,
        "seconds": 0.0,
        "reason": found.reason,
    }
    return result if found.trace is None else {**result, "trace": itf_object(found.trace)}


def _formed(found: Trace, form: str, sentence: str) -> str:
    from tenure.report.itf import to_itf
    from tenure.report.mermaid import to_mermaid
    from tenure.report.text import to_text

    match form:
        case "itf" | "json":
            return to_itf(found)
        case "mermaid":
            return to_mermaid(found)
        case _:
            return to_text(found, sentence)
