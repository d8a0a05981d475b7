"""The peer of campaigns in process: hypothesis' RuleBasedStateMachine drives the reference alone, with no rules to hold it to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tenure.gate import catalogue
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Setup, TargetFailed, Written
from tenure.vocabulary.types import Choice, Flag, Maybe, Sort, Type

RUN = 60
"""Steps in a run: as many as a campaign's random runs have calls."""

Steps = dict[str, int]
"""How many steps hypothesis made, and how many of them were calls that somebody could make then."""


def drive(setup: Setup, runs: int) -> Steps:
    """So many runs, the same each time; every step shows what it left, as it does to a campaign."""
    counted: Steps = {"steps": 0, "calls": 0}
    settings = hypothesis.settings(
        max_examples=runs,
        stateful_step_count=RUN,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    machine = _machine(setup, ReferenceSubject(setup.profile), counted)
    run_state_machine_as_test(machine, settings=settings)
    return counted


def _machine(setup: Setup, subject: ReferenceSubject, counted: Steps) -> type[RuleBasedStateMachine]:
    """A state machine with one rule for each call that callers make."""

    def start(self: RuleBasedStateMachine) -> None:
        RuleBasedStateMachine.__init__(self)
        subject.reset(setup)

    parameters = catalogue.parameters(setup.profile)
    rules = {name: _rule(name, types, setup, subject, counted) for name, types in parameters.items()}
    return type("ReferenceAlone", (RuleBasedStateMachine,), {"__init__": start, **rules})


def _rule(
    name: str, types: Mapping[str, Type], setup: Setup, subject: ReferenceSubject, counted: Steps
) -> Callable[..., None]:
    def step(_: RuleBasedStateMachine, **args: Written) -> None:
        counted["steps"] += 1
        try:
            subject.do(name, args, show=True)
        except TargetFailed:  # nobody can make this call now
            return
        counted["calls"] += 1

    step.__name__ = name
    values = {parameter: _values(kind, setup) for parameter, kind in types.items()}
    return rule(**values)(step)  # type: ignore[call-overload,no-any-return]  # the names are those of a call, known at run time


def _values(kind: Type, setup: Setup) -> st.SearchStrategy[Written]:
    """The written values of a parameter in this setup."""
    match kind:
        case Flag():
            return st.booleans()
        case Choice():
            return st.sampled_from(kind.values)
        case Sort():
            return st.sampled_from([kind.element(i) for i in range(setup.objects[kind.name])])
        case Maybe():
            return st.sampled_from([kind.sort.element(i) for i in range(-1, setup.objects[kind.sort.name])])
    raise AssertionError(f"no call takes a {kind}")
