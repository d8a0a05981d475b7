"""Cache coherency as KVM knows it: who is asked, when, and what the VM is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, configuration, of_cdevs

from tenure.reference.kernel import Died, Kernel, Paused
from tenure.vocabulary.answers import Done, Refused

TODAY, GROUP_ONLY, GET_PUT = "kvm-file", "kvm-file:group-only", "kvm-file:get-put"
GROUP_FD, CONTAINER_FD, OTHER_FD, VM_FD, KV_FD, UNUSED = range(6)
TYPE1, NO_IOMMU = range(2)
NO_DRIVER, VFIO = range(2)


def bench_of(system: str, *noncoherent: int) -> Bench:
    """A machine where p0 has g0 (f0), container c0 (f1), g1 (f2), vm0 (f3) and its KVM VFIO device (f4).

    d0 is in g0, d1 and d2 are in g1; d2 has pci-stub. For the devices that are named the IOMMU does not enforce cache coherency.
    """
    coherent = tuple(d not in noncoherent for d in range(5))
    made = Bench(Kernel(system, replace(configuration(), enforced_coherent=coherent)))
    made.do("unbind_driver", device=4)
    for group, file in ((0, GROUP_FD), (1, OTHER_FD)):
        made.do("open_group", process=0, file=file, group=group)
    made.do("open_container", process=0, file=CONTAINER_FD, made=0)
    made.do("create_vm", process=0, file=VM_FD, made=0)
    made.do("create_kvm_vfio", process=0, file=VM_FD, made=KV_FD)
    return made


def add(bench: Bench, file: int = GROUP_FD, entry: int = 0) -> object:
    """FILE_ADD by the first process, which is the VM's."""
    return bench.do("file_add", process=0, file=KV_FD, other=file, entry=entry)


def remove(bench: Bench, file: int = GROUP_FD) -> object:
    """FILE_DEL by the same."""
    return bench.do("file_del", process=0, file=KV_FD, other=file)


def place(bench: Bench, file: int = GROUP_FD) -> None:
    """Put a group into the container."""
    assert bench.do("set_container", process=0, file=file, other=CONTAINER_FD) == Done()


def choose(bench: Bench) -> None:
    """Give the container its IOMMU driver."""
    assert bench.do("set_iommu", process=0, file=CONTAINER_FD, type=TYPE1, made=0) == Done()


def told(bench: Bench) -> tuple[object, object]:
    """Whether the KVM VFIO device knows of an entry that is not coherent, and how often the VM was told of such DMA."""
    return bench.see("vm_noncoherent", 0), bench.see("vm_noncoherent_dma", 0)


@pytest.mark.parametrize(("coherent", "says"), [(True, (False, 0)), (False, (True, 1))])
def test_today_add_asks_the_devices_of_the_group(coherent: bool, says: tuple[bool, int]) -> None:  # noqa: FBT001  # pytest names it
    """No container is needed for that."""
    bench = bench_of(TODAY, *(() if coherent else (0,)))

    assert add(bench) == Done()

    assert told(bench) == says
    assert bench.see("entry_noncoherent", 0) is not coherent


def test_two_entries_that_are_not_coherent_are_told_of_once() -> None:
    """And the last of them to go takes it back."""
    bench = bench_of(TODAY, 0, 1)

    assert (add(bench), add(bench, OTHER_FD, entry=1)) == (Done(), Done())
    assert told(bench) == (True, 1)
    remove(bench)
    assert told(bench) == (True, 1)
    remove(bench, OTHER_FD)
    assert told(bench) == (False, 0)


def test_today_a_device_without_vfio_driver_is_not_asked() -> None:
    """Nor does anybody look again when it gets one: the next ADD finds out."""
    bench = bench_of(TODAY, 2)
    bench.do("unbind_driver", device=2)
    add(bench, OTHER_FD)
    assert told(bench) == (False, 0)

    bench.do("bind_driver", device=2, to=VFIO)

    assert bench.see("entry_noncoherent", 0)
    assert told(bench) == (False, 0)
    add(bench, entry=1)
    assert told(bench) == (True, 1)


def test_today_the_last_close_of_the_device_takes_back_what_the_vm_was_told() -> None:
    """The VM itself goes on."""
    bench = bench_of(TODAY, 0)
    add(bench)

    bench.do("close", process=0, file=KV_FD)
    bench.settle()

    assert told(bench) == (False, 0)
    assert bench.see("vm_exists", 0)


def test_a_device_file_is_asked_for_its_own_device() -> None:
    """Not for the others of its group."""
    bench = Bench(Kernel("cdev-no-group", replace(of_cdevs(), enforced_coherent=(True, False, True))))
    for file, device in ((0, 0), (1, 1)):
        bench.do("open_cdev", process=0, file=file, device=device)
    bench.do("create_vm", process=0, file=VM_FD, made=0)
    bench.do("create_kvm_vfio", process=0, file=VM_FD, made=KV_FD)

    add(bench, 0)
    assert told(bench) == (False, 0)
    remove(bench, 0)
    add(bench, 1)

    assert told(bench) == (True, 1)


