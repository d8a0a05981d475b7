"""Integers of which nothing is known but how many bits they have: Python's functions run on them, and fork.

A comparison of two of them is asked for, sooner or later, by an `if` or an `and`. Then the run goes one way and notes the
other; whoever runs the function does so again from the start, told how to go, until no way is left. A sum, a difference or
a shift to the left must lose no bit, on any way: Python's integers never do, those of C and Rust may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

Expr = Any
Second = Callable[[str], str]
"""Another solver: SMT-LIB in, its verdict out."""


class Found(Exception):  # noqa: N818  # no error: what was looked for is found, and the way ends
    """A way on which a lemma is false, or a bit is lost."""


class Undecided(Exception):  # noqa: N818  # no error: the way ends
    """The solver gave up, so nothing is known."""


class Way:
    """One run of a function: how its comparisons go, first as told, then as is possible."""

    def __init__(self, solver: z3.Solver, told: tuple[bool, ...], bits: int, second: Second | None = None) -> None:
        self.solver = solver
        self.second = second
        self.told = told
        self.bits = bits
        self.taken: list[bool] = []
        self.others: list[tuple[bool, ...]] = []

    def word(self, name: str, most: int) -> Word:
        """An unknown of this name, at most so much."""
        made = Word(self, z3.BitVec(name, self.bits, self.solver.ctx))
        self.assume(made <= most)
        return made

    def assume(self, truth: Truth) -> None:
        """From here on this is so."""
        self.solver.add(truth.condition)

    def decide(self, condition: Expr) -> bool:
        """Go one way at a comparison, and note the other if it can be gone too."""
        place = len(self.taken)
        if place < len(self.told):
            going = self.told[place]
        else:
            going = self.can(condition)
            if going and self.can(z3.Not(condition)):
                self.others.append((*self.taken, False))
        self.taken.append(going)
        self.solver.add(condition if going else z3.Not(condition))
        return going

    def owe(self, condition: Expr, loss: str) -> None:
        """End the way where an operation can lose a bit, with what makes it do so; what was told was looked at before."""
        if len(self.taken) >= len(self.told) and self.can(z3.Not(condition)):
            self.solver.add(z3.Not(condition))
            raise Found(loss)

    def can(self, *conditions: Expr) -> bool:
        """Some values of the unknowns go this way and meet the conditions."""
        said = self.solver.check(*conditions)
        if said == z3.unknown:
            raise Undecided(self.solver.reason_unknown())
        if said == z3.unsat and self.second is not None and (theirs := self.second(self._text(conditions))) != "unsat":
            raise Undecided(f"Z3 says unsat, the second solver {theirs}")
        return bool(said == z3.sat)

    def _text(self, conditions: tuple[Expr, ...]) -> str:
        """What Z3 was asked, as SMT-LIB for any solver."""
        asked = z3.Solver(ctx=self.solver.ctx)
        asked.add(*self.solver.assertions(), *conditions)
        return f"(set-logic QF_BV)\n{asked.to_smt2()}"

    def model(self) -> Callable[[Word], int]:
        """Values of the unknowns that go this way."""
        if not self.can():
            raise RuntimeError("nothing goes this way, and yet it was gone")
        model = self.solver.model()
        return lambda word: int(model.eval(word.term, model_completion=True).as_long())


class Truth:
    """What a comparison says: whoever asks makes the way fork."""

    __hash__ = None  # type: ignore[assignment]  # it is not known yet

    def __init__(self, way: Way, condition: Expr) -> None:
        self.way = way
        self.condition = condition

    def __bool__(self) -> bool:
        return self.way.decide(self.condition)

    def __eq__(self, other: object) -> bool:
        return bool(self) == bool(other)


class Word:
    """An unsigned integer of unknown value, which therefore cannot become a number, a key or an index."""

    __hash__ = None  # type: ignore[assignment]  # its value is not known

    def __init__(self, way: Way, term: Expr) -> None:
        self.way = way
        self.term = term

    def __add__(self, other: Word | int) -> Word:
        a, b = self.term, self._term(other)
        self.way.owe(z3.BVAddNoOverflow(a, b, signed=False), "a sum wraps")
        return Word(self.way, a + b)

    def __sub__(self, other: Word | int) -> Word:
        a, b = self.term, self._term(other)
        self.way.owe(z3.UGE(a, b), "a difference wraps")
        return Word(self.way, a - b)

    def __lshift__(self, other: Word | int) -> Word:
        a, b = self.term, self._term(other)
        self.way.owe(z3.ULE(a, z3.LShR(z3.BitVecVal(-1, self.way.bits, a.ctx), b)), "a shift to the left loses a bit")
        return Word(self.way, a << b)

    def __rshift__(self, other: Word | int) -> Word:
        return Word(self.way, z3.LShR(self.term, self._term(other)))

    def __radd__(self, other: int) -> Word:
        return Word(self.way, self._term(other)) + self

    def __rsub__(self, other: int) -> Word:
        return Word(self.way, self._term(other)) - self

    def __rlshift__(self, other: int) -> Word:
        return Word(self.way, self._term(other)) << self

    def __rrshift__(self, other: int) -> Word:
        return Word(self.way, self._term(other)) >> self

    def __lt__(self, other: Word | int) -> Truth:
        return Truth(self.way, z3.ULT(self.term, self._term(other)))

    def __le__(self, other: Word | int) -> Truth:
        return Truth(self.way, z3.ULE(self.term, self._term(other)))

    def __gt__(self, other: Word | int) -> Truth:
        return Truth(self.way, z3.UGT(self.term, self._term(other)))

    def __ge__(self, other: Word | int) -> Truth:
        return Truth(self.way, z3.UGE(self.term, self._term(other)))

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]  # whether they are equal is not known yet
        return Truth(self.way, self.term == self._term(other))

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]  # as above
        return Truth(self.way, self.term != self._term(other))

    def __bool__(self) -> bool:
        return bool(self != 0)

    def _term(self, value: object) -> Expr:
        if isinstance(value, Word):
            return value.term
        if not isinstance(value, int):
            raise TypeError(f"arithmetic meets {value!r}, which is no integer")
        if not 0 <= value < 1 << self.way.bits:
            raise Found(f"{value:#x} does not fit a word")
        return z3.BitVecVal(value, self.way.bits, self.way.solver.ctx)
