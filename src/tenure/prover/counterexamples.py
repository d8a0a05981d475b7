"""Counterexamples to induction: states that satisfy every invariant, and a step to one that does not.

They need not be reachable, and are never mixed with those that are. Each is found over sorts of a few objects, decoded
into a state of the Python reading and confirmed by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import z3

from tenure.prover.expressions import Expr
from tenure.prover.logic import SymbolicState
from tenure.prover.theory import Invariant, Theory
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.objects import SORTS
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import at_step
from tenure.vocabulary.symbols import Field, Role
from tenure.vocabulary.types import NONE, Choice, Count, Flag, Maybe, Sort, Value, sort_of

RLIMIT = 50_000_000


def sizes(each: int) -> dict[str, int]:
    """So many objects of every sort."""
    return {sort.name: each for sort in SORTS}


def populated(rules: Rules, claims: tuple[Invariant, ...], each: int = 2) -> tuple[Machine, State] | None:
    """A state of so many objects of every sort that satisfies the claims; None where there is none, and they say nothing."""
    theory = Theory(rules, claims, (), sizes(each))
    return _state(theory)


def unimplied(
    rules: Rules, claims: tuple[Invariant, ...], goal: Invariant, each: int = 2
) -> tuple[Machine, State] | None:
    """A state of so many objects of every sort that satisfies the claims and not `goal`; None where there is none."""
    theory = Theory(rules, claims, (goal,), sizes(each))
    return _state(theory, theory.somewhere_false(goal, goal.body, theory.before, None))


def _state(theory: Theory, *more: Expr) -> tuple[Machine, State] | None:
    solver = z3.Solver(ctx=theory.domain.context)
    solver.set("rlimit", RLIMIT)
    solver.add(*theory.assumptions, *more)
    return decoded(theory.rules, theory.before, solver.model()) if solver.check() == z3.sat else None


@dataclass(frozen=True)
class Counterexample:
    """A step out of the invariants: a state in which all hold, and the transition after which `goal` does not."""

    goal: str
    path: str
    machine: Machine
    before: State
    transition: Transition


def counterexample(
    rules: Rules, claims: tuple[Invariant, ...], path_name: str, goal: Invariant, of: Mapping[str, int]
) -> Counterexample | None:
    """A confirmed counterexample to induction at these sizes, or None where there is none; RuntimeError if unconfirmed."""
    theory = Theory(rules, claims, (goal,), of)
    for path in theory.paths():
        if path.name == path_name:
            solver = z3.Solver(ctx=theory.domain.context)
            solver.set("rlimit", RLIMIT)
            body = at_step(goal.body, path.rule, path.outcome) if goal.about_steps else goal.body
            solver.add(*theory.assumptions, *path.conditions, theory.somewhere_false(goal, body, path.after, path))
            if solver.check() != z3.sat:
                return None
            return _confirmed(theory, solver.model(), path.rule.name, path_name, goal.name, path.arguments)
    return None


def _confirmed(  # what was asked, and the model that answers
    theory: Theory, model: z3.ModelRef, rule: str, path: str, goal: str, env: Mapping[str, Expr]
) -> Counterexample:
    """The solver's model as a step that the Python reading makes too."""
    machine, state = decoded(theory.rules, theory.before, model)
    number = next(i for i, r in enumerate(theory.rules.rules) if r.name == rule)
    args = tuple(
        int(constant(theory.before, p.type, model.eval(env[p.name], model_completion=True)))
        for p in theory.rules.rules[number].variables
    )
    for made in machine.exact(state, number):
        if made.args == args and machine.leaves[number][made.leaf].name == path:
            return Counterexample(goal, path, machine, state, made)
    message = f"the two readings disagree: Z3 steps through {path}, Python does not"
    raise RuntimeError(message)


def decoded(rules: Rules, state: SymbolicState, model: z3.ModelRef) -> tuple[Machine, State]:
    """A model's state in the Python reading, with a machine of its size and its fixed fields."""
    domain = state.domain
    assert domain.sizes is not None  # noqa: S101  # models are decoded over finite sorts only

    def values(one: Field) -> tuple[Value, ...]:
        places = _places(one, state)
        return tuple(
            constant(state, one.value, model.eval(state.reads[one.name](*p), model_completion=True)) for p in places
        )

    fixed = {f.name: values(f) for f in rules.fields if f.role is Role.FIXED}
    machine = Machine(rules, Scope(dict(domain.sizes), fixed))
    return machine, tuple(int(v) for one in machine.layout.fields for v in values(one))


def _places(one: Field, state: SymbolicState) -> list[tuple[Expr, ...]]:
    found: list[tuple[Expr, ...]] = [()]
    for sort in one.domain:
        found = [(*p, e) for p in found for e in state.domain.elements(sort)]
    return found


def constant(state: SymbolicState, kind: object, expr: Expr) -> Value:
    """A Z3 constant as a value of the language."""
    match kind:
        case Flag():
            return bool(z3.is_true(expr))
        case Count():
            return int(expr.as_long())
        case Choice():
            return next(i for i, e in enumerate(state.domain.choices(kind)) if e.eq(expr))
        case Maybe() | Sort():
            sort = sort_of(kind)
            assert sort is not None  # noqa: S101  # both point into a sort
            return next((i for i, e in enumerate(state.domain.elements(sort)) if e.eq(expr)), NONE)
    message = f"{kind} has no values"
    raise TypeError(message)
