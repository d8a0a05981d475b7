"""What `tenure prove` shows: verdicts as a matrix, and the obligations behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from tenure.cli.screen import console, print_wide
from tenure.vocabulary.verdicts import Row, Verdict

if TYPE_CHECKING:
    from tenure.commands.judging import Judgement
    from tenure.commands.proving import Job

LEGEND = "P proved for any number of objects; a number: refuted, transitions of a shortest trace; s searched; . not applicable"


def print_matrix(rows: Sequence[Row], found: Mapping[Job, Judgement]) -> None:
    """One line for each system and granularity, one column for each property."""
    by_job: dict[Job, dict[str, Row]] = {}
    for row in rows:
        by_job.setdefault((row.system_id(), row.granularity), {})[row.property] = row
    names = list(dict.fromkeys(r.property for r in rows))
    table = Table("system", "calls", *names, "obligations", "s", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for job, cells in by_job.items():
        judgement = found[job]
        counts = str(len(judgement.obligations)), f"{judgement.prove_seconds:.1f}"
        table.add_row(*job, *(_cell(cells.get(n)) for n in names), *counts)
    print_wide(table)
    console().print(LEGEND)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    marks = {Verdict.PROVED: "P", Verdict.SEARCHED: "s", Verdict.NOT_APPLICABLE: ".", Verdict.REFUTED: str(row.length)}
    return marks.get(row.verdict, "?")


def print_obligations(job: Job, judgement: Judgement) -> None:
    """Every obligation of a job with its goals, its verdict and its time."""
    out = console()
    out.print(f"{job[0]} {job[1]}: {judgement.framed} more are preserved because nothing they read is assigned")
    table = Table("obligation", "goals", "verdict", "seconds", box=None, pad_edge=False)
    for one in judgement.obligations:
        table.add_row(one.name, str(len(one.goals)), one.verdict, f"{one.seconds:.3f}")
    out.print(table)
