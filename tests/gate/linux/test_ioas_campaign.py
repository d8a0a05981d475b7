"""Campaigns on a kernel that is played with an iommufd: one that keeps the rules conforms, and what is planted is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.gate.linux.playing_iommufd import SYSTEM, Iommu, asked, setup

from tenure.gate.campaign import Campaign
from tenure.gate.findings import CampaignReport
from tenure.gate.linux import spaces
from tenure.gate.linux import subject as subjects
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.ioas_requests import EDGES
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.oracle import Made


@pytest.fixture(autouse=True)
def _nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that has iommufds."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["iommu", "vfio"])


@pytest.fixture
def iommu() -> Iommu:
    """It does all as it should."""
    return Iommu()


def led(
    iommu: Iommu, facts: Facts, monkeypatch: pytest.MonkeyPatch, runs: Iterable[tuple[Made, ...]], calls: int = 300
) -> CampaignReport:
    """A campaign of these runs, and of random ones, on a kernel that is played."""
    monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
    monkeypatch.setattr(subjects, "Guest", lambda *_: iommu)
    monkeypatch.setattr(subjects, "facts_of", lambda *_: facts)
    campaign = Campaign(LinuxSubject("vmlinuz", "dma-ioas"), asked(), setup(), 1)
    campaign.play(tuple(runs), seconds=None, calls=calls)
    return campaign.report


def called(call: str, **values: int) -> Made:
    """A call of the first objects, but for these."""
    (meant,) = [one for one in SYSTEM.calls if one.name == call]
    return Made(call, tuple(values.get(one.name, 0) for one in meant.parameters))


MAP = called("ioas_map_fixed", to=3)
ALLOCATED = called("ioas_alloc")
ANYWHERE = called("ioas_map", to=3)
NOWHERE = called("ioas_allow_iovas", request=1)
"""The byte before the second page is all that is allowed."""
RUNS = (
    (ALLOCATED, called("ioas_map_fixed", high=1, to=3), called("ioas_unmap")),
    (ALLOCATED, called("ioas_map_fixed", high=1, to=3), called("ioas_unmap", high=1)),
    (ALLOCATED, MAP, called("ioas_map_fixed", to=3, made=1)),
    (ALLOCATED, called("destroy"), called("destroy")),
    (ALLOCATED, ANYWHERE),
    (ALLOCATED, called("ioas_allow_iovas", request=1, low=5, high=6, other_low=5, other_high=6), ANYWHERE),
    (ALLOCATED, NOWHERE, called("ioas_allow_iovas"), ANYWHERE, called("ioas_unmap", low=1, high=2)),
    (ALLOCATED, called("ioas_allow_iovas"), NOWHERE, ANYWHERE),
)
"""An area of two bytes, and half of it unmapped; all of it; a byte that is mapped again; an end, and again; a page where the kernel
likes; a page that alone is allowed; one that may be anywhere again; none."""


def test_a_kernel_that_keeps_the_rules_conforms(iommu: Iommu, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all runs, and by those that come by chance; and each request is made there."""
    report = led(iommu, facts, monkeypatch, RUNS)

    assert (report.failure, report.findings, report.once, report.lacking) == ("", [], [], ())
    assert report.calls >= 300
    assert {
        "ioas_map_fixed EEXIST",
        "ioas_unmap ENOENT",
        "ioas_unmap EOVERFLOW",
        "ioas_map_fixed EOPNOTSUPP",
        "ioas_map ENOSPC",
        "ioas_allow_iovas EINVAL",
    } <= report.refusals
    assert report.unvisited == {}


def test_edges_that_no_call_was_about_are_told(iommu: Iommu, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a campaign that is over too early."""
    report = led(iommu, facts, monkeypatch, [(ALLOCATED, MAP)], calls=2)

    assert sorted(report.unvisited.values()) == sorted({*EDGES} - {EDGES[0]})


def maps_over(iommu: Iommu) -> None:
    """EEXIST is told as done."""
    iommu.over = True


def splits(iommu: Iommu) -> None:
    """It takes an area of which it was asked a part."""
    iommu.splits = True


def counts_short(iommu: Iommu) -> None:
    """It says of an unmap of several bytes that one less went."""
    iommu.short = True


def keeps(iommu: Iommu) -> None:
    """What was destroyed is found all the same."""
    iommu.keeps = True


def chooses_freely(iommu: Iommu) -> None:
    """It heeds no range that is allowed."""
    iommu.free = True


def allows_more_and_more(iommu: Iommu) -> None:
    """It forgets nothing that was allowed before."""
    iommu.stale = True


def chooses_the_first_page(iommu: Iommu) -> None:
    """An area comes to the address 0."""
    iommu.first_page = True


def chooses_what_has_no_name(iommu: Iommu) -> None:
    """It takes the third page that is free, and not the first."""
    iommu.skips = True


@pytest.mark.parametrize(
    ("plant", "call", "given"),
    [
        (chooses_freely, "ioas_map", "ok iova=a1"),
        (allows_more_and_more, "ioas_map", "ENOSPC"),
        (chooses_the_first_page, "ioas_map", "ok iova=a4"),
        (chooses_what_has_no_name, "ioas_map", "ok iova=0x3000"),
        (maps_over, "ioas_map_fixed", "ok"),
        (splits, "ioas_unmap", "ok size=2"),
        (counts_short, "ioas_unmap", "ok size=1"),
        (keeps, "destroy", "space_exists(tb0) = True"),
    ],
)
def test_a_kernel_that_breaks_a_rule_is_caught(
    iommu: Iommu, facts: Facts, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Iommu], None], call: str, given: str
) -> None:
    """By the run that shows it."""
    plant(iommu)

    report = led(iommu, facts, monkeypatch, RUNS)

    assert (call, given) in {(one.run[-1].call, one.given) for one in report.findings}
