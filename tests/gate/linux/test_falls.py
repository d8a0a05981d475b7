"""Campaigns on a machine of its own: a fall is a finding when it comes again, and what cannot be tried is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from tenure.commands.gating import GateResult
from tenure.gate.campaign import Campaign
from tenure.gate.findings import STAYS_UP, worded
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope, plan_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.subject import Fell, Reply, Setup, Sited, Written
from tenure.models import SYSTEMS
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System
from tenure.vocabulary.verdicts import Verdict

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2")
CHOOSING = next(s for s in SYSTEMS if s.id == "dma-ioas")


class Machine(ReferenceSubject):
    """The reference as if it ran on a machine of its own."""

    def __init__(self) -> None:
        super().__init__(SYSTEM.id)
        self.maps = 0
        self.starts = 0
        self.ended_with = 0

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        return gate_scope(system), plan_scope(system)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        return call != "unmap_all" or args["table"] != "tb1"

    def stands_for(self, call: str, given: Answer | None) -> Answer | None:
        return Refused("EOVERFLOW") if call == "unmap_dma" and given == Refused("E2BIG") else None

    def known(self, call: str, args: Mapping[str, Written]) -> str:
        del args
        return "the second mapping: it is lost" if call == "unmap_dma" else ""

    def prepare(self, calls: Sequence[tuple[str, Mapping[str, Written]]]) -> None:
        """It makes each when it is asked."""

    def program(self, calls: int) -> str:
        """It has none but its number of calls."""
        return f"{calls} calls"

    def settle(self) -> str:
        return ""

    def reset(self, setup: Setup) -> None:
        self.starts += 1
        self.maps = 0
        super().reset(setup)


class Panics(Machine):
    """It falls in its second mapping."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        self.maps += call == "map_dma" and not isinstance(reply.answer, Refused)
        if self.maps == 2:
            raise Fell("BUG", f"BUG: at 0x{self.starts:x} in task {self.starts}", "[ 1.0] BUG: at\n")
        return reply


class PanicsOnce(Panics):
    """It falls in its second mapping, but not on the next start."""

    fallen = False

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        if self.fallen:
            return Machine.do(self, call, args, show=show)
        try:
            return super().do(call, args, show=show)
        except Fell:
            self.fallen = True
            raise


class MakesAhead(Machine):
    """It makes all calls that are foreseen at once, and notes what was foreseen and what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead: list[tuple[str, Mapping[str, Written], Reply]] = []
        self.exchanges = 0

    def prepare(self, calls: Sequence[tuple[str, Mapping[str, Written]]]) -> None:
        self.exchanges += 1
        self.ahead = [(call, args, self.answered(call, args)) for call, args in calls]

    def answered(self, call: str, args: Mapping[str, Written]) -> Reply:
        """Make a call."""
        return super().do(call, args, show=True)

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        del show
        if not self.ahead:
            return self.answered(call, args)
        made, given, reply = self.ahead.pop(0)
        assert (made, given) == (call, args)
        return reply

    def reset(self, setup: Setup) -> None:
        self.ahead = []
        super().reset(setup)


class Chooses(MakesAhead):
    """It maps where it likes, and notes the calls of each run, and where several answers are allowed."""

    def __init__(self) -> None:
        super().__init__()
        ReferenceSubject.__init__(self, CHOOSING.id)
        self.runs: list[list[str]] = []

    def answered(self, call: str, args: Mapping[str, Written]) -> Reply:
        reply = super().answered(call, args)
        self.runs[-1].append(f"{call} {'iova' if 'iova' in worded(reply.answer) else ''}".rstrip())
        return reply

    def reset(self, setup: Setup) -> None:
        self.runs.append([])
        super().reset(setup)


class FallsAhead(MakesAhead):
    """It falls in its second mapping, in the midst of calls that are made at once."""

    def answered(self, call: str, args: Mapping[str, Written]) -> Reply:
        reply = super().answered(call, args)
        self.maps += call == "map_dma" and not isinstance(reply.answer, Refused)
        if self.maps == 2:
            raise Fell("BUG", "BUG: at 7", "[ 1.0] BUG: at 7\n")
        return reply


class FallsAtItsEnd(Machine):
    """It falls when a mapping is left that is to be closed."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        self.maps += call == "map_dma" and not isinstance(reply.answer, Refused)
        return reply

    def settle(self) -> str:
        if self.maps:
            raise Fell("WARN", "WARNING: CPU: 0 PID: 7", "")
        return ""


class Leaks(FallsAtItsEnd):
    """It keeps something of a mapping that was there when everything was closed."""

    def settle(self) -> str:
        return "a page" if self.maps else ""


class OtherErrno(Machine):
    """It refuses what wraps with an errno of its own, in both calls."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        return Reply(Refused("E2BIG"), reply.shown) if reply.answer == Refused("EOVERFLOW") else reply


class Loses(Machine):
    """It forgets what it should say of an unmap."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        return Reply(Refused("EIO"), reply.shown) if call == "unmap_dma" else reply


