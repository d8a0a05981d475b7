"""Campaigns: a planted fault is told once, by few calls and with its reason, and nothing that was found is lost."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from tenure.commands.gating import GateResult
from tenure.commands.replaying import replay_on_reference
from tenure.gate.campaign import Campaign
from tenure.gate.findings import Finding, Run
from tenure.gate.oracle import Made, Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, plan_scope, setup_of
from tenure.gate.python_subject import PythonSubject
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Reply, Subject, TargetFailed, Written
from tenure.models import SYSTEMS
from tenure.reference import groups
from tenure.reference.groups import VfioGroup
from tenure.report.itf import from_itf
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.systems import System

NAME = "external-get-put"
BUDGET = 3_000
"""Calls of random runs; enough for each planted fault to be met, and shrunk."""

PERMISSIVE = """\
class Subject:
    calls = ["open_group", "close", "fork"]
    shows = []

    def reset(self, configuration):
        pass

    def do(self, call, args):
        return {"done": {}}

    def show(self):
        return {}
"""


class InvalidForClosed(ReferenceSubject):
    """The reference with one wrong errno: an fd that is not open is EINVAL."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        return Reply(Refused("EINVAL"), reply.shown) if reply.answer == Refused("EBADF") else reply


class FailsLater(InvalidForClosed):
    """The same, until it breaks."""

    lives = 1_500

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        self.lives -= 1
        if self.lives < 0:
            self.end()
        return super().do(call, args, show=show)

    def end(self) -> None:
        """It is gone."""
        raise TargetFailed("it ended with signal 9", "see its log", "mine")


class InterruptedLater(FailsLater):
    """Whoever watches it has seen enough."""

    def end(self) -> None:
        raise KeyboardInterrupt


class Mute(InvalidForClosed):
    """It shows nothing but who has which fd."""

    def __init__(self, system_id: str) -> None:
        super().__init__(system_id)
        self.shows = frozenset({"has_fd"})

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        shown = reply.shown and {name: places for name, places in reply.shown.items() if name in self.shows}
        return Reply(reply.answer, shown)


def system() -> System:
    """The rules to which subjects are held."""
    return next(s for s in SYSTEMS if s.id == NAME)


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    return Oracle(system(), gate_scope(system()))


Played = Callable[..., Campaign]


@pytest.fixture
def play(oracle: Oracle) -> Played:
    """Lead a subject through random runs, or through a plan before."""

    def played(
        subject: Subject,
        *,
        seed: int = 1,
        waived: frozenset[str] = frozenset({"PROMPT", "PROMPT-2"}),
        plan: Iterable[Run] = (),
    ) -> Campaign:
        campaign = Campaign(subject, oracle, setup_of(oracle.system, oracle.machine), seed, waived)
        campaign.play(tuple(plan), seconds=None, calls=BUDGET)
        return campaign

    return played


@pytest.fixture
def uses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a fault: only the last use of a group is ever given back."""

    def dissolve(group: VfioGroup) -> bool:
        last = group.users == 1
        group.users -= last
        return last

    monkeypatch.setattr(groups.VfioGroup, "try_dissolve", dissolve)


TWO_USERS = (
    Made("open_group", (0, 0, 0)),
    Made("open_container", (0, 1, 0)),
    Made("set_container", (0, 0, 1)),
    Made("set_iommu", (0, 1, 0, 0)),
    Made("get_external_user", (0, 0, 0)),
    Made("get_external_user", (1, 0, 0)),
    Made("put_external_user", (0,)),
)
"""A use is given back that is not the last: random runs come to that by luck alone."""


def told(campaign: Campaign, one: Finding) -> list[str]:
    """A finding as a person reads it."""
    return GateResult("mine", campaign.oracle.system, campaign.oracle, campaign.report).told(one).splitlines()


def test_the_reference_has_no_finding(play: Played) -> None:
    """Every answer is permitted, every property holds, and refusals are met."""
    report = play(ReferenceSubject(NAME)).report

    assert report.findings == []
    assert report.failure == ""
    assert report.calls >= BUDGET
    assert "set_container EBADF" in report.refusals
    assert report.not_run == ()


def test_a_wrong_answer_is_told_once_and_short(play: Played) -> None:
    """However often it comes: by the two calls that it needs."""
    campaign = play(InvalidForClosed(NAME))

    (one,) = campaign.report.findings

    assert one.kind == "differs"
    assert [made.call for made in one.run] == ["open_group", "set_container"]
    assert (one.given, one.permitted) == ("EINVAL", "EBADF")
    assert campaign.report.runs > 10


def test_a_wrong_answer_is_told_with_its_two_lines_of_reason(play: Played) -> None:
    """What it answered against what the rules permit, and the rules' own words for why."""
    campaign = play(InvalidForClosed(NAME))
    (one,) = campaign.report.findings

    head, first, second, *reason = told(campaign, one)

    assert head == "mine differs: after 2 calls"
    assert re.search(r"open_group .*-> ok$", first)
    assert re.search(r"set_container .*-> EINVAL$", second)
    assert reason == [
        "  ! answered EINVAL, and the rules permit only EBADF",
        "  ! because the fd is not open",
    ]


