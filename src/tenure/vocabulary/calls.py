"""Calls: what an actor asks for, written once as a sequence of atomic steps.

A step is an ordered list of cases: the first whose condition holds is taken. It goes on, ends the call with values,
or refuses it with an errno; its effects happen either way. Where no case holds, the step waits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc

from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Lock, Queue, Reference, Taken
from tenure.vocabulary.terms import TRUE, Term, both, literal, variable
from tenure.vocabulary.types import Sort, Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a caller passes. Names of new objects are chosen by callers, the lowest free one where they explore."""

    name: str
    type: Type
    held: bool = True
    new: bool = False

    @property
    def term(self) -> Term:
        """The parameter as the steps of the call read it."""
        return variable(self.name, self.type)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a parameter is passed: `held` for the whole call, as a mere `number`, or as the name of a `new` object."""

    type: Type
    held: bool
    new: bool


def number(kind: Type) -> Kind:
    """Passed as a number (an fd not yet looked up, an index): the call keeps no reference to it."""
    return Kind(kind, held=False, new=False)


def new(sort: Sort) -> Kind:
    """The name that the caller gives to an object which the call makes."""
    return Kind(sort, held=True, new=True)


@dataclass(frozen=True, slots=True)
class Next:
    """Go on with the following step, or with the step named."""

    to: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """End the call with these values."""

    values: tuple[tuple[str, Term], ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """End the call with this errno."""

    errno: str


@dataclass(frozen=True, slots=True)
class Crash:
    """The call never returns: its thread died in the kernel; `raised` where the kernel tested for it and stopped itself."""

    raised: bool = False


Follow = Next | Finish | Refuse | Crash


@dataclass(frozen=True, slots=True)
class Pick:
    """Some object for which `where` holds; which one is not determined."""

    variable: Term
    where: Term


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a step can go."""

    when: Term
    effects: tuple[Assign, ...]
    follow: Follow
    why: str = ""
    pick: Pick | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One indivisible step of a call, with the locks that it takes, in order, and the references it may drop last."""

    name: str
    cases: tuple[Case, ...]
    locks: tuple[Taken, ...] = ()
    """Each is taken under those before it, and held until the step ends."""
    drops: tuple[Reference, ...] = ()
    """What may go for good under these locks, so that its release runs there."""
    waits: Queue | bool = False
    """The step sleeps before it does anything else: on this queue; or on its locks; or on a queue that nobody else speaks of."""
    keeps: tuple[Lock, ...] = ()
    """The locks that the call goes on holding after the step; where it ends, it lets everything go."""
    wakes: tuple[Queue, ...] = ()
    """Where a holder lets go of what sleepers on these queues wait for, or passes it on."""
    owes: tuple[Queue, ...] = ()
    """Where a call comes to hold what sleepers on these queues wait for; a call that wakes one and says nothing held it before."""
    repeats: bool = False
    """One round of a loop: its cases, and those of later steps, may go back to it. What holds between rounds is for claims to say."""

    def ahead_of(self, such: Callable[[Case], bool], *cases: Case) -> Step:
        """The step with these cases just ahead of the first of its cases that is such."""
        at = next(number for number, one in enumerate(self.cases) if such(one))
        return replace(self, cases=(*self.cases[:at], *cases, *self.cases[at:]))


@dataclass(frozen=True, slots=True)
class Requires:
    """What holds whenever the call is made at all: the caller's discipline, not a check of the kernel."""

    condition: Term


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a protocol: who makes it, with what, and the steps it takes."""

    name: str
    title: str
    doc: str
    source: str
    actor: str | Sort
    parameters: tuple[Parameter, ...]
    requires: Term
    steps: tuple[Step, ...]
    internal: bool = False

    def qualified(self, step: str) -> str:
        """The name of a step as traces and pause points write it."""
        return f"{self.name}.{step}"

    def parameter(self, name: str) -> Term:
        """The parameter of this name, as the steps of the call read it."""
        return next(p.term for p in self.parameters if p.name == name)

    def names(self, sort: Sort) -> Parameter | None:
        """The parameter by which the caller names a new object of this sort, if there is one."""
        return next((p for p in self.parameters if p.new and p.type == sort), None)

    def named(self, name: str) -> Call:
        """The same call under the name that it has in a system of its own."""
        return replace(self, name=name)

    def with_effects(self, *effects: Assign) -> Call:
        """The same call, of one step, which has these effects besides wherever it ends well."""
        (only,) = self.steps
        cases = (replace(c, effects=(*c.effects, *effects)) if isinstance(c.follow, Finish) else c for c in only.cases)
        return replace(self, steps=(replace(only, cases=tuple(cases)),))

    def otherwise(self, step: str, change: Callable[[Step], Step]) -> Call:
        """The same call with one of its steps made otherwise."""
        return replace(self, steps=tuple(change(s) if s.name == step else s for s in self.steps))

    def requiring(self, condition: Term) -> Call:
        """The same call, made only where `condition` holds besides."""
        return replace(self, requires=both(self.requires, condition))


Steps = Generator[Requires | Step, None, None]


def requires(*conditions: Term) -> Requires:
    """What a caller sees to before it makes the call."""
    return Requires(both(*conditions))


def step(  # noqa: PLR0913  # what there is to say of a step; most say little
    name: str,
    *cases: Case,
    locks: tuple[Taken, ...] = (),
    drops: tuple[Reference, ...] = (),
    waits: Queue | bool = False,
    keeps: tuple[Lock, ...] = (),
    wakes: tuple[Queue, ...] = (),
    owes: tuple[Queue, ...] = (),
    repeats: bool = False,
) -> Step:
    """One indivisible step; `waits` where it sleeps until one of its cases holds, `repeats` where it is a loop's round."""
    return Step(name, cases, locks, drops, waits, keeps, wakes, owes, repeats)