@cache
def asked() -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    return Oracle(SYSTEM, gate_scope(SYSTEM))


def played(subject: Machine, calls: int = 400) -> GateResult:
    """Random runs alone."""
    oracle = asked()
    campaign = Campaign(subject, oracle, setup_of(SYSTEM, oracle.machine), 1)
    campaign.play([], seconds=None, calls=calls)
    return GateResult("linux:x", SYSTEM, oracle, campaign.report)


def test_a_fall_that_comes_again_is_a_finding_by_few_calls() -> None:
    """With the console; numbers that differ between falls do not make two of one."""
    subject = Panics()
    result = played(subject)

    (finding,) = result.report.findings
    assert (finding.kind, finding.property, len(finding.run)) == ("violates", STAYS_UP, 2)
    assert finding.answers == ("ok", "never returned")
    told = result.told(finding)
    assert "the kernel did not stay up: BUG: BUG: at 0x" in told
    assert "| [ 1.0] BUG: at" in told
    assert "tell the kernel's maintainers first" in told
    assert [row.verdict for row, _ in result.rows() if row.property == STAYS_UP] == [Verdict.VIOLATES]


def test_calls_that_are_foreseen_are_made_at_once_and_told_in_their_order() -> None:
    """A run is one exchange."""
    subject = MakesAhead()
    result = played(subject, calls=2_000)

    assert result.report.findings == []
    assert subject.exchanges == result.report.runs
    assert result.report.calls > 20 * subject.exchanges


def test_a_random_run_goes_on_behind_a_call_of_which_several_things_may_come() -> None:
    """What is foreseen ends before that call; the run does not."""
    subject = Chooses()
    oracle = Oracle(CHOOSING, gate_scope(CHOOSING))
    campaign = Campaign(subject, oracle, setup_of(CHOOSING, oracle.machine), 1)

    campaign.play([], seconds=None, calls=2_000)

    assert campaign.report.findings == []
    chosen = [run for run in subject.runs if "ioas_map iova" in run]
    assert any(run.index("ioas_map iova") + 1 < len(run) for run in chosen)
    assert {len(run) for run in subject.runs} == {60}


def test_a_fall_among_calls_that_were_made_at_once_is_told_of_the_call_it_comes_from() -> None:
    """The run is made again, call by call."""
    (finding,) = played(FallsAhead()).report.findings

    assert finding.answers == ("ok", "never returned")
    assert finding.run[-1].call == "map_dma"


def test_a_fall_that_does_not_come_again_is_no_finding_and_is_said() -> None:
    """Once is not enough to call a kernel wrong, nor to call it right."""
    result = played(PanicsOnce())

    assert result.report.findings == []
    assert [one.property for one in result.report.once] == [STAYS_UP]
    assert [row.verdict for row, _ in result.rows() if row.property == STAYS_UP] == [Verdict.UNKNOWN]


def test_a_fall_when_everything_is_closed_belongs_to_the_run_before() -> None:
    """What a run left behind is what it falls over."""
    result = played(FallsAtItsEnd())

    (finding,) = result.report.findings
    assert "map_dma" in {made.call for made in finding.run}
    assert "never returned" not in finding.answers
    assert "then everything was closed" in finding.reason


def test_what_is_left_when_everything_is_closed_is_a_finding() -> None:
    """By the one call that leaves it, told once."""
    result = played(Leaks())

    (finding,) = result.report.findings
    assert [made.call for made in finding.run] == ["map_dma"]
    assert "a page, and the rules permit only nothing" in result.told(finding)


def test_a_call_that_the_machine_cannot_make_is_not_made_and_is_counted() -> None:
    """It is not run, and never passed."""
    result = played(Machine(), calls=2_000)

    assert result.report.findings == []
    assert set(result.report.left_out) == {"unmap_all"}


def test_a_recorded_errno_is_excused_in_its_call_alone() -> None:
    """The other call is a finding; how often it was excused is said."""
    result = played(OtherErrno(), calls=2_000)

    assert {one.run[-1].call for one in result.report.findings} == {"map_dma"}
    assert list(result.report.intended) == ["unmap_dma: E2BIG for EOVERFLOW"]


def test_a_known_fault_is_a_finding_told_once_under_its_name() -> None:
    """Whatever it answered and should have answered."""
    result = played(Loses(), calls=2_000)

    (finding,) = result.report.findings
    assert "known of this kernel: the second mapping: it is lost" in result.told(finding)
    assert result.verdict is Verdict.DIFFERS


@pytest.mark.parametrize("subject", [Machine(), Panics()])
def test_a_machine_of_its_own_is_known_by_what_it_has(subject: Machine) -> None:
    """The reference alone has none."""
    assert isinstance(subject, Sited)
    assert not isinstance(ReferenceSubject(SYSTEM.id), Sited)
