"""Z3's expressions of expressions whose sorts are known to fit: terms are typed, and Z3 itself refuses what does not fit.

The wrappers of the bindings look up and compare the sorts of all that they are given, which takes most of the time of building a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import z3

Expr = Any
"""A Z3 expression; the bindings carry no usable types."""


def equal(left: Expr, right: Expr) -> Expr:
    """Both are the same; the special comes first, a number or a quantifier, as where Python asks `==` of a subclass first."""
    if type(left) is not type(right) and isinstance(right, type(left)):
        left, right = right, left
    return z3.BoolRef(z3.Z3_mk_eq(left.ctx_ref(), left.ast, right.ast), left.ctx)


def different(left: Expr, right: Expr) -> Expr:
    """They are not the same."""
    return z3.BoolRef(z3.Z3_mk_distinct(left.ctx_ref(), 2, _array((left, right))), left.ctx)


def negated(one: Expr) -> Expr:
    """It is false."""
    return z3.BoolRef(z3.Z3_mk_not(one.ctx_ref(), one.ast), one.ctx)


def conjunction(several: Sequence[Expr], context: z3.Context) -> Expr:
    """All are true."""
    return z3.BoolRef(z3.Z3_mk_and(context.ref(), len(several), _array(several)), context)


def disjunction(several: Sequence[Expr], context: z3.Context) -> Expr:
    """Some are true."""
    return z3.BoolRef(z3.Z3_mk_or(context.ref(), len(several), _array(several)), context)


def implied(premise: Expr, conclusion: Expr) -> Expr:
    """The second is true where the first is."""
    return z3.BoolRef(z3.Z3_mk_implies(premise.ctx_ref(), premise.ast, conclusion.ast), premise.ctx)


def choice(condition: Expr, then: Expr, other: Expr) -> Expr:
    """One of two of the same sort."""
    kind = next((one for one in (z3.BoolRef, z3.ArithRef) if isinstance(then, one)), type(then))
    return kind(z3.Z3_mk_ite(condition.ctx_ref(), condition.ast, then.ast, other.ast), condition.ctx)


def function(
    name: str, domain: Sequence[Any], value: Any
) -> Callable[..., Expr]:  # Z3's sorts have no common usable type
    """An uninterpreted function, to be applied to expressions of the sorts of its domain."""
    made = z3.Function(name, *domain, value)
    kind = type(made(*(z3.Const("any", sort) for sort in domain)))

    def applied(*to: Expr) -> Expr:
        if len(to) != len(domain):
            raise TypeError(f"{name} is of {len(domain)} and not of {len(to)}")
        return kind(z3.Z3_mk_app(made.ctx_ref(), made.ast, len(to), _array(to)), made.ctx)

    return applied


def _array(several: Sequence[Expr]) -> Any:
    return (z3.Ast * len(several))(*[one.ast for one in several])
