"""Interruptions and bugs of our own end as documented."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.cli.conftest import Run, raiser

from tenure.commands import explaining


@pytest.mark.parametrize("arguments", ["explain R1", "list"])
def test_an_interruption_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    """And one word, no traceback."""
    monkeypatch.setattr(explaining, "explanation", raiser(KeyboardInterrupt()))
    monkeypatch.setattr(explaining, "listing", raiser(KeyboardInterrupt()))

    ended = run(*arguments.split())

    assert (ended.code, ended.out, ended.err.strip()) == (130, "", "interrupted")


def test_to_be_told_to_end_is_an_interruption(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM, as `timeout` sends it; afterwards it means again what it meant before."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(explaining, "explanation", lambda *_: signal.raise_signal(signal.SIGTERM))

    ended = run("explain", "R1")

    assert (ended.code, ended.out, ended.err.strip()) == (130, "", "interrupted")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_process_that_works_for_us_just_ends_when_told_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells nobody that it was interrupted."""
    ends: list[int] = []

    def forked(*_: object) -> str:
        if (child := os.fork()) == 0:
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return "explained"

    monkeypatch.setattr(explaining, "explanation", forked)

    assert run("explain", "R1").code == 0
    assert ends == [-signal.SIGTERM]


@pytest.mark.parametrize(
    "bug",
    [RuntimeError("surprise"), KeyError("surprise"), AssertionError("surprise"), ValueError("surprise")],
    ids=repr,
)
def test_a_bug_of_our_own_is_one_line_and_a_saved_report(
    run: Run, monkeypatch: pytest.MonkeyPatch, bug: Exception, tmp_path: Path
) -> None:
    """70, and the traceback in a file for whoever mends it; a ValueError that nobody meant is a bug as well."""
    monkeypatch.setattr(explaining, "explanation", raiser(bug))

    ended = run("explain", "R1")

    assert ended.code == 70
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    (report,) = tmp_path.glob("tenure-report-*")
    assert str(report) in ended.err
    assert "Traceback" in report.read_text(encoding="utf-8")


def test_a_bug_of_our_own_while_the_disk_is_full_is_still_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 all the same."""
    monkeypatch.setattr(explaining, "explanation", raiser(RuntimeError("surprise")))
    monkeypatch.setattr("tempfile.NamedTemporaryFile", raiser(OSError(28, "No space left on device")))

    ended = run("explain", "R1")

    assert (ended.code, ended.err.count("\n")) == (70, 1)
