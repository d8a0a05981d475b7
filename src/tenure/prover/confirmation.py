"""The arithmetic over unbounded integers: CrossHair runs the same lemmas, and only what it calls CONFIRMED is proved.

CrossHair follows a function along every path, with Python's own integers of unknown value. It tells page sizes apart one by
one, which takes its time for all of them; asked for a few, it answers at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from inspect import BoundArguments, Parameter, Signature, signature
from itertools import chain
from typing import Any

from crosshair.condition_parser import POSTCONDITION, PRECONDITION, ConditionExpr, Conditions
from crosshair.core import ConditionCheckable, deep_realize
from crosshair.core_and_libs import MessageType, run_checkables
from crosshair.fnutil import FunctionInfo
from crosshair.options import DEFAULT_OPTIONS
from crosshair.tracers import ResumedTracing

from tenure.prover.arithmetic import FALSE, Arguments, Judged, Setting, settings
from tenure.reference.dma.lemmas import Lemma
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.ranges import Range
from tenure.reference.dma.widths import Width, top
from tenure.vocabulary.verdicts import Verdict

SECONDS = 60.0
"""CrossHair's own limit is one of processor time; a lemma takes a tenth of a second."""

PAGE_SHIFTS = (Shift(0), Shift(12), Shift(21))
"""Bytes, and pages of 4 KiB and 2 MiB."""


def distinct(lemma: Lemma) -> Iterator[Setting]:
    """The settings worth asking for: unbounded integers never wrap, so the widest arguments include narrower ones."""
    every = list(settings(lemma))
    return iter(every if "width" in signature(lemma).parameters else every[-1:])


def by_crosshair(lemma: Lemma, setting: Setting, *, every_page: bool = False) -> Judged:
    """Have CrossHair confirm a lemma for every argument in one setting, or take what refutes it; for some page sizes, or all."""
    started = time.perf_counter()
    known = signature(lemma).parameters
    width: Arguments = {"width": setting.width} if "width" in known else {}
    shifts: list[Arguments] = [{"shift": shift} for shift in PAGE_SHIFTS]
    judged = Judged(lemma.__name__, setting, Verdict.UNKNOWN, "nothing was asked")
    for shift in shifts if "shift" in known and not every_page else [Arguments()]:
        judged = _judged(Question(lemma, setting, width | shift))
        if judged.verdict is not Verdict.PROVED:
            break
    return replace(judged, seconds=time.perf_counter() - started)


class Question:
    """A lemma with some arguments fixed, as a function of integers: a range is two, so that CrossHair need not choose a class."""

    def __init__(self, lemma: Lemma, setting: Setting, fixed: Arguments) -> None:
        known = signature(lemma, eval_str=True).parameters
        self.lemma = lemma
        self.setting = setting
        self.fixed = fixed
        most = top(Width(setting.address))
        self.most = {name: setting.address - 1 if one.annotation is Shift else most for name, one in known.items()}
        self.open = [(name, one.annotation is Range) for name, one in known.items() if name not in fixed]
        ends = [(f"{name}_first", f"{name}_last") if is_range else (name,) for name, is_range in self.open]
        self.ends = list(chain(*ends))
        self.signature = Signature([Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, annotation=int) for n in self.ends])

    def arguments(self, numbers: Iterable[int]) -> Arguments:
        """The lemma's arguments out of the integers, in the order of the signature."""
        left = iter(numbers)
        return self.fixed | {
            name: Range(next(left), next(left)) if is_range else next(left) for name, is_range in self.open
        }

    def is_due(self, values: Mapping[str, Any]) -> bool:
        """Every address fits, and every range is one."""
        arguments = self.arguments(values[name] for name in self.ends)
        for name, is_range in self.open:
            first, last = arguments[name] if is_range else (arguments[name], arguments[name])
            if not 0 <= first <= last <= self.most[name]:
                return False
        return True


def _judged(question: Question) -> Judged:
    """What CrossHair says; a refutation is made again with plain numbers."""
    lemma, refuting = question.lemma, Arguments()

    def remember(bound: BoundArguments, answer: object, _names: object) -> tuple[str, str]:
        with ResumedTracing():  # type: ignore[no-untyped-call]  # CrossHair's types are not complete
            refuting.update(question.arguments(deep_realize(bound.args)))
        return str(refuting), str(answer)

    conditions = Conditions(
        fn=lambda *numbers: lemma(**question.arguments(numbers)),
        src_fn=lemma,
        pre=[ConditionExpr(PRECONDITION, question.is_due, __file__, 0, "")],
        post=[ConditionExpr(POSTCONDITION, lambda values: bool(values["__return__"]), __file__, 0, "")],
        raises=frozenset(),
        sig=question.signature,
        mutable_args=None,
        fn_syntax_messages=[],
        counterexample_description_maker=remember,
    )
    options = replace(DEFAULT_OPTIONS, per_condition_timeout=SECONDS)
    said = run_checkables([ConditionCheckable(FunctionInfo.from_fn(lemma), options, conditions)])
    states = {message.state for message in said}
    if states == {MessageType.CONFIRMED}:
        return Judged(lemma.__name__, question.setting, Verdict.PROVED)
    if states == {MessageType.POST_FAIL} and not lemma(**refuting):
        return Judged(lemma.__name__, question.setting, Verdict.REFUTED, FALSE, tuple(refuting.items()))
    return Judged(lemma.__name__, question.setting, Verdict.UNKNOWN, "; ".join(message.message for message in said))
