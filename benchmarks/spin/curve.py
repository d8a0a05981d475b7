"""Spin and our explorer on the same states, group by group; and beside them our proof, which is for any number of groups."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import command
from benchmarks.figures import Clock, Figure, Peer, Sample, sampled
from benchmarks.proofs import known
from benchmarks.spin.pan import Counted, Verifier, counted, made, needs_programs
from tenure.commands.judging import find_system
from tenure.search.explorer import explore
from tenure.search.scopes import MODULES, SETUP, Area, scope
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity

SYSTEM = "containers-2013"
MODEL = Path(__file__).parent / "containers_2013.pml"
NAMES = {
    "process": "PROCESSES",
    "thread": "THREADS",
    "file": "FILES",
    "group": "GROUPS",
    "container": "CONTAINERS",
    "device": "DEVICES",
    "table": "TABLES",
}
"""What the model calls the number of objects of each sort."""

PLACING = SETUP | {"set_iommu", "unset_container"}
"""Opening, entering and leaving: where two of the races of this system lie."""
CLOSING = PLACING | {"close", "release_group", "release_container"}
ALL = frozenset(call.name for call in find_system(SYSTEM).calls) - MODULES
"""Every call but those by which drivers' modules come and go: the Promela model has one of each kind, and they stay."""

TIMES = 3
CLOCK = Clock.PROCESSOR
"""Both tools are one process that computes, so what else the machine does shall not count."""
MEGABYTE = 1 << 20


def area(groups: int, calls: frozenset[str]) -> Area:
    """So many groups of one device, a file for each and one for the container, two threads, and these calls."""
    sizes = {"process": 1, "thread": 2, "file": groups + 1, "group": groups, "container": 1, "device": groups}
    return Area(scope({**sizes, "table": 1, "page": 0, "user": 0}, vfio_devices=groups), calls)


CURVES = (
    ("5 calls", PLACING, (1, 2, 3)),
    ("8 calls", CLOSING, (1, 2)),
    ("all calls", ALL, (1,)),
)
"""Calls, and for how many groups their states are counted: as far as it takes seconds."""


class StatesDiffer(Exception):  # noqa: N818  # named for what it is
    """The Promela model and our rules do not reach equally many states: one of the two is wrong."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the tools did on an area: its runs, the states that it met, and the megabytes that they took."""

    samples: tuple[Sample, ...]
    states: int
    megabytes: float
    made_in: float = 0.0

    @property
    def seconds(self) -> float:
        """The median of its runs."""
        return median(s.processor for s in self.samples)


@dataclass(frozen=True, slots=True)
class Size:
    """One area by both tools, and by Spin with partial-order reduction."""

    name: str
    ours: Side
    plain: Side
    reduced: Side


def curve() -> Iterator[Figure]:
    """Two figures for each size, then the proof for any size; raises StatesDiffer where the counts are not the same."""
    needs_programs()
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        for name, calls, numbers in CURVES:
            smaller = None
            for groups in numbers:
                title = f"{name}, {groups} {'group' if groups == 1 else 'groups'}"
                size = measured(title, area(groups, calls), Path(folder) / title)
                yield from _figures(size, smaller)
                smaller = size
        yield _proved({"TENURE_CACHE": f"{folder}/cache"})


def measured(name: str, where: Area, folder: Path, model: Path = MODEL, times: int = TIMES) -> Size:
    """Both tools on one area, in turn; raises StatesDiffer where the counts are not the same."""
    given = defines(where)
    plain = made(folder / "plain", model, given, reduced=False)
    reduced = made(folder / "reduced", model, given, reduced=True)
    machine = Machine(rules_of(find_system(SYSTEM), Granularity.STEPS), where.scope)
    found: dict[str, list[tuple[Sample, Counted]]] = {"ours": [], "plain": [], "reduced": []}
    for _ in range(times):
        found["plain"].append(counted(plain))
        found["ours"].append(_explored(machine, where))
        found["reduced"].append(counted(reduced))
    size = Size(name, _side(found["ours"]), _side(found["plain"], plain), _side(found["reduced"], reduced))
    if size.ours.states != size.plain.states:
        raise StatesDiffer(
            f"{SYSTEM}, {name}: {size.plain.states:,} states by Spin from {model.name}, "
            f"{size.ours.states:,} by the explorer from our rules"
        )
    return size


def defines(where: Area) -> dict[str, int]:
    """What the model is given by -D: the number of objects of each sort, and which calls are made."""
    sizes = {NAMES[sort]: number for sort, number in where.scope.sizes.items() if sort in NAMES}
    return sizes | {c.name: int(where.calls is None or c.name in where.calls) for c in find_system(SYSTEM).calls}


def _explored(machine: Machine, where: Area) -> tuple[Sample, Counted]:
    """Every state by our explorer, no two taken for one, and what its dictionary of them takes."""
    states: dict[State, State | None] = {}

    def run() -> float:
        nonlocal states
        states = explore(machine, calls=where.calls).parents
        return float(len(states))

    sample = sampled(run)
    taken = sys.getsizeof(states) + sum(map(sys.getsizeof, states))
    return sample, Counted(len(states), taken / MEGABYTE)


def _side(runs: list[tuple[Sample, Counted]], verifier: Verifier | None = None) -> Side:
    found = runs[-1][1]
    return Side(tuple(s for s, _ in runs), found.states, found.megabytes, verifier.seconds if verifier else 0.0)


def _figures(size: Size, smaller: Size | None) -> Iterator[Figure]:
    """The explorer beside Spin, then Spin with partial-order reduction beside Spin without."""
    peer = Peer("pan", size.plain.samples)
    note = (
        f"{size.ours.states:,} states by both; {size.ours.megabytes:,.1f} MB of them, {size.plain.megabytes:,.1f} MB for "
        f"pan; made in {size.plain.made_in:.1f} s{_growth(size, smaller)}"
    )
    yield Figure(f"every state, explorer: {size.name}", size.ours.samples, clock=CLOCK, peer=peer, note=note)
    note = f"{size.reduced.states:,} states with reduction, {size.reduced.megabytes:,.1f} MB"
    yield Figure(
        f"every state, pan with reduction: {size.name}", size.reduced.samples, clock=CLOCK, peer=peer, note=note
    )


def _growth(size: Size, smaller: Size | None) -> str:
    """How much one more group costs Spin."""
    if smaller is None:
        return ""
    states = size.plain.states / smaller.plain.states
    seconds = size.plain.seconds / max(smaller.plain.seconds, 1e-9)
    return f"; for one more group {states:,.0f} times the states, and {seconds:,.0f} times the seconds of pan"


def _proved(cache: dict[str, str]) -> Figure:
    """The whole command for the same system, all of its calls, from nothing, in one process."""
    granularity = Granularity.STEPS.value
    sample = command.timed(("prove", f"{SYSTEM}:", "--granularity", granularity, "--jobs", "1", "--quiet"), cache)
    (one,) = known(cache, [(SYSTEM, granularity)])
    note = (
        f"all calls, searches included; {len(one.properties)} properties proved, from {len(one.claims)} of the "
        f"{len(find_system(SYSTEM).claims)} claims that people wrote"
    )
    return Figure("tenure prove, nothing remembered: any number of groups", (sample,), clock=CLOCK, note=note)
