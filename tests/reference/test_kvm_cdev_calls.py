"""VMs that keep device files in the reference: told by FILE_ADD, counted from BIND to close, and a circle before its cure."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_cdevs

from tenure.reference.cdev_calls import UNWRITABLE, WELL_FORMED
from tenure.reference.kernel import Kernel
from tenure.vocabulary.answers import Done, Refused

TODAY, BEFORE = "cdev-no-group", "cdev-no-group:before-cycle-fix"
IOMMUFD, FIRST, SECOND, VM, LIST, UNUSED = range(6)
"""The files: an iommufd, two of a device, a VM, and its KVM VFIO device."""


def bench_of(system: str) -> Bench:
    """A machine where an iommufd, two files of device d0, vm0 and its KVM VFIO device are open."""
    made = Bench(Kernel(system, of_cdevs()))
    made.do("open_iommufd", process=0, file=IOMMUFD)
    for file in (FIRST, SECOND):
        made.do("open_cdev", process=0, file=file, device=0)
    made.do("create_vm", process=0, file=VM, made=0)
    made.do("create_kvm_vfio", process=0, file=VM, made=LIST)
    return made


@pytest.fixture
def bench() -> Bench:
    """As today."""
    return bench_of(TODAY)


def add(bench: Bench, file: int) -> object:
    """FILE_ADD by the first process, which is the VM's."""
    return bench.do("file_add", process=0, file=LIST, other=file, entry=0)


def bind(bench: Bench, file: int, request: int = WELL_FORMED) -> object:
    """BIND by the first process."""
    return bench.do("bind", process=0, file=file, other=IOMMUFD, request=request)


def counted(bench: Bench) -> tuple[object, object]:
    """The VM to which the device points, and the references to the VM."""
    return bench.see("device_kvm", 0), bench.see("vm_references", 0)


def test_a_bind_counts_for_the_vm_that_its_file_was_told_of(bench: Bench) -> None:
    """Besides its file and that of its KVM VFIO device, until the device is closed."""
    assert add(bench, FIRST) == Done()
    assert (bench.see("file_kvm", FIRST), bench.see("entry_cdev", 0)) == ("vm0", f"f{FIRST}")
    assert counted(bench) == ("none", 2)

    assert bind(bench, FIRST) == Done()
    assert counted(bench) == ("vm0", 3)

    bench.do("file_del", process=0, file=LIST, other=FIRST)
    assert (bench.see("file_kvm", FIRST), *counted(bench)) == ("none", "vm0", 3)
    bench.do("close", process=0, file=FIRST)
    bench.settle()
    assert counted(bench) == ("none", 2)


def test_what_a_bound_file_is_told_nobody_reads(bench: Bench) -> None:
    """Its device counts for no VM."""
    bind(bench, FIRST)

    assert add(bench, FIRST) == Done()
    assert counted(bench) == ("none", 2)


def test_a_bind_that_cannot_answer_gives_the_reference_back(bench: Bench) -> None:
    """EFAULT."""
    add(bench, FIRST)

    assert bind(bench, FIRST, UNWRITABLE) == Refused("EFAULT")
    assert counted(bench) == ("none", 2)


def test_a_bind_that_is_refused_leaves_every_reference_as_it_was(bench: Bench) -> None:
    """Another file of the device is bound; the device counts for its VM as before."""
    add(bench, FIRST)
    bind(bench, FIRST)

    assert bind(bench, SECOND) == Refused("EINVAL")
    assert counted(bench) == ("vm0", 3)


@pytest.mark.parametrize(("system", "opens", "references"), [(TODAY, 0, 0), (BEFORE, 1, 1)])
def test_a_list_that_goes_with_its_vm_closes_a_circle(system: str, opens: int, references: int) -> None:
    """The process is gone: today everything is; before, device file, VM and list keep one another."""
    bench = bench_of(system)
    add(bench, FIRST)
    bind(bench, FIRST)

    bench.do("exit_process", process=0)
    bench.settle()

    assert bench.kernel.pending() == []
    assert (bench.see("device_opens", 0), bench.see("vm_references", 0)) == (opens, references)
    assert bench.see("file_kind", FIRST) == ("device" if opens else "closed")


BESIDE = "cdev:vms"
GROUP = UNUSED


def test_a_list_that_keeps_a_groups_file_keeps_device_files_from_being_bound() -> None:
    """The user's fd of the group is gone, and the group is open: BIND is refused until the entry goes."""
    bench = bench_of(BESIDE)
    bench.do("open_group", process=0, file=GROUP, group=0)
    assert add(bench, GROUP) == Done()
    bench.do("close", process=0, file=GROUP)
    bench.settle()

    assert bind(bench, FIRST) == Refused("EBUSY")
    assert (bench.see("group_kvm", 0), bench.see("entry_group", 0)) == ("vm0", "g0")

    bench.do("close", process=0, file=LIST)
    bench.settle()
    assert bind(bench, FIRST) == Done()
    assert (bench.see("group_kvm", 0), *counted(bench)) == ("none", "none", 1)


def test_a_list_that_keeps_a_bound_device_file_keeps_its_group_from_being_opened() -> None:
    """The fds of the device and of the VM are gone: EBUSY until that of the KVM VFIO device is."""
    bench = bench_of(BESIDE)
    add(bench, FIRST)
    bind(bench, FIRST)
    for file in (FIRST, SECOND, VM):
        bench.do("close", process=0, file=file)
    bench.settle()

    assert bench.do("open_group", process=0, file=GROUP, group=0) == Refused("EBUSY")
    assert counted(bench) == ("vm0", 2)

    bench.do("close", process=0, file=LIST)
    bench.settle()
    assert bench.do("open_group", process=0, file=GROUP, group=0) == Done()
    assert (bench.see("vm_exists", 0), *counted(bench)) == (False, "none", 0)


def test_a_file_whose_fds_are_gone_is_in_the_list_until_that_goes() -> None:
    """DEL takes an fd, and there is none: only the close of the KVM VFIO device lets the group go."""
    bench = bench_of(BESIDE)
    bench.do("open_group", process=0, file=GROUP, group=0)
    add(bench, GROUP)
    bench.do("close", process=0, file=GROUP)
    bench.settle()

    assert bench.do("file_del", process=0, file=LIST, other=GROUP) == Refused("EBADF")
    assert bench.see("group_kvm", 0) == "vm0"
    assert bind(bench, FIRST) == Refused("EBUSY")
