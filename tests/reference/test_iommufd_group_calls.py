"""Groups that use iommufds in the reference: what stands for a container, devices that their group binds, what each close gives back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_cdevs

from tenure.reference.cdev_calls import WELL_FORMED
from tenure.reference.kernel import Configuration, Died, Kernel
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.objects import TABLE
from tenure.vocabulary.types import NONE

IOMMUFD, SECOND, GROUP, DEVICE, BESIDE, FREE = range(6)
"""The files: two iommufds, that of a group, those of its devices, and what is opened besides."""

SPACE, OTHER = range(2)

EBADF, EBADFD, EBUSY, EINVAL, ENODEV, ENOENT, EPERM = map(
    Refused, ("EBADF", "EBADFD", "EBUSY", "EINVAL", "ENODEV", "ENOENT", "EPERM")
)


def bench_of(configuration: Configuration) -> Bench:
    """A machine on which two iommufds and the file of a group are open."""
    made = Bench(Kernel("cdev-no-container", configuration))
    made.do("open_iommufd", process=0, file=IOMMUFD)
    made.do("open_iommufd", process=0, file=SECOND)
    made.do("open_group", process=0, file=GROUP, group=0)
    return made


@pytest.fixture
def bench() -> Bench:
    """Two devices of a group, on VFIO's driver, that an IOMMU isolates."""
    return bench_of(of_cdevs())


def without_iommu(*, privileged: bool) -> Bench:
    """The same where no IOMMU isolates the group; the group's file is that of the first process, which is privileged."""
    made = bench_of(replace(of_cdevs(), no_iommu=(True, False), rawio=(True, False), emulated=(False,) * 3))
    if not privileged:
        made.do("pass_file", process=0, file=GROUP, to=1)
    return made


def uses(bench: Bench, other: int = IOMMUFD, made: int = SPACE) -> Answer | Died:
    """SET_CONTAINER by the first process."""
    return bench.do("set_container", process=0, file=GROUP, other=other, made=made)


def opens(bench: Bench, device: int = 0, made: int = DEVICE, process: int = 0) -> Answer | Died:
    """GET_DEVICE_FD."""
    return bench.do("get_device_fd", process=process, file=GROUP, device=device, made=made)


def close(bench: Bench, file: int) -> None:
    """The only fd goes, and with it the file."""
    bench.do("close", process=0, file=file)
    bench.settle()


def test_a_group_uses_one_iommufd_at_a_time(bench: Bench) -> None:
    """EBADF, EBADFD; then EINVAL until UNSET_CONTAINER, which is EINVAL where there is nothing to let go."""
    assert bench.do("unset_container", process=0, file=GROUP) == EINVAL
    assert [uses(bench, other) for other in (NONE, FREE, GROUP)] == [EBADF, EBADF, EBADFD]

    assert uses(bench) == Done()

    assert bench.see("file_uses", GROUP) == f"f{IOMMUFD}"
    assert uses(bench, SECOND, OTHER) == EINVAL
    assert bench.do("unset_container", process=0, file=GROUP) == Done()
    assert uses(bench, SECOND, OTHER) == Done()


def test_an_io_address_space_is_made_once_for_an_iommufd(bench: Bench) -> None:
    """The next group, or the same again, finds it; what is destroyed stands for nothing, and is made anew."""
    uses(bench)
    assert bench.do("get_vfio_ioas", process=0, file=IOMMUFD) == Done((("ioas", TABLE.element(SPACE)),))
    bench.do("unset_container", process=0, file=GROUP)
    assert uses(bench, made=OTHER) == Done()
    assert bench.see("table_iommufd", OTHER) == "none"
    bench.do("unset_container", process=0, file=GROUP)

    assert bench.do("destroy", process=0, file=IOMMUFD, obj=SPACE) == Done()

    assert bench.do("get_vfio_ioas", process=0, file=IOMMUFD) == ENODEV
    assert uses(bench, made=OTHER) == Done()
    assert bench.see("file_compat_ioas", IOMMUFD) == f"tb{OTHER}"


def test_a_user_says_which_io_address_space_stands_for_a_container(bench: Bench) -> None:
    """ENOENT for one of another iommufd; with none a device that is opened first is ENODEV."""
    uses(bench)
    bench.do("ioas_alloc", process=0, file=SECOND, made=OTHER)
    assert bench.do("set_vfio_ioas", process=0, file=IOMMUFD, obj=OTHER) == ENOENT
    assert bench.do("clear_vfio_ioas", process=0, file=IOMMUFD) == Done()
    before = bench.kernel.snapshot()

    assert opens(bench) == ENODEV

    assert bench.kernel.snapshot() == before
    assert bench.do("set_vfio_ioas", process=0, file=IOMMUFD, obj=SPACE) == Done()
    assert opens(bench) == Done()


def test_the_first_open_binds_and_attaches_and_others_count(bench: Bench) -> None:
    """Nobody claims anything at SET_CONTAINER; the claim is the device's, and the file gives access at once."""
    assert opens(bench) == EINVAL
    uses(bench)
    assert (bench.see("dma_owner", 0), bench.see("owner_count", 0)) == ("none", 0)

    assert (opens(bench), opens(bench, made=BESIDE)) == (Done(), Done())

    assert (bench.see("owner_count", 0), bench.see("device_opens", 0)) == (1, 2)
    assert bench.see("device_iommufd", 0) == f"f{IOMMUFD}"
    assert bench.see("table_reached", 0) == f"tb{SPACE}"
    assert bench.do("get_info", process=0, file=DEVICE) == Done()
    assert bench.do("destroy", process=0, file=IOMMUFD, obj=SPACE) == EBUSY


