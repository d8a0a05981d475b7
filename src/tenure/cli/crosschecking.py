"""`tenure prove --cross-check` and `--export`: obligations for a second solver, and for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.cli.screen import console, progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble
from tenure.commands.output import Ending, Exit

if TYPE_CHECKING:
    from tenure.commands.proving import Job


def tell_exported(jobs: list[Job], folder: str, tell: Telling) -> None:
    """Write every obligation of these jobs, and say how many they are."""
    from tenure.commands.crosschecking import exported

    count = exported(jobs, folder)
    if not tell.quiet:
        console().print(f"{count} obligations written to {folder}")


def tell_cross_checked(jobs: list[Job], workers: int, ending: Ending, tell: Telling, *, fresh: bool) -> None:
    """Say of each job what both solvers prove; what only one of them proves counts."""
    from tenure.commands.crosschecking import cross_checked

    out = console()
    with progress("second solver", quiet=tell.quiet) as told:
        for job, checked in cross_checked(jobs, workers, told, fresh=fresh):
            if not tell.quiet:
                before = f", {checked.remembered} of them before, in the same words" if checked.remembered else ""
                said = f"{checked.agreed} obligations{before}, in {checked.seconds:.1f} s"
                out.print(f"{job[0]} {job[1]}  both solvers say unsat: {said}")
            for name in checked.left:
                said = f"inconclusive: {job[0]} {job[1]}: only one solver proves {name}"
                trouble(ending, Exit.INCONCLUSIVE, said)
