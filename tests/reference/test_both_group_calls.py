"""Groups that have a container or an iommufd in the reference: either file is taken, the call goes the way of what the group has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_cdevs

from tenure.reference.cdev_calls import WELL_FORMED
from tenure.reference.kernel import Died, Kernel
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.types import NONE

IOMMUFD, CONTAINER, GROUP, DEVICE, BESIDE, FREE = range(6)
"""The files: an iommufd, a container, that of a group, those of its devices, and a name that is free."""
VM, LIST = DEVICE, FREE

SPACE, TABLE = range(2)
"""The IO address space that stands for a container, and the table of the container."""

EBADF, EBADFD, EBUSY, EINVAL, ENODEV, EPERM = map(Refused, ("EBADF", "EBADFD", "EBUSY", "EINVAL", "ENODEV", "EPERM"))


@pytest.fixture
def bench() -> Bench:
    """Two devices of a group; an iommufd, a container and the file of the group are open."""
    made = Bench(Kernel("cdev:iommufd-as-container", replace(of_cdevs(), emulated=(False,) * 3)))
    made.do("open_iommufd", process=0, file=IOMMUFD)
    made.do("open_container", process=0, file=CONTAINER, made=0)
    made.do("open_group", process=0, file=GROUP, group=0)
    return made


def gets(bench: Bench, other: int) -> Answer | Died:
    """SET_CONTAINER, with the first name of a table that is unused."""
    unused = next(table.index for table in bench.kernel.machine.tables if not table.alive)
    return bench.do("set_container", process=0, file=GROUP, other=other, made=unused)


def leaves(bench: Bench) -> Answer | Died:
    """UNSET_CONTAINER."""
    return bench.do("unset_container", process=0, file=GROUP)


def places(bench: Bench) -> None:
    """The group is in the container, which has an IOMMU driver."""
    gets(bench, CONTAINER)
    bench.do("set_iommu", process=0, file=CONTAINER, type=0, made=TABLE)


def opens(bench: Bench, device: int = 0, made: int = DEVICE) -> Answer | Died:
    """GET_DEVICE_FD."""
    return bench.do("get_device_fd", process=0, file=GROUP, device=device, made=made)


def close(bench: Bench, file: int) -> None:
    """The only fd goes, and with it the file, if nothing keeps that."""
    bench.do("close", process=0, file=file)
    bench.settle()


def binds(bench: Bench, file: int) -> Answer | Died:
    """BIND to the iommufd."""
    return bench.do("bind", process=0, file=file, other=IOMMUFD, request=WELL_FORMED)


def test_set_container_takes_either_kind_of_file_and_no_other(bench: Bench) -> None:
    """EBADF for no file at all, EBADFD for a file of another kind."""
    assert [gets(bench, other) for other in (NONE, FREE, GROUP)] == [EBADF, EBADF, EBADFD]

    assert gets(bench, IOMMUFD) == Done()
    assert (bench.see("file_uses", GROUP), bench.see("container_of", 0)) == (f"f{IOMMUFD}", "none")
    assert bench.see("file_compat_ioas", IOMMUFD) == f"tb{SPACE}"
    assert leaves(bench) == Done()

    assert gets(bench, CONTAINER) == Done()
    assert (bench.see("file_uses", GROUP), bench.see("container_of", 0)) == ("none", "c0")


@pytest.mark.parametrize("first", [IOMMUFD, CONTAINER])
@pytest.mark.parametrize("second", [IOMMUFD, CONTAINER])
def test_a_group_has_one_of_either(bench: Bench, first: int, second: int) -> None:
    """EINVAL, whichever it has and whichever it is given; and where it has neither, of UNSET_CONTAINER and GET_DEVICE_FD."""
    assert (leaves(bench), opens(bench)) == (EINVAL, EINVAL)
    assert gets(bench, first) == Done()
    before = bench.kernel.snapshot()

    assert gets(bench, second) == EINVAL

    assert bench.kernel.snapshot() == before


def test_a_container_claims_the_group_at_once_and_an_iommufd_with_the_first_device(bench: Bench) -> None:
    """Who has either is told that the group is viable."""
    there = Done((("viable", True), ("container_set", True)))
    gets(bench, IOMMUFD)
    assert (bench.see("dma_owner", 0), bench.do("get_status", process=0, file=GROUP)) == ("none", there)
    opens(bench)
    assert (bench.see("dma_owner", 0), bench.see("owner_count", 0)) == ("iommufd", 1)
    close(bench, DEVICE)
    leaves(bench)

    gets(bench, CONTAINER)

    assert (bench.see("dma_owner", 0), bench.do("get_status", process=0, file=GROUP)) == ("group", there)


def test_a_device_is_opened_through_what_its_group_has(bench: Bench) -> None:
    """Through a container it counts there and keeps the file of the group, through an iommufd it is bound and attached."""
    gets(bench, CONTAINER)
    assert opens(bench) == EINVAL  # no IOMMU driver
    bench.do("set_iommu", process=0, file=CONTAINER, type=0, made=TABLE)
    assert opens(bench) == Done()
    assert (bench.see("container_users", 0), bench.see("device_iommufd", 0)) == (2, "none")
    assert bench.see("table_reached", 0) == f"tb{TABLE}"
    close(bench, DEVICE)
    leaves(bench)
    gets(bench, IOMMUFD)

    assert opens(bench) == Done()

    assert (bench.see("container_users", 0), bench.see("device_iommufd", 0)) == (0, f"f{IOMMUFD}")
    assert bench.see("table_reached", 0) == f"tb{SPACE}"


def test_unset_container_asks_for_open_devices_in_a_container_alone(bench: Bench) -> None:
    """EBUSY there; an iommufd is let go, and the device stays bound."""
    places(bench)
    opens(bench)
    assert leaves(bench) == EBUSY
    close(bench, DEVICE)
    leaves(bench)
    gets(bench, IOMMUFD)
    opens(bench)

    assert leaves(bench) == Done()

    assert bench.see("device_iommufd", 0) == f"f{IOMMUFD}"
    assert bench.do("get_info", process=0, file=DEVICE) == Done()


def test_a_group_whose_device_an_iommufd_has_is_put_into_no_container(bench: Bench) -> None:
    """EPERM, until the device is closed."""
    gets(bench, IOMMUFD)
    opens(bench)
    leaves(bench)

    assert gets(bench, CONTAINER) == EPERM

    close(bench, DEVICE)
    assert gets(bench, CONTAINER) == Done()


def test_a_device_in_a_container_keeps_the_file_of_its_group_and_a_bound_one_does_not(bench: Bench) -> None:
    """So the group can be opened again beside the one, and not beside the other."""
    places(bench)
    opens(bench)
    close(bench, GROUP)
    assert bench.do("open_group", process=0, file=BESIDE, group=0) == EBUSY
    close(bench, DEVICE)
    assert bench.do("open_group", process=0, file=GROUP, group=0) == Done()
    gets(bench, IOMMUFD)
    opens(bench)

    close(bench, GROUP)

    assert bench.do("open_group", process=0, file=GROUP, group=0) == Done()
    assert bench.see("file_uses", GROUP) == "none"


@pytest.mark.parametrize("other", [IOMMUFD, CONTAINER])
def test_a_group_and_a_file_of_a_device_keep_each_other_away(bench: Bench, other: int) -> None:
    """EBUSY for BIND while the group's file is open, whichever it has; and for the open of the group while a device is bound."""
    bench.do("open_cdev", process=0, file=BESIDE, device=1)
    gets(bench, other)
    assert binds(bench, BESIDE) == EBUSY
    close(bench, GROUP)

    assert binds(bench, BESIDE) == Done()

    assert bench.do("open_group", process=0, file=GROUP, group=0) == EBUSY


