"""Each property of groups that have a container or an iommufd has a mutant: one broken step, after which it is false."""

from __future__ import annotations

import pytest
from tests.search.test_cdev_mutants import SIZES, listing_again
from tests.search.test_mutants import RELEASED, Fault, forgetful, sleeping, unguarded

from tenure.commands.gating import refuted_by_design
from tenure.models.cdev_of_both import CDEV_OF_BOTH
from tenure.models.vms import file_vm, vm_references
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System

pytestmark = pytest.mark.ci

NO_CONTAINER = {**SIZES, "container": 0, "iommu_driver": 0}
FEW = cdev_scope(SIZES)
TWO = cdev_scope({**SIZES, "device": 2}, vfio_devices=1)
TWO_IOMMUFDS = cdev_scope({**NO_CONTAINER, "file": 4})
TWO_THREADS = cdev_scope({**SIZES, "thread": 2, "file": 2})
LISTED = cdev_scope({**NO_CONTAINER, "file": 4, "table": 0, "user": 2, "vm": 1})
KEPT = cdev_scope({**NO_CONTAINER, "table": 0, "user": 1, "vm": 1})
FOUR = cdev_scope({**SIZES, "file": 4, "table": 2})
TOLD = cdev_scope({**NO_CONTAINER, "file": 4, "user": 1, "vm": 1})

USES = frozenset({"open_iommufd", "open_container", "open_group", "set_container", "unset_container", "get_device_fd"})
TELLS = frozenset({"create_vm", "create_kvm_vfio", "file_add", "close", "release_vm", "release_device"})
BY = ((FOUR, USES), (TOLD, USES | TELLS))
"""The calls by which the larger scopes are searched."""

HAS_EITHER, IS_CLAIMED = 0, 5
"""The refusals of SET_CONTAINER where the group has a container or an iommufd, and where somebody else owns it."""

IS_ANOTHERS = 7
"""The refusal of GET_DEVICE_FD where somebody else owns the group."""

