"""Files of 2011 that go in any order, drivers and devices that come and go, processes that end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_metagroups
from tests.reference.rfc2011.calls import (
    DEVICE,
    EBUSY,
    EPERM,
    G0,
    G1,
    G2,
    IOMMU,
    OK,
    close,
    get_device,
    get_iommu,
    map_page,
    merge,
    opened,
    share,
    unmap_page,
)

from tenure.reference.groups import KERNEL, VFIO
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Waiting, WouldBlock


@pytest.mark.parametrize("order", [(G0, IOMMU, DEVICE), (DEVICE, IOMMU, G0), (IOMMU, G0, DEVICE), (DEVICE, G0, IOMMU)])
def test_files_go_in_any_order_and_the_last_one_takes_the_metagroup_along(
    bench: Bench, order: tuple[int, int, int]
) -> None:
    """It is open as long as an iommu or a device file is, and there as long as any."""
    get_iommu(bench, G0)
    get_device(bench, G0, 0)
    map_page(bench, 0)

    close(bench, *order[:2])
    left = order[2]
    assert bench.see("metagroup_exists", 0)
    assert bench.see("metagroup_open", 0) == (left != G0)

    close(bench, left)
    assert not bench.see("metagroup_exists", 0)
    assert (bench.see("metagroup_of", 0), bench.see("device_attached", 0)) == ("none", "none")
    assert bench.see("pages_charged", 0) == 0


def test_the_last_file_of_use_closes_and_leaves_the_groups_merged(bench: Bench) -> None:
    """Closed is unbound: any process may open it then."""
    merge(bench, G0, G1)
    get_iommu(bench, G0)
    share(bench, G0, G1)
    assert get_iommu(bench, G1, process=1, made=DEVICE) == EPERM

    close(bench, IOMMU)

    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["mg0", "mg0"]
    assert bench.see("metagroup_mm", 0) == "none"
    assert get_iommu(bench, G1, process=1) == OK
    assert bench.see("metagroup_mm", 0) == "p1"


def test_the_last_file_of_any_group_dissolves_what_was_merged(bench: Bench) -> None:
    """Every group is on its own again."""
    merge(bench, G0, G1)

    close(bench, G0)
    assert bench.see("metagroup_of", 0) == "mg0"
    close(bench, G1)

    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["none", "none"]
    assert not bench.see("metagroup_exists", 0)


def test_a_file_that_another_process_has_is_not_released(bench: Bench) -> None:
    """With the last fd it is."""
    share(bench, G0)

    close(bench, G0)
    assert bench.see("metagroup_exists", 0)
    close(bench, G0, process=1)

    assert not bench.see("metagroup_exists", 0)


def test_an_unbind_sleeps_until_nobody_uses_the_metagroup(bench: Bench) -> None:
    """A device of another group of it counts too; a group file does not."""
    merge(bench, G0, G1)
    get_device(bench, G0, 1)

    assert bench.begin(None, "unbind_driver", device=0) == Waiting()
    close(bench, DEVICE)

    assert bench.step("d0") == OK
    assert bench.see("device_driver", 0) == "none"


def test_an_unbind_as_a_whole_call_says_that_it_would_sleep(bench: Bench) -> None:
    """And changes nothing."""
    get_iommu(bench, G0)

    with pytest.raises(WouldBlock):
        bench.do("unbind_driver", device=0)
    assert bench.see("device_driver", 0) == "vfio"


def test_no_driver_of_the_kernel_takes_a_device_of_an_open_metagroup(bench: Bench) -> None:
    """EBUSY; VFIO's driver may, and elsewhere any."""
    bench.do("unbind_driver", device=3)
    bench.do("remove_device", device=3)
    get_iommu(bench, G2)
    bench.do("add_device", device=3)

    assert bench.see("device_attached", 3) == "mg2"
    assert bench.do("bind_driver", device=3, to=KERNEL) == EBUSY
    assert bench.do("get_iommu_fd", process=0, file=G2, made=DEVICE, fails=0) == EBUSY
    assert bench.do("bind_driver", device=3, to=VFIO) == OK


def test_the_last_device_takes_a_group_that_nobody_has_open_out_of_its_metagroup(bench: Bench) -> None:
    """The others stay."""
    merge(bench, G0, G1)
    close(bench, G1)
    bench.do("unbind_driver", device=1)

    assert bench.do("remove_device", device=1) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["mg0", "none"]


def test_a_group_that_has_a_device_left_stays_in_its_metagroup() -> None:
    """Though nobody has it open."""
    bench = opened(Bench(Kernel("rfc2011", replace(of_metagroups(), coherent=(True,) * 3))))
    merge(bench, G0, G2)
    close(bench, G2)
    bench.do("unbind_driver", device=3)

    assert bench.do("remove_device", device=3) == OK
    assert bench.see("metagroup_of", 2) == "mg0"


def test_a_group_without_devices_leaves_a_metagroup_that_is_used(bench: Bench) -> None:
    """Nobody has it open; what is used is of the others."""
    merge(bench, G0, G1)
    bench.do("unbind_driver", device=1)
    bench.do("remove_device", device=1)
    get_iommu(bench, G0)
    close(bench, G1)
    bench.do("add_device", device=1)

    assert bench.do("remove_device", device=1) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["mg0", "none"]
    bench.do("add_device", device=1)
    assert (bench.see("metagroup_open", 0), bench.see("device_attached", 1)) == (True, "none")


def test_an_exit_closes_everything_and_gives_back_what_was_paid(bench: Bench) -> None:
    """Whatever order the releases have."""
    merge(bench, G0, G1)
    get_iommu(bench, G0)
    get_device(bench, G0, 1)
    map_page(bench, 0)

    bench.do("exit_process", process=0)
    bench.settle()

    assert not any(bench.see("metagroup_exists", one) for one in range(3))
    assert bench.see("pages_charged", 0) == 0
    assert [bench.see("file_kind", f) for f in range(5)] == ["closed"] * 5


def test_a_metagroup_stays_bound_to_the_memory_of_a_process_that_is_gone(bench: Bench) -> None:
    """Who has its files may close them, and do nothing else, and nobody gets the name of who is gone."""
    get_iommu(bench, G0)
    map_page(bench, 0)
    share(bench, G0, IOMMU)

    bench.do("exit_process", process=0)
    bench.settle()

    assert (bench.see("metagroup_mm", 0), bench.see("page_payer", 0)) == ("p0", "p0")
    assert get_iommu(bench, G0, process=1, made=DEVICE) == EPERM
    assert unmap_page(bench, 0, process=1) == EPERM
    assert not bench.can("fork", process=1, child=0)
    assert not bench.can("pass_file", process=1, file=G0, to=0)
    close(bench, IOMMU, process=1)
    assert (bench.see("metagroup_mm", 0), bench.see("pages_charged", 0)) == ("none", 0)


def test_a_child_has_the_files_and_not_the_memory(bench: Bench) -> None:
    """EPERM for all that it asks."""
    get_iommu(bench, G0)

    assert bench.do("fork", process=0, child=1) == OK
    assert map_page(bench, 0, process=1) == EPERM
    assert get_device(bench, G0, 0, process=1) == EPERM
