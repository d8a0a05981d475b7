"""The symbolic reading: terms as Z3 expressions over states that are functions.

Two domains share one translation. In the *open* domain sorts are uninterpreted: what is proved holds for any number of
objects. In a *finite* domain each sort has so many elements and quantifiers are spelled out: there counterexamples are
found, decoded and replayed. An effect never builds a new function: reading after it is a case distinction over reading
before, so a place that is not assigned cannot change.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import z3

from tenure.prover.expressions import (
    Expr,
    choice,
    conjunction,
    different,
    disjunction,
    equal,
    function,
    implied,
    negated,
)
from tenure.prover.tallies import Counted, Tally, any_tally, counted, recounted
from tenure.prover.totals import Added, added, added_again, any_total
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.symbols import Field, Role
from tenure.vocabulary.terms import Op, Term, bound_sort, rebuild
from tenure.vocabulary.types import NONE, Choice, Count, Flag, Maybe, Sort, Type, Value, default, sort_of


class Domain:
    """Z3's sorts and constants for the sorts and choices of the language."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = sizes
        self.context = z3.Context()
        self._sorts: dict[str, Any] = {}
        self._elements: dict[str, list[Expr]] = {}
        self._none: dict[str, Expr] = {}
        self._choices: dict[tuple[str, ...], list[Expr]] = {}

    def sort(self, kind: Type) -> Any:  # Z3's sorts have no common usable type
        """The Z3 sort of a type."""
        match kind:
            case Flag():
                return z3.BoolSort(self.context)
            case Count():
                return z3.IntSort(self.context)
            case Choice():
                return self.choices(kind)[0].sort()
            case Maybe() | Sort():
                return self.objects(_sort(kind))

    def objects(self, sort: Sort) -> Any:  # as above
        """The Z3 sort of the objects of a sort, with `none` among them."""
        if sort.name not in self._sorts:
            if self.sizes is None:
                made = z3.DeclareSort(sort.name, self.context)
                self._none[sort.name] = z3.Const(f"no {sort.name}", made)
            else:
                names = [f"no {sort.name}", *(sort.element(i) for i in range(self.sizes.get(sort.name, 0)))]
                made, constants = z3.EnumSort(sort.name, names, self.context)
                self._none[sort.name], self._elements[sort.name] = constants[0], constants[1:]
            self._sorts[sort.name] = made
        return self._sorts[sort.name]

    def none(self, sort: Sort) -> Expr:
        """The value of a pointer to this sort that points at nothing."""
        self.objects(sort)
        return self._none[sort.name]

    def elements(self, sort: Sort) -> list[Expr]:
        """The objects of a sort in a finite domain."""
        self.objects(sort)
        return self._elements[sort.name]

    def choices(self, kind: Choice) -> list[Expr]:
        """The alternatives of a choice."""
        if kind.values not in self._choices:
            label = f"{kind.name} {len(self._choices)}"
            self._choices[kind.values] = z3.EnumSort(label, [f"{label} {v}" for v in kind.values], self.context)[1]
        return self._choices[kind.values]

    def value(self, kind: Type, value: Value) -> Expr:
        """A value of the language as a Z3 constant."""
        match kind:
            case Flag():
                return z3.BoolVal(bool(value), self.context)
            case Count():
                return z3.IntVal(int(value), self.context)
            case Choice():
                return self.choices(kind)[value]
            case Maybe() | Sort():
                return self.none(_sort(kind)) if value == NONE else self.elements(_sort(kind))[value]

    def fresh(self, name: str, kind: Type) -> Expr:
        """A new unknown of this type; Z3 prints an apostrophe without the quotes that SMT-LIB asks for."""
        return z3.FreshConst(self.sort(kind), name.replace("'", "."))

    def is_object(self, kind: Type, expr: Expr) -> Expr:
        """`expr` is an object where its type allows no none."""
        return different(expr, self.none(kind)) if isinstance(kind, Sort) else z3.BoolVal(val=True, ctx=self.context)


Read = Callable[..., Expr]