def refuse(when: Term, errno: str, why: str, *effects: Assign) -> Case:
    """Refuse with `errno` where `when` holds; `effects` happen all the same."""
    return Case(when, effects, Refuse(errno), why)


def go(*effects: Assign, when: Term = TRUE, to: str | None = None, why: str = "") -> Case:
    """Take effect and go on, with the following step or with the one named."""
    return Case(when, effects, Next(to), why)


def done(*effects: Assign, when: Term = TRUE, why: str = "", **values: Term) -> Case:
    """Take effect and end the call with `values`."""
    return Case(when, effects, Finish(tuple(values.items())), why)


def crash(when: Term, *effects: Assign, why: str, raised: bool = False) -> Case:
    """Where `when` holds the thread dies in the kernel and the call never returns; `raised`: the kernel tests for it."""
    return Case(when, effects, Crash(raised), why)


def choosing(sort: Sort, where: Callable[[Term], Term], case: Callable[[Term], Case]) -> Case:
    """`case` for some object for which `where` holds; which one, the rules leave open."""
    picked = variable(f"picked {sort.letter}", sort)
    return replace(case(picked), pick=Pick(picked, where(picked)))


def local(name: str, kind: Type) -> Term:
    """A variable of the call's frame: it keeps what a step assigned to it until the call ends."""
    return variable(name, kind)


def caller(sort: Sort) -> Term:
    """Who makes a call that pauses, where `actor` is this sort."""
    return variable("actor", sort)


def pointer(name: str, kind: Type) -> Term:
    """A local that keeps no reference: what it points at may be gone when it is next used."""
    return variable(f"*{name}", kind)


def call(
    title: str, *, actor: str | Sort, source: str, internal: bool = False, **parameters: Type | Kind
) -> Callable[[Callable[..., Steps]], Call]:
    """Make a call out of a function that yields its steps; the function's docstring says what the call is for."""

    def build(text: Callable[..., Steps]) -> Call:
        made = tuple(_parameter(name, kind) for name, kind in parameters.items())
        pieces = list(text(**{p.name: p.term for p in made}))
        steps = tuple(p for p in pieces if isinstance(p, Step))
        needed = both(*(p.condition for p in pieces if isinstance(p, Requires)))
        built = Call(text.__name__, title, getdoc(text) or "", source, actor, made, needed, steps, internal)
        _check(built)
        return built

    return build


def without_case(calls: tuple[Call, ...], removed: Mapping[str, int]) -> tuple[Call, ...]:
    """The same calls with the numbered case of each named step taken out: a design that lost these guards."""

    def strip(call_: Call, one: Step) -> Step:
        gone = removed.get(call_.qualified(one.name))
        return one if gone is None else replace(one, cases=one.cases[:gone] + one.cases[gone + 1 :])

    return tuple(replace(c, steps=tuple(strip(c, s) for s in c.steps)) for c in calls)


def value(text: str, kind: Type) -> Term:
    """A choice by its name, as a term."""
    return literal(text, kind)


def _parameter(name: str, kind: Type | Kind) -> Parameter:
    if isinstance(kind, Kind):
        return Parameter(name, kind.type, kind.held, kind.new)
    return Parameter(name, kind)


def _check(built: Call) -> None:
    """Names are unique; a call goes forward, or back to a loop's round; a step that does not wait always has a case."""
    position = {s.name: i for i, s in enumerate(built.steps)}
    if len(position) != len(built.steps):
        message = f"{built.name}: step names must be unique"
        raise TypeError(message)
    for index, one in enumerate(built.steps):
        if not one.waits and all(c.when.key != TRUE.key or c.pick is not None for c in one.cases):
            message = f"{built.qualified(one.name)}: a step that does not wait needs a last case without condition"
            raise TypeError(message)
        for case in one.cases:
            if isinstance(case.follow, Next):
                target = index + 1 if case.follow.to is None else position.get(case.follow.to, -1)
                forward = index < target < len(built.steps)
                if not forward and not (0 <= target <= index and built.steps[target].repeats):
                    message = f"{built.qualified(one.name)}: a case must go on to a later step of the call"
                    raise TypeError(message)
