"""From 5.19 on: one lock of the group, claims of its DMA, and device files that keep the group's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.outcomes import Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

BOTH = ("containers-2022", "containers-2022:6.1")
VFIO, KERNEL, STUB = 1, 2, 3


@pytest.fixture
def owned() -> Callable[[Callable[[str], Bench], str], Bench]:
    """Let p0 have g1 (f0) in c0 (f1) with table tb0; d1 is VFIO's, d2 has no driver."""

    def build(new: Callable[[str], Bench], system: str) -> Bench:
        bench = new(system)
        bench.do("unbind_driver", device=2)
        bench.do("open_group", process=0, file=0, group=1)
        bench.do("open_container", process=0, file=1, made=0)
        bench.do("set_container", process=0, file=0, other=1)
        bench.do("set_iommu", process=0, file=1, type=0, made=0)
        return bench

    return build


Owned = Callable[[Callable[[str], "Bench"], str], "Bench"]


def test_a_group_with_a_kernel_driver_cannot_be_claimed(new: Callable[[str], Bench]) -> None:
    """EPERM from SET_CONTAINER: d4 of g0 has a kernel driver; the group is not viable, and then it is."""
    bench = new("containers-2022")
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)

    assert bench.see("owner_count", 0) == 1
    assert bench.do("set_container", process=0, file=0, other=1) == Refused("EPERM")
    assert bench.do("get_status", process=0, file=0) == Done((("viable", False), ("container_set", False)))

    assert bench.do("unbind_driver", device=4) == Done()
    assert bench.do("set_container", process=0, file=0, other=1) == Done()
    assert bench.do("get_status", process=0, file=0) == Done((("viable", True), ("container_set", True)))


def test_a_claim_blocks_dma_until_the_group_is_attached(new: Callable[[str], Bench]) -> None:
    """Between SET_CONTAINER and SET_IOMMU nothing is translated."""
    bench = new("containers-2022")
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)

    bench.do("set_container", process=0, file=0, other=1)
    assert (bench.see("dma_owner", 1), bench.see("owner_count", 1), bench.see("dma_blocked", 1)) == ("group", 1, True)

    bench.do("set_iommu", process=0, file=1, type=0, made=0)
    assert (bench.see("table_reached", 1), bench.see("dma_blocked", 1)) == ("tb0", False)

    bench.do("unset_container", process=0, file=0)
    assert (bench.see("dma_owner", 1), bench.see("owner_count", 1), bench.see("dma_blocked", 1)) == ("none", 0, False)


def test_a_kernel_driver_is_refused_beside_a_user(new: Callable[[str], Bench], owned: Owned) -> None:
    """EBUSY, where earlier versions stopped the machine; pci-stub and VFIO drivers bind."""
    bench = owned(new, "containers-2022")

    assert bench.do("bind_driver", device=2, to=KERNEL) == Refused("EBUSY")
    assert bench.do("bind_driver", device=2, to=STUB) == Done()
    bench.do("unbind_driver", device=2)
    assert bench.do("bind_driver", device=2, to=VFIO) == Done()


def test_a_driver_counts_from_before_its_probe_to_after_its_end(new: Callable[[str], Bench]) -> None:
    """So a user that comes in between is refused."""
    bench = new("containers-2022")
    bench.do("unbind_driver", device=2)

    assert bench.begin(None, "bind_driver", device=2, to=KERNEL) == Paused("bind_driver.probe")
    assert (bench.see("device_driver", 2), bench.see("owner_count", 1)) == ("none", 1)
    assert bench.step("d2") == Done()
    assert bench.begin(None, "unbind_driver", device=2) == Paused("unbind_driver.cleanup")
    assert (bench.see("device_driver", 2), bench.see("owner_count", 1)) == ("none", 1)
    assert bench.step("d2") == Done()
    assert bench.see("owner_count", 1) == 0


