"""`tenure doctor`: what is missing, and what installs it."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Run

from tenure.gate.linux import programs, source


def test_doctor_is_content_where_all_is_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests run everything is installed but perhaps what kernels need, which is said to be there."""
    monkeypatch.setattr(programs, "found", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(source, "missing", list)

    ended = run("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert "z3-solver" in ended.out


def test_doctor_names_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do about it, even when it should be quiet."""
    monkeypatch.setenv("CC", "no-such-compiler")

    ended = run("doctor", "--quiet")

    assert ended.code == 4
    assert "install gcc or clang" in ended.out


def test_doctor_says_in_one_line_what_installs_all_that_kernels_need(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without QEMU and without modprobe lacks two packages, and what builds a kernel a third; one line installs all."""
    monkeypatch.setattr(programs, "found", lambda name: None if name in ("qemu-system-x86_64", "modprobe") else name)
    monkeypatch.setattr(source, "missing", lambda: ["flex"])

    ended = run("doctor", "--quiet")

    assert ended.code == 4
    assert "apt-get install -y --no-install-recommends qemu-system-x86 kmod flex\n" in ended.out
