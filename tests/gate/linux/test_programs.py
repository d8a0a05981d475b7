"""Programs of the machine: what one said where it failed is told, and a full disk is told from all else."""

from __future__ import annotations

import errno

import pytest

from tenure.gate.linux.programs import path_of, run
from tenure.gate.subject import NotRun, TargetFailed


def test_what_a_program_says_is_returned() -> None:
    """Where it ends well."""
    assert run(["sh", "-c", "echo here; echo there >&2"]) == "here\n"


def test_a_program_that_fails_is_told_with_its_last_words() -> None:
    """And its status."""
    with pytest.raises(TargetFailed, match="sh ended with status 3, and said: no such package"):
        run(["sh", "-c", "echo first >&2; echo no such package >&2; exit 3"])


@pytest.mark.parametrize(
    "said",
    [
        "dpkg-deb: cannot write: No space left on device",
        "tar: ./usr/src/linux.tar.xz: Wrote only 1536 of 10240 bytes",
    ],
)
def test_a_full_disk_is_told_as_such(said: str) -> None:
    """Whichever program met it, also behind what another one says of that one."""
    with pytest.raises(OSError, match="No space left") as full:
        run(["sh", "-c", f"echo '{said}' >&2; echo 'dpkg-deb: error: tar failed' >&2; exit 2"])

    assert full.value.errno == errno.ENOSPC


def test_a_program_that_does_not_end_is_stopped() -> None:
    """In time."""
    with pytest.raises(TargetFailed, match="sleep did not end within"):
        run(["sleep", "60"], limit=0.1)


def test_a_program_that_is_missing_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its package."""
    monkeypatch.setattr("tenure.gate.linux.programs.found", lambda _: None)

    with pytest.raises(NotRun, match=r"there is no depmod on this machine; install it: apt-get install -y .* kmod"):
        path_of("depmod")
