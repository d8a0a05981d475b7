"""Comparing the model with the reference: a fault planted in either of them is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tenure.gate import walks
from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import NO_GROUP_DIES_IN_USE
from tenure.gate.walks import random_walks
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import calls, container_calls, containers, groups, kernel, users
from tenure.reference.calls import Steps, Task
from tenure.reference.files import File
from tenure.reference.group_calls import get_status, release_group
from tenure.reference.groups import VfioGroup
from tenure.reference.machine import Machine
from tenure.search.scopes import scope
from tenure.vocabulary.answers import Answer, Refused
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.systems import System

NAME = "external-get-put"
SIZES = {
    "process": 1,
    "thread": 2,
    "file": 3,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 1,
}
TWO_CONTAINERS = {**SIZES, "container": 2, "user": 0}

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


def model() -> System:
    """The system that is compared."""
    return next(s for s in SYSTEMS if s.id == NAME)


def whole(system: System) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(system, scope(SIZES), within=NO_GROUP_DIES_IN_USE.term, most=1)


def pairs(system: System, sizes: dict[str, int] = SIZES) -> Conformance:
    """Pairs of calls in flight in a small scope, until a first difference."""
    return conform_pairs(system, scope(sizes), within=NO_GROUP_DIES_IN_USE.term, most=1)


def test_the_two_tellings_agree() -> None:
    """Without a fault a small scope is seen whole, and nothing differs."""
    report = whole(model())

    assert report.complete
    assert report.differences == []
    assert "set_container.look_up#1 EBADF" in report.refusals


# Faults in the reference


def runs_instead(patch: pytest.MonkeyPatch, call: str, run: Callable[..., Steps]) -> None:
    """Another telling of one call."""
    one = kernel.SYSTEMS[NAME]
    forms = {**one.forms, call: replace(one.forms[call], run=run)}
    patch.setattr(kernel, "SYSTEMS", {**kernel.SYSTEMS, NAME: replace(one, forms=forms)})


def a_container_keeps_a_reference(patch: pytest.MonkeyPatch) -> None:
    """The kref of a container is never dropped."""
    patch.setattr(containers.Container, "put", lambda _: None)


def a_closed_fd_is_an_invalid_one(patch: pytest.MonkeyPatch) -> None:
    """SET_CONTAINER answers EINVAL where it should say EBADF."""
    patch.setattr(container_calls, "EBADF", Refused("EINVAL"))


def a_released_group_stays_opened(patch: pytest.MonkeyPatch) -> None:
    """The release of a group's file does not clear `opened`."""

    def release(machine: Machine, me: Task, file: int) -> Steps:
        group = machine.files[file].group
        answer = yield from release_group(machine, me, file)
        assert group is not None
        group.opened = True
        return answer

    runs_instead(patch, "release_group", release)


def every_user_is_the_last(patch: pytest.MonkeyPatch) -> None:
    """Whoever drops a use detaches the group, others or not."""

    def dissolve(group: VfioGroup) -> bool:
        group.users = max(group.users - 1, 0)
        return group.container is not None

    patch.setattr(groups.VfioGroup, "try_dissolve", dissolve)


def a_user_remembers_what_it_was_told(patch: pytest.MonkeyPatch) -> None:
    """After put the user still believes in its container."""
    patch.setattr(users.ExternalUser, "forget", lambda _: None)


def who_asks_uses(patch: pytest.MonkeyPatch) -> None:
    """GET_STATUS counts as a use of the group: a call that otherwise leaves all as it was."""

    def status(machine: Machine, me: Task, process: int, file: int) -> Steps:
        group = machine.files[file].group
        assert group is not None
        group.users += 1
        return (yield from get_status(machine, me, process, file))

    runs_instead(patch, "get_status", status)


WHOLE: list[tuple[Plant, str, str]] = [
    (who_asks_uses, "container_users", "container_users"),
    (a_container_keeps_a_reference, "container_references", "container_references"),
    (a_closed_fd_is_an_invalid_one, "EBADF", "EINVAL"),
    (a_released_group_stays_opened, "group_opened", "group_opened"),
    (every_user_is_the_last, "container_of", "container_of"),
    (a_user_remembers_what_it_was_told, "user_group", "user_group"),
]


@pytest.mark.parametrize(("plant", "modelled", "referred"), WHOLE)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, modelled: str, referred: str
) -> None:
    """The difference says what each of them did."""
    plant(monkeypatch)

    report = whole(model())

    assert report.differences
    assert modelled in report.differences[0].model
    assert referred in report.differences[0].reference
    assert report.differences[0].calls


@pytest.mark.parametrize("compared", [whole, pairs])
def test_the_state_that_both_start_from_is_compared(
    monkeypatch: pytest.MonkeyPatch, compared: Callable[[System], Conformance]
) -> None:
    """A group that is open from the start is a difference after no call."""
    made = kernel.Kernel.__init__

    def opened(self: kernel.Kernel, system: str, configuration: kernel.Configuration) -> None:
        made(self, system, configuration)
        self.machine.groups[0].vfio.opened = True

    monkeypatch.setattr(kernel.Kernel, "__init__", opened)

    report = compared(model())

    assert [one.calls for one in report.differences] == [()]
    assert "group_opened" in report.differences[0].reference


def set_container_looks_twice(patch: pytest.MonkeyPatch) -> None:
    """SET_CONTAINER looks at `container_users` again under the lock: the cure of R1, which the kernel did not have."""
    attach = container_calls._attach_group  # noqa: SLF001  # the one place where R1 can be cured

    def cured(machine: Machine, container: containers.Container, group: VfioGroup) -> Answer:
        return calls.EINVAL if group.users else attach(machine, container, group)

    patch.setattr(container_calls, "_attach_group", cured)


