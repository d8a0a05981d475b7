"""Effects: the ways in which a step changes a state. What is not assigned does not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tenure.vocabulary.symbols import Field
from tenure.vocabulary.terms import TRUE, Op, Term, substitute, variable, when
from tenure.vocabulary.types import NONE, Maybe, Sort, sort_of


@dataclass(frozen=True, slots=True)
class Assign:
    """`target` becomes `value`; with `bound`, at once for every object for which `where` holds."""

    target: Term
    value: Term
    bound: tuple[Term, ...] = ()
    where: Term = TRUE

    @staticmethod
    def to(target: Term, value: Term) -> Assign:
        """The assignment of `value` to a place; raises TypeError where `target` is no place or the types differ."""
        place = target.op is Op.VARIABLE or (target.op is Op.READ and isinstance(target.data, Field))
        fits = value.type == target.type or (
            sort_of(target.type) is not None and sort_of(value.type) == sort_of(target.type)
        )
        narrows = isinstance(target.type, Sort) and isinstance(value.type, Maybe)
        if not place or not fits or narrows:
            message = f"cannot assign a {value.type} to a {target.type} here"
            raise TypeError(message)
        if value.op is Op.CONSTANT and value.data == NONE and isinstance(target.type, Sort):
            message = "only a field that may be none can become none"
            raise TypeError(message)
        return Assign(target, value)

    @property
    def field(self) -> Field | None:
        """The field that changes; None where a local changes."""
        return self.target.data if isinstance(self.target.data, Field) else None

    def substituted(self, by: dict[str, Term]) -> Assign:
        """The same effect on other objects."""
        return Assign(substitute(self.target, by), substitute(self.value, by), self.bound, substitute(self.where, by))


def each(sort: Sort, effect: Callable[[Term], Assign], where: Callable[[Term], Term] = lambda _: TRUE) -> Assign:
    """`effect` at once for every object of the sort for which `where` holds."""
    name = f"each {sort.letter}"
    bound = variable(name, sort)
    made = effect(bound)
    if sum(1 for a in made.target.args if a.key == bound.key) != 1:
        message = "the object must be exactly one argument of the field that changes"
        raise TypeError(message)
    return replace(made, bound=(bound,), where=where(bound))


def each_pair(
    first: Sort, second: Sort, effect: Callable[[Term, Term], Assign], where: Callable[[Term, Term], Term]
) -> Assign:
    """`effect` at once for every two objects of these sorts for which `where` holds."""
    bound = variable(f"each {first.letter}", first), variable(f"each {second.letter}", second)
    made = effect(*bound)
    if any(sum(1 for a in made.target.args if a.key == one.key) != 1 for one in bound):
        message = "each of the two objects must be exactly one argument of the field that changes"
        raise TypeError(message)
    return replace(made, bound=bound, where=where(*bound))


def provided(condition: Term, effect: Assign) -> Assign:
    """`effect` where `condition` holds; otherwise the place keeps what it has."""
    return replace(effect, value=when(condition, effect.value, effect.target))
