"""`tenure guards`: what each guard of a system is for, found by taking it out and looking at what changes."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations

from tenure.commands.proving import judged
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.search.explorer import Exploration, explore
from tenure.search.scopes import Area, main_area, witness_areas
from tenure.vocabulary.calls import Call, Refuse, Step, without_case
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE
from tenure.vocabulary.verdicts import Verdict

LIMIT = 300_000
"""States after which a search stops; what it did not find by then is *searched*, nothing more."""

WAIT = -1
"""Instead of the number of a case: the step's sleep until one of its cases holds."""

Told = Callable[[str, int, int], None]


class Worth(Enum):
    """What a guard is for."""

    DEAD = "dead"
    """No state that satisfies the proved claims can take it."""
    PROTECTIVE = "protective"
    """Without it some property falls that holds with it."""
    ANSWER_ONLY = "answer-only"
    """Without it exactly the same states are reached; only the answer is another."""
    PERMISSIVE = "permissive"
    """Without it other states are reached, and no property falls."""
    SEARCHED = "searched"
    """Without it no property fell in the states that were searched, and there are more."""


@dataclass(frozen=True, order=True)
class Guard:
    """A case of a step that refuses, or the sleep of a step that waits."""

    call: str
    step: str
    number: int
    errno: str
    why: str

    @property
    def case(self) -> str:
        """The case as rules name it."""
        return f"{self.call}.{self.step}#{self.number}"


@dataclass(frozen=True)
class GuardRow:
    """One guard, or two of a call that mask one another, and what became of the system without it."""

    system: str
    step: str
    errno: str
    why: str
    worth: Worth
    property: str = ""
    length: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Loss:
    """What changes in a system that lost some guards."""

    worth: Worth
    property: str = ""
    length: int | None = None


def guards_of(one: Call) -> tuple[Guard, ...]:
    """Every guard of a call, in the order in which the call meets them."""
    found = []
    for step in one.steps:
        found += [
            Guard(one.name, step.name, number, case.follow.errno, case.why)
            for number, case in enumerate(step.cases)
            if isinstance(case.follow, Refuse)
        ]
        if step.waits:
            found.append(Guard(one.name, step.name, WAIT, "waits", "it sleeps until it may go on"))
    return tuple(found)


def without(system: System, guards: Iterable[Guard]) -> System:
    """The same system with these guards taken out."""
    calls = system.calls
    for one in sorted(guards, reverse=True):  # the later cases of a step first, so that numbers stay true
        if one.number == WAIT:
            calls = tuple(_sleepless(c, one) if c.name == one.call else c for c in calls)
        else:
            calls = without_case(calls, {f"{one.call}.{one.step}": one.number})
    return replace(system, calls=calls)


def _sleepless(call: Call, guard: Guard) -> Call:
    """The call whose step goes on by its last case where it would have waited."""

    def awake(step: Step) -> Step:
        if step.name != guard.step:
            return step
        return replace(step, cases=(*step.cases[:-1], replace(step.cases[-1], when=TRUE)), waits=False)

    return replace(call, steps=tuple(awake(s) for s in call.steps))


class Losses:
    """A system in some areas, searched with all its guards, against which it is searched without some."""

    def __init__(
        self, system: System, properties: Iterable[Property], areas: Iterable[Area], limit: int = LIMIT
    ) -> None:
        self.system = system
        self.limit = limit
        self._properties = [p for p in properties if applies(system, p)]
        self._whole: list[tuple[Area, _Reached]] = []
        for area in areas:
            found = _search(system, self._properties, area, limit, exhaust=True)
            self._whole.append((area, _Reached(found)))
            self._properties = [p for p in self._properties if p.id not in found.violations]

    def of(self, guards: Iterable[Guard]) -> Loss:
        """What these guards together are for."""
        system = without(self.system, guards)
        fallen: list[tuple[int, str]] = []
        complete = same = True
        for area, whole in self._whole:
            found = _search(system, self._properties, area, self.limit)
            fallen += [(len(way.states) - 1, name) for name, way in found.violations.items()]
            if fallen:
                complete = False  # what else is reached does not matter any more
            else:
                complete = complete and found.complete and whole.complete
                same = same and complete and whole.same(found)
        if fallen:
            length, name = min(fallen)
            return Loss(Worth.PROTECTIVE, name, length)
        return Loss(Worth.SEARCHED if not complete else Worth.ANSWER_ONLY if same else Worth.PERMISSIVE)


