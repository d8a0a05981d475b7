"""Each property of metagroups has a mutant: a defect of the code of 2011, or one broken step, after which it falls."""

from __future__ import annotations

import pytest
from tests.search.test_mutants import Fault, forgetful, sleeping, unguarded
from tests.search.test_range_mutants import adding

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS
from tenure.models.harm import harm
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.metagroup_scopes import ASKS, MERGES, OPENS, SIZES, metagroup_scope
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System

pytestmark = pytest.mark.ci

NAME = "rfc2011"
SCOPE = metagroup_scope({**SIZES, "process": 2, "file": 2, "group": 1, "metagroup": 1})
POOR = metagroup_scope({**SIZES, "file": 2, "group": 1, "metagroup": 1}, limit=0)
TWO = metagroup_scope({**SIZES, "device": 2, "page": 0})
THREE = metagroup_scope({**SIZES, "file": 4, "group": 3, "metagroup": 3, "device": 3, "page": 0})


AS_MEANT = ("GRP-1", "RFC-9", "RFC-10", "RFC-11")
"""What falls as meant: any number of files, a merge into an open metagroup, an UNMERGE of another group, any MERGE of what is open."""
OUTSIDE = "metagroups-from-outside"


def variant(name: str) -> System:
    """The system with a defect, or as meant."""
    return next(s for s in SYSTEMS if s.name == NAME and s.variant == name)


def fallen(
    system: System,
    scope: Scope,
    granularity: Granularity = Granularity.WHOLE,
    calls: frozenset[str] | None = None,
    known: tuple[str, ...] = AS_MEANT,
) -> set[str]:
    """The properties for which a search finds a run after which they are false, besides those that are `known` to fall."""
    rules = rules_of(system, granularity)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and p.id not in known]
    return set(explore(Machine(rules, scope), stated, limit=40_000, exhaust=True, calls=calls).violations)


def falls(
    property_: str,
    system: System,
    scope: Scope,
    granularity: Granularity = Granularity.WHOLE,
    calls: frozenset[str] | None = None,
) -> bool:
    """A search finds a run after which the property is false; it ends where it does."""
    rules = rules_of(system, granularity)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == property_]
    return bool(explore(Machine(rules, scope), stated, limit=40_000, calls=calls).violations)


def stopped(worst: str) -> Fault:
    """GET_FLAGS does this harm."""
    return adding("get_flags.look", 1, harm.now.becomes(worst))


FAULTS: dict[str, Fault] = {
    "FREE-3": sleeping("release_iommu.drop"),
    "FREE-4": forgetful("release_group.drop", "kind"),
    "RFC-2": forgetful("release_iommu.drop", "mm"),
    "RFC-8": forgetful("release_group.drop", "alive"),
    "VIA-1": unguarded("get_iommu_fd.get", 2),
    "VIA-5": unguarded("get_iommu_fd.get", 2),
    "HARM-1": stopped("null_dereference"),
    "HARM-3": stopped("list_corruption"),
}
DEFECTS = {"RFC-1": "D-G1-22", "RFC-4": "D-G1-13", "RFC-7": "D-G1-12", "RFC-14": "D-G1-14", "MM-1": "D-G1-12"}


@pytest.mark.parametrize(("property_", "fault"), FAULTS.items(), ids=list(FAULTS))
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert falls(property_, fault(variant("")), SCOPE)


@pytest.mark.parametrize(("property_", "defect"), DEFECTS.items())
def test_a_defect_breaks_its_property(property_: str, defect: str) -> None:
    """There is a run to where the property is false."""
    assert falls(property_, variant(defect), SCOPE)


def test_a_limit_that_nobody_tests_breaks_act_3() -> None:
    """A process that may lock no page maps one."""
    assert falls("ACT-3", unguarded("map_dma.charge", 1)(variant("")), POOR)


def test_a_release_that_leaves_open_what_a_merge_opened_breaks_rfc_1() -> None:
    """Nobody uses the metagroup, and a file of it was released since."""
    assert falls("RFC-1", forgetful("release_group.drop", "domain")(variant("")), TWO, calls=MERGES)


def test_a_file_that_is_given_out_of_what_is_not_viable_breaks_via_5() -> None:
    """The device was plugged in later, and a driver of the kernel has it."""
    calls = OPENS | {"unbind_driver", "remove_device", "add_device", "bind_driver"}

    assert falls("VIA-5", variant("D-G1-24"), metagroup_scope({**SIZES, "group": 1, "metagroup": 1}), calls=calls)


def test_a_driver_of_the_kernel_in_an_open_metagroup_breaks_via_4() -> None:
    """It takes a device of a group that was merged."""
    assert falls("VIA-4", variant("D-G1-24"), TWO)


def test_a_device_that_stays_attached_breaks_rfc_3() -> None:
    """UNMERGE leaves the devices of the group where they were."""
    assert falls("RFC-3", forgetful("unmerge.unmerge", "attached")(variant("")), TWO)


