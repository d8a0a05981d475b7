"""Formulas in a model of Z3, and with values for their unknowns: asked many times over."""

from __future__ import annotations

from collections.abc import Sequence

import z3

from tenure.prover.expressions import Expr


def truth(model: z3.ModelRef, formula: Expr) -> bool | None:
    """Whether the formula is true in the model; None where Z3 does not evaluate it.

    Z3 itself is asked: to make a Python expression of each answer would take most of the time.
    """
    found = (z3.Ast * 1)()
    context = formula.ctx_ref()
    known = z3.Z3_model_eval(context, model.model, formula.as_ast(), True, found)  # noqa: FBT003  # Z3's own
    value = z3.Z3_get_bool_value(context, found[0]) if known else z3.Z3_L_UNDEF
    return None if value == z3.Z3_L_UNDEF else bool(value == z3.Z3_L_TRUE)


def replaced(formula: Expr, unknowns: Sequence[Expr], values: Sequence[Expr]) -> Expr:
    """A condition with each unknown replaced by a value of its sort: `z3.substitute` compares all sorts first."""
    number = len(unknowns)
    if not number:
        return formula
    old, new = ((z3.Ast * number)(*(one.as_ast() for one in several)) for several in (unknowns, values))
    return z3.BoolRef(z3.Z3_substitute(formula.ctx_ref(), formula.as_ast(), number, old, new), formula.ctx)
