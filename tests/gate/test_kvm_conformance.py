"""Comparing the two tellings of the KVM VFIO device: a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import pytest

from tenure.gate.conform import Conformance
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import whole_fields
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import (
    coherency,
    container_calls,
    device_calls_2022,
    get_put_calls,
    kvm_file_calls,
    kvm_get_put_calls,
    spapr_calls,
    spapr_file_calls,
    systems,
    vm_calls,
)
from tenure.reference.calls import OK, Steps, Task
from tenure.reference.containers import Container
from tenure.reference.files import File
from tenure.reference.groups import VfioGroup
from tenure.reference.iommu_drivers import IommuDriver
from tenure.reference.machine import Machine
from tenure.reference.users import ExternalUser
from tenure.reference.vm_calls import vm_of
from tenure.reference.vms import KvmVfio
from tenure.search.scopes import scope
from tenure.vocabulary.answers import Answer, Done
from tenure.vocabulary.systems import System

pytestmark = pytest.mark.ci

SIZES = {
    "process": 1,
    "thread": 2,
    "file": 4,
    "group": 1,
    "container": 1,
    "device": 1,
    "table": 1,
    "page": 0,
    "user": 1,
    "vm": 1,
}

THREE_FILES = {**SIZES, "thread": 1, "file": 3}
"""Enough for an entry to be added and removed; `tenure conform` compares with more files, and accounts for every refusal."""

Plant = Callable[[pytest.MonkeyPatch], None]
"""What plants a fault in the reference."""


@pytest.fixture
def system() -> System:
    """The KVM VFIO device by get and put."""
    return next(s for s in SYSTEMS if s.id == "kvm-file:get-put")


def whole(system: System) -> Conformance:
    """Whole calls on a list of two in a small scope, until a first difference."""
    return conform_whole(system, scope({**SIZES, "user": 2}), most=1)


def test_the_two_tellings_agree(system: System) -> None:
    """Without a fault a small scope is seen whole, and nothing differs."""
    report = conform_whole(system, scope(THREE_FILES), most=1)

    assert report.complete
    assert report.differences == []
    assert "file_del.remove#1 ENOENT" in report.refusals


def a_group_is_listed_again(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether the group is in the list."""

    def enlist(_: Task, device: KvmVfio, user: ExternalUser, __: VfioGroup) -> Generator[str, None, bool]:
        yield from ()
        device.entries.append(user)
        return True

    patch.setattr(kvm_get_put_calls, "_enlist", enlist)


def an_entry_never_puts_its_group(patch: pytest.MonkeyPatch) -> None:
    """What leaves the list goes on counting."""

    def nothing(*_: object) -> Iterator[str]:
        yield from ()

    patch.setattr(kvm_get_put_calls, "_put", nothing)


PLANTED: list[tuple[Plant, str]] = [
    (a_group_is_listed_again, "EEXIST"),
    (an_entry_never_puts_its_group, "container_users"),
]


@pytest.mark.parametrize(("plant", "shown"), PLANTED)
def test_a_fault_in_the_reference_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant, shown: str
) -> None:
    """The difference says in what they part: an answer, or what is shown."""
    plant(monkeypatch)

    report = whole(system)

    assert report.differences
    assert shown in report.differences[0].model


def the_host_maps_anywhere(patch: pytest.MonkeyPatch) -> None:
    """No bit of a table is set for VFIO."""

    def host_map(machine: Machine, _: Task, device: int) -> Answer:
        machine.devices[device].mapped_by_host = True
        return Done()

    forms = systems.SYSTEMS["kvm-file:get-put"].forms
    patch.setitem(forms, "host_map", replace(forms["host_map"], run=host_map))