def test_devices_of_a_group_are_opened_to_one_io_address_space(bench: Bench) -> None:
    """EINVAL where something else stands for a container now, and everything is as before."""
    uses(bench)
    opens(bench)
    bench.do("ioas_alloc", process=0, file=IOMMUFD, made=OTHER)
    bench.do("set_vfio_ioas", process=0, file=IOMMUFD, obj=OTHER)
    before = bench.kernel.snapshot()

    assert opens(bench, device=1, made=BESIDE) == EINVAL

    assert bench.kernel.snapshot() == before


def test_a_group_that_another_owns_is_refused(bench: Bench) -> None:
    """EPERM for the second iommufd while a device is bound to the first; and GET_STATUS says viable all the same."""
    uses(bench)
    opens(bench)
    bench.do("unset_container", process=0, file=GROUP)
    status = bench.do("get_status", process=0, file=GROUP)
    assert status == Done((("viable", False), ("container_set", False)))
    assert uses(bench, SECOND, OTHER) == Done()

    assert opens(bench, device=1, made=BESIDE) == EPERM

    status = bench.do("get_status", process=0, file=GROUP)
    assert status == Done((("viable", True), ("container_set", True)))


def test_a_device_that_is_not_fit_is_not_opened() -> None:
    """EINVAL without enforced coherency, EPERM without isolated interrupts."""
    bench = bench_of(replace(of_cdevs(), coherent=(False, True, True), isolated=(True, False, True)))
    uses(bench)

    assert [opens(bench, device) for device in (0, 1)] == [EINVAL, EPERM]
    assert bench.see("owner_count", 0) == 0


def test_a_device_outlasts_the_file_of_its_group(bench: Bench) -> None:
    """The group lets its iommufd go, the device does not; its own file is refused then, another device's is bound beside it."""
    uses(bench)
    opens(bench)
    close(bench, GROUP)
    close(bench, IOMMUFD)
    assert bench.see("file_kind", IOMMUFD) == "iommufd"
    assert bench.do("get_info", process=0, file=DEVICE) == Done()
    for file, device in ((GROUP, 0), (BESIDE, 1)):
        bench.do("open_cdev", process=0, file=file, device=device)
    request = {"process": 0, "request": WELL_FORMED}
    assert bench.do("bind", file=GROUP, other=SECOND, **request) == EINVAL
    assert bench.do("bind", file=BESIDE, other=SECOND, **request) == EPERM

    close(bench, DEVICE)

    assert bench.see("file_kind", IOMMUFD) == "closed"
    assert (bench.see("dma_owner", 0), bench.see("table_reached", 0)) == ("none", "none")
    assert bench.do("bind", file=BESIDE, other=SECOND, **request) == Done()


def test_the_last_close_gives_the_device_back(bench: Bench) -> None:
    """Not the first of two."""
    uses(bench)
    opens(bench)
    opens(bench, made=BESIDE)

    close(bench, DEVICE)
    assert (bench.see("device_iommufd", 0), bench.see("owner_count", 0)) == (f"f{IOMMUFD}", 1)

    close(bench, BESIDE)
    assert (bench.see("device_iommufd", 0), bench.see("owner_count", 0)) == ("none", 0)


def test_an_iommufd_is_for_groups_of_one_kind() -> None:
    """A group without IOMMU is EINVAL where an IO address space stands for a container, another where none ever will."""
    bench = without_iommu(privileged=True)
    bench.do("open_group", process=0, file=FREE, group=1)
    bench.do("ioas_alloc", process=0, file=SECOND, made=OTHER)
    bench.do("set_vfio_ioas", process=0, file=SECOND, obj=OTHER)

    assert uses(bench, SECOND) == EINVAL
    assert uses(bench) == Done()
    assert bench.do("set_container", process=0, file=FREE, other=IOMMUFD, made=SPACE) == EINVAL
    assert bench.do("set_container", process=0, file=FREE, other=SECOND, made=SPACE) == Done()

    assert bench.see("file_no_iommu_mode", IOMMUFD) is True
    assert (bench.see("file_compat_ioas", IOMMUFD), bench.see("table_iommufd", SPACE)) == ("none", "none")


def test_a_device_without_iommu_is_opened_by_the_privileged_alone() -> None:
    """EPERM otherwise, and where an IO address space stands for a container; it is bound to nothing and attached to nothing."""
    bench = without_iommu(privileged=False)
    uses(bench)
    assert opens(bench, process=1) == EPERM

    assert opens(bench) == Done()
    assert (bench.see("device_iommufd", 0), bench.see("owner_count", 0)) == ("none", 0)
    close(bench, DEVICE)

    bench.do("ioas_alloc", process=0, file=IOMMUFD, made=OTHER)
    bench.do("set_vfio_ioas", process=0, file=IOMMUFD, obj=OTHER)
    assert opens(bench) == EPERM


def test_a_group_whose_last_device_goes_uses_its_iommufd_on(bench: Bench) -> None:
    """SET_CONTAINER is EINVAL until it lets go, then ENODEV; so is GET_STATUS."""
    uses(bench)
    for device in (0, 1):
        bench.do("unbind_driver", device=device)
    assert bench.see("file_group", GROUP) == "none"
    assert bench.see("file_uses", GROUP) == f"f{IOMMUFD}"
    assert (uses(bench, made=OTHER), opens(bench)) == (EINVAL, ENODEV)
    assert bench.do("get_status", process=0, file=GROUP) == ENODEV

    assert bench.do("unset_container", process=0, file=GROUP) == Done()

    assert uses(bench, made=OTHER) == ENODEV
