"""How long the proofs take: the whole command from nothing and from its cache, then the solver's part alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Clock, Figure, Peer, Sample, side_by_side
from tenure.commands.judging import find_system
from tenure.commands.proving import Job, jobs_for, judged
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import Verdict

FAMILIES = ("containers-2013", "external-get-put", "external-v1")
"""Measured with all their variants, and with goals."""
ALONE = (
    *("containers-2012", "containers-2022", "external-notify", "external-validate", "kvm-file"),
    *("rfc2011", "interrupts"),
)
"""Measured one by one, in their base variant, and beside their peers alone."""
CATALOGUE = frozenset(p.id for p in PROPERTIES)
"""What is proved by induction; the other rows of a judgement are about cases and locks."""
WORKERS = 2
COLD_PROOFS = 10.0
WARM_COMMAND = 1.0
TIMES = 3
WARM_TIMES = 5
Measurement = Callable[[], Iterator[Figure]]
BESIDE: Job = ("containers-2013:locked", "whole")
"""The set whose obligations are put to the peers: all is proved there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What `tenure prove` has proved of one system at one granularity, and the seconds that it took."""

    job: Job
    claims: tuple[str, ...]
    properties: tuple[str, ...]
    prove_seconds: float
    search_seconds: float


def proofs() -> Iterator[Figure]:
    """Cold and warm command, the proofs alone, and one set of obligations beside other solvers."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        cache = {"TENURE_CACHE": f"{folder}/cache"}
        words = ("prove", *FAMILIES, "--jobs", str(WORKERS), "--quiet")
        cold = command.timed(words, cache)
        found = known(cache, jobs_for([s.id for s in SYSTEMS if s.name in FAMILIES], None))
        yield _cold("all", cold, found)
        yield _warm(words, cache)
        yield _proved_again("all that is proved", found, COLD_PROOFS)
        yield from _beside_others(BESIDE, found, cache, Path(folder))


def proofs_of(name: str) -> Measurement:
    """The measurement of one system: judged from nothing, the proofs alone, and whole calls beside other solvers."""

    def alone() -> Iterator[Figure]:
        with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
            cache = {"TENURE_CACHE": f"{folder}/cache"}
            cold = command.timed(("prove", f"{name}:", "--jobs", str(WORKERS), "--quiet"), cache)
            found = known(cache, jobs_for([name], None))
            yield _cold(name, cold, found)
            yield _proved_again(f"all that is proved of {name}", found, None)
            yield from _beside_others((name, Granularity.WHOLE.value), found, cache, Path(folder))

    return alone


def known(cache: dict[str, str], jobs: list[Job]) -> list[Known]:
    """What a cold run proved, as its cache tells."""
    with _environment(cache):
        found = list(judged(jobs, 1, lambda *_: None))
    return [
        Known(
            job,
            one.claims,
            tuple(r.property for r in one.rows if r.verdict is Verdict.PROVED and r.property in CATALOGUE),
            one.prove_seconds,
            one.search_seconds,
        )
        for job, one in found
    ]


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """Let this process have these variables too."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _cold(which: str, sample: Sample, known: list[Known]) -> Figure:
    searching, proving = sum(k.search_seconds for k in known), sum(k.prove_seconds for k in known)
    note = f"its workers report {searching:.1f} s of searches and {proving:.1f} s of proofs, by the wall"
    return Figure(f"tenure prove, {which}, nothing remembered, {WORKERS} jobs", (sample,), note=note)


def _warm(words: tuple[str, ...], cache: dict[str, str]) -> Figure:
    """From start to exit, everything from the cache."""
    command.timed(words, cache)
    samples = tuple(command.timed(words, cache) for _ in range(WARM_TIMES))
    return Figure("tenure prove, all, from the cache", samples, goal=WARM_COMMAND, clock=Clock.PROCESSOR)


def _proved_again(which: str, known: list[Known], goal: float | None) -> Figure:
    """Every obligation behind what is proved: no searches, and nothing tried that is false."""
    rounds = [_in_parallel(known) for _ in range(TIMES)]
    open_ = sorted({name for _, done in rounds for d in done for name in d.open_})
    obligations = sum(d.obligations for d in rounds[0][1])
    what = f"proofs alone, Z3, {which}, {WORKERS} processes"
    note = f"{obligations} obligations of {len(known)} sets"
    spoiled = f"not proved again: {', '.join(open_)}" if open_ else ""
    samples = tuple(sample for sample, _ in rounds)
    return Figure(what, samples, goal=goal, note=note, spoiled=spoiled)


def _in_parallel(known: list[Known]) -> tuple[Sample, list[Done]]:
    """All sets by new processes, which have their imports before the clock starts, and at first remember nothing."""
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(WORKERS + 1)
    with (
        tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder,
        _environment({"TENURE_CACHE": folder}),
        context.Pool(WORKERS, _prepared, (ready,)) as pool,
    ):
        ready.wait()
        started = time.perf_counter()
        done = pool.map(_proved, known, chunksize=1)
        return Sample(time.perf_counter() - started, sum(d.processor for d in done)), done


def _prepared(ready: Barrier) -> None:
    """Load the solver; an interruption is for the parent, which then ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_module("tenure.prover.induction")
    ready.wait()


