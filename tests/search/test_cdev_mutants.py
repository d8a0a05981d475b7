"""Each property of device files that are opened by themselves has a mutant: one broken step, after which it is false."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.search.test_mutants import MUTANTS as OF_CONTAINERS
from tests.search.test_mutants import (
    OWNED,
    RELEASED,
    Fault,
    forgetful,
    on_case,
    sleeping,
    unguarded,
)
from tests.search.test_range_mutants import adding

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.cdev_fields import access_granted
from tenure.models.vms import file_vm, listed, vm_references
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import NONCOHERENT, cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.effects import each
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import USER
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity

pytestmark = pytest.mark.ci

if TYPE_CHECKING:
    from tenure.vocabulary.machine import Scope
    from tenure.vocabulary.systems import System

SOUND = next(s for s in SYSTEMS if s.id == "cdev-no-group")
BEFORE_CYCLE_FIX = next(s for s in SYSTEMS if s.id == "cdev-no-group:before-cycle-fix")
CDEV = next(s for s in SYSTEMS if s.id == "cdev")
SCOPE = cdev_scope({"process": 1, "thread": 0, "file": 3, "group": 1, "device": 2, "table": 1}, vfio_devices=1)

BIND = "bind.bind"
IS_OPEN, IS_ANOTHERS = 8, 11
"""The refusals of BIND where another file of the device is bound, and where somebody else owns the group."""
OPENED = SOUND.call("open_cdev").parameter("file")


def listing_again(step: str) -> Fault:
    """What a release of a file in this step finds in no list, it puts into that of the file's VM."""
    listed_again = each(USER, lambda u: listed[u].becomes(file_vm[RELEASED]))
    return on_case(step, 0, lambda old: replace(old, effects=(*old.effects, listed_again)))


MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("OWN-1", forgetful("unbind_driver.cleanup", "owner count")),
    ("OWN-2", unguarded(BIND, IS_ANOTHERS)),
    ("OWN-3", unguarded("bind_driver.configure", 0)),
    ("OWN-4", forgetful(BIND, "blocking")),  # the claim leaves the old domain attached
    ("OWN-6", forgetful("release_device.close", "owner count")),
    ("OWN-7", forgetful("release_device.close", "owner iommufd")),
    ("ISO-2", unguarded("attach.attach", 2)),  # the id of another iommufd will do
    ("DEV-1", unguarded("get_info.call", 0)),
    ("DEV-2", adding("open_cdev.open", 1, access_granted[OPENED].becomes(value=True))),  # as if no bind were needed
    ("DEV-2", unguarded(BIND, IS_OPEN)),
    ("DEV-3", forgetful(BIND, "gets")),
    ("DEV-4", forgetful("release_device.close", "attached to")),
    ("FREE-2", forgetful("release_device.close", "gets")),  # the iommufd stays for nobody
    ("FREE-3", sleeping("release_device.put")),
    ("FREE-4", forgetful("release_iommufd.free", "kind")),
    ("HARM-1", unguarded("get_info.call", 0)),
    ("HARM-2", forgetful(BIND, "gets")),
)

LISTED = cdev_scope(
    {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 1, "table": 0, "user": 2, "vm": 1}, NONCOHERENT
)

OF_LISTS: tuple[tuple[str, Fault], ...] = (
    ("EXT-4", forgetful("file_del.remove", "file kvm")),
    ("EXT-4", forgetful("release_entry.remove", "file kvm")),
    ("EXT-5", forgetful(BIND, "vm references")),
    ("EXT-5", forgetful("release_device.close", "vm references")),
    ("EXT-5", forgetful("release_device.close", "device kvm")),
    ("EXT-6", forgetful("release_entry.remove", "kept")),
    ("EXT-7", unguarded("file_add.list", 0)),
    ("EXT-9", forgetful("file_add.list", "noncoherent dma count")),
    ("EXT-9", forgetful("release_kvm_vfio.put", "noncoherent")),
    ("EXT-10", forgetful("file_add.list", "noncoherent")),
    ("EXT-10", forgetful("file_del.remove", "noncoherent")),
    ("FREE-2", forgetful("release_entry.remove", "kept")),  # nobody lets go of what was in the list
    ("FREE-3", sleeping("release_kvm_vfio.put", vm_references[file_vm[RELEASED]] == 0)),  # it has a reference itself
    ("FREE-6", listing_again("release_kvm_vfio.put")),
    ("FREE-7", sleeping("destroy_vm.free")),
    ("FREE-8", forgetful("release_entry.remove", "listed")),
)
"""Where a VM keeps device files."""

WITHOUT = {"CASES", "HARM-3"}
"""What no fault of one step breaks: this system tells of no list."""


