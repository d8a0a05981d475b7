"""The two readings held together: at a small scope Python makes exactly the transitions that Z3 allows.

A wrong frame, a wrong order of cases or a lost guard in either reading would void every proof unseen; here it is a
`Disagreement`. Z3's transitions are read off a model of each state, and a solver is asked, once for each rule, whether
there are any others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import z3

from tenure.prover.counterexamples import constant
from tenure.prover.evaluation import truth
from tenure.prover.expressions import Expr
from tenure.prover.logic import Domain, SymbolicState, any_state, well_typed
from tenure.prover.paths import Path, paths_of
from tenure.prover.turns import Chosen, Turn, Way, turns
from tenure.vocabulary.calls import Finish, Refuse
from tenure.vocabulary.machine import Machine, State, Transition
from tenure.vocabulary.rules import Outcome, Paused, Rule, Rules
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.types import NONE, Choice, Count, Flag, Maybe, Sort, Type

Translate = Callable[[Rule, SymbolicState], Iterator[Path]]
"""How rules become symbolic paths."""

Place = tuple[State, Sequence[int]]
"""A state, and the rules that are compared there."""


class Move(NamedTuple):
    """One transition, as either reading tells it."""

    rule: str
    args: tuple[int, ...]
    leaf: str
    outcome: str
    values: tuple[int, ...]
    state: State


@dataclass(frozen=True)
class Disagreement:
    """A transition that one reading makes from `state` and the other does not."""

    made_by: str
    """``python`` or ``z3``."""
    machine: Machine
    state: State
    move: Move

    def __str__(self) -> str:
        one = self.move
        other = "z3" if self.made_by == "python" else "python"
        before, after = self.machine.render(self.state), self.machine.render(one.state)
        changes = [
            f"{name}[{at}] {value} -> {after[name][at]}"
            for name, places in before.items()
            for at, value in places.items()
            if after[name][at] != value
        ]
        shown = f"{one.rule}{one.args} by {one.leaf} {one.outcome} {one.values}"
        return f"only {self.made_by}, not {other}: {shown}: {'; '.join(changes) or 'nothing changes'}"


def disagreements(z3_reading: Reading, places: Iterable[Place]) -> Iterator[Disagreement]:
    """Every transition that only one reading makes, with every name for arguments and new objects: from each state by its rules."""
    machine = z3_reading.machine
    for state, numbers in places:
        z3_reading.enter(state)
        for number in numbers:
            ours = {move_of(machine, made) for made in machine.exact(state, number)}
            theirs = set(z3_reading.moves(number))
            yield from (Disagreement("python", machine, state, one) for one in sorted(ours - theirs))
            yield from (Disagreement("z3", machine, state, one) for one in sorted(theirs - ours))
            if ours == theirs and z3_reading.owes_a_query(number, enabled=bool(ours)):
                yield from (Disagreement("z3", machine, state, one) for one in z3_reading.others(number, ours))


def places_before_leaves(reading: Reading) -> list[Place]:
    """For each way through a rule, a state from which Z3 takes it, reachable or not, where the scope has one."""
    numbers = range(len(reading.rules.rules))
    return placed((state, number) for number in numbers for state in reading.before_leaves(number))


def placed(found: Iterable[tuple[State, int]]) -> list[Place]:
    """Each state once, with every rule that was found there."""
    rules_at: dict[State, set[int]] = {}
    for state, number in found:
        rules_at.setdefault(state, set()).add(number)
    return [(state, sorted(numbers)) for state, numbers in sorted(rules_at.items())]


def move_of(machine: Machine, made: Transition) -> Move:
    """Python's transition in the words that both readings share."""
    leaf = machine.leaves[made.rule][made.leaf]
    name = machine.rules.rules[made.rule].name
    return Move(name, made.args, leaf.name, ending(leaf.outcome), made.values, made.state)


def ending(outcome: Outcome) -> str:
    """How a transition ends, in words."""
    match outcome:
        case Paused():
            return f"pauses before {outcome.step}"
        case Finish():
            return f"is done with {', '.join(n for n, _ in outcome.values) or 'nothing'}"
        case Refuse():
            return f"is refused with {outcome.errno}"
        case _:
            return "crashes"


@dataclass
class _Way:
    """One path with each unknown that must be chosen, and what it leaves: the cells it may change and its values."""

    path: Path
    unknowns: list[Expr]
    kinds: list[Type]
    cells: dict[int, Expr]
    """By place in the state; cells of fields that keep their very function are left out: they cannot change."""
    shown: list[Expr]
    left: dict[Chosen, tuple[list[Expr], list[Expr]]] = field(default_factory=dict)
    """By what is chosen, where the path was once enabled: what it leaves."""


