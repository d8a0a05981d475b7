"""Campaigns on a kernel that is played with iommufds as containers: one that keeps the rules conforms, and what is planted is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.gate.linux.playing_compat import COMPAT, Containers, asked, setup

from tenure.gate.campaign import Campaign
from tenure.gate.findings import CampaignReport
from tenure.gate.linux import spaces
from tenure.gate.linux import subject as subjects
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.oracle import Made


@pytest.fixture(autouse=True)
def _nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that has iommufds."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["iommu", "vfio"])


def led(
    kernel: Containers, facts: Facts, monkeypatch: pytest.MonkeyPatch, runs: Iterable[tuple[Made, ...]]
) -> CampaignReport:
    """A campaign of these runs, and of random ones, on a kernel that is played."""
    monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
    monkeypatch.setattr(subjects, "Guest", lambda *_: kernel)
    monkeypatch.setattr(subjects, "facts_of", lambda *_: facts)
    campaign = Campaign(LinuxSubject("vmlinuz", "dma-ioas-compat"), asked(), setup(), 1)
    campaign.play(tuple(runs), seconds=None, calls=300)
    return campaign.report


def called(call: str, **values: int) -> Made:
    """A call of the first objects, but for these."""
    (meant,) = [one for one in COMPAT.calls if one.name == call]
    return Made(call, tuple(values.get(one.name, 0) for one in meant.parameters))


MADE = called("ioas_alloc")
THREE = called("map_dma", high=2, to=3)
"""An area of three pages, the last of all."""
FIRST, MIDDLE = called("unmap_dma", behind=1, inside=2), called("unmap_dma", low=1, high=1, behind=1, inside=2)
V1 = called("set_iommu")
RUNS = (
    (MADE, THREE, called("map_dma", low=1, high=1, to=3, made=1)),
    (MADE, called("set_iommu", version=1), THREE, MIDDLE),
    (MADE, THREE, V1, MIDDLE, called("unmap_all")),
    (MADE, FIRST),
    (V1, called("set_iommu", version=2), called("unmap_all")),
)
"""A page that is mapped again; one in the middle that goes, by either version; none that goes; no container."""


def test_a_kernel_that_keeps_the_rules_conforms(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all runs, and by those that come by chance; and each refusal is met there."""
    report = led(Containers(), facts, monkeypatch, RUNS)

    assert (report.failure, report.findings, report.once, report.lacking) == ("", [], [], ())
    assert report.calls >= 300
    assert {
        "map_dma EEXIST",
        "map_dma EINVAL",
        "unmap_dma EINVAL",
        "unmap_dma ENOENT",
        "set_iommu EINVAL",
        "unmap_all ENODEV",
    } <= report.refusals


def maps_over(kernel: Containers) -> None:
    """EEXIST is told as done."""
    kernel.over = True


def takes_whole_areas(kernel: Containers) -> None:
    """Version 1 cuts nothing."""
    kernel.whole = True


def cuts_always(kernel: Containers) -> None:
    """Version 2 cuts."""
    kernel.always_cuts = True


def refuses_nothing_to_do(kernel: Containers) -> None:
    """As kernels did until November 2025."""
    kernel.needs_some = True


@pytest.mark.parametrize(
    ("plant", "call", "given", "permitted"),
    [
        (maps_over, "map_dma", "ok", "EEXIST"),
        (takes_whole_areas, "unmap_dma", "ENOENT", "ok size=1"),
        (cuts_always, "unmap_dma", "ok size=1", "ENOENT"),
        (refuses_nothing_to_do, "unmap_dma", "ENOENT", "ok size=0"),
    ],
)
def test_a_kernel_that_breaks_a_rule_is_caught(
    facts: Facts,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[Containers], None],
    call: str,
    given: str,
    permitted: str,
) -> None:
    """By the run that shows it."""
    kernel = Containers()
    plant(kernel)

    report = led(kernel, facts, monkeypatch, RUNS)

    assert (call, given, permitted) in {(one.run[-1].call, one.given, one.permitted) for one in report.findings}
