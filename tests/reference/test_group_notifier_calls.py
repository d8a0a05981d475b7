"""Notifiers for a group: drivers of devices are told of the VM that their group knows, from 4.10 to 5.18."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.reference.conftest import KERNEL

from tenure.reference.kernel import Paused
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "kvm-file:get-put-notifiers"
GROUP_FD, CONTAINER_FD, OTHER_CONTAINER_FD, VM_FD, KV_FD, UNUSED = range(6)
ENTRY, DRIVER = 0, 1


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
    vm.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=ENTRY)
    return vm


@pytest.fixture
def told(listed: Bench) -> Bench:
    """The same, with a notifier of d0's driver, u1."""
    listed.do("register_group_notifier", user=DRIVER, device=0, events=1)
    return listed


def test_register_stands_in_the_list_of_the_group_and_counts_only_meanwhile(vm: Bench) -> None:
    """The group knows of no VM yet, and so does the driver."""
    assert vm.through("u1", "register_group_notifier", user=DRIVER, device=0, events=1) == [
        "register_group_notifier.count",
        "register_group_notifier.validate",
        "register_group_notifier.list",
        "register_group_notifier.dissolve",
        "register_group_notifier.put",
        "ok",
    ]

    assert vm.see("notifier_group", DRIVER) == "g0"
    assert vm.see("notifier_vm", DRIVER) == "none"
    assert vm.see("user_counts", DRIVER) == "none"
    assert vm.see("container_users", 0) == 1


def test_register_is_told_at_once_of_a_vm_that_the_group_knows(told: Bench) -> None:
    """VFIO_GROUP_NOTIFY_SET_KVM, before register returns; the VM is not counted for it."""
    assert told.see("notifier_vm", DRIVER) == "vm0"
    assert told.see("vm_references", 0) == 2


def test_add_tells_who_stands_in_the_list(vm: Bench) -> None:
    """Every notifier of that group, and no other."""
    vm.do("open_group", process=0, file=UNUSED, group=1)
    vm.do("set_container", process=0, file=UNUSED, other=CONTAINER_FD)
    vm.do("register_group_notifier", user=DRIVER, device=1, events=1)

    assert vm.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=ENTRY) == Done()
    assert vm.see("notifier_vm", DRIVER) == "none"

    vm.do("file_del", process=0, file=KV_FD, other=GROUP_FD)
    assert vm.do("file_add", process=0, file=KV_FD, other=UNUSED, entry=ENTRY) == Done()
    assert vm.see("notifier_vm", DRIVER) == "vm0"


def test_del_tells_that_there_is_no_vm(told: Bench) -> None:
    """The notifier stays in the list."""
    assert told.do("file_del", process=0, file=KV_FD, other=GROUP_FD) == Done()

    assert told.see("notifier_vm", DRIVER) == "none"
    assert told.see("notifier_group", DRIVER) == "g0"


def test_the_end_of_the_vm_tells_that_there_is_none(told: Bench) -> None:
    """Each entry tells its group before the VM is freed."""
    told.do("close", process=0, file=KV_FD)
    told.do("close", process=0, file=VM_FD)
    told.settle()

    assert not told.see("vm_exists", 0)
    assert told.see("notifier_vm", DRIVER) == "none"


def test_add_and_del_at_once_leave_a_driver_with_a_vm_that_goes(vm: Bench) -> None:
    """By race K1 the group is told of the VM when nothing is left that would take it back."""
    vm.do("register_group_notifier", user=DRIVER, device=0, events=1)
    outcome = vm.begin("u0", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=ENTRY)
    while outcome != Paused("file_add.tell"):
        outcome = vm.step("u0")

    vm.do("file_del", process=0, file=KV_FD, other=GROUP_FD)
    vm.step("u0")
    assert vm.step("u0") == Done()
    vm.do("close", process=0, file=KV_FD)
    vm.do("close", process=0, file=VM_FD)
    vm.settle()

    assert not vm.see("vm_exists", 0)
    assert vm.see("notifier_vm", DRIVER) == "vm0"


def test_register_refuses_who_asks_for_no_event(vm: Bench) -> None:
    """EINVAL, before anything is looked at."""
    assert vm.through("u1", "register_group_notifier", user=DRIVER, device=0, events=0) == ["EINVAL"]


def test_register_refuses_a_device_without_group(vm: Bench) -> None:
    """ENODEV: the last device of the group has left its VFIO driver."""
    vm.do("unbind_driver", device=1)

    assert vm.do("register_group_notifier", user=DRIVER, device=1, events=1) == Refused("ENODEV")


def test_register_refuses_a_group_in_no_container(vm: Bench) -> None:
    """EINVAL, though its list is the group's own."""
    vm.do("unset_container", process=0, file=GROUP_FD)

    assert vm.through("u1", "register_group_notifier", user=DRIVER, device=0, events=1) == [
        "register_group_notifier.count",
        "EINVAL",
    ]


def test_register_refuses_a_group_without_iommu_as_any_other(vm: Bench) -> None:
    """EINVAL, where file_add answers EPERM."""
    vm.do("open_group", process=0, file=UNUSED, group=2)
    vm.do("set_container", process=0, file=UNUSED, other=OTHER_CONTAINER_FD)

    assert vm.do("register_group_notifier", user=DRIVER, device=3, events=1) == Refused("EINVAL")
    assert vm.do("file_add", process=0, file=KV_FD, other=UNUSED, entry=ENTRY) == Refused("EPERM")


