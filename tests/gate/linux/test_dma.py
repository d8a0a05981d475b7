"""Real DMA, played: what a device reaches is held against what is mapped, and a probe that reaches nothing is no pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.gate.linux.playing import Bus

from tenure.commands.gating import GateResult
from tenure.gate.campaign import Campaign
from tenure.gate.devices import DEVICE, LOST, NOT_MADE, STRAY
from tenure.gate.findings import Finding, Run
from tenure.gate.linux import subject as subjects
from tenure.gate.linux.dma import ITSELF, WRITTEN_ONLY
from tenure.gate.linux.edges import LAST_PAGE
from tenure.gate.linux.edu import FILE
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.oracle import Made, Oracle
from tenure.gate.profiles import setup_of
from tenure.gate.subject import Arrived, Hit, Hits, Written
from tenure.models import SYSTEMS
from tenure.vocabulary.observables import ACCESS
from tenure.vocabulary.verdicts import Verdict

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2")
BOTH = frozenset({Hit("read", "p0", 0), Hit("write", "p0", 0)})
NOTHING: Hits = frozenset()

Started = Callable[[Bus], Campaign]


@pytest.fixture
def started(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """A campaign whose kernel is this bus."""
    opened: list[LinuxSubject] = []
    facts = replace(facts, release="6.12.0")

    def start(bus: Bus) -> Campaign:
        monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
        monkeypatch.setattr(subjects, "Guest", lambda *_: bus)
        monkeypatch.setattr(subjects, "facts_of", lambda *_: facts)
        subject = LinuxSubject("vmlinuz", SYSTEM.id)
        opened.append(subject)
        oracle = Oracle(SYSTEM, subject.scopes(SYSTEM)[0])
        return Campaign(subject, oracle, setup_of(SYSTEM, oracle.machine), 1)

    yield start
    for one in opened:
        one.close()


def run(to: str = "both") -> tuple[Made, ...]:
    """A page is mapped in the first address space, and unmapped."""
    return (Made("map_dma", (0, 0, 0, 0, 0, ACCESS.values.index(to), 0)), Made("unmap_all", (0,)))


def found(campaign: Campaign, *, to: str = "both") -> Finding | None:
    """What is wrong with such a run."""
    return campaign.follow(run(to))


def moved(campaign: Campaign, wanted: dict[str, Hits], table: str = "tb0") -> dict[str, Arrived]:
    """What a device of the subject finds after one page was mapped."""
    subject = cast("LinuxSubject", campaign.subject)
    subject.reset(campaign.setup)
    args: dict[str, Written] = {"request": "range", "low": "a0", "high": "a0", "to": "both", "made": "m0"}
    subject.do("map_dma", {"process": "p0", "table": "tb0", **args}, show=False)
    return {one.place: one for one in subject.move(table, wanted)}


def test_a_sound_machine_is_asked_and_nothing_is_found(started: Started) -> None:
    """Before the unmap the device reads and writes there, and afterwards it tries both in vain."""
    bus = Bus()
    campaign = started(bus)

    assert found(campaign) is None
    address = 1043966 * 4096 + 2048
    assert [way for way, where in bus.moved if where == address] == ["write", "read", "write", "read"]
    assert campaign.report.devices is not None
    assert (campaign.report.devices.tries, campaign.report.devices.unmaps, campaign.report.devices.addresses) == (
        1,
        1,
        2,
    )


def test_what_is_still_reached_after_an_unmap_is_a_finding_though_the_answer_was_right(started: Started) -> None:
    """A stale translation: the answers and all that is shown are as they should be."""
    finding = found(started(Bus(keeps=True)))

    assert finding is not None
    assert (finding.kind, finding.property, finding.given) == ("violates", DEVICE, STRAY)
    assert finding.answers == ("ok", "ok size=1")
    assert "at a0 of tb0 the device reads page 0 of p0, writes page 0 of p0; by the rules it reaches nothing" in (
        finding.reason
    )


def test_a_device_that_moves_nothing_is_a_finding_of_its_own_and_no_pass(started: Started) -> None:
    """Told of the page that is mapped for it alone, before anything is unmapped."""
    finding = found(started(Bus(deaf=True)))

    assert finding is not None
    assert (finding.kind, finding.property, finding.given) == ("violates", DEVICE, LOST)
    assert finding.answers == ("ok", NOT_MADE)
    assert f"at {ITSELF} of tb0 the device reaches nothing" in finding.reason


def test_other_memory_than_what_was_mapped_is_a_finding(started: Started) -> None:
    """The next page of the same process."""
    finding = found(started(Bus(shifts=4096)))

    assert finding is not None
    assert finding.property == DEVICE
    assert "reads page 1 of p0, writes page 1 of p0; by the rules it reads page 0 of p0" in finding.reason


@pytest.mark.parametrize("to", ["read", "write"])
def test_what_a_mapping_does_not_permit_does_not_arrive(started: Started, to: str) -> None:
    """The other way does."""
    assert found(started(Bus()), to=to) is None


def test_a_mapping_to_be_written_only_that_is_read_is_a_known_fault_of_the_version(started: Started) -> None:
    """A finding all the same."""
    finding = found(started(Bus(lax=True)), to="write")

    assert finding is not None
    assert finding.given == STRAY
    assert finding.known.startswith(WRITTEN_ONLY)


def test_what_the_rules_believe_unmapped_is_caught_where_it_is_reached(started: Started) -> None:
    """The fault may be in the rules as well as in the kernel."""
    said = moved(started(Bus()), {"a0": NOTHING, "a1": NOTHING})

    assert (said["a0"].found, said["a1"].found) == (BOTH, NOTHING)
    assert said[ITSELF].found == said[ITSELF].wanted


def test_an_address_that_the_device_cannot_be_told_is_left_out(started: Started) -> None:
    """Where no more than 4 bytes are written at once, it is told 32 bits."""
    campaign = started(Bus(narrow=True))
    positions = campaign.setup.fixed["address_position"]
    top = next(name for name, page in positions.items() if page == LAST_PAGE)

    said = moved(campaign, {"a0": BOTH, top: NOTHING})

    assert set(said) == {ITSELF, "a0"}
    assert said["a0"].found == BOTH


def test_an_address_space_whose_device_moves_nothing_by_order_is_not_asked(started: Started) -> None:
    """The second one has a network card."""
    assert moved(started(Bus()), {"a0": NOTHING}, table="tb1") == {}


def test_a_trial_leaves_nothing_behind(started: Started) -> None:
    """Neither its own mapping nor the device's file."""
    bus = Bus()
    moved(started(bus), {"a0": BOTH})

    assert [(one.address, one.listed) for one in bus.mappings] == [(1043966 * 4096, True)]
    assert FILE not in bus.processes["0"].files


