"""How long the proofs take: cold, with nothing remembered, and warm, as a second run of the command line meets them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from tenure.commands.naming import systems_named
from tenure.commands.proving import jobs_for, judged

JOBS = 2


def proofs(systems: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What was measured, and the figure."""
    known = os.environ.get("TENURE_CACHE")
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as cache:
        os.environ["TENURE_CACHE"] = cache
        try:
            yield from _cold(systems)
            yield _warm(systems)
        finally:
            del os.environ["TENURE_CACHE"]
            if known is not None:
                os.environ["TENURE_CACHE"] = known


def _cold(systems: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    started = time.perf_counter()
    chosen = [s.id for s in systems_named(systems)]
    obligations, proving, searching = 0, 0.0, 0.0
    for (system, granularity), one in judged(jobs_for(chosen, None), JOBS, lambda *_: None):
        figure = f"{len(one.obligations)} obligations {one.prove_seconds:.1f} s, searches {one.search_seconds:.1f} s"
        yield f"prove {system} {granularity}, cold", figure
        obligations += len(one.obligations)
        proving += one.prove_seconds
        searching += one.search_seconds
    wall = time.perf_counter() - started
    total = f"{obligations} obligations {proving:.1f} s, searches {searching:.1f} s"
    yield "prove, all of these, cold, one solver", f"{total}, {wall:.1f} s by the wall with {JOBS} jobs"


def _warm(systems: tuple[str, ...]) -> tuple[str, str]:
    command = [sys.executable, "-c", "from tenure.cli import main; main()", "prove", *systems, "--jobs", str(JOBS)]
    started = time.perf_counter()
    ended = subprocess.run([*command, "--quiet"], check=False, capture_output=True)  # noqa: S603  # our own command
    wall = time.perf_counter() - started
    return "the same again, warm, the whole command", f"{wall:.2f} s by the wall (exit code {ended.returncode})"
