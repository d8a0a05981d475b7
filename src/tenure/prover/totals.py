"""Totals: exact sums for any number of objects, such as the pages of all mappings that a process pays for.

What is added up is a number of each object that points at a target. A total is an unknown of which one law is known,
and the law is the axiom: when one object changes, the total loses what the object added before and gains what it adds
now. It starts at zero, where nobody points at anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from tenure.vocabulary.effects import Assign
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import Op, Term, free_variables
from tenure.vocabulary.types import COUNT, NONE, Sort, sort_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.prover.expressions import Expr
    from tenure.prover.logic import Domain, Read, SymbolicState


@dataclass(frozen=True)
class Added:
    """What is added up: a number of each object, for the target at which its pointer points."""

    pointer: Field
    amount: Field

    @property
    def name(self) -> str:
        """Its name among the totals of a state."""
        return f"{self.amount.name} by {self.pointer.name}"

    @property
    def target(self) -> Sort:
        """The sort of what the amounts are added up for."""
        found = sort_of(self.pointer.value)
        assert found is not None  # noqa: S101  # `added` saw to it
        return found


def added(term: Term) -> tuple[Added, Term]:
    """What a "total of" adds up and for which target; raises TypeError for anything of which no law is known."""
    bound, body = term.args
    if body.op is Op.IF and body.args[0].op is Op.EQUAL and body.args[2].data == 0:
        amount = body.args[1]
        for pointer, target in (body.args[0].args, body.args[0].args[::-1]):
            both_read = all(t.op is Op.READ and [a.key for a in t.args] == [bound.key] for t in (pointer, amount))
            if both_read and str(bound.data) not in free_variables(target):
                assert isinstance(pointer.data, Field) and isinstance(amount.data, Field)  # noqa: S101, PT018  # lowered terms read fields
                return Added(pointer.data, amount.data), target
    message = "only one number of each object that points at a target through one field can be added up"
    raise TypeError(f"{message} for any number of objects")


def any_total(domain: Domain, one: Added, label: str) -> Read:
    """A total of which nothing is known; TypeError where objects may point at something from the start."""
    if one.pointer.initial != NONE:
        raise TypeError(f"{one.pointer.name}: a total starts at zero, so nothing may be pointed at from the start")
    made: Read = z3.Function(f"{label}total {one.name}", domain.objects(one.target), domain.sort(COUNT))
    return made


def added_again(  # noqa: PLR0913  # a total, an assignment, and what was read before it and after
    one: Added,
    old: Read,
    effect: Assign,
    state: SymbolicState,
    env: Mapping[str, Expr],
    before: Mapping[str, Read],
    after: Mapping[str, Read],
) -> Read:
    """The total after an assignment to one object; effects come one after another, so an object may change twice."""
    if effect.bound:
        raise TypeError(f"{one.name}: what is added up changes for one object at a time")
    who = state.value(effect.target.args[0], env)
    real = who != state.domain.none(one.pointer.domain[0])

    def adds(reads: Mapping[str, Read], target: Expr) -> Expr:
        points = z3.And(real, reads[one.pointer.name](who) == target)
        return z3.If(points, reads[one.amount.name](who), z3.IntVal(0, state.domain.context))

    def total(target: Expr) -> Expr:
        return old(target) - adds(before, target) + adds(after, target)

    return total