SIZES = {"process": 1, "thread": 0, "file": 3, "group": 1, "container": 1, "device": 1, "table": 1, "iommu_driver": 1}
FEW = cdev_scope(SIZES)
TWO = cdev_scope({**SIZES, "device": 2}, vfio_devices=1)
MIXED = cdev_scope(
    {**SIZES, "group": 2, "device": 2, "iommu_driver": 2}, {"no iommu": (False, True), "is noiommu": (False, True)}
)
OPENED_AGAIN = cdev_scope({**SIZES, "file": 4, "container": 0, "iommu_driver": 0})

OTHERWISE = ("GRP-1", "GRP-2", "CON-7")
"""What the open of a group refuses stands elsewhere here; a bound device needs no file of its group; and no module comes or goes."""

MUTANTS_BESIDE: tuple[tuple[str, Fault, Scope], ...] = (
    *(
        (m.property, m.fault, MIXED if m.mixed else TWO)
        for m in OF_CONTAINERS
        if OWNED in m.systems and m.property not in OTHERWISE
    ),
    ("GRP-1", unguarded("open_group.open", 3), FEW),
    ("GRP-3", unguarded("open_group.open", 2), FEW),  # a group is opened beside a bound device
    ("GRP-3", unguarded("bind.block", 5), FEW),  # and a device bound beside an open group
    ("GRP-3", forgetful("bind.block", "cdev open count"), FEW),
    ("ISO", forgetful("release_device.close", "attached"), FEW),  # a close leaves the group where it was
    ("OWN-6", forgetful("bind.bind", "owner count"), FEW),
    ("OWN-7", forgetful("release_device.close", "owner iommufd"), OPENED_AGAIN),
    ("ISO-2", unguarded("attach.attach", 3), FEW),
    ("DEV-1", unguarded("get_info.call", 0), FEW),
    ("DEV-2", unguarded("bind.bind", 4), FEW),
    ("DEV-3", forgetful("bind.bind", "gets"), FEW),
    ("DEV-4", forgetful("release_device.close", "attached to"), FEW),
    ("FREE-2", forgetful("release_device.close", "gets"), FEW),
)


@pytest.mark.parametrize(
    ("property_", "fault", "where"), MUTANTS_BESIDE, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS_BESIDE)]
)
def test_a_planted_fault_breaks_its_property_beside_groups(property_: str, fault: Fault, where: Scope) -> None:
    """The same with groups and containers, those faults among them that break `containers-2022`."""
    rules = rules_of(fault(CDEV), Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == property_]

    assert property_ in explore(Machine(rules, where), stated, limit=60_000).violations


def test_a_bound_device_needs_no_file_of_its_group() -> None:
    """GRP-2 falls without a fault: it speaks of devices that are opened through their group."""
    rules = rules_of(CDEV, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == "GRP-2"]

    assert set(explore(Machine(rules, FEW), stated).violations) == {"GRP-2"}


def fallen(system: System, alone: str | None = None, limit: int = 40_000, where: Scope = SCOPE) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, where), stated, limit=limit, exhaust=alone is None).violations)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen(fault(SOUND), property_, limit=10_000)


@pytest.mark.parametrize(("property_", "fault"), OF_LISTS, ids=[f"{i} {m[0]}" for i, m in enumerate(OF_LISTS)])
def test_a_planted_fault_breaks_its_property_where_a_vm_keeps_device_files(property_: str, fault: Fault) -> None:
    """The same with a VM and its list."""
    assert property_ in fallen(fault(SOUND), property_, where=LISTED)


@pytest.mark.parametrize("where", [SCOPE, LISTED], ids=["devices", "lists"])
def test_without_a_fault_nothing_breaks(where: Scope) -> None:
    """In the same scopes, of which every state is seen."""
    assert fallen(SOUND, where=where) == set()


def test_before_the_cycle_was_cured_the_list_alone_keeps_a_device_file() -> None:
    """FREE-2 falls without a fault: VM, list and device file in a circle."""
    sizes = {"process": 1, "thread": 0, "file": 4, "group": 1, "device": 1, "table": 0, "user": 1, "vm": 1}

    assert fallen(BEFORE_CYCLE_FIX, where=cdev_scope(sizes)) == {"EXT-6", "FREE-2"}


def held(system: System) -> set[str]:
    """The properties that are recorded as proved where calls are whole."""
    rows = recorded().items()
    return {key[3] for key, (said, _) in rows if key[:3] == (system.name, "", "whole") and said == "proved"}


def test_every_property_of_device_files_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it, and one beside groups."""
    assert {m[0] for m in (*MUTANTS, *OF_LISTS)} == held(SOUND) - WITHOUT
    assert {m[0] for m in MUTANTS_BESIDE} == held(CDEV) - {"CASES"}