def test_beside_what_its_group_has_bound_a_device_is_bound_to_the_same_iommufd(bench: Bench) -> None:
    """Once the file of the group is closed; each counts once."""
    gets(bench, IOMMUFD)
    opens(bench)
    bench.do("open_cdev", process=0, file=BESIDE, device=1)
    close(bench, GROUP)

    assert binds(bench, BESIDE) == Done()

    assert bench.see("owner_count", 0) == 2
    close(bench, DEVICE)
    assert (bench.see("dma_owner", 0), bench.see("owner_count", 0)) == ("iommufd", 1)


def test_with_its_last_device_a_group_leaves_its_container_and_keeps_its_iommufd(bench: Bench) -> None:
    """Its file is told ENODEV for the one, and EINVAL for the other until it lets that go."""
    gets(bench, CONTAINER)
    for device in (0, 1):
        bench.do("unbind_driver", device=device)
    assert (bench.see("container_references", 0), gets(bench, CONTAINER), leaves(bench)) == (1, ENODEV, EINVAL)
    for device in (0, 1):
        bench.do("bind_driver", device=device, to=1)
    close(bench, GROUP)
    bench.do("open_group", process=0, file=GROUP, group=0)
    gets(bench, IOMMUFD)

    for device in (0, 1):
        bench.do("unbind_driver", device=device)

    assert (bench.see("file_uses", GROUP), gets(bench, CONTAINER)) == (f"f{IOMMUFD}", EINVAL)
    assert (leaves(bench), gets(bench, CONTAINER)) == (Done(), ENODEV)


@pytest.mark.parametrize("other", [IOMMUFD, CONTAINER])
def test_a_first_open_counts_for_the_vm_that_its_group_was_told_of(bench: Bench, other: int) -> None:
    """Through either, and until the last close."""
    bench.do("create_vm", process=0, file=VM, made=0)
    bench.do("create_kvm_vfio", process=0, file=VM, made=LIST)
    bench.do("file_add", process=0, file=LIST, other=GROUP, entry=0)
    close(bench, VM)
    gets(bench, other)
    bench.do("set_iommu", process=0, file=CONTAINER, type=0, made=TABLE)
    assert bench.see("vm_references", 0) == 1

    assert opens(bench) == opens(bench, made=BESIDE) == Done()

    assert (bench.see("device_kvm", 0), bench.see("vm_references", 0)) == ("vm0", 2)
    close(bench, DEVICE)
    assert bench.see("vm_references", 0) == 2
    close(bench, BESIDE)
    assert (bench.see("device_kvm", 0), bench.see("vm_references", 0)) == ("none", 1)


def test_a_first_open_that_is_refused_counts_for_no_vm(bench: Bench) -> None:
    """ENODEV, and everything is as before."""
    bench.do("create_vm", process=0, file=VM, made=0)
    bench.do("create_kvm_vfio", process=0, file=VM, made=LIST)
    bench.do("file_add", process=0, file=LIST, other=GROUP, entry=0)
    gets(bench, IOMMUFD)
    bench.do("clear_vfio_ioas", process=0, file=IOMMUFD)
    before = bench.kernel.snapshot()

    assert opens(bench, made=BESIDE) == ENODEV

    assert bench.kernel.snapshot() == before
