"""Random walks: long runs of whole calls through model and reference, shrunk by hypothesis where they part."""

from __future__ import annotations

import contextlib
import time

import hypothesis
from hypothesis import strategies
from hypothesis.errors import FlakyFailure

from tenure.gate.conform import Comparison, reference_said, said, unlike
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope
from tenure.reference.kernel import NotCallable, WouldBlock
from tenure.vocabulary.machine import Transition
from tenure.vocabulary.systems import Granularity, System

LENGTH = 80


class Parted(AssertionError):  # noqa: N818  # named for what it is
    """Model and reference said different things at the end of a walk."""


def _way_gone(both: Comparison, ends: list[Transition | None], given: str) -> Transition | None:
    """Of the ways that the rules leave open the one that the reference went; None where there is but one, or it went none."""
    if len(ends) == 1:
        return None
    shown = both.kernel.observe()
    return next((e for e in ends if e and said(both.machine.answer(e)) == given and both.view(e.state) == shown), None)


def random_walks(system: System, seed: int, *, seconds: float, walks: int = 400) -> tuple[int, str]:
    """How many walks were made, and the shortest one on which the two part; empty where none does."""
    scope = gate_scope(system)
    both = Comparison(system, Granularity.WHOLE, scope)
    oracle = Oracle(system, scope)
    start, snapshot = both.start()
    deadline = time.monotonic() + seconds
    made = 0
    shortest: list[str] = []

    def noted(lines: list[str]) -> Parted:
        """Keep the shortest walk so far: time may end while hypothesis still shrinks it."""
        if not shortest or len(lines) < len(shortest):
            shortest[:] = lines
        return Parted()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=walks,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
    )
    @hypothesis.given(strategies.lists(strategies.integers(0, 10_000), min_size=1, max_size=LENGTH))
    def walk(choices: list[int]) -> None:
        nonlocal made
        if time.monotonic() > deadline:
            return
        made += 1
        state = start
        both.kernel.restore(snapshot)
        history: list[str] = []
        for choice in choices:
            offers = [o for n in (*oracle.offered, *oracle.internal) for o in both.machine.canonical(state, n)]
            if not offers:
                return
            first = offers[choice % len(offers)]
            history.append(both.words(first))
            last = both.run_on(first)
            try:
                given = reference_said(both.kernel.do(both.rules.rules[first.rule].call.name, both.arguments(first)))
            except WouldBlock:
                given = "blocks"
            except NotCallable:
                given = "cannot be called"
            last = _way_gone(both, [both.run_on(one) for one in both.alike(state, first)], given) or last
            expected = "blocks" if last is None else said(both.machine.answer(last))
            if given != expected:
                raise noted([*history, f"model: {expected}", f"reference: {given}"])
            if last is None:
                continue
            state = last.state
            if (shown := both.kernel.observe()) != (wanted := both.view(state)):
                model, reference = unlike(wanted, shown)
                raise noted([*history, f"model: {model}", f"reference: {reference}"])
            if not both.modelled(state):
                return

    with contextlib.suppress(Parted, FlakyFailure):
        walk()
    return made, "\n".join(shortest)
