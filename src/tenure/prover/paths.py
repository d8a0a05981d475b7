"""Paths: one way through a rule as a symbolic step, with the condition under which it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from tenure.prover.expressions import Expr
from tenure.prover.logic import SymbolicState
from tenure.vocabulary.rules import Branch, End, Node, Outcome, Rule
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import parts

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Path:
    """A rule taken along certain branches: what it assumes of the state before, and the state after."""

    rule: Rule
    number: int
    branches: tuple[Branch, ...]
    outcome: Outcome
    conditions: list[Expr]
    env: dict[str, Expr]
    """The variables as they are at the end: arguments, locals and what was picked."""
    before: SymbolicState
    after: SymbolicState
    arguments: dict[str, Expr]
    """The unknowns that stand for the rule's arguments, whatever a step assigns to their names."""
    picked: tuple[Expr, ...] = ()
    """The unknowns that stand for the objects picked, in order."""

    @property
    def name(self) -> str:
        """The branches taken."""
        return "+".join(b.name for b in self.branches)

    @property
    def assigned(self) -> frozenset[str]:
        """The fields that the path assigns."""
        return frozenset(e.field.name for b in self.branches for e in b.effects if e.field is not None)

    @property
    def concerns(self) -> frozenset[str]:
        """The fields that the path reads or assigns."""
        terms = [self.rule.when]
        for branch in self.branches:
            terms.append(branch.when)
            for effect in branch.effects:
                terms += [effect.target, effect.value, effect.where]
        return frozenset(p.data.name for t in terms for p in parts(t) if isinstance(p.data, Field))


def paths_of(rule: Rule, before: SymbolicState) -> Iterator[Path]:
    """Every path of a rule from a symbolic state, with fresh unknowns for its arguments, in the order of its leaves."""
    env = {p.name: before.domain.fresh(p.name, p.type) for p in rule.variables}
    typed = [before.domain.is_object(p.type, env[p.name]) for p in rule.variables]
    start = [*typed, before.value(rule.when, env)]
    for number, (branches, conditions, local, after, picked) in enumerate(_walk(rule.root, before, env, start)):
        end = branches[-1].then
        assert isinstance(end, End)  # noqa: S101  # `_walk` stops at ends
        yield Path(rule, number, branches, end.outcome, conditions, local, before, after, env, picked)


def _walk(
    node: Node,
    state: SymbolicState,
    env: dict[str, Expr],
    conditions: list[Expr],
    taken: tuple[Branch, ...] = (),
    picked: tuple[Expr, ...] = (),
) -> Iterator[tuple[tuple[Branch, ...], list[Expr], dict[str, Expr], SymbolicState, tuple[Expr, ...]]]:
    earlier: list[Expr] = []
    for branch in node.branches:
        local = dict(env)
        here = state.value(branch.when, local)
        needed = [*conditions, *earlier, here]
        chosen = picked
        if branch.pick is None:
            earlier.append(z3.Not(here))
        else:
            kind = branch.pick.variable.type
            one = state.domain.fresh("picked", kind)
            local[str(branch.pick.variable.data)] = one
            needed += [state.domain.is_object(kind, one), state.value(branch.pick.where, local)]
            chosen = (*picked, one)
            earlier.append(z3.Not(z3.And(here, _somebody(branch, state, env))))
        after, local = state.after(branch.effects, local)
        if isinstance(branch.then, Node):
            yield from _walk(branch.then, after, local, needed, (*taken, branch), chosen)
        else:
            yield (*taken, branch), needed, local, after, chosen


def _somebody(branch: Branch, state: SymbolicState, env: dict[str, Expr]) -> Expr:
    """Some object can be picked: what the ordered choice tests, in both readings."""
    pick = branch.pick
    assert pick is not None  # noqa: S101  # the caller looked
    name = str(pick.variable.data)
    if state.domain.sizes is not None:
        sort = pick.variable.type
        options = [state.value(pick.where, {**env, name: e}) for e in state.domain.elements(sort)]  # type: ignore[arg-type]  # picks are objects
        return z3.Or(*options, state.domain.context)
    bound = state.domain.fresh("any", pick.variable.type)
    where = state.value(pick.where, {**env, name: bound})
    return z3.Exists([bound], z3.And(state.domain.is_object(pick.variable.type, bound), where))