@dataclass(frozen=True, slots=True)
class Done:
    """One set proved again: how many obligations, what stayed open, and the processor time."""

    obligations: int
    open_: tuple[str, ...]
    processor: float


def _proved(known: Known) -> Done:
    """The induction with the claims and properties that are known to be proved."""
    from tenure.prover import induction, theory  # noqa: PLC0415  # a solver is loaded only where something is proved
    from tenure.prover.cache import Proofs  # noqa: PLC0415  # as above

    started = time.process_time()
    rules = rules_of(find_system(known.job[0]), Granularity(known.job[1]))
    claims = tuple(c for c in theory.claims_of(rules) if c.name in known.claims)
    stated = theory.stated(sentence(rules, p) for p in PROPERTIES if p.id in known.properties)
    proof = induction.prove(rules, claims, stated, proofs=Proofs())
    wanted = {*known.claims, *known.properties}
    left = tuple(f"{' '.join(known.job)} {name}" for name in sorted(wanted - set(proof.proved)))
    return Done(len(proof.results), left, time.process_time() - started)


def proved_afresh(known: Known) -> Done:
    """The same where nothing is remembered, neither from another run nor of this machine's user: a peer remembers nothing either."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder, _environment({"TENURE_CACHE": folder}):
        return _proved(known)


def _beside_others(job: Job, known: list[Known], cache: dict[str, str], folder: Path) -> Iterator[Figure]:
    """The induction of one set; beside it every text that `--export` writes for it, solver by solver."""
    from benchmarks import solvers  # noqa: PLC0415  # as above

    system, granularity = job
    one_variant = system if ":" in system else f"{system}:"
    command.timed(
        ("prove", one_variant, "--granularity", granularity, "--export", str(folder / "smt"), "--quiet"), cache
    )
    texts = [path.read_text(encoding="utf-8") for path in sorted((folder / "smt").rglob("*.smt2"))]
    one = next(k for k in known if k.job == job)
    for name, solve in solvers.SOLVERS.items():
        yield _beside(one, name, solve, texts)


def _beside(one: Known, name: str, solve: Callable[[str], str], texts: list[str]) -> Figure:
    """Our induction of a set, and a solver that is given its texts."""
    proved = 0

    def theirs() -> float:
        nonlocal proved
        proved = sum(solve(text) == "unsat" for text in texts)
        return 1.0

    def ours() -> float:
        proved_afresh(one)
        return 1.0

    samples, peers = side_by_side(ours, theirs, TIMES)
    note = f"the peer proves {proved} of {len(texts)}, each with the premises that were chosen for it"
    what = f"proofs alone, {' '.join(one.job)}, one process"
    return Figure(what, samples, clock=Clock.PROCESSOR, peer=Peer(f"{name}, goal by goal", peers), note=note)
