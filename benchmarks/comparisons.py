"""How many transitions a second `conform` compares between the model and the reference."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.commands.naming import systems_named
from tenure.gate.conform import conform_pairs, conform_whole
from tenure.gate.profiles import pair_fields, whole_fields

SECONDS = 10.0


def comparisons(systems: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What was measured, and the figure: the first scope of each kind, for some seconds."""
    for system in systems_named(systems):
        if system.variant:
            continue
        whole, pair = whole_fields(system)[0], pair_fields(system)[0]
        for report in (
            conform_whole(system, whole.scope, within=whole.within, budget=SECONDS),
            conform_pairs(system, pair.scope, within=pair.within, budget=SECONDS),
        ):
            speed = f"{report.transitions / report.seconds:,.0f} transitions/s"
            extent = "every orbit" if report.complete else f"{SECONDS:.0f} s of it"
            found = f", {len(report.differences)} differences" if report.differences else ""
            yield f"conform {system.id}, {report.kind}", f"{speed} ({report.transitions:,}, {extent}{found})"
