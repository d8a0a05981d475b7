"""The KVM VFIO device from 5.19 on: files in a list, and VMs that open devices count for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import Died
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

TODAY = "kvm-file"
GROUP_ONLY = "kvm-file:group-only"
GROUP_FD, CONTAINER_FD, DEVICE_FD, VM_FD, KV_FD, UNUSED = range(6)


@pytest.fixture
def vm(new: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """Make a machine where p0 has g0 (f0), container c0 (f1) without it, vm0 (f3) and its KVM VFIO device (f4)."""

    def build(system: str) -> Bench:
        bench = new(system)
        bench.do("unbind_driver", device=4)  # the bridge of g0 has a kernel driver, which would own the group's DMA
        bench.do("open_group", process=0, file=GROUP_FD, group=0)
        bench.do("open_container", process=0, file=CONTAINER_FD, made=0)
        bench.do("create_vm", process=0, file=VM_FD, made=0)
        bench.do("create_kvm_vfio", process=0, file=VM_FD, made=KV_FD)
        return bench

    return build


@pytest.fixture
def open_device(vm: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """Make one where g0 is listed as u0 and in its container, and device d0 is open (f2)."""

    def build(system: str) -> Bench:
        bench = vm(system)
        bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
        bench.do("set_container", process=0, file=GROUP_FD, other=CONTAINER_FD)
        bench.do("set_iommu", process=0, file=CONTAINER_FD, type=0, made=0)
        bench.do("get_device_fd", process=0, file=GROUP_FD, device=0, made=DEVICE_FD)
        return bench

    return build


@pytest.mark.parametrize(("system", "later"), [(TODAY, []), (GROUP_ONLY, ["file_add.update"])])
def test_add_asks_for_nothing_but_a_file(vm: Callable[[str], Bench], system: str, later: list[str]) -> None:
    """A group that is in no container is accepted; its file is kept, and it is told of the VM."""
    bench = vm(system)

    add = {"process": 0, "file": KV_FD, "other": GROUP_FD, "entry": 0}
    assert bench.through("th0", "file_add", **add) == ["file_add.list", *later, "ok"]

    assert (bench.see("entry_vm", 0), bench.see("entry_group", 0), bench.see("group_kvm", 0)) == ("vm0", "g0", "vm0")
    assert bench.see("user_keeps", 0, GROUP_FD)
    assert bench.see("vm_references", 0) == 2


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "EINVAL"), (KV_FD, "EINVAL")])
def test_add_refuses_other_files(vm: Callable[[str], Bench], other: int, errno: str) -> None:
    """EBADF where the fd is not open, EINVAL where the file is none of VFIO's that count."""
    assert vm(TODAY).do("file_add", process=0, file=KV_FD, other=other, entry=0) == Refused(errno)


def test_a_file_is_listed_once(open_device: Callable[[str], Bench]) -> None:
    """EEXIST, and the entry is not made."""
    bench = open_device(TODAY)

    assert bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=1) == Refused("EEXIST")
    assert bench.see("user_idle", 1)


@pytest.mark.parametrize(("system", "answer"), [(TODAY, Done()), (GROUP_ONLY, Refused("EINVAL"))])
def test_device_files_are_listed_from_6_6_on(
    open_device: Callable[[str], Bench], system: str, answer: Done | Refused
) -> None:
    """Before, only groups' files were."""
    bench = open_device(system)

    assert bench.do("file_add", process=0, file=KV_FD, other=DEVICE_FD, entry=1) == answer


def test_a_listed_group_may_leave_its_container(open_device: Callable[[str], Bench]) -> None:
    """A list counts in no group: EBUSY only while a device is open."""
    bench = open_device(TODAY)
    assert bench.do("unset_container", process=0, file=GROUP_FD) == Refused("EBUSY")

    bench.do("close", process=0, file=DEVICE_FD)
    bench.settle()
    assert bench.do("unset_container", process=0, file=GROUP_FD) == Done()


def test_a_listed_group_stays_open(vm: Callable[[str], Bench]) -> None:
    """EBUSY for the next open, though its owner has closed it."""
    bench = vm(TODAY)
    bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    bench.do("close", process=0, file=GROUP_FD)
    bench.settle()

    assert bench.do("open_group", process=0, file=UNUSED, group=0) == Refused("EBUSY")


