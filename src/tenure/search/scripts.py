"""Scripts: runs that are told a step at a time, to cases so deep that no search of a few objects comes to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenure.vocabulary.machine import Event, Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rules


@dataclass(frozen=True, slots=True)
class Script:
    """What is done, a line each: who, a step or a whole call, and arguments where they matter.

    `th0 get_device_fd.check_users` is one step; `th0 get_device_fd` begins the call or goes on with it, and ends it. What a
    line leaves open is tried in every way. A thread that begins a call is the first one that is free.
    """

    system: str
    takes: str
    """The case of a step for whose sake it is told."""
    scope: Scope
    lines: tuple[str, ...]
    whole: bool = False
    """It is told where calls are whole, too."""

    def __str__(self) -> str:
        return f"{self.system} to {self.takes}"


def play(rules: Rules, script: Script) -> frozenset[str]:
    """The cases of steps that the script's runs take; LookupError where none goes on by its next line, or to its case."""
    machine = Machine(rules, script.scope)
    states = set(machine.initial())
    taken: set[str] = set()
    for line in script.lines:
        states = _line(machine, states, line, taken)
        if not states:
            raise LookupError(f"{script}: no run goes on by {line!r}")
    if script.takes not in taken:
        raise LookupError(f"{script}: no run takes it")
    return frozenset(taken)


def _line(machine: Machine, states: set[State], line: str, taken: set[str]) -> set[State]:
    """The states after a line, from any of `states`."""
    ended: set[State] = set()
    while states:
        going: set[State] = set()
        for state in states:
            for made in _matching(machine, state, line):
                taken.update(b.name for b in machine.leaves[made.rule][made.leaf].path)
                goes_on = "." not in _step(line) and machine.pauses(made)
                (going if goes_on else ended).add(made.state)
        states = going
    return ended


def _matching(machine: Machine, state: State, line: str) -> Iterator[Transition]:
    for number, rule in enumerate(machine.rules.rules):
        if rule.call.name != _step(line).partition(".")[0]:
            continue
        for made in machine.canonical(state, number):
            if _agrees(machine.event(state, made), line, begins=rule.begins):
                yield made


def _agrees(event: Event, line: str, *, begins: bool) -> bool:
    """The event is by the line's actor, at its step, with its arguments, all of which it shows where the call begins."""
    *actor, step = [w for w in line.split() if "=" not in w]
    wanted = dict(w.split("=") for w in line.split() if "=" in w)
    shown = dict(event.arguments)
    return (
        actor in ([], [event.actor])
        and step in {event.step, event.call}
        and all(str(shown[name]) == value if name in shown else not begins for name, value in wanted.items())
    )


def _step(line: str) -> str:
    return [w for w in line.split() if "=" not in w][-1]