def taking_from_the_host(attach: str) -> Plant:
    """Who attaches a group does not ask whether its table is the host's."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        asks = getattr(container_calls, attach)

        def blind(machine: Machine, *args: object, **more: object) -> Answer:
            mapping = [device for device in machine.devices if device.mapped_by_host]
            for device in mapping:
                device.mapped_by_host = False
            answer: Answer = asks(machine, *args, **more)
            for device in mapping:
                device.mapped_by_host = True
            return answer

        patch.setattr(container_calls, attach, blind)

    return plant


@pytest.mark.parametrize(
    ("plant", "errno"),
    [
        (the_host_maps_anywhere, "ENOMEM"),
        (taking_from_the_host("_open_table"), "EBUSY"),
        (taking_from_the_host("_attach_group"), "EBUSY"),
    ],
    ids=["the mark", "SET_IOMMU", "SET_CONTAINER"],
)
def test_what_is_the_hosts_and_what_is_vfios_is_compared(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant, errno: str
) -> None:
    """A table that both have is found in the scope in which a driver of the host maps."""
    plant(monkeypatch)
    (place,) = (one for one in whole_fields(system) if one.scope.sizes["device"] == 3)  # two of one group

    report = conform_whole(system, place.scope, within=place.within, most=1)

    assert errno in report.differences[0].model


@pytest.mark.parametrize("name", ["kvm-file:get-put", "kvm-file"])
def test_what_the_guest_maps_is_compared(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where there is a page: a guest that maps nothing is found in the scope that `tenure conform` has for it."""

    def nothing(machine: Machine, _: Task, entry: int, page: int, to: int) -> Answer:
        del machine, entry, page, to
        return Done()

    (system,) = (s for s in SYSTEMS if s.id == name)
    forms = systems.SYSTEMS[name].forms
    monkeypatch.setitem(forms, "h_put_tce", replace(forms["h_put_tce"], run=nothing))
    (place,) = (one for one in whole_fields(system) if one.scope.sizes["page"])

    report = conform_whole(system, place.scope, within=place.within, most=1)

    assert "page_mapped" in report.differences[0].model


def anybody_may_link(machine: Machine, me: Task, process: int, file: int, other: int) -> Steps:
    """Nobody asks whose the VM is: the call is made as by its owner."""
    vm = vm_of(machine.files[file])
    vm.mm, owner = process, vm.mm
    answer = yield from spapr_calls.set_spapr_tce(machine, me, process, file, other)
    vm.mm = owner
    return answer


def test_who_links_a_table_is_asked_whose_vm_it_is(monkeypatch: pytest.MonkeyPatch, system: System) -> None:
    """A reference that does not ask is found where two processes have the device's file."""
    forms = systems.SYSTEMS[system.id].forms
    monkeypatch.setitem(forms, "set_spapr_tce", replace(forms["set_spapr_tce"], run=anybody_may_link))

    report = conform_whole(system, scope({**SIZES, "process": 2, "file": 3, "device": 0}), most=1)

    assert "EIO" in report.differences[0].model


def it_is_never_put(patch: pytest.MonkeyPatch) -> None:
    """SET_SPAPR_TCE ends, and its use of the group does not."""
    patch.setattr(VfioGroup, "try_dissolve", lambda _: False)


def nothing_is_validated(patch: pytest.MonkeyPatch) -> None:
    """SET_SPAPR_TCE gets the group whatever that is in."""

    def count(group: VfioGroup) -> Answer:
        group.users += 1
        return OK

    patch.setattr(get_put_calls, "add_container_user", count)


