"""Bounded model checking: what can happen within so many transitions, over sorts of a few objects.

Each depth has its own state; a transition is one path of one rule, named by a selector. What Z3 finds is decoded and
made again by the Python reading, step by step; a run that Python does not make is an error, never an answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import z3

from tenure.prover.counterexamples import constant
from tenure.prover.expressions import Expr
from tenure.prover.logic import Domain, Read, SymbolicState
from tenure.prover.paths import Path, paths_of
from tenure.vocabulary.machine import Machine, Scope, State, Transition
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.symbols import Field, Role
from tenure.vocabulary.terms import Op, Term, both, free_variables
from tenure.vocabulary.types import Value, sort_of

RLIMIT = 500_000_000
"""Z3's resource limit for one length."""


@dataclass(frozen=True)
class Bounded:
    """The end of a bounded check: `sat` with a shortest run to the goal, `unsat` where no run of the length has one."""

    verdict: str
    length: int
    """How many transitions the run has, or up to how many there is none; where `unknown`, at how many Z3 gave up."""
    machine: Machine
    states: tuple[State, ...] = ()
    transitions: tuple[Transition, ...] = ()


def bounded(  # noqa: PLR0913  # each is one independent choice of the caller
    rules: Rules,
    scope: Scope,
    goal: Term,
    length: int,
    *,
    calls: frozenset[str] | None = None,
    lowest: bool = False,
    rlimit: int = RLIMIT,
) -> Bounded:
    """A shortest run of at most `length` transitions, by `calls` alone if given, to a state in which `goal` holds.

    With `lowest`, threads that begin and new objects take the lowest free name, as in a search: fewer runs, and none
    is lost but by its names.
    """
    unrolled = Unrolled(rules, scope, calls, lowest=lowest)
    for depth in range(length + 1):
        found = unrolled.reaches(goal, rlimit)
        if found != "unsat":
            states, transitions = unrolled.run() if found == "sat" else ((), ())
            return Bounded(found, depth, unrolled.machine, states, transitions)
        if depth < length:
            unrolled.deepen()
    return Bounded("unsat", length, unrolled.machine)


@dataclass(frozen=True)
class _Selected:
    """A path that may be the transition at some depth, and the unknown that says whether it is."""

    selector: Expr
    path: Path
    rule: int


