"""Registers: calls in flight as ordinary fields.

``at thread`` says before which step a thread stands; registers keep the arguments and locals of its call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tenure.vocabulary.calls import Call, Finish, Step
from tenure.vocabulary.symbols import Field, Role
from tenure.vocabulary.terms import (
    FALSE,
    Op,
    Term,
    both,
    constant,
    either,
    free_variables,
    is_none,
    no,
    parts,
    rewrite,
    some,
)
from tenure.vocabulary.types import Choice, Sort, Type, default, sort_of

IDLE = "idle"


@dataclass
class Registers:
    """Where the frames of calls in flight live: one field per actor sort and kind of value."""

    blocks: dict[str, tuple[int, ...]]
    calls: tuple[Call, ...]
    saved: dict[str, dict[str, Field]] = field(default_factory=dict)
    held: list[Field] = field(default_factory=list)
    at: dict[str, Field] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        by_sort: dict[Sort, list[Call]] = {}
        for one in self.calls:
            if len(self.blocks[one.name]) > 1:
                by_sort.setdefault(actor_sort(one), []).append(one)
        made: dict[str, Field] = {}
        for sort, calls in by_sort.items():
            pauses = tuple(c.qualified(c.steps[i].name) for c in calls for i in self.blocks[c.name][1:])
            kind = Choice(f"step of a {sort.name}", (IDLE, *pauses))
            meaning = f"the step before which the {sort.name}'s call stands"
            self.at[sort.name] = Field(f"at {sort.name}", (sort,), kind, meaning, Role.REAL, 0)
            for one in calls:
                self.saved[one.name] = self._allocate(one, sort, made)

    def _allocate(self, call: Call, sort: Sort, made: dict[str, Field]) -> dict[str, Field]:
        """Registers for what later blocks read, and for what the call keeps a reference to."""
        used: dict[str, int] = {}
        result = {}
        held = {p.name: p.held for p in call.parameters}
        for name, kind in _frame(call, self.blocks[call.name]).items():
            if name == call.actor:
                continue
            keeps = held.get(name, not name.startswith("*")) and sort_of(kind) is not None
            pointer = sort_of(kind)
            family = f"{sort.name} {'keeps' if keeps else 'has'} {pointer.name if pointer else kind}"
            used[family] = used.get(family, -1) + 1
            label = f"{family} {used[family]}"
            if label not in made:
                stored = pointer.maybe if pointer else kind
                meaning = "an argument or local of a call in flight"
                made[label] = Field(label, (sort,), stored, meaning, Role.REAL, default(stored))
                if keeps:
                    self.held.append(made[label])
            result[name] = made[label]
        return result

    def expand(self, term: Term) -> Term:
        """`term` with "in flight" and "busy" spelled out over registers."""

        def change(part: Term) -> Term | None:
            if not part.is_about_calls:
                return part
            if part.op is Op.BUSY:
                at = self.at.get(_sort(part.args[0]).name)
                return no(at[rewrite(part.args[0], change)] == IDLE) if at else FALSE
            if part.op is Op.STANDS:
                at = self.at.get(_sort(part.args[0]).name)
                known = at is not None and isinstance(at.value, Choice) and part.data in at.value.values
                return at[rewrite(part.args[0], change)] == str(part.data) if at and known else FALSE
            if part.op is Op.FRAME:
                call, _, name = str(part.data).partition("/")
                register = self.saved.get(call, {}).get(name)
                return register[rewrite(part.args[0], change)] if register else constant(default(part.type), part.type)
            if part.op is Op.IN_FLIGHT:
                thing = rewrite(part.args[0], change)
                sort = _sort(thing)
                holding = [self._holds(r, thing) for r in self.held if sort_of(r.value) == sort]
                return both(no(is_none(thing)), either(*holding))
            return None

        return rewrite(term, change)

    def _holds(self, register: Field, thing: Term) -> Term:
        return some(register.domain[0], lambda actor: register[actor] == thing)

    def settle(self, term: Term) -> Term:
        """`term` with each field that starts at a constant and is never assigned replaced by that constant."""

        def change(part: Term) -> Term | None:
            if part.reads <= self.assigned:
                return part
            one = part.data
            if part.op is not Op.READ or not isinstance(one, Field) or one.initial is None or one.name in self.assigned:
                return None
            return constant(one.initial, one.value)

        return rewrite(term, change)


def actor_sort(call: Call) -> Sort:
    """The sort of those who make the call."""
    if isinstance(call.actor, Sort):
        return call.actor
    found = next(p for p in call.parameters if p.name == call.actor)
    return _sort(found.term)


def _sort(term: Term) -> Sort:
    sort = sort_of(term.type)
    if sort is None:
        message = f"{term.type} is no object"
        raise TypeError(message)
    return sort


def _frame(call: Call, blocks: tuple[int, ...]) -> dict[str, Type]:
    """The variables that outlive a block: references held, and whatever a later block reads."""
    kinds: dict[str, Type] = {p.name: p.type for p in call.parameters}
    reads: list[set[str]] = []
    for number, start in enumerate(blocks):
        stop = blocks[number + 1] if number + 1 < len(blocks) else len(call.steps)
        names: set[str] = set()
        for step in call.steps[start:stop]:
            for term in _terms(step):
                names |= free_variables(term)
                kinds.update({str(t.data): t.type for t in parts(term) if t.op is Op.VARIABLE})
        reads.append(names)
    later = set().union(*reads[1:])
    keep = {p.name for p in call.parameters if p.held} | later
    assigned = {str(e.target.data) for s in call.steps for c in s.cases for e in c.effects if e.field is None}
    known = {p.name for p in call.parameters} | assigned
    return {name: kinds[name] for name in kinds if name in keep and name in known}


def _terms(step: Step) -> Iterator[Term]:
    for case in step.cases:
        yield case.when
        if case.pick is not None:
            yield case.pick.where
        for effect in case.effects:
            yield from (effect.target, effect.value, effect.where)
        if isinstance(case.follow, Finish):
            yield from (t for _, t in case.follow.values)
