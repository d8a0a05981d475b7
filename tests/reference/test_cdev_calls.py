"""Device files that are opened by themselves in the reference: bound in the kernel's order of tests, attached, given back."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_cdevs

from tenure.reference.cdev_calls import TOKEN, TOO_LONG, UNREADABLE, UNWRITABLE, WELL_FORMED
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.types import NONE

IOMMUFD, SECOND, DEVICE, BESIDE, EMULATED, GROUP = range(6)
"""The files: two iommufds, one of each device, and what is opened besides."""

IOAS, OTHER = range(2)

E2BIG, EBADF, EBADFD, EBUSY, EFAULT, EINVAL, ENODEV, ENOENT, ENOTTY, EPERM = map(
    Refused,
    ("E2BIG", "EBADF", "EBADFD", "EBUSY", "EFAULT", "EINVAL", "ENODEV", "ENOENT", "ENOTTY", "EPERM"),
)

WITH_GROUPS, WITHOUT = "cdev", "cdev-no-group"


def bench_of(system: str) -> Bench:
    """A machine on which two iommufds with an IO address space each and a file of each device are open."""
    made = Bench(Kernel(system, of_cdevs()))
    for file, table in ((IOMMUFD, IOAS), (SECOND, OTHER)):
        made.do("open_iommufd", process=0, file=file)
        made.do("ioas_alloc", process=0, file=file, made=table)
    for file, device in ((DEVICE, 0), (BESIDE, 1), (EMULATED, 2)):
        made.do("open_cdev", process=0, file=file, device=device)
    return made


@pytest.fixture(params=[WITH_GROUPS, WITHOUT])
def bench(request: pytest.FixtureRequest) -> Bench:
    """With groups and without them."""
    return bench_of(request.param)


def bind(bench: Bench, file: int, other: int = IOMMUFD, request: int = WELL_FORMED) -> object:
    """BIND by the first process."""
    return bench.do("bind", process=0, file=file, other=other, request=request)


def attach(bench: Bench, file: int, obj: int = IOAS) -> object:
    """ATTACH by the first process."""
    return bench.do("attach", process=0, file=file, obj=obj)


def close(bench: Bench, file: int) -> None:
    """The only fd goes, and with it the file."""
    bench.do("close", process=0, file=file)
    bench.settle()


def test_a_file_gives_no_access_before_it_is_bound(bench: Bench) -> None:
    """EINVAL for every ioctl but BIND."""
    assert bench.do("get_info", process=0, file=DEVICE) == EINVAL
    assert attach(bench, DEVICE) == EINVAL
    assert bench.do("detach", process=0, file=DEVICE) == EINVAL

    assert bind(bench, DEVICE) == Done()

    assert bench.do("get_info", process=0, file=DEVICE) == Done()


def test_bind_refuses_in_the_order_of_the_kernel(bench: Bench) -> None:
    """What is wrong with the request comes first, then the file, then the fd."""
    assert bind(bench, DEVICE, GROUP, UNREADABLE) == EFAULT
    assert bind(bench, DEVICE, GROUP, TOO_LONG) == E2BIG
    assert bind(bench, DEVICE, NONE) == EINVAL
    assert bind(bench, DEVICE, GROUP, TOKEN) == EINVAL
    assert bind(bench, DEVICE, GROUP) == EBADF
    assert bind(bench, DEVICE, BESIDE) == EBADFD


def test_a_bind_whose_answer_cannot_be_written_leaves_nothing_behind(bench: Bench) -> None:
    """EFAULT, and everything is as before."""
    before = bench.kernel.snapshot()

    assert bind(bench, DEVICE, request=UNWRITABLE) == EFAULT

    assert bench.kernel.snapshot() == before


def test_a_device_is_bound_once(bench: Bench) -> None:
    """The same file again, and another file of the device: EINVAL, to whatever iommufd."""
    bench.do("open_cdev", process=0, file=GROUP, device=0)
    assert bind(bench, DEVICE) == Done()

    assert [bind(bench, DEVICE), bind(bench, GROUP), bind(bench, GROUP, SECOND)] == [EINVAL] * 3


def test_an_iommufd_shares_a_group_with_itself_alone(bench: Bench) -> None:
    """Two devices of one group: one iommufd counts twice, another is refused with EPERM."""
    assert bind(bench, DEVICE) == Done()

    assert bind(bench, BESIDE, SECOND) == EPERM
    assert bind(bench, BESIDE) == Done()

    assert bench.see("owner_count", 0) == 2
    assert bench.see("dma_owner_iommufd", 0) == f"f{IOMMUFD}"


def test_an_emulated_device_claims_nothing(bench: Bench) -> None:
    """It is bound and attached, and its group is nobody's."""
    assert bind(bench, EMULATED) == Done()
    assert attach(bench, EMULATED) == Done()

    assert bench.see("device_ioas", 2) == f"tb{IOAS}"
    assert (bench.see("owner_count", 1), bench.see("table_reached", 1)) == (0, "none")


