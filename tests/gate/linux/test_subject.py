"""A kernel as a subject: calls that were made ahead are done, whether or not they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gate.linux.conftest import Kernel
from tests.gate.linux.test_containers import SETUP

from tenure.gate.linux import subject as subjects
from tenure.gate.linux.batch import Batch
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.subject import LinuxSubject
from tenure.vocabulary.answers import Done


class Guest(Kernel):
    """A kernel with what a boot of it has besides."""

    runs = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Batch, ...]] = []

    def end(self) -> None:
        """Stop."""
        self.runs = False


@pytest.fixture
def guest() -> Guest:
    """It does what it is asked."""
    return Guest()


@pytest.fixture
def subject(guest: Guest, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinuxSubject]:
    """A subject whose guest is played."""
    monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
    monkeypatch.setattr(subjects, "Guest", lambda *_: guest)
    monkeypatch.setattr(subjects, "facts_of", lambda *_: facts)
    yield (made := LinuxSubject("vmlinuz", "containers-2022"))
    made.close()


def test_a_process_that_exited_ahead_is_another_one_in_the_next_run(guest: Guest, subject: LinuxSubject) -> None:
    """Also where the run ended before its exit was told, since an earlier call was wrong."""
    subject.reset(SETUP)
    subject.prepare(
        [("open_container", {"process": "p0", "file": "f0", "made": "c0"}), ("exit_process", {"process": "p0"})]
    )
    subject.reset(SETUP)
    guest.asked.clear()

    subject.do("pass_file", {"process": "p0", "file": "f0", "to": "p1"}, show=False)

    assert guest.asked[0] == ("1", f"s 434 {guest.processes} 0")


def test_what_was_made_ahead_is_told_call_by_call(guest: Guest, subject: LinuxSubject) -> None:
    """Without asking the guest again."""
    subject.reset(SETUP)
    opens = {"process": "p0", "file": "f0", "made": "c0"}
    subject.prepare([("open_container", opens)])
    guest.asked.clear()

    assert subject.do("open_container", opens, show=True).answer == Done(())
    assert guest.asked == []
