"""VMs beside groups and device files: each property of theirs has a mutant, on either path on which a device is opened."""

from __future__ import annotations

import pytest
from tests.search.test_cdev_mutants import SIZES, listing_again
from tests.search.test_mutants import RELEASED, Fault, forgetful, refusing, sleeping, unguarded

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.vms import file_vm, vm_references
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import NONCOHERENT, cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity

VMS = next(s for s in SYSTEMS if s.id == "cdev:vms")
LISTED = cdev_scope({**SIZES, "file": 4, "container": 0, "table": 0, "iommu_driver": 0, "user": 2, "vm": 1})
KEPT = cdev_scope({**SIZES, "container": 0, "table": 0, "iommu_driver": 0, "user": 1, "vm": 1})
UNENFORCED = cdev_scope(dict(LISTED.sizes), NONCOHERENT)
PLACED = cdev_scope({**SIZES, "file": 5, "user": 1, "vm": 1})
FEW = frozenset(
    {
        *(
            "open_group",
            "open_container",
            "set_container",
            "set_iommu",
            "get_device_fd",
            "create_vm",
            "create_kvm_vfio",
        ),
        *("file_add", "exit_process", "release_device", "release_entry", "release_kvm_vfio", "release_group"),
        *("release_vm", "release_container"),
    }
)
"""Who places a group, has its file kept, and opens a device of it for the VM."""

MUTANTS: tuple[tuple[str, Fault, Scope], ...] = (
    ("KEEP-3", refusing("file_del.remove"), LISTED),
    ("EXT-4", forgetful("file_del.remove", "group kvm"), LISTED),
    ("EXT-4", forgetful("release_entry.remove", "group kvm"), LISTED),
    ("EXT-4", forgetful("file_del.remove", "file kvm"), LISTED),
    ("EXT-4", forgetful("unbind_driver.remove_group", "group kvm"), LISTED),  # the next group would know the VM
    ("EXT-5", forgetful("bind.bind", "vm references"), LISTED),
    ("EXT-5", forgetful("get_device_fd.open", "vm references"), PLACED),
    ("EXT-5", forgetful("release_device.close", "device kvm"), PLACED),
    ("EXT-6", forgetful("release_entry.remove", "kept"), KEPT),
    ("EXT-7", unguarded("file_add.list", 0), LISTED),
    ("EXT-9", forgetful("file_add.list", "noncoherent dma count"), UNENFORCED),
    ("EXT-9", forgetful("release_kvm_vfio.put", "noncoherent"), UNENFORCED),
    ("FREE", forgetful("release_entry.remove", "kept"), PLACED),  # nobody lets go of the file of a group that is placed
    ("FREE-2", forgetful("release_entry.remove", "kept"), KEPT),
    (
        "FREE-3",
        sleeping("release_kvm_vfio.put", vm_references[file_vm[RELEASED]] == 0),
        KEPT,
    ),  # it has a reference itself
    ("FREE-6", listing_again("release_kvm_vfio.put"), LISTED),
    ("FREE-7", sleeping("destroy_vm.free"), KEPT),
    ("FREE-8", forgetful("release_entry.remove", "listed"), KEPT),
    ("GRP-3", unguarded("bind.block", 5), LISTED),
    ("GRP-3", unguarded("open_group.open", 2), LISTED),
)


@pytest.mark.parametrize(("property_", "fault", "where"), MUTANTS, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property_where_vms_keep_files(property_: str, fault: Fault, where: Scope) -> None:
    """With the fault there is a run to where the property is false."""
    rules = rules_of(fault(VMS), Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == property_]
    calls = FEW if where is PLACED else None

    assert property_ in explore(Machine(rules, where), stated, calls=calls, limit=60_000).violations


def test_every_property_of_vms_that_holds_has_a_mutant() -> None:
    """Those that the base variant cannot speak of."""
    said = {key[3]: word for key, (word, _) in recorded().items() if key[:3] == ("cdev", "vms", "whole")}
    base = {key[3]: word for key, (word, _) in recorded().items() if key[:3] == ("cdev", "", "whole")}
    brought = {name for name, word in said.items() if word == "proved" and base[name] != "proved"}

    assert brought == {"EXT-4", "EXT-5", "EXT-6", "EXT-7", "EXT-9", "FREE-6", "FREE-7", "FREE-8", "KEEP-3"}
    assert brought <= {m[0] for m in MUTANTS}