def test_devices_of_a_group_are_attached_to_one_address_space_and_move_together(bench: Bench) -> None:
    """EINVAL for another one; a replace takes both along, and frees the first for DESTROY."""
    more = bench.do("open_iommufd", process=0, file=GROUP), bench.do("destroy", process=0, file=SECOND, obj=OTHER)
    assert more == (Done(), Done())
    bench.do("ioas_alloc", process=0, file=IOMMUFD, made=OTHER)
    for file in (DEVICE, BESIDE):
        assert bind(bench, file) == Done()
    assert attach(bench, DEVICE) == Done()
    assert attach(bench, BESIDE, OTHER) == EINVAL
    assert attach(bench, BESIDE) == Done()
    assert bench.do("destroy", process=0, file=IOMMUFD, obj=IOAS) == EBUSY

    assert attach(bench, BESIDE, OTHER) == Done()

    assert [bench.see("device_ioas", d) for d in (0, 1)] == [f"tb{OTHER}"] * 2
    assert bench.do("destroy", process=0, file=IOMMUFD, obj=IOAS) == Done()


def test_a_device_is_attached_to_what_is_its_iommufds(bench: Bench) -> None:
    """ENOENT for the IO address space of another."""
    bind(bench, DEVICE)

    assert attach(bench, DEVICE, OTHER) == ENOENT


def test_a_bound_device_keeps_its_iommufd(bench: Bench) -> None:
    """The user's fd goes, the device works on; with the device's file goes everything."""
    bind(bench, DEVICE)
    attach(bench, DEVICE)

    close(bench, IOMMUFD)
    assert bench.see("file_kind", IOMMUFD) == "iommufd"
    assert bench.do("get_info", process=0, file=DEVICE) == Done()

    close(bench, DEVICE)
    assert bench.see("file_kind", IOMMUFD) == "closed"
    assert bench.see("table_iommufd", IOAS) == "none"
    assert (bench.see("dma_owner", 0), bench.see("dma_blocked", 0)) == ("none", False)


def test_an_open_group_and_a_bound_device_keep_each_other_away() -> None:
    """EBUSY in both directions, whichever device of the group it is."""
    bench = bench_of(WITH_GROUPS)
    assert bind(bench, DEVICE) == Done()
    assert bench.do("open_group", process=0, file=GROUP, group=0) == EBUSY

    close(bench, DEVICE)
    assert bench.do("open_group", process=0, file=GROUP, group=0) == Done()
    assert bind(bench, BESIDE) == EBUSY


def test_a_bind_that_will_fail_keeps_the_group_away_meanwhile() -> None:
    """Between its steps a group cannot be opened; afterwards it can."""
    bench = bench_of(WITH_GROUPS)
    assert bench.begin("th0", "bind", process=0, file=DEVICE, other=BESIDE, request=0) == Paused("bind.bind")
    assert bench.do("open_group", process=0, file=GROUP, group=0) == EBUSY
    assert bench.step("th0") == Paused("bind.unblock")

    assert bench.step("th0") == EBADFD

    assert bench.do("open_group", process=0, file=GROUP, group=0) == Done()


def test_a_file_of_the_group_path_is_neither_bound_nor_attached() -> None:
    """It gives access at once; BIND is EINVAL, and ATTACH goes to the driver: ENOTTY."""
    bench = bench_of(WITH_GROUPS)
    close(bench, SECOND)
    close(bench, EMULATED)
    bench.do("open_group", process=0, file=GROUP, group=0)
    bench.do("open_container", process=0, file=SECOND, made=0)
    bench.do("set_container", process=0, file=GROUP, other=SECOND)
    bench.do("set_iommu", process=0, file=SECOND, type=0, made=OTHER)

    assert bench.do("get_device_fd", process=0, file=GROUP, device=0, made=EMULATED) == Done()

    assert bench.do("get_info", process=0, file=EMULATED) == Done()
    assert bind(bench, EMULATED) == EINVAL
    assert attach(bench, EMULATED) == ENOTTY


def test_a_device_that_leaves_its_driver_waits_for_its_files(bench: Bench) -> None:
    """No file of it is opened any more; those that are open are waited for."""
    assert bench.begin(None, "unbind_driver", device=0) == Paused("unbind_driver.wait_device")
    assert bench.do("open_cdev", process=0, file=GROUP, device=0) == ENODEV
    assert bind(bench, DEVICE) == Done()
