"""The oracle: for a state and a call, every answer that the rules permit, and the states that may follow each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, overload

from tenure.gate.memory import REMEMBERED, Memory
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rule, Rules, rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.types import written

Outcomes = dict[Answer | None, frozenset[State]]
"""For each permitted answer (None: the call never returns), the quiescent states that may follow it."""


class Made(NamedTuple):
    """A call as an actor makes it: its name, and its arguments as values of the language in the order of its parameters."""

    call: str
    args: tuple[int, ...]


def normal(answer: Answer | None) -> Answer | None:
    """An answer whose values stand in the order of their names, as subjects give them."""
    return Done(tuple(sorted(answer.values))) if isinstance(answer, Done) else answer


class Ways(Sequence[Made]):
    """The ways in which a call can be made: many, of which few are ever looked at."""

    def __init__(self, call: str, arguments: Sequence[tuple[int, ...]]) -> None:
        self._call = call
        self._arguments = arguments

    def __len__(self) -> int:
        return len(self._arguments)

    @overload
    def __getitem__(self, number: int) -> Made: ...

    @overload
    def __getitem__(self, number: slice) -> Ways: ...

    def __getitem__(self, number: int | slice) -> Made | Ways:
        if isinstance(number, slice):
            return Ways(self._call, self._arguments[number])
        return Made(self._call, self._arguments[number])


class Oracle:
    """The rules of a system, asked call by call as a sequential implementation meets them.

    Releases that become due happen before the next call, in any order.
    """

    def __init__(self, system: System, scope: Scope) -> None:
        self.system = system
        self.rules: Rules = rules_of(system, Granularity.WHOLE)
        self.machine = Machine(self.rules, scope)
        self.internal = tuple(i for i, r in enumerate(self.rules.rules) if r.call.internal and r.begins)
        self.offered = tuple(i for i, r in enumerate(self.rules.rules) if not r.call.internal and r.begins)
        self.settled = lru_cache(REMEMBERED)(self._settled)
        self._known = lru_cache(REMEMBERED)(self._known_of)
        self._written = Memory(self._in_words)

    def start(self) -> State:
        """The initial state; the scope leaves nothing open."""
        (state,) = self.machine.initial()
        return state

    def offers(self, state: State) -> Mapping[int, Ways]:
        """By rule, every way in which its call can be made now: new objects under the lowest unused name, none that sleeps."""
        offers, _ = self._known(state)
        return offers

    def outcomes(self, state: State, made: Made) -> Outcomes:
        """What the rules permit; empty where the call cannot be made, or would sleep for ever if nothing else happened."""
        _, outcomes = self._known(state)
        return outcomes[made]

    def _known_of(self, state: State) -> tuple[Memory[int, Ways], Memory[Made, Outcomes]]:
        """The offers of a state and the outcomes of calls in it, each worked out when it is first asked for."""
        return Memory(lambda number: self._ways(state, number)), Memory(lambda made: self._answers(state, made))

    def _ways(self, state: State, number: int) -> Ways:
        call = self.rules.rules[number].call
        if not any(step.waits for step in call.steps):
            return Ways(call.name, self.machine.arguments(state, number))
        goes: dict[tuple[int, ...], bool] = {}
        for first in self.machine.canonical(state, number):
            args = first.args
            goes[args] = goes.get(args, False) or bool(self._finished(first, Made(call.name, args)))
        return Ways(call.name, [args for args, ends in goes.items() if ends])

    def _answers(self, state: State, made: Made) -> Outcomes:
        found: dict[Answer | None, frozenset[State]] = {}
        number = self.machine.beginning(made.call)
        rule = self.rules.rules[number]
        arguments = _named(rule, made)
        for first in self.machine.begin(state, made.call, arguments):
            for last in self._finished(first, made):
                answer = normal(self.machine.answer(last))
                settled = self.settled(last.state)
                found[answer] = found[answer] | settled if answer in found else settled
        return found

    def _finished(self, made: Transition, call: Made) -> list[Transition]:
        """The ends of a call that sleeps: as far as it can go while nothing else happens."""
        if not self.machine.pauses(made):
            return [made]
        actor = self.machine.actor(made)
        found = []
        for number, rule in enumerate(self.rules.rules):
            if not rule.begins and rule.call.name == call.call:
                for after in self.machine.proceed(made.state, number, actor):
                    found += self._finished(after, call)
        return found

    def _settled(self, state: State) -> frozenset[State]:
        """The states in which no release is due any more, whatever the order of the releases was."""
        after = [last for number in self.internal for last in self._released(state, number)]
        return frozenset().union(*(self.settled(last.state) for last in after)) if after else frozenset({state})

    def _released(self, state: State, number: int) -> list[Transition]:
        """The ends of a release that is due, which may sleep on its way."""
        name = self.rules.rules[number].call.name
        ways = self.machine.canonical(state, number)
        return [last for first in ways for last in self._finished(first, Made(name, first.args))]

    def beginning(self, call: str) -> int:
        """The number of the rule that begins this call."""
        return self.machine.beginning(call)

    def reason(self, state: State, made: Made, answer: Answer | None) -> str:
        """Why the rules answer so, in the words of the case that is taken; empty where it has none."""
        rule = self.rules.rules[self.machine.beginning(made.call)]
        arguments = _named(rule, made)
        for one in self.machine.begin(state, made.call, arguments):
            if not self.machine.pauses(one) and normal(self.machine.answer(one)) == answer:
                return self.machine.leaves[one.rule][one.leaf].path[-1].why
        return ""

    def arguments(self, made: Made) -> Mapping[str, str | int | bool]:
        """The arguments in written form, by name."""
        return self._written[made]

    def _in_words(self, made: Made) -> Mapping[str, str | int | bool]:
        rule = self.rules.rules[self.machine.beginning(made.call)]
        named = _named(rule, made)
        return {p.name: written(p.type, named[p.name]) for p in rule.call.parameters}


def _named(rule: Rule, made: Made) -> dict[str, int]:
    """The arguments by name; a thread that whoever makes the call did not name is the first."""
    unnamed = len(rule.variables) - len(made.args)
    return {p.name: v for p, v in zip(rule.variables, (*(0,) * unnamed, *made.args), strict=True)}
