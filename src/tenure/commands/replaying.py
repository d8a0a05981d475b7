"""Replaying a trace, step by step on the reference, call by call on any subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.commands.locking import LOCKS
from tenure.commands.output import BadInput
from tenure.gate.conform import configuration, reference_said, said
from tenure.reference.kernel import SHOWN, SYSTEMS, Kernel, NotCallable, Paused
from tenure.vocabulary.machine import Event, Scope
from tenure.vocabulary.observables import DRIVER, HARM
from tenure.vocabulary.systems import System
from tenure.vocabulary.traces import Shown, Trace
from tenure.vocabulary.types import Type, Value, parsed, sort_of


@dataclass(frozen=True)
class Replayed:
    """What a replay did: each step with what the trace says and what the target did; `parted` is the first difference."""

    steps: tuple[tuple[str, str, str], ...]
    parted: int | None
    harm: str


def replay_on_reference(trace: Trace, system: System) -> Replayed:
    """Every step of the trace, in its order, on the reference; raises BadInput where the trace does not fit the system."""
    if trace.subject == LOCKS:
        raise BadInput("it is a schedule of locks, which says nothing of the objects; `tenure trace` tells it")
    if system.id not in SYSTEMS:
        message = f"the reference does not implement {system.id}"
        raise BadInput(message)
    kernel = Kernel(system.id, configuration(scope_of(trace)))
    told = []
    for position, event in enumerate(trace.events):
        expected = _expected(trace, position)
        try:
            outcome = _perform(kernel, event, system, dict(trace.scope), whole=trace.granularity == "whole")
            while trace.granularity == "whole" and isinstance(outcome, Paused) and reference_said(outcome) != expected:
                outcome = kernel.step(_first_actor(event))  # a whole call pauses only where it may sleep
            given = reference_said(outcome)
        except NotCallable:
            given = "cannot be called"
        told.append((f"{event.actor} {event.rule}".strip(), expected, given))
        if given != expected:
            return Replayed(tuple(told), position, _harm(kernel))
    return Replayed(tuple(told), None, _harm(kernel))


def _perform(kernel: Kernel, event: Event, system: System, sizes: Mapping[str, int], *, whole: bool) -> object:
    try:
        call = system.call(event.call)
    except KeyError:
        message = f"the trace names the call {event.call!r}, which {system.id} does not have"
        raise BadInput(message) from None
    begins = event.rule == event.call or event.rule == call.qualified(call.steps[0].name)
    if not begins:
        return kernel.step(event.actor)
    given = dict(event.arguments)
    values = {p.name: _value(p.type, given, p.name, event) for p in call.parameters}
    for one in call.parameters:
        sort = sort_of(one.type)
        if sort is not None and values[one.name] >= sizes.get(sort.name, 0):
            message = f"the trace's {event.call} names {given[one.name]!r}, and its scope has no such {sort.name}"
            raise BadInput(message)
    if event.rule == event.call and whole and not any(s.waits for s in call.steps):
        return kernel.do(event.call, values)
    outcome = kernel.begin(event.call, values, event.actor if event.actor.startswith("th") else None)
    while event.rule == event.call and isinstance(outcome, Paused):
        outcome = kernel.step(_first_actor(event))
    return outcome


def _first_actor(event: Event) -> str:
    return event.actor or "th0"


def _value(kind: Type, given: dict[str, str | int | bool], name: str, event: Event) -> int:
    try:
        value: Value = parsed(kind, given[name])
    except KeyError:
        message = f"the trace's {event.call} lacks the argument {name!r}"
        raise BadInput(message) from None
    return int(value)


def _expected(trace: Trace, position: int) -> str:
    """What the trace says of a step: its answer, or the step before which it pauses."""
    event = trace.events[position]
    after = trace.steps[position].after
    harm = after.get("harm", {}).get("", "none")
    if event.answer is not None:
        return said(event.answer)
    if harm in {"null_dereference", "use_after_free", "bug"}:
        return "died"
    for name, places in after.items():
        if name.startswith("at ") and event.actor in places:
            return f"paused {places[event.actor]}"
    return "paused"


def _harm(kernel: Kernel) -> str:
    position = next(i for i, o in enumerate(SHOWN) if o.name == "harm")
    return HARM.values[kernel.observe()[position][0]]


def scope_of(trace: Trace) -> Scope:
    """The trace's scope, with what it says never changes, and what it says of the start."""

    def numbers(shown: Shown, name: str) -> tuple[int, ...]:
        return tuple(_number(v) for v in shown.get(name, {}).values())

    fixed = {name: numbers(trace.fixed, name) for name in trace.fixed}
    sizes = dict(trace.scope)
    for name, sort in (
        ("bridge", "device"),
        ("no iommu", "group"),
        ("rawio", "process"),
        ("group of", "device"),
        ("is noiommu", "iommu_driver"),
    ):
        fixed.setdefault(name, (0,) * sizes.get(sort, 0))
    told = tuple(DRIVER.values.index(str(v)) for v in trace.initial.get("driver", {}).values())
    drivers = told or (0,) * sizes.get("device", 0)
    registered = tuple(bool(v) for v in trace.initial.get("registered", {}).values())
    others = {name: (numbers(trace.initial, name),) for name in trace.initial}
    return Scope(sizes, fixed, others | {"driver": (drivers,), "registered": (registered,)})


def _number(value: str | int | bool) -> int:  # noqa: FBT001  # a written value
    return value if not isinstance(value, str) else int("".join(c for c in value if c.isdigit()) or -1)
