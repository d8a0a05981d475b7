"""Metagroups compared with their model, and a subject of them held to the rules: planted faults are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import descriptions, device_info, device_info_calls, metagroup_memory_calls, systems
from tenure.reference.calls import Steps, Task
from tenure.reference.device_info import DeviceInfo, Region, RegionFlags, TreeEntry, TreeProperty
from tenure.reference.locks import Lock
from tenure.reference.machine import Machine
from tenure.reference.metagroups import Iommu, Memory2011, Metagroups
from tenure.search.metagroup_scopes import SIZES, metagroup_scope
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.machine import Scope

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

BASE = next(s for s in SYSTEMS if s.id == "rfc2011")
MEMORY = metagroup_scope({**SIZES, "process": 2, "file": 2, "group": 1, "metagroup": 1})
SHARED = metagroup_scope({**SIZES, "process": 2, "file": 2, "group": 1, "metagroup": 1, "page": 0})


def pairs() -> Conformance:
    """Pairs of calls in flight, step by step, until a first difference."""
    return conform_pairs(BASE, metagroup_scope({**SIZES, "file": 2, "group": 1, "metagroup": 1, "thread": 2}), most=1)


TELLING = metagroup_scope(
    {**SIZES, "file": 2, "group": 1, "metagroup": 1, "device": 2, "page": 0},
    regions=((0, 4096), (0, 0), (1, 64)),
    indexes=((0, 1), (0, 0), (1, 4)),
)


@pytest.mark.parametrize("scope", [MEMORY, TELLING], ids=["memory", "what devices tell"])
def test_the_two_tellings_agree(scope: Scope) -> None:
    """In every state of a scope; `tenure conform` compares every variant in this one and others, calls in flight too."""
    found = conform_whole(BASE, scope, most=1)

    assert found.complete
    assert found.differences == []


def a_metagroup_that_goes_with_its_last_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows any more that an administrator made it."""
    monkeypatch.setattr(Metagroups, "are_from_outside", False)


def a_group_that_leaves_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a file of a device alone is not asked."""
    monkeypatch.setattr(Iommu, "is_in_use", lambda self: self.refcnt > 0)


def a_refusal_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A MERGE that is refused leaves a use of a group behind, which nothing shows."""
    forms = systems.SYSTEMS[BASE.id].forms
    sound = forms["merge"].run

    def merge(machine: Machine, me: Task, **arguments: int) -> Steps:
        answer: Answer = yield from sound(machine, me, **arguments)  # type: ignore[misc]  # it has steps
        if isinstance(answer, Refused):
            machine.metagroups.groups[0].refcnt += 1
        return answer

    monkeypatch.setitem(forms, "merge", replace(forms["merge"], run=merge))


def test_what_a_refused_call_leaves_and_nothing_shows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call is made from where the state was restored, so nobody would come to see it."""
    a_refusal_that_counts(monkeypatch)

    found = conform_whole(BASE, MEMORY, most=1)

    assert "merge" in found.differences[0].calls[-1]
    assert found.differences[0].reference == "something that is not shown is not as it was"


OUTSIDE = next(s for s in SYSTEMS if s.variant == "metagroups-from-outside")


@pytest.mark.parametrize("plant", [a_metagroup_that_goes_with_its_last_file, a_group_that_leaves_what_is_open])
def test_a_fault_in_metagroups_from_outside_is_found_by_whole_calls(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a small scope."""
    plant(monkeypatch)

    assert conform_whole(OUTSIDE, MEMORY, most=1).differences


def a_close_that_keeps_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages stay mapped where the metagroup is closed."""

    def close(_: Metagroups, iommu: Iommu) -> None:
        iommu.is_open = iommu.asked = False
        iommu.mm = -1

    monkeypatch.setattr(Metagroups, "close", close)


def a_limit_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any process may lock any number of pages."""
    monkeypatch.setattr(Memory2011, "is_full", lambda _: False)


def pages_that_count_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pays for them any more, and they are in locked_vm still."""
    monkeypatch.setattr(metagroup_memory_calls, "_give_back", lambda _, page, __: setattr(page, "payer", -1))


def a_device_that_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has its file."""
    monkeypatch.setattr(Metagroups, "is_as_written", lambda self, variant: variant in (self.variant, "D-G1-13"))


def devices_that_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Iommu files alone keep a metagroup open."""
    monkeypatch.setattr(Iommu, "is_in_use", lambda self: self.refcnt > 0)


def regions_of_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number beyond the last is the first."""
    monkeypatch.setattr(device_info_calls, "_number", lambda own, name: own.index(name) if name in own else 0)


