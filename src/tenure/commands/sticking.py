"""Where a proof sticks: the step out of the claims, or the state that they allow, which somebody has to look at next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenure.search.explorer import trace_along
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.traces import Trace

if TYPE_CHECKING:
    from tenure.prover.induction import Proof  # a solver is loaded only where something is proved
    from tenure.prover.theory import Invariant

SIZES = (2, 3)
"""How many objects of every sort a counterexample is looked for with, in turn."""


@dataclass(frozen=True)
class Stuck:
    """A counterexample to induction: it satisfies every claim and need not be reachable."""

    reason: str
    trace: Trace


def where_stuck(
    rules: Rules, claims: tuple[Invariant, ...], properties: tuple[Invariant, ...], proof: Proof
) -> dict[str, Stuck]:
    """For each property left open for which one is found: the first claim that is not inductive, or the property itself."""
    by_name = {i.name: i for i in (*claims, *properties)}
    lost = [c.name for c in claims if c.name in proof.dropped]
    found: dict[str, Stuck] = {}
    for one in properties:
        if one.name in proof.proved:
            continue
        kept = tuple(c for c in claims if lost or c.name in proof.proved)
        for name in lost or [one.name]:
            stuck = _stuck(rules, kept, by_name[name], proof.dropped[name].obligation)
            if stuck is not None:
                found[one.name] = stuck
                break
    return found


def _stuck(rules: Rules, claims: tuple[Invariant, ...], goal: Invariant, obligation: str) -> Stuck | None:
    from tenure.prover import counterexamples  # as above

    path = obligation.removesuffix(" preserves").removesuffix(" obeys")
    for each in SIZES:
        if path == obligation:
            state = counterexamples.unimplied(rules, claims, goal, each)
            if state is not None:
                reason = f"{each} objects of every sort can satisfy all claims and not {goal.name}"
                return Stuck(reason, trace_along(*state, [], goal.name, reason))
            continue
        found = counterexamples.counterexample(rules, claims, path, goal, counterexamples.sizes(each))
        if found is not None:
            reason = (
                f"{path} leads from a state that satisfies all claims, reachable or not, to one without {goal.name}"
            )
            step = [(found.before, found.transition)]
            return Stuck(reason, trace_along(found.machine, found.before, step, goal.name, reason))
    return None
