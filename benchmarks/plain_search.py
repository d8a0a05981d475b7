"""A breadth-first search as anybody would write it first: a queue and a dictionary of parents over the same transitions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tenure.vocabulary.machine import Machine, State


@dataclass(frozen=True, slots=True)
class Searched:
    """How far a plain search came: the length of the run to its goal, None where it met none."""

    states: int
    transitions: int
    length: int | None


def plain_search(
    machine: Machine, calls: frozenset[str] | None, goal: Callable[[State], bool] | None, limit: int | None = None
) -> Searched:
    """From the initial states by these calls (None: all), until the goal holds, there are `limit` states, or all are seen."""
    numbers = [i for i, rule in enumerate(machine.rules.rules) if calls is None or rule.call.name in calls]
    parents: dict[State, State | None] = dict.fromkeys(machine.initial())
    queue = deque(parents)
    transitions = 0
    while queue and (limit is None or len(parents) < limit):
        state = queue.popleft()
        for number in numbers:
            for made in machine.canonical(state, number):
                transitions += 1
                if made.state not in parents:
                    parents[made.state] = state
                    queue.append(made.state)
                    if goal is not None and goal(made.state):
                        return Searched(len(parents), transitions, _length(parents, made.state))
    return Searched(len(parents), transitions, None)


def _length(parents: dict[State, State | None], state: State) -> int:
    length = 0
    while (before := parents[state]) is not None:
        state, length = before, length + 1
    return length
