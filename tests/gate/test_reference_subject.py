"""The reference as a subject: whole calls in words, and nothing pending after one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.commands.gating import profile_of
from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.oracle import Oracle
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.replies import Showing
from tenure.gate.subject import Reply, Setup, Shown, TargetFailed
from tenure.models import SYSTEMS as MODELS
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import ALL, GOES_ON

OPEN_CONTAINER = ("open_container", {"process": "p0", "file": "f0", "made": "c0"})
OPEN_GROUP = ("open_group", {"process": "p0", "file": "f1", "group": "g0"})
SET_CONTAINER = ("set_container", {"process": "p0", "file": "f1", "other": "f0"})
SET_IOMMU = ("set_iommu", {"process": "p0", "file": "f0", "type": "type1", "made": "tb0"})
GET_DEVICE = ("get_device_fd", {"process": "p0", "file": "f1", "device": "d0", "made": "f2"})

UNSHOWN = {
    "unmap_counted",
    "vaddr_marked_in",
    "space_entangled",
    "line_delivers",
    "area_told",
    "index_at_rest",
    "file_at_rest",
    "object_at_rest",
    *(o.name for o in GOES_ON),
}
"""What tells how far a call is, and whether it can go on."""

OF_2011: Shown = {
    "group_bus": {"g0": 0},
    "group_coherent": {"g0": True},
    "pages_most": {"p0": 1},
    "pages_unlimited": {"p0": True},
}
"""What else does not change in 2011."""


def begun(setup: Setup, *calls: tuple[str, dict[str, str]], system: str = "external-get-put") -> ReferenceSubject:
    """A subject after these calls, all of them done."""
    subject = ReferenceSubject(system)
    subject.reset(setup)
    assert [subject.do(call, args, show=False) for call, args in calls] == [Reply(Done())] * len(calls)
    return subject


@pytest.mark.parametrize("system", [m.id for m in MODELS])
def test_every_system_is_a_subject(setup: Setup, system: str) -> None:
    """It has the calls that its callers make, and shows every observable but those about calls in flight."""
    no_drivers = {**setup.objects, "iommu_driver": 0}
    of_2011 = replace(setup, objects=no_drivers, fixed={**setup.fixed, **OF_2011})
    there = of_2011 if system.startswith("rfc2011") else setup
    subject = begun(there, system=system)

    (model,) = (m for m in MODELS if m.id == system)
    assert subject.calls == {c.name for c in model.calls if not c.internal}
    assert subject.shows == {one.name for one in ALL} - UNSHOWN


def test_a_refusal_has_its_errno(setup: Setup) -> None:
    """Where there may be none, none is written."""
    subject = begun(setup, OPEN_GROUP)

    answer = subject.do("set_container", {"process": "p0", "file": "f1", "other": "none"}, show=False).answer

    assert answer == Refused("EINVAL")


def test_values_stand_in_the_order_of_their_names(setup: Setup) -> None:
    """Whatever order the call declares."""
    subject = begun(setup, OPEN_GROUP)

    reply = subject.do("get_status", {"process": "p0", "file": "f1"}, show=False)

    assert reply == Reply(Done((("container_set", False), ("viable", True))))


def test_what_is_shown_is_what_a_subject_may_show(setup: Setup) -> None:
    """A state of the reference reads like one of any other subject, and is in its shortest form."""
    subject = begun(setup, OPEN_CONTAINER, OPEN_GROUP, SET_CONTAINER, SET_IOMMU)

    shown = subject.do(*GET_DEVICE, show=True).shown

    assert Showing(subject.shows, setup.objects).read(shown) == shown
    assert shown is not None
    assert shown["file_kind"] == {"f0": "container", "f1": "group", "f2": "device"}
    assert shown["container_users"] == {"g0": 2}
    assert shown["group_at_rest"] == {"g0": True}
    assert "harm" not in shown


def test_releases_run_before_the_answer(setup: Setup) -> None:
    """A killed process leaves nothing behind: files in the order of their names, then its external users."""
    subject = begun(setup, OPEN_CONTAINER, OPEN_GROUP, SET_CONTAINER, SET_IOMMU)
    subject.do("get_external_user", {"user": "u0", "process": "p0", "file": "f1"}, show=False)

    shown = subject.do("exit_process", {"process": "p0"}, show=True).shown

    assert shown == {
        "group_exists": {"g0": True},
        "group_viable": {"g0": True},
        "group_at_rest": {"g0": True},
        "driver_registered": {"dr0": True},
        "device_group": {"d0": "g0"},
        "device_driver": {"d0": "vfio"},
        "device_registered": {"d0": True},
        "user_idle": {"u0": True},
    }


def test_a_call_that_would_sleep_is_refused(setup: Setup) -> None:
    """No rule allows EAGAIN, and nothing has changed."""
    subject = begun(setup, OPEN_CONTAINER, OPEN_GROUP, SET_CONTAINER, SET_IOMMU, GET_DEVICE)
    status = ("get_status", {"process": "p0", "file": "f1"})
    before = subject.do(*status, show=True)

    reply = subject.do("unbind_driver", {"device": "d0"}, show=True)

    assert reply == Reply(Refused("EAGAIN"), before.shown)
    assert subject.do("unbind_driver", {"device": "d0"}, show=False) == Reply(Refused("EAGAIN"))
    assert subject.do(*status, show=True) == before


def test_a_call_that_dies_has_no_answer(setup: Setup) -> None:
    """The harm is shown, and the group whose call died is not at rest; a reset forgets it."""
    two = replace(
        setup,
        objects={**setup.objects, "device": 2, "group": 2},
        fixed={
            **setup.fixed,
            "device_group": {"d0": "g0", "d1": "g0"},
            "device_bridge": {"d0": False, "d1": False},
            "group_no_iommu": {"g0": False, "g1": False},
        },
        initial={"device_driver": {"d0": "vfio", "d1": "none"}},
    )
    subject = begun(two, OPEN_CONTAINER, OPEN_GROUP, SET_CONTAINER, SET_IOMMU, GET_DEVICE)

    reply = subject.do("bind_driver", {"device": "d1", "to": "kernel"}, show=True)
    subject.reset(two)
    after = subject.do(*OPEN_CONTAINER, show=True)

    assert reply.answer is None
    assert reply.shown is not None
    assert reply.shown["harm"] == {"": "bug"}
    assert reply.shown["group_at_rest"] == {"g1": True}
    assert after.shown is not None
    assert after.shown["group_at_rest"] == {"g0": True, "g1": True}
    assert "harm" not in after.shown


def test_a_reset_starts_anew(setup: Setup) -> None:
    """From the same state, or from another."""
    subject = begun(setup, OPEN_CONTAINER, OPEN_GROUP)
    other = replace(setup, initial={"device_driver": {"d0": "none"}})

    subject.reset(setup)
    same = subject.do(*OPEN_GROUP, show=False)
    subject.reset(other)
    different = subject.do(*OPEN_GROUP, show=False)

    assert same == Reply(Done())
    assert different == Reply(Refused("ENODEV"))


def test_a_call_that_nobody_can_make_is_told(setup: Setup) -> None:
    """The rules and the reference must agree about what callers never do."""
    subject = begun(setup)

    with pytest.raises(TargetFailed, match="nobody can make this call now"):
        subject.do("close", {"process": "p0", "file": "f0"}, show=False)


def test_rules_of_physical_devices_are_held_against_subjects() -> None:
    """By the bare name, with their page tables."""
    system = profile_of("reference:iommufd-objects", None)
    oracle = Oracle(system, gate_scope(system))
    subject = ReferenceSubject(system.id)
    campaign = Campaign(subject, oracle, setup_of(system, oracle.machine), 1)
    campaign.play((), seconds=None, calls=200)

    assert system.id == "iommufd-objects"
    assert system_named("iommufd-objects") is system
    assert profile_of("exec:mine", "iommufd-objects") is system
    assert {"hwpt_alloc", "attach"} <= subject.calls
    assert oracle.machine.scope.fixed["emulated"] == (False, False, True)
    assert (campaign.report.failure, campaign.report.findings) == ("", [])
    assert "OBJ-6" in campaign.report.checked