MUTANTS: tuple[tuple[str, Fault, Scope], ...] = (
    ("ISO", forgetful("unset_container.leave", "attached"), FEW),
    ("ISO", forgetful("release_device.close", "attached"), FEW),
    ("ISO-2", unguarded("attach.attach", 3), FEW),
    ("ISO-2", forgetful("destroy.remove", "compat ioas"), TWO_IOMMUFDS),  # what stands for a container is another's
    ("CON-1", forgetful("unset_container.leave", "container"), FEW),
    ("CON-3", forgetful("release_group.release", "table"), FEW),
    ("CON-5", forgetful("set_container.attach", "container references"), FEW),
    ("CON-6", forgetful("get_device_fd.open", "container users"), FEW),
    ("GRP-1", unguarded("open_group.open", 2), FEW),
    ("GRP-3", unguarded("open_group.open", 1), FEW),
    ("GRP-3", unguarded("bind.block", 5), FEW),
    ("GRP-3", forgetful("bind.block", "cdev open count"), FEW),
    ("OWN-1", forgetful("unbind_driver.cleanup", "owner count"), TWO),
    ("OWN-2", unguarded("set_container.attach", IS_CLAIMED), FOUR),  # a container takes the group from an iommufd
    ("OWN-2", unguarded("get_device_fd.open", IS_ANOTHERS), TWO),  # an iommufd takes it from a kernel driver
    ("OWN-3", unguarded("bind_driver.configure", 0), TWO),
    ("OWN-4", forgetful("set_container.attach", "blocking"), FEW),
    ("OWN-5", forgetful("unset_container.leave", "dma owner"), FEW),
    ("OWN-6", unguarded("set_container.attach", IS_CLAIMED), FOUR),
    ("OWN-6", forgetful("get_device_fd.open", "claimed"), FEW),
    ("OWN-7", forgetful("release_device.close", "owner iommufd"), TWO_IOMMUFDS),
    ("EXT-3", forgetful("unset_container.leave", "linked"), FEW),
    ("EXT-4", forgetful("file_del.remove", "group kvm"), LISTED),
    ("EXT-5", forgetful("get_device_fd.open", "vm references"), TOLD),  # as a device of an iommufd is opened
    ("EXT-5", forgetful("release_device.close", "device kvm"), TOLD),
    ("EXT-6", forgetful("release_entry.remove", "kept"), KEPT),
    ("EXT-7", unguarded("file_add.list", 0), LISTED),
    ("DEV-1", unguarded("get_info.call", 0), FEW),
    ("DEV-2", unguarded("bind.bind", 4), FEW),
    ("DEV-3", forgetful("bind.bind", "gets"), FEW),
    ("DEV-4", forgetful("release_device.close", "attached to"), FEW),
    ("FREE", unguarded("release_group.release", 3), FEW),
    ("FREE-2", forgetful("release_group.release", "gets"), FEW),  # the group's iommufd stays for nobody
    ("FREE-2", forgetful("unset_container.leave", "gets"), FEW),
    ("FREE-2", unguarded("set_container.attach", HAS_EITHER), FEW),  # the iommufd that the group had first stays
    ("FREE-3", sleeping("release_device.put"), FEW),
    ("FREE-3", sleeping("release_kvm_vfio.put", vm_references[file_vm[RELEASED]] == 0), KEPT),
    ("FREE-4", forgetful("release_group.release", "kind"), FEW),
    ("FREE-6", listing_again("release_kvm_vfio.put"), LISTED),
    ("FREE-7", sleeping("destroy_vm.free"), KEPT),
    ("FREE-8", forgetful("release_entry.remove", "listed"), KEPT),
    ("HARM-1", unguarded("get_info.call", 0), FEW),
    ("HARM-2", forgetful("get_device_fd.open", "gets"), FEW),  # the iommufd goes before the device
    ("HARM-3", forgetful("unset_container.leave", "linked"), FEW),
)

WITHOUT = {"CON-4"}
"""What no fault of one step breaks: every group has an IOMMU."""

DUE = [p for p in PROPERTIES if applies(CDEV_OF_BOTH, p)]


def fallen(system: System, where: Scope, *names: str, by: Granularity = Granularity.WHOLE) -> set[str]:
    """Those of these properties for which a search finds a run after which they are false; of all, where none is named."""
    rules = rules_of(system, by)
    stated = [sentence(rules, p) for p in DUE if p.id in names or not names]
    calls = next((few for scope, few in BY if scope is where), None)
    found = explore(Machine(rules, where), stated, calls=calls, limit=60_000 if names else 200_000, exhaust=not names)
    assert names or found.complete
    return set(found.violations)


@pytest.mark.parametrize(("property_", "fault", "where"), MUTANTS, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault, where: Scope) -> None:
    """With the fault there is a run to where the property is false."""
    assert fallen(fault(CDEV_OF_BOTH), where, property_) == {property_}


@pytest.mark.parametrize(
    ("where", "by"),
    [(FEW, Granularity.WHOLE), (KEPT, Granularity.WHOLE), (TWO_THREADS, Granularity.STEPS)],
    ids=["groups", "lists", "steps"],
)
def test_nothing_falls_without_a_fault_but_what_is_said_to(where: Scope, by: Granularity) -> None:
    """GRP-2, for a device may be bound without a file of its group; every run of a small scope keeps the rest, as is proved of any."""
    assert fallen(CDEV_OF_BOTH, where, by=by) == refuted_by_design(CDEV_OF_BOTH) == {"GRP-2"}


def test_every_property_that_does_not_fall_has_a_mutant() -> None:
    """A property that nothing can break says nothing."""
    assert {m[0] for m in MUTANTS} | WITHOUT == {p.id for p in DUE} - refuted_by_design(CDEV_OF_BOTH)
