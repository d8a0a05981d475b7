"""`tenure guards`: what each guard of a system is for, found by taking it out and looking at what is lost.

It is mutation testing of the rules: each lost guard is a mutant, and the properties either kill it or do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from enum import Enum

from tenure.commands.judging import Judgement, find_system
from tenure.commands.proving import Job, judged
from tenure.commands.workers import pool_of
from tenure.properties import PROPERTIES
from tenure.report.itf import itf_object
from tenure.search.guards import GOES_ON, Fall, Substitute, areas_of, fall, substitutes
from tenure.search.scopes import Area
from tenure.vocabulary.guards import Guard, guards_of
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import Verdict

DEFAULT = ("containers-2013:locked", "external-get-put:locked-container", "external-v1")
"""Where nearly every property holds, so that a lost guard can cost one."""

NEAR = 5_000
"""States in which a fall is looked for before a proof is tried: most falls are near."""

FAR = 60_000
"""States in which it is looked for where no proof is found; a fall beyond them is missed, and the row says searched."""

Told = Callable[[str, int, int], None]


class Worth(Enum):
    """What a guard is for."""

    DEAD = "dead"
    """No state that satisfies the proved claims takes it."""
    PROTECTIVE = "protective"
    """Without it a property falls that is proved with it."""
    MASKED = "masked"
    """None of several protects alone, since another catches what it lets through; without all of them a property falls."""
    ANSWER_ONLY = "answer-only"
    """Without it every state is as before and only an answer is another: whoever compares answers must notice."""
    REDUNDANT = "redundant"
    """Without it no state and no answer is another, since another case does the same: an equivalent mutant."""
    UNSPECIFIED = "unspecified"
    """Without it other states are reached and no property falls: a surviving mutant."""
    UNMET = "unmet"
    """No searched run takes it, and it is not proved dead: nothing is known."""


@dataclass(frozen=True)
class GuardRow:
    """One guard, or several that mask one another, and what is lost without them."""

    guards: tuple[Guard, ...]
    worth: Worth
    verdict: Verdict
    """`proved` for any number of objects, `searched` as far as `extent` says, `witnessed` by the trace of the fall."""
    substitute: Substitute = field(default_factory=Substitute)
    """What takes the place of the guard."""
    fall: Fall | None = None
    extent: str = ""
    seconds: float = 0.0

    @property
    def evidence(self) -> str:
        """Why it has its class, in a few words."""
        instead = f"{' or '.join(sorted(self.substitute.answers))} instead"
        extent = self.extent.partition(" with ")[0]
        how = f"searched {extent}" if self.verdict is Verdict.SEARCHED else self.verdict.value
        match self.worth:
            case Worth.PROTECTIVE | Worth.MASKED:
                return f"{self.fall.broken} falls in {self.fall.length}" if self.fall else ""
            case Worth.ANSWER_ONLY | Worth.UNSPECIFIED:
                return f"{instead}, {how}"
            case Worth.REDUNDANT:
                return f"the same by {' or '.join(sorted(self.substitute.by))}, {how}"
            case Worth.DEAD:
                return self.verdict.value
            case Worth.UNMET:
                return f"searched {self.extent}"


@dataclass(frozen=True)
class Sound:
    """A system with all its guards, and what is known about it: where losses are looked for."""

    rules: Rules
    areas: tuple[Area, ...]
    held: tuple[Property, ...]
    """The properties that are proved: only the loss of a guard can make them fall."""
    claims: tuple[str, ...]
    """The claims from which they are proved."""
    dead: frozenset[str]
    """The cases that are proved dead."""
    limit: int = FAR


def classified(sound: Sound, guard: Guard, found: Substitute, extent: str) -> GuardRow:
    """What one guard is for; `found` takes its place where it was met in a search of this extent."""
    if guard.name in sound.dead:
        return GuardRow((guard,), Worth.DEAD, Verdict.PROVED)
    if not found.met:
        return GuardRow((guard,), Worth.UNMET, Verdict.UNKNOWN, extent=extent)
    if not found.changes:
        worth = Worth.REDUNDANT if found.same_answers else Worth.ANSWER_ONLY
        verdict = Verdict.PROVED if _keeps_states(sound, guard, found) else Verdict.SEARCHED
        return GuardRow((guard,), worth, verdict, found, extent=extent)
    fallen, extent, proved = _lost(sound, [guard])
    if fallen is not None:
        return GuardRow((guard,), Worth.PROTECTIVE, Verdict.WITNESSED, found, fallen)
    return GuardRow((guard,), Worth.UNSPECIFIED, Verdict.PROVED if proved else Verdict.SEARCHED, found, extent=extent)


def masked(sound: Sound, rows: Sequence[GuardRow]) -> Iterator[GuardRow]:
    """The guards among those of one call that protect together and not alone: two, or all that one's loss leads to."""
    idle = {r.guards[0].name: r for r in rows if r.worth is not Worth.PROTECTIVE}
    tried: set[frozenset[str]] = set()
    caught: list[frozenset[str]] = []
    behind = {name: _behind(name, idle) for name in idle}
    for name in idle:
        pairs = [frozenset({name, other}) for other in sorted(behind[name])]
        for together in (*pairs, _all_behind(name, behind)):
            if len(together) == 1 or together in tried or any(c <= together for c in caught):
                continue
            tried.add(together)
            guards = [idle[n].guards[0] for n in idle if n in together]
            started = time.perf_counter()
            fallen, _, _ = _lost(sound, guards)
            if fallen is not None:
                caught.append(together)
                seconds = time.perf_counter() - started
                yield GuardRow(tuple(guards), Worth.MASKED, Verdict.WITNESSED, fall=fallen, seconds=seconds)