@pytest.mark.usefixtures("uses_are_kept")
def test_a_broken_property_is_told_once_with_its_sentence(play: Played) -> None:
    """The answers are right, and what is shown is not: the property says what is wrong with it."""
    campaign = play(ReferenceSubject(NAME), plan=[TWO_USERS])

    violations = [f for f in campaign.report.findings if f.kind == "violates"]

    assert {f.property for f in violations} == {"CON-2"}
    assert len({f.run[-1].call for f in violations}) == len(violations)
    for one in violations:
        assert told(campaign, one)[-2:] == ["  ! shows a state that breaks CON-2", f"  ! {one.reason}"]
        assert "container_users" in one.reason


@pytest.mark.usefixtures("uses_are_kept")
def test_no_call_of_a_finding_can_be_left_out(play: Played) -> None:
    """Without any one of its calls the fault does not come in the same way."""
    campaign = play(ReferenceSubject(NAME), plan=[TWO_USERS])

    assert campaign.report.findings
    for one in campaign.report.findings:
        for number in range(len(one.run) - 1):
            again = campaign.follow(one.run[:number] + one.run[number + 1 :])
            assert again is None or again.signature() != one.signature()


@pytest.mark.usefixtures("uses_are_kept")
def test_a_waived_property_is_not_checked(play: Played) -> None:
    """What the rules themselves break nobody is held to; the report says which that is."""
    report = play(ReferenceSubject(NAME), waived=frozenset({"CON-2", "PROMPT"}), plan=[TWO_USERS]).report

    assert report.waived == ("CON-2", "PROMPT")
    assert "CON-2" not in report.checked
    assert "CON-2" not in report.not_run
    assert "CON-2" not in {f.property for f in report.findings}
    assert {f.kind for f in report.findings} == {"differs"}


