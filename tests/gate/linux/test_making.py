"""Runs of make: what one failed of is told, and one that is interrupted leaves nothing running."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.gate.linux import making
from tenure.gate.linux.making import Making
from tenure.gate.subject import TargetFailed

Made = Callable[..., None]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make something by a script that takes the place of make."""
    script = tmp_path / "make"
    monkeypatch.setattr(making, "path_of", lambda _: str(script))

    def made(habit: str, told: Callable[[str], None] = lambda _: None) -> None:
        script.write_text(f"#!/bin/sh\n{habit}\n", encoding="utf-8")
        script.chmod(0o755)
        Making(tmp_path, tmp_path / "build", {"WANTED": "minimal"}).make("bzImage", told=told)

    return made


def test_make_is_told_where_to_build_and_what(make: Made, tmp_path: Path) -> None:
    """In the source, by words and by its environment."""
    make('echo "$@ $WANTED $PWD" > said')

    assert (tmp_path / "said").read_text(encoding="utf-8") == f"O={tmp_path}/build bzImage minimal {tmp_path}\n"


def test_it_is_told_how_far_it_is(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the steps that were made, and the last of them."""
    monkeypatch.setattr(making, "EVERY", 0.0)
    words: list[str] = []

    make("echo make: Entering; echo '  CC      init/main.o'; echo '  LD      vmlinux'", words.append)

    assert [word.partition(": ")[2] for word in words[-2:]] == [
        "1 steps in 0 min, init/main.o",
        "2 steps in 0 min, vmlinux",
    ]


def test_what_it_failed_of_is_told_and_not_that_it_failed(make: Made) -> None:
    """With what to do."""
    with pytest.raises(
        TargetFailed, match=r"status 2, and said: lib/a.c:3: error: no such thing; what was built is kept"
    ):
        make("echo lib/a.c:3: error: no such thing >&2; echo 'make[1]: *** [a.o] Error 1' >&2; exit 2")


def test_a_full_disk_is_told_as_such(make: Made) -> None:
    """Whichever of its programs met it."""
    with pytest.raises(OSError, match="No space left") as full:
        make("echo 'as: out.o: No space left on device' >&2; echo 'make: *** Error 1' >&2; exit 2")

    assert full.value.errno == errno.ENOSPC


def test_what_it_started_ends_when_it_is_interrupted(
    make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever interrupts it."""
    monkeypatch.setattr(making, "EVERY", 0.0)

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(f"sleep 60 & echo $! > {tmp_path}/child; echo '  CC one'; wait", interrupted)

    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: int) -> bool:
    """It is there, and not only as what nobody has waited for."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
