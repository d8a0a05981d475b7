"""SET_CONTAINER, UNSET_CONTAINER, SET_IOMMU, and the life of containers and tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

TYPE1, NO_IOMMU, UNSUPPORTED = range(3)
SYSTEM = "containers-2013"


@pytest.fixture
def bench(new: Callable[[str], Bench]) -> Bench:
    """Open by p0: g0 as f0, c0 as f1, and the group without IOMMU g2 as f2."""
    bench = new(SYSTEM)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    bench.do("open_group", process=0, file=2, group=2)
    return bench


def test_set_container_puts_the_group_into_the_container(bench: Bench) -> None:
    """The group points at the container, is in its list, references it, and counts its first user."""
    assert bench.do("set_container", process=0, file=0, other=1) == Done()

    assert bench.see("container_of", 0) == "c0"
    assert bench.see("container_lists", 0, 0)
    assert bench.see("container_references", 0) == 2
    assert bench.see("container_users", 0) == 1
    assert bench.see("group_placed", 0)
    assert bench.see("table_reached", 0) == "none"


def test_set_container_refuses_a_negative_fd(bench: Bench) -> None:
    """EINVAL comes before any look at the table of fds."""
    assert bench.do("set_container", process=0, file=0, other=-1) == Refused("EINVAL")


def test_set_container_refuses_a_group_that_has_users(bench: Bench) -> None:
    """A group is in one container at most."""
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("set_container", process=0, file=0, other=1) == Refused("EINVAL")


def test_set_container_refuses_an_fd_that_is_not_open(bench: Bench) -> None:
    """EBADF: the process has no such fd."""
    assert bench.do("set_container", process=0, file=0, other=5) == Refused("EBADF")


def test_set_container_refuses_an_fd_that_only_another_process_has(bench: Bench) -> None:
    """EBADF: an fd means something to the process that has it."""
    bench.do("open_container", process=1, file=3, made=1)

    assert bench.do("set_container", process=0, file=0, other=3) == Refused("EBADF")


def test_set_container_refuses_an_fd_of_another_kind(bench: Bench) -> None:
    """EINVAL: a group file is no container."""
    assert bench.do("set_container", process=0, file=0, other=2) == Refused("EINVAL")


def test_set_container_refuses_no_iommu_without_rawio(bench: Bench) -> None:
    """EPERM comes before EBADF."""
    bench.do("pass_file", process=0, file=2, to=1)

    assert bench.do("set_container", process=1, file=2, other=5) == Refused("EPERM")


def test_set_container_refuses_to_mix_kinds(bench: Bench) -> None:
    """EPERM: a container holds groups of one kind."""
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("set_container", process=0, file=2, other=1) == Refused("EPERM")
    assert bench.see("container_references", 0) == 2


def test_set_container_attaches_to_the_table_that_is_there(bench: Bench) -> None:
    """A second group joins the table of the first."""
    bench.do("set_container", process=0, file=0, other=1)
    bench.do("set_iommu", process=0, file=1, type=TYPE1, made=2)
    bench.do("open_group", process=0, file=3, group=1)

    assert bench.do("set_container", process=0, file=3, other=1) == Done()

    assert bench.see("table_reached", 1) == "tb2"


def test_unset_container_refuses_a_group_in_no_container(bench: Bench) -> None:
    """EINVAL: nothing to leave."""
    assert bench.do("unset_container", process=0, file=0) == Refused("EINVAL")


def test_unset_container_refuses_a_group_with_a_device_file(ready: Callable[[str], Bench]) -> None:
    """EBUSY: the device file is a user of its own."""
    bench = ready(SYSTEM)
    bench.do("get_device_fd", process=0, file=0, device=0, made=3)

    assert bench.do("unset_container", process=0, file=0) == Refused("EBUSY")


def test_unset_container_of_the_last_group_destroys_the_table(ready: Callable[[str], Bench]) -> None:
    """The container stays open and can be given an IOMMU driver anew."""
    bench = ready(SYSTEM)

    assert bench.do("unset_container", process=0, file=0) == Done()

    assert bench.see("container_table", 0) == "none"
    assert bench.see("table_reached", 0) == "none"
    assert bench.see("container_references", 0) == 1
    assert not bench.see("group_placed", 0)
    assert bench.do("set_iommu", process=0, file=1, type=TYPE1, made=1) == Refused("EINVAL")


def test_unset_container_leaves_the_table_to_the_other_groups(ready: Callable[[str], Bench]) -> None:
    """Only the last to leave destroys it."""
    bench = ready(SYSTEM)
    bench.do("open_group", process=0, file=3, group=1)
    bench.do("set_container", process=0, file=3, other=1)

    bench.do("unset_container", process=0, file=0)

    assert bench.see("container_table", 0) == "tb0"
    assert bench.see("table_reached", 1) == "tb0"
    assert bench.see("table_reached", 0) == "none"


def test_set_iommu_refuses_an_empty_container(bench: Bench) -> None:
    """EINVAL: there is nothing to attach."""
    assert bench.do("set_iommu", process=0, file=1, type=TYPE1, made=0) == Refused("EINVAL")


def test_set_iommu_refuses_a_second_driver(ready: Callable[[str], Bench]) -> None:
    """EINVAL comes before the type is looked at."""
    bench = ready(SYSTEM)

    assert bench.do("set_iommu", process=0, file=1, type=UNSUPPORTED, made=1) == Refused("EINVAL")


def test_set_iommu_refuses_an_unsupported_type(bench: Bench) -> None:
    """ENODEV: no driver says that it knows the type."""
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("set_iommu", process=0, file=1, type=UNSUPPORTED, made=0) == Refused("ENODEV")


def test_set_iommu_refuses_no_iommu_for_real_groups(bench: Bench) -> None:
    """ENODEV: the driver without IOMMU is skipped for them."""
    bench.do("set_container", process=0, file=0, other=1)

    assert bench.do("set_iommu", process=0, file=1, type=NO_IOMMU, made=0) == Refused("ENODEV")


def test_set_iommu_refuses_type1_for_groups_without_iommu(bench: Bench) -> None:
    """ENODEV: only the driver without IOMMU takes them."""
    bench.do("set_container", process=0, file=2, other=1)

    assert bench.do("set_iommu", process=0, file=1, type=TYPE1, made=0) == Refused("ENODEV")


def test_set_iommu_refuses_no_iommu_without_rawio(bench: Bench) -> None:
    """EPERM: who set the container does not matter, who asks now does."""
    bench.do("set_container", process=0, file=2, other=1)
    bench.do("pass_file", process=0, file=1, to=1)

    assert bench.do("set_iommu", process=1, file=1, type=NO_IOMMU, made=0) == Refused("EPERM")


def test_set_iommu_without_iommu_attaches_nothing(bench: Bench) -> None:
    """The container has a driver, the group reaches no table."""
    bench.do("set_container", process=0, file=2, other=1)

    assert bench.do("set_iommu", process=0, file=1, type=NO_IOMMU, made=0) == Done()

    assert bench.see("container_table", 0) == "tb0"
    assert bench.see("container_no_iommu", 0)
    assert bench.see("table_reached", 2) == "none"


def test_set_iommu_refuses_a_group_attached_elsewhere(ready: Callable[[str], Bench]) -> None:
    """EBUSY needs a group in two lists: two threads passed the first look of SET_CONTAINER."""
    bench = ready(SYSTEM)
    bench.do("unset_container", process=0, file=0)
    bench.begin("th0", "set_container", process=0, file=0, other=1)
    bench.begin("th1", "set_container", process=0, file=0, other=2)
    bench.step("th0")
    bench.step("th0")
    bench.step("th1")
    bench.step("th1")
    bench.do("set_iommu", process=0, file=1, type=TYPE1, made=0)

    assert bench.do("set_iommu", process=0, file=2, type=TYPE1, made=1) == Refused("EBUSY")


@pytest.mark.parametrize("system", ["containers-2012", SYSTEM, "containers-2022", "containers-2022:6.1"])
def test_the_version_of_the_interface_is_0_in_every_state_of_a_container(
    new: Callable[[str], Bench], system: str
) -> None:
    """An empty one, one that holds a group, and one with an IOMMU driver; another file has no version."""
    bench = new(system)
    bench.do("open_group", process=0, file=0, group=0)
    bench.do("open_container", process=0, file=1, made=0)
    told = [bench.do("get_api_version", process=0, file=1)]
    bench.do("set_container", process=0, file=0, other=1)
    told.append(bench.do("get_api_version", process=0, file=1))
    bench.do("set_iommu", process=0, file=1, type=TYPE1, made=0)
    told.append(bench.do("get_api_version", process=0, file=1))

    assert told == [Done((("version", 0),))] * 3
    assert not bench.can("get_api_version", process=0, file=0)


def test_set_container_refuses_a_group_attached_elsewhere(ready: Callable[[str], Bench]) -> None:
    """EBUSY by the IOMMU driver, for the thread that looked before the other one attached the group."""
    bench = ready(SYSTEM)
    bench.do("open_group", process=0, file=3, group=1)
    bench.do("set_container", process=0, file=3, other=2)
    bench.do("set_iommu", process=0, file=2, type=TYPE1, made=1)
    bench.do("unset_container", process=0, file=0)
    bench.begin("th0", "set_container", process=0, file=0, other=2)
    bench.do("set_container", process=0, file=0, other=2)
    bench.step("th0")

    assert bench.step("th0") == Refused("EBUSY")


def test_a_container_outlives_its_file_while_a_group_is_in_it(ready: Callable[[str], Bench]) -> None:
    """Groups keep the container and its table; the last to leave frees both."""
    bench = ready(SYSTEM)

    bench.do("close", process=0, file=1)
    bench.settle()

    assert bench.see("container_references", 0) == 1
    assert bench.see("table_reached", 0) == "tb0"

    bench.do("unset_container", process=0, file=0)

    assert bench.see("container_references", 0) == 0
    assert bench.can("open_container", process=1, file=1, made=0)
