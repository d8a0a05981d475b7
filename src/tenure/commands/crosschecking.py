"""`tenure prove --cross-check` and `--export`: the obligations behind every proof, for a second solver and for others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tenure.commands.judging import find_system
from tenure.commands.output import folder, write
from tenure.commands.proving import Job, judged
from tenure.properties import PROPERTIES
from tenure.prover import cache
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import Verdict

Checked = tuple[Job, int, list[str], float]
"""A job, how many goals both solvers prove, the names of those that only one or neither does, and the seconds."""

Told = Callable[[str, int, int], None]


Proved = tuple[tuple[str, ...], tuple[str, ...], dict[str, dict[str, tuple[str, ...]]]]
"""The claims and the properties that a judgement proved, and the claims that some goals needed."""


def _proved(job: Job) -> Proved:
    """What the judgement of this job proved, and from what."""
    ((_, judgement),) = judged([job], 1, lambda *_: None)
    properties = tuple(r.property for r in judgement.rows if r.verdict is Verdict.PROVED and r.property != "CASES")
    return judgement.claims, properties, judgement.needed


def _crossed(job: Job, proved: Proved) -> list[tuple[str, str, bool, str]]:
    """Every goal of the job, whether both solvers prove it, and its text."""
    claims, properties, needed = proved
    from tenure.prover import second, theory  # solvers are loaded only where something is proved

    rules = rules_of(find_system(job[0]), Granularity(job[1]))
    kept = tuple(c for c in theory.claims_of(rules) if c.name in claims)
    stated = theory.stated(sentence(rules, p) for p in PROPERTIES if p.id in properties)
    return [(c.obligation, c.goal, c.proved, c.text) for c in second.cross_check(rules, kept, stated, needed=needed)]


def cross_checked(jobs: list[Job], workers: int, told: Told) -> Iterator[Checked]:
    """What both solvers say to every obligation of these jobs; remembered like any proof."""
    proved = {job: _proved(job) for job in jobs}
    left = []
    for job in jobs:
        entry = cache.load(cache.key(("cross-check", *job)))
        if entry is None:
            left.append(job)
        else:
            yield job, entry["agreed"], entry["left"], entry["seconds"]
    if not left:
        return
    with ProcessPoolExecutor(max_workers=workers) as pool:
        running = {pool.submit(_timed, job, proved[job]): job for job in left}
        for number, future in enumerate(as_completed(running)):
            job = running[future]
            agreed, open_, seconds = future.result()
            cache.store(cache.key(("cross-check", *job)), {"agreed": agreed, "left": open_, "seconds": seconds})
            told(" ".join(job), number + 1, len(left))
            yield job, agreed, open_, seconds


def _timed(job: Job, proved: Proved) -> tuple[int, list[str], float]:
    started = time.perf_counter()
    found = _crossed(job, proved)
    open_ = [f"{obligation} {goal}" for obligation, goal, good, _ in found if not good]
    return len(found) - len(open_), open_, time.perf_counter() - started


def exported(jobs: list[Job], into: str) -> int:
    """Write every obligation of these jobs as SMT-LIB, one file each; how many were written."""
    count = 0
    for job in jobs:
        place = folder(Path(into) / f"{job[0].replace(':', '.')}-{job[1]}")
        for obligation, goal, _, text in _crossed(job, _proved(job)):
            count += 1
            label = re.sub(r"[^a-zA-Z0-9.#]+", "-", f"{obligation}-{goal}")[:120]
            write(str(place / f"{count:05}-{label}.smt2"), text)
    return count
