"""Opening a group, its status, and what the last close does in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "containers-2013"
NO_DRIVER, VFIO, KERNEL, STUB = range(4)


def test_open_group_references_the_group(new: Callable[[str], Bench]) -> None:
    """The file names its group, and the group counts as open."""
    bench = new(SYSTEM)

    assert bench.through("th0", "open_group", process=0, file=0, group=0) == [
        "open_group.claim",
        "open_group.test",
        "ok",
    ]

    assert bench.see("file_kind", 0) == "group"
    assert bench.see("file_group", 0) == "g0"
    assert bench.see("group_opened", 0)
    assert bench.see("has_fd", 0, 0)


def test_open_group_refuses_a_group_without_vfio(new: Callable[[str], Bench]) -> None:
    """ENODEV: once the last VFIO driver has left, the group object is gone."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=0)

    assert not bench.see("group_exists", 0)
    assert bench.do("open_group", process=0, file=0, group=0) == Refused("ENODEV")


def test_open_group_refuses_no_iommu_without_rawio(new: Callable[[str], Bench]) -> None:
    """EPERM, and the reference is given back: the last device can leave."""
    bench = new(SYSTEM)

    assert bench.do("open_group", process=1, file=0, group=2) == Refused("EPERM")

    bench.do("unbind_driver", device=3)
    assert not bench.see("group_exists", 2)


def test_open_group_refuses_a_second_open(new: Callable[[str], Bench]) -> None:
    """EBUSY, whoever asks; and the reference is given back."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)

    assert bench.do("open_group", process=1, file=1, group=0) == Refused("EBUSY")
    assert bench.see("file_kind", 1) == "closed"


def test_open_group_refuses_a_group_still_in_a_container(ready: Callable[[str], Bench]) -> None:
    """EBUSY while a device file keeps the group there; the claim is undone."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("close", process=0, file=0)
    bench.settle()

    assert bench.do("open_group", process=0, file=4, group=0) == Refused("EBUSY")
    assert not bench.see("group_opened", 0)

    bench.do("close", process=0, file=3)
    bench.settle()
    assert bench.do("open_group", process=0, file=4, group=0) == Done()


def test_get_status_says_viable_and_in_a_container(ready: Callable[[str], Bench]) -> None:
    """Both flags are set for a group at work."""
    bench = ready(SYSTEM)

    assert bench.do("get_status", process=0, file=0) == Done((("viable", True), ("container_set", True)))


def test_a_kernel_driver_spoils_viability_and_a_stub_does_not(new: Callable[[str], Bench]) -> None:
    """The group of d1 (VFIO) and d2 is viable with pci-stub or nothing on d2, and not with a kernel driver."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=1)

    assert bench.do("get_status", process=0, file=0) == Done((("viable", True), ("container_set", False)))
    bench.do("unbind_driver", device=2)
    assert bench.do("get_status", process=0, file=0) == Done((("viable", True), ("container_set", False)))
    bench.do("bind_driver", device=2, to=KERNEL)
    assert bench.do("get_status", process=0, file=0) == Done((("viable", False), ("container_set", False)))


def test_a_bridge_spoils_nothing(new: Callable[[str], Bench]) -> None:
    """The bridge d4 has a kernel driver, and its group is viable."""
    bench = new(SYSTEM)

    assert bench.see("device_driver", 4) == "kernel"
    assert bench.see("group_viable", 0)


def test_a_device_on_its_way_out_spoils_nothing(ready: Callable[[str], Bench]) -> None:
    """It is on the unbound list until its driver has left."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.begin(None, "unbind_driver", device=0)

    assert bench.see("device_leaving", 0)
    assert bench.see("group_viable", 0)


def test_last_close_of_a_group_dissolves_detaches_reopens_and_puts(ready: Callable[[str], Bench]) -> None:
    """In this order: the group can be opened again only when it is out of the container."""
    bench = ready(SYSTEM)
    bench.do("close", process=0, file=0)

    assert bench.through("f0", "release_group", file=0) == [
        "release_group.detach",
        "release_group.reopen",
        "release_group.put",
        "ok",
    ]

    assert bench.see("container_of", 0) == "none"
    assert not bench.see("group_opened", 0)
    assert bench.see("file_kind", 0) == "closed"


def test_last_close_of_a_group_with_a_device_file_detaches_nothing(ready: Callable[[str], Bench]) -> None:
    """The device file is the last user, and will detach the group."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("close", process=0, file=0)

    assert bench.through("f0", "release_group", file=0) == ["release_group.reopen", "release_group.put", "ok"]

    assert bench.see("container_users", 0) == 1
    assert bench.see("table_reached", 0) == "tb0"
    assert not bench.see("group_placed", 0)


def test_last_close_of_an_idle_group_finds_no_use_to_end(new: Callable[[str], Bench]) -> None:
    """A group in no container has no users, and dissolving that is nothing."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("close", process=0, file=0)

    assert bench.through("f0", "release_group", file=0) == ["release_group.reopen", "release_group.put", "ok"]
    assert bench.see("container_users", 0) == 0
