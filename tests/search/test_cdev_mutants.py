"""Each property of device files that are opened by themselves has a mutant: one broken step, after which it is false."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.search.test_mutants import Fault, forgetful, unguarded
from tests.search.test_range_mutants import adding

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.cdev_fields import access_granted
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity

if TYPE_CHECKING:
    from tenure.vocabulary.systems import System

SOUND = next(s for s in SYSTEMS if s.id == "cdev-no-group")
SCOPE = cdev_scope({"process": 1, "thread": 0, "file": 3, "group": 1, "device": 2, "table": 1}, vfio_devices=1)

BIND = "bind.bind"
IS_OPEN, IS_ANOTHERS = 8, 11
"""The refusals of BIND where another file of the device is bound, and where somebody else owns the group."""
OPENED = SOUND.call("open_cdev").parameter("file")

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("OWN-1", forgetful("unbind_driver.cleanup", "owner count")),
    ("OWN-2", unguarded(BIND, IS_ANOTHERS)),
    ("OWN-3", unguarded("bind_driver.configure", 0)),
    ("OWN-4", forgetful(BIND, "blocking")),  # the claim leaves the old domain attached
    ("OWN-6", forgetful("release_device.close", "owner count")),
    ("OWN-7", forgetful("release_device.close", "owner iommufd")),
    ("ISO-2", unguarded("attach.attach", 2)),  # the id of another iommufd will do
    ("DEV-1", unguarded("get_info.call", 0)),
    ("DEV-1", adding("open_cdev.open", 1, access_granted[OPENED].becomes(value=True))),  # as if no bind were needed
    ("DEV-2", unguarded(BIND, IS_OPEN)),
    ("DEV-3", forgetful(BIND, "gets")),
    ("DEV-4", forgetful("release_device.close", "attached to")),
    ("FREE-2", forgetful("release_device.close", "gets")),  # the iommufd stays for nobody
    ("HARM-1", unguarded("get_info.call", 0)),
    ("HARM-2", forgetful(BIND, "gets")),
)

WITHOUT = {"CASES", "HARM-3"}
"""What no fault of one step breaks: this system tells of no list."""


def fallen(system: System, limit: int = 40_000) -> set[str]:
    """The properties for which a search finds a run after which they are false."""
    rules = rules_of(system, Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p)]
    return set(explore(Machine(rules, SCOPE), stated, limit=limit, exhaust=True).violations)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{i} {m[0]}" for i, m in enumerate(MUTANTS)])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen(fault(SOUND), limit=10_000)


def test_without_a_fault_nothing_breaks() -> None:
    """In the same scope, of which every state is seen."""
    assert fallen(SOUND) == set()


def test_every_property_of_device_files_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] == "cdev-no-group" and key[1:3] == ("", "whole") and verdict == "proved"
    }

    assert {property_ for property_, _ in MUTANTS} == held - WITHOUT
