"""The peers of our proofs: solvers as they come, one text at a time, and no choice of premises of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cvc5
import z3

from tenure.prover.induction import RLIMIT
from tenure.prover.second import cvc5_verdict


def plain_z3(text: str) -> str:
    """What Z3 says with its own defaults, within the limit that ours has."""
    solver = z3.Solver(ctx=z3.Context())
    solver.set("rlimit", RLIMIT)
    solver.from_string(text)
    return str(solver.check())


SOLVERS: Mapping[str, Callable[[str], str]] = {
    f"Z3 {z3.get_version_string()} as it comes": plain_z3,
    f"cvc5 {cvc5.__version__} as it comes": cvc5_verdict,
}
