"""Each property of groups that have a container or an iommufd has a mutant: one broken step, after which it is false."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_cdev_mutants import SIZES, listing_again
from tests.search.test_mutants import RELEASED, Fault, forgetful, refusing, sleeping, unguarded

from tenure.commands.gating import refuted_by_design
from tenure.models import both_group_claims as claims
from tenure.models import containers
from tenure.models.cdev_of_both import CDEV_OF_BOTH
from tenure.models.vms import file_vm, vm_references
from tenure.properties import PROPERTIES
from tenure.search.cdev_scopes import NONCOHERENT, cdev_scope
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.properties import Due, Property
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import Sentence, applies, sentence
from tenure.vocabulary.systems import Claim, Granularity, System

pytestmark = pytest.mark.ci

NO_CONTAINER = {**SIZES, "container": 0, "iommu_driver": 0}
FEW = cdev_scope(SIZES)
TWO = cdev_scope({**SIZES, "device": 2}, vfio_devices=1)
TWO_IOMMUFDS = cdev_scope({**NO_CONTAINER, "file": 4})
TWO_THREADS = cdev_scope({**SIZES, "thread": 2, "file": 2})
LISTED = cdev_scope({**NO_CONTAINER, "file": 4, "table": 0, "user": 2, "vm": 1})
UNENFORCED = cdev_scope(dict(LISTED.sizes), NONCOHERENT)
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
    ("KEEP-3", refusing("file_del.remove"), LISTED),
    ("EXT-7", unguarded("file_add.list", 0), LISTED),
    ("EXT-9", forgetful("file_add.list", "noncoherent dma count"), UNENFORCED),
    ("EXT-9", forgetful("release_kvm_vfio.put", "noncoherent dma count"), UNENFORCED),
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

THROUGH_A_GROUP = cdev_scope(
    {**NO_CONTAINER, "thread": 2, "group": 2, "container": 1, "device": 2, "iommu_driver": 1, "file": 4}
)


def naming_what_is_being_made(system: System) -> System:
    """SET_IOMMU takes a name that a call in flight is about to use."""
    naming = containers.set_iommu
    return replace(system, calls=tuple(naming if c.name == naming.name else c for c in system.calls))


BROKEN: tuple[tuple[Claim, Fault, Scope, Granularity], ...] = (
    (claims.an_iommufd_is_kept_for_each_binding, forgetful("get_device_fd.open", "gets"), FEW, Granularity.WHOLE),
    (claims.an_iommufd_is_kept_for_each_binding, forgetful("unset_container.leave", "gets"), FEW, Granularity.WHOLE),
    (
        claims.a_contained_group_uses_no_iommufd,
        unguarded("set_container.attach", HAS_EITHER),
        FEW,
        Granularity.WHOLE,
    ),
    (
        claims.a_device_counts_while_it_is_open_through_its_group,
        forgetful("release_device.close", "bound through group"),
        FEW,
        Granularity.WHOLE,
    ),
    (
        claims.a_device_counts_while_it_is_open_through_its_group,
        forgetful("get_device_fd.open", "counted in"),
        FEW,
        Granularity.WHOLE,
    ),
    (
        claims.a_group_of_a_bound_device_is_in_no_container,
        unguarded("set_container.attach", IS_CLAIMED),
        FOUR,
        Granularity.WHOLE,
    ),
    (
        claims.an_io_address_space_that_is_made_is_no_containers,
        naming_what_is_being_made,
        THROUGH_A_GROUP,
        Granularity.STEPS,
    ),
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
    """GRP-2, for a device may be bound without a file of its group; every run of a small scope keeps the rest, as is proved of any.

    It keeps EXT-10, too, for there is no second device that could get its VFIO driver after ADD, and PROMPT-2, for no list has a
    group that is in a container.
    """
    assert fallen(CDEV_OF_BOTH, where, by=by) == refuted_by_design(CDEV_OF_BOTH) - {"EXT-10", "PROMPT-2"} == {"GRP-2"}


def test_every_property_that_does_not_fall_has_a_mutant() -> None:
    """A property that nothing can break says nothing."""
    assert {m[0] for m in MUTANTS} | WITHOUT == {p.id for p in DUE} - refuted_by_design(CDEV_OF_BOTH)


def stated(one: Claim) -> Sentence:
    """The claim as a property that is always due."""
    return Sentence(Property(one.name, one.name, one.sentence, "", Due.ALWAYS, one.variables, one.body, None), one.body)


@pytest.mark.parametrize(
    ("claim", "fault", "where", "by"), BROKEN, ids=[f"{i} {b[0].name}" for i, b in enumerate(BROKEN)]
)
def test_a_planted_fault_breaks_its_claim(claim: Claim, fault: Fault, where: Scope, by: Granularity) -> None:
    """With the fault there is a run to where the claim is false, and without it none in the same scope."""
    calls = USES | {"set_iommu"} if where in (FOUR, THROUGH_A_GROUP) else None

    def breaks(system: System) -> bool:
        rules = rules_of(system, by)
        (meant,) = (c for c in rules.claims if c.name == claim.name)
        return bool(explore(Machine(rules, where), [stated(meant)], calls=calls, limit=200_000).violations)

    assert (breaks(fault(CDEV_OF_BOTH)), breaks(CDEV_OF_BOTH)) == (True, False)