def test_register_refuses_a_container_without_driver(vm: Bench) -> None:
    """EINVAL, and the use is given back."""
    vm.do("unset_container", process=0, file=GROUP_FD)
    vm.do("set_container", process=0, file=GROUP_FD, other=OTHER_CONTAINER_FD)

    assert vm.do("register_group_notifier", user=DRIVER, device=0, events=1) == Refused("EINVAL")
    assert vm.see("container_users", 0) == 1
    assert vm.see("notifier_group", DRIVER) == "none"


def test_register_refuses_a_group_that_is_not_viable(vm: Bench) -> None:
    """EINVAL, and the use is given back."""
    vm.do("unbind_driver", device=2)
    vm.do("bind_driver", device=2, to=KERNEL)
    vm.do("open_group", process=0, file=UNUSED, group=1)
    vm.do("set_container", process=0, file=UNUSED, other=CONTAINER_FD)

    assert vm.do("register_group_notifier", user=DRIVER, device=1, events=1) == Refused("EINVAL")
    assert vm.see("container_users", 1) == 1


def test_a_registered_notifier_keeps_nobody_from_leaving(vm: Bench) -> None:
    """It stays in the list of its group wherever that goes, and comes along to another container."""
    vm.do("register_group_notifier", user=DRIVER, device=0, events=1)

    assert vm.do("unset_container", process=0, file=GROUP_FD) == Done()
    assert vm.see("notifier_group", DRIVER) == "g0"

    vm.do("set_container", process=0, file=GROUP_FD, other=OTHER_CONTAINER_FD)
    vm.do("set_iommu", process=0, file=OTHER_CONTAINER_FD, type=0, made=1)
    assert vm.do("unregister_group_notifier", user=DRIVER, device=0) == Done()


def test_unset_is_refused_only_while_register_counts(vm: Bench) -> None:
    """EBUSY between count and dissolve."""
    vm.begin(None, "register_group_notifier", user=DRIVER, device=0, events=1)
    vm.step("u1")

    assert vm.do("unset_container", process=0, file=GROUP_FD) == Refused("EBUSY")
    while isinstance(vm.step("u1"), Paused):
        pass
    assert vm.do("unset_container", process=0, file=GROUP_FD) == Done()


def test_unregister_takes_the_notifier_out(told: Bench) -> None:
    """It goes the same way as register; the driver, told of nothing any more, may register again."""
    assert told.through("u1", "unregister_group_notifier", user=DRIVER, device=0) == [
        "unregister_group_notifier.count",
        "unregister_group_notifier.validate",
        "unregister_group_notifier.unlist",
        "unregister_group_notifier.dissolve",
        "unregister_group_notifier.put",
        "ok",
    ]

    assert (told.see("notifier_group", DRIVER), told.see("notifier_vm", DRIVER)) == ("none", "none")
    assert told.see("container_users", 0) == 2
    assert told.can("register_group_notifier", user=DRIVER, device=0, events=1)


def test_unregister_refuses_a_group_in_no_container(vm: Bench) -> None:
    """EINVAL, and the notifier stays."""
    vm.do("register_group_notifier", user=DRIVER, device=0, events=1)
    vm.do("unset_container", process=0, file=GROUP_FD)

    assert vm.do("unregister_group_notifier", user=DRIVER, device=0) == Refused("EINVAL")
    assert vm.see("notifier_group", DRIVER) == "g0"


def test_unregister_refuses_a_container_without_driver(vm: Bench) -> None:
    """EINVAL, and the use is given back."""
    vm.do("register_group_notifier", user=DRIVER, device=0, events=1)
    vm.do("unset_container", process=0, file=GROUP_FD)
    vm.do("set_container", process=0, file=GROUP_FD, other=OTHER_CONTAINER_FD)

    assert vm.do("unregister_group_notifier", user=DRIVER, device=0) == Refused("EINVAL")
    assert vm.see("container_users", 0) == 1
    assert vm.see("notifier_group", DRIVER) == "g0"


def test_unregister_refuses_a_group_that_is_not_viable(vm: Bench) -> None:
    """EINVAL, and the use is given back: another device of the group has a driver of the kernel since."""
    vm.do("open_group", process=0, file=UNUSED, group=1)
    vm.do("set_container", process=0, file=UNUSED, other=CONTAINER_FD)
    vm.do("register_group_notifier", user=DRIVER, device=1, events=1)
    vm.do("unset_container", process=0, file=UNUSED)
    vm.do("unbind_driver", device=2)
    vm.do("bind_driver", device=2, to=KERNEL)
    vm.do("set_container", process=0, file=UNUSED, other=CONTAINER_FD)

    assert vm.do("unregister_group_notifier", user=DRIVER, device=1) == Refused("EINVAL")
    assert vm.see("container_users", 1) == 1


def test_unregister_refuses_a_device_without_group(vm: Bench) -> None:
    """ENODEV: group and driver have gone from under each other."""
    vm.do("register_group_notifier", user=DRIVER, device=0, events=1)
    vm.do("unset_container", process=0, file=GROUP_FD)
    vm.do("close", process=0, file=GROUP_FD)
    vm.settle()
    vm.do("unbind_driver", device=0)

    assert vm.do("unregister_group_notifier", user=DRIVER, device=0) == Refused("ENODEV")


def test_a_driver_is_no_entry_of_a_list(told: Bench) -> None:
    """Nor is an entry a driver; each driver has one notifier, and unregisters that."""
    assert not told.can("register_group_notifier", user=ENTRY, device=0, events=1)
    assert not told.can("register_group_notifier", user=DRIVER, device=0, events=1)
    assert not told.can("unregister_group_notifier", user=DRIVER, device=1)
    assert not told.can("unregister_group_notifier", user=ENTRY, device=0)
    assert not told.can("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=DRIVER)