def test_the_first_open_counts_for_the_vm_and_the_last_close_ends_it(open_device: Callable[[str], Bench]) -> None:
    """One reference, however many files of the device there are."""
    bench = open_device(TODAY)
    assert (bench.see("device_kvm", 0), bench.see("vm_references", 0)) == ("vm0", 3)

    bench.do("get_device_fd", process=0, file=GROUP_FD, device=0, made=UNUSED)
    assert bench.see("vm_references", 0) == 3

    for file in (DEVICE_FD, UNUSED):
        bench.do("close", process=0, file=file)
    bench.settle()
    assert (bench.see("device_kvm", 0), bench.see("vm_references", 0)) == ("none", 2)


def test_del_tells_the_group_and_leaves_open_devices_alone(open_device: Callable[[str], Bench]) -> None:
    """What counts for the VM stays counted until it closes."""
    bench = open_device(TODAY)

    assert bench.do("file_del", process=0, file=KV_FD, other=GROUP_FD) == Done()

    assert bench.see("group_kvm", 0) == "none"
    assert bench.see("device_kvm", 0) == "vm0"
    assert bench.see("user_idle", 0)


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "ENOENT"), (GROUP_FD, "ENOENT")])
def test_del_refuses_what_is_not_listed(vm: Callable[[str], Bench], other: int, errno: str) -> None:
    """EBADF where the fd is not open, else ENOENT."""
    assert vm(TODAY).do("file_del", process=0, file=KV_FD, other=other) == Refused(errno)


def test_the_list_goes_with_the_fd_of_its_device(vm: Callable[[str], Bench]) -> None:
    """And the VM may have another KVM VFIO device afterwards."""
    bench = vm(TODAY)
    bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    assert bench.do("create_kvm_vfio", process=0, file=VM_FD, made=UNUSED) == Refused("EBUSY")

    bench.do("close", process=0, file=KV_FD)
    assert bench.kernel.pending() == [("release_entry", {"file": KV_FD, "entry": 0})]
    bench.settle()

    assert bench.see("group_kvm", 0) == "none"
    assert bench.see("user_idle", 0)
    assert bench.do("create_kvm_vfio", process=0, file=VM_FD, made=UNUSED) == Done()


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_exit_gives_everything_back(open_device: Callable[[str], Bench], system: str) -> None:
    """Group files never close the cycle, whether the list goes with the fd or with the VM."""
    bench = open_device(system)

    bench.do("exit_process", process=0)
    bench.settle()

    assert not bench.see("vm_exists", 0)
    assert all(bench.see("file_kind", f) == "closed" for f in range(6))


def test_a_listed_device_file_goes_with_the_list(open_device: Callable[[str], Bench]) -> None:
    """The list keeps the device open, and the open device the VM; that the list goes with its fd ends it."""
    bench = open_device(TODAY)
    bench.do("file_add", process=0, file=KV_FD, other=DEVICE_FD, entry=1)
    bench.do("close", process=0, file=DEVICE_FD)
    bench.settle()
    assert bench.see("device_kvm", 0) == "vm0"

    bench.do("exit_process", process=0)
    bench.settle()

    assert not bench.see("vm_exists", 0)
    assert bench.see("file_kind", DEVICE_FD) == "closed"


@pytest.fixture
def linked(open_device: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """Make one where a bus number is linked to the table of g0, and no device is open."""

    def build(system: str) -> Bench:
        bench = open_device(system)
        bench.do("close", process=0, file=DEVICE_FD)
        bench.settle()
        bench.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD)
        return bench

    return build


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_a_bus_number_is_linked_to_the_table_of_a_listed_group(linked: Callable[[str], Bench], system: str) -> None:
    """From then on the guest maps by itself."""
    bench = linked(system)

    assert (bench.see("user_registered", 0), bench.see("user_group", 0), bench.see("user_container", 0)) == (
        "g0",
        "g0",
        "c0",
    )
    assert (bench.see("entry_table", 0), bench.see("user_table", 0)) == ("tb0", "tb0")
    assert bench.do("h_put_tce", entry=0, page=1, to=1) == Done()
    assert bench.see("page_mapped", 0, 1)


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_a_group_leaves_while_the_guest_maps_into_its_table(linked: Callable[[str], Bench], system: str) -> None:
    """UNSET_CONTAINER succeeds; KVM has the table still, through which nothing is translated any more."""
    bench = linked(system)

    assert bench.do("unset_container", process=0, file=GROUP_FD) == Done()

    assert (bench.see("entry_table", 0), bench.see("container_table", 0)) == ("tb0", "none")
    assert bench.do("h_put_tce", entry=0, page=1, to=1) == Done()
    assert not bench.see("page_mapped", 0, 1)


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_del_ends_the_link(linked: Callable[[str], Bench], system: str) -> None:
    """The guest maps no more, and nothing of the entry is left."""
    bench = linked(system)

    assert bench.do("file_del", process=0, file=KV_FD, other=GROUP_FD) == Done()

    assert (bench.see("entry_table", 0), bench.see("user_group", 0)) == ("none", "none")
    assert not bench.can("h_put_tce", entry=0, page=1, to=1)


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_the_end_of_a_list_ends_the_link(linked: Callable[[str], Bench], system: str) -> None:
    """With the fd of its device, or with its VM."""
    bench = linked(system)

    bench.do("close", process=0, file=KV_FD)
    bench.do("close", process=0, file=VM_FD)
    bench.settle()

    assert (bench.see("entry_table", 0), bench.see("user_idle", 0)) == ("none", True)


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "ENOENT"), (DEVICE_FD, "ENOENT")])
def test_a_link_needs_a_listed_file(open_device: Callable[[str], Bench], other: int, errno: str) -> None:
    """EBADF where the fd is not open, else ENOENT."""
    assert open_device(TODAY).do("set_spapr_tce", process=0, file=KV_FD, other=other) == Refused(errno)


