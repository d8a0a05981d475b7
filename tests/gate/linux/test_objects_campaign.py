"""Campaigns on a guest that is played with objects of iommufds: one that keeps the rules conforms, and what is planted is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from tests.gate.linux.playing_objects import Objects

from tenure.commands.naming import system_named
from tenure.gate.campaign import Campaign
from tenure.gate.findings import CampaignReport
from tenure.gate.linux import object_numbers, objects
from tenure.gate.linux import subject as subjects
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.image import Image
from tenure.gate.linux.objects import ACCESSES, PLAN
from tenure.gate.linux.subject import LinuxSubject
from tenure.gate.oracle import Made, Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import setup_of
from tenure.search.object_scopes import MIXTURE, object_scope

SIZES = {"process": 2, "thread": 1, "file": 4, "object": 5, "device": 2}
PHYSICAL, EMULATED = "iommufd-objects", "iommufd-objects:accesses"


@cache
def asked(profile: str) -> Oracle:
    """Ask one oracle in all tests: it remembers."""
    kinds = ACCESSES if profile == EMULATED else MIXTURE
    return Oracle(system_named(profile), object_scope(SIZES, emulated=kinds[:2]))


@pytest.fixture(autouse=True)
def _nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that has iommufds, and a device file for each device."""
    known: list[str] = []

    def folder(_guest: object, _target: str, path: str) -> list[str]:
        if path.endswith("vfio-dev") and path not in known:
            known.append(path)
        nodes = {"/dev": ["iommu"], "/dev/vfio/devices": [f"vfio{n}" for n in range(len(known))]}
        return nodes[path] if path in nodes else [f"vfio{known.index(path)}"]

    monkeypatch.setattr(objects, "folder", folder)
    monkeypatch.setattr(objects, "mediated", lambda _guest, _facts, many: [f"/sys/mdev/{n}" for n in range(many)])


@pytest.fixture
def led(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CampaignReport]:
    """A campaign of these runs, and of random ones, on a guest that is played."""

    def lead(guest: Objects, profile: str, runs: Iterable[tuple[Made, ...]] = (), calls: int = 300) -> CampaignReport:
        guest.emulated = profile == EMULATED
        monkeypatch.setattr(subjects, "image_of", lambda *_: Image(Path("vmlinuz"), facts.release))
        monkeypatch.setattr(subjects, "Guest", lambda *_: guest)
        monkeypatch.setattr(subjects, "facts_of", lambda *_: facts)
        oracle = asked(profile)
        campaign = Campaign(LinuxSubject("vmlinuz", profile), oracle, setup_of(oracle.system, oracle.machine), 1)
        campaign.play(tuple(runs), seconds=None, calls=calls)
        return campaign.report

    return lead


def called(profile: str, call: str, **values: int) -> Made:
    """A call of the first process and the first objects, but for these."""
    (meant,) = [one for one in system_named(profile).calls if one.name == call]
    return Made(call, tuple(values.get(one.name, 0) for one in meant.parameters))


def attached(profile: str) -> tuple[Made, ...]:
    """An iommufd, an IO address space, and a device that is attached to it: o0, and o1, and for a physical one o2."""
    return (
        called(profile, "open_iommufd"),
        called(profile, "ioas_alloc"),
        called(profile, "open_cdev", file=1),
        called(profile, "bind", file=1, made=1),
        called(profile, "attach", file=1, made=2),
    )


def refusals(profile: str) -> dict[str, tuple[Made, ...]]:
    """What a user can be refused once a device is attached, and a call that is."""
    common = {
        "destroy EBUSY": called(profile, "destroy"),
        "destroy ENOENT": called(profile, "destroy", obj=4),
        "iova_ranges ENOENT": called(profile, "iova_ranges", obj=1),
        "attach ENOENT": called(profile, "attach", file=1, obj=4, made=3),
        "bind EINVAL": called(profile, "bind", file=1, made=3),
        "bind EBADFD": called(profile, "bind", file=2, other=2, made=3),
        "bind EBADF": called(profile, "bind", file=2, other=3, made=3),
        "detach EINVAL": called(profile, "detach", file=2),
    }
    of_page_tables = {
        "attach EINVAL": ("attach", {"file": 1, "obj": 1, "made": 3}),
        "hwpt_alloc ENOENT": ("hwpt_alloc", {"made": 3}),
        "hwpt_alloc EINVAL": ("hwpt_alloc", {"dev": 1, "obj": 1, "made": 3}),
        "hwpt_alloc EOPNOTSUPP": ("hwpt_alloc", {"dev": 1, "obj": 2, "made": 3}),
    }
    if profile == PHYSICAL:
        common |= {name: called(profile, call, **values) for name, (call, values) in of_page_tables.items()}
    begins = (*attached(profile), called(profile, "open_cdev", file=2, device=1))
    return {name: (*begins, one) for name, one in common.items()}


@pytest.mark.parametrize("profile", [EMULATED, PHYSICAL])
def test_a_kernel_that_keeps_the_rules_conforms(led: Callable[..., CampaignReport], profile: str) -> None:
    """By each refusal, and by runs that come by chance, in which processes share files and end."""
    runs = refusals(profile)

    report = led(Objects(), profile, runs.values(), calls=900)

    assert (report.failure, report.findings, report.once) == ("", [], [])
    assert report.left_out == {}
    assert report.calls >= 900
    assert {*runs} <= report.refusals


