"""GET_DEVICE_FD, and what closing a device file does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "containers-2013"
NO_IOMMU = 1
KERNEL = 2


def test_get_device_fd_counts_as_a_user(ready: Callable[[str], Bench]) -> None:
    """The use is taken after the file is made, and before anybody has its fd."""
    bench = ready(SYSTEM)

    assert bench.through("th0", "get_device_fd", process=0, file=0, device=0, made=3) == [
        "get_device_fd.check_iommu",
        "get_device_fd.check_viable",
        "get_device_fd.look_up",
        "get_device_fd.open",
        "get_device_fd.count",
        "get_device_fd.install",
        "ok",
    ]

    assert bench.see("container_users", 0) == 2
    assert bench.see("file_counts", 3) == "g0"
    assert bench.see("file_device", 3) == "d0"
    assert bench.see("file_group", 3) == "g0"


def test_get_device_fd_of_a_device_twice_counts_twice(ready: Callable[[str], Bench]) -> None:
    """Each file is a user."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)

    assert bench.do("get_device_fd", process=0, file=0, device=0, made=4) == Done()
    assert bench.see("container_users", 0) == 3


def test_get_device_fd_refuses_a_group_in_no_container(new: Callable[[str], Bench]) -> None:
    """EINVAL: there is no table to translate through."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)

    assert bench.do("get_device_fd", process=0, file=0, device=0, made=3) == Refused("EINVAL")


def test_get_device_fd_refuses_a_container_without_driver(new: Callable[[str], Bench]) -> None:
    """EINVAL: SET_IOMMU comes first."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.through("th0", "get_device_fd", process=0, file=0, device=0, made=3) == [
        "get_device_fd.check_iommu",
        "EINVAL",
    ]


def test_get_device_fd_refuses_a_group_that_is_not_viable(new: Callable[[str], Bench]) -> None:
    """EINVAL, though SET_CONTAINER and SET_IOMMU did not ask."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=KERNEL)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=0, made=0)

    assert bench.do("get_device_fd", process=0, file=0, device=1, made=3) == Refused("EINVAL")


def test_get_device_fd_refuses_a_device_of_another_group(ready: Callable[[str], Bench]) -> None:
    """ENODEV: a group's file opens its own devices."""
    bench = ready(SYSTEM)

    assert bench.do("get_device_fd", process=0, file=0, device=1, made=3) == Refused("ENODEV")


def test_get_device_fd_refuses_a_device_that_vfio_does_not_drive(ready: Callable[[str], Bench]) -> None:
    """ENODEV: the bridge of the group has another driver."""
    bench = ready(SYSTEM)

    assert bench.do("get_device_fd", process=0, file=0, device=4, made=3) == Refused("ENODEV")


def test_get_device_fd_refuses_no_iommu_without_rawio(new: Callable[[str], Bench]) -> None:
    """EPERM comes before the device is looked up."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=2)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=NO_IOMMU, made=0)
    bench.do("pass_file", process=0, file=0, to=1)

    assert bench.do("get_device_fd", process=1, file=0, device=0, made=3) == Refused("EPERM")
    assert bench.do("get_device_fd", process=0, file=0, device=3, made=3) == Done()


def test_last_close_of_a_device_that_is_not_the_last_user_detaches_nothing(ready: Callable[[str], Bench]) -> None:
    """SET_CONTAINER is still a user."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("close", process=0, file=3)

    assert bench.through("f3", "release_device", file=3) == ["release_device.put", "ok"]
    assert bench.see("container_users", 0) == 1


def test_last_close_of_the_last_user_detaches_and_destroys_the_table(ready: Callable[[str], Bench]) -> None:
    """Nothing else holds the container: it is freed with its table."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.do("close", process=0, file=0)
    bench.do("close", process=0, file=1)
    bench.settle()
    bench.do("close", process=0, file=3)

    assert bench.see("container_references", 0) == 1
    assert bench.through("f3", "release_device", file=3) == ["release_device.detach", "release_device.put", "ok"]
    assert bench.see("container_references", 0) == 0
    assert bench.see("table_reached", 0) == "none"