class Unrolled:
    """The runs of a system, unrolled to some depth."""

    def __init__(
        self, rules: Rules, scope: Scope, calls: frozenset[str] | None = None, *, lowest: bool = False
    ) -> None:
        self.rules = rules
        self.machine = Machine(rules, scope)
        self.domain = Domain(scope.sizes)
        self._calls, self._lowest = calls, lowest
        self._states = [state_of_cells(self.domain, rules.fields, 0)]
        self._selected: list[list[_Selected]] = []
        self._solver = z3.Solver(ctx=self.domain.context)
        self._solver.add(*self._start())
        self._model: z3.ModelRef | None = None

    def reaches(self, goal: Term, rlimit: int) -> str:
        """Whether a run of exactly the present depth reaches the goal; where none does, that is kept as a lemma."""
        here = self._states[-1].value(goal, {})
        self._solver.set("rlimit", rlimit)
        self._solver.push()
        self._solver.add(here)
        verdict = str(self._solver.check())
        self._model = self._solver.model() if verdict == "sat" else None
        self._solver.pop()
        if verdict == "unsat":
            self._solver.add(z3.Not(here))
        return verdict

    def deepen(self) -> None:
        """One more transition; none stutters."""
        depth = len(self._states)
        before, after = self._states[-1], state_of_cells(self.domain, self.rules.fields, depth)
        choices = []
        for number, rule in enumerate(self.rules.rules):
            if self._calls is None or rule.call.name in self._calls:
                for path in paths_of(rule, before):
                    selector = z3.Bool(f"{depth} {path.name}", self.domain.context)
                    choices.append(_Selected(selector, path, number))
                    names = self._lowest_names(path) if self._lowest else ()
                    taken = z3.And(*path.conditions, *names, *self._becomes(path.after, after))
                    self._solver.add(z3.Implies(selector, taken))
        self._solver.add(z3.Or(*(c.selector for c in choices), self.domain.context))
        self._states.append(after)
        self._selected.append(choices)

    def _lowest_names(self, path: Path) -> Iterator[Expr]:
        """No lower name would do for an argument that is new, as far as those before it tell."""
        conjuncts = path.rule.when.args if path.rule.when.op is Op.AND else (path.rule.when,)
        known: set[str] = set()
        for parameter in path.rule.variables:
            known.add(parameter.name)
            sort = sort_of(parameter.type)
            if parameter.new and sort is not None:
                about = both(*(c for c in conjuncts if parameter.name in free_variables(c) <= known))
                chosen = path.arguments[parameter.name]
                for number, lower in enumerate(elements := self.domain.elements(sort)):
                    higher = z3.Or(*(chosen == e for e in elements[number + 1 :]), self.domain.context)
                    would_do = path.before.value(about, {**path.arguments, parameter.name: lower})
                    yield z3.Not(z3.And(higher, would_do))

    def run(self) -> tuple[tuple[State, ...], tuple[Transition, ...]]:
        """The run that was found, as Python makes it; RuntimeError where Python does not."""
        assert self._model is not None  # noqa: S101  # asked only where a run was found
        states = tuple(self._decoded(state, self._model) for state in self._states)
        if states[0] not in set(self.machine.initial()):
            raise RuntimeError("the two readings disagree: Z3 starts where Python does not")
        made = [self._made(depth, states, self._model) for depth in range(len(self._selected))]
        return states, tuple(made)

    def _made(self, depth: int, states: tuple[State, ...], model: z3.ModelRef) -> Transition:
        """Python's transition at a depth: the same rule, arguments, leaf and state after."""
        (chosen, *_) = (c for c in self._selected[depth] if z3.is_true(model.eval(c.selector)))
        arguments = zip(chosen.path.rule.variables, chosen.path.arguments.values(), strict=True)
        args = tuple(int(constant(self._states[0], p.type, model.eval(e, model_completion=True))) for p, e in arguments)
        for one in self.machine.exact(states[depth], chosen.rule):
            if (one.args, one.leaf, one.state) == (args, chosen.path.number, states[depth + 1]):
                return one
        raise RuntimeError(f"the two readings disagree: Z3 steps through {chosen.path.name}, Python does not")

    def _decoded(self, state: SymbolicState, model: z3.ModelRef) -> State:
        cells = ((f.value, cell) for f in self.machine.layout.fields for cell in self._cells(f, state))
        return tuple(int(constant(state, kind, model.eval(cell, model_completion=True))) for kind, cell in cells)

    def _start(self) -> Iterator[Expr]:
        """The initial states of the scope, and what never changes in it."""
        state = self._states[0]
        options: tuple[tuple[Value, ...], ...]
        for one in self.rules.fields:
            if one.role is Role.FIXED:
                options = (self.machine.layout.fixed[one],)
            elif one.initial is not None:
                options = ((one.initial,) * self.machine.layout.size(one),)
            else:
                options = self.machine.scope.initial[one.name]
            cells = self._cells(one, state)
            values = ([self.domain.value(one.value, v) for v in option] for option in options)
            equal = (z3.And(*map(_equal, cells, option), self.domain.context) for option in values)
            yield z3.Or(*equal, self.domain.context)
        yield state.value(self.rules.initially, {})

    def _becomes(self, made: SymbolicState, after: SymbolicState) -> Iterator[Expr]:
        for one in self.machine.layout.fields:
            yield from map(_equal, self._cells(one, after), self._cells(one, made))

    def _cells(self, one: Field, state: SymbolicState) -> list[Expr]:
        places = self.machine.layout.places(one)
        return [state.reads[one.name](*map(self._element, one.domain, at)) for at in places]

    def _element(self, sort: object, index: int) -> Expr:
        return self.domain.elements(sort)[index]  # type: ignore[arg-type]  # a field's domain is made of sorts


def state_of_cells(domain: Domain, fields: tuple[Field, ...], depth: int) -> SymbolicState:
    """A state of which nothing is known, with one unknown for each cell: quicker to search than functions are."""
    return SymbolicState(domain, {one.name: _cell_by_cell(domain, one, depth) for one in fields})


def _cell_by_cell(domain: Domain, one: Field, depth: int) -> Read:
    """A field as a case distinction over its places; what it holds at none, nobody asks."""
    label = one.name if one.role is Role.FIXED else f"{depth} {one.name}"
    places = list(itertools.product(*(domain.elements(sort) for sort in one.domain)))
    cells = [z3.Const(f"{label} {number}", domain.sort(one.value)) for number in range(max(1, len(places)))]

    def read(*at: Expr) -> Expr:
        found = cells[-1]
        for place, cell in zip(places, cells, strict=False):
            if all(a.eq(p) for a, p in zip(at, place, strict=True)):
                return cell
            if cell is not cells[-1]:
                found = z3.If(z3.And(*map(_equal, at, place)), cell, found)
        return found

    return read


def _equal(one: Expr, other: Expr) -> Expr:
    return one == other
