"""How fast the tracker of DMA ranges is, at each size: beside packages that others use, a bare tree in C, and itself when small.

Every second page is mapped; calls go to pages in no order, the same for all. What is mapped for a sample is unmapped after it,
out of its time, so that a space stays of its size.
"""

from __future__ import annotations

import gc
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.echo import made
from benchmarks.figures import Clock, Figure, NotMeasured, Peer, Sample
from benchmarks.spaces import Maps, Places, Sorted, Tracked, Tree, Union
from tenure.reference.dma import Access, Mapping, Range

SIZES = (1_000, 100_000, 1_000_000)
AMONG = 20_000
"""Ranges of the spaces in which other packages map."""

TIMES = 5
CLOCK = Clock.PROCESSOR
"""One thread that waits for nothing: what else the machine does is not part of the figure."""

STEP = 2654435761
"""A prime: every place once, in no order."""

PAGE = 4096
ASKED = 16
"""Pages of a range query: eight mappings."""

CALLS = 2_000
"""Calls of a sample, in rounds where that would make a small space grow."""

MEASURED = 100_000
"""Ranges up to which memory is counted: each costs as much as the next, and counting is slow."""

SLOW_CALLS = 20
"""Calls of a sample of a package that takes milliseconds for each."""

SOURCE = Path(__file__).parent / "tree.c"
YARDSTICK = "C, tsearch of the C library"


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls and how often they are made: places that are free, places that are taken, ranges to ask for."""

    free: Places
    taken: Places
    asked: Sequence[Range]
    rounds: int


def ranges() -> Iterator[Figure]:
    """Each call at each size, and how much of its speed is left at the largest; then mapping beside other packages."""
    by_size = []
    for size in SIZES:
        figures: dict[str, Figure] = {}
        for call, figure in _at_size(size):
            figures[call] = figure
            yield figure
        by_size.append(figures)
    for call, small in by_size[0].items():
        yield growth(call, small, by_size[-1][call])
    yield from _packages()


def growth(call: str, small: Figure, large: Figure) -> Figure:
    """A call among many beside the same call among few; what memory costs the tree in C is said with it."""
    assert small.peers_typical is not None and large.peers_typical is not None  # noqa: S101, PT018  # each has one
    note = f"{YARDSTICK}, keeps {large.peers_typical / small.peers_typical:.2f} of its own speed"
    peer = Peer(f"itself among {SIZES[0]:,}", small.samples)
    wrong = large.spoiled or small.spoiled
    return replace(large, what=f"{call}, growth", peer=peer, note=note, spoiled=wrong, least_ratio=1 / 4)


def _at_size(size: int) -> Iterator[tuple[str, Figure]]:
    batch = batch_of(size, CALLS)
    space = Tracked(mapped(size))
    machine = in_c(size, batch)
    calls: dict[str, Callable[[], Sample]] = {
        "map": lambda: _mapping(space, batch),
        "unmap": lambda: _unmapping(space, batch),
        "look-up": lambda: _asking(lambda: space.look_up(batch.taken), batch),
        "range query": lambda: _asking(lambda: space.query(batch.asked), batch),
    }
    for call, run in calls.items():
        run()  # it fills memories, and does not count
        samples = tuple(run() for _ in range(TIMES))
        what = f"{call}, {size:,} ranges"
        note = f"{_memory(size):.0f} bytes a range" if call == "map" and size <= MEASURED else ""
        peer = Peer(YARDSTICK, tuple(_calls(s, batch) for s in machine[call]))
        figure = Figure(what, tuple(_calls(s, batch) for s in samples), "calls", clock=CLOCK, peer=peer, note=note)
        yield call, replace(figure, spoiled=spoiled(samples, machine[call]))


def _packages() -> Iterator[Figure]:
    """Mapping as others would: in a sorted dictionary at every size, in other packages among as many as they still bear."""
    packages: list[tuple[Callable[[Iterable[Mapping]], Maps], int, float, int]] = [
        *((Sorted, size, 1 / 2, CALLS) for size in (*SIZES, AMONG)),
        (Tree, AMONG, 50, CALLS),
        (Union, AMONG, 100, SLOW_CALLS),
    ]
    for package, size, least, calls in packages:
        ours, theirs = Tracked(mapped(size)), package(mapped(size))
        yield _beside(f"map, {size:,} ranges", ours, theirs, batch_of(size, calls), least)


def _beside(what: str, ours: Maps, theirs: Maps, batch: Batch, least: float) -> Figure:
    """Both map the same in turn."""
    _mapping(ours, batch), _mapping(theirs, batch)
    pairs = [(_mapping(ours, batch), _mapping(theirs, batch)) for _ in range(TIMES)]
    samples, peers = tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)
    wrong = spoiled(samples, peers)
    peer = Peer(theirs.name, peers)
    return Figure(what, samples, "calls", clock=CLOCK, peer=peer, least_ratio=least, spoiled=wrong)


def spoiled(ours: Sequence[Sample], theirs: Sequence[Sample]) -> str:
    """Why these cannot be compared: they did not do the same, or nothing; empty where they can."""
    done = {sample.work for sample in (*ours, *theirs)}
    return "" if len(done) == 1 and done != {0} else f"not the same was done: {sorted(done)}"


def _mapping(space: Maps, batch: Batch) -> Sample:
    return _timed(lambda: space.map(batch.free), lambda: None, lambda: space.unmap(batch.free), batch.rounds)


def _unmapping(space: Maps, batch: Batch) -> Sample:
    return _timed(lambda: space.unmap(batch.free), lambda: space.map(batch.free), lambda: None, batch.rounds)


def _asking(ask: Callable[[], int], batch: Batch) -> Sample:
    return _timed(ask, lambda: None, lambda: None, batch.rounds)


def _timed(run: Callable[[], int], before: Callable[[], object], after: Callable[[], object], rounds: int) -> Sample:
    """So many rounds, of which only the middle is timed."""
    gc.collect()
    wall = processor = work = 0.0
    for _ in range(rounds):
        before()
        walled, processed = time.perf_counter(), time.process_time()
        work += run()
        wall += time.perf_counter() - walled
        processor += time.process_time() - processed
        after()
    return Sample(wall, processor, work)


def _calls(sample: Sample, batch: Batch) -> Sample:
    """The same run, counted in calls: a query finds several mappings."""
    return Sample(sample.wall, sample.processor, float(len(batch.free) * batch.rounds))


def batch_of(size: int, calls: int) -> Batch:
    """So many calls to a space of this size, in rounds of no more than a tenth of it."""
    each = min(calls, size // 10)
    places = [2 * (i * STEP % size) for i in range(each)]
    asked = [Range(p * PAGE, (p + ASKED) * PAGE - 1) for p in places]
    return Batch([_page(p + 1) for p in places], [_page(p) for p in places], asked, max(1, calls // each))


def mapped(size: int) -> Iterator[Mapping]:
    """Every second page, in no order."""
    return (_page(2 * (i * STEP % size)) for i in range(size))


def _page(number: int) -> Mapping:
    return Mapping(Range(number * PAGE, number * PAGE + PAGE - 1), number * PAGE, Access.READ, "p0")


def _memory(size: int) -> float:
    """Bytes that each mapping of a space costs, the mapping among them."""
    tracemalloc.start()
    try:
        space = Tracked(mapped(size))
        return tracemalloc.get_traced_memory()[0] / len(space.space)
    finally:
        tracemalloc.stop()


def in_c(size: int, batch: Batch) -> dict[str, list[Sample]]:
    """The same calls in C; raises NotMeasured where nothing can make it."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        program = f"{folder}/tree"
        made(["cc", "-O2", "-o", program, str(SOURCE)])
        numbers = [str(n) for n in (size, len(batch.free), batch.rounds, TIMES)]
        ended = subprocess.run([program, *numbers], capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if ended.returncode:
        raise NotMeasured(f"the yardstick ends with {ended.returncode}: {size:,} ranges may need more memory")
    lines = [Sample(*map(float, line.split())) for line in ended.stdout.splitlines()]
    return {call: lines[i::4] for i, call in enumerate(("map", "unmap", "look-up", "range query"))}
