"""The row LOCKS: an order in which every step takes its locks, or threads that block one another for ever."""

from __future__ import annotations

from tenure.search.deadlocks import MOST_THREADS, deadlock
from tenure.vocabulary.lock_order import Edge, Node, edges, entangled, never_woken, nodes, shortest_cycle
from tenure.vocabulary.locks import Lock
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.verdicts import Row, Verdict

LOCKS = "LOCKS"
"""The row that says whether calls wait for locks and for one another in an order, so that none waits for ever."""

SENTENCE = "Threads that hold locks wait only for what is higher in one order, so none of them waits for ever."


def locks_row(system: System) -> Row:
    """Ranks prove the order; where there are none, a schedule shows threads blocked for ever, or the row says it did not."""
    named, graph = nodes(system), edges(system)
    asleep = never_woken(system)
    if not any(isinstance(n, Lock) for n in named):
        return _row(system, Verdict.NOT_APPLICABLE, "no step declares a lock: there is nothing to order")
    if asleep:
        message = f"{asleep[0]}, and no step is declared to wake it; give the steps that do so `wakes`"
        return _row(system, Verdict.UNKNOWN, message)
    return _ordered(system, named, graph)


def _ordered(system: System, named: tuple[Node, ...], graph: tuple[Edge, ...]) -> Row:
    from tenure.prover.ranks import in_words, ranks  # a solver is loaded only where something is proved

    found = ranks(named, graph)
    if found is not None:
        return _row(system, Verdict.PROVED, f"ranks: {in_words(found)}")
    cycle = shortest_cycle(graph)
    if not cycle:
        return _row(system, Verdict.UNKNOWN, "the solver gives no ranks, and there is no cycle: it gave up")
    told = "; ".join(map(str, cycle))
    threads = max(2, len(cycle))
    trace = deadlock(system, entangled(graph), threads)
    if trace is None:
        most = min(threads, MOST_THREADS)
        return _row(system, Verdict.SEARCHED, f"no ranks: {told}; no schedule of up to {most} threads blocks for ever")
    row = _row(system, Verdict.REFUTED, f"over classes of locks, conditions not looked at: {told}")
    return Row(*row.key(), row.verdict, row.reason, len(trace), 0.0, trace)


def _row(system: System, verdict: Verdict, reason: str) -> Row:
    return Row(system.name, system.variant, Granularity.STEPS.value, LOCKS, verdict, reason)