def viability_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the drivers of the group's devices, nor at its container's IOMMU driver."""

    def validated(_: Task, group: VfioGroup) -> Generator[str, None, Container | None]:
        yield from ()
        return group.container

    patch.setattr(get_put_calls, "validated", validated)


@pytest.mark.parametrize(
    ("plant", "shown"),
    [(it_is_never_put, "container_users"), (nothing_is_validated, "EINVAL"), (viability_is_not_asked, "EINVAL")],
    ids=["put", "count", "validate"],
)
def test_a_second_validation_is_compared(
    monkeypatch: pytest.MonkeyPatch, system: System, plant: Plant, shown: str
) -> None:
    """Of all calls but SET_SPAPR_TCE each plant leaves what it does in this scope as it is: nobody closes, and nothing is put."""
    plant(monkeypatch)
    setup = {"open_group", "open_container", "set_container", "set_iommu", "create_vm", "create_kvm_vfio"}
    few = replace(system, calls=tuple(c for c in system.calls if c.name in setup | {"set_spapr_tce"}))

    report = conform_whole(few, scope(SIZES), most=1)

    assert "set_spapr_tce" in report.differences[0].calls[-1]
    assert shown in report.differences[0].model


def test_a_file_that_a_call_does_not_hold_is_found_by_pairs(monkeypatch: pytest.MonkeyPatch, system: System) -> None:
    """A call in flight holds no file, so another can release it."""

    def hold(_: object, file: File) -> File:
        return file

    monkeypatch.setattr("tenure.reference.calls.Task.hold", hold)

    assert conform_pairs(system, scope(SIZES), most=1).differences


@pytest.fixture
def today() -> System:
    """The KVM VFIO device whose list keeps files."""
    return next(s for s in SYSTEMS if s.id == "kvm-file")


def test_the_two_tellings_of_files_agree(today: System) -> None:
    """Without a fault a small scope is seen whole, and nothing differs."""
    report = conform_whole(today, scope(THREE_FILES), most=1)

    assert report.complete
    assert report.differences == []
    assert "file_del.remove#1 ENOENT" in report.refusals


def a_group_is_never_told(patch: pytest.MonkeyPatch) -> None:
    """A list keeps a group's file, and the group hears nothing of the VM."""

    def nothing(*_: object, **__: object) -> Iterator[str]:
        yield from ()

    patch.setattr(kvm_file_calls, "_set_kvm", nothing)


def an_open_device_counts_for_no_vm(patch: pytest.MonkeyPatch) -> None:
    """The first open takes no reference."""
    patch.setattr(device_calls_2022, "get_kvm", lambda *_: None)


