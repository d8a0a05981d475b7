"""`tenure prove`: what is found of each property, beside what is recorded of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tenure.cli.crosschecking import tell_cross_checked, tell_exported
from tenure.cli.matrix import print_matrix, print_obligations
from tenure.cli.options import LEVEL_HELP, LEVELS, SYSTEM, junit, parallel, shared
from tenure.cli.screen import progress
from tenure.cli.telling import Telling
from tenure.cli.troubles import trouble, until_interrupted
from tenure.commands.naming import property_named, systems_named
from tenure.commands.output import Ending, Exit
from tenure.models import SYSTEMS
from tenure.vocabulary.verdicts import OPEN, Row, Verdict

if TYPE_CHECKING:
    from tenure.commands.judging import Judgement
    from tenure.commands.proving import Job, Mismatch


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of all that is recorded was asked for."""

    systems: tuple[str, ...]
    property_id: str | None
    granularity: str | None

    @property
    def partial(self) -> bool:
        """Of the systems that are named, rows are recorded that were not asked for."""
        return bool(self.property_id or self.granularity or any(":" in name for name in self.systems))

    @property
    def command(self) -> str:
        """The words that ask for the same."""
        about = ["--property", self.property_id] if self.property_id else []
        level = ["--granularity", self.granularity] if self.granularity else []
        return " ".join(["prove", *self.systems, *about, *level])


@click.command()
@click.argument("systems", nargs=-1, metavar=f"[{SYSTEM}]...")
@click.option("--property", "property_id", metavar="ID", help="Show and compare only this property.")
@click.option("--granularity", type=LEVELS, help=LEVEL_HELP)
@click.option("--cross-check", is_flag=True, help="Have a second solver prove every obligation again.")
@parallel
@click.option("--export", metavar="DIR", help="Write every obligation as SMT-LIB.")
@click.option("--fresh", is_flag=True, help="Do not use what was proved before.")
@click.option("--obligations", is_flag=True, help="Show every obligation with its time.")
@junit
@shared
def prove(  # noqa: PLR0913  # click's calling convention
    *,
    systems: tuple[str, ...],
    property_id: str | None,
    granularity: str | None,
    cross_check: bool,
    jobs: int,
    export: str | None,
    fresh: bool,
    obligations: bool,
    tell: Telling,
) -> None:
    """Prove every property for any number of objects, or refute it by a shortest trace; compare with what is recorded."""
    from tenure.commands.proving import jobs_for, longest_first, mismatches

    planned = longest_first(jobs_for([s.id for s in systems_named(systems)], granularity))
    asked = Asked(systems, property_named(property_id).id if property_id else None, granularity)
    ending = Ending()
    found = _judgements(planned, jobs, ending, tell, fresh=fresh, obligations=obligations)
    if export:
        tell_exported(planned, export, tell)
    if cross_check:
        tell_cross_checked(planned, jobs, ending, tell, fresh=fresh)
    rows = _rows(found, asked)
    if not tell.quiet:
        print_matrix(rows, found)
    wrong = mismatches(rows, partial=asked.partial or Exit.INTERRUPTED in ending.codes)
    _note(rows, wrong, ending)
    _leave(rows, wrong, asked, tell)
    tell.say(_tally(rows, wrong))
    sys.exit(ending.code)


def _judgements(
    planned: list[Job], workers: int, ending: Ending, tell: Telling, *, fresh: bool, obligations: bool
) -> dict[Job, Judgement]:
    """What was judged of each job, until an interruption."""
    from tenure.commands import proving

    found = {}
    with progress("proving", quiet=tell.quiet) as told:
        judging = proving.judged(planned, workers, lambda j, n, m: told(" ".join(j), n, m), fresh=fresh)
        for job, judgement in until_interrupted(judging, ending):
            found[job] = judgement
            if obligations and not tell.quiet:
                print_obligations(job, judgement)
    return found


def _rows(found: dict[Job, Judgement], asked: Asked) -> list[Row]:
    """The rows that were asked for, systems in their order, whole calls first."""
    order = {system.id: i for i, system in enumerate(SYSTEMS)}
    rows = [r for judgement in found.values() for r in judgement.rows if asked.property_id in (None, r.property)]
    return sorted(rows, key=lambda r: (order[r.system_id()], r.granularity != "whole"))


def _note(rows: Sequence[Row], wrong: Sequence[Mismatch], ending: Ending) -> None:
    """Say what is not as recorded and what is not known; both count, and so does that nothing was there to judge."""
    for one in wrong:
        trouble(ending, Exit.FINDING, f"not as recorded: {one}")
    for row in rows:
        if row.verdict in OPEN:
            said = f"inconclusive: {row.system_id()} {row.granularity} {row.property}: {row.reason}"
            trouble(ending, Exit.INCONCLUSIVE, said)
    if all(r.verdict is Verdict.NOT_APPLICABLE for r in rows):
        ending.note(Exit.NOTHING)


def _leave(rows: Sequence[Row], wrong: Sequence[Mismatch], asked: Asked, tell: Telling) -> None:
    """Write the files that were asked for."""
    from tenure.report.documents import row_result

    bad = {m.key for m in wrong}
    tell.junit((r, r.key() not in bad) for r in rows)
    tell.document(asked.command, None, map(row_result, rows))


def _tally(rows: Sequence[Row], wrong: Sequence[Mismatch]) -> str:
    """How many rows have each verdict, and whether they are as recorded."""
    if not rows:
        return "nothing was judged: no system that was named shows what the property speaks of"
    verdicts = [r.verdict for r in rows]
    tally = ", ".join(f"{verdicts.count(v)} {v.value}" for v in Verdict if v in verdicts)
    others = "all others" if any(v in OPEN for v in verdicts) else "all"
    return f"{tally}; {f'{len(wrong)} not as recorded' if wrong else f'{others} as recorded'}"
