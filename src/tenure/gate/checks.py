"""Checks: the properties held against what a subject shows. What it does not show is not run, never passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenure.gate.oracle import Made, Oracle
from tenure.gate.subject import Reply, Shown
from tenure.properties import PROPERTIES
from tenure.vocabulary.answers import Refused
from tenure.vocabulary.calls import Finish, Refuse
from tenure.vocabulary.emission import Emission, Layout
from tenure.vocabulary.machine import State
from tenure.vocabulary.properties import Due, Property
from tenure.vocabulary.rules import Outcome
from tenure.vocabulary.sentences import Sentence, applies, quantified
from tenure.vocabulary.symbols import Field, Observable, Role
from tenure.vocabulary.terms import TRUE, Op, Term, constant, rewrite
from tenure.vocabulary.types import default, parsed, written

Cells = tuple[int, ...]
"""What a subject shows, as a state of the compiled sentences."""


class Showing:
    """Some observables laid out as one tuple, so that what is shown can be compared and kept."""

    def __init__(self, observables: dict[str, Observable], oracle: Oracle) -> None:
        self.fields = {n: Field(n, o.domain, o.value, o.meaning, Role.REAL, None) for n, o in observables.items()}
        self.layout = Layout(tuple(self.fields.values()), oracle.machine.scope.sizes, {})
        self._places = {
            n: {
                ",".join(s.element(i) for s, i in zip(f.domain, place, strict=True)): self.layout.offset[n] + k
                for k, place in enumerate(self.layout.places(f))
            }
            for n, f in self.fields.items()
        }
        self._nothing = tuple(int(default(f.value)) for f in self.fields.values() for _ in self.layout.places(f))

    def cells(self, shown: Shown) -> Cells:
        """What is shown; what is absent is the default."""
        cells = list(self._nothing)
        for name, values in shown.items():
            places = self._places.get(name)
            if places is not None:
                kind = self.fields[name].value
                for place, text in values.items():
                    cells[places[place]] = int(parsed(kind, text))
        return tuple(cells)

    def words(self, cells: Cells, at: list[int]) -> str:
        """Some of the cells as people read them."""
        names = {i: (n, p) for n, places in self._places.items() for p, i in places.items()}
        return ", ".join(
            f"{names[i][0]}({names[i][1]}) = {written(self.fields[names[i][0]].value, cells[i])}" for i in at
        )

    def look(self, oracle: Oracle) -> Callable[[State], Cells]:
        """A function that shows a state of the rules in the same cells."""
        machine = oracle.machine
        emission = Emission(machine.layout)
        terms = []
        for definition in oracle.system.definitions:
            one = definition.observable
            if one.name in self.fields:
                for place in machine.layout.places_of(one):
                    args = tuple(constant(i, sort) for i, sort in zip(place, one.domain, strict=True))
                    cell = self._places[one.name][
                        ",".join(s.element(i) for s, i in zip(one.domain, place, strict=True))
                    ]
                    terms.append((cell, f"int({emission.value(oracle.rules.lower(one.read(args)), 's', {})})"))
        text = "".join(f"{term}, " for _, term in sorted(terms))
        made: Callable[[State], Cells] = machine.layout.compile(f"def look(s):\n    return ({text})")["look"]
        return made


class Checks:
    """The properties that a subject shows enough for, compiled over what it shows."""

    def __init__(self, oracle: Oracle, shows: frozenset[str], waived: frozenset[str]) -> None:
        wanted = [p for p in PROPERTIES if applies(oracle.system, p) and p.id not in waived]
        self._ready = [p for p in wanted if {o.name for o in p.observables} - ASSUMED <= shows]
        self.checked = tuple(p.id for p in self._ready)
        self.not_run = tuple(p.id for p in wanted if p not in self._ready)
        self._shown = Showing({o.name: o for p in self._ready for o in p.observables if o.name not in ASSUMED}, oracle)
        known = {d.observable.name: d.observable for d in oracle.system.definitions}
        self._all = Showing({n: o for n, o in known.items() if n in shows and n not in ASSUMED}, oracle)
        self._look = self._all.look(oracle)
        self._views: dict[State, Cells] = {}
        self._states = [p for p in self._ready if p.due is not Due.EACH_STEP]
        self._steps = [p for p in self._ready if p.due is Due.EACH_STEP]
        self._good: set[Cells] = set()
        self._good_steps: set[tuple[Cells, Cells, Made, str]] = set()
        self._compiled: dict[tuple[str, str, str], Callable[..., bool] | None] = {}

    def broken(self, oracle: Oracle, made: Made, reply: Reply, before: Shown | None) -> tuple[str, str] | None:
        """The first property that the reply breaks, with its sentence; None where all that were checked hold."""
        if reply.shown is None:
            return None
        now = self._shown.cells(reply.shown)
        if now not in self._good:
            found = self._first(self._states, oracle, made, "", now, None)
            if found is not None:
                return found
            self._good.add(now)
        if before is None:
            return None
        earlier = self._shown.cells(before)
        answer = reply.answer.errno if isinstance(reply.answer, Refused) else ""
        key = (earlier, now, made, answer)
        if key not in self._good_steps:
            found = self._first(self._steps, oracle, made, answer, now, earlier)
            if found is not None:
                return found
            self._good_steps.add(key)
        return None

    def agreeing(self, states: frozenset[State], shown: Shown | None) -> frozenset[State]:
        """Those of the states that look as the subject shows itself."""
        if shown is None:
            return states
        now = self._all.cells(shown)
        return frozenset(s for s in states if self._view(s) == now)

    def unlike(self, states: frozenset[State], shown: Shown) -> tuple[str, str]:
        """What the subject shows otherwise than the rules, in words: its own, and theirs."""
        now = self._all.cells(shown)
        view = self._view(next(iter(states)))
        wrong = [i for i, (a, b) in enumerate(zip(now, view, strict=True)) if a != b][:3]
        return self._all.words(now, wrong), self._all.words(view, wrong)

    def _view(self, state: State) -> Cells:
        """A state of the rules as the subject would show it."""
        found = self._views.get(state)
        if found is None:
            found = self._views[state] = self._look(state)
        return found

    def _first(  # what a sentence is about
        self, asked: list[Property], oracle: Oracle, made: Made, errno: str, now: Cells, earlier: Cells | None
    ) -> tuple[str, str] | None:
        for one in asked:
            check = self._check(oracle, one, made, errno)
            if check is not None and not check(now, *made.args, before=earlier):
                return one.id, one.sentence
        return None

    def _check(self, oracle: Oracle, one: Property, made: Made, errno: str) -> Callable[..., Any] | None:
        key = (one.id, made.call if one.due is Due.EACH_STEP else "", errno)
        if key not in self._compiled:
            self._compiled[key] = self._compile(oracle, one, made, errno)
        return self._compiled[key]

    def _compile(self, oracle: Oracle, one: Property, made: Made, errno: str) -> Callable[..., Any] | None:
        rule = oracle.rules.rules[oracle.beginning(made.call)]
        outcome: Outcome = Refuse(errno) if errno else Finish()
        body = Sentence(one, _over_fields(one.due_body, self._shown.fields)).at(rule, outcome)
        closed = quantified(body, one.variables)
        if closed.key == TRUE.key:
            return None
        names = tuple(p.name for p in rule.variables)
        run = self._shown.layout.function(closed, names)
        if one.due is Due.EACH_STEP:
            return run
        return lambda state, *_, before=None: run(state, *(0 for _ in names), before=before)


ASSUMED = frozenset({"group_at_rest"})
"""What a sequential subject need not show: between two calls nothing is in flight."""


def _over_fields(term: Term, fields: dict[str, Field]) -> Term:
    """A sentence over observables as one over the places in which the shown values are kept."""

    def change(part: Term) -> Term | None:
        if part.op is Op.READ and isinstance(part.data, Observable):
            if part.data.name in ASSUMED:
                return TRUE
            return fields[part.data.name].read(tuple(rewrite(a, change) for a in part.args))
        return None

    return rewrite(term, change)
