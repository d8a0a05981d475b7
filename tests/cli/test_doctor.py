"""`tenure doctor`: what is missing, and what installs it."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run


def test_doctor_is_content_where_all_is_there(run: Run) -> None:
    """Where the tests run everything is installed; a missing compiler is named with what installs it."""
    ended = run("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert "z3-solver" in ended.out


def test_doctor_names_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do about it, even when it should be quiet."""
    monkeypatch.setenv("CC", "no-such-compiler")

    ended = run("doctor", "--quiet")

    assert ended.code == 4
    assert "install gcc or clang" in ended.out
