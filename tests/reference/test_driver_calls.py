"""Drivers that come, and drivers that wait before they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import Died, NotCallable, Paused, Waiting, WouldBlock
from tenure.vocabulary.answers import Done

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "containers-2013"
NO_DRIVER, VFIO, KERNEL, STUB = range(4)


def test_a_vfio_driver_makes_the_group_and_registers_the_device(new: Callable[[str], Bench]) -> None:
    """After all drivers have left, the next one brings the group back."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=0)

    assert bench.do("bind_driver", device=0, to=VFIO) == Done()

    assert bench.see("group_exists", 0)
    assert bench.see("device_registered", 0)


def test_a_kernel_driver_in_a_group_at_work_stops_the_machine(new: Callable[[str], Bench]) -> None:
    """VFIO can only say BUG(), and only after the probe."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.begin(None, "bind_driver", device=2, to=KERNEL) == Paused("bind_driver.bound")
    assert bench.step("d2") == Died("bug")
    assert bench.see("harm") == "bug"


@pytest.mark.parametrize("driver", [VFIO, STUB])
def test_an_acceptable_driver_in_a_group_at_work_is_let_in(new: Callable[[str], Bench], driver: int) -> None:
    """VFIO drivers and pci-stub spoil nothing."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("bind_driver", device=2, to=driver) == Done()


def test_another_driver_leaves_at_once(new: Callable[[str], Bench]) -> None:
    """Only a VFIO driver waits."""
    bench = new(SYSTEM)

    assert bench.through("d2", "unbind_driver", device=2) == ["unbind_driver.unbound", "ok"]
    assert bench.see("device_driver", 2) == "none"


def test_a_vfio_driver_leaves_an_idle_device_at_once(new: Callable[[str], Bench]) -> None:
    """Both waits find nothing to wait for."""
    bench = new(SYSTEM)

    assert bench.through("d0", "unbind_driver", device=0) == [
        "unbind_driver.wait_device",
        "unbind_driver.wait_container",
        "unbind_driver.unbound",
        "ok",
    ]


def test_a_vfio_driver_waits_for_the_device_file_and_wakes_when_it_is_gone(ready: Callable[[str], Bench]) -> None:
    """The device stays registered meanwhile, so that it can even be opened again."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)
    bench.begin(None, "unbind_driver", device=0)

    before = bench.kernel.observe()
    assert bench.step("d0") == Waiting()
    assert bench.kernel.observe() == before
    assert bench.see("device_registered", 0)

    bench.do("close", process=0, file=3)
    bench.settle()
    assert bench.step("d0") == Paused("unbind_driver.wait_container")
    assert not bench.see("device_registered", 0)


def test_the_driver_of_the_last_device_waits_until_the_group_leaves(ready: Callable[[str], Bench]) -> None:
    """Then the device is off the unbound list, and without driver."""
    bench = ready(SYSTEM)
    bench.begin(None, "unbind_driver", device=0)
    bench.step("d0")
    assert bench.step("d0") == Waiting()

    bench.do("unset_container", process=0, file=0)

    assert bench.step("d0") == Paused("unbind_driver.unbound")
    assert bench.see("device_leaving", 0)
    assert bench.step("d0") == Done()
    assert not bench.see("device_leaving", 0)


def test_the_driver_of_another_device_does_not_wait_for_the_container(new: Callable[[str], Bench]) -> None:
    """A registered device is left in the group; the container is its affair."""
    bench = new(SYSTEM)
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=VFIO)
    bench.do("open_group", process=0, file=0, group=1)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("unbind_driver", device=1) == Done()


def test_a_whole_unbind_that_would_sleep_changes_nothing(ready: Callable[[str], Bench]) -> None:
    """It is not made, for nobody else runs who could wake it."""
    bench = ready(SYSTEM)
    before = bench.kernel.snapshot()

    with pytest.raises(WouldBlock):
        bench.do("unbind_driver", device=0)

    assert bench.kernel.snapshot() == before


def test_one_driver_call_at_a_time_for_a_device(ready: Callable[[str], Bench]) -> None:
    """The device lock of the driver core: whoever comes second is not there yet."""
    bench = ready(SYSTEM)
    bench.begin(None, "unbind_driver", device=0)

    with pytest.raises(NotCallable):
        bench.begin(None, "unbind_driver", device=0)
    assert bench.begin(None, "unbind_driver", device=1) == Paused("unbind_driver.wait_device")


def test_a_device_has_one_driver(new: Callable[[str], Bench]) -> None:
    """Binding needs a device without driver, unbinding one with."""
    bench = new(SYSTEM)

    assert not bench.can("bind_driver", device=0, to=STUB)
    bench.do("unbind_driver", device=0)
    assert not bench.can("unbind_driver", device=0)
    assert not bench.can("bind_driver", device=0, to=NO_DRIVER)
    assert bench.can("bind_driver", device=0, to=STUB)