def _behind(name: str, idle: dict[str, GuardRow]) -> frozenset[str]:
    """The guards that may catch what this one lets through: that take its place, or come after it where the call goes on."""
    found = idle[name].substitute
    names = list(idle)
    later = names[names.index(name) + 1 :] if GOES_ON in found.answers else []
    return frozenset((found.by & idle.keys()) | set(later))


def _all_behind(name: str, behind: dict[str, frozenset[str]]) -> frozenset[str]:
    """The guard, those that may catch what it lets through, those behind these, and so on."""
    found, left = {name}, [name]
    while left:
        new = behind[left.pop()] - found
        found |= new
        left += new
    return frozenset(found)


def _lost(sound: Sound, guards: Sequence[Guard]) -> tuple[Fall | None, str, bool]:
    """The property that falls without these guards, the extent of the search, and whether none is proved to fall."""
    names = {g.name for g in guards}
    fallen, extent = fall(sound.rules, names, sound.held, sound.areas, min(NEAR, sound.limit))
    if fallen is not None:
        return fallen, extent, False
    if _still_proved(sound, guards):
        return None, "", True
    return *fall(sound.rules, names, sound.held, sound.areas, sound.limit), False


def _keeps_states(sound: Sound, guard: Guard, found: Substitute) -> bool:
    """For any number of objects: nothing but what was found takes the guard's place, and every state is as before."""
    from tenure.prover.guards import kept_without  # a solver is loaded only where something is proved
    from tenure.prover.theory import claims_of

    claims = tuple(c for c in claims_of(sound.rules) if c.name in sound.claims)
    kept = kept_without(sound.rules, claims, guard)
    return kept.states and kept.by <= found.by and _still_proved(sound, [guard])


def _still_proved(sound: Sound, guards: Sequence[Guard]) -> bool:
    from tenure.prover.guards import still_proved  # as above
    from tenure.prover.theory import claims_of, stated

    claims = tuple(c for c in claims_of(sound.rules) if c.name in sound.claims)
    return still_proved(sound.rules, claims, stated(sentence(sound.rules, p) for p in sound.held), guards)


def sound_system(job: Job, judgement: Judgement) -> Sound:
    """A system at one granularity, as it was judged."""
    rules = rules_of(find_system(job[0]), Granularity(job[1]))
    proved = {r.property for r in judgement.rows if r.verdict is Verdict.PROVED}
    held = tuple(p for p in PROPERTIES if p.id in proved)
    return Sound(rules, areas_of(rules), held, judgement.claims, frozenset(judgement.dead))


Found = tuple[Job, GuardRow]


