"""Symbols: the named functions that make up a state (fields) and that a state shows (observables)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tenure.vocabulary.terms import Op, Term, either, literal
from tenure.vocabulary.types import Sort, Type, Value, default, sort_of


class Role(Enum):
    """Who knows a field."""

    REAL = "real"
    """The kernel keeps it."""
    CLIENT = "client"
    """Callers know and remember it; no guard and no effect on a real field reads it."""
    FIXED = "fixed"
    """It never changes: hardware, configuration, privilege."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """A named function from objects to a value, read by writing ``users[group]``."""

    name: str
    domain: tuple[Sort, ...]
    value: Type
    meaning: str

    def __getitem__(self, at: Term | tuple[Term, ...]) -> Term:
        """The value at these objects; a pointer that is none reads as the type's default."""
        args = at if isinstance(at, tuple) else (at,)
        return self.read(args)

    @property
    def now(self) -> Term:
        """The value of a symbol that has no arguments."""
        return self.read(())

    @property
    def nothing(self) -> Term:
        """The value of this symbol that points at nothing."""
        return literal(None, self.value)

    def read(self, args: tuple[Term, ...]) -> Term:
        """The term that reads this symbol; raises TypeError when the arguments do not fit."""
        if len(args) != len(self.domain):
            message = f"{self.name} takes {len(self.domain)} arguments"
            raise TypeError(message)
        for argument, sort in zip(args, self.domain, strict=True):
            if argument.type is not sort and sort_of(argument.type) != sort:
                message = f"{self.name} takes a {sort}, not a {argument.type}"
                raise TypeError(message)
        return Term(Op.READ, self.value, args, self)


@dataclass(frozen=True, eq=False)
class Field(Symbol):
    """A part of a model's state; `initial` is None where any initial value is possible."""

    role: Role = Role.REAL
    initial: Value | None = None


@dataclass(frozen=True, eq=False)
class Observable(Symbol):
    """A named view of a state, in the words that properties use; models define it, targets may show it."""


def state(name: str, *signature: Sort | Type, meaning: str, role: Role = Role.REAL) -> Field:
    """A field that starts at its type's default; the last of `signature` is the type of its value."""
    *domain, value = signature
    return Field(name, _sorts(name, domain), value, meaning, role, initial=default(value))


def client(name: str, *signature: Sort | Type, meaning: str) -> Field:
    """A field that only callers know: what they believe, hold and remember."""
    return state(name, *signature, meaning=meaning, role=Role.CLIENT)


def fixed(name: str, *signature: Sort | Type, meaning: str) -> Field:
    """A field that may have any value and never changes."""
    *domain, value = signature
    return Field(name, _sorts(name, domain), value, meaning, Role.FIXED, initial=None)


def anything(name: str, *signature: Sort | Type, meaning: str) -> Field:
    """A real field of which nothing is assumed at the start."""
    *domain, value = signature
    return Field(name, _sorts(name, domain), value, meaning, Role.REAL, initial=None)


def observable(name: str, *signature: Sort | Type, meaning: str) -> Observable:
    """An observable; the last of `signature` is the type of its value."""
    *domain, value = signature
    return Observable(name, _sorts(name, domain), value, meaning)


def before(term: Term) -> Term:
    """What `term` was before the step; only in sentences about a step."""
    return Term(Op.BEFORE, term.type, (term,))


def choice_is(term: Term, *names: str) -> Term:
    """The choice is one of `names`."""
    return either(*(term == literal(name, term.type) for name in names))


def _sorts(name: str, domain: list[Sort | Type]) -> tuple[Sort, ...]:
    sorts = tuple(sort for sort in domain if isinstance(sort, Sort))
    if len(sorts) != len(domain):
        message = f"{name}: only sorts can be arguments"
        raise TypeError(message)
    return sorts
