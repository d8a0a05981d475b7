"""The arithmetic over bit-vectors: the functions that run are run once more, on words of which nothing is known.

What runs are the lemmas of `tenure.reference.dma`, which call the functions that everybody calls. `words.py` is how they
run here; `confirmation.py` is the other way of proof, by CrossHair.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from typing import Any

import z3

from tenure.prover.words import Found, Second, Undecided, Way, Word
from tenure.reference.dma.lemmas import COUNTING, Lemma
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.ranges import Range
from tenure.reference.dma.widths import Width, top
from tenure.vocabulary.verdicts import Verdict

RLIMIT = 20_000_000
"""Z3's own unit of work, for the questions of one way through a lemma."""

FALSE = "it answers False"

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """How many bits an address has, and how many on the side that a function is told of; words may have one more."""

    address: int
    width: Width
    word: int

    def __str__(self) -> str:
        return f"{self.address}" if self.width == self.address else f"{self.address} on {self.width}"


@dataclass(frozen=True)
class Judged:
    """What one way of proof says about a lemma in a setting; where it is refuted, the arguments that do it."""

    lemma: str
    setting: Setting
    verdict: Verdict
    reason: str = ""
    arguments: tuple[tuple[str, Range | int], ...] = ()
    paths: int = 0
    seconds: float = 0.0


def settings(lemma: Lemma, widths: tuple[int, ...] = (32, 64)) -> Iterator[Setting]:
    """Each width; for what is told a width, a wide bus on a narrow host too; one bit more where bytes are counted."""
    spare = 1 if lemma.__name__ in {one.__name__ for one in COUNTING} else 0
    pairs = [(wide, wide) for wide in widths]
    if "width" in signature(lemma).parameters:
        pairs += [(wide, narrow) for wide in widths for narrow in widths if narrow < wide]
    return (Setting(wide, Width(narrow), wide + spare) for wide, narrow in pairs)


def over_bit_vectors(lemma: Lemma, setting: Setting, second: Second | None = None) -> Judged:
    """Prove a lemma for every argument in one setting, or find arguments that refute it; with a second solver, by both."""
    started = time.perf_counter()
    waiting: list[tuple[bool, ...]] = [()]
    verdict, reason, refuting = Verdict.PROVED, "", Arguments()
    paths = 0
    while waiting and verdict is Verdict.PROVED:
        paths += 1
        way = Way(_solver(), waiting.pop(), setting.word, second)
        arguments = _unknown(lemma, setting, way)
        verdict, reason = _end(lemma, arguments)
        if verdict is Verdict.REFUTED:
            refuting = _numbers(way, arguments)
        waiting += way.others
    if reason == FALSE and lemma(**refuting):
        raise RuntimeError(f"the two readings disagree: over bit-vectors {lemma.__name__} is False of {refuting}")
    seconds = time.perf_counter() - started
    return Judged(lemma.__name__, setting, verdict, reason, tuple(refuting.items()), paths, seconds)


def _end(lemma: Lemma, arguments: Arguments) -> tuple[Verdict, str]:
    """How one way through a lemma ends."""
    try:
        return (Verdict.PROVED, "") if lemma(**arguments) else (Verdict.REFUTED, FALSE)
    except Found as found:
        return Verdict.REFUTED, str(found)
    except Undecided as gave_up:
        return Verdict.UNKNOWN, str(gave_up)


def _solver() -> z3.Solver:
    solver = z3.SimpleSolver(ctx=z3.Context())
    solver.set("rlimit", RLIMIT)
    return solver


def _unknown(lemma: Lemma, setting: Setting, way: Way) -> Arguments:
    """An unknown for each parameter: any range, any address, any size of page; and the width, which is known."""
    found = Arguments()
    most = top(Width(setting.address))
    for name, parameter in signature(lemma, eval_str=True).parameters.items():
        if parameter.annotation is Width:
            found[name] = setting.width
        elif parameter.annotation is Range:
            first, last = (way.word(f"{name}.{end}", most) for end in Range._fields)
            way.assume(first <= last)
            found[name] = Range(first, last)  # type: ignore[arg-type]  # a word stands for an integer
        else:
            found[name] = way.word(name, setting.address - 1 if parameter.annotation is Shift else most)
    return found


def _numbers(way: Way, arguments: Arguments) -> Arguments:
    """The arguments as numbers that go this way, all of one model."""
    value_of = way.model()

    def number(value: Any) -> Any:
        if isinstance(value, Range):
            return Range(number(value.first), number(value.last))
        return value_of(value) if isinstance(value, Word) else value

    return {name: number(value) for name, value in arguments.items()}
