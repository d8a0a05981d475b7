"""`tenure conform`: the reference as a subject, exhaustively in scopes that are stated, then at random."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from tenure.commands.naming import system_named
from tenure.commands.proving import judged
from tenure.commands.workers import pool_of
from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import pair_fields, whole_fields
from tenure.gate.walks import random_walks
from tenure.gate.whole import conform_whole
from tenure.vocabulary.calls import Refuse
from tenure.vocabulary.rules import leaves, rules_of
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.verdicts import Row, Verdict

Told = Callable[[str, int, int], None]


@dataclass
class Comparison:
    """Everything that was compared of one system."""

    system: str
    parts: list[Conformance] = field(default_factory=list)
    walks: int = 0
    walked: str = ""
    missing: tuple[str, ...] = ()
    """Refusals of the whole calls that no comparison reached and no proof shows dead."""
    dead: int = 0
    left: tuple[str, ...] = ()
    """Scopes that a run with a budget is not meant to look at."""

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What the budget ended in: scopes that were not seen whole, and random walks that were never begun."""
        cut = (f"{p.kind}: {p.scope}" for p in self.parts if not p.complete)
        return (*cut, *(() if self.walks else ("random walks",)))

    @property
    def differences(self) -> int:
        """How many differences were found."""
        return sum(len(p.differences) for p in self.parts) + bool(self.walked)

    @property
    def verdict(self) -> Verdict:
        """Conforms only where nothing differs, every scope was seen whole and every refusal is accounted for."""
        if self.differences:
            return Verdict.DIFFERS
        return Verdict.UNKNOWN if self.unfinished or self.missing else Verdict.CONFORMS

    def row(self) -> Row:
        """The comparison as one row."""
        told = f"{self.differences} differences"
        system = system_named(self.system)
        return Row(system.name, system.variant, "whole", "conform", self.verdict, told)

    def results(self) -> list[dict[str, object]]:
        """The comparison as results of the JSON document: scopes that were looked at, then those that were left."""
        system = system_named(self.system)
        about = {"system": system.name, "variant": system.variant, "target": f"reference:{system.id}"}
        seen: list[dict[str, object]] = [
            {
                **about,
                "kind": part.kind,
                "scope": part.scope,
                "verdict": part.verdict.value,
                "steps": part.transitions,
                "states": part.states,
                "complete": part.complete,
                "refusals": sorted(part.refusals),
                "seconds": round(part.seconds, 2),
            }
            for part in self.parts
        ]
        not_run = {"verdict": Verdict.NOT_RUN.value, "steps": 0, "seconds": 0.0}
        return [*seen, *({**about, "scope": name, **not_run} for name in self.left)]


def compared(systems: Sequence[str], workers: int, budget: float | None, seed: int, told: Told) -> Iterator[Comparison]:
    """The comparison of each system in their order, several of them at once; one alone tells how far it is."""
    if workers == 1 or len(systems) == 1:
        for system in systems:
            yield compare(system, budget, seed, told)
        return
    with pool_of(workers) as pool:
        running = [pool.submit(compare, system, budget, seed, _untold) for system in systems]
        for number, (system, one) in enumerate(zip(systems, running, strict=True)):
            told(system, number, len(systems))
            yield one.result()


def _untold(*_: object) -> None:
    """Tell nobody: several systems at once would speak at once."""


def compare(system_id: str, budget: float | None, seed: int, told: Told) -> Comparison:
    """Whole calls, then pairs in flight, then random walks; with a budget only in the scopes that are small enough for one."""
    system = system_named(system_id)
    result = Comparison(system_id)
    deadline = None if budget is None else time.monotonic() + budget

    def left() -> float | None:
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    for conform, fields in ((conform_whole, whole_fields(system)), (conform_pairs, pair_fields(system))):
        for one in fields:
            if budget is not None and one.full:
                result.left += (str(one),)
                continue
            report = conform(system, one.scope, within=one.within, budget=left(), told=partial(_told, told, one.name))
            report.scope = str(one)
            result.parts.append(report)
    seconds = left()
    result.walks, result.walked = random_walks(system, seed, seconds=20.0 if seconds is None else seconds)
    if not result.unfinished:
        _account(result)
    return result


def _told(told: Told, scope: str, states: int, transitions: int) -> None:
    """How far a comparison is in one scope, of which nobody knows how large it is."""
    told(f"{scope}: {states:,} states, {transitions:,} transitions", 0, 0)


def _account(result: Comparison) -> None:
    """Every refusal that the model has was met in some comparison, or is proved unreachable."""
    system = system_named(result.system)
    rules = rules_of(system, Granularity.WHOLE)
    wanted = {
        f"{b.name} {b.then.outcome.errno}"
        for rule in rules.rules
        for path in leaves(rule.root)
        for b in path[-1:]
        if hasattr(b.then, "outcome") and isinstance(b.then.outcome, Refuse)
    }
    met = set().union(*(p.refusals for p in result.parts))
    open_ = wanted - met
    if open_:
        ((_, judgement),) = judged([(result.system, "whole")], 1, lambda *_: None)
        dead = {name for name in open_ if name.split()[0] in judgement.dead}
        result.dead = len(dead)
        open_ -= dead
    result.missing = tuple(sorted(open_))
