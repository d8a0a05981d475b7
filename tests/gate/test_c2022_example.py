"""The second example in C: it conforms to containers-2022, and each of its faults is found, and told by few calls."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import pytest
from tests.gate.conftest import ROOT

from tenure.commands.gating import refuted_by_design
from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.exec_subject import ExecSubject
from tenure.gate.findings import CampaignReport, Run
from tenure.gate.oracle import Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import gate_scope, plan_scope, setup_of
from tenure.gate.subject import TargetFailed

NAME = "containers-2022"
PLANNED = 2_000
"""Calls: those of the planned runs, in which most faults are met."""


class Told(NamedTuple):
    """How a fault is found: in a campaign of so many calls from this seed, told by so many that end with one, as what."""

    by: int
    last: str
    what: str
    calls: int = PLANNED
    seed: int = 1


DIFFERS = "differs"

FAULTS = {
    "set-twice": Told(4, "set_container", DIFFERS),
    "open-twice": Told(2, "open_group", DIFFERS),
    "wrong-errno": Told(2, "set_container", DIFFERS),
    "busy-unset": Told(6, "unset_container", DIFFERS),
    "device-outlives": Told(6, "exit_process", "FREE"),
    "files-count": Told(7, "get_device_fd", "CON-6"),
    "orphan-stays": Told(4, "unbind_driver", DIFFERS, calls=4_000, seed=7),
    "owner-leaks": Told(4, "close", "OWN-5"),
    "claim-beside-driver": Told(5, "set_container", DIFFERS, calls=8_000, seed=3),
    "claim-translates": Told(3, "set_container", "OWN-4"),
    "driver-ignores-owner": Told(5, "bind_driver", DIFFERS),
    "fork-uncounted": Told(3, "close", DIFFERS),
    "exit-leaks": Told(2, "exit_process", "FREE"),
    "module-uncounted": Told(4, "set_iommu", "CON-7"),
    "open-without-module": Told(5, "get_device_fd", "CON-7"),
}
"""Two need the last device of a group, or one beside it: random runs come to them, and the planned ones do not."""


@pytest.fixture(scope="module")
def example(build: Callable[[str, str], str]) -> str:
    """Build the example so that it stops at a wrong memory access or undefined behaviour; its command."""
    return build("c2022", "build/checked")


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    system = system_named(NAME)
    return Oracle(system, gate_scope(system))


@pytest.fixture(scope="module")
def plan(oracle: Oracle) -> tuple[Run, ...]:
    """Search once for the runs with which every campaign begins."""
    return planned(oracle.system, oracle.rules, plan_scope(oracle.system))


@pytest.fixture
def played(oracle: Oracle, plan: tuple[Run, ...]) -> Callable[[str, int, int], CampaignReport]:
    """Lead a command through the planned runs, and through random ones until it has made so many calls."""

    def report(command: str, seed: int, calls: int) -> CampaignReport:
        with closing(ExecSubject(command, NAME)) as subject:
            setup = setup_of(oracle.system, oracle.machine)
            campaign = Campaign(subject, oracle, setup, seed, refuted_by_design(oracle.system))
            campaign.play(plan, seconds=None, calls=calls)
            return campaign.report

    return report


Played = Callable[[str, int, int], CampaignReport]


def test_the_example_conforms_and_shows_what_every_property_needs(example: str, played: Played) -> None:
    """No difference in planned and random runs, no property left out but those of a harm that it cannot do, no memory misused."""
    report = played(example, 1, 6_000)

    assert report.findings == []
    assert report.failure == ""
    assert report.complete
    assert set(report.not_run) == {"HARM-1", "HARM-2", "HARM-3"}


def test_the_faults_that_it_lists_are_the_ones_that_are_looked_for(example: str) -> None:
    """None is planted in vain."""
    listed = subprocess.run([*shlex.split(example), "--faults"], check=True, capture_output=True, text=True).stdout

    assert [line.split()[0] for line in listed.splitlines()] == list(FAULTS)


def test_the_page_of_the_example_says_how_short_each_fault_is_told() -> None:
    """Its table has the faults of this file, in order."""
    page = (ROOT / "examples" / "c2022" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (\d) calls: ", page, re.MULTILINE)

    assert rows == [(fault, str(told.by)) for fault, told in FAULTS.items()]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_told_by_few_calls(example: str, played: Played, fault: str) -> None:
    """The first that the campaign tells: how it is wrong, the call at which it shows, and how many lead there."""
    told = FAULTS[fault]

    report = played(f"{example} --fault {fault}", told.seed, told.calls)

    assert report.failure == ""
    first = report.findings[0]
    assert (len(first.run), first.run[-1].call, first.property or first.kind) == (told.by, told.last, told.what)


def test_it_declines_the_other_generation(example: str) -> None:
    """The text of its error is told."""
    with pytest.raises(TargetFailed, match="it answers error: hello: not a profile of this subject"):
        ExecSubject(example, "containers-2013")
