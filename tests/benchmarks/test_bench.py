"""The harness of `make bench`: what is printed, what is written, and how it ends; everything measured here is made up."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as harness
from benchmarks.figures import Figure, NotMeasured, Peer, Sample

FAST = Figure("fast", (Sample(1.0, 0.5),), goal=5.0, peer=Peer("a plain one", (Sample(3.0, 3.0),)))
SLOW = Figure("slow", (Sample(1.0, 1.0, 90.0),), unit="calls", goal=100.0)


def fast() -> Iterator[Figure]:
    """A measurement that meets its goal."""
    yield FAST


def slow() -> Iterator[Figure]:
    """A measurement that misses its goal."""
    yield SLOW


def lacking() -> Iterator[Figure]:
    """A measurement for which the machine lacks something after the first figure."""
    yield FAST
    raise NotMeasured("cc cannot be started; tenure doctor says what is missing")


def broken() -> Iterator[Figure]:
    """A measurement with a fault of its own."""
    yield FAST
    raise KeyError("moved")


def stopped() -> Iterator[Figure]:
    """A measurement that the user ends."""
    yield SLOW
    raise KeyboardInterrupt


def deaf() -> Iterator[Figure]:
    """A measurement in which an interruption is lost, as in a callback of the garbage collector."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    yield SLOW
    yield FAST


@pytest.fixture(autouse=True)
def _groups(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {
        "good": (fast,),
        "bad": (slow,),
        "poor": (lacking,),
        "faulty": (broken,),
        "long": (stopped, fast),
        "deaf": (deaf,),
    }
    monkeypatch.setattr(harness, "GROUPS", groups)


def bench(*words: str) -> tuple[int, str, str]:
    """The exit code, what is printed and what is told meanwhile."""
    ended = CliRunner().invoke(harness.bench, words)
    return ended.exit_code, ended.stdout, ended.stderr


def row(text: str, what: str) -> str:
    """The row of the table that begins so."""
    (found,) = (line for line in text.splitlines() if line.startswith(what))
    return found


def test_a_row_has_figure_goal_verdict_and_peer() -> None:
    """One line says all that is known of a figure."""
    code, printed, _ = bench("good")

    assert code == 0
    cells = [cell.strip() for cell in row(printed, "fast").split("  ") if cell.strip()]
    assert cells == ["fast", "1 s", "1", "1", "0.5 s", "< 5 s", "met", "3.00 times", "a plain one: 3 s", "1 run"]


def test_a_missed_goal_is_printed_and_is_no_error() -> None:
    """How fast a machine is, is no verdict."""
    code, printed, _ = bench("bad")

    assert code == 0
    assert " >= 100 calls/s  missed " in row(printed, "slow")


def test_the_machine_is_named() -> None:
    """A figure without its machine means nothing."""
    _, printed, _ = bench("good")

    assert [line.partition(":")[0] for line in printed.splitlines()][:5] == [
        "processor",
        "cores",
        "system",
        "python",
        "z3-solver",
    ]


def test_an_unknown_group_is_refused_with_those_that_exist() -> None:
    """Nothing is measured then."""
    code, printed, told = bench("good", "gatez")

    assert code == 2
    assert "there is no group 'gatez' of figures; say some of good, bad, poor, faulty, long, deaf" in told
    assert printed == ""


def test_what_cannot_be_measured_is_said_and_the_rest_is_measured() -> None:
    """The figures before it and after it stay; the exit code says that the table is not whole."""
    code, printed, _ = bench("poor", "bad")

    assert code == 1
    assert row(printed, "fast")
    assert row(printed, "slow")
    assert row(printed, "not measured: poor, lacking: cc cannot be started")


def test_a_fault_in_one_measurement_costs_only_that_one() -> None:
    """Ten minutes of figures outlive it."""
    code, printed, _ = bench("faulty", "bad")

    assert code == 1
    assert row(printed, "slow")
    assert row(printed, "not measured: faulty, broken: a fault of ours: KeyError: 'moved'")


def test_an_interruption_prints_what_was_measured() -> None:
    """And nothing is measured after it."""
    code, printed, told = bench("long", "good")

    assert code == 130
    assert row(printed, "slow")
    assert not [line for line in printed.splitlines() if line.startswith("fast")]
    assert "interrupted" in told


def test_an_interruption_that_is_lost_counts_at_the_next_figure() -> None:
    """Nobody has to press twice and wait for the end."""
    code, printed, _ = bench("deaf", "good")

    assert code == 130
    assert row(printed, "slow")
    assert not [line for line in printed.splitlines() if line.startswith("fast")]


def test_the_document_has_every_sample(tmp_path: Path) -> None:
    """Others may compute what we did not: each run by both clocks, and the work done in it."""
    place = tmp_path / "bench.json"

    code, _, _ = bench("good", "poor", "--json", str(place))

    told = json.loads(place.read_text(encoding="utf-8"))
    assert code == 1
    assert told["results"][0]["samples"] == [[1.0, 0.5, 1.0]]
    assert told["results"][0]["met"] is True
    assert told["results"][0]["ratio"] == 3.0
    assert list(told["not measured"]) == ["poor, lacking"]


def test_a_document_that_cannot_be_written_is_our_own_disk(tmp_path: Path) -> None:
    """The table is printed before, so that nothing is lost."""
    code, printed, told = bench("good", "--json", str(tmp_path / "none" / "bench.json"))

    assert code == 74
    assert row(printed, "fast")
    assert "cannot write" in told