@dataclass
class _SymbolicRule:
    """All paths of one rule, as the turns at which they part."""

    ways: list[_Way]
    turns: list[Turn[_Way]]
    queries: int = 0
    enabled_queries: int = 0


class Reading:
    """Z3's reading of a machine's rules over its finite sorts, one concrete state at a time."""

    def __init__(self, rules: Rules, machine: Machine, translate: Translate = paths_of) -> None:
        self.rules = rules
        self.machine = machine
        self.domain = Domain(machine.scope.sizes)
        self.before = any_state(self.domain, rules.fields, (), "")
        self._kinds = [f.value for f in machine.layout.fields for _ in range(machine.layout.size(f))]
        self._places = self._cells(self.before)
        self._fixed = self._fixed_equations()
        self._state: State = ()
        self._equations: list[Expr] = []
        self._model: z3.ModelRef | None = None
        self._known: dict[tuple[int, int], Expr] = {}
        self._values: dict[Type, dict[int, Expr]] = {}
        self._rules = [self._symbolic(rule, translate) for rule in rules.rules]

    def enter(self, state: State) -> None:
        """Read in this state from now on."""
        self._equations = [self._equation(place, value) for place, value in enumerate(state)]
        solver = z3.Solver(ctx=self.domain.context)
        solver.add(*self._fixed, *self._equations)
        if solver.check() != z3.sat:
            message = "Z3 finds no model of a concrete state"
            raise RuntimeError(message)
        self._state, self._model = state, solver.model()

    def moves(self, number: int) -> Iterator[Move]:
        """The transitions of one rule from the present state."""
        for turn in self._rules[number].turns:
            for way, chosen in turn.taken((), self._choices, self._holds):
                yield self._move(number, way, chosen)

    def owes_a_query(self, number: int, *, enabled: bool) -> bool:
        """Whether the solver has yet to be asked about this rule: once at all, and once where it can be taken."""
        symbolic = self._rules[number]
        return symbolic.queries == 0 or (enabled and symbolic.enabled_queries == 0)

    def others(self, number: int, known: set[Move]) -> list[Move]:
        """Transitions of one rule besides those known; RuntimeError where the solver cannot say."""
        symbolic = self._rules[number]
        symbolic.queries += 1
        symbolic.enabled_queries += bool(known)
        solver = z3.Solver(ctx=self.domain.context)
        solver.add(*self._fixed, *self._equations)
        for way in symbolic.ways:
            solver.push()
            solver.add(*way.path.conditions)
            solver.add(*(z3.Not(self._is(way, one)) for one in known if one.leaf == way.path.name))
            verdict = solver.check()
            if verdict == z3.unknown:
                message = f"Z3 cannot say whether {way.path.name} makes further transitions"
                raise RuntimeError(message)
            if verdict == z3.sat:
                return [self._witness(number, way, solver.model())]
            solver.pop()
        return []

    def before_leaves(self, number: int) -> Iterator[State]:
        """A state before each leaf of a rule."""
        solver = z3.Solver(ctx=self.domain.context)
        solver.add(*self._fixed, *well_typed(self.before, self.rules.fields))
        for way in self._rules[number].ways:
            solver.push()
            solver.add(*way.path.conditions)
            if solver.check() == z3.sat:
                self._model = solver.model()
                cells = zip(self._places.values(), self._kinds, strict=True)
                yield tuple(int(constant(self.before, kind, self._value(cell))) for cell, kind in cells)
            solver.pop()

    def _symbolic(self, rule: Rule, translate: Translate) -> _SymbolicRule:
        ways = [self._way(path) for path in translate(rule, self.before)]
        return _SymbolicRule(ways, turns([Way(way, way.unknowns, way.kinds, way.path.conditions) for way in ways]))

    def _way(self, path: Path) -> _Way:
        unknowns = [*path.arguments.values(), *path.picked]
        kinds: list[Type] = [p.type for p in path.rule.variables]
        kinds += [b.pick.variable.type for b in path.branches if b.pick is not None]
        moved = self._cells(path.after, besides=path.before)
        values = path.outcome.values if isinstance(path.outcome, Finish) else ()
        return _Way(path, unknowns, kinds, moved, [path.after.value(term, path.env) for _, term in values])

    def _choices(self, kind: Type) -> dict[int, Expr]:
        """Each value of a type in this scope, with Z3's constant for it."""
        if kind not in self._values:
            self._values[kind] = {v: self.domain.value(kind, v) for v in range(*_bounds(kind, self.machine))}
        return self._values[kind]

    def _move(self, number: int, way: _Way, chosen: Chosen) -> Move:
        if chosen not in way.left:
            values = (self._choices(kind)[value] for kind, value in zip(way.kinds, chosen, strict=True))
            pairs = list(zip(way.unknowns, values, strict=True))
            cells = [z3.substitute(e, *pairs) for e in way.cells.values()]
            way.left[chosen] = (cells, [z3.substitute(e, *pairs) for e in way.shown])
        cells, shown = way.left[chosen]
        args = chosen[: len(way.path.arguments)]
        return self._told(number, way, args, [self._value(e) for e in cells], [self._value(e) for e in shown])

    def _told(self, number: int, way: _Way, args: tuple[int, ...], cells: list[Expr], shown: list[Expr]) -> Move:
        """A transition out of the present state, from Z3's constants."""
        state = list(self._state)
        for place, expr in zip(way.cells, cells, strict=True):
            state[place] = int(constant(self.before, self._kinds[place], expr))
        outcome = way.path.outcome
        kinds = [t.type for _, t in outcome.values] if isinstance(outcome, Finish) else []
        values = tuple(int(constant(self.before, k, e)) for k, e in zip(kinds, shown, strict=True))
        return Move(self.rules.rules[number].name, args, way.path.name, ending(outcome), values, tuple(state))

    def _is(self, way: _Way, one: Move) -> Expr:
        """The path makes exactly this transition."""
        arguments = zip(way.path.arguments.values(), way.kinds, one.args, strict=False)
        pieces = [unknown == self.domain.value(kind, value) for unknown, kind, value in arguments]
        pieces += [cell == self.domain.value(self._kinds[at], one.state[at]) for at, cell in way.cells.items()]
        outcome = way.path.outcome
        kinds = [t.type for _, t in outcome.values] if isinstance(outcome, Finish) else []
        pieces += [e == self.domain.value(k, v) for e, k, v in zip(way.shown, kinds, one.values, strict=True)]
        return self._all(pieces)

    def _all(self, conditions: list[Expr]) -> Expr:
        """Every condition at once."""
        return z3.And(*conditions, z3.BoolVal(val=True, ctx=self.domain.context))

    def _witness(self, number: int, way: _Way, model: z3.ModelRef) -> Move:
        self._model = model
        kinds = [p.type for p in self.rules.rules[number].variables]
        found = zip(way.path.arguments.values(), kinds, strict=True)
        args = tuple(int(constant(self.before, kind, self._value(unknown))) for unknown, kind in found)
        cells, shown = [self._value(e) for e in way.cells.values()], [self._value(e) for e in way.shown]
        return self._told(number, way, args, cells, shown)

    def _holds(self, condition: Expr) -> bool:
        """The condition is true in the present state."""
        assert self._model is not None  # noqa: S101  # a state was entered
        found = truth(self._model, condition)
        if found is None:
            message = f"Z3 does not evaluate {condition}"
            raise RuntimeError(message)
        return found

    def _value(self, expr: Expr) -> Expr:
        assert self._model is not None  # noqa: S101  # a state was entered
        return self._model.eval(expr, model_completion=True)

    def _cells(self, state: SymbolicState, besides: SymbolicState | None = None) -> dict[int, Expr]:
        """The cells of a state by place, those left out that read by the same function in the state `besides`."""
        layout = self.machine.layout
        found: dict[int, Expr] = {}
        for one in layout.fields:
            read = state.reads[one.name]
            if besides is not None and read is besides.reads[one.name]:
                continue
            for offset, at in enumerate(layout.places(one)):
                found[layout.offset[one.name] + offset] = read(*self._objects(one, at))
        return found

    def _equation(self, place: int, value: int) -> Expr:
        """The cell of a place holds this value."""
        if (place, value) not in self._known:
            self._known[place, value] = self._places[place] == self.domain.value(self._kinds[place], value)
        return self._known[place, value]

    def _objects(self, one: Field, at: tuple[int, ...]) -> list[Expr]:
        return [self.domain.elements(sort)[i] for sort, i in zip(one.domain, at, strict=True)]

    def _fixed_equations(self) -> list[Expr]:
        layout = self.machine.layout
        return [
            self.before.reads[one.name](*self._objects(one, at)) == self.domain.value(one.value, value)
            for one, values in layout.fixed.items()
            for at, value in zip(layout.places(one), values, strict=True)
        ]


def _bounds(kind: Type, machine: Machine) -> tuple[int, int]:
    """The first value of a type in a scope, and the one after the last."""
    sizes: Mapping[str, int] = machine.scope.sizes
    match kind:
        case Flag():
            return 0, 2
        case Choice():
            return 0, len(kind.values)
        case Sort():
            return 0, sizes.get(kind.name, 0)
        case Maybe():
            return NONE, sizes.get(kind.sort.name, 0)
        case Count():
            message = "a count cannot be enumerated"
            raise TypeError(message)
