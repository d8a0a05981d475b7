"""Checks: the properties held against what a subject shows. What it does not show is not run, never passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tenure.gate.memory import REMEMBERED, numbers
from tenure.gate.oracle import Made, Oracle
from tenure.gate.subject import Shown
from tenure.properties import PROPERTIES
from tenure.properties.releases import PROPERTIES as OF_RELEASES
from tenure.vocabulary import observables as seen
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.calls import Finish, Refuse
from tenure.vocabulary.emission import Emission, Layout
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.properties import Due, Property
from tenure.vocabulary.rules import Outcome, Rules
from tenure.vocabulary.sentences import applies, at_step, quantified
from tenure.vocabulary.symbols import Field, Observable, Role
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import TRUE, Op, Term, constant, rewrite
from tenure.vocabulary.types import default, written

Cells = tuple[int, ...]
"""What a subject shows, as a state of the compiled sentences."""

Fault = tuple[str, str]
"""A property that does not hold, and its sentence."""


class Compiled(Protocol):
    """Rules that run in a scope."""

    @property
    def system(self) -> System: ...

    @property
    def rules(self) -> Rules: ...

    @property
    def machine(self) -> Machine: ...


class Showing:
    """Some observables laid out as one tuple, so that what is shown can be compared and kept."""

    def __init__(self, observables: dict[str, Observable], oracle: Compiled) -> None:
        self.fields = {n: Field(n, o.domain, o.value, o.meaning, Role.REAL, None) for n, o in observables.items()}
        self.layout = Layout(tuple(self.fields.values()), oracle.machine.scope.sizes, {})
        self._places = {
            n: {
                ",".join(s.element(i) for s, i in zip(f.domain, place, strict=True)): self.layout.offset[n] + k
                for k, place in enumerate(self.layout.places(f))
            }
            for n, f in self.fields.items()
        }
        self._columns = {n: (places, numbers(self.fields[n].value)) for n, places in self._places.items()}
        self._nothing = tuple(int(default(f.value)) for f in self.fields.values() for _ in self.layout.places(f))

    def cells(self, shown: Shown) -> Cells:
        """What is shown; what is absent is the default."""
        cells = list(self._nothing)
        for name, values in shown.items():
            column = self._columns.get(name)
            if column is not None:
                places, meant = column
                for place, text in values.items():
                    cells[places[place]] = meant[text]
        return tuple(cells)

    def words(self, cells: Cells, at: list[int]) -> str:
        """Some of the cells as people read them."""
        names = {i: (n, p) for n, places in self._places.items() for p, i in places.items()}
        return ", ".join(
            f"{names[i][0]}({names[i][1]}) = {written(self.fields[names[i][0]].value, cells[i])}" for i in at
        )

    def shown(self, cells: Cells) -> Shown:
        """The cells as people write them, defaults too."""
        return {
            name: {place: written(self.fields[name].value, cells[i]) for place, i in places.items()}
            for name, places in self._places.items()
        }

    def look(self, oracle: Compiled) -> Callable[[State], Cells]:
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


@dataclass(frozen=True, slots=True)
class _Check:
    """A property, and the function that says whether it holds."""

    about: Property
    holds: Callable[..., bool]

    @property
    def fault(self) -> Fault:
        """What is told where it does not."""
        return self.about.id, self.about.sentence


class Checks:
    """The properties that a subject shows enough for, compiled over what it shows."""

    def __init__(self, oracle: Oracle, shows: frozenset[str], waived: frozenset[str]) -> None:
        self._oracle = oracle
        # Releases are the kernel's own: no target shows their steps.
        shown = (p for p in PROPERTIES if p not in OF_RELEASES)
        wanted = [p for p in shown if applies(oracle.system, p) and p.id not in waived]
        self._never = _never(oracle)
        ready = [p for p in wanted if {o.name for o in p.observables} - ASSUMED.keys() - self._never.keys() <= shows]
        self.checked = tuple(p.id for p in ready)
        self.not_run = tuple(p.id for p in wanted if p not in ready)
        known = {d.observable.name: d.observable for d in oracle.system.definitions}
        self._showing = Showing({n: o for n, o in known.items() if n in shows and n not in ASSUMED}, oracle)
        self._view = lru_cache(REMEMBERED)(self._showing.look(oracle))
        self._amiss = lru_cache(REMEMBERED)(self._fault_of_state)
        self._of_states = [
            _Check(p, self._showing.layout.function(quantified(self._body(p), p.variables)))
            for p in ready
            if p.due is not Due.EACH_STEP
        ]
        self._steps = [p for p in ready if p.due is Due.EACH_STEP]
        self._of_steps: dict[tuple[str, str], list[_Check]] = {}

    def cells(self, shown: Shown | None) -> Cells | None:
        """What a subject shows, as all checks want it; None where nobody asked."""
        return None if shown is None else self._showing.cells(shown)

    def broken(self, made: Made, answer: Answer | None, now: Cells | None, before: Cells | None) -> Fault | None:
        """The first property that the call breaks; None where all that are due hold."""
        if now is None:
            return None
        return self._amiss(now) or (None if before is None else self._fault_of_step(made, answer, now, before))

    def _fault_of_state(self, now: Cells) -> Fault | None:
        return next((one.fault for one in self._of_states if not one.holds(now)), None)

    def _fault_of_step(self, made: Made, answer: Answer | None, now: Cells, before: Cells) -> Fault | None:
        for one in self._due(made.call, answer.errno if isinstance(answer, Refused) else ""):
            if not one.holds(now, *made.args, before=before):
                return one.fault
        return None

    def agreeing(self, states: frozenset[State], now: Cells | None) -> frozenset[State]:
        """Those of the states that look as the subject shows itself."""
        if now is None:
            return states
        agreed = [s for s in states if self._view(s) == now]
        return states if len(agreed) == len(states) else frozenset(agreed)

    def unlike(self, states: frozenset[State], now: Cells) -> tuple[str, str]:
        """What the subject shows otherwise than the rules, in words: its own, and theirs."""
        view = self._view(next(iter(states)))
        wrong = [i for i, (a, b) in enumerate(zip(now, view, strict=True)) if a != b][:3]
        return self._showing.words(now, wrong), self._showing.words(view, wrong)

    def _due(self, call: str, errno: str) -> list[_Check]:
        """What is to be asked of a step that is this call with this answer."""
        key = (call, errno)
        found = self._of_steps.get(key)
        if found is None:
            found = self._of_steps[key] = list(self._compiled(call, errno))
        return found

    def _compiled(self, call: str, errno: str) -> Iterator[_Check]:
        rule = self._oracle.rules.rules[self._oracle.beginning(call)]
        outcome: Outcome = Refuse(errno) if errno else Finish()
        names = tuple(p.name for p in rule.variables)
        for one in self._steps:
            closed = quantified(at_step(self._body(one), rule, outcome), one.variables)
            if closed.key != TRUE.key:
                yield _Check(one, self._showing.layout.function(closed, names))

    def _body(self, one: Property) -> Term:
        return _over_fields(one.due_body, self._showing.fields, self._never)


ASSUMED: Mapping[str, Term] = {
    seen.group_at_rest.name: TRUE,
    seen.file_at_rest.name: TRUE,
    seen.index_at_rest.name: TRUE,
    seen.space_at_rest.name: TRUE,
    seen.object_at_rest.name: TRUE,
    seen.line_delivers.name: seen.line_delivers.nothing,
}
"""What a sequential subject need not show, and how it is: between two calls nothing is in flight."""


def _never(oracle: Oracle) -> dict[str, Term]:
    """What the rules leave as it is in every state, by name: a subject of a profile without it need not show it."""
    bodies = {d.observable.name: oracle.rules.lower(d.body) for d in oracle.system.definitions}
    return {name: body for name, body in bodies.items() if body.op is Op.CONSTANT}


def _over_fields(term: Term, fields: dict[str, Field], never: dict[str, Term]) -> Term:
    """A sentence over observables as one over the places in which the shown values are kept."""

    def change(part: Term) -> Term | None:
        if part.op is Op.READ and isinstance(part.data, Observable):
            if part.data.name in ASSUMED:
                return ASSUMED[part.data.name]
            if part.data.name not in fields and part.data.name in never:
                return never[part.data.name]
            return fields[part.data.name].read(tuple(rewrite(a, change) for a in part.args))
        return None

    return rewrite(term, change)
