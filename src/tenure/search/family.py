"""A family of systems: those that are alike in what they speak of, and the scopes in which each of them is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tenure.vocabulary.machine import Scope
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term

Sizes = dict[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A scope with a name; `full` where only a run without a budget looks at it."""

    name: str
    scope: Scope
    full: bool = False
    within: tuple[tuple[Term, str], ...] = ()
    """Conditions on the states that a comparison goes on from, in logic and in words."""


@dataclass(frozen=True, slots=True)
class Family:
    """Systems that are alike in what they speak of."""

    marks: Observable
    """What these systems show and no others do, but those of a family that comes before."""
    scope: Callable[[Sizes], Scope]
    main: Sizes
    """Where violations are searched; by two threads where calls interleave."""
    narrow: tuple[Scope, ...]
    """Where violations are searched besides."""
    witness: Scope
    """Where the rest of the cases can be reached."""
    gate: Scope
    plan: Scope
    whole: tuple[Place, ...]
    pairs: tuple[Place, ...]
    columns: tuple[tuple[str, str, str], ...] = ()
    """What never changes, for the line protocol: its name, the letter of its places, the field of the scope."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """The same, for observables of any places: the field of each."""
    modelled: tuple[tuple[Term, str], ...] = ()
    """Conditions on the states of which the rules say what comes next, in logic and in words."""
    deep: tuple[tuple[Scope, frozenset[str]], ...] = ()
    """Where violations and the rest of the cases are searched deeper, by these calls alone.

    Where calls interleave it is by as many threads as the scope has, or two.
    """
    within: tuple[tuple[Term, str], ...] = ()
    """The same for those that a comparison goes on from besides."""
    besides: tuple[Observable, ...] = ()
    """What they show besides, where systems of another family show `marks` too."""
    returns: bool = False
    """Runs that lead back to where they were are planned to go on: a subject may have kept what the rules have forgotten."""

    def has(self, system: System) -> bool:
        """The system is one of the family, if it is of none that comes before."""
        return all(map(system.defines, (self.marks, *self.besides)))

    def main_scope(self, granularity: Granularity, more: Iterable[tuple[str, int]] = ()) -> Scope:
        """The scope of a search for violations, with `more` objects of some sorts."""
        threads = {"thread": 2} if granularity is Granularity.STEPS else {}
        return self.scope({**self.main, **threads, **dict(more)})

    def deep_scopes(self, granularity: Granularity) -> tuple[tuple[Scope, frozenset[str]], ...]:
        """Where to search deeper, and by which calls."""
        if granularity is Granularity.WHOLE:
            return self.deep
        return tuple((replace(s, sizes={**s.sizes, "thread": s.sizes["thread"] or 2}), calls) for s, calls in self.deep)
