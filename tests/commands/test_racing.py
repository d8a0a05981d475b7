"""What is said of races: of their outcomes, and of whether the kernel stayed up, each for itself."""

from __future__ import annotations

from collections import Counter

import pytest

from tenure.commands.racing import RACES, RaceReport, Tally
from tenure.gate.findings import STAYS_UP
from tenure.gate.interleavings import Asked
from tenure.gate.races import Outcome, Race
from tenure.models import SYSTEMS
from tenure.vocabulary.verdicts import Verdict

ALLOWED, FORBIDDEN = ("ok", "EBUSY"), ("ok", "ok")


def tally(*came: Outcome, fell: str = "", once: str = "") -> Tally:
    """A race of which one outcome is allowed."""
    close = Asked("close", ())
    race = Race((), (close, close), (), frozenset({ALLOWED}), frozenset())
    return Tally(race, ((), ("close", "close"), ()), Counter(came), fell=fell, once=once)


@pytest.mark.parametrize(
    ("tallies", "outcomes", "stays_up"),
    [
        ([tally(ALLOWED)], Verdict.TESTED, Verdict.TESTED),
        ([tally(ALLOWED), tally(FORBIDDEN)], Verdict.VIOLATES, Verdict.TESTED),
        ([tally(ALLOWED), tally(fell="BUG")], Verdict.UNKNOWN, Verdict.VIOLATES),
        ([tally(FORBIDDEN), tally(fell="BUG")], Verdict.VIOLATES, Verdict.VIOLATES),
        ([tally(ALLOWED), tally(once="BUG")], Verdict.UNKNOWN, Verdict.UNKNOWN),
        ([tally(ALLOWED), tally()], Verdict.UNKNOWN, Verdict.UNKNOWN),
        ([], Verdict.NOT_RUN, Verdict.NOT_RUN),
    ],
)
def test_an_outcome_and_a_fall_are_judged_apart(tallies: list[Tally], outcomes: Verdict, stays_up: Verdict) -> None:
    """What one finds wrong is no finding of the other; what neither saw to its end is open."""
    rows = {row.property: (row.verdict, good) for row, good in RaceReport("linux:x", SYSTEMS[0], 1, tallies).rows()}

    assert rows[RACES] == (outcomes, outcomes is Verdict.TESTED)
    assert rows[STAYS_UP] == (stays_up, stays_up is Verdict.TESTED)


def test_a_kernel_that_does_not_boot_is_the_targets_failure() -> None:
    """Though no race was found yet."""
    report = RaceReport("linux:x", SYSTEMS[0], 1, failure="QEMU ended")

    assert report.verdict is Verdict.TARGET_FAILED
