"""The arithmetic over unbounded integers: CrossHair runs the same lemmas, and only what it calls CONFIRMED is proved.

CrossHair follows a function along every path, with Python's own integers of unknown value. It has no symbolic shift, so it
is asked for each size of page by itself; `arithmetic.py` has every size.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from inspect import BoundArguments, Signature, signature
from typing import Any

from crosshair.condition_parser import POSTCONDITION, PRECONDITION, ConditionExpr, Conditions
from crosshair.core import ConditionCheckable, deep_realize
from crosshair.core_and_libs import MessageType, run_checkables
from crosshair.fnutil import FunctionInfo
from crosshair.options import DEFAULT_OPTIONS
from crosshair.tracers import ResumedTracing

from tenure.prover.arithmetic import Arguments, Judged, Setting
from tenure.reference.dma.lemmas import Lemma
from tenure.reference.dma.pages import Shift
from tenure.reference.dma.ranges import Range
from tenure.reference.dma.widths import Width, top
from tenure.vocabulary.verdicts import Verdict

SECONDS = 60.0
"""CrossHair's own limit is one of processor time; a lemma takes a tenth of a second."""

PAGE_SHIFTS = (Shift(0), Shift(12), Shift(21))
"""Bytes, and pages of 4 KiB and 2 MiB."""


def by_crosshair(lemma: Lemma, setting: Setting) -> Judged:
    """Have CrossHair confirm a lemma for every argument in one setting, or take what refutes it."""
    started = time.perf_counter()
    known = signature(lemma, eval_str=True)
    shifts = PAGE_SHIFTS if "shift" in known.parameters else (None,)
    judged = Judged(lemma.__name__, setting, Verdict.UNKNOWN, "nothing was asked")
    for shift in shifts:
        fixed = {
            name: value for name, value in (("width", setting.width), ("shift", shift)) if name in known.parameters
        }
        judged = _judged(lemma, known, setting, fixed)
        if judged.verdict is not Verdict.PROVED:
            break
    return replace(judged, seconds=time.perf_counter() - started)


def _judged(lemma: Lemma, known: Signature, setting: Setting, fixed: Arguments) -> Judged:
    """What CrossHair says, with some arguments fixed; a refutation is made again with plain numbers."""
    refuting: list[Arguments] = []

    def remember(bound: BoundArguments, answer: object, _names: object) -> tuple[str, str]:
        with ResumedTracing():  # type: ignore[no-untyped-call]  # CrossHair's types are not complete
            refuting.append({**deep_realize(dict(bound.arguments)), **fixed})
        return str(refuting[-1]), str(answer)

    open_ones = known.replace(parameters=[p for p in known.parameters.values() if p.name not in fixed])
    conditions = Conditions(
        fn=lambda *values: lemma(**dict(zip(open_ones.parameters, values, strict=True)), **fixed),
        src_fn=lemma,
        pre=[ConditionExpr(PRECONDITION, lambda values: _is_due(values, open_ones, setting), __file__, 0, "")],
        post=[ConditionExpr(POSTCONDITION, lambda values: bool(values["__return__"]), __file__, 0, "")],
        raises=frozenset(),
        sig=open_ones,
        mutable_args=None,
        fn_syntax_messages=[],
        counterexample_description_maker=remember,
    )
    options = replace(DEFAULT_OPTIONS, per_condition_timeout=SECONDS)
    said = run_checkables([ConditionCheckable(FunctionInfo.from_fn(lemma), options, conditions)])
    states = {message.state for message in said}
    if states == {MessageType.CONFIRMED}:
        return Judged(lemma.__name__, setting, Verdict.PROVED)
    if states == {MessageType.POST_FAIL} and not lemma(**refuting[-1]):
        return Judged(lemma.__name__, setting, Verdict.REFUTED, "it answers False", tuple(refuting[-1].items()))
    return Judged(lemma.__name__, setting, Verdict.UNKNOWN, "; ".join(message.message for message in said))


def _is_due(values: Mapping[str, Any], known: Signature, setting: Setting) -> bool:
    """Every address fits, and every range is one."""
    most = top(Width(setting.address))
    return all(
        0 <= value.first <= value.last <= most if isinstance(value, Range) else 0 <= value <= most
        for value in (values[name] for name in known.parameters)
    )
