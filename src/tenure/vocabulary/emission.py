"""Python text for terms and effects: how the Python reading is compiled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from tenure.vocabulary.calls import Pick
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.symbols import Field, Role, Symbol
from tenure.vocabulary.terms import TRUE, Op, Term, bound_sort, constant, substitute
from tenure.vocabulary.types import NONE, Choice, Count, Flag, Maybe, Sort, Type, Value, default, written

INFIX = {Op.EQUAL: "==", Op.LESS: "<", Op.AT_MOST: "<=", Op.PLUS: "+", Op.MINUS: "-"}


BEFORE = "before"
"""What compiled sentences about a step call the state before it."""


class Layout:
    """Where each field lives in a state, and the compiler's names for what never changes."""

    def __init__(
        self, fields: tuple[Field, ...], sizes: Mapping[str, int], fixed: Mapping[str, tuple[Value, ...]]
    ) -> None:
        self.sizes = sizes
        self.fields = tuple(f for f in fields if f.role is not Role.FIXED)
        constants = tuple(f for f in fields if f.role is Role.FIXED)
        self._constants = {f.name: self._fixed_values(f, fixed) for f in constants}
        self.fixed = {f: self._constants[f.name] for f in constants}
        self.offset: dict[str, int] = {}
        total = 0
        for one in self.fields:
            self.offset[one.name] = total
            total += self.size(one)
        self.width = total
        self._functions: dict[tuple[object, ...], Callable[..., Any]] = {}

    def _fixed_values(self, one: Field, fixed: Mapping[str, tuple[Value, ...]]) -> tuple[Value, ...]:
        given = fixed.get(one.name)
        return given if given is not None else (default(one.value),) * self.size(one)

    def size(self, one: Field) -> int:
        """How many places the field has."""
        total = 1
        for sort in one.domain:
            total *= self.sizes.get(sort.name, 0)
        return total

    def values(self, kind: Type) -> str:
        """The values of a type in this scope, as Python text to loop over."""
        match kind:
            case Sort():
                return f"range({self.sizes.get(kind.name, 0)})"
            case Maybe():
                return f"range({NONE}, {self.sizes.get(kind.sort.name, 0)})"
            case Choice():
                return f"range({len(kind.values)})"
            case Flag():
                return "(0, 1)"
            case Count():
                message = "a count cannot be enumerated"
                raise TypeError(message)

    def places_of(self, one: Symbol) -> list[tuple[int, ...]]:
        """The arguments of any symbol, row by row."""
        return list(itertools.product(*(range(self.sizes.get(s.name, 0)) for s in one.domain)))

    def places(self, one: Field) -> list[tuple[int, ...]]:
        """The arguments of a field, in the order in which its values are laid out."""
        return self.places_of(one)

    def render(self, state: tuple[int, ...]) -> dict[str, dict[str, str | int | bool]]:
        """A state by field and place, in written form."""
        shown: dict[str, dict[str, str | int | bool]] = {}
        for one in self.fields:
            base = self.offset[one.name]
            shown[one.name] = {
                ",".join(s.element(i) for s, i in zip(one.domain, place, strict=True)): written(
                    one.value, state[base + k]
                )
                for k, place in enumerate(self.places(one))
            }
        return shown

    def render_fixed(self) -> dict[str, dict[str, str | int | bool]]:
        """The fields that never change, in written form."""
        return {
            one.name: {
                ",".join(s.element(i) for s, i in zip(one.domain, place, strict=True)): written(one.value, values[k])
                for k, place in enumerate(self.places(one))
            }
            for one, values in self.fixed.items()
        }

    def function(self, term: Term, names: tuple[str, ...] = ()) -> Callable[..., Any]:
        """A term as a Python function of a state (``before=`` another) and the variables named; compiled once."""
        key = (term.key, names)
        if key not in self._functions:
            env = {name: f"v{i}" for i, name in enumerate(names)}
            text = Emission(self).value(term, "s", env)
            made = self.compile(f"def term({', '.join(['s', *env.values(), f'{BEFORE}=None'])}):\n    return {text}")
            self._functions[key] = made["term"]
        return self._functions[key]

    def compile(self, text: str) -> dict[str, Any]:
        """Run the text of some functions and give them back by name."""
        from tenure.vocabulary.machine import Transition  # noqa: PLC0415  # the one name that compiled rules construct

        names: dict[str, Any] = {"T": Transition, "F": self._constants}
        exec(_code(text), names)  # noqa: S102  # text written by this module from typed terms
        return names


