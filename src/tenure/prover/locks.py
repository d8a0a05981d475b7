"""Locks: an order in which every step takes them, or steps of which each holds what the next one waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import z3

from tenure.models.locks import LOCKS_OF_RELEASE
from tenure.vocabulary.calls import Step
from tenure.vocabulary.systems import System


@dataclass(frozen=True)
class Hold:
    """While it holds one lock, a step takes another: by itself, or in the release of what it drops."""

    step: str
    held: str
    taken: str
    dropped: str = ""

    def __str__(self) -> str:
        by = f" to release the {self.dropped}" if self.dropped else ""
        return f"{self.step} holds {self.held} and waits for {self.taken}{by}"


@dataclass(frozen=True)
class Cycle:
    """Threads that block one another for ever, each holding what the one before waits for; one may block itself."""

    holds: tuple[Hold, ...]

    def __str__(self) -> str:
        return "\n".join(f"thread {number}: {hold}" for number, hold in enumerate(self.holds))


def ranks(system: System, releases: Mapping[str, tuple[str, ...]] = LOCKS_OF_RELEASE) -> dict[str, int] | Cycle:
    """A rank for each lock such that no step takes one while it holds another of the same rank or a higher."""
    holds = list(dict.fromkeys(_holds(system, releases)))
    names = sorted({lock for c in system.calls for s in c.steps for lock in _locks(s, releases)})
    context = z3.Context()
    rank = {name: z3.Int(name, context) for name in names}
    solver = z3.Solver(ctx=context)
    solver.set("core.minimize", True)  # noqa: FBT003  # Z3's own interface
    solver.add(*(r >= 0 for r in rank.values()))
    for number, one in enumerate(holds):
        solver.assert_and_track(rank[one.held] < rank[one.taken], str(number))
    if solver.check() == z3.unsat:
        return _cycle([holds[int(str(label))] for label in solver.unsat_core()])
    model = solver.model()
    return {name: model.eval(r, model_completion=True).as_long() for name, r in rank.items()}


def _holds(system: System, releases: Mapping[str, tuple[str, ...]]) -> Iterator[Hold]:
    """Each pair of locks of which a step takes the second under the first."""
    for call in system.calls:
        for step in call.steps:
            name = call.qualified(step.name)
            for position, held in enumerate(step.locks):
                yield from (Hold(name, held, taken) for taken in step.locks[position + 1 :])
                yield from (Hold(name, held, lock, kind) for kind in step.drops for lock in releases[kind])


def _locks(step: Step, releases: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {*step.locks, *(lock for kind in step.drops for lock in releases[kind])}


def _cycle(core: list[Hold]) -> Cycle:
    """The holds of a smallest contradiction, in the order in which they meet."""
    following = {one.held: one for one in core}
    first = core[0]
    found = [first]
    while found[-1].taken != first.held:
        found.append(following[found[-1].taken])
    return Cycle(tuple(found))
