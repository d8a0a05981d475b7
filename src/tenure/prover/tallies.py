"""Tallies: exact counts for any number of objects, as a bijection between those that point at a target and the numbers below their count."""

from __future__ import annotations

import z3

from tenure.prover.logic import Expr, SymbolicState
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.types import COUNT, Sort, sort_of


def bijection(one: Field, state: SymbolicState) -> tuple[Expr, Expr, Expr]:
    """The slots and the holders of the field's tally are inverse to each other below its size."""
    domain, tally = state.domain, state.tallies[one.name]
    who, target = domain.fresh("x", one.domain[0]), domain.fresh("g", _pointed_at(one))
    number = domain.fresh("i", COUNT)
    nobody, nothing = domain.none(one.domain[0]), domain.none(_pointed_at(one))
    points = state.reads[one.name](who)
    slot = tally.slot(who)
    inside = z3.And(target != nothing, number >= 0, number < tally.size(target))
    holder = tally.holder(target, number)
    is_function = z3.is_app(holder) and holder.decl().kind() == z3.Z3_OP_UNINTERPRETED
    return (
        z3.ForAll(
            [who],
            z3.Implies(
                z3.And(who != nobody, points != nothing),
                z3.And(slot >= 0, slot < tally.size(points), tally.holder(points, slot) == who),
            ),
        ),
        z3.ForAll(
            [target, number],
            z3.Implies(
                inside,
                z3.And(holder != nobody, state.reads[one.name](holder) == target, tally.slot(holder) == number),
            ),
            patterns=[holder] if is_function else [],
        ),
        z3.ForAll([target], tally.size(target) >= 0),
    )


def somebody_is_first(one: Field, state: SymbolicState) -> Expr:
    """A consequence of the bijection, spelled out for the solver: where somebody is counted, somebody is first."""
    domain, tally = state.domain, state.tallies[one.name]
    target = domain.fresh("g", _pointed_at(one))
    first = tally.holder(target, z3.IntVal(0, domain.context))
    nobody, nothing = domain.none(one.domain[0]), domain.none(_pointed_at(one))
    somebody = z3.And(first != nobody, state.reads[one.name](first) == target)
    return z3.ForAll([target], z3.Implies(z3.And(target != nothing, tally.size(target) > 0), somebody))


def _pointed_at(one: Field) -> Sort:
    found = sort_of(one.value)
    assert found is not None  # noqa: S101  # tallied fields point at something
    return found