def guard_rows(jobs: list[Job], workers: int, told: Told) -> Iterator[Found]:
    """The rows of these systems as they come: each guard alone, then for each call those that mask one another."""
    judgements = dict(judged(jobs, workers, lambda j, n, m: told(f"{j[0]} judged", n, m)))
    light = {job: replace(j, rows=[replace(r, trace=None) for r in j.rows]) for job, j in judgements.items()}
    with pool_of(workers) as pool:
        yield from campaign(pool, light, told)


@dataclass(frozen=True)
class _Met:
    """The guards of a system, what takes the place of each, and the extent of the search that found it."""

    guards: tuple[Guard, ...]
    found: dict[str, Substitute]
    extent: str


def campaign(pool: Executor, judgements: dict[Job, Judgement], told: Told) -> Iterator[Found]:
    """What a pool of workers finds about systems that were judged: rows as they come."""
    running: dict[Future[_Met | list[GuardRow]], tuple[Job, str]] = {}
    for job, judgement in judgements.items():
        running[pool.submit(_substitutes, job, judgement)] = (job, "")
    waiting: dict[tuple[Job, str], int] = {}
    alone: dict[tuple[Job, str], list[GuardRow]] = {}
    finished = 0
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job, call = running.pop(future)
            answer = future.result()
            if isinstance(answer, _Met):
                for one in answer.guards:
                    waiting[job, one.call] = waiting.get((job, one.call), 0) + 1
                    args = (job, judgements[job], one, answer.found[one.name], answer.extent)
                    running[pool.submit(_alone, *args)] = (job, one.call)
            else:
                yield from ((job, row) for row in answer)
                waiting[job, call] -= 1
                if waiting[job, call] >= 0:
                    alone.setdefault((job, call), []).extend(answer)
                if waiting[job, call] == 0:
                    running[pool.submit(_together, job, judgements[job], alone[job, call])] = (job, call)
            finished += 1
            told(f"{job[0]} {call}", finished, finished + len(running))


def _substitutes(job: Job, judgement: Judgement) -> _Met | list[GuardRow]:
    sound = sound_system(job, judgement)
    guards = guards_of(sound.rules)
    return _Met(guards, *substitutes(sound.rules, guards, sound.held, sound.areas))


def _alone(job: Job, judgement: Judgement, guard: Guard, found: Substitute, extent: str) -> _Met | list[GuardRow]:
    started = time.perf_counter()
    row = classified(sound_system(job, judgement), guard, found, extent)
    return [replace(row, seconds=time.perf_counter() - started)]


def _together(job: Job, judgement: Judgement, rows: list[GuardRow]) -> _Met | list[GuardRow]:
    sound = sound_system(job, judgement)
    order = {g.name: i for i, g in enumerate(guards_of(sound.rules))}
    return list(masked(sound, sorted(rows, key=lambda r: order[r.guards[0].name])))


def in_order(found: Iterable[Found], jobs: Sequence[Job]) -> list[Found]:
    """The rows by system, call and case; those that mask one another follow the guards of their call."""
    place: dict[tuple[Job, str], int] = {}
    for job in jobs:
        for guard in guards_of(rules_of(find_system(job[0]), Granularity(job[1]))):
            place.setdefault((job, guard.call), len(place))
            place[job, guard.name] = len(place)

    def key(one: Found) -> tuple[int, bool, int]:
        job, row = one
        first = row.guards[0]
        return place[job, first.call], len(row.guards) > 1, place[job, first.name]

    return sorted(found, key=key)


def result(job: Job, row: GuardRow) -> dict[str, object]:
    """One row as a result of the JSON document; `trace` is there where a property falls."""
    system = find_system(job[0])
    found: dict[str, object] = {
        "system": system.name,
        "variant": system.variant,
        "granularity": job[1],
        "guards": [{"name": g.name, "does": g.does, "why": g.why} for g in row.guards],
        "class": row.worth.value,
        "property": row.fall.broken if row.fall else None,
        "verdict": row.verdict.value,
        "reason": row.evidence,
        "steps": row.fall.length if row.fall else None,
        "answers": sorted(row.substitute.answers),
        "by": sorted(row.substitute.by),
        "searched": row.fall.area if row.fall else row.extent,
        "seconds": round(row.seconds, 3),
    }
    return {**found, "trace": itf_object(row.fall.trace)} if row.fall else found
