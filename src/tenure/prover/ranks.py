"""Ranks: a number for each lock and queue, such that whoever holds one waits only for higher ones."""

from __future__ import annotations

from collections.abc import Sequence

import z3

from tenure.vocabulary.lock_order import Edge, Node


def ranks(nodes: Sequence[Node], graph: Sequence[Edge]) -> dict[Node, int] | None:
    """Ranks that rise along every edge; None where there are none, so that some edges lead back to where they begin."""
    context = z3.Context()
    rank = {node: z3.Int(str(node), context) for node in nodes}
    solver = z3.Solver(ctx=context)
    for edge in graph:
        solver.add(rank[edge.first] < rank[edge.then])
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    found = {node: model.eval(r, model_completion=True).as_long() for node, r in rank.items()}
    assert all(found[e.first] < found[e.then] for e in graph)  # noqa: S101  # the proof is looked at, whoever found it
    return found


def in_words(found: dict[Node, int]) -> str:
    """The locks and queues by rank: ``a < b, c < d``."""
    levels = sorted(set(found.values()))
    return " < ".join(", ".join(sorted(str(n) for n, rank in found.items() if rank == level)) for level in levels)
