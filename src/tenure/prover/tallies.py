"""Tallies: exact counts for any number of objects, as a bijection onto the numbers below the count.

What is counted is either who points at a target through a field, or who stands in a relation to it: a flag of two
objects. Whoever is counted has a slot; taking appends a slot, dropping moves the last one into the freed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from tenure.vocabulary.effects import Assign
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import Op, Term, free_variables
from tenure.vocabulary.types import COUNT, FLAG, Maybe, Sort, sort_of

if TYPE_CHECKING:
    from tenure.prover.expressions import Expr
    from tenure.prover.logic import Domain, Read, SymbolicState


@dataclass(frozen=True)
class Counted:
    """What is counted: those that point through a field, or, for a flag of two objects, those at one of its places."""

    field: Field
    place: int | None = None
    """Which argument of a relation is counted; None for a field that points."""

    @property
    def name(self) -> str:
        """Its name among the tallies of a state."""
        return self.field.name if self.place is None else f"{self.field.name} by {self.who.name}"

    @property
    def who(self) -> Sort:
        """The sort of those that are counted."""
        return self.field.domain[self.place or 0]

    @property
    def target(self) -> Sort:
        """The sort of what they are counted for."""
        found = sort_of(self.field.value) if self.place is None else self.field.domain[1 - self.place]
        assert found is not None  # noqa: S101  # `counted` saw to it
        return found

    def at(self, target: Expr, who: Expr) -> tuple[Expr, Expr]:
        """The arguments of a relation, in its own order."""
        return (who, target) if self.place == 0 else (target, who)

    def counts(self, read: Read, target: Expr, who: Expr) -> Expr:
        """`who` is counted for `target`."""
        return read(who) == target if self.place is None else read(*self.at(target, who))


@dataclass
class Tally:
    """How many objects are counted for each target: `slot` of a target and an object, `holder` of a target and a number."""

    counted: Counted
    size: Read
    slot: Read
    holder: Read


@dataclass(frozen=True)
class Move:
    """Where one object was counted before an assignment and where it is counted after it, each under its condition."""

    who: Expr
    leaves: Expr
    source: Expr
    joins: Expr
    goal: Expr


def counted(term: Term) -> tuple[Counted, Term]:
    """What a "number of" counts and for which target; raises TypeError for anything that cannot be tallied."""
    bound, body = term.args
    if body.op is Op.EQUAL:
        for pointer, target in (body.args, body.args[::-1]):
            field = pointer.data
            points = pointer.op is Op.READ and len(pointer.args) == 1 and pointer.args[0].key == bound.key
            if points and isinstance(field, Field) and str(bound.data) not in free_variables(target):
                return Counted(field), target
    if body.op is Op.READ and body.type == FLAG and isinstance(body.data, Field) and len(body.args) == 2:  # noqa: PLR2004  # of two objects
        for place, one in enumerate(body.args):
            target = body.args[1 - place]
            if one.key == bound.key and str(bound.data) not in free_variables(target):
                return Counted(body.data, place), target
    message = "only those that point at a target through one field, or stand in one relation to it, can be counted"
    raise TypeError(f"{message} for any number of objects")


def any_tally(domain: Domain, one: Counted, label: str) -> Tally:
    """A tally of which nothing is known: uninterpreted functions."""
    who, target, number = domain.objects(one.who), domain.objects(one.target), z3.IntSort(domain.context)
    return Tally(
        one,
        z3.Function(f"{label}size {one.name}", target, number),
        z3.Function(f"{label}slot {one.name}", target, who, number),
        z3.Function(f"{label}holder {one.name}", target, number, who),
    )


def recounted(old: Tally, effect: Assign, state: SymbolicState, env: Mapping[str, Expr]) -> Tally:
    """The tally after an assignment to one place of its field, made in this state."""
    if effect.bound:
        message = f"{old.counted.field.name}: a tallied field changes for one object at a time"
        raise TypeError(message)
    move = (_pointed if old.counted.place is None else _related)(old.counted, effect, state, env)
    last = old.holder(move.source, old.size(move.source) - 1)

    def size(target: Expr) -> Expr:
        smaller = z3.If(z3.And(move.leaves, target == move.source), old.size(target) - 1, old.size(target))
        return z3.If(z3.And(move.joins, target == move.goal), old.size(target) + 1, smaller)

    def slot(target: Expr, who: Expr) -> Expr:
        moves_up = z3.And(move.leaves, target == move.source, who == last, who != move.who)
        kept = z3.If(moves_up, old.slot(move.source, move.who), old.slot(target, who))
        return z3.If(z3.And(move.joins, target == move.goal, who == move.who), old.size(move.goal), kept)

    def holder(target: Expr, number: Expr) -> Expr:
        freed = z3.And(move.leaves, target == move.source, number == old.slot(move.source, move.who))
        kept = z3.If(freed, last, old.holder(target, number))
        return z3.If(z3.And(move.joins, target == move.goal, number == old.size(move.goal)), move.who, kept)

    return Tally(old.counted, size, slot, holder)


def bijection(one: Counted, state: SymbolicState) -> tuple[Expr, Expr, Expr]:
    """Slots and holders of the tally are inverse to each other below its size."""
    domain, tally, read = state.domain, state.tallies[one.name], state.reads[one.field.name]
    who, target, number = domain.fresh("x", one.who), domain.fresh("g", one.target), domain.fresh("i", COUNT)
    nobody, nothing = domain.none(one.who), domain.none(one.target)
    at = read(who) if one.place is None else target
    slot = tally.slot(at, who)
    has_slot = z3.And(slot >= 0, slot < tally.size(at), tally.holder(at, slot) == who)
    is_counted = at != nothing if one.place is None else z3.And(at != nothing, one.counts(read, at, who))
    holder = tally.holder(target, number)
    is_function = z3.is_app(holder) and holder.decl().kind() == z3.Z3_OP_UNINTERPRETED
    inside = z3.And(target != nothing, number >= 0, number < tally.size(target))
    held = z3.And(holder != nobody, one.counts(read, target, holder), tally.slot(target, holder) == number)
    return (
        z3.ForAll(
            [who] if one.place is None else [target, who], z3.Implies(z3.And(who != nobody, is_counted), has_slot)
        ),
        z3.ForAll([target, number], z3.Implies(inside, held), patterns=[holder] if is_function else []),
        z3.ForAll([target], tally.size(target) >= 0),
    )


def somebody_is_first(one: Counted, state: SymbolicState) -> Expr:
    """A consequence of the bijection, spelled out for the solver: where somebody is counted, somebody is first."""
    domain, tally = state.domain, state.tallies[one.name]
    target = domain.fresh("g", one.target)
    first = tally.holder(target, z3.IntVal(0, domain.context))
    somebody = z3.And(first != domain.none(one.who), one.counts(state.reads[one.field.name], target, first))
    return z3.ForAll([target], z3.Implies(z3.And(target != domain.none(one.target), tally.size(target) > 0), somebody))


def _pointed(one: Counted, effect: Assign, state: SymbolicState, env: Mapping[str, Expr]) -> Move:
    """The object whose pointer is assigned leaves what it pointed at, and joins what it points at."""
    (place,) = effect.target.args
    who, nothing = state.value(place, env), state.domain.none(one.target)
    was, now = state.reads[one.field.name](who), state.value(effect.value, env)
    happens = z3.And(who != state.domain.none(one.who), state.value(effect.where, env), was != now)
    return Move(who, z3.And(happens, was != nothing), was, z3.And(happens, now != nothing), now)


def _related(one: Counted, effect: Assign, state: SymbolicState, env: Mapping[str, Expr]) -> Move:
    """The object leaves or joins the target to which it is related."""
    assert one.place is not None  # noqa: S101  # a relation
    places = [state.value(a, env) for a in effect.target.args]
    who, target = places[one.place], places[1 - one.place]
    real = [
        place != state.domain.none(sort)
        for place, sort, argument in zip(places, one.field.domain, effect.target.args, strict=True)
        if isinstance(argument.type, Maybe)
    ]
    was, now = state.reads[one.field.name](*places), state.value(effect.value, env)
    happens = z3.And(*real, state.value(effect.where, env))
    return Move(who, z3.And(happens, was, z3.Not(now)), target, z3.And(happens, z3.Not(was), now), target)
