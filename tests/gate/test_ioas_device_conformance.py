"""Devices on IO address spaces compared with their model: a fault planted in the reference is found by whole calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference.dma import Range
from tenure.reference.ioas_layout import Layout
from tenure.reference.ioas_spaces import IoasSpace
from tenure.search.ioas_scopes import device_scope

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-ioas:devices")


def whole(pages_of: int = 2) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    sizes = {"thread": 1, "table": 2, "device": 2, "address": 2, "mapping": 1}
    return conform_whole(SYSTEM, device_scope(sizes, pages_of=pages_of), most=1)


def pages() -> Conformance:
    """Where a page has two addresses."""
    return conform_whole(
        replace(SYSTEM, calls=tuple(c for c in SYSTEM.calls if c.name != "ioas_allow_iovas")),
        device_scope({"thread": 1, "table": 1, "device": 1, "address": 4, "mapping": 1}),
        most=1,
    )


def test_the_two_tellings_agree() -> None:
    """In every state of the scopes."""
    for found in (whole(1), pages()):
        assert found.complete
        assert found.differences == []
        assert found.transitions > 100


def gate() -> Campaign:
    """Random runs of the reference as a subject."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset({"DMA-13"}))
    campaign.play((), seconds=None, calls=3000)
    return campaign


def test_the_gate_finds_nothing_in_the_reference() -> None:
    """Which is told what devices reserve, and where pages begin."""
    assert gate().report.findings == []


def a_device_that_reserves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it reserves is asked when it comes, and forgotten."""

    def reserved(self: IoasSpace) -> list[Range]:
        del self
        return []

    monkeypatch.setattr(IoasSpace, "reserved", reserved)


def a_device_that_is_always_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks what is in its way."""
    monkeypatch.setattr(IoasSpace, "admits", lambda self, device: self.is_there and device >= 0)


def parts_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An area need not end where a page does."""
    monkeypatch.setattr(Layout, "is_whole", lambda self, r: self.begins_page[r.first])


def a_device_that_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is attached elsewhere is still attached where it was."""
    monkeypatch.setattr("tenure.reference.ioas_calls._leave", lambda _machine, _device: None)


@pytest.mark.parametrize(
    ("plant", "compared"),
    [
        (a_device_that_reserves_nothing, whole),
        (a_device_that_is_always_let_in, whole),
        (parts_of_pages, pages),
        (a_device_that_stays_behind, whole),
    ],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    plant: Plant, compared: Callable[[], Conformance], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison names the calls that led there, an attach among them."""
    plant(monkeypatch)

    found = compared()

    assert found.differences
    assert any("attach" in call for call in found.differences[0].calls)


@pytest.mark.parametrize("plant", [a_device_that_reserves_nothing, parts_of_pages])
def test_the_gate_finds_a_subject_that_forgets_devices(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it answers."""
    plant(monkeypatch)

    assert gate().report.findings
