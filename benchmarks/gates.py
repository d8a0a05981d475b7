"""How many calls a second a campaign makes and checks: in process beside hypothesis, through pipes beside a bare echo."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from benchmarks import echo, stateful
from benchmarks.figures import Figure, Peer, Run, side_by_side
from benchmarks.subjects import SYSTEM
from tenure.commands.gating import refuted_by_design
from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.oracle import Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, plan_scope, setup_of
from tenure.gate.subject import Setup
from tenure.gate.targets import open_target

IN_PROCESS = 20_000.0
THROUGH_PIPES = 5_000.0
SEED = 1
TIMES = 5
WARM = 20_000
"""Calls before the first that counts: the planned runs, then random ones, until the oracle knows the usual states."""
CALLS = 20_000
"""Calls of a sample."""
RUNS = 100
"""Runs of hypothesis in a sample."""
EXAMPLE = "examples/c"
ASKED = {"call": "open_group", "args": {"process": "p0", "file": "f1", "group": "g0"}, "show": True}


def in_process() -> Iterator[Figure]:
    """The reference, and the same behind the dictionaries of a Python subject."""
    setup = _setup()
    callable_steps: list[float] = []

    def hypothesis_alone() -> float:
        counted = stateful.drive(setup, RUNS)
        callable_steps.append(counted["calls"] / counted["steps"])
        return float(counted["steps"])

    for target in (f"reference:{SYSTEM}", "python:benchmarks.subjects:Wrapped"):
        figure = _campaign(
            target, IN_PROCESS, hypothesis_alone, "hypothesis, RuleBasedStateMachine on the reference alone"
        )
        note = f"{callable_steps[-1]:.0%} of its steps are calls that somebody can make"
        yield replace(figure, note=note)


def through_pipes() -> Iterator[Figure]:
    """The example in C, beside a child that answers every line with the same one."""
    echo.made(["make", "-s", "-C", EXAMPLE])
    target = f"exec:{EXAMPLE}/build/subject"
    with (
        tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder,
        echo.running(echo.built(folder), ASKED, _usual_reply(target)) as bare,
    ):
        yield _campaign(target, THROUGH_PIPES, lambda: bare.calls(CALLS), "JSON through the same pipes to an echo in C")


def _campaign(target: str, goal: float, peer: Run, name: str) -> Figure:
    """The calls that one campaign makes and checks in a second, sample after sample; all show what they leave."""
    system = system_named(SYSTEM)
    oracle = Oracle(system, gate_scope(system))
    plan = planned(system, oracle.rules, plan_scope(system))
    with closing(open_target(target, system.id)) as subject:
        campaign = Campaign(subject, oracle, setup_of(system, oracle.machine), SEED, refuted_by_design(system))
        campaign.play(plan, seconds=None, calls=WARM)
        samples, theirs = side_by_side(lambda: _played(campaign), peer, TIMES)
    report = campaign.report
    wrong = report.failure or (f"{len(report.findings)} findings" if report.findings else "")
    return Figure(f"gate {target}", samples, unit="calls", goal=goal, peer=Peer(name, theirs), spoiled=wrong)


def _played(campaign: Campaign) -> float:
    """More random runs; how many calls they were."""
    before = campaign.report.calls
    campaign.play((), seconds=None, calls=before + CALLS)
    if campaign.report.interrupted:  # a campaign keeps an interruption to itself
        raise KeyboardInterrupt
    return float(campaign.report.calls - before)


def _setup() -> Setup:
    system = system_named(SYSTEM)
    return setup_of(system, Oracle(system, gate_scope(system)).machine)


def _usual_reply(target: str) -> dict[str, object]:
    """A reply of the usual size: what the subject shows after two calls."""
    with closing(open_target(target, SYSTEM)) as subject:
        subject.reset(_setup())
        subject.do("open_container", {"process": "p0", "file": "f0", "made": "c0"}, show=True)
        reply = subject.do(str(ASKED["call"]), {"process": "p0", "file": "f1", "group": "g0"}, show=True)
    return {"done": {}, "shown": reply.shown}