def a_length_that_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much room the caller has."""
    monkeypatch.setattr(device_info, "room", lambda _length, _least, known: known)


def holes_with_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    """A property is told of what is not there."""
    monkeypatch.setattr(DeviceInfo, "_entries", lambda self, flags: [r.entry for r in self.regions] if flags else [])


def properties_without_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is in no device tree is one without regions there."""
    sound = DeviceInfo.dtindex
    monkeypatch.setattr(
        DeviceInfo, "dtindex", lambda self, abi, data: sound(replace(self, path=self.path or "/"), abi, data)
    )


def entries_of_one_property(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a region or an index comes of, `reg` is told."""
    monkeypatch.setattr(descriptions, "TreeEntry", lambda _, index: TreeEntry(TreeProperty.REG, index))


def addresses_that_are_told_to_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region's physical address, whether it is said to be valid or not."""
    sound = device_info.Region

    def region(*, flags: RegionFlags, **rest: Any) -> Region:  # noqa: ANN401  # passed on as it is
        return sound(flags=flags | RegionFlags.PHYS_VALID, **rest)

    monkeypatch.setattr(descriptions, "Region", region)


def regions_that_begin_at_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each where the file begins."""
    sound = device_info.Region
    monkeypatch.setattr(descriptions, "Region", lambda offset, **rest: sound(offset=offset * 0, **rest))


def a_rest_that_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller has behind the part that is known is zero afterwards."""
    monkeypatch.setattr(device_info, "over", lambda told, data: told.ljust(len(data), b"\0"))


def a_rest_that_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is written as this kernel has at hand: one byte more than it was asked for."""
    monkeypatch.setattr(device_info, "over", lambda told, data: (told + b"\1" + data[len(told) + 1 :])[: len(data)])


POOR = metagroup_scope({**SIZES, "file": 2, "group": 1, "metagroup": 1}, limit=0)


def test_a_map_that_does_not_wait_for_another_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAP_DMA lets the mutex of the mappings go between its steps."""
    monkeypatch.setattr(Lock, "taken_by", lambda *_: True)

    assert conform_whole(BASE, MEMORY, most=1).differences == []
    assert pairs().differences


AS_MEANT = ("GRP-1", "RFC-9", "RFC-10", "RFC-11")
"""What is recorded as false of what was meant."""

PLANTS = [
    (a_close_that_keeps_mappings, MEMORY),
    (a_limit_that_is_not_there, POOR),
    (pages_that_count_for_ever, MEMORY),
    (a_device_that_anybody_asks, SHARED),
    (devices_that_do_not_count, MEMORY),
    (regions_of_any_device, TELLING),
    (a_length_that_is_not_looked_at, TELLING),
    (holes_with_properties, TELLING),
    (properties_without_a_tree, TELLING),
    (entries_of_one_property, TELLING),
    (addresses_that_are_told_to_anybody, TELLING),
    (regions_that_begin_at_0, TELLING),
    (a_rest_that_is_cleared, TELLING),
    (a_rest_that_is_written, TELLING),
]


@pytest.mark.parametrize(("plant", "scope"), PLANTS)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    plant: Plant, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a small scope."""
    plant(monkeypatch)

    assert conform_whole(BASE, scope, most=1).differences


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """One for all campaigns."""
    return Oracle(BASE, gate_scope(BASE))


def played(oracle: Oracle, calls: int = 2000) -> Campaign:
    """Random runs of the reference as a subject."""
    campaign = Campaign(ReferenceSubject("rfc2011"), oracle, setup_of(BASE, oracle.machine), 1, frozenset(AS_MEANT))
    campaign.play((), seconds=None, calls=calls)
    return campaign


def test_the_gate_finds_nothing_in_the_reference(oracle: Oracle) -> None:
    """Every property is checked that is not recorded as false."""
    report = played(oracle).report

    assert report.findings == []
    assert report.not_run == ()


@pytest.mark.parametrize("plant", [a_rest_that_is_cleared, a_rest_that_is_written])
def test_the_gate_finds_a_kernel_that_does_not_keep_what_lies_behind_a_structure(
    oracle: Oracle, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a caller that knows a longer one, or has something else there."""
    plant(monkeypatch)

    assert played(oracle, 12_000).report.findings


def test_the_gate_finds_a_metagroup_that_is_bound_to_another_process(
    oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject binds to the memory of the first process, whoever opens."""
    sound = Iommu.open
    monkeypatch.setattr(Iommu, "open", lambda self, _: sound(self, 0))

    assert played(oracle).report.findings
