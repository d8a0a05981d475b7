"""`tenure gate --races` on a kernel that is played: what no order of steps allows is a finding, with its histogram."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.gate.linux.conftest import RANGES
from tests.gate.linux.test_subject import Guest

from tenure.gate.linux import subject as subjects
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.vfio import Info
from tenure.gate.subject import Fell

ASKED = ("gate", "linux:x", "--profile", "containers-2022", "--races", "--seed", "1")


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Guest:
    """A kernel that does all that it is asked, whoever asks at the same time."""
    made = Guest()
    facts = Facts("6.12.0", {"0000:00:12.0": "4"}, {"0000:00:12.0": True}, frozenset(), Info(0x1000, RANGES, 9))
    monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
    monkeypatch.setattr(subjects, "Guest", lambda *_: made)
    monkeypatch.setattr(subjects, "facts_of", lambda _: facts)
    return made


def test_an_outcome_that_no_order_of_steps_allows_is_a_finding(run: Run, guest: Guest, tmp_path: Path) -> None:
    """1, with how often each outcome came, and 0 for what is allowed and never came."""
    del guest
    document = tmp_path / "races.json"
    ended = run(*ASKED, "--budget", "2000calls", "--out", str(tmp_path / "out"), "--json", str(document))

    assert ended.code == 1
    opens = ended.out.partition("race: open_group process=p0 file=f0 group=g0  ||  open_group")[2].splitlines()[:5]
    assert [line.split(None, 1) for line in opens[2:5]] == [
        ["120", "ok | ok   ! no order of their steps allows this"],
        ["0", "EBUSY | ok"],
        ["0", "ok | EBUSY"],
    ]
    assert "repeat with: tenure gate linux:x --profile containers-2022 --races --budget 2000calls --seed 1" in ended.out
    assert "open_group" in (tmp_path / "out" / "race-0.txt").read_text()
    assert "both(" in (tmp_path / "out" / "race-0.c").read_text()
    found = json.loads(document.read_text())["results"]
    first = next(one for one in found if one.get("race", [""])[0].startswith("open_group"))
    assert first["verdict"] == "violates"
    assert {"outcome": ["ok", "EBUSY", ""], "times": 0, "allowed": True} in first["outcomes"]


def test_a_budget_that_ends_before_each_race_was_run_is_inconclusive(
    run: Run, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3: of what was never run nothing is said; here two openings refuse one another."""
    opened: list[int] = []
    answered = guest.answered

    def one_at_a_time(target: str, line: str) -> str | None:
        if line.startswith("s 436"):
            opened.clear()
        if line.startswith("s 257"):
            opened.append(1)
            return "-16" if len(opened) > 1 else answered(target, line)
        return answered(target, line)

    monkeypatch.setattr(guest, "reply", one_at_a_time)
    ended = run(*ASKED, "--budget", "40calls")

    assert ended.code == 3
    assert "inconclusive: the budget ended before 23 of 24 races were run" in ended.err


def test_a_kernel_that_falls_in_a_race_again_and_again_is_a_finding(
    run: Run, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is booted anew, and the race is not run any more."""

    def falls(target: str, line: str) -> str | None:
        if line.startswith("b "):
            raise Fell("BUG", "BUG: at 7", "")
        return guest.answered(target, line)

    monkeypatch.setattr(guest, "reply", falls)
    ended = run(*ASKED, "--budget", "960calls")

    assert ended.code == 1
    assert "the kernel did not stay up: BUG: BUG: at 7" in ended.out


def test_races_that_are_interrupted_while_the_kernel_boots_are_no_more_than_that(
    run: Run, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """130, and nothing is said of what the rules have."""
    del guest

    def interrupt(_: object) -> Facts:
        raise KeyboardInterrupt

    monkeypatch.setattr(subjects, "facts_of", interrupt)
    ended = run(*ASKED, "--budget", "40calls")

    assert ended.code == 130
    assert "fail to commute" not in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", "reference:containers-2022", "--races"), "races are run in kernels"),
        ((*ASKED, "--matrix"), "--races is of one kernel, and --matrix of several"),
    ],
)
def test_races_are_of_one_kernel(run: Run, words: tuple[str, ...], said: str) -> None:
    """2."""
    ended = run(*words)

    assert ended.code == 2
    assert said in ended.err


def test_a_profile_whose_calls_no_thread_makes_is_not_run(run: Run, guest: Guest) -> None:
    """4, and what there is."""
    del guest
    ended = run("gate", "linux:x", "--profile", "kvm-file", "--races", "--budget", "1s")

    assert ended.code == 4
    assert "no adapter makes the calls of kvm-file by two threads" in ended.err
