"""Formulas in a model of Z3: whether they are true there, asked many times over."""

from __future__ import annotations

import z3

from tenure.prover.logic import Expr


def truth(model: z3.ModelRef, formula: Expr) -> bool | None:
    """Whether the formula is true in the model; None where Z3 does not evaluate it.

    Z3 itself is asked: to make a Python expression of each answer would take most of the time.
    """
    found = (z3.Ast * 1)()
    known = z3.Z3_model_eval(formula.ctx_ref(), model.model, formula.as_ast(), True, found)  # noqa: FBT003  # Z3's own
    value = z3.Z3_get_bool_value(formula.ctx_ref(), found[0]) if known else z3.Z3_L_UNDEF
    return None if value == z3.Z3_L_UNDEF else bool(value == z3.Z3_L_TRUE)
