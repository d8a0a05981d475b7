"""Turns: where the ways through a rule part. What many ways share is asked once, and what it shuts is not gone into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import z3

from tenure.prover.evaluation import replaced
from tenure.prover.expressions import Expr
from tenure.vocabulary.types import Type

Chosen = tuple[int, ...]
"""Values for the first of the unknowns."""

Goal = TypeVar("Goal")

Choices = Callable[[Type], dict[int, Expr]]
"""The values of a type, each with the solver's constant for it."""


class Way(NamedTuple, Generic[Goal]):
    """What a way leads to, the unknowns that must be chosen on it, in order, their types, and the conditions that must hold."""

    goal: Goal
    unknowns: Sequence[Expr]
    kinds: Sequence[Type]
    conditions: Sequence[Expr]


@dataclass
class Turn(Generic[Goal]):
    """A condition over the first `known` unknowns that all ways from here on have."""

    condition: Expr
    known: int
    ways: list[Way[Goal]]
    """Those that end here."""
    further: list[Turn[Goal]]
    unknowns: Sequence[Expr]
    kinds: Sequence[Type]
    instances: dict[Chosen, Expr] = field(default_factory=dict)
    """The condition by what is chosen for its unknowns."""

    def taken(self, chosen: Chosen, choices: Choices, holds: Callable[[Expr], bool]) -> Iterator[tuple[Goal, Chosen]]:
        """What each way leads to that can be taken where so much is chosen already, with all that is chosen for it."""
        if len(chosen) < self.known:
            for value in choices(self.kinds[len(chosen)]):
                yield from self.taken((*chosen, value), choices, holds)
        elif holds(self._instance(chosen[: self.known], choices)):
            for way in self.ways:
                for rest in itertools.product(*map(choices, way.kinds[len(chosen) :])):
                    yield way.goal, (*chosen, *rest)
            for turn in self.further:
                yield from turn.taken(chosen, choices, holds)

    def _instance(self, chosen: Chosen, choices: Choices) -> Expr:
        if chosen not in self.instances:
            values = [choices(kind)[value] for kind, value in zip(self.kinds, chosen, strict=False)]
            self.instances[chosen] = replaced(self.condition, self.unknowns[: self.known], values)
        return self.instances[chosen]


def turns(ways: Sequence[Way[Goal]]) -> list[Turn[Goal]]:
    """The ways by their first conditions, those that begin alike together; each condition is asked when its unknowns are chosen."""
    return _turns([way._replace(conditions=list(_pieces(way.conditions))) for way in ways], 0)


def _turns(ways: Sequence[Way[Goal]], passed: int) -> list[Turn[Goal]]:
    alike: dict[int, list[Way[Goal]]] = {}
    for way in ways:
        alike.setdefault(way.conditions[passed].get_id(), []).append(way)
    return [_turn(several, passed) for several in alike.values()]


def _turn(ways: list[Way[Goal]], passed: int) -> Turn[Goal]:
    """What these ways share from here on: a turn for each number of unknowns that must be known, the fewest first."""
    columns = zip(*(way.conditions[passed:] for way in ways), strict=False)
    shared = [column[0] for column in itertools.takewhile(lambda c: all(one.eq(c[0]) for one in c), columns)]
    after = passed + len(shared)
    first = ways[0]
    by_known: dict[int, list[Expr]] = {}
    for one in shared:
        by_known.setdefault(_known(one, first.unknowns), []).append(one)
    ended = [way for way in ways if len(way.conditions) == after]
    further = _turns([way for way in ways if len(way.conditions) > after], after)
    for known, conditions in sorted(by_known.items(), reverse=True):
        turn = Turn(z3.And(*conditions, conditions[0].ctx), known, ended, further, first.unknowns, first.kinds)
        ended, further = [], [turn]
    return further[0]


def _pieces(conditions: Sequence[Expr]) -> Iterator[Expr]:
    """Conditions one by one, where they are joined by a conjunction."""
    for one in conditions:
        if z3.is_and(one):
            yield from _pieces(one.children())
        else:
            yield one


def _known(condition: Expr, unknowns: Sequence[Expr]) -> int:
    """How many of the unknowns must be chosen, the first ones, before the condition can be asked."""
    others = [z3.FreshConst(one.sort()) for one in unknowns]
    for number in range(len(unknowns), 0, -1):
        if not replaced(condition, unknowns[number - 1 : number], others[number - 1 : number]).eq(condition):
            return number
    return 0
