"""How long it takes to find each race, and how short its trace is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tenure.commands.naming import systems_named
from tenure.commands.tracing import find_trace
from tenure.properties import RACES


def races(systems: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What was measured, and the figure; races that are no violation have no trace."""
    for system in systems_named(systems):
        for race in RACES:
            if race.system == system.id and not race.harmless:
                started = time.perf_counter()
                found = find_trace(system, race.id, race.granularity)
                seconds = time.perf_counter() - started
                length = f"{len(found.trace)} transitions" if found.trace else found.verdict.value
                yield f"trace {system.id} {race.id}", f"{length} in {seconds:.1f} s"