@pytest.mark.parametrize(("system", "errno"), [("containers-2022", "EBADFD"), ("containers-2022:6.1", "EINVAL")])
def test_set_container_with_a_file_of_another_kind(new: Callable[[str], Bench], system: str, errno: str) -> None:
    """Its own errno came after 6.1; a closed fd and a negative one are EBADF in both."""
    bench = new(system)
    bench.do("open_group", process=0, file=0, group=1)

    assert bench.do("set_container", process=0, file=0, other=0) == Refused(errno)
    assert bench.do("set_container", process=0, file=0, other=5) == Refused("EBADF")
    assert bench.do("set_container", process=0, file=0, other=-1) == Refused("EBADF")


@pytest.mark.parametrize("system", BOTH)
def test_a_group_file_is_not_released_while_a_device_is_open(
    new: Callable[[str], Bench], owned: Owned, system: str
) -> None:
    """Its fd is closed, and the group stays open and contained until the device is closed."""
    bench = owned(new, system)
    bench.do("get_device_fd", process=0, file=0, device=1, made=2)

    bench.do("close", process=0, file=0)
    bench.settle()
    assert bench.do("open_group", process=1, file=3, group=1) == Refused("EBUSY")
    assert bench.see("container_of", 1) == "c0"

    bench.do("close", process=0, file=2)
    bench.settle()
    assert bench.see("container_of", 1) == "none"
    assert bench.do("open_group", process=1, file=3, group=1) == Done()


def test_a_device_counts_once_from_6_2_on(new: Callable[[str], Bench], owned: Owned) -> None:
    """In 6.1 each of its files does."""
    of_7_2, of_6_1 = (owned(new, system) for system in BOTH)
    for bench in (of_7_2, of_6_1):
        bench.do("get_device_fd", process=0, file=0, device=1, made=2)
        bench.do("get_device_fd", process=0, file=0, device=1, made=3)

    assert (of_7_2.see("device_opens", 1), of_7_2.see("container_users", 1)) == (2, 2)
    assert (of_6_1.see("device_opens", 1), of_6_1.see("container_users", 1)) == (2, 3)
    assert of_7_2.see("device_counts", 1) == "g1"
    assert (of_6_1.see("file_counts", 2), of_6_1.see("file_counts", 3)) == ("g1", "g1")


def test_get_device_fd_looks_up_before_it_asks_for_a_container(new: Callable[[str], Bench]) -> None:
    """ENODEV comes first; then EINVAL without container, and without IOMMU driver."""
    bench = new("containers-2022")
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)

    assert bench.do("get_device_fd", process=0, file=0, device=0, made=2) == Refused("ENODEV")
    assert bench.do("get_device_fd", process=0, file=0, device=1, made=2) == Refused("EINVAL")
    bench.do("set_container", process=0, file=0, other=1)
    assert bench.do("get_device_fd", process=0, file=0, device=1, made=2) == Refused("EINVAL")


def test_a_group_without_iommu_is_claimed_by_nobody(new: Callable[[str], Bench]) -> None:
    """It needs CAP_SYS_RAWIO to open the group, to place it and to open its device."""
    bench = new("containers-2022")
    assert bench.do("open_group", process=1, file=0, group=2) == Refused("EPERM")
    bench.do("open_group", process=0, file=0, group=2)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("pass_file", process=0, file=0, to=1)
    bench.do("pass_file", process=0, file=1, to=1)

    assert bench.do("set_container", process=1, file=0, other=1) == Refused("EPERM")
    assert bench.do("set_container", process=0, file=0, other=1) == Done()
    assert (bench.see("dma_owner", 2), bench.see("owner_count", 2)) == ("none", 0)
    bench.do("set_iommu", process=0, file=1, type=1, made=0)
    assert bench.do("get_device_fd", process=1, file=0, device=3, made=2) == Refused("EPERM")
    assert bench.do("get_device_fd", process=0, file=0, device=3, made=2) == Done()