def test_a_difference_in_what_is_shown_is_no_wrong_answer(play: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no property speaks of it, what it shows is still compared with the rules."""
    real = ReferenceSubject.do

    def without_drivers(subject: ReferenceSubject, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = real(subject, call, args, show=show)
        shown = reply.shown and {**reply.shown, "page_mapped": {"tb0,pg0": True}}
        return Reply(reply.answer, shown)

    monkeypatch.setattr(ReferenceSubject, "do", without_drivers)
    campaign = play(ReferenceSubject(NAME))

    shown = [f for f in campaign.report.findings if "page_mapped(tb0,pg0)" in f.given]

    assert shown
    assert told(campaign, shown[0])[-2:] == [
        "  ! shows page_mapped(tb0,pg0) = True, and the rules permit only page_mapped(tb0,pg0) = False",
        "  ! because the state that it shows",
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_repeats_its_findings(play: Played, seed: int) -> None:
    """The same runs, the same calls, the same findings."""
    first = play(InvalidForClosed(NAME), seed=seed).report
    second = play(InvalidForClosed(NAME), seed=seed).report

    assert first.findings == second.findings
    assert (first.calls, first.runs, first.refusals) == (second.calls, second.runs, second.refusals)


def test_a_target_that_fails_keeps_what_was_found_before(play: Played) -> None:
    """The failure is told as what it is, and the finding stays."""
    report = play(FailsLater(NAME)).report

    assert report.failure == "mine: it ended with signal 9; see its log"
    assert [f.given for f in report.findings] == ["EINVAL"]
    assert not report.interrupted


@pytest.mark.parametrize(
    "ending", [TargetFailed("it is gone", "see its log"), KeyboardInterrupt()], ids=["failed", "interrupted"]
)
def test_a_finding_is_kept_though_its_shrinking_breaks_off(play: Played, ending: BaseException) -> None:
    """What was just found is told as it is: nobody can try shorter runs any more."""

    class EndsOnceFound(InvalidForClosed):
        found = False

        def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
            if self.found:
                raise ending
            reply = ReferenceSubject.do(self, call, args, show=show)
            self.found = reply.answer == Refused("EBADF")
            return Reply(Refused("EINVAL"), reply.shown) if self.found else reply

    report = play(EndsOnceFound(NAME)).report

    assert [f.given for f in report.findings] == ["EINVAL"]
    assert report.failure or report.interrupted


def test_an_interruption_keeps_what_was_found_before(play: Played) -> None:
    """It is no failure of the target."""
    report = play(InterruptedLater(NAME)).report

    assert report.interrupted
    assert report.failure == ""
    assert [f.given for f in report.findings] == ["EINVAL"]


def test_what_a_subject_does_not_show_is_not_run(play: Played) -> None:
    """Never passed: the properties that need more are named, and answers are still held to the rules."""
    report = play(Mute(NAME)).report

    assert "CON-2" in report.not_run
    assert "CON-2" not in report.checked
    assert [f.given for f in report.findings] == ["EINVAL"]


def test_a_subject_in_python_is_led_like_any_other(
    play: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that allows everything opens a group twice: two calls show it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    name = re.sub(r"\W", "_", tmp_path.name)
    (tmp_path / f"{name}.py").write_text(PERMISSIVE, encoding="utf-8")

    campaign = play(PythonSubject(f"{name}:Subject"))

    (one,) = campaign.report.findings
    assert [made.call for made in one.run] == ["open_group", "open_group"]
    assert told(campaign, one)[-2:] == [
        "  ! answered ok, and the rules permit only EBUSY",
        "  ! because the group is open already",
    ]


def test_calls_that_a_subject_does_not_have_are_never_made(play: Played) -> None:
    """It is held to what it implements."""
    subject = ReferenceSubject(NAME)
    subject.calls = frozenset({"open_container", "close"})
    made: list[str] = []
    real = subject.do

    class Watching:
        name, calls, shows, reset, close = subject.name, subject.calls, subject.shows, subject.reset, subject.close

        def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
            made.append(call)
            return real(call, args, show=show)

    play(Watching())

    assert set(made) == {"open_container", "close"}


def test_a_finding_is_a_trace_that_the_reference_follows(play: Played) -> None:
    """The run as the rules permit it, with the wrong answer in its reason: `tenure replay` shows what is right."""
    campaign = play(InvalidForClosed(NAME))
    (one,) = campaign.report.findings
    result = GateResult("mine", campaign.oracle.system, campaign.oracle, campaign.report)

    trace = from_itf(result.itf(one))

    assert [e.call for e in trace.events] == ["open_group", "set_container"]
    assert [e.answer for e in trace.events] == [Done(), Refused("EBADF")]
    assert "answered EINVAL, permitted: EBADF" in trace.reason
    assert replay_on_reference(trace, campaign.oracle.system).parted is None


def test_a_plan_comes_before_random_runs(oracle: Oracle, play: Played) -> None:
    """The shortest of its runs first; each is followed from the start."""
    plan = list(planned(oracle.system, oracle.rules, plan_scope(oracle.system)))

    campaign = play(InvalidForClosed(NAME), plan=plan[:40])

    assert all(len(a) <= len(b) for a, b in pairwise(plan))
    assert campaign.report.runs > 40
    assert [f.given for f in campaign.report.findings] == ["EINVAL"]


def test_a_plan_reaches_every_refusal_that_its_scope_has(oracle: Oracle, play: Played) -> None:
    """What random runs meet in the same calls, the plan meets as well."""
    report = play(ReferenceSubject(NAME), plan=planned(oracle.system, oracle.rules, plan_scope(oracle.system))).report

    assert {
        "set_container EBADF",
        "open_group EBUSY",
        "unset_container EBUSY",
        "get_external_user EINVAL",
    } <= report.refusals
    assert report.findings == []


def test_planning_shows_progress_of_its_own(oracle: Oracle) -> None:
    """States and transitions of the search that makes the runs."""
    told: list[tuple[int, int]] = []

    planned(oracle.system, oracle.rules, plan_scope(oracle.system), lambda *counts: told.append(counts))

    assert told[0] < told[-1]
