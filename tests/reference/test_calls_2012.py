"""Before 3.11: a group is opened as often as somebody likes, and whoever closes a file of it ends a use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.outcomes import Died, Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "containers-2012"
KERNEL = 2


@pytest.fixture
def shared(new: Callable[[str], Bench]) -> Bench:
    """Let p0 (f0) and p1 (f1) have g1 open, in c0 (f2) with table tb0, where d1 is VFIO's and d2 has no driver."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_group", process=1, file=1, group=1)
    bench.do("open_container", process=0, file=2, made=0)
    bench.do("set_container", process=0, file=0, other=2)
    bench.do("set_iommu", process=0, file=2, type=0, made=0)
    return bench


def test_open_group_asks_for_the_container_and_for_nothing_else(new: Callable[[str], Bench]) -> None:
    """A second process opens the group; nothing counts as open."""
    bench = new(SYSTEM)

    met = bench.through("th0", "open_group", process=0, file=0, group=0)

    assert met == ["open_group.test", "ok"]
    assert bench.do("open_group", process=1, file=1, group=0) == Done()
    assert (bench.see("file_group", 0), bench.see("file_group", 1)) == ("g0", "g0")
    assert not bench.see("group_opened", 0)


def test_open_group_refuses_a_group_without_vfio(new: Callable[[str], Bench]) -> None:
    """ENODEV: once the last VFIO driver has left, the group object is gone."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=0)

    assert bench.do("open_group", process=0, file=0, group=0) == Refused("ENODEV")


def test_open_group_refuses_a_group_in_a_container(shared: Bench) -> None:
    """EBUSY, and the reference is given back: with its files and devices the group goes."""
    assert shared.do("open_group", process=2, file=3, group=1) == Refused("EBUSY")

    shared.do("exit_process", process=0)
    shared.do("exit_process", process=1)
    shared.settle()
    shared.do("unbind_driver", device=1)
    assert not shared.see("group_exists", 1)


def test_closing_one_of_two_files_takes_the_group_out_of_its_container(shared: Bench) -> None:
    """Its owner asked for nothing, and still believes that SET_CONTAINER holds."""
    shared.do("close", process=1, file=1)

    met = shared.through("f1", "release_group", file=1)

    assert met == ["release_group.detach", "release_group.put", "ok"]
    assert shared.see("container_of", 1) == "none"
    assert shared.see("table_reached", 1) == "none"
    assert shared.see("group_placed", 1)


def test_the_last_close_ends_what_set_container_gave(shared: Bench) -> None:
    """Nobody is left who could believe anything."""
    shared.do("close", process=1, file=1)
    shared.do("close", process=0, file=0)
    shared.settle()

    assert not shared.see("group_placed", 1)
    assert shared.see("container_users", 1) == 0


def test_a_kernel_driver_binds_unnoticed_beside_an_open_device(shared: Bench) -> None:
    """The closes of two group files take both uses, and BOUND_DRIVER sees a group that nobody uses."""
    shared.do("get_device_fd", process=0, file=0, device=1, made=3)
    shared.do("close", process=1, file=1)
    shared.do("close", process=0, file=0)
    shared.settle()

    assert shared.do("bind_driver", device=2, to=KERNEL) == Done()
    assert shared.see("file_counts", 3) == "g1"
    assert not shared.see("group_viable", 1)


def test_a_kernel_driver_that_spoils_a_group_in_use_stops_the_machine(shared: Bench) -> None:
    """As in every version before 5.19."""
    assert shared.do("bind_driver", device=2, to=KERNEL) == Died("bug")


def test_get_device_fd_does_all_from_look_up_to_fd_under_one_lock(shared: Bench) -> None:
    """Three looks before it are under none."""
    met = shared.through("th0", "get_device_fd", process=0, file=0, device=1, made=3)

    assert met == ["get_device_fd.check_iommu", "get_device_fd.check_viable", "get_device_fd.open", "ok"]
    assert shared.see("container_users", 1) == 2
    assert shared.see("has_fd", 0, 3)


def test_get_device_fd_refuses_a_device_of_another_group(shared: Bench) -> None:
    """ENODEV, and the lock is free again."""
    assert shared.do("get_device_fd", process=0, file=0, device=0, made=3) == Refused("ENODEV")
    assert shared.do("get_device_fd", process=0, file=0, device=1, made=3) == Done()


def test_get_device_fd_refuses_a_group_that_a_bridge_spoils(ready: Callable[[str], Bench]) -> None:
    """EINVAL: d4, a bridge with a driver of its own, is a device like any other."""
    bench = ready(SYSTEM)

    assert bench.do("get_device_fd", process=0, file=0, device=0, made=3) == Refused("EINVAL")
    bench.do("unbind_driver", device=4)
    assert bench.do("get_device_fd", process=0, file=0, device=0, made=3) == Done()


def test_get_device_fd_opens_a_device_of_a_group_that_has_left(shared: Bench) -> None:
    """R2: the group leaves after the looks, and its device opens without a table."""
    shared.begin("th0", "get_device_fd", process=0, file=0, device=1, made=3)
    shared.step("th0")
    shared.step("th0")

    assert shared.do("unset_container", process=1, file=1) == Done()
    assert shared.step("th0") == Done()
    assert shared.see("container_users", 1) == 1
    assert shared.see("container_of", 1) == "none"


def test_an_unbind_waits_for_the_device_and_not_for_the_container(shared: Bench) -> None:
    """While it waits nothing is on its way out; then the group stays in its container without any device."""
    shared.do("get_device_fd", process=0, file=0, device=1, made=3)
    assert shared.begin(None, "unbind_driver", device=1) == Paused("unbind_driver.wait_device")
    assert shared.step("d1") == Waiting()
    assert not shared.see("device_leaving", 1)

    shared.do("close", process=0, file=3)
    shared.settle()
    assert shared.step("d1") == Paused("unbind_driver.unbound")
    assert not shared.see("group_viable", 1)
    assert shared.step("d1") == Done()
    assert shared.see("container_of", 1) == "c0"
    assert shared.see("group_viable", 1)
