"""The KVM VFIO device from 3.13 to 5.18: add, del, SPAPR, and what the end of a VM gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.reference.conftest import KERNEL

from tenure.reference.kernel import Died, Paused
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "kvm-file:get-put"
GROUP_FD, CONTAINER_FD, VM_FD, KV_FD, UNUSED = 0, 1, 3, 4, 5


@pytest.fixture
def vm(ready: Callable[[str], Bench]) -> Bench:
    """p0 has put g0 (f0) into c0 (f1), and has vm0 (f3) and its KVM VFIO device (f4)."""
    bench = ready(SYSTEM)
    bench.do("create_vm", process=0, file=VM_FD, made=0)
    bench.do("create_kvm_vfio", process=0, file=VM_FD, made=KV_FD)
    return bench


@pytest.fixture
def listed(vm: Bench) -> Bench:
    """The same, with g0 as entry u0 of the list."""
    vm.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    return vm


def test_a_vm_is_counted_by_its_files(vm: Bench) -> None:
    """The VM's own, and that of its KVM VFIO device."""
    assert vm.see("vm_references", 0) == 2
    assert vm.see("vm_device", 0)


def test_a_vm_has_one_kvm_vfio_device(vm: Bench) -> None:
    """EBUSY, for as long as the VM is there: the device outlives its fd."""
    vm.do("close", process=0, file=KV_FD)
    vm.settle()

    assert vm.do("create_kvm_vfio", process=0, file=VM_FD, made=UNUSED) == Refused("EBUSY")


def test_add_gets_the_group_lists_it_and_tells_it(vm: Bench) -> None:
    """The entry counts in the group, and the group points to the VM without counting."""
    assert vm.through("u0", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0) == [
        "file_add.count",
        "file_add.validate",
        "file_add.reference",
        "file_add.list",
        "file_add.tell",
        "file_add.update",
        "ok",
    ]

    assert (vm.see("entry_vm", 0), vm.see("entry_group", 0), vm.see("user_counts", 0)) == ("vm0", "g0", "g0")
    assert vm.see("group_kvm", 0) == "vm0"
    assert vm.see("container_users", 0) == 2
    assert vm.see("vm_references", 0) == 2


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "EINVAL"), (KV_FD, "EINVAL")])
def test_add_refuses_what_is_no_group_file(vm: Bench, other: int, errno: str) -> None:
    """EBADF where the fd is not open, EINVAL where it is another file."""
    assert vm.do("file_add", process=0, file=KV_FD, other=other, entry=0) == Refused(errno)


def test_add_refuses_a_group_in_no_container(vm: Bench) -> None:
    """EINVAL, from get."""
    vm.do("unset_container", process=0, file=GROUP_FD)

    assert vm.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0) == Refused("EINVAL")


def test_add_refuses_a_group_without_iommu(vm: Bench) -> None:
    """EPERM, from get."""
    vm.do("open_group", process=0, file=UNUSED, group=2)
    vm.do("set_container", process=0, file=UNUSED, other=2)

    assert vm.do("file_add", process=0, file=KV_FD, other=UNUSED, entry=0) == Refused("EPERM")


def test_a_group_is_listed_once(listed: Bench) -> None:
    """EEXIST; what the second add had got is put back."""
    assert listed.through("u1", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=1)[-3:] == [
        "file_add.dissolve",
        "file_add.put",
        "EEXIST",
    ]

    assert listed.see("container_users", 0) == 2
    assert listed.see("user_idle", 1)
    assert listed.see("group_kvm", 0) == "vm0"


def test_a_listed_group_stays_in_its_container(listed: Bench) -> None:
    """EBUSY, as long as the entry counts."""
    assert listed.do("unset_container", process=0, file=GROUP_FD) == Refused("EBUSY")


def test_del_puts_the_group_and_tells_it(listed: Bench) -> None:
    """Nothing of the entry is left."""
    assert listed.do("file_del", process=0, file=KV_FD, other=GROUP_FD) == Done()

    assert listed.see("group_kvm", 0) == "none"
    assert listed.see("user_idle", 0)
    assert listed.see("container_users", 0) == 1


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "ENOENT"), (GROUP_FD, "ENOENT")])
def test_del_refuses_what_is_not_listed(vm: Bench, other: int, errno: str) -> None:
    """EBADF where the fd is not open, else ENOENT."""
    assert vm.do("file_del", process=0, file=KV_FD, other=other) == Refused(errno)


