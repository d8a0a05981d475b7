"""`tenure replay`: a trace made again, each step beside what the trace says of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tenure.cli.options import shared
from tenure.cli.telling import Telling
from tenure.commands.naming import UnknownName, system_named
from tenure.commands.output import BadInput, Exit, read
from tenure.vocabulary.types import BadValue
from tenure.vocabulary.verdicts import Verdict

if TYPE_CHECKING:
    from tenure.commands.replaying import Replayed
    from tenure.vocabulary.systems import System
    from tenure.vocabulary.traces import Trace


@click.command()
@click.argument("trace_file", metavar="TRACE")
@click.argument("target")
@shared
def replay(*, trace_file: str, target: str, tell: Telling) -> None:
    """Make a trace again: step by step on the reference, call by call on any other target."""
    trace, system, done = _replayed(trace_file, target)
    for number, (step, expected, given) in enumerate(done.steps):
        mark = "" if done.parted != number else f"   but the trace says: {expected}"
        tell.say(f"{number + 1:3}  {step:<44} {given}{mark}")
    agreed = done.parted is None
    tell.say(f"{'replayed as the trace says' if agreed else 'parts from the trace'}; harm: {done.harm}")
    result = {
        "system": system.id,
        "target": target,
        "property": trace.subject,
        "verdict": (Verdict.WITNESSED if agreed else Verdict.DIFFERS).value,
        "steps": len(done.steps),
        "seconds": 0.0,
    }
    tell.document(f"replay {trace_file} {target}", None, [result])
    sys.exit(Exit.OK if agreed else Exit.FINDING)


def _replayed(trace_file: str, target: str) -> tuple[Trace, System, Replayed]:
    """The trace in this file, the system whose trace it is, and what the target did; raises BadInput, naming the file."""
    from tenure.commands.gating import replay_calls
    from tenure.commands.replaying import replay_on_reference
    from tenure.gate.targets import kind_of
    from tenure.report.itf import BadTrace, from_itf

    kind, rest = kind_of(target)
    try:
        trace = from_itf(read(trace_file))
        system = system_named(trace.system)
        if kind == "reference":
            return trace, system, replay_on_reference(trace, system_named(rest))
        return trace, system, replay_calls(trace, system, target)
    except (BadInput, BadTrace, UnknownName, BadValue) as trouble:
        raise BadInput(f"{trace_file}: {trouble}") from trouble
