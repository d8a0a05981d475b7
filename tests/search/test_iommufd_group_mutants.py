"""Each property of groups that use iommufds has a mutant: one broken step, after which it is false."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.search.test_cdev_mutants import held
from tests.search.test_mutants import Fault, forgetful, sleeping, unguarded

from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.systems import Granularity

if TYPE_CHECKING:
    from tenure.vocabulary.machine import Scope
    from tenure.vocabulary.systems import System

SOUND = next(s for s in SYSTEMS if s.id == "cdev-no-container")
SIZES = {"process": 1, "thread": 0, "file": 3, "group": 1, "device": 1, "table": 1, "page": 0}
FEW = cdev_scope(SIZES)
TWO_SPACES = cdev_scope({**SIZES, "table": 2})
TWO_DEVICES = cdev_scope({**SIZES, "device": 2}, vfio_devices=1)
TWO_IOMMUFDS = cdev_scope({**SIZES, "file": 4})

IS_ANOTHERS = 7
"""The refusal of GET_DEVICE_FD where somebody else owns the group."""

MUTANTS: tuple[tuple[str, Fault, Scope], ...] = (
    ("OWN-1", forgetful("unbind_driver.cleanup", "owner count"), TWO_DEVICES),
    ("OWN-2", unguarded("get_device_fd.open", IS_ANOTHERS), TWO_DEVICES),
    ("OWN-3", unguarded("bind_driver.configure", 0), TWO_DEVICES),
    ("OWN-4", forgetful("bind.bind", "blocking"), FEW),
    ("OWN-6", forgetful("bind.bind", "owner count"), FEW),
    ("OWN-6", forgetful("get_device_fd.open", "owner count"), FEW),
    ("OWN-6", forgetful("get_device_fd.open", "claimed"), FEW),  # bound by its group, and counted for nobody
    (
        "OWN-6",
        forgetful("release_device.close", "bound through group"),
        FEW,
    ),  # and bound to nothing that owns the group
    ("OWN-7", forgetful("release_device.close", "owner iommufd"), TWO_IOMMUFDS),
    ("GRP-1", unguarded("open_group.open", 3), FEW),
    ("GRP-3", unguarded("open_group.open", 2), FEW),
    ("GRP-3", unguarded("bind.block", 5), FEW),
    ("GRP-3", forgetful("bind.block", "cdev open count"), FEW),
    ("ISO", forgetful("release_device.close", "attached"), FEW),
    ("ISO", forgetful("get_device_fd.open", "owner iommufd"), FEW),  # attached, and claimed for nobody
    ("ISO-2", unguarded("attach.attach", 3), FEW),
    ("ISO-2", forgetful("destroy.remove", "compat ioas"), TWO_IOMMUFDS),  # what stands for a container is another's
    ("DEV-1", unguarded("get_info.call", 0), FEW),
    ("DEV-2", unguarded("bind.bind", 4), FEW),
    ("DEV-3", forgetful("bind.bind", "gets"), FEW),
    ("DEV-4", forgetful("release_device.close", "attached to"), FEW),
    ("FREE-2", forgetful("release_device.close", "gets"), FEW),
    ("FREE-2", forgetful("release_group.release", "gets"), FEW),  # the group's iommufd stays for nobody
    ("FREE-2", forgetful("unset_container.leave", "gets"), FEW),
    ("FREE-3", sleeping("release_device.put"), FEW),
    ("FREE-4", forgetful("release_group.release", "kind"), FEW),
    ("HARM-1", unguarded("get_info.call", 0), FEW),
    ("HARM-2", forgetful("get_device_fd.open", "gets"), FEW),  # the iommufd goes before the device
    ("HARM-2", forgetful("bind.bind", "gets"), FEW),
)

WITHOUT = {"CASES", "HARM-3"}
"""What no fault of one step breaks: this system tells of no list."""


def fallen(system: System, property_: str, where: Scope) -> set[str]:
    """The property, if a search finds a run after which it is false."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == property_]
    return set(explore(Machine(rules, where), stated, limit=60_000).violations)


@pytest.mark.parametrize(("property_", "fault", "where"), MUTANTS, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault, where: Scope) -> None:
    """With the fault there is a run to where the property is false."""
    assert fallen(fault(SOUND), property_, where) == {property_}


def test_a_device_is_open_without_a_file_of_its_group() -> None:
    """GRP-2 falls without a fault: a device may be bound by a file of its own, and its file keeps none of its group."""
    assert fallen(SOUND, "GRP-2", FEW) == {"GRP-2"}


def test_every_property_that_holds_has_a_mutant() -> None:
    """A property is said to hold together with a fault that breaks it."""
    assert {m[0] for m in MUTANTS} == held(SOUND) - WITHOUT
