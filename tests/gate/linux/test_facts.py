"""What a profile needs of a guest: who needs no devices and no type1 is not refused for want of them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from tests.gate.linux.conftest import Played

from tenure.gate.linux import facts
from tenure.gate.linux.facts import Needs, facts_of
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.image import Image
from tenure.gate.linux.subject import ADAPTERS, NEEDS
from tenure.gate.subject import NotRun

EDU = {"vendor": "0x1234", "device": "0x11e8"}


class Machine(Played):
    """A guest with a device, of which some folders are known, and the group of that device."""

    def __init__(self) -> None:
        super().__init__(self.said)
        self.image = Image(Path("vmlinuz"), "6.12.107")

    def said(self, target: str, line: str) -> str | None:
        """What a file says."""
        del target
        if "osrelease" in line:
            return b"6.12.107".hex()
        return next((text.encode().hex() for name, text in EDU.items() if line.endswith(f"/{name}")), None)


def found(monkeypatch: pytest.MonkeyPatch, needs: Needs, group: str = "", **folders: list[str]) -> facts.Facts:
    """Ask a guest that has these folders, by the last part of their path, and no others."""
    known = {"devices": ["0000:00:10.0"], **folders}
    monkeypatch.setattr(facts, "folder", lambda _guest, _target, path: known.get(path.rpartition("/")[2], []))
    monkeypatch.setattr(facts, "links", lambda *_: [group])
    return facts_of(cast("Guest", Machine()), needs)


def test_who_needs_nothing_is_told_the_version_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No VFIO, no IOMMU and no type1 is asked for."""
    bare = found(monkeypatch, Needs.NOTHING)

    assert (bare.release, bare.version, bare.groups, bare.drivers) == ("6.12.107", (6, 12), {}, frozenset())


def test_who_needs_devices_needs_an_iommu_and_no_type1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor the file of a container."""
    with pytest.raises(NotRun, match="sees no IOMMU in this machine"):
        found(monkeypatch, Needs.DEVICES)
    with pytest.raises(NotRun, match="has no vfio-pci"):
        found(monkeypatch, Needs.DEVICES, group="3")
    assert found(monkeypatch, Needs.DEVICES, group="3", drivers=["vfio-pci"]).alone() == ["0000:00:10.0"]


def test_who_needs_type1_is_told_that_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any device is looked at."""
    with pytest.raises(NotRun, match="has no VFIO"):
        found(monkeypatch, Needs.TYPE1)
    with pytest.raises(NotRun, match="has no type1 IOMMU driver of VFIO"):
        found(monkeypatch, Needs.TYPE1, vfio=["vfio"])


def test_profiles_over_iommufd_need_no_type1() -> None:
    """Those with physical devices need these, all others need all."""
    assert {name for name in ADAPTERS if NEEDS.get(name, Needs.TYPE1) is Needs.NOTHING} == {
        "dma-ioas",
        "dma-ioas-compat",
        "iommufd-objects:accesses",
        "iommufd-objects:no-devices",
    }
    assert {name for name in NEEDS if NEEDS[name] is Needs.DEVICES} == {"iommufd-objects"}