def test_one_unmap_of_many_is_tried_and_each_of_a_shrunk_run(started: Started) -> None:
    """The first is."""
    campaign = started(Bus())
    devices = campaign.report.devices
    assert devices is not None
    for _ in range(3):
        assert found(campaign) is None
    assert (devices.tries, devices.unmaps) == (1, 3)

    devices.always = True
    assert found(campaign) is None
    assert (devices.tries, devices.unmaps) == (2, 4)
    devices.always, devices.every = False, 2
    assert found(campaign) is None
    assert (devices.tries, devices.unmaps) == (3, 5)


def test_what_a_device_notices_at_an_earlier_unmap_when_it_is_asked_again_has_come_again(started: Started) -> None:
    """The first time it was asked at the second unmap alone, which is another call."""
    campaign = started(Bus(keeps=True))
    devices = campaign.report.devices
    assert devices is not None
    devices.every, devices.tries = 1, 1
    by_range = Made("unmap_dma", (0, 0, 0, 0))

    campaign.play([(*run(), run()[0], by_range)], seconds=None, calls=1)

    (finding,) = campaign.report.findings
    assert [one.call for one in finding.run] == ["map_dma", "unmap_all"]
    assert finding.given == STRAY
    assert campaign.report.once == []


def test_a_finding_of_a_device_is_made_shorter_and_told(started: Started) -> None:
    """With what the device did, in the row of its own, and in the program."""
    campaign = started(Bus(keeps=True))
    campaign.play([(run()[1], *run())], seconds=None, calls=1)

    (finding,) = campaign.report.findings
    assert [one.call for one in finding.run] == ["map_dma", "unmap_all"]
    result = GateResult("linux:x", SYSTEM, campaign.oracle, campaign.report)
    assert STRAY in result.told(finding)
    assert "tell the kernel's maintainers first" in result.told(finding)
    assert "maintainers" not in result.told(replace(finding, known="an old fault"))
    assert "maintainers" not in result.told(replace(finding, given=LOST))
    assert [row.verdict for row, _ in result.rows() if row.property == DEVICE] == [Verdict.VIOLATES]
    assert "VFIO_DEVICE_GET_REGION_INFO" in finding.program


def test_what_a_device_does_once_is_no_finding_and_no_pass(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run is made again on a fresh start, and the row says that nothing is known."""
    bus = Bus(deaf=True)
    campaign = started(bus)
    follow = campaign.follow

    def hears_afterwards(calls: Run) -> Finding | None:
        finding = follow(calls)
        bus.deaf = False
        return finding

    monkeypatch.setattr(campaign, "follow", hears_afterwards)
    campaign.play([run()], seconds=None, calls=1)

    assert campaign.report.findings == []
    assert [(one.property, one.given) for one in campaign.report.once] == [(DEVICE, LOST)]
    result = GateResult("linux:x", SYSTEM, campaign.oracle, campaign.report)
    assert [row.verdict for row, _ in result.rows() if row.property == DEVICE] == [Verdict.UNKNOWN]


def test_no_device_is_asked_for_what_the_kernel_has_unmapped_already(started: Started) -> None:
    """Calls are made ahead of their turn only as far as the next unmap that is tried, wherever in a run that is."""
    campaign = started(Bus())
    devices = campaign.report.devices
    assert devices is not None
    devices.every = 3

    for runs in range(1, 7):
        assert campaign.follow(run() * 5) is None
        assert devices.unmaps == runs * 5
        assert devices.tries == -(-devices.unmaps // 3)


def test_where_no_device_could_be_asked_none_says_anything(started: Started) -> None:
    """An unmap in the address space whose group has a network card: not run, and not passed."""
    campaign = started(Bus())
    in_the_second = (Made("map_dma", (0, 1, 0, 0, 0, 3, 0)), Made("unmap_all", (1,)))
    campaign.play([in_the_second], seconds=None, calls=1)

    devices = campaign.report.devices
    assert devices is not None
    assert (devices.unmaps, devices.tries, devices.left_out) == (1, 0, 1)
    result = GateResult("linux:x", SYSTEM, campaign.oracle, campaign.report)
    assert [row.verdict for row, _ in result.rows() if row.property == DEVICE] == [Verdict.NOT_RUN]


def test_where_nothing_was_unmapped_no_device_says_anything(started: Started) -> None:
    """Not run, and not passed."""
    campaign = started(Bus())
    campaign.play([run()[:1]], seconds=None, calls=1)

    result = GateResult("linux:x", SYSTEM, campaign.oracle, campaign.report)
    assert [row.verdict for row, _ in result.rows() if row.property == DEVICE] == [Verdict.NOT_RUN]
    assert DEVICE not in campaign.report.checked
