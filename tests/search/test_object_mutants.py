"""Each property of iommufd objects has a mutant: one broken step, after which a search finds a run that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_step, sleeping, unguarded

from tenure.models.files import kind, releasable
from tenure.models.iommufd import listed
from tenure.models.iommufd_objects import ACCESSES, IOMMUFD_OBJECTS
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore, trace_of
from tenure.search.object_scopes import MAKES, object_scope
from tenure.vocabulary.calls import Step
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE, both, no

pytestmark = pytest.mark.ci

SCOPE = object_scope({"process": 1, "thread": 2, "file": 2, "object": 4, "device": 1}, emulated=(False,))
CLOSES = frozenset({"close", "release_device", "destroy_left", "release_iommufd"})
IN_HAND = MAKES | {"iova_ranges", "destroy"}
MOVES = MAKES | {"attach", "detach"}
ALLOCATES = MAKES | {"hwpt_alloc", "destroy"}


def impatient(step: str) -> Fault:
    """Who destroys an object does not wait for calls that have it in hand."""

    def change(old: Step) -> Step:
        return replace(old, cases=tuple(replace(c, when=TRUE) for c in old.cases))

    return on_step(step, change)


def kept(step: str) -> Fault:
    """A HWPT that was made for an IO address space stays when its last device leaves."""

    def change(old: Step) -> Step:
        never = replace(old.cases[1], when=both(old.cases[1].when, no(old.cases[1].when)))
        return replace(old, cases=(old.cases[0], never, *old.cases[2:]))

    return on_step(step, change)


def in_any_order(system: System) -> System:
    """A close destroys objects as they come, relied on or not."""
    call = system.call("destroy_left")
    file, obj = call.parameter("file"), call.parameter("obj")
    due = both(kind[file] == "iommufd", releasable(file), listed[obj] == file)
    return replace(system, calls=tuple(replace(c, requires=due) if c is call else c for c in system.calls))


MUTANTS: tuple[tuple[str, Fault, frozenset[str]], ...] = (
    ("FREE-3", sleeping("release_iommufd.free"), MAKES | CLOSES),
    ("FREE-4", forgetful("release_iommufd.free", "kind"), MAKES | CLOSES),
    ("DEV-3", forgetful("bind.bind", "gets"), MAKES | CLOSES),
    ("OBJ-1", unguarded("destroy.remove", 1), IN_HAND),
    ("OBJ-1", impatient("destroy.destroy"), IN_HAND),
    ("OBJ-1", in_any_order, ALLOCATES | CLOSES),
    ("OBJ-2", forgetful("hwpt_alloc.make", "users"), ALLOCATES),
    ("OBJ-3", forgetful("release_device.remove", "gets"), MAKES | CLOSES),
    ("OBJ-4", forgetful("destroy.destroy", "users"), ALLOCATES | CLOSES),
    ("OBJ-5", unguarded("destroy.remove", 1), ALLOCATES),
    ("OBJ-6", kept("detach.put_hwpt"), MOVES),
    ("HARM-2", impatient("destroy.destroy"), IN_HAND),
)


@pytest.mark.parametrize(
    ("property_id", "fault", "calls"), MUTANTS, ids=[f"{i} {n}" for n, (i, *_) in enumerate(MUTANTS)]
)
def test_a_fault_in_a_step_breaks_the_property(property_id: str, fault: Fault, calls: frozenset[str]) -> None:
    """By these calls."""
    broken = next(p for p in PROPERTIES if p.id == property_id)

    rules = rules_of(fault(IOMMUFD_OBJECTS), Granularity.STEPS)

    found = explore(Machine(rules, SCOPE), [sentence(rules, broken)], calls=calls, limit=100_000)

    assert property_id in found.violations


OF_ACCESSES: tuple[tuple[str, Fault, frozenset[str]], ...] = (
    ("FREE-3", forgetful("attach.put_wait", "set locked"), MAKES | CLOSES | {"attach"}),  # nobody has the lock any more
    ("FREE-3", forgetful("release_device.begin", "wait cnt"), MAKES | CLOSES),  # the close waits for itself
    ("FREE-4", forgetful("release_device.remove", "kind"), MAKES | CLOSES),
    ("DEV-3", forgetful("bind.bind", "gets"), MAKES | CLOSES),
    ("OBJ-1", impatient("destroy.destroy"), IN_HAND),
    ("OBJ-2", forgetful("attach.attach", "users"), MOVES),
    ("OBJ-2", forgetful("detach.detach", "users"), MOVES),
    ("OBJ-3", forgetful("release_device.remove", "gets"), MAKES | CLOSES),
    ("OBJ-4", forgetful("release_device.detach", "users"), MAKES | CLOSES | {"attach"}),
    ("OBJ-5", unguarded("destroy.remove", 1), MOVES | {"destroy"}),
    ("HARM-2", impatient("destroy.destroy"), IN_HAND),
)


@pytest.mark.parametrize(
    ("property_id", "fault", "calls"), OF_ACCESSES, ids=[f"{i} {n}" for n, (i, *_) in enumerate(OF_ACCESSES)]
)
def test_a_fault_in_a_step_of_an_access_breaks_the_property(
    property_id: str, fault: Fault, calls: frozenset[str]
) -> None:
    """The same where all devices are emulated."""
    broken = next(p for p in PROPERTIES if p.id == property_id)
    rules = rules_of(fault(ACCESSES), Granularity.STEPS)
    where = object_scope({"process": 1, "thread": 2, "file": 2, "object": 3, "device": 1})

    found = explore(Machine(rules, where), [sentence(rules, broken)], calls=calls, limit=100_000)

    assert property_id in found.violations


def test_a_hwpt_that_a_call_has_in_hand_outlives_its_last_device() -> None:
    """HWPT_ALLOC names it while its last device leaves: nobody destroys it then, and it stays until DESTROY or close (OBJ-6)."""
    rules = rules_of(IOMMUFD_OBJECTS, Granularity.STEPS)
    outlives = next(p for p in PROPERTIES if p.id == "OBJ-6")

    found = explore(Machine(rules, SCOPE), [sentence(rules, outlives)], calls=MOVES | {"hwpt_alloc"})

    assert len(trace_of(found.machine, found.violations["OBJ-6"], "OBJ-6", "")) == 16


def test_every_property_of_objects_has_a_mutant() -> None:
    """A property that nothing can break says nothing; those of harm have mutants elsewhere."""
    due = {p.id for p in PROPERTIES if applies(IOMMUFD_OBJECTS, p) and not p.id.startswith("HARM")}

    assert due <= {property_id for property_id, *_ in MUTANTS}


@pytest.mark.parametrize("granularity", list(Granularity), ids=lambda g: g.value)
def test_with_devices_no_property_falls_in_a_small_scope(granularity: Granularity) -> None:
    """It is not proved: every run of a small scope keeps them."""
    rules = rules_of(IOMMUFD_OBJECTS, granularity)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(IOMMUFD_OBJECTS, p)]
    where = object_scope({"process": 1, "thread": 1, "file": 2, "object": 3, "device": 1}, emulated=(False,))

    found = explore(Machine(rules, where), stated, exhaust=True)

    assert found.complete
    assert found.violations == {}
