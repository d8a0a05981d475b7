"""`tenure prove`: judge systems in parallel, remember what was judged, and compare with what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tenure.commands.judging import Judgement, ObligationRow, judge
from tenure.commands.recording import Key, recorded
from tenure.commands.workers import pool_of
from tenure.prover import cache
from tenure.report.itf import from_itf, to_itf
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import OPEN, Row, Verdict

Job = tuple[str, str]
"""A system and a granularity."""

Told = Callable[[Job, int, int], None]


@dataclass(frozen=True)
class Mismatch:
    """A row that is not what properties/expected records."""

    row: Row | None
    recorded: str
    found: str
    key: Key

    def __str__(self) -> str:
        system, variant, granularity, property_ = self.key
        name = f"{system}:{variant}" if variant else system
        return f"{name} {granularity} {property_}: recorded {self.recorded}, found {self.found}"


def jobs_for(system_ids: Iterable[str], granularity: str | None) -> list[Job]:
    """Every system at every granularity asked for."""
    levels = (granularity,) if granularity else ("whole", "steps")
    return [(system_id, level) for system_id in system_ids for level in levels]


def longest_first(jobs: Iterable[Job]) -> list[Job]:
    """Steps before whole calls, so that no long job is left to the end, when the other processes have nothing to do.

    A base comes before its variants: most of what is proved of these was proved of it, in the same words.
    """
    return sorted(jobs, key=lambda job: (job[1] == Granularity.WHOLE.value, ":" in job[0]))


def judged(jobs: list[Job], workers: int, told: Told, *, fresh: bool = False) -> Iterator[tuple[Job, Judgement]]:
    """The judgement of each job as it comes; what was judged before with the same sources comes from the cache."""
    left = []
    finished = 0
    keys = {job: _key(job) for job in jobs}
    for job in jobs:
        entry = None if fresh else cache.load(keys[job])
        if entry is None:
            left.append(job)
            continue
        finished += 1
        told(job, finished, len(jobs))
        yield job, _decoded(entry)
    if not left:
        return
    with pool_of(workers) as pool:
        running = {pool.submit(partial(judge, fresh=fresh), *job): job for job in left}
        for future in as_completed(running):
            job = running[future]
            judgement = future.result()
            cache.store(keys[job], _encoded(judgement))
            finished += 1
            told(job, finished, len(jobs))
            yield job, judgement


def _key(job: Job) -> str:
    return cache.key(job)


def _encoded(judgement: Judgement) -> dict[str, Any]:
    def row(one: Row) -> dict[str, Any]:
        plain = {k: v for k, v in vars(one).items() if k not in {"verdict", "trace"}}
        return {**plain, "verdict": one.verdict.value, "trace": to_itf(one.trace) if one.trace else None}

    return {
        "rows": [row(r) for r in judgement.rows],
        "obligations": [asdict(o) for o in judgement.obligations],
        "framed": judgement.framed,
        "prove_seconds": judgement.prove_seconds,
        "search_seconds": judgement.search_seconds,
        "dead": list(judgement.dead),
        "claims": list(judgement.claims),
        "needed": judgement.needed,
    }


def _decoded(entry: dict[str, Any]) -> Judgement:
    def row(plain: dict[str, Any]) -> Row:
        trace = from_itf(plain["trace"]) if plain["trace"] else None
        return Row(**{**plain, "verdict": Verdict(plain["verdict"]), "trace": trace})

    return Judgement(
        [row(r) for r in entry["rows"]],
        [ObligationRow(**{**o, "goals": tuple(o["goals"])}) for o in entry["obligations"]],
        entry["framed"],
        entry["prove_seconds"],
        entry["search_seconds"],
        tuple(entry["dead"]),
        tuple(entry["claims"]),
        {o: {g: tuple(claims) for g, claims in goals.items()} for o, goals in entry["needed"].items()},
    )


def mismatches(rows: list[Row], *, partial: bool) -> list[Mismatch]:
    """Rows that differ from the record, and, unless only a part was asked for, recorded rows that were not found."""
    known = recorded()
    found = []
    for row in rows:
        if row.verdict in OPEN:
            continue
        now = (row.verdict.value, row.length)
        then = known.get(row.key())
        if then != now:
            found.append(Mismatch(row, _said(then), _said(now), row.key()))
    if not partial:
        systems = {row.system for row in rows}
        present = {row.key() for row in rows}
        found += [
            Mismatch(None, _said(then), "nothing", key)
            for key, then in known.items()
            if key[0] in systems and key not in present
        ]
    return found


def _said(row: tuple[str, int | None] | None) -> str:
    if row is None:
        return "nothing"
    verdict, length = row
    return verdict if length is None else f"{verdict} in {length} transitions"