def test_a_metagroup_that_is_freed_under_a_group_breaks_harm_2_and_rfc_8() -> None:
    """MERGE moves one group of two: the other looks into what is gone."""
    assert fallen(variant("D-G1-19"), THREE, calls=MERGES - {"release_group", "unmerge"}) == {"HARM-2", "RFC-8"}


@pytest.mark.parametrize(
    ("defect", "property_"), [("D-G1-15", "ACT-3"), ("D-G1-20", "MM-1"), ("D-G1-23", "HARM-2"), ("D-G1-25", "HARM-2")]
)
def test_some_defects_show_between_steps_alone(defect: str, property_: str) -> None:
    """Where calls are whole nothing falls."""
    one = {**SIZES, "thread": 2, "file": 2, "group": 1, "metagroup": 1}
    scope = {
        "D-G1-15": metagroup_scope({**SIZES, "thread": 2, "file": 4, "device": 2, "page": 2}),
        "D-G1-20": metagroup_scope({**one, "file": 3, "process": 2, "page": 0, "device": 1}),
        "D-G1-23": metagroup_scope({**SIZES, "thread": 2, "device": 2, "page": 0}),
        "D-G1-25": metagroup_scope(one),
    }[defect]

    calls = {"D-G1-15": OPENS | {"map_dma"}, "D-G1-20": OPENS | {"pass_file"}}.get(defect)

    assert fallen(variant(defect), scope, calls=calls) == set()
    assert falls(property_, variant(defect), scope, Granularity.STEPS, calls)


@pytest.mark.parametrize("scope", [SCOPE, TWO], ids=["one group", "two groups"])
def test_without_a_fault_nothing_breaks(scope: Scope) -> None:
    """In the same scopes, as meant; what was proposed is proved."""
    assert fallen(variant(""), scope) == set()


@pytest.mark.parametrize("scope", [SCOPE, TWO], ids=["one group", "two groups"])
def test_without_a_fault_nothing_breaks_in_metagroups_from_outside_but_that_they_go(scope: Scope) -> None:
    """Neither what they have in common with the others, nor what they are for."""
    assert fallen(variant(OUTSIDE), scope, known=("GRP-1",)) == {"RFC-8"}


@pytest.mark.parametrize(("step", "guard"), [("assign_group.assign", 3), ("withdraw_group.withdraw", 1)])
def test_an_administrator_who_does_not_ask_for_files_breaks_rfc_11(step: str, guard: int) -> None:
    """A group comes into a metagroup of which somebody has a file, or leaves it."""
    assert falls("RFC-11", unguarded(step, guard)(variant(OUTSIDE)), TWO)


def test_an_administrator_who_fills_an_open_metagroup_breaks_rfc_9() -> None:
    """What is mapped reaches the devices that come."""
    assert falls("RFC-9", unguarded("assign_group.assign", 3)(variant(OUTSIDE)), TWO)


TELLING = metagroup_scope(
    {**SIZES, "file": 2, "group": 1, "metagroup": 1, "device": 2, "page": 0},
    regions=((0, 4096), (1, 64)),
    indexes=((0, 1), (1, 4)),
)


@pytest.mark.parametrize(
    "fault",
    [
        unguarded("get_region_info.look", 2),
        unguarded("get_region_info.look", 3),
        unguarded("get_irq_info.look", 2),
        unguarded("get_irq_info.look", 3),
        unguarded("get_dtpath.look", 3),
        unguarded("get_dtindex.look", 3),
        unguarded("get_dtindex.look", 5),
        unguarded("get_dtindex.look", 7),
    ],
    ids=[
        *("region, room", "region, device", "index, room", "index, device", "path, room"),
        *("property, room", "property, region", "property, index"),
    ],
)
def test_a_device_that_tells_of_anything_to_anybody_breaks_rfc_12(fault: Fault) -> None:
    """Of another's region, or of its own to who has too little room."""
    assert fallen(fault(variant("")), TELLING, calls=ASKS) == {"RFC-12"}


def test_a_reset_of_any_device_breaks_rfc_13() -> None:
    """The flag RESET is not looked at."""
    assert fallen(unguarded("reset_device.reset", 2)(variant("")), TELLING, calls=ASKS) == {"RFC-13"}


def test_an_end_of_a_metagroup_that_has_groups_breaks_harm_2() -> None:
    """A file of a group looks into what is gone."""
    assert falls("HARM-2", unguarded("destroy_metagroup.destroy", 1)(variant(OUTSIDE)), SCOPE)


def test_every_property_of_metagroups_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] == NAME and key[1:3] == ("", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert {*FAULTS, *DEFECTS, "ACT-3", "VIA-4", "RFC-3", "RFC-12", "RFC-13", "HARM-2"} == held
