"""Races in the rules: pairs that do not commute, and what may come of them."""

from __future__ import annotations

from functools import cache

import pytest

from tenure.gate.interleavings import Interleavings
from tenure.gate.races import Race, in_words, races
from tenure.models import SYSTEMS
from tenure.search.scopes import scope

SIZES = {"process": 1, "thread": 2, "file": 4, "group": 1, "container": 2, "device": 1, "table": 2, "page": 0}
CALLS = {
    "open_container",
    "open_group",
    "set_container",
    "unset_container",
    "set_iommu",
    "get_status",
    "get_device_fd",
    "close",
}


@cache
def rules(name: str = "containers-2022") -> Interleavings:
    """The steps of a system with two threads of one process."""
    return Interleavings(next(s for s in SYSTEMS if s.id == name), scope({**SIZES, "user": 0, "vm": 0}))


@cache
def found(name: str = "containers-2022", most: int = 100) -> tuple[Race, ...]:
    """The races of calls that a thread makes."""
    return tuple(races(rules(name), lambda one: one.call in CALLS, lambda _: "", most))


def race_of(first: str, second: str, after: int, name: str = "containers-2022") -> Race:
    """The race of two calls after so many."""
    pairs = (one for one in found(name) if (one.pair[0].call, one.pair[1].call) == (first, second))
    return next(one for one in pairs if len(one.before) == after)


def test_a_group_is_opened_by_one_of_two() -> None:
    """Either of them, and never by both or none."""
    assert race_of("open_group", "open_group", 0).allowed == {("ok", "EBUSY", ""), ("EBUSY", "ok", "")}


def test_a_group_is_left_or_a_device_is_opened_and_a_later_look_agrees() -> None:
    """Not both, though neither call waits for the other's end."""
    race = race_of("unset_container", "get_device_fd", 4)

    assert [in_words(rules(), one) for one in race.looks] == ["get_status process=p0 file=f1"]
    assert race.allowed == {
        ("EBUSY", "ok", "ok container_set=true viable=true", ""),
        ("ok", "EINVAL", "ok container_set=false viable=true", ""),
    }


def test_steps_of_calls_that_have_several_are_interleaved() -> None:
    """SET_CONTAINER looks its file up before it attaches: a close between these is neither first nor last."""
    race = race_of("close", "set_container", 2)

    assert ("ok", "ok", "ok container_set=true viable=true", "") in race.allowed
    assert ("ok", "EBADF", "ok container_set=false viable=true", "") in race.allowed


@pytest.mark.parametrize("name", ["containers-2022", "containers-2022:6.1"])
def test_both_orders_of_whole_calls_are_among_what_is_allowed(name: str) -> None:
    """Whoever is first has what it has alone."""
    steps = rules(name)
    for race in found(name):
        state = steps.start()
        for one in race.before:
            ((_, state),) = steps.ends(state, (one,))
        first, second = race.pair
        for one, other in ((first, second), (second, first)):
            for (answer,), between in steps.ends(state, (one,)):
                for (last,), _ in steps.ends(between, (other,)):
                    assert ((answer, last) if one == first else (last, answer)) in race.answers


def test_calls_that_commute_are_no_race() -> None:
    """Two that look, two that open containers."""
    pairs = {(one.pair[0].call, one.pair[1].call) for one in found()}

    assert pairs.isdisjoint({("get_status", "get_status"), ("open_container", "open_container")})
    assert all(len(one.allowed) > 1 for one in found())


def test_the_races_of_a_bound_are_of_as_many_calls_as_there_are() -> None:
    """First one of each two calls."""
    few = found(most=5)

    assert len({(one.pair[0].call, one.pair[1].call) for one in few}) == 5
    assert set(few) <= set(found())


def test_no_call_of_a_race_names_what_the_other_makes() -> None:
    """A file gets its name when the call has returned."""
    for race in found():
        for one, other in (race.pair, race.pair[::-1]):
            made = {v for k, v in one.args if k in ("file", "made") and one.call in ("open_container", "open_group")}
            assert made.isdisjoint(v for k, v in other.args if k in ("file", "other"))
