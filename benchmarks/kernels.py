"""A kernel under test: how long it takes to boot, and how much of a campaign is what the same ioctls cost in the guest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from benchmarks.figures import Figure, NotMeasured, Peer, Run, sampled, side_by_side
from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.linux import vfio
from tenure.gate.linux.batch import Batch
from tenure.gate.linux.edges import PAGE
from tenure.gate.linux.facts import FIRST_FILE
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.linux.type1 import MEMORY
from tenure.gate.linux.vfio import Ioctl
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import setup_of
from tenure.gate.subject import NotRun, Setup, TargetFailed

TARGET = "debian"
PROFILE = "dma-type1-v2"
SEED = 1
TIMES = 5
BOOTS = 3
CALLS = 2_000
"""Calls of a sample."""
LENGTH = 15
RUNS = 50
"""Runs of this length in a sample."""
RUNS_GOAL = 150.0
BARE = "the same ioctls by the agent, a batch of as many, nothing shown"


def kernels() -> Iterator[Figure]:
    """The stock kernel of this machine's suite: boot; calls ahead and one by one; short runs, each from nothing."""
    try:
        subject = LinuxSubject(TARGET, PROFILE)
    except (NotRun, TargetFailed) as missing:
        raise NotMeasured(str(missing)) from missing
    with closing(subject):
        yield from _figures(subject)
        yield Figure(
            "boot of a kernel, to what it says of itself", tuple(sampled(_boot(subject)) for _ in range(BOOTS))
        )


def _figures(subject: LinuxSubject) -> Iterator[Figure]:
    system = system_named(PROFILE)
    oracle = Oracle(system, subject.scopes(system)[0])
    setup = setup_of(system, oracle.machine)
    campaign = Campaign(subject, oracle, setup, SEED)

    def played() -> float:
        before = campaign.report.calls
        campaign.play((), seconds=None, calls=before + CALLS)
        return float(campaign.report.calls - before)

    def one_by_one() -> float:
        subject.reset(setup)
        for _ in range(CALLS // 4):
            subject.do("unmap_all", {"table": "tb0"}, show=True)
        return CALLS // 4

    def short() -> float:
        for _ in range(RUNS):
            campaign.wander(LENGTH)
        return RUNS

    goals: tuple[tuple[str, Run, Run, str, float | None], ...] = (
        ("calls of a campaign, shown and judged", played, _bare(subject, setup, CALLS), "calls", None),
        ("calls one by one, shown", one_by_one, _bare(subject, setup, CALLS // 4), "calls", None),
        (f"runs of {LENGTH} calls", short, _bare(subject, setup, RUNS * LENGTH, works=RUNS), "runs", RUNS_GOAL),
    )
    for name, ours, theirs, unit, goal in goals:
        subject.reset(setup)
        mine, bare = side_by_side(ours, theirs, TIMES)
        wrong = campaign.report.failure
        yield Figure(f"linux: {name}", mine, unit=unit, goal=goal, peer=Peer(BARE, bare), spoiled=wrong)


def _bare(subject: LinuxSubject, setup: Setup, calls: int, works: float | None = None) -> Run:
    """MAP_DMA and UNMAP_DMA of a page in turn, so many calls, a hundred an exchange."""

    def run() -> float:
        subject.reset(setup)
        for _ in range(calls // 100):
            batch = Batch("0")
            for _ in range(50):
                batch.ioctl(FIRST_FILE, Ioctl.IOMMU_MAP_DMA, vfio.map_dma(3, MEMORY, PAGE, PAGE))
                batch.ioctl(FIRST_FILE, Ioctl.IOMMU_UNMAP_DMA, vfio.unmap_dma(0, PAGE, PAGE))
            subject.ask(batch)
        return works or calls // 100 * 100

    return run


def _boot(subject: LinuxSubject) -> Run:
    def run() -> float:
        subject.boot()
        return 1.0

    return run
