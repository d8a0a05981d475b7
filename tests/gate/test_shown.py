"""What conform sees of the reference: all that a system's rules can change, looked at after every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenure.gate.conform import Comparison, Conformance, configuration
from tenure.gate.profiles import Field as Place
from tenure.gate.profiles import pair_fields, whole_fields
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import show
from tenure.reference.kernel import SHOWN, Kernel
from tenure.reference.show import PARTS, Part
from tenure.reference.show_described import DESCRIBED
from tenure.vocabulary.observables import device_enforced_coherent, user_idle
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.symbols import Field, Observable, Role
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Op, parts, variable

if TYPE_CHECKING:
    from tenure.reference.columns import Columns
    from tenure.reference.machine import Machine
    from tenure.reference.saving import Snapshot
    from tenure.vocabulary.machine import Scope, State


def can_change(rules: Rules, one: Observable) -> bool:
    """The rules read it from some field that is not fixed."""
    term = rules.lower(one.read(tuple(variable(f"x{i}", sort) for i, sort in enumerate(one.domain))))
    read = (part.data for part in parts(term) if part.op is Op.READ)
    return any(not isinstance(field, Field) or field.role is not Role.FIXED for field in read)


def has_values(one: Observable, scope: Scope) -> bool:
    """There is something of which it says anything."""
    return all(scope.sizes.get(sort.name, 0) for sort in one.domain)


def looked_at(system: System, scope: Scope) -> set[Observable]:
    """What the reference looks at each time it is asked, and that has values."""
    machine = Kernel(system.id, configuration(scope)).machine
    changing = (one for part in PARTS if part.changes(machine) for one in part.of)
    return {one for one in (user_idle, *changing) if has_values(one, scope)}


@pytest.mark.parametrize("system", [pytest.param(s, id=s.id) for s in SYSTEMS])
def test_what_the_rules_can_change_is_looked_at_each_time(system: System) -> None:
    """In no scope of conform does the reference take it for something that stays as it was at the start."""
    rules = rules_of(system, Granularity.STEPS)
    defined = {d.observable for d in rules.system.definitions} & set(SHOWN)
    changing = {one for one in defined if can_change(rules, one)}
    assert changing
    for field in (*whole_fields(system), *pair_fields(system)):
        there = {one for one in changing if has_values(one, field.scope)}

        assert there <= looked_at(system, field.scope), field.name


PLANTED = [
    next(s for s in SYSTEMS if s.id == name)
    for name in (
        "external-get-put",
        "kvm-file",
        "dma-type1-v2:vaddr",
        "dma-type1-v2:pins",
        "dma-type1-v2:dirty",
        "dma-rfc2011",
        "dma-ioas:devices",
        "dma-ioas:copies",
        "dma-ioas:building",
        "dma-ioas:accesses",
        "interrupts",
        "rfc2011",
        "iommufd-objects:accesses",
        "cdev",
        "cdev:iommufd-as-container",
        "cdev-no-group",
        "cdev-no-container",
    )
]
"""Systems of which each shows what others do not."""


def varied(system: System) -> Place:
    """The scope of whole calls with the most sorts of objects, of those with pages if there are any."""

    def variety(field: Place) -> tuple[bool, int]:
        sizes = field.scope.sizes
        return bool(sizes.get("page")), sum(map(bool, sizes.values()))

    return max(whole_fields(system), key=variety)


def compared_with_all_wrong(system: System, monkeypatch: pytest.MonkeyPatch) -> Conformance:
    """What conform finds where all that the reference looks at is wrong from the moment when the comparison begins."""
    begun: list[Comparison] = []
    start = Comparison.start

    def begin(self: Comparison) -> tuple[State, Snapshot]:
        begun.append(self)
        return start(self)

    def wrong(part: Part) -> Part:
        def observe(machine: Machine) -> Columns:
            return tuple(tuple(value + len(begun) for value in column) for column in part.observe(machine))

        return part._replace(observe=observe)

    monkeypatch.setattr(Comparison, "start", begin)
    monkeypatch.setattr(show, "PARTS", tuple(wrong(part) for part in PARTS))
    field = varied(system)
    return conform_whole(system, field.scope, within=field.within, most=1)


@pytest.mark.parametrize("system", [pytest.param(s, id=s.id) for s in PLANTED])
def test_each_observable_that_is_wrong_is_a_difference(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one that is looked at is named."""
    wrong = looked_at(system, varied(system).scope) - {user_idle}

    report = compared_with_all_wrong(system, monkeypatch)

    named = [{one.split(" ")[0] for one in d.model.split("; ")} for d in report.differences]
    assert {one.name for one in wrong} in named


def test_all_that_is_shown_is_looked_at_somewhere() -> None:
    """So the planted systems leave nothing out, but what devices tell and what hardware they are, which never changes."""
    seen = {one for system in PLANTED for one in looked_at(system, varied(system).scope)}

    assert set(SHOWN) - seen == {*DESCRIBED, device_enforced_coherent}