def test_the_last_add_wins_and_any_del_clears(listed: Bench) -> None:
    """Two VMs may list one group; the pointer is of the last, and gone with either."""
    listed.do("close", process=0, file=2)
    listed.settle()
    listed.do("create_vm", process=0, file=2, made=1)
    listed.do("create_kvm_vfio", process=0, file=2, made=UNUSED)

    assert listed.do("file_add", process=0, file=UNUSED, other=GROUP_FD, entry=1) == Done()
    assert listed.see("group_kvm", 0) == "vm1"
    assert listed.see("container_users", 0) == 3

    listed.do("file_del", process=0, file=KV_FD, other=GROUP_FD)
    assert listed.see("group_kvm", 0) == "none"
    assert listed.see("entry_vm", 1) == "vm1"


def test_entries_stay_until_the_vm_is_destroyed(listed: Bench) -> None:
    """Not the device's fd but the last reference to the VM gives them back."""
    listed.do("close", process=0, file=KV_FD)
    listed.settle()
    assert listed.see("entry_vm", 0) == "vm0"

    listed.do("close", process=0, file=VM_FD)
    assert listed.do("release_vm", file=VM_FD) == Done()
    assert listed.kernel.pending() == [("destroy_entry", {"vm": 0, "entry": 0})]
    assert listed.through("vm0", "destroy_entry", vm=0, entry=0) == [
        "destroy_entry.dissolve",
        "destroy_entry.put",
        "ok",
    ]
    assert listed.kernel.pending() == [("destroy_vm", {"vm": 0})]
    assert listed.do("destroy_vm", vm=0) == Done()

    assert not listed.see("vm_exists", 0)
    assert listed.see("user_idle", 0)
    assert listed.see("group_kvm", 0) == "none"


def test_exit_gives_everything_back(listed: Bench) -> None:
    """Every fd goes, and with the VM its entry: the entry is the last user of the group, and takes it out."""
    listed.do("exit_process", process=0)
    listed.settle()

    assert not listed.see("vm_exists", 0)
    assert listed.see("container_users", 0) == 0
    assert listed.see("container_of", 0) == "none"
    assert all(listed.see("file_kind", f) == "closed" for f in range(6))


def test_add_and_del_at_once_leave_a_pointer_to_the_vm(vm: Bench) -> None:
    """Race K1: add tells the group after del has cleared it; not even the end of the VM clears it then."""
    outcome = vm.begin("u0", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    while outcome != Paused("file_add.tell"):
        outcome = vm.step("u0")

    assert vm.do("file_del", process=0, file=KV_FD, other=GROUP_FD) == Done()
    assert vm.step("u0") == Paused("file_add.update")
    assert vm.step("u0") == Done()
    vm.do("close", process=0, file=KV_FD)
    vm.do("close", process=0, file=VM_FD)
    vm.settle()

    assert not vm.see("vm_exists", 0)
    assert vm.see("group_kvm", 0) == "vm0"


def test_spapr_links_the_table_of_a_listed_group(listed: Bench) -> None:
    """From then on the guest maps by itself; del ends it."""
    assert listed.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD) == Done()
    assert listed.see("entry_table", 0) == "tb0"
    assert listed.do("h_put_tce", entry=0, page=1, to=1) == Done()
    assert listed.see("page_mapped", 0, 1)

    listed.do("file_del", process=0, file=KV_FD, other=GROUP_FD)
    assert listed.see("entry_table", 0) == "none"
    assert not listed.can("h_put_tce", entry=0, page=1, to=1)


def test_the_guest_maps_through_what_was_linked_and_nothing_else(listed: Bench) -> None:
    """That the group had a table when it was listed says nothing of the guest; from SET_SPAPR_TCE on it maps."""
    assert (listed.see("user_container", 0), listed.see("user_table", 0)) == ("c0", "none")

    listed.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD)

    assert listed.see("user_table", 0) == "tb0"


def test_spapr_asks_whose_vm_it_is(listed: Bench) -> None:
    """EIO for another process that was given the device's fd, whatever it names."""
    listed.do("pass_file", process=0, file=KV_FD, to=1)

    assert listed.do("set_spapr_tce", process=1, file=KV_FD, other=UNUSED) == Refused("EIO")
    assert listed.see("entry_table", 0) == "none"


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "EINVAL"), (GROUP_FD, "ENOENT")])
def test_spapr_refuses_what_is_not_listed(vm: Bench, other: int, errno: str) -> None:
    """EBADF where the fd is not open, EINVAL where it is no group's, else ENOENT."""
    assert vm.do("set_spapr_tce", process=0, file=KV_FD, other=other) == Refused(errno)


