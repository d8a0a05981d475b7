"""`tenure prove --cross-check`: what is asked again, what is not, and how it is told that only one solver proves a goal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenure.cli.crosschecking import tell_cross_checked
from tenure.cli.telling import Telling
from tenure.commands import crosschecking
from tenure.commands.crosschecking import Checked, cross_checked
from tenure.commands.output import Ending, Exit
from tenure.commands.proving import Job
from tenure.prover import cache

JOB: Job = ("dma-rfc2011:D-G1-02", "whole")
"""It has few obligations."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that no other test knows."""
    monkeypatch.setenv("TENURE_CACHE", str(tmp_path))


def asked(*, fresh: bool = False) -> Checked:
    """What both solvers say to the job."""
    ((job, found),) = cross_checked([JOB], 1, lambda *_: None, fresh=fresh)
    assert job == JOB
    return found


def test_what_both_solvers_said_is_known_until_they_are_asked_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the entry of the job; without that, goal by goal from the words; afresh, from nothing."""
    first = asked()
    entry = asked()
    monkeypatch.setattr(cache, "load", lambda _: None)
    words = asked()
    afresh = asked(fresh=True)

    assert first.agreed > 10
    assert first.left == []
    assert entry == first
    assert (words.agreed, words.remembered) == (first.agreed, first.agreed)
    assert (afresh.agreed, afresh.remembered) == (first.agreed, 0)


def test_a_goal_that_only_one_solver_proves_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, and the command ends with that exit code."""

    def found(*_: object, fresh: bool) -> Iterator[tuple[Job, Checked]]:
        assert fresh
        yield JOB, Checked(agreed=3, remembered=1, left=["unmap_dma.cut#0 preserves PAY-1"], seconds=0.5)

    monkeypatch.setattr(crosschecking, "cross_checked", found)
    ending = Ending()

    tell_cross_checked([JOB], 1, ending, Telling(quiet=False, json_file=None, junit_file=None), fresh=True)

    said = capsys.readouterr()
    assert ending.code == Exit.INCONCLUSIVE
    assert "3 obligations, 1 of them before, in the same words, in 0.5 s" in " ".join(said.out.split())
    assert "only one solver proves unmap_dma.cut#0 preserves PAY-1" in " ".join((said.out + said.err).split())