def calls_hold_no_file(patch: pytest.MonkeyPatch) -> None:
    """A call in flight takes no reference to the file that it works on."""

    def hold(_: Task, file: File) -> File:
        return file

    patch.setattr(calls.Task, "hold", hold)


def a_list_never_notices(patch: pytest.MonkeyPatch) -> None:
    """A node that is linked twice passes for a clean one."""
    link = containers.Container.link

    def clean(container: containers.Container, group: VfioGroup, everywhere: list[containers.Container]) -> bool:
        link(container, group, everywhere)
        return True

    patch.setattr(containers.Container, "link", clean)


INTERLEAVED: list[tuple[Plant, str, str]] = [
    (set_container_looks_twice, "done", "EINVAL"),
    (calls_hold_no_file, "release_pending", "release_pending"),
    (a_list_never_notices, "harm", "harm"),
]


@pytest.mark.parametrize(("plant", "modelled", "referred"), INTERLEAVED)
def test_a_fault_in_the_reference_is_found_only_by_pairs(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, modelled: str, referred: str
) -> None:
    """Whole calls agree; two calls in flight part."""
    plant(monkeypatch)

    assert whole(model()).differences == []
    report = pairs(model(), TWO_CONTAINERS)

    assert report.differences
    assert modelled in report.differences[0].model
    assert referred in report.differences[0].reference
    assert report.differences[0].calls


def test_a_difference_between_pairs_names_the_steps_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins says with what; who goes on says where."""
    set_container_looks_twice(monkeypatch)

    told = pairs(model(), TWO_CONTAINERS).differences[0].calls

    begun = [made for made in told if made.startswith("set_container actor=")]
    went_on = {made for made in told if ": " in made}
    assert [made.split()[1] for made in begun] == ["actor=th0", "actor=th1"]
    assert {"th0: set_container.attach", "th1: set_container.attach"} <= went_on


# Faults in the model


def lacking(step: str, number: int) -> System:
    """The model without one of its cases."""
    found = model()
    return replace(found, calls=without_case(found.calls, {step: number}))


@pytest.mark.parametrize(
    ("step", "number", "answered"),
    [
        ("set_container.check", 1, "EINVAL"),
        ("open_group.claim", 1, "EBUSY"),
        ("get_external_user.count", 1, "EINVAL"),
        ("unset_container.check", 1, "EBUSY"),
    ],
)
def test_a_fault_in_the_model_is_found_by_whole_calls(step: str, number: int, answered: str) -> None:
    """The reference refuses what the model lets pass."""
    report = whole(lacking(step, number))

    assert [d.reference for d in report.differences][:1] == [answered]
    assert report.differences[0].model != answered


def test_a_fault_in_the_model_is_found_only_by_pairs() -> None:
    """No whole call follows a pointer that another call clears."""
    faulty = lacking("get_device_fd.check_iommu", 0)

    assert whole(faulty).differences == []
    assert "died" in [d.reference for d in pairs(faulty).differences]


@pytest.mark.parametrize(
    ("step", "number", "answered"), [("set_container.check", 1, "EINVAL"), ("open_group.claim", 1, "EBUSY")]
)
def test_a_fault_in_the_model_is_found_by_pairs(step: str, number: int, answered: str) -> None:
    """The reference refuses in the middle of another call what the model lets pass."""
    assert answered in [d.reference for d in pairs(lacking(step, number)).differences]


@pytest.mark.wide
def test_a_call_goes_on_by_the_group_that_it_looked_up_though_the_file_is_gone() -> None:
    """A file that is released under a call takes nothing from it; states that are not modelled end a run."""
    misuse = next(s for s in SYSTEMS if s.id == "external-v1:misuse")

    report = pairs(misuse, {**SIZES, "thread": 1, "file": 2})

    assert report.complete
    assert report.differences == []


# Random walks


def test_a_random_walk_finds_a_fault_and_shrinks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call of the walk that is told can be left out: open, and name an fd that is closed."""
    a_closed_fd_is_an_invalid_one(monkeypatch)

    made, parted = random_walks(model(), seed=1, seconds=60.0)

    first, second, expected, given = parted.splitlines()
    assert made > 0
    assert first.startswith("open_group ")
    assert second.startswith("set_container ")
    assert (expected, given) == ("model: EBADF", "reference: EINVAL")


def test_a_random_walk_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed, the same walk."""
    a_closed_fd_is_an_invalid_one(monkeypatch)

    assert random_walks(model(), seed=7, seconds=60.0) == random_walks(model(), seed=7, seconds=60.0)


def test_random_walks_agree_where_nothing_is_wrong() -> None:
    """As many walks as were asked for, and no word."""
    assert random_walks(model(), seed=1, seconds=60.0, walks=20)[1] == ""


def test_a_random_walk_keeps_its_finding_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time may end while the walk is being shrunk: it is told as it is then."""
    a_closed_fd_is_an_invalid_one(monkeypatch)
    over: list[bool] = []

    class Parted(walks.Parted):
        """The walk on which they part; from then on there is no time."""

        def __init__(self) -> None:
            over.append(True)

    monkeypatch.setattr(walks, "Parted", Parted)
    monkeypatch.setattr(walks, "time", SimpleNamespace(monotonic=lambda: 100.0 * len(over)))

    made, parted = random_walks(model(), seed=1, seconds=40.0)

    assert made > 0
    assert len(over) == 1
    assert parted.splitlines()[-2:] == ["model: EBADF", "reference: EINVAL"]
