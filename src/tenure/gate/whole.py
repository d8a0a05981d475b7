"""Whole calls: from every orbit of states, every call with every argument has the same answer and view in both tellings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tenure.gate.conform import Comparison, Conformance, Difference, followed, parting, reference_said
from tenure.gate.orbits import Bounds, History, Told, explore
from tenure.reference.kernel import NotCallable, WouldBlock
from tenure.reference.saving import Snapshot
from tenure.vocabulary.machine import Scope, State, Transition
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, Term


def conform_whole(
    system: System,
    scope: Scope,
    *,
    within: Term = TRUE,
    budget: float | None = None,
    most: int = 5,
    told: Told | None = None,
) -> Conformance:
    """Compare whole calls from every orbit of states that satisfies `within`."""
    both = Comparison(system, Granularity.WHOLE, scope)
    report = Conformance(system.id, str(scope), "whole calls")
    return explore(both, report, _whole_steps, Bounds(within, budget, most), told)


def _whole_steps(
    both: Comparison, state: State, snapshot: Snapshot, history: History, report: Conformance
) -> Iterator[tuple[State, Transition]]:
    """Every call from one state in both tellings; where they agree, the state after it, with the reference left there.

    Of several ways that the rules leave open, the reference goes one. Where a call left both as they were, what they show was
    compared when they came to be so, and the next call is made from there. Where it left the model so, the reference has to be
    so too, in what it does not show as well: nobody would come back to that.
    """
    stands = False
    for number in both.begins:
        for ways in _by_arguments(both.machine.canonical(state, number)):
            report.transitions += len(ways)
            if not stands:
                both.kernel.restore(snapshot)
            given = _given(both, ways[0])
            ends = {both.run_on(first): first for first in ways}
            last = followed(both, tuple(ends), given)
            stays = last is not None and last.state == state and not both.waits(last)
            stands = stays and both.kernel.is_at(snapshot)
            parted = parting(both, report, last, given, stands=stands)
            if parted is None and stays and not stands:
                parted = "all is as it was", "something that is not shown is not as it was"
            if parted is not None:
                report.differences.append(Difference((*history, both.words(ends[last])), *parted))
            elif last is not None:
                yield last.state, ends[last]


def _by_arguments(found: list[Transition]) -> Iterable[list[Transition]]:
    """The transitions of one rule from one state, those of one call together."""
    calls: dict[tuple[int, ...], list[Transition]] = {}
    for made in found:
        calls.setdefault(made.args, []).append(made)
    return calls.values()


def _given(both: Comparison, first: Transition) -> str:
    """What the reference says when this call is made where it stands."""
    try:
        return reference_said(both.kernel.do(both.rules.rules[first.rule].call.name, both.arguments(first)))
    except WouldBlock:
        return "blocks"
    except NotCallable:
        return "cannot be called"