def a_group_that_is_gone_is_linked(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether an IOMMU group is behind the file."""

    def group_of(file: File) -> VfioGroup | None:
        return file.group

    patch.setattr(spapr_file_calls, "_group_of", group_of)


def a_link_outlives_its_entry(patch: pytest.MonkeyPatch) -> None:
    """What leaves the list goes on mapping."""
    give_up = kvm_file_calls._give_up  # noqa: SLF001  # the fault is planted here

    def but_the_link(me: Task, device: KvmVfio, entry: ExternalUser, *, locked: bool) -> Iterator[str]:
        linked = entry.linked
        yield from give_up(me, device, entry, locked=locked)
        entry.linked = linked

    patch.setattr(kvm_file_calls, "_give_up", but_the_link)


def a_link_needs_no_table(patch: pytest.MonkeyPatch) -> None:
    """A group without a table is linked to nothing, and nobody hears of it."""

    def link(entry: ExternalUser, group: VfioGroup) -> Answer:
        entry.linked = group.iommu.attached
        return Done()

    patch.setattr(spapr_file_calls, "_link", link)


def a_closed_device_goes_on_counting(patch: pytest.MonkeyPatch) -> None:
    """The last close drops none."""
    patch.setattr(device_calls_2022, "put_kvm", lambda *_: None)


def the_vm_is_never_told(patch: pytest.MonkeyPatch) -> None:
    """The KVM VFIO device knows what it knows, and keeps it to itself."""

    def tell(device: KvmVfio, *, noncoherent: bool) -> None:
        device.noncoherent = noncoherent

    patch.setattr(coherency, "tell", tell)


def a_device_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    """Each group is as coherent as can be."""
    patch.setattr(coherency, "is_enforced_in", lambda _: True)


def nobody_looks_at_an_empty_list(patch: pytest.MonkeyPatch) -> None:
    """What the list had is still known."""

    def looks(me: Task, device: KvmVfio) -> Iterator[str]:
        if device.entries:
            yield from coherency.look_at_files(me, device)

    patch.setattr(kvm_file_calls, "look_at_files", looks)


def what_is_known_outlives_the_device(patch: pytest.MonkeyPatch) -> None:
    """Nothing is unregistered when the KVM VFIO device goes."""
    patch.setattr(kvm_file_calls, "tell", lambda *_, **__: None)


OF_FILES: list[tuple[Plant, str]] = [
    (the_vm_is_never_told, "vm_noncoherent_dma"),
    (a_device_is_not_asked, "vm_noncoherent"),
    (nobody_looks_at_an_empty_list, "vm_noncoherent"),
    (what_is_known_outlives_the_device, "vm_noncoherent_dma"),
    (a_group_is_never_told, "group_kvm"),
    (an_open_device_counts_for_no_vm, "vm_references"),
    (a_closed_device_goes_on_counting, "vm_references"),
    (a_group_that_is_gone_is_linked, "EIO"),
    (a_link_outlives_its_entry, "entry_table"),
    (a_link_needs_no_table, "EINVAL"),
]


@pytest.mark.parametrize(("plant", "shown"), OF_FILES)
def test_a_fault_in_the_reference_of_files_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, today: System, plant: Plant, shown: str
) -> None:
    """The difference says in what they part."""
    plant(monkeypatch)

    report = conform_whole(today, scope({**SIZES, "file": 5}, coherent=(False,)), most=1)

    assert report.differences
    assert shown in report.differences[0].model


def who_is_in_no_container_is_not_coherent(patch: pytest.MonkeyPatch) -> None:
    """A group without container gets the answer of one that has no IOMMU driver."""

    def ask(machine: Machine, me: Task, device: KvmVfio) -> Iterator[str]:
        yield from look(machine, me, device)
        groups = (entry.file.group for entry in device.entries if entry.file is not None)
        coherency.tell(device, noncoherent=device.noncoherent or any(g and g.container is None for g in groups))

    look = coherency.look_at_containers
    patch.setattr(kvm_file_calls, "look_at_containers", ask)


def a_container_without_driver_is_coherent(patch: pytest.MonkeyPatch) -> None:
    """Nobody says no."""
    answers = IommuDriver.has_coherent_dma
    patch.setattr(
        IommuDriver, "has_coherent_dma", lambda one, opened, behind: not opened or answers(one, opened, behind)
    )


def the_end_of_a_vm_tells_nobody(patch: pytest.MonkeyPatch) -> None:
    """The next VM of the name begins with what the last one was told."""

    def destroy(machine: Machine, task: Task, vm: int) -> Answer:
        count = machine.vms[vm].noncoherent_dma_count
        answer = vm_calls.destroy_vm(machine, task, vm)
        machine.vms[vm].noncoherent_dma_count = count
        return answer

    forms = systems.SYSTEMS["kvm-file:group-only"].forms
    changed = {**forms, "destroy_vm": replace(forms["destroy_vm"], run=destroy)}
    of_6_1 = replace(systems.SYSTEMS["kvm-file:group-only"], forms=changed)
    patch.setitem(systems.SYSTEMS, "kvm-file:group-only", of_6_1)


OF_6_1: list[tuple[Plant, str]] = [
    (who_is_in_no_container_is_not_coherent, "vm_noncoherent"),
    (a_container_without_driver_is_coherent, "vm_noncoherent"),
    (the_end_of_a_vm_tells_nobody, "vm_noncoherent_dma"),
]


@pytest.mark.parametrize(("plant", "shown"), OF_6_1)
def test_a_fault_in_what_containers_answer_is_found_by_whole_calls(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, shown: str
) -> None:
    """The same up to 6.1."""
    (of_6_1,) = (s for s in SYSTEMS if s.id == "kvm-file:group-only")
    assert not conform_whole(of_6_1, scope(THREE_FILES, coherent=(False,)), most=1).differences
    plant(monkeypatch)

    report = conform_whole(of_6_1, scope(SIZES, coherent=(True,)), most=1)

    assert report.differences
    assert shown in report.differences[0].model