@lru_cache(maxsize=2_000)
def _code(text: str) -> CodeType:
    """The text compiled: machines of one scope share most of their rules, whatever they do otherwise."""
    return compile(text, "<rules>", "exec")


class Emission:
    """Writes terms and effects as Python text over one layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._temporary = itertools.count()

    def flag(self, term: Term, state: str, env: Mapping[str, str]) -> str:
        """A condition as Python text."""
        return self.value(term, state, env)

    def value(self, term: Term, state: str, env: Mapping[str, str]) -> str:
        """A term as Python text."""
        match term.op:
            case Op.CONSTANT:
                return str(term.data)
            case Op.VARIABLE:
                return env[str(term.data)]
            case Op.READ:
                return self._read(term, state, env)
            case Op.BEFORE:
                return self.value(term.args[0], BEFORE, env)
            case Op.NOT:
                return _not(self.value(term.args[0], state, env))
            case Op.AND:
                return _join("and", [self.value(a, state, env) for a in term.args], "True", "False")
            case Op.OR:
                return _join("or", [self.value(a, state, env) for a in term.args], "False", "True")
            case Op.IMPLIES:
                premise, conclusion = (self.value(a, state, env) for a in term.args)
                return _join("or", [_not(premise), conclusion], "False", "True")
            case Op.IF:
                test, then, other = (self.value(a, state, env) for a in term.args)
                return {"True": then, "False": other}.get(test, f"({then} if {test} else {other})")
            case Op.EVERY:
                return _join("and", self._instances(term, state, env), "True", "False")
            case Op.SOME:
                return _join("or", self._instances(term, state, env), "False", "True")
            case Op.NUMBER | Op.TOTAL:
                each = self._instances(term, state, env)
                return _sum(each if term.op is Op.TOTAL else [f"bool({one})" for one in each])
            case Op.EQUAL | Op.LESS | Op.AT_MOST | Op.PLUS | Op.MINUS:
                left, right = (self.value(a, state, env) for a in term.args)
                if term.op is Op.EQUAL and _is_number(left) and _is_number(right):
                    return str(int(left) == int(right))
                return f"({left} {INFIX[term.op]} {right})"
            case _:
                message = f"{term.op.name} has no value in a single state"
                raise TypeError(message)

    def _instances(self, term: Term, state: str, env: Mapping[str, str]) -> list[str]:
        sort = bound_sort(term)
        bodies = (substitute(term.args[1], {str(term.data): constant(i, sort)}) for i in self._range(sort))
        return [self.value(body, state, env) for body in bodies]

    def _range(self, sort: Sort) -> range:
        return range(self.layout.sizes.get(sort.name, 0))

    def _read(self, term: Term, state: str, env: Mapping[str, str]) -> str:
        one = term.data
        assert isinstance(one, Field)  # noqa: S101  # observables are inlined before
        args = [self.value(a, state, env) for a in term.args]
        if any(a == str(NONE) for a in args) or self.layout.size(one) == 0:
            return str(default(one.value))
        guards = []
        for position, argument in enumerate(term.args):
            if isinstance(argument.type, Maybe) and not _is_number(args[position]):
                if not args[position].isidentifier():
                    name = f"x{next(self._temporary)}"
                    guards.append(f"({name} := {args[position]}) >= 0")
                    args[position] = name
                else:
                    guards.append(f"{args[position]} >= 0")
        place = self.place(one, args)
        text = self._cell(one, place, state)
        return f"({text} if {' and '.join(guards)} else {default(one.value)})" if guards else text

    def _cell(self, one: Field, place: str, state: str) -> str:
        if one not in self.layout.fixed:
            return f"{state}[{place}]"
        values = self.layout.fixed[one]
        return str(values[int(place)]) if _is_number(place) else f"F[{one.name!r}][{place}]"

    def place(self, one: Field, args: list[str]) -> str:
        """Where in the state (or in a fixed field's values) this place is, as Python text."""
        base = self.layout.offset.get(one.name, 0)
        scale = 1
        pieces: list[str] = []
        for sort, argument in zip(reversed(one.domain), reversed(args), strict=True):
            if _is_number(argument):
                base += int(argument) * scale
            else:
                pieces.append(argument if scale == 1 else f"{argument}*{scale}")
            scale *= self.layout.sizes.get(sort.name, 0)
        return "+".join([*([str(base)] if base or not pieces else []), *pieces])

    def effects(
        self, effects: tuple[Assign, ...], state: str, after: str, env: dict[str, str], depth: int
    ) -> list[str]:
        """Python text that makes `after` out of `state`; all effects read the old state."""
        pad = "    " * depth
        if not effects:
            return [f"{pad}{after} = {state}"]
        lines = [f"{pad}{after} = list({state})"]
        renamed: dict[str, str] = {}
        for effect in effects:
            if effect.field is None:
                name = f"l{next(self._temporary)}"
                lines.append(f"{pad}{name} = {self.value(effect.value, state, env)}")
                renamed[str(effect.target.data)] = name
                continue
            for one in self._copies(effect):
                lines += self._assignment(one, state, after, env, pad)
        env.update(renamed)
        return lines

    def _copies(self, effect: Assign) -> list[Assign]:
        """One assignment for each object, or each two, that a simultaneous effect is bound to; one where it is bound to none."""
        made = []
        for chosen in itertools.product(*(self._range(_sort(bound)) for bound in effect.bound)):
            by = {str(b.data): constant(i, b.type) for b, i in zip(effect.bound, chosen, strict=True)}
            one = effect.substituted(by)
            made.append(Assign(one.target, one.value, (), one.where))
        return made

    def _assignment(self, effect: Assign, state: str, after: str, env: Mapping[str, str], pad: str) -> list[str]:
        one = effect.field
        assert one is not None  # noqa: S101  # locals are handled by the caller
        if self.layout.size(one) == 0:
            return []
        args = [self.value(a, state, env) for a in effect.target.args]
        guards = [f"{text} >= 0" for a, text in zip(effect.target.args, args, strict=True) if isinstance(a.type, Maybe)]
        where = self.value(effect.where, state, env) if effect.where.key != TRUE.key else "True"
        condition = _join("and", [where, *guards], "True", "False")
        if condition == "False":
            return []
        text = f"{after}[{self.place(one, args)}] = int({self.value(effect.value, state, env)})"
        return [f"{pad}{text}" if condition == "True" else f"{pad}if {condition}: {text}"]

    def some_picked(self, pick: Pick, state: str, env: Mapping[str, str]) -> str:
        """Some object can be picked."""
        sort = pick.variable.type
        assert isinstance(sort, Sort)  # noqa: S101  # built so by `choosing`
        bodies = [substitute(pick.where, {str(pick.variable.data): constant(i, sort)}) for i in self._range(sort)]
        return _join("or", [self.value(b, state, env) for b in bodies], "False", "True")

    def pick_loop(self, pick: Pick, state: str, env: dict[str, str], depth: int) -> list[str]:
        """A loop over the objects that can be picked; `env` learns the loop variable."""
        pad = "    " * depth
        name = f"p{next(self._temporary)}"
        env[str(pick.variable.data)] = name
        where = self.value(pick.where, state, env)
        return [f"{pad}for {name} in {self.layout.values(pick.variable.type)}:", f"{pad}    if not {where}: continue"]


def _sort(bound: Term) -> Sort:
    assert isinstance(bound.type, Sort)  # noqa: S101  # built so by `each`
    return bound.type


def _sum(texts: list[str]) -> str:
    return "(" + " + ".join(["0", *texts]) + ")"


def _not(text: str) -> str:
    return {"True": "False", "False": "True"}.get(text, f"(not {text})")


def _join(word: str, texts: list[str], neutral: str, absorbing: str) -> str:
    if absorbing in texts:
        return absorbing
    left = [t for t in texts if t != neutral]
    if not left:
        return neutral
    return left[0] if len(left) == 1 else "(" + f" {word} ".join(left) + ")"


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()