class _Reached:
    """The states that a search reached, packed, in the order of fields that its machine has."""

    def __init__(self, found: Exploration) -> None:
        self.complete = found.complete
        self._layout = found.machine.layout
        self._start = next(iter(found.parents))
        self._states = {_packed(s) for s in found.parents} if found.complete else set()

    def same(self, found: Exploration) -> bool:
        """The search of the same system without some guards reached exactly these states."""
        if len(found.parents) != len(self._states):
            return False
        there = found.machine.layout
        origin: list[int | None] = []
        for one in self._layout.fields:
            begin = there.offset.get(one.name)
            size = self._layout.size(one)
            origin += [None] * size if begin is None else range(begin, begin + size)

        def here(state: State) -> State:
            """The state in this order; what the lost guards alone spoke of has stayed as it was at the start."""
            return tuple(self._start[i] if at is None else state[at] for i, at in enumerate(origin))

        return all(_packed(here(s)) in self._states for s in found.parents)


def _packed(state: State) -> bytes:
    return array("b", state).tobytes()


def _search(
    system: System, properties: list[Property], area: Area, limit: int, *, exhaust: bool = False
) -> Exploration:
    """A search that goes deeper, unless `exhaust`, only while nothing has fallen; what it finds, no shorter run shows."""
    rules = rules_of(system, Granularity.WHOLE)
    machine = Machine(rules, area.scope)
    stated = [sentence(rules, p) for p in properties]
    for bound in () if exhaust else (limit // 64, limit // 8):
        found = explore(machine, stated, calls=area.calls, limit=bound)
        if found.violations or found.complete:
            return found
    return explore(machine, stated, calls=area.calls, limit=limit, exhaust=exhaust)


def classified(losses: Losses, dead: frozenset[str], calls: Iterable[Call]) -> Iterator[GuardRow]:
    """Each guard of the calls alone, then each two of a call of which none protects alone, where both together do."""
    for call in calls:
        spare: list[Guard] = []
        for guard in guards_of(call):
            started = time.perf_counter()
            loss = Loss(Worth.DEAD) if guard.case in dead else losses.of([guard])
            yield _row(losses.system, (guard,), loss, time.perf_counter() - started)
            if loss.worth is not Worth.PROTECTIVE:
                spare.append(guard)
        for pair in combinations(spare, 2):
            if not {guard.case for guard in pair} <= dead:  # nobody gets to either of two dead ones
                started = time.perf_counter()
                loss = losses.of(pair)
                if loss.worth is Worth.PROTECTIVE:
                    yield _row(losses.system, pair, loss, time.perf_counter() - started)


def _row(system: System, guards: tuple[Guard, ...], loss: Loss, seconds: float) -> GuardRow:
    steps, errnos, reasons = zip(*((f"{g.call}.{g.step}", g.errno, g.why) for g in guards), strict=True)
    together = " + ".join(dict.fromkeys(steps)), " + ".join(errnos), "; ".join(reasons)
    return GuardRow(system.id, *together, loss.worth, loss.property, loss.length, seconds)


def classified_guards(system_ids: list[str], workers: int, told: Told) -> Iterator[GuardRow]:
    """Every guard of these systems where calls are whole, the rows of each system in the order of its calls."""
    known = {s.id: s for s in SYSTEMS}
    jobs: list[tuple[str, str, frozenset[str], frozenset[str]]] = []
    for (system_id, _), judgement in judged(
        [(s, "whole") for s in system_ids], workers, lambda j, n, m: told(j[0], n, m)
    ):
        false = frozenset(r.property for r in judgement.rows if r.verdict is Verdict.REFUTED)
        names = [c.name for c in known[system_id].calls if guards_of(c)]
        jobs += [(system_id, name, frozenset(judgement.dead), false) for name in names]
    rows: dict[tuple[str, str], list[GuardRow]] = {}
    with ProcessPoolExecutor(max_workers=workers) as pool:
        try:
            running = {pool.submit(_classified, *job): job for job in jobs}
            for future in as_completed(running):
                system_id, name, *_ = running[future]
                rows[system_id, name] = future.result()
                told(f"{system_id} {name}", len(rows), len(jobs))
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for system_id in system_ids:
        for call in known[system_id].calls:
            yield from rows.get((system_id, call.name), [])


def _classified(system_id: str, call: str, dead: frozenset[str], false: frozenset[str]) -> list[GuardRow]:
    """The guards of one call; a process of its own does it."""
    (system,) = (s for s in SYSTEMS if s.id == system_id)
    held = [p for p in PROPERTIES if p.id not in false]
    whole = Granularity.WHOLE
    areas = {str(a): a for a in (main_area(system, whole), *witness_areas(system, whole))}
    return list(classified(Losses(system, held, areas.values()), dead, [system.call(call)]))