def test_a_link_is_for_the_vms_own_process(linked: Callable[[str], Bench]) -> None:
    """EIO for another process that was given the device's fd, whatever it names."""
    bench = linked(TODAY)
    bench.do("pass_file", process=0, file=KV_FD, to=1)

    assert bench.do("set_spapr_tce", process=1, file=KV_FD, other=UNUSED) == Refused("EIO")


def test_a_device_file_has_no_group_to_link(open_device: Callable[[str], Bench]) -> None:
    """EIO, though the list has it."""
    bench = open_device(TODAY)
    bench.do("file_add", process=0, file=KV_FD, other=DEVICE_FD, entry=1)

    assert bench.do("set_spapr_tce", process=0, file=KV_FD, other=DEVICE_FD) == Refused("EIO")


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY])
def test_a_link_needs_a_table(vm: Callable[[str], Bench], system: str) -> None:
    """EINVAL where the group is in no container; EIO where it has lost its last device, and is gone."""
    bench = vm(system)
    bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)

    assert bench.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD) == Refused("EINVAL")

    for device in (0, 1):
        bench.do("unbind_driver", device=device)
    assert bench.see("file_group", GROUP_FD) == "none"
    assert bench.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD) == Refused("EIO")


@pytest.fixture
def dying(vm: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """Make one where vm0 has no reference left, its list has g0 all the same, and g0 is ready for a first open."""

    def build(system: str) -> Bench:
        bench = vm(system)
        bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
        bench.do("set_container", process=0, file=GROUP_FD, other=CONTAINER_FD)
        bench.do("set_iommu", process=0, file=CONTAINER_FD, type=0, made=0)
        for file, release in ((VM_FD, "release_vm"), (KV_FD, "release_kvm_vfio")):
            bench.do("close", process=0, file=file)
            bench.do(release, file=file)
        return bench

    return build


def test_before_6_2_a_device_may_be_opened_for_a_vm_that_is_going(dying: Callable[[str], Bench]) -> None:
    """The group still points to the VM, and a driver takes a reference where none is left to take."""
    bench = dying(GROUP_ONLY)
    assert bench.see("group_kvm", 0) == "vm0"

    opened = bench.do("get_device_fd", process=0, file=GROUP_FD, device=0, made=DEVICE_FD)

    assert opened == Died("use_after_free")


def test_today_a_list_goes_before_its_vm(vm: Callable[[str], Bench]) -> None:
    """The fd keeps a reference to the VM, so a group is told before the last one goes."""
    bench = vm(TODAY)
    bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)

    bench.do("close", process=0, file=VM_FD)
    bench.do("release_vm", file=VM_FD)
    bench.do("close", process=0, file=KV_FD)

    assert not bench.can("release_kvm_vfio", file=KV_FD)
    assert bench.do("release_entry", file=KV_FD, entry=0) == Done()
    assert bench.see("group_kvm", 0) == "none"
    assert bench.do("release_kvm_vfio", file=KV_FD) == Done()


def test_a_vm_that_is_gone_is_for_nobodys_memory(new: Callable[[str], Bench]) -> None:
    """Its maker may have ended by then, and a new process have the name."""
    bench = new(TODAY)
    bench.do("open_group", process=0, file=GROUP_FD, group=0)
    bench.do("create_vm", process=1, file=VM_FD, made=0)
    bench.do("close", process=1, file=VM_FD)
    bench.do("release_vm", file=VM_FD)
    bench.do("destroy_vm", vm=0)

    assert bench.do("fork", process=0, child=1) == Done()
