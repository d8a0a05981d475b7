"""Kernels side by side: versions in their order, each by the rules of its own, and where answers change."""

from __future__ import annotations

from collections import Counter

import pytest

from tenure.commands import kernels
from tenure.commands.gating import GateResult
from tenure.commands.kernels import Kernels, profile_for, targets
from tenure.commands.output import BadInput
from tenure.gate.findings import CampaignReport, Finding
from tenure.gate.oracle import Made, Oracle
from tenure.gate.profiles import plan_scope
from tenure.models import SYSTEMS
from tenure.vocabulary.systems import System

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2")
ORACLE = Oracle(SYSTEM, plan_scope(SYSTEM))
FAULT = Finding("differs", (Made("unmap_all", (0, 0)),), ("unmap_all",), ("ok",), "ok size=0", "ok size=1")


def result(*findings: Finding, intended: tuple[str, ...] = (), missing: str = "", calls: int = 9) -> GateResult:
    """A campaign in which this was found."""
    report = CampaignReport(calls=calls, findings=list(findings), intended=Counter(intended), missing=missing)
    report.checked = ("ACT-3", "kernel")
    return GateResult("linux:x", SYSTEM, ORACLE, report)


def test_versions_are_tried_from_the_oldest_on() -> None:
    """Numbers are numbers: 6.12 comes after 6.1, and once."""
    assert list(targets("linux:debian:7.2,6.12,6.1,6.12")) == ["6.1", "6.12", "7.2"]
    assert targets("linux:debian:6.1")["6.1"] == "linux:debian:6.1"


@pytest.mark.parametrize(
    "target", ["linux:debian:", "linux:debian:6.1,", "linux:debian:six", "exec:x", "linux:/boot/a"]
)
def test_what_names_no_versions_is_told(target: str) -> None:
    """With what would."""
    with pytest.raises(BadInput, match=r"say linux:debian:6\.1,6\.12"):
        targets(target)


def test_a_version_is_held_to_the_variant_that_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of the oldest version that is not before it; where there is none, or a variant was asked for, as asked."""

    def variant(name: str) -> System:
        return System(SYSTEM.name, name, *[getattr(SYSTEM, f) for f in list(SYSTEM.__dataclass_fields__)[2:]])

    monkeypatch.setattr(kernels, "SYSTEMS", (SYSTEM, variant("6.1"), variant("6.12"), variant("odd")))

    assert profile_for("dma-type1-v2", "5.19") == "dma-type1-v2:6.1"
    assert profile_for("dma-type1-v2", "6.1") == "dma-type1-v2:6.1"
    assert profile_for("dma-type1-v2", "6.6.3") == "dma-type1-v2:6.12"
    assert profile_for("dma-type1-v2", "7.2") == "dma-type1-v2"
    assert profile_for("dma-type1-v2:odd", "6.1") == "dma-type1-v2:odd"


def test_a_variant_of_another_name_has_a_last_version_too() -> None:
    """`group-only` is of 5.19 to 6.1."""
    assert [profile_for("kvm-file", version) for version in ("6.1.176", "6.12")] == ["kvm-file:group-only", "kvm-file"]
    assert set(kernels.LAST) <= {s.id for s in SYSTEMS}


def test_a_change_is_told_with_its_versions_and_the_first_without_it() -> None:
    """Excused or not."""
    both = Kernels(
        {
            "6.1": result(FAULT, intended=("map_dma: EINVAL for EOVERFLOW",)),
            "6.12": result(FAULT),
            "7.2": result(),
        }
    )

    assert both.changes() == [
        "map_dma: EINVAL for EOVERFLOW: 6.1; not in 6.12",
        "unmap_all: ok size=0 for ok size=1: 6.1, 6.12; not in 7.2",
    ]


def test_a_version_that_was_not_tried_is_not_said_to_be_without_a_change() -> None:
    """It says not-run, in every row that it could have."""
    both = Kernels({"6.1": result(FAULT), "7.2": result(missing="there is no QEMU", calls=0)})

    assert both.changes() == ["unmap_all: ok size=0 for ok size=1: 6.1"]
    assert {row[0]: row[1:] for row in both.table()}["answers"] == ("differs", "not-run")