def test_a_table_that_is_gone_is_not_mapped_into(listed: Bench) -> None:
    """What cannot happen to whole calls: had somebody taken the group out of its container, the guest would touch freed memory."""
    listed.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD)
    group = listed.kernel.machine.groups[0].vfio
    assert group.container is not None
    group.container.close_table()

    assert listed.do("h_put_tce", entry=0, page=0, to=1) == Died("use_after_free")


def test_spapr_refuses_what_get_refuses(vm: Bench) -> None:
    """EINVAL of a group in no container, before anybody looks whether it is listed."""
    vm.do("unset_container", process=0, file=GROUP_FD)

    assert vm.do("set_spapr_tce", process=0, file=KV_FD, other=GROUP_FD) == Refused("EINVAL")


def test_spapr_counts_while_it_looks(vm: Bench) -> None:
    """One user more from count to dissolve, and none where it is over; the group is not listed, which it finds out last."""
    call = {"process": 0, "file": KV_FD, "other": GROUP_FD}
    assert vm.begin("th0", "set_spapr_tce", **call) == Paused("set_spapr_tce.count")
    assert vm.step("th0") == Paused("set_spapr_tce.validate")
    assert vm.see("container_users", 0) == 2
    assert vm.begin("th1", "unset_container", process=0, file=GROUP_FD) == Refused("EBUSY")

    assert vm.step("th0") == Paused("set_spapr_tce.link")
    assert vm.step("th0") == Paused("set_spapr_tce.dissolve")
    assert vm.step("th0") == Paused("set_spapr_tce.put")

    assert vm.step("th0") == Refused("ENOENT")
    assert vm.see("container_users", 0) == 1


KERNEL_DEVICE = 2
"""d2 of g1, in which d1 has its VFIO driver."""


@pytest.fixture
def shared(new: Callable[[str], Bench]) -> Bench:
    """p0 has g1 (f0) and c0 (f1); d2 of g1 has a driver of the host."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=KERNEL_DEVICE)
    bench.do("bind_driver", device=KERNEL_DEVICE, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    return bench


def test_set_iommu_refuses_a_table_that_the_host_uses(shared: Bench) -> None:
    """EBUSY, until the host has unmapped; then the table is VFIO's."""
    shared.do("host_map", device=KERNEL_DEVICE)
    shared.do("set_container", process=0, file=0, other=1)
    assert shared.see("group_used_by_host", 1)
    assert shared.do("set_iommu", process=0, file=1, type=0, made=0) == Refused("EBUSY")

    shared.do("host_unmap", device=KERNEL_DEVICE)

    assert shared.do("set_iommu", process=0, file=1, type=0, made=0) == Done()


def test_set_container_refuses_a_table_that_the_host_uses(shared: Bench) -> None:
    """EBUSY, where the container has its IOMMU driver already, from another group."""
    shared.do("open_group", process=0, file=2, group=0)
    shared.do("set_container", process=0, file=2, other=1)
    shared.do("set_iommu", process=0, file=1, type=0, made=0)
    shared.do("host_map", device=KERNEL_DEVICE)

    assert shared.do("set_container", process=0, file=0, other=1) == Refused("EBUSY")


def test_the_host_maps_nothing_into_a_table_until_vfio_gives_it_back(shared: Bench) -> None:
    """ENOMEM from SET_IOMMU on, for every entry is marked as taken; UNSET_CONTAINER clears the marks."""
    shared.do("set_container", process=0, file=0, other=1)
    shared.do("set_iommu", process=0, file=1, type=0, made=0)
    assert shared.do("host_map", device=KERNEL_DEVICE) == Refused("ENOMEM")

    shared.do("unset_container", process=0, file=0)

    assert shared.do("host_map", device=KERNEL_DEVICE) == Done()


@pytest.mark.parametrize("device", [0, 1, 3, 4])
def test_only_a_driver_of_the_host_that_does_dma_maps(shared: Bench, device: int) -> None:
    """No VFIO driver, no bridge's, and none of a group without IOMMU."""
    assert not shared.can("host_map", device=device)


def test_a_driver_of_the_host_unmaps_before_it_goes(shared: Bench) -> None:
    """Its unbind waits for that, as drivers do."""
    shared.do("host_map", device=KERNEL_DEVICE)
    assert not shared.can("unbind_driver", device=KERNEL_DEVICE)

    shared.do("host_unmap", device=KERNEL_DEVICE)

    assert shared.do("unbind_driver", device=KERNEL_DEVICE) == Done()