def test_page_tables_come_and_go_as_the_kernel_says(led: Callable[..., CampaignReport]) -> None:
    """One that was made for an IO address space goes with its last device, and another may get its number, or its name."""
    begins = attached(PHYSICAL)
    again = called(PHYSICAL, "attach", file=1, made=3)
    other = called(PHYSICAL, "ioas_alloc", made=2)
    runs = [
        (*begins, called(PHYSICAL, "destroy", obj=2), called(PHYSICAL, "detach", file=1), called(PHYSICAL, "destroy")),
        (*begins, again, called(PHYSICAL, "destroy", obj=2), called(PHYSICAL, "destroy", obj=3)),
        (*begins, called(PHYSICAL, "detach", file=1), other, called(PHYSICAL, "destroy", obj=2)),
        (*begins, called(PHYSICAL, "detach", file=1), again, called(PHYSICAL, "destroy", obj=3)),
        (*begins, called(PHYSICAL, "hwpt_alloc", dev=1, made=3), called(PHYSICAL, "attach", file=1, obj=3, made=4)),
    ]

    report = led(Objects(), PHYSICAL, runs, calls=sum(map(len, runs)))

    assert (report.failure, report.findings, report.followed) == ("", [], len(runs))


def test_a_page_table_stays_as_long_as_some_process_has_the_device(led: Callable[..., CampaignReport]) -> None:
    """It goes with the last file of its device, and another may get its number then."""
    begins, gone = attached(PHYSICAL), called(PHYSICAL, "destroy", process=1, obj=3)
    anew = called(PHYSICAL, "attach", process=1, file=1, made=3)
    opened = called(PHYSICAL, "open_cdev", file=1)
    bound, moved = called(PHYSICAL, "bind", file=1, made=2), called(PHYSICAL, "attach", file=1, made=1)
    shared = called(PHYSICAL, "fork", child=1)
    passed = [called(PHYSICAL, "pass_file", file=file, to=1) for file in (0, 1)]
    runs = [
        (*begins, called(PHYSICAL, "close", file=1), opened, bound, moved, called(PHYSICAL, "destroy", obj=1)),
        (*begins, shared, called(PHYSICAL, "exit_process"), anew, gone),
        (*begins, *passed, called(PHYSICAL, "close", file=1), anew, gone),
    ]

    report = led(Objects(), PHYSICAL, runs, calls=sum(map(len, runs)))

    assert (report.failure, report.findings, report.followed) == ("", [], len(runs))
    assert report.calls == sum(map(len, runs))


def lax(guest: Objects) -> None:
    """DESTROY of an object in use is answered ok."""
    guest.lax = True


def vague(guest: Objects) -> None:
    """EBUSY is told as ENOENT."""
    guest.vague = True


def keeps(guest: Objects) -> None:
    """A count is one too many after a detach."""
    guest.keeps = True


@pytest.mark.parametrize(("plant", "given"), [(lax, "ok"), (vague, "ENOENT"), (keeps, "EBUSY")])
@pytest.mark.parametrize("profile", [EMULATED, PHYSICAL])
def test_a_kernel_that_breaks_a_rule_is_caught(
    led: Callable[..., CampaignReport], profile: str, plant: Callable[[Objects], None], given: str
) -> None:
    """By what DESTROY says: no kernel shows the counts themselves."""
    runs = [
        (*attached(profile), called(profile, "destroy")),
        (*attached(profile), called(profile, "detach", file=1), called(profile, "destroy")),
    ]
    guest = Objects()
    plant(guest)

    report = led(guest, profile, runs, calls=20)

    assert ("destroy", given) in {(one.run[-1].call, one.given) for one in report.findings}


@pytest.mark.parametrize("profile", [EMULATED, PHYSICAL])
def test_a_device_that_stays_bound_when_all_is_closed_is_caught(
    led: Callable[..., CampaignReport], profile: str
) -> None:
    """At the end of its run: a later one would say something else."""
    report = led(Objects(stays=True), profile, [attached(profile)], calls=5)

    assert {one.left for one in report.findings} == {"d0 cannot be bound though everything is closed"}
    assert {one.given for one in report.findings} == {"d0 cannot be bound though everything is closed"}


@cache
def plan() -> tuple[tuple[Made, ...], ...]:
    """The runs with which a campaign on accesses begins."""
    system = system_named(EMULATED)
    return planned(system, asked(EMULATED).rules, PLAN)


def test_what_a_call_leaves_where_it_led_back_is_looked_for() -> None:
    """A subject may keep what the rules have forgotten: what was done and undone is followed by every call."""
    ends = {tuple(one.call for one in run) for run in plan()}
    begins = ("open_iommufd", "ioas_alloc", "open_cdev", "bind", "attach", "detach")

    assert {(*begins, then) for then in ("destroy", "attach", "iova_ranges", "close", "exit_process")} <= ends
    assert ("open_iommufd", "ioas_alloc", "iova_ranges", "destroy") in ends


def test_a_user_that_a_detach_leaves_is_found_by_the_planned_runs(led: Callable[..., CampaignReport]) -> None:
    """And none of them is left out; a kernel that keeps the rules conforms by all of them."""
    calls = sum(map(len, plan()))

    sound, wrong = (led(Objects(keeps=keeps), EMULATED, plan(), calls=calls) for keeps in (False, True))

    assert (sound.findings, sound.followed, sound.left_out) == ([], len(plan()), {})
    assert {(one.run[-1].call, one.given, one.permitted) for one in wrong.findings} == {("destroy", "EBUSY", "ok")}


def test_a_number_that_is_another_objects_is_caught(
    led: Callable[..., CampaignReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter that confuses objects is no silent success."""
    monkeypatch.setattr(object_numbers.Numbers, "within", lambda *_: 1)
    runs = [(*attached(EMULATED), called(EMULATED, "destroy", obj=1), called(EMULATED, "destroy", obj=2))]

    report = led(Objects(), EMULATED, runs, calls=8)

    assert [(one.run[-1].call, one.given) for one in report.findings] == [("destroy", "EBUSY")]
