"""`tenure gate --races`: each race with its histogram, and how to run the same again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from tenure.cli.options import budget_in
from tenure.cli.screen import progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble
from tenure.commands.output import Ending, Exit, folder, write

if TYPE_CHECKING:
    from tenure.commands.racing import RaceReport


def gate_races(  # noqa: PLR0913  # what a user may ask for
    target: str,
    profile: str | None,
    budget: str,
    seed: int,
    iommu: str | None,
    out: str | None,
    command: str,
    tell: Telling,
) -> NoReturn:
    """Run the races of a profile on a kernel, tell what came of each, and end."""
    from tenure.commands.gating import profile_of
    from tenure.commands.racing import run_races, told

    seconds, times = budget_in(budget)
    ending = Ending()
    with progress("races", quiet=tell.quiet) as told_so_far:
        report = run_races(target, profile_of(target, profile), seconds, times, seed, told_so_far, iommu)
    for number, one in enumerate(report.tallies):
        text = "\n".join(told(one))
        if one.wrong:
            ending.note(Exit.FINDING)
            click.echo(text)
            if out:
                write(str(folder(out) / f"race-{number}.txt"), f"{text}\n")
                if one.program:
                    write(str(folder(out) / f"race-{number}.c"), one.program)
        else:
            tell.say(text)
    _note(report, ending)
    tell.say(
        f"{target}: {report.verdict.value}: {report.made:,} races of {len(report.tallies):,} kinds in "
        f"{report.seconds:,.0f} s; {sum(len(one.never) for one in report.tallies):,} allowed outcomes never came"
    )
    tell.say(f"repeat with: tenure {command}")
    tell.document(command, seed, report.results())
    tell.junit(report.rows())
    sys.exit(ending.code)


def _note(report: RaceReport, ending: Ending) -> None:
    """Say why there is less to say than was asked for."""
    if report.interrupted:
        ending.note(Exit.INTERRUPTED)
    for one in (tally for tally in report.tallies if tally.once):
        said = f"inconclusive: the kernel fell in a race, and not again by the same delays: {one.once}"
        trouble(ending, Exit.INCONCLUSIVE, said)
    if report.missing:
        trouble(ending, Exit.NOTHING, f"not-run: {report.missing}")
    elif report.failure:
        trouble(ending, Exit.TARGET, f"target-failed: {report.failure}")
    elif not report.tallies and not report.interrupted:
        trouble(ending, Exit.NOTHING, "not-run: no two calls of this profile fail to commute in the scope of the races")
    elif report.untried and not report.interrupted:
        said = f"inconclusive: the budget ended before {report.untried:,} of {len(report.tallies):,} races were run"
        trouble(ending, Exit.INCONCLUSIVE, said)
