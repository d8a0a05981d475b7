"""The words that a subject may use: every call with the types of its values, and every observable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from tenure.models import SYSTEMS
from tenure.vocabulary.calls import Call, Finish
from tenure.vocabulary.observables import ALL
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.types import Type

OBSERVABLES: Mapping[str, Observable] = {one.name: one for one in ALL}


@cache
def returns() -> Mapping[str, Mapping[str, Type]]:
    """For each call of any system, the values that it may return by name."""
    found: dict[str, dict[str, Type]] = {}
    for system in SYSTEMS:
        for call in system.calls:
            found.setdefault(call.name, {}).update(_values(call))
    return found


@cache
def parameters(system_id: str) -> Mapping[str, Mapping[str, Type]]:
    """For each call that callers make in a system, its parameters by name; raises KeyError for an unknown system."""
    for system in SYSTEMS:
        if system.id == system_id:
            return {c.name: {p.name: p.type for p in c.parameters} for c in system.calls if not c.internal}
    raise KeyError(system_id)


def _values(call: Call) -> Iterator[tuple[str, Type]]:
    for step in call.steps:
        for case in step.cases:
            if isinstance(case.follow, Finish):
                yield from ((name, term.type) for name, term in case.follow.values)
