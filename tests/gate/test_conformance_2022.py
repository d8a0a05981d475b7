"""Comparing the two tellings of containers from 5.19 on: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import container_calls, device_calls_2022, driver_calls_2022, group_calls_2022
from tenure.reference.files import File
from tenure.reference.groups import Device, IommuGroup, VfioGroup
from tenure.reference.ownership import claim_dma_owner
from tenure.search.scopes import scope
from tenure.vocabulary.answers import Refused

SIZES = {
    "process": 1,
    "thread": 2,
    "file": 3,
    "group": 1,
    "container": 1,
    "device": 2,
    "table": 1,
    "page": 0,
    "user": 0,
}

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


def whole(files: int = 3) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    system = next(s for s in SYSTEMS if s.id == "containers-2022")
    return conform_whole(system, scope({**SIZES, "file": files}), most=1)


def test_the_two_tellings_agree() -> None:
    """Without a fault a small scope is seen whole, and nothing differs."""
    report = whole(files=2)

    assert report.complete
    assert report.differences == []
    assert "set_container.attach#2 EBADFD" in report.refusals
    assert "bind_driver.configure#0 EBUSY" in report.refusals


def a_claim_leaves_the_default_domain(patch: pytest.MonkeyPatch) -> None:
    """The kernel's own mappings stay until somebody attaches the group."""

    def claimed(group: IommuGroup, owner: VfioGroup) -> Refused | None:
        refusal = claim_dma_owner(group, owner)
        group.blocked = False
        return refusal

    patch.setattr(group_calls_2022, "claim_dma_owner", claimed)


def an_owner_never_leaves(patch: pytest.MonkeyPatch) -> None:
    """A group that left its container stays claimed."""
    patch.setattr(group_calls_2022, "release_dma_owner", lambda _: None)


def a_driver_binds_beside_a_user(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether a user owns the group."""
    patch.setattr(driver_calls_2022, "use_default_domain", lambda _: None)


def an_open_device_keeps_no_group_file(patch: pytest.MonkeyPatch) -> None:
    """The reference that is taken at the first open is dropped at once."""
    open_device = device_calls_2022._open  # noqa: SLF001  # the one place where the file is kept

    def opened(device: Device, group: VfioGroup, *, rawio: bool) -> Refused | None:
        refusal = open_device(device, group, rawio=rawio)
        if refusal is None and device.open_count == 1 and group.opened_file is not None:
            group.opened_file.put()
        return refusal

    patch.setattr(device_calls_2022, "_open", opened)


def a_group_without_devices_stays_contained(patch: pytest.MonkeyPatch) -> None:
    """The last device goes, and the table that a user's file leads to is attached to nothing."""

    def nothing(*_: object) -> Iterator[str]:
        yield from ()

    patch.setattr(driver_calls_2022, "detach", nothing)


def the_interface_is_of_another_version(patch: pytest.MonkeyPatch) -> None:
    """GET_API_VERSION tells of one that never was."""
    patch.setattr(container_calls, "API_VERSION", 1)


PLANTED: list[tuple[Plant, str]] = [
    (a_claim_leaves_the_default_domain, "dma_blocked"),
    (an_owner_never_leaves, "dma_owner"),
    (a_driver_binds_beside_a_user, "owner_count"),
    (an_open_device_keeps_no_group_file, "release_pending"),
    (the_interface_is_of_another_version, "version"),
    (a_group_without_devices_stays_contained, "container_lists"),
]


@pytest.mark.parametrize(("plant", "shown"), PLANTED)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, shown: str
) -> None:
    """The difference says in what they part."""
    plant(monkeypatch)

    report = whole()

    assert report.differences
    assert shown in report.differences[0].model
    assert shown in report.differences[0].reference


def test_a_use_that_is_tested_too_early_is_found_by_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call in flight holds no file, so another can release it."""

    def hold(_: object, file: File) -> File:
        return file

    monkeypatch.setattr("tenure.reference.calls.Task.hold", hold)
    system = next(s for s in SYSTEMS if s.id == "containers-2022")

    report = conform_pairs(system, scope({**SIZES, "device": 1}), most=1)

    assert report.differences
