"""Figures: medians, goals met and missed, and how fast a peer was."""

from __future__ import annotations

import pytest

from benchmarks.figures import Clock, Figure, Peer, Sample, side_by_side


def seconds(*walls: float) -> tuple[Sample, ...]:
    """Samples that took so long, half of it on a processor."""
    return tuple(Sample(wall, wall / 2) for wall in walls)


@pytest.mark.parametrize(("took", "met"), [(9.9, True), (10.0, False), (10.1, False)])
def test_a_time_meets_its_goal_below_it(took: float, met: bool) -> None:  # noqa: FBT001  # an example
    """The goal is to be faster than that; as fast is not enough."""
    assert Figure("proofs", seconds(took), goal=10.0).met is met


@pytest.mark.parametrize(("calls", "met"), [(4_999, False), (5_000, True), (5_001, True)])
def test_a_rate_meets_its_goal_from_it_on(calls: int, met: bool) -> None:  # noqa: FBT001  # an example
    """The goal is to be as fast as that, or faster."""
    assert Figure("gate", (Sample(1.0, 1.0, calls),), unit="calls", goal=5_000).met is met


def test_the_median_decides_and_not_the_best_run() -> None:
    """One lucky run meets no goal, one unlucky run misses none."""
    figure = Figure("proofs", seconds(1.0, 11.0, 12.0), goal=10.0)

    assert (figure.typical(), figure.spread, figure.met) == (11.0, (1.0, 12.0), False)


def test_a_goal_means_its_own_clock() -> None:
    """Eleven seconds by the wall, five and a half of a processor."""
    assert Figure("warm", seconds(11.0), goal=10.0, clock=Clock.PROCESSOR).met is True


def test_work_that_was_not_all_done_misses_its_goal() -> None:
    """A figure that does not stand for what it says cannot be good."""
    assert Figure("proofs", seconds(1.0), goal=10.0, spoiled="not proved again: ISO").met is False


def test_without_a_goal_nothing_is_met_or_missed() -> None:
    """A figure alone is only a figure."""
    assert Figure("search", seconds(1.0)).met is None


@pytest.mark.parametrize(
    ("ours", "theirs", "unit", "ratio"),
    [(2.0, 6.0, "", 3.0), (6.0, 2.0, "", 1 / 3), (2.0, 6.0, "calls", 3.0), (6.0, 2.0, "calls", 1 / 3)],
)
def test_the_ratio_is_how_many_times_as_fast_as_the_peer(ours: float, theirs: float, unit: str, ratio: float) -> None:
    """Above one is faster, for seconds as for rates."""
    figure = Figure("race", seconds(ours), unit=unit, peer=Peer("plain", seconds(theirs)))

    assert figure.ratio == pytest.approx(ratio)


def test_both_sides_take_turns_and_their_first_runs_do_not_count() -> None:
    """What else the machine does while they run meets both alike; a first run fills memories."""
    turns = iter(range(6))

    ours, theirs = side_by_side(lambda: float(next(turns)), lambda: float(next(turns)), 2)

    assert [s.work for s in ours] == [2.0, 4.0]
    assert [s.work for s in theirs] == [3.0, 5.0]
