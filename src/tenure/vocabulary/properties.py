"""Properties: named, true sentences over observables, and when each is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from inspect import getdoc

from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.terms import Op, Term, implies, parts, variable
from tenure.vocabulary.types import FLAG, Sort, Type


class Due(Enum):
    """When a sentence must hold."""

    ALWAYS = "always"
    AT_REST = "at rest"
    """Where no call on the object in question is in flight."""
    EACH_STEP = "at each step"
    """Of each step: its call, its arguments, its answer, before and after."""


@dataclass(frozen=True, slots=True)
class Property:
    """One sentence of the catalogue; it holds for every choice of its variables."""

    id: str
    name: str
    sentence: str
    source: str
    due: Due
    variables: tuple[Term, ...]
    body: Term
    at_rest: Term | None
    """The flag that must hold for an at-rest sentence to be due; None where it is due otherwise."""

    @property
    def due_body(self) -> Term:
        """The sentence together with its due-time."""
        return self.body if self.at_rest is None else implies(self.at_rest, self.body)

    @property
    def observables(self) -> tuple[Observable, ...]:
        """What a model or a target must show for the sentence to be checked, besides being at rest."""
        found = {p.data.name: p.data for p in parts(self.body) if isinstance(p.data, Observable)}
        return tuple(found.values())


def always(id_: str, source: str, **variables: Sort) -> Callable[[Callable[..., Term]], Property]:
    """A sentence about every state."""
    return _property(id_, Due.ALWAYS, source, variables, None)


def at_rest(id_: str, resting: Observable, source: str, **variables: Sort) -> Callable[[Callable[..., Term]], Property]:
    """A sentence about every state in which `resting` holds of the first variable."""
    return _property(id_, Due.AT_REST, source, variables, resting)


def each_step(id_: str, source: str, **variables: Sort) -> Callable[[Callable[..., Term]], Property]:
    """A sentence about every step."""
    return _property(id_, Due.EACH_STEP, source, variables, None)


def called(name: str) -> Term:
    """The step belongs to this call."""
    return Term(Op.CALLED, FLAG, (), name)


def refused(errno: str) -> Term:
    """The step ends its call with this errno."""
    return Term(Op.REFUSED, FLAG, (), errno)


def answered() -> Term:
    """The step ends its call, and with no errno."""
    return Term(Op.ANSWERED, FLAG)


def ended() -> Term:
    """The step ends its call, be it with values or with an errno."""
    return Term(Op.ENDED, FLAG)


def argument(name: str, kind: Type) -> Term:
    """What the call was given under this name, or has kept under it; the type's default where it knows neither any more."""
    return Term(Op.ARGUMENT, kind, (), name)


def _property(
    id_: str, due: Due, source: str, variables: dict[str, Sort], resting: Observable | None
) -> Callable[[Callable[..., Term]], Property]:
    def build(text: Callable[..., Term]) -> Property:
        bound = tuple(variable(f"any {name}", sort) for name, sort in variables.items())
        flag = None if resting is None else resting[bound[0]]
        return Property(id_, text.__name__, getdoc(text) or "", source, due, bound, text(*bound), flag)

    return build


@dataclass(frozen=True, slots=True)
class Race:
    """A named finding: the property it breaks, where, with which calls, and the moment of harm."""

    id: str
    title: str
    source: str
    system: str
    granularity: str
    property: str
    calls: tuple[str, ...]
    moment: Term
    """A closed sentence over observables that is true at the moment of harm."""
    harmless: bool = False
    """The interleaving is no violation: the property holds, and `title` says why."""
    needs: tuple[tuple[str, int], ...] = ()
    """Of which sorts it takes more objects than a search for violations has, and how many."""
