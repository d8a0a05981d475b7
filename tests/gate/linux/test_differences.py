"""What is recorded of kernels: an errno is excused where it is recorded, and nothing else ever is."""

from __future__ import annotations

import pytest

from tenure.gate.linux.differences import differences, faults, intended, known
from tenure.models import SYSTEMS
from tenure.vocabulary.answers import Answer, Done, Refused

OLD, NEW = (6, 12), (7, 2)


def test_an_errno_stands_for_the_one_of_the_rules_in_the_versions_that_are_recorded() -> None:
    """And in no other."""
    assert intended("map_dma", Refused("EINVAL"), OLD) == Refused("EOVERFLOW")
    assert intended("map_dma", Refused("EINVAL"), NEW) is None


@pytest.mark.parametrize("given", [Done(()), Refused("EBUSY"), None])
def test_nothing_but_the_recorded_errno_is_excused(given: Answer | None) -> None:
    """Success never is."""
    assert intended("map_dma", given, OLD) is None


def test_a_fault_is_known_by_its_mark_in_its_versions() -> None:
    """Other calls, and later kernels, meet none."""
    mark = faults()[0].mark

    assert mark in known(frozenset({mark}), OLD)
    assert known(frozenset({mark}), NEW) == ""
    assert known(frozenset(), OLD) == ""


def test_what_is_recorded_is_of_a_call_that_there_is_and_says_why() -> None:
    """A call that is renamed takes its rows along."""
    calls = {call.name for system in SYSTEMS for call in system.calls}

    assert {one.call for one in differences()} <= calls
    assert all(one.reason and one.rules != one.kernel for one in differences())
    assert all(one.reason for one in faults())
