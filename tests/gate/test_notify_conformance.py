"""Comparing the two tellings of the notification model: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import pair_fields
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import notify_calls
from tenure.reference.groups import VfioGroup
from tenure.reference.registrations import Registration
from tenure.search.scopes import scope
from tenure.vocabulary.systems import System

SIZES = {
    "process": 1,
    "thread": 2,
    "file": 2,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 1,
    "user": 1,
}

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


@pytest.fixture
def system() -> System:
    """The notification model with every obligation kept."""
    return next(s for s in SYSTEMS if s.id == "external-notify")


def whole(system: System) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(system, scope(SIZES), most=1)


def pairs(system: System) -> Conformance:
    """Pairs of calls in flight in a small scope, until a first difference."""
    return conform_pairs(system, scope(SIZES), most=1)


def test_the_two_tellings_agree(system: System) -> None:
    """Without a fault a small scope is seen whole, and nothing differs; `tenure conform` compares calls in flight in a larger one."""
    report = whole(system)

    assert report.complete
    assert report.differences == []
    assert "unregister.unlist#0 EINVAL" in report.refusals


def nobody_is_called_back(patch: pytest.MonkeyPatch) -> None:
    """The break begins no callback, so it ends no registration."""

    def nothing(*_: object) -> Iterator[str]:
        yield from ()

    patch.setattr(notify_calls, "_callbacks_begin", nothing)


def a_registration_stays_listed(patch: pytest.MonkeyPatch) -> None:
    """The user forgets what it saw, and VFIO does not forget the user."""
    patch.setattr(Registration, "end", lambda self: self.user.forget())


def the_use_is_given_up_twice(patch: pytest.MonkeyPatch) -> None:
    """UNSET_CONTAINER goes on while a device file uses the group."""

    def decide(group: VfioGroup) -> None:
        group.users, group.placed = 0, False

    patch.setattr(notify_calls, "_decide", decide)


WHOLE: list[tuple[Plant, str]] = [
    (nobody_is_called_back, "user_registered"),
    (a_registration_stays_listed, "user_registered"),
    (the_use_is_given_up_twice, "EINVAL"),
]


@pytest.mark.parametrize(("plant", "shown"), WHOLE)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant, shown: str
) -> None:
    """The difference says in what they part: an answer, or what is shown."""
    plant(monkeypatch)

    report = whole(system)

    assert report.differences
    assert shown in report.differences[0].model


def a_break_waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    """The callback finds the table empty, whoever is inside."""
    patch.setattr(notify_calls, "_somebody_is_inside", lambda _: False)


IN_FLIGHT: list[Plant] = [a_break_waits_for_nobody]


@pytest.mark.parametrize("plant", IN_FLIGHT)
def test_a_fault_in_the_reference_is_found_by_pairs_alone(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant
) -> None:
    """Where calls are whole, no handler is inside when a break begins."""
    plant(monkeypatch)

    assert whole(system).differences == []
    assert pairs(system).differences


def test_what_conform_compares_in_flight_has_a_page_for_a_handler_to_touch(system: System) -> None:
    """Without one nobody could be inside, and nobody would wait."""
    fields = [one for one in pair_fields(system) if one.scope.sizes["user"]]

    assert any(one.scope.sizes["page"] for one in fields if not one.full)
