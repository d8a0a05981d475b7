"""Interleavings: what may come of two calls that are made at once, by every order of their steps that the rules permit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tenure.gate.memory import REMEMBERED
from tenure.gate.oracle import normal
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Paused, Rule, rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.types import written

NO_SUCH_FILE = Refused("EBADF")
"""What a call is answered whose file another one has closed: it cannot be made any more, and a kernel says so."""


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A call with its arguments as values of the language, by name, whoever makes it."""

    call: str
    args: tuple[tuple[str, int], ...]


End = tuple[tuple[Answer | None, ...], State]
"""What calls were answered, and a state in which nothing is due any more."""

_Status = tuple[str, int, int] | Answer | None
"""Of a call: not begun (the text is empty), in flight at a rule by an actor, or what it was answered; None: it never returns."""

_NOT_BEGUN: _Status = ("", 0, 0)


class Interleavings:
    """The steps of one system in a scope, with one actor for each call."""

    def __init__(self, system: System, scope: Scope) -> None:
        self.system = system
        self.rules = rules_of(system, Granularity.STEPS)
        self.machine = Machine(self.rules, scope)
        self._offered = [n for n, r in enumerate(self.rules.rules) if r.begins and not r.call.internal]
        self._internal = [n for n, r in enumerate(self.rules.rules) if r.call.internal]
        self.ends = lru_cache(REMEMBERED)(self._ends)

    def start(self) -> State:
        """The initial state; the scope leaves nothing open."""
        (state,) = self.machine.initial()
        return state

    def ways(self, state: State) -> Iterator[Asked]:
        """Every call that can be begun now; new objects take the lowest unused name."""
        for number in self._offered:
            rule = self.rules.rules[number]
            ways = dict.fromkeys(_arguments(rule, made) for made in self.machine.canonical(state, number))
            yield from (Asked(rule.call.name, args) for args in ways)

    def written(self, one: Asked) -> Mapping[str, str | int | bool]:
        """The arguments as people write them, by name."""
        parameters = self.rules.rules[self.machine.beginning(one.call)].call.parameters
        named = dict(one.args)
        return {p.name: written(p.type, named[p.name]) for p in parameters}

    def _ends(self, state: State, calls: tuple[Asked, ...]) -> frozenset[End]:
        """What may come of calls that are made at once, and of what the kernel does by itself, until nothing is due."""
        first = (state, (_NOT_BEGUN,) * len(calls))
        seen, frontier, found = {first}, [first], set()
        while frontier:
            now, statuses = frontier.pop()
            following = set(self._following(now, statuses, calls))
            if not following and all(not _runs(status) for status in statuses):
                found.add((tuple(_answer(status) for status in statuses), now))
            elif not following:
                following = {(now, tuple(_stuck(status) for status in statuses))}
            frontier += following - seen
            seen |= following
        return frozenset(found)

    def _following(
        self, state: State, statuses: tuple[_Status, ...], calls: tuple[Asked, ...]
    ) -> Iterator[tuple[State, tuple[_Status, ...]]]:
        """One step further: of a call that begins or goes on, or of the kernel by itself."""
        for index, (status, call) in enumerate(zip(statuses, calls, strict=True)):
            for made in self._steps(state, status, call):
                yield made.state, (*statuses[:index], self._status(made), *statuses[index + 1 :])
        for number in self._internal:
            for made in self.machine.canonical(state, number):
                yield made.state, statuses

    def _steps(self, state: State, status: _Status, call: Asked) -> list[Transition]:
        if status == _NOT_BEGUN:
            return self.machine.begin(state, call.call, dict(call.args))
        if isinstance(status, tuple):
            _, rule, actor = status
            return self.machine.proceed(state, rule, actor)
        return []

    def _status(self, made: Transition) -> _Status:
        outcome = self.machine.leaves[made.rule][made.leaf].outcome
        if isinstance(outcome, Paused):
            return (outcome.step, self.machine.continuing(outcome.step), self.machine.actor(made))
        return normal(self.machine.answer(made))


def _runs(status: _Status) -> bool:
    return isinstance(status, tuple)


def _answer(status: _Status) -> Answer | None:
    return None if isinstance(status, tuple) else status


def _stuck(status: _Status) -> _Status:
    """What becomes of a call that nothing helps any more: it cannot begin, or it sleeps for ever."""
    if status == _NOT_BEGUN:
        return NO_SUCH_FILE
    return None if isinstance(status, tuple) else status


def _arguments(rule: Rule, made: Transition) -> tuple[tuple[str, int], ...]:
    return tuple((p.name, v) for p, v in zip(rule.variables, made.args, strict=True) if p.name != "actor")
