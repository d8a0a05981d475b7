"""Spin's model of containers-2013 and our rules: equally many states, or it is said which two numbers differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as harness
from benchmarks.figures import NotMeasured
from benchmarks.spin.curve import ALL, CLOSING, MODEL, PLACING, StatesDiffer, area, curve, measured
from tenure.search.scopes import Area, scope

needs_spin = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="spin or gcc is not installed: apt-get install spin gcc"
)

TWO_PROCESSES = Area(
    scope(
        {
            "process": 2,
            "thread": 1,
            "file": 2,
            "group": 1,
            "container": 2,
            "device": 1,
            "table": 2,
            "page": 0,
            "user": 0,
        }
    ),
    ALL,
)


@pytest.mark.wide
@needs_spin
@pytest.mark.parametrize(
    ("where", "states"),
    [(area(2, PLACING), 11_280), (area(1, CLOSING), 1_118), (area(1, ALL), 27_714), (TWO_PROCESSES, None)],
    ids=["5 calls, 2 groups", "8 calls, 1 group", "all calls, 1 group", "all calls, 2 processes and containers"],
)
def test_spin_reaches_as_many_states_as_the_explorer(where: Area, states: int | None, tmp_path: Path) -> None:
    """Two tellings, two tools, one number; and reduction never adds a state."""
    size = measured("all", where, tmp_path / "made", times=1)

    assert size.plain.states == size.ours.states
    assert size.reduced.states <= size.plain.states
    assert states in (None, size.ours.states)


@pytest.mark.wide
@needs_spin
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("if :: opened[g] ->", "if :: false ->"),
        ("counts[me] = false;", ""),
        ("device_refs[me] == 0 ->", "true ->"),
    ],
    ids=["a guard", "what only properties read", "a wait"],
)
def test_a_model_that_is_wrong_in_one_line_is_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    """A count that nothing can make differ would say nothing."""
    text = MODEL.read_text(encoding="utf-8")
    assert text.count(right) == 1
    model = tmp_path / "wrong.pml"
    model.write_text(text.replace(right, wrong), encoding="utf-8")

    with pytest.raises(StatesDiffer, match=r"states by Spin from wrong\.pml, 27,714 by the explorer"):
        measured("all calls", area(1, ALL), tmp_path / "made", model, times=1)


def test_without_spin_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is measured, and the exit code says that the table is not whole."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(NotMeasured, match="not installed: spin gcc; on Debian: apt-get install spin gcc"):
        next(curve())
    assert CliRunner().invoke(harness.bench, ["spin"]).exit_code == 1
