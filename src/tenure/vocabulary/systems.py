"""Systems: calls composed into a protocol, with the views it shows and the claims that hold it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from inspect import getdoc

from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.progress import goes_on
from tenure.vocabulary.registers import actor_sort
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.terms import (
    FALSE,
    TRUE,
    Op,
    Term,
    constant,
    either,
    is_none,
    rewrite,
    substitute,
    variable,
    when,
)
from tenure.vocabulary.types import Maybe, Sort, default


class Granularity(Enum):
    """How finely calls interleave."""

    WHOLE = "whole"
    """Calls are indivisible, as they are meant; only where one sleeps may others run."""
    STEPS = "steps"
    """Other calls run between any two steps, as the code is built."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What an observable is in terms of a model's fields."""

    observable: Observable
    variables: tuple[Term, ...]
    body: Term


def shows(observable: Observable, body: Callable[..., Term]) -> Definition:
    """The definition of `observable` by a function of its arguments."""
    variables = tuple(variable(f"shown {i}", sort) for i, sort in enumerate(observable.domain))
    return Definition(observable, variables, body(*variables))


@dataclass(frozen=True, slots=True)
class Claim:
    """A helper invariant: it serves a proof, and lives with the model that needs it."""

    name: str
    sentence: str
    variables: tuple[Term, ...]
    body: Term
    rests_on: tuple[str, ...] = ()
    """What a lemma follows from, in any state, so that it needs no induction; empty for a claim that does."""
    serves: tuple[str, ...] = ()
    """The properties that a lemma is a stage on the way to."""
    kept_with: tuple[str, ...] = ()
    """The claims that a proof tries first beside itself, where it takes long to find out which are needed."""


def claim(**variables: Sort) -> Callable[[Callable[..., Term]], Claim]:
    """Make a helper invariant, true for every choice of its variables; the docstring is its sentence."""

    def build(text: Callable[..., Term]) -> Claim:
        bound = tuple(variable(f"any {name}", sort) for name, sort in variables.items())
        return Claim(text.__name__, getdoc(text) or "", bound, text(*bound))

    return build


def lemma(*rests_on: Claim, serves: tuple[str, ...] = ()) -> Callable[[Claim], Claim]:
    """The same claim, as one that follows from these earlier ones: a stage on the way to the properties that it serves."""
    return lambda one: replace(one, rests_on=tuple(c.name for c in rests_on), serves=serves)


def kept_with(*others: Claim) -> Callable[[Claim], Claim]:
    """The same claim, of which is known that steps keep it because of these others; what they do not suffice for is found as ever."""
    return lambda one: replace(one, kept_with=tuple(c.name for c in others))


@dataclass(frozen=True, slots=True)
class System:
    """One protocol in one variant: everything that a reader needs to run it or to prove things about it."""

    name: str
    variant: str
    title: str
    source: str
    calls: tuple[Call, ...]
    definitions: tuple[Definition, ...]
    claims: tuple[Claim, ...] = ()
    halted: Term = FALSE
    initially: Term = TRUE
    """What the fields with any initial value satisfy at the start."""
    indivisible: frozenset[str] = field(default=frozenset())
    """Calls that stay indivisible even where others interleave step by step."""

    @property
    def id(self) -> str:
        """How the command line names it: ``external-get-put`` or ``external-get-put:from-dev``."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    def defines(self, observable: Observable) -> bool:
        """The system shows this observable, or its calls say what it is."""
        if observable in seen.GOES_ON:
            return any(c.internal and actor_sort(c) == observable.domain[0] for c in self.calls)
        return any(d.observable is observable for d in self.definitions)

    def _definition(self, observable: Observable) -> Definition:
        """What the observable is here; that something can go on follows from the calls. KeyError where nothing says it."""
        if observable in seen.GOES_ON:
            return shows(observable, lambda actor: either(self.halted, goes_on(self.calls, actor)))
        return {d.observable.name: d for d in self.definitions}[observable.name]

    def call(self, name: str) -> Call:
        """The call of this name; raises KeyError where there is none."""
        for each in self.calls:
            if each.name == name:
                return each
        raise KeyError(name)

    def inline(self, term: Term) -> Term:
        """`term` with every observable replaced by its definition over fields."""
        known: dict[str, Definition] = {}

        def change(part: Term) -> Term | None:
            if part.op is not Op.READ or not isinstance(part.data, Observable):
                return None
            found = known.get(part.data.name) or known.setdefault(part.data.name, self._definition(part.data))
            args = tuple(rewrite(a, change) for a in part.args)
            body = substitute(found.body, {str(v.data): a for v, a in zip(found.variables, args, strict=True)})
            for argument in args:
                if isinstance(argument.type, Maybe):
                    body = when(is_none(argument), constant(default(part.type), part.type), body)
            return body

        return rewrite(term, change)
