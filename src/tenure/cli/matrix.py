"""What `tenure prove` shows: verdicts as a matrix, and the obligations behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from tenure.cli.screen import console, print_whole
from tenure.vocabulary.verdicts import Row, Verdict

if TYPE_CHECKING:
    from tenure.commands.judging import Judgement
    from tenure.commands.proving import Job

LEGEND = "P proved for any number of objects; a number: refuted, transitions of a shortest trace; s searched; . not applicable"


OF_EVERY_SYSTEM = {"CASES", "LOCKS"}
"""Rows that say nothing of what a system is about."""

Cells = dict[str, Row]
"""The rows of one system at one granularity, by property."""


def print_matrix(rows: Sequence[Row], found: Mapping[Job, Judgement]) -> None:
    """A table for systems that have properties in common: one line for each granularity, one column for each property that applies."""
    by_job: dict[Job, Cells] = {}
    for row in rows:
        by_job.setdefault((row.system_id(), row.granularity), {})[row.property] = row
    for family in _families(by_job):
        names = _columns(rows, family)
        table = Table("system", "calls", *names, "obligations", "s", box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for job, cells in family.items():
            judgement = found[job]
            counts = str(len(judgement.obligations)), f"{judgement.prove_seconds:.1f}"
            table.add_row(*job, *(_cell(cells.get(n)) for n in names), *counts)
        print_whole(table)
    console().print(LEGEND)


def _columns(rows: Sequence[Row], family: Mapping[Job, Cells]) -> list[str]:
    """The properties of these systems, each once; those that apply to none of them are told by number alone."""
    found = [r for cells in family.values() for r in cells.values()]
    applying = {r.property for r in found if r.verdict is not Verdict.NOT_APPLICABLE}
    shown = applying or {r.property for r in found}
    return [name for name in dict.fromkeys(r.property for r in rows) if name in shown]


def _families(by_job: Mapping[Job, Cells]) -> list[dict[Job, Cells]]:
    """Systems that have a property in common stand together."""
    families: list[tuple[set[str], dict[Job, Cells]]] = []
    for job, cells in by_job.items():
        about = cells.keys() - OF_EVERY_SYSTEM
        known = next((one for one in families if one[0] & about or not about), None)
        if known is None:
            families.append((set(about), {job: cells}))
        else:
            known[0].update(about)
            known[1][job] = cells
    return [jobs for _, jobs in families]


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
