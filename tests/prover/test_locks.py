"""Locks have an order in every system; where a step takes them otherwise, the threads that block one another are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.models import SYSTEMS
from tenure.prover.locks import Cycle, Hold, ranks
from tenure.vocabulary.calls import Step
from tenure.vocabulary.systems import System

SYSTEM = next(s for s in SYSTEMS if s.id == "containers-2013")


def with_step(system: System, call: str, step: str, locks: tuple[str, ...], drops: tuple[str, ...] = ()) -> System:
    """The system with other locks and drops in one step."""

    def changed(one: Step) -> Step:
        return replace(one, locks=locks, drops=drops) if one.name == step else one

    calls = tuple(replace(c, steps=tuple(map(changed, c.steps))) if c.name == call else c for c in system.calls)
    return replace(system, calls=calls)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.id)
def test_every_system_takes_its_locks_in_an_order(system: System) -> None:
    """There are ranks, and every step that takes two locks takes the lower first."""
    found = ranks(system)

    assert isinstance(found, dict)
    assert found["container.group_lock"] < found["vfio.iommu_drivers_lock"]


def test_two_steps_that_take_two_locks_the_other_way_round_are_a_cycle() -> None:
    """One of the threads holds the group lock, the other the drivers' lock."""
    planted = with_step(SYSTEM, "set_iommu", "set", ("vfio.iommu_drivers_lock", "container.group_lock"))

    found = ranks(planted)

    assert isinstance(found, Cycle)
    assert {(h.held, h.taken) for h in found.holds} == {
        ("container.group_lock", "vfio.iommu_drivers_lock"),
        ("vfio.iommu_drivers_lock", "container.group_lock"),
    }
    assert "set_iommu.set holds vfio.iommu_drivers_lock and waits for container.group_lock" in str(found)


def test_three_steps_can_be_a_cycle_of_which_no_two_are_one() -> None:
    """The cycle is told in the order in which each waits for the next."""
    planted = with_step(SYSTEM, "close", "drop", ("vfio.iommu_drivers_lock", "vfio.group_lock"))
    planted = with_step(planted, "fork", "copy", ("vfio.group_lock", "container.group_lock"))

    found = ranks(planted)

    assert isinstance(found, Cycle)
    assert len(found.holds) == 3
    assert all(a.taken == b.held for a, b in zip(found.holds, (*found.holds[1:], found.holds[0]), strict=True))


def test_the_last_group_reference_must_not_be_dropped_in_the_notifier() -> None:
    """The group's release unregisters the notifier, whose lock the callback holds: the thread waits for itself."""
    planted = with_step(SYSTEM, "unbind_driver", "unbound", ("iommu_group.notifier",), ("group",))

    found = ranks(planted)

    hold = Hold("unbind_driver.unbound", "iommu_group.notifier", "iommu_group.notifier", "group")
    assert found == Cycle((hold,))