@dataclass
class SymbolicState:
    """A state as functions to read: for each field, and for the tallies and totals that only proofs know."""

    domain: Domain
    reads: dict[str, Read]
    tallies: dict[str, Tally] = field(default_factory=dict)
    totals: dict[str, tuple[Added, Read]] = field(default_factory=dict)

    def value(  # noqa: C901  # one case for each operation of the language
        self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None = None
    ) -> Expr:
        """A term read in this state; `before` reads in the earlier one."""
        match term.op:
            case Op.CONSTANT:
                assert not isinstance(term.data, str) and term.data is not None  # noqa: S101, PT018  # constants hold values
                return self.domain.value(term.type, term.data)  # type: ignore[arg-type]  # not a symbol
            case Op.VARIABLE:
                return env[str(term.data)]
            case Op.BEFORE:
                assert earlier is not None  # noqa: S101  # only sentences about steps look back
                return earlier.value(term.args[0], env)
            case Op.READ:
                return self._read(term, env, earlier)
            case Op.EVERY | Op.SOME:
                return self._quantified(term, env, earlier)
            case Op.NUMBER:
                return self._number(term, env, earlier)
            case Op.TOTAL:
                return self._total(term, env, earlier)
        args = [self.value(a, env, earlier) for a in term.args]
        match term.op:
            case Op.EQUAL:
                return equal(args[0], args[1])
            case Op.NOT:
                return negated(args[0])
            case Op.AND:
                return conjunction(args, self.domain.context)
            case Op.OR:
                return disjunction(args, self.domain.context)
            case Op.IMPLIES:
                return implied(args[0], args[1])
            case Op.IF:
                return choice(args[0], args[1], args[2])
            case Op.LESS:
                return args[0] < args[1]
            case Op.AT_MOST:
                return args[0] <= args[1]
            case Op.PLUS:
                return args[0] + args[1]
            case Op.MINUS:
                return args[0] - args[1]
        message = f"{term.op.name} has no symbolic reading"
        raise TypeError(message)

    def _read(self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None) -> Expr:
        one = term.data
        assert isinstance(one, Field)  # noqa: S101  # observables are inlined before
        args = [self.value(a, env, earlier) for a in term.args]
        found = self.reads[one.name](*args)
        missing = [
            equal(a, self.domain.none(s))
            for a, s, t in zip(args, one.domain, term.args, strict=True)
            if isinstance(t.type, Maybe)
        ]
        any_object_will_do = isinstance(one.value, Sort) and self.domain.sizes is None
        if not missing or any_object_will_do:
            return found
        return choice(disjunction(missing, self.domain.context), self._default(one), found)

    def _default(self, one: Field) -> Expr:
        return self.domain.value(one.value, default(one.value))

    def _quantified(self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None) -> Expr:
        sort = bound_sort(term)
        name = str(term.data)
        if self.domain.sizes is not None:
            bodies = [self.value(term.args[1], {**env, name: e}, earlier) for e in self.domain.elements(sort)]
            context = self.domain.context
            return conjunction(bodies, context) if term.op is Op.EVERY else disjunction(bodies, context)
        if term.op is Op.EVERY and term.args[1].op is Op.AND:
            pieces = (rebuild(term, (term.args[0], piece)) for piece in term.args[1].args)
            return z3.And(*(self.value(one, env, earlier) for one in pieces))
        if term.op is Op.EVERY:
            return self._universal(term, env, earlier)
        bound = self.domain.fresh(name, sort)
        body = self.value(term.args[1], {**env, name: bound}, earlier)
        real = self.domain.is_object(sort, bound)
        return z3.Exists([bound], z3.And(real, body))

    def _universal(self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None) -> Expr:
        """One quantifier for all that stand side by side: alone, the outer one would have nothing to be matched with."""
        known = dict(env)
        bound: list[Expr] = []
        real: list[Expr] = []
        while term.op is Op.EVERY and not (bound and term.args[1].op is Op.AND):
            sort = bound_sort(term)
            one = known[str(term.data)] = self.domain.fresh(str(term.data), sort)
            bound.append(one)
            real.append(self.domain.is_object(sort, one))
            term = term.args[1]
        return z3.ForAll(bound, z3.Implies(z3.And(*real), self.value(term, known, earlier)))

    def _number(self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None) -> Expr:
        sort = bound_sort(term)
        name = str(term.data)
        if self.domain.sizes is not None:
            context = self.domain.context
            ones = [
                z3.If(self.value(term.args[1], {**env, name: e}, earlier), z3.IntVal(1, context), z3.IntVal(0, context))
                for e in self.domain.elements(sort)
            ]
            return z3.Sum([z3.IntVal(0, context), *ones])
        one, target = counted(term)
        return self.tallies[one.name].size(self.value(target, env, earlier))

    def _total(self, term: Term, env: Mapping[str, Expr], earlier: SymbolicState | None) -> Expr:
        sort = bound_sort(term)
        name = str(term.data)
        if self.domain.sizes is not None:
            ones = [self.value(term.args[1], {**env, name: e}, earlier) for e in self.domain.elements(sort)]
            return z3.Sum([z3.IntVal(0, self.domain.context), *ones])
        one, target = added(term)
        _, total = self.totals[one.name]
        return total(self.value(target, env, earlier))

    def after(self, effects: tuple[Assign, ...], env: Mapping[str, Expr]) -> tuple[SymbolicState, dict[str, Expr]]:
        """The state after these effects, and the locals that they assigned; everything is read in this state."""
        reads = dict(self.reads)
        tallies = dict(self.tallies)
        totals = dict(self.totals)
        local = dict(env)
        for effect in effects:
            if effect.field is None:
                local[str(effect.target.data)] = self.value(effect.value, env)
            else:
                before = dict(reads)
                reads[effect.field.name] = self._assigned(effect, reads[effect.field.name], env)
                for name, (one, total) in totals.items():
                    if effect.field.name in (one.pointer.name, one.amount.name):
                        totals[name] = one, added_again(one, total, effect, self, env, before, dict(reads))
                for name, tally in tallies.items():
                    if tally.counted.field.name == effect.field.name:
                        tallies[name] = recounted(tally, effect, self, env)
        return SymbolicState(self.domain, reads, tallies, totals), local

    def _assigned(self, effect: Assign, old: Read, env: Mapping[str, Expr]) -> Read:
        """Reading after an assignment: the new value at the places assigned, the old one everywhere else."""
        one = effect.field
        assert one is not None  # noqa: S101  # the caller looked

        def read(*at: Expr) -> Expr:
            here = dict(env)
            for bound in effect.bound:
                position = next(i for i, a in enumerate(effect.target.args) if a.key == bound.key)
                here[str(bound.data)] = at[position]
            names = {str(b.data) for b in effect.bound}
            hits = [self.value(effect.where, here)]
            for argument, place, sort in zip(effect.target.args, at, one.domain, strict=True):
                if argument.op is Op.VARIABLE and str(argument.data) in names:
                    continue
                hits.append(equal(place, self.value(argument, here)))
                if isinstance(argument.type, Maybe):
                    hits.append(different(place, self.domain.none(sort)))
            return choice(conjunction(hits, self.domain.context), self.value(effect.value, here), old(*at))

        return read


