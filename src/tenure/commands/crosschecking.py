"""`tenure prove --cross-check` and `--export`: the obligations behind every proof, for a second solver and for others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.commands.judging import find_system
from tenure.commands.output import folder, write
from tenure.commands.proving import Job, judged
from tenure.commands.workers import pool_of
from tenure.properties import PROPERTIES
from tenure.prover import cache
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import Verdict

if TYPE_CHECKING:
    from tenure.prover.second import Crossed


@dataclass(frozen=True)
class Checked:
    """What both solvers say to the obligations of a job."""

    agreed: int
    """How many goals both prove."""
    remembered: int
    """How many of these they proved before, in the same words: of another variant, or at the other granularity."""
    left: list[str]
    """The names of those that only one proves, or neither."""
    seconds: float


Told = Callable[[str, int, int], None]

Proved = tuple[tuple[str, ...], tuple[str, ...], dict[str, dict[str, tuple[str, ...]]]]
"""The claims and the properties that a judgement proved, and the claims that some goals needed."""


def _proved(job: Job) -> Proved:
    """What the judgement of this job proved, and from what."""
    ((_, judgement),) = judged([job], 1, lambda *_: None)
    properties = tuple(r.property for r in judgement.rows if r.verdict is Verdict.PROVED and r.property != "CASES")
    return judgement.claims, properties, judgement.needed


def _crossed(job: Job, proved: Proved, proofs: cache.Proofs | None = None) -> tuple[Crossed, ...]:
    """What both solvers say to every goal of the job."""
    claims, properties, needed = proved
    from tenure.prover import second, theory  # solvers are loaded only where something is proved

    rules = rules_of(find_system(job[0]), Granularity(job[1]))
    kept = tuple(c for c in theory.claims_of(rules) if c.name in claims)
    stated = theory.stated(sentence(rules, p) for p in PROPERTIES if p.id in properties)
    return second.cross_check(rules, kept, stated, known=second.Known(needed, proofs))


def cross_checked(jobs: list[Job], workers: int, told: Told, *, fresh: bool = False) -> Iterator[tuple[Job, Checked]]:
    """What both solvers say to every obligation of these jobs; remembered like any proof, unless it is asked for afresh."""
    proved = {job: _proved(job) for job in jobs}
    left = []
    for job in jobs:
        entry = None if fresh else cache.load(cache.key(("cross-check", *job)))
        if entry is None:
            left.append(job)
        else:
            yield job, Checked(**entry)
    if not left:
        return
    with pool_of(workers) as pool:
        running = {pool.submit(_checked, job, proved[job], fresh=fresh): job for job in left}
        for number, future in enumerate(as_completed(running)):
            job = running[future]
            checked = future.result()
            cache.store(cache.key(("cross-check", *job)), asdict(checked))
            told(" ".join(job), number + 1, len(left))
            yield job, checked


def _checked(job: Job, proved: Proved, *, fresh: bool) -> Checked:
    started = time.perf_counter()
    found = _crossed(job, proved, None if fresh else cache.Proofs("both"))
    good = [one for one in found if one.proved]
    open_ = [f"{one.obligation} {one.goal}" for one in found if not one.proved]
    return Checked(len(good), sum(one.remembered for one in good), open_, time.perf_counter() - started)


def exported(jobs: list[Job], into: str) -> int:
    """Write every obligation of these jobs as SMT-LIB, one file each; how many were written."""
    count = 0
    for job in jobs:
        place = folder(Path(into) / f"{job[0].replace(':', '.')}-{job[1]}")
        for one in _crossed(job, _proved(job)):
            count += 1
            label = re.sub(r"[^a-zA-Z0-9.#]+", "-", f"{one.obligation}-{one.goal}")[:120]
            write(str(place / f"{count:05}-{label}.smt2"), one.text)
    return count
