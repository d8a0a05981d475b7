"""The oracle: for a state and a call, every answer that the rules permit, and the states that may follow each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.types import written

Outcomes = dict[Answer | None, frozenset[State]]
"""For each permitted answer (None: the call never returns), the quiescent states that may follow it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call as an actor makes it: its name, and its arguments as values of the language in the order of its parameters."""

    call: str
    args: tuple[int, ...]


def normal(answer: Answer | None) -> Answer | None:
    """An answer whose values stand in the order of their names, as subjects give them."""
    return Done(tuple(sorted(answer.values))) if isinstance(answer, Done) else answer


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
        self._beginning = {r.call.name: i for i, r in enumerate(self.rules.rules) if r.begins}
        self._outcomes: dict[tuple[State, Made], Outcomes] = {}
        self._offers: dict[tuple[State, int], tuple[Made, ...]] = {}
        self._written: dict[Made, Mapping[str, str | int | bool]] = {}
        self._settled: dict[State, frozenset[State]] = {}

    def start(self) -> State:
        """The initial state; the scope leaves nothing open."""
        (state,) = self.machine.initial()
        return state

    def offers(self, state: State, number: int) -> tuple[Made, ...]:
        """Every way in which this rule's call can be made now: new objects under the lowest unused name, none that sleeps."""
        key = (state, number)
        found = self._offers.get(key)
        if found is None:
            name = self.rules.rules[number].call.name
            made = (Made(name, args) for args in dict.fromkeys(t.args for t in self.machine.canonical(state, number)))
            sleeps = any(s.waits for s in self.rules.rules[number].call.steps)
            found = tuple(m for m in made if not sleeps or self.outcomes(state, m))
            self._offers[key] = found
        return found

    def outcomes(self, state: State, made: Made) -> Outcomes:
        """What the rules permit; empty where the call cannot be made, or would sleep for ever if nothing else happened."""
        key = (state, made)
        found = self._outcomes.get(key)
        if found is None:
            found = self._outcomes[key] = self._answers(state, made)
        return found

    def _answers(self, state: State, made: Made) -> Outcomes:
        found: dict[Answer | None, frozenset[State]] = {}
        number = self._beginning[made.call]
        rule = self.rules.rules[number]
        arguments = {p.name: v for p, v in zip(rule.variables, made.args, strict=True)}
        for first in self.machine.begin(state, made.call, arguments):
            for last in self._finished(first, made):
                answer = normal(self.machine.answer(last))
                found[answer] = found.get(answer, frozenset()) | self.settled(last.state)
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

    def settled(self, state: State) -> frozenset[State]:
        """The states in which no release is due any more, whatever the order of the releases was."""
        found = self._settled.get(state)
        if found is None:
            after = [t for number in self.internal for t in self.machine.canonical(state, number)]
            found = frozenset({state}) if not after else frozenset().union(*(self.settled(t.state) for t in after))
            self._settled[state] = found
        return found

    def beginning(self, call: str) -> int:
        """The number of the rule that begins this call."""
        return self._beginning[call]

    def reason(self, state: State, made: Made, answer: Answer | None) -> str:
        """Why the rules answer so, in the words of the case that is taken; empty where it has none."""
        rule = self.rules.rules[self._beginning[made.call]]
        arguments = {p.name: v for p, v in zip(rule.variables, made.args, strict=True)}
        for one in self.machine.begin(state, made.call, arguments):
            if not self.machine.pauses(one) and normal(self.machine.answer(one)) == answer:
                return self.machine.leaves[one.rule][one.leaf].path[-1].why
        return ""

    def arguments(self, made: Made) -> Mapping[str, str | int | bool]:
        """The arguments in written form, by name."""
        found = self._written.get(made)
        if found is None:
            rule = self.rules.rules[self._beginning[made.call]]
            found = {p.name: written(p.type, v) for p, v in zip(rule.variables, made.args, strict=True)}
            self._written[made] = found
        return found