def any_state(
    domain: Domain,
    fields: tuple[Field, ...],
    tallied: tuple[Counted, ...],
    label: str,
    totalled: tuple[Added, ...] = (),
) -> SymbolicState:
    """A state of which nothing is known: one uninterpreted function for each field, and those of each tally and total."""
    reads = {one.name: _function(domain, one, f"{label}{one.name}") for one in fields}
    tallies = {one.name: any_tally(domain, one, label) for one in tallied} if domain.sizes is None else {}
    totals = {one.name: (one, any_total(domain, one, label)) for one in totalled}
    return SymbolicState(domain, reads, tallies, totals)


def _function(domain: Domain, one: Field, label: str) -> Read:
    name = one.name if one.role is Role.FIXED else label
    if not one.domain:
        constant = z3.Const(name, domain.sort(one.value))
        return lambda: constant
    return function(name, [domain.objects(s) for s in one.domain], domain.sort(one.value))


def well_typed(state: SymbolicState, fields: tuple[Field, ...]) -> list[Expr]:
    """A field whose type allows no none holds an object."""
    domain = state.domain
    found = []
    for one in fields:
        if not isinstance(one.value, Sort):
            continue
        if domain.sizes is not None:
            places = itertools.product(*(domain.elements(s) for s in one.domain))
            found += [state.reads[one.name](*p) != domain.none(one.value) for p in places]
        else:
            bound = [domain.fresh("x", s) for s in one.domain]
            real = state.reads[one.name](*bound) != domain.none(one.value)
            found.append(z3.ForAll(bound, real) if bound else real)
    return found


def _sort(kind: Type) -> Sort:
    found = sort_of(kind)
    assert found is not None  # noqa: S101  # asked only of pointers
    return found
