"""What is lost with a guard, for any number of objects: whether states stay the same, and whether the proofs still stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import z3

from tenure.prover.expressions import Expr
from tenure.prover.induction import RLIMIT, solve
from tenure.prover.paths import Path, paths_of
from tenure.prover.theory import Invariant, Obligation, Theory
from tenure.vocabulary.guards import Guard, weakened
from tenure.vocabulary.rules import Rules

EFFORT = RLIMIT // 10
"""For one question about one guard: many are asked, and what stays open here is searched."""


@dataclass(frozen=True)
class Kept:
    """What stays as it was where a guard is gone, in every state that satisfies the claims."""

    states: bool
    by: frozenset[str]
    """The cases that may be taken last instead."""


def kept_without(rules: Rules, claims: tuple[Invariant, ...], guard: Guard) -> Kept:
    """Whether each way that may be taken instead of the guard leaves the state that the guard leaves."""
    theory = Theory(rules, claims)
    by: set[str] = set()
    same = True
    weak = weakened(rules, {guard.name})
    for rule, bare in zip(rules.rules, weak.rules, strict=True):
        guarded = [p for p in paths_of(rule, theory.before) if guard.name in {b.name for b in p.branches}]
        if not guarded:
            continue
        for other in _giving_way(paths_of(bare, theory.before), [guard]):
            for path in guarded:
                word = _differ(theory, path, other)
                if word != "never":
                    by.add(other.branches[-1].name)
                    same = same and word == "unsat"
    return Kept(same and bool(by), frozenset(by))


def _differ(theory: Theory, path: Path, other: Path) -> str:
    """`never`: no call can take both; `unsat`: where it can, they leave the same state; else Z3's word."""
    solver = z3.Solver(ctx=theory.domain.context)
    solver.set("rlimit", EFFORT)
    solver.add(*theory.assumptions, *path.conditions, *other.conditions)
    solver.add(*(path.arguments[name] == other.arguments[name] for name in path.arguments))
    if str(solver.check()) == "unsat":
        return "never"
    unlike = list(_unlike(theory, path, other))
    if not unlike:
        return "unsat"
    solver.add(z3.Or(*unlike))
    return str(solver.check())


def _unlike(theory: Theory, path: Path, other: Path) -> Iterator[Expr]:
    """Some place of a field that either path assigns is not the same after both."""
    for one in theory.rules.fields:
        if one.name in path.assigned | other.assigned:
            place = [theory.domain.fresh("x", sort) for sort in one.domain]
            yield path.after.reads[one.name](*place) != other.after.reads[one.name](*place)


def still_proved(
    rules: Rules, claims: tuple[Invariant, ...], properties: tuple[Invariant, ...], guards: Collection[Guard]
) -> bool:
    """The claims and properties, proved with the guards, are proved without them too.

    Ways that pass by no lost guard are what they were, and what follows from the claims follows still: neither is asked.
    """
    weak = weakened(rules, {g.name for g in guards})
    calls = {g.call for g in guards}
    theory = Theory(replace(weak, rules=tuple(r for r in weak.rules if r.call.name in calls)), claims, properties)
    return all(solve(theory, o, EFFORT).verdict == "unsat" for o in _owed(theory, guards))


def _owed(theory: Theory, guards: Collection[Guard]) -> Iterator[Obligation]:
    for path in _giving_way(theory.paths(), guards):
        obligations = (theory.preservation(path)[0], theory.step_consequences(path))
        yield from (o for o in obligations if o is not None)


def _giving_way(paths: Iterable[Path], guards: Collection[Guard]) -> Iterator[Path]:
    """The ways that are taken only, or more often, where a guard is gone."""
    return (p for p in paths if any(g.gives_way_to(b) for g in guards for b in p.branches))
