"""Random walks: long runs of whole calls through model and reference, shrunk by hypothesis where they part."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import hypothesis
from hypothesis import strategies
from hypothesis.errors import FlakyFailure

from tenure.gate.conform import Comparison, followed, reference_said, said, unlike
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope
from tenure.reference.kernel import NotCallable, WouldBlock
from tenure.vocabulary.machine import Machine, State, Transition
from tenure.vocabulary.systems import Granularity, System

LENGTH = 80

CHOICE = strategies.tuples(strategies.integers(0, 1_000), strategies.integers(0, 10_000))
"""Of a call, and of one of the ways in which it may begin."""


def _chosen(machine: Machine, begins: Sequence[int], state: State, call: int, way: int) -> Transition | None:
    """A beginning of the call that was chosen, or of the next one that can begin; calls with many arguments come no oftener."""
    at = call % len(begins)
    for rule in (*begins[at:], *begins[:at]):
        if ways := machine.canonical(state, rule):
            return ways[way % len(ways)]
    return None


class Parted(AssertionError):  # noqa: N818  # named for what it is
    """Model and reference said different things at the end of a walk."""


def random_walks(system: System, seed: int, *, seconds: float, walks: int = 400) -> tuple[int, str]:
    """How many walks were made, and the shortest one on which the two part; empty where none does."""
    scope = gate_scope(system)
    both = Comparison(system, Granularity.WHOLE, scope)
    oracle = Oracle(system, scope)
    begins = (*oracle.offered, *oracle.internal)
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
    @hypothesis.given(strategies.lists(CHOICE, min_size=1, max_size=LENGTH))
    def walk(choices: list[tuple[int, int]]) -> None:
        nonlocal made
        if time.monotonic() > deadline:
            return
        made += 1
        state = start
        both.kernel.restore(snapshot)
        history: list[str] = []
        for choice in choices:
            first = _chosen(both.machine, begins, state, *choice)
            if first is None:
                return
            history.append(both.words(first))
            ends = [both.run_on(one) for one in both.alike(state, first)]
            try:
                given = reference_said(both.kernel.do(both.rules.rules[first.rule].call.name, both.arguments(first)))
            except WouldBlock:
                given = "blocks"
            except NotCallable:
                given = "cannot be called"
            last = followed(both, ends, given)
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