def test_with_its_last_device_a_group_leaves_its_container(new: Callable[[str], Bench], owned: Owned) -> None:
    """The user's file stands for nothing then, and the next VFIO driver makes another group."""
    bench = owned(new, "containers-2022")

    met = bench.through("d1", "unbind_driver", device=1)

    assert met == ["unbind_driver.wait_device", "unbind_driver.remove_group", "unbind_driver.unbound", "ok"]
    assert (bench.see("container_of", 1), bench.see("dma_owner", 1)) == ("none", "none")
    assert (bench.see("file_kind", 0), bench.see("file_group", 0)) == ("group", "none")
    assert bench.do("get_status", process=0, file=0) == Refused("ENODEV")
    assert bench.do("set_container", process=0, file=0, other=1) == Refused("ENODEV")
    assert bench.do("unset_container", process=0, file=0) == Refused("EINVAL")
    assert bench.do("open_group", process=1, file=3, group=1) == Refused("ENODEV")

    bench.do("bind_driver", device=1, to=VFIO)
    assert bench.do("open_group", process=1, file=3, group=1) == Done()
    bench.do("close", process=0, file=0)
    bench.settle()
    assert bench.see("group_opened", 1)


@pytest.mark.parametrize(("system", "answer"), [(BOTH[0], Refused("ENODEV")), (BOTH[1], Done())])
def test_a_device_in_use_is_found_while_its_driver_leaves_in_6_1(
    new: Callable[[str], Bench], owned: Owned, system: str, answer: Done | Refused
) -> None:
    """Later versions take it from the list first; where nobody uses it, neither finds it."""
    bench = owned(new, system)
    bench.do("get_device_fd", process=0, file=0, device=1, made=2)
    assert bench.begin(None, "unbind_driver", device=1) == Paused("unbind_driver.wait_device")
    assert bench.step("d1") == Waiting()

    assert bench.do("get_device_fd", process=0, file=0, device=1, made=3) == answer
    bench.do("close", process=0, file=2)
    if answer == Done():
        assert bench.step("d1") == Waiting()
        bench.do("close", process=0, file=3)
    bench.settle()
    assert bench.do("get_device_fd", process=0, file=0, device=1, made=2) == Refused("ENODEV")
    assert bench.step("d1") == Paused("unbind_driver.remove_group")


def test_a_device_opens_in_one_step_today_and_in_three_in_6_1(new: Callable[[str], Bench], owned: Owned) -> None:
    """And closes in one and two, before its registration is dropped."""
    today, then = (owned(new, system) for system in BOTH)
    opening = {"process": 0, "file": 0, "device": 1, "made": 2}

    assert today.through("th0", "get_device_fd", **opening) == ["get_device_fd.open", "get_device_fd.install", "ok"]
    assert then.through("th0", "get_device_fd", **opening) == [
        "get_device_fd.assign",
        "get_device_fd.open",
        "get_device_fd.install",
        "ok",
    ]
    for bench in (today, then):
        bench.do("close", process=0, file=2)
    assert today.through("f2", "release_device", file=2) == ["release_device.put", "ok"]
    assert then.through("f2", "release_device", file=2) == ["release_device.unassign", "release_device.put", "ok"]


def test_a_group_that_leaves_between_look_up_and_open_is_noticed(new: Callable[[str], Bench], owned: Owned) -> None:
    """The race of earlier versions ends with EINVAL, and the device's registration is given back."""
    bench = owned(new, "containers-2022")
    bench.begin("th0", "get_device_fd", process=0, file=0, device=1, made=2)

    assert bench.do("unset_container", process=0, file=0) == Done()
    assert bench.step("th0") == Refused("EINVAL")
    assert bench.do("unbind_driver", device=1) == Done()


def test_two_set_containers_meet_at_the_groups_lock(new: Callable[[str], Bench]) -> None:
    """Whoever comes second finds the group in a container."""
    bench = new("containers-2022")
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.begin("th0", "set_container", process=0, file=0, other=1)
    bench.begin("th1", "set_container", process=0, file=0, other=1)

    assert bench.step("th1") == Done()
    assert bench.step("th0") == Refused("EINVAL")
    assert bench.see("container_users", 1) == 1
