"""How many calls a second a campaign makes, in process and through pipes; beside it a pipe that only echoes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

import msgspec

from benchmarks.subjects import SYSTEM
from tenure.commands.gating import refuted_by_design
from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.oracle import Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.targets import open_target

CALLS = 60_000
SEED = 1
COMMAND = "examples/c/build/subject"
TARGETS = (f"reference:{SYSTEM}", "python:benchmarks.subjects:wrapped", f"exec:{COMMAND}")


def gates() -> Iterator[tuple[str, str]]:
    """What was measured, and the figure."""
    subprocess.run(["make", "--quiet", "-C", "examples/c"], check=True)  # noqa: S607  # make of the caller's own path
    started = time.perf_counter()
    system = system_named(SYSTEM)
    plan = list(planned(system, Oracle(system, gate_scope(system)).rules))
    yield "gate: making a plan", f"{len(plan)} runs in {time.perf_counter() - started:.1f} s"
    speed = 0.0
    for target in TARGETS:
        oracle = Oracle(system, gate_scope(system))
        subject = open_target(target, system.id)
        try:
            campaign = Campaign(subject, oracle, setup_of(system, oracle.machine), SEED, refuted_by_design(system))
            campaign.play(iter(plan), seconds=None, calls=CALLS)
        finally:
            subject.close()
        report = campaign.report
        speed = report.calls / report.seconds
        found = f", {len(report.findings)} findings {report.failure}" if report.findings or report.failure else ""
        yield f"gate {target}", f"{speed:,.0f} calls/s ({report.calls:,} calls in {report.runs:,} runs{found})"
    echoed = _echoes()
    yield "echo: lines of that size through cat, no oracle", f"{echoed:,.0f} lines/s"
    yield "gate through exec:, of what an echo can do", f"{speed / echoed:.0%}"


def _echoes() -> float:
    """Lines a second that a child echoes and this process writes and reads as JSON: no subject, no rules."""
    encode, decode = msgspec.json.encode, msgspec.json.decode
    message = _message()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:  # noqa: S607  # as above
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  # they are pipes
        into, out = child.stdin.fileno(), child.stdout.fileno()
        started = time.perf_counter()
        for _ in range(CALLS):
            os.write(into, encode(message) + b"\n")
            line = os.read(out, 1 << 16)
            while not line.endswith(b"\n"):
                line += os.read(out, 1 << 16)
            decode(line)
        return CALLS / (time.perf_counter() - started)


def _message() -> object:
    """A reply of the usual size: what the C subject shows after its first calls."""
    system = system_named(SYSTEM)
    oracle = Oracle(system, gate_scope(system))
    subject = open_target(f"exec:{COMMAND}", system.id)
    try:
        subject.reset(setup_of(system, oracle.machine))
        subject.do("open_container", {"process": "p0", "file": "f0", "made": "c0"}, show=True)
        reply = subject.do("open_group", {"process": "p0", "file": "f1", "group": "g0"}, show=True)
    finally:
        subject.close()
    return {"done": {}, "shown": reply.shown}