def test_up_to_6_1_a_group_without_container_is_coherent() -> None:
    """And what a container answers later nobody asks before the next ADD or DEL; one without IOMMU driver says no."""
    bench = bench_of(GROUP_ONLY)

    add(bench)
    assert told(bench) == (False, 0)
    place(bench)
    assert bench.see("entry_noncoherent", 0)
    assert told(bench) == (False, 0)
    add(bench, OTHER_FD, entry=1)
    assert told(bench) == (True, 1)
    choose(bench)
    assert not bench.see("entry_noncoherent", 0)
    assert told(bench) == (True, 1)
    remove(bench, OTHER_FD)
    assert told(bench) == (False, 0)


def test_up_to_6_1_a_container_is_as_coherent_as_all_behind_it() -> None:
    """A group that joins changes the answer for the one that is listed."""
    bench = bench_of(GROUP_ONLY, 1)
    place(bench)
    choose(bench)
    add(bench)
    assert told(bench) == (False, 0)

    place(bench, OTHER_FD)

    assert bench.see("entry_noncoherent", 0)
    remove(bench)
    assert told(bench) == (False, 0)
    add(bench)
    assert told(bench) == (True, 1)


def test_up_to_6_1_a_container_of_groups_without_iommu_is_not_coherent() -> None:
    """The driver for such groups says no to every question but one."""
    bench = bench_of(GROUP_ONLY)
    bench.do("close", process=0, file=OTHER_FD)
    bench.settle()
    bench.do("open_group", process=0, file=OTHER_FD, group=2)
    place(bench, OTHER_FD)
    assert bench.do("set_iommu", process=0, file=CONTAINER_FD, type=NO_IOMMU, made=0) == Done()

    add(bench, OTHER_FD)

    assert told(bench) == (True, 1)


def test_up_to_6_1_another_may_have_the_list_before_it_is_looked_at() -> None:
    """What is looked at is the list of then."""
    bench = bench_of(GROUP_ONLY, 0)
    place(bench)
    choose(bench)
    assert bench.begin("th0", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0) == Paused("file_add.list")
    assert bench.step("th0") == Paused("file_add.update")

    assert told(bench) == (False, 0)
    assert bench.see("entry_vm", 0) == "vm0"
    assert remove(bench) == Done()
    assert bench.step("th0") == Done()
    assert told(bench) == (False, 0)


def test_up_to_6_1_the_end_of_the_vm_takes_it_back() -> None:
    """For its name is used again."""
    bench = bench_of(GROUP_ONLY, 0)
    place(bench)
    choose(bench)
    add(bench)
    bench.do("close", process=0, file=KV_FD)
    bench.settle()
    assert told(bench) == (True, 1)

    bench.do("close", process=0, file=VM_FD)
    bench.settle()

    assert not bench.see("vm_exists", 0)
    assert told(bench) == (False, 0)


def test_a_group_that_is_held_is_asked_by_its_container() -> None:
    """vfio_external_check_extension, after ADD and after DEL."""
    bench = bench_of(GET_PUT, 0)
    place(bench)
    choose(bench)

    assert add(bench) == Done()
    assert told(bench) == (True, 1)
    assert remove(bench) == Done()
    assert told(bench) == (False, 0)


def test_a_group_that_lost_its_container_is_asked_all_the_same() -> None:
    """Nobody looks whether there is one: who holds a group has been told that it stays (NULL dereference)."""
    bench = bench_of(GET_PUT)
    place(bench)
    choose(bench)
    bench.begin("th1", "unset_container", process=0, file=GROUP_FD)  # no use is left, and the group not yet out
    bench.kernel.machine.groups[
        0
    ].vfio.users += 1  # a device file that was opened before stole its count from the leave
    outcome = bench.begin("u0", "file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    while outcome != Paused("file_add.update"):
        outcome = bench.step("u0")
    bench.step("th1")

    assert isinstance(bench.step("u0"), Died)
    assert bench.see("harm") == "null_dereference"


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY, GET_PUT])
def test_a_refused_add_and_del_change_nothing(system: str) -> None:
    """EEXIST and ENOENT."""
    bench = bench_of(system, 0)
    place(bench)
    choose(bench)
    add(bench)
    before = told(bench)

    assert (add(bench, entry=1), remove(bench, OTHER_FD)) == (Refused("EEXIST"), Refused("ENOENT"))

    assert told(bench) == before == (True, 1)


@pytest.mark.parametrize("system", [TODAY, GROUP_ONLY, GET_PUT])
def test_what_is_known_of_coherency_is_a_part_of_the_state(system: str) -> None:
    """A kernel that is brought back to it knows the same."""
    bench = bench_of(system, 0)
    place(bench)
    choose(bench)
    add(bench)
    saved = bench.kernel.snapshot()
    remove(bench)

    bench.kernel.restore(saved)

    assert told(bench) == (True, 1)
    remove(bench)
    assert told(bench) == (False, 0)
