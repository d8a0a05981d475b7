"""Sentences ready to be checked: properties lowered to the fields of a system, on states and on steps."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.vocabulary.calls import Finish, Refuse
from tenure.vocabulary.properties import Due, Property
from tenure.vocabulary.rules import Outcome, Rule, Rules
from tenure.vocabulary.symbols import Observable, before
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import (
    FALSE,
    TRUE,
    Op,
    Term,
    constant,
    every,
    parts,
    rewrite,
    substitute,
)
from tenure.vocabulary.types import default, sort_of


@dataclass(frozen=True)
class Sentence:
    """A property over the fields of one system; closed: its variables are quantified."""

    about: Property
    open_body: Term
    """The lowered sentence with its variables free."""

    @property
    def is_about_steps(self) -> bool:
        """It speaks of before and after, not of one state."""
        return self.about.due is Due.EACH_STEP

    @property
    def closed(self) -> Term:
        """The sentence for every choice of its variables."""
        return quantified(self.open_body, self.about.variables)

    def at(self, rule: Rule, outcome: Outcome) -> Term:
        """The open sentence about a step of this rule that ends so: its call, arguments and answer are known."""
        return at_step(self.open_body, rule, outcome)


def applies(system: System, one: Property) -> bool:
    """The system shows everything that the property speaks of."""
    return all(system.defines(o) for o in one.observables)


def concerns(system: System, one: Property) -> bool:
    """The property speaks of something that the system has, if not of nothing else: it deserves a row."""
    return any(system.defines(o) for o in one.observables)


def can_say(system: System, term: Term) -> bool:
    """The system shows everything that the term speaks of."""
    return all(system.defines(p.data) for p in parts(term) if isinstance(p.data, Observable))


def sentence(rules: Rules, one: Property) -> Sentence:
    """The property over the fields of a system; raises KeyError where the system does not show what it speaks of."""
    return Sentence(one, rules.lower(one.due_body))


def quantified(body: Term, variables: tuple[Term, ...]) -> Term:
    """`body` for every choice of `variables`."""
    for variable in reversed(variables):
        sort = sort_of(variable.type)
        assert sort is not None  # noqa: S101  # variables of sentences are objects
        inner = body
        name = str(variable.data)
        body = every(sort, lambda v, inner=inner, name=name: substitute(inner, {name: v}))  # type: ignore[misc]  # defaults bind the loop's values
    return body


def at_step(body: Term, rule: Rule, outcome: Outcome) -> Term:
    """A sentence about a step, where the step is known to be this one."""
    arguments = dict((*rule.kept, *rule.arguments))

    def change(part: Term) -> Term | None:
        if part.op is Op.CALLED:
            return TRUE if part.data == rule.call.name else FALSE
        if part.op is Op.REFUSED:
            return TRUE if isinstance(outcome, Refuse) and outcome.errno == part.data else FALSE
        if part.op is Op.ANSWERED:
            return TRUE if isinstance(outcome, Finish) else FALSE
        if part.op is Op.ENDED:
            return TRUE if isinstance(outcome, Finish | Refuse) else FALSE
        if part.op is Op.ARGUMENT:
            found = arguments.get(str(part.data))
            return before(found) if found is not None else constant(default(part.type), part.type)
        return None

    return rewrite(body, change)
