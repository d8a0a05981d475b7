"""DEL in 4.10 and 4.11: the group is got, looked for in the list, and put."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.reference.conftest import KERNEL

from tenure.reference.kernel import Paused
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM, COMPARING = "kvm-file:del-by-get", "kvm-file:get-put"
GROUP_FD, CONTAINER_FD, VM_FD, KV_FD, UNUSED = 0, 1, 3, 4, 5
STUB_DEVICE = 2
"""d2 of g1, which pci-stub has beside a VFIO driver's d1."""

DEL = {"process": 0, "file": KV_FD, "other": GROUP_FD}


def with_a_list(bench: Bench) -> Bench:
    """p0 has put g0 (f0) into c0 (f1), has vm0 (f3) and its KVM VFIO device (f4), and g0 is entry u0 of the list."""
    bench.do("create_vm", process=0, file=VM_FD, made=0)
    bench.do("create_kvm_vfio", process=0, file=VM_FD, made=KV_FD)
    bench.do("file_add", process=0, file=KV_FD, other=GROUP_FD, entry=0)
    return bench


@pytest.fixture
def listed(ready: Callable[[str], Bench]) -> Bench:
    """A list with g0."""
    return with_a_list(ready(SYSTEM))


def test_del_puts_the_entrys_use_and_its_own(listed: Bench) -> None:
    """Its own is the last to go; nothing of the entry is left."""
    assert listed.through("th0", "file_del", **DEL) == [
        "file_del.count",
        "file_del.validate",
        "file_del.remove",
        "file_del.dissolve",
        "file_del.put",
        "file_del.dissolve_own",
        "file_del.put_own",
        "file_del.update",
        "ok",
    ]

    assert listed.see("container_users", 0) == 1
    assert listed.see("user_idle", 0)
    assert listed.see("group_kvm", 0) == "none"


def test_del_counts_while_it_looks(listed: Bench) -> None:
    """One user more, and one less where it finds nothing."""
    listed.do("file_del", **DEL)

    assert listed.begin("th0", "file_del", **DEL) == Paused("file_del.count")
    assert listed.step("th0") == Paused("file_del.validate")
    assert listed.see("container_users", 0) == 2
    assert listed.step("th0") == Paused("file_del.remove")
    assert listed.step("th0") == Paused("file_del.dissolve_own")
    assert listed.step("th0") == Paused("file_del.put_own")

    assert listed.step("th0") == Refused("ENOENT")
    assert listed.see("container_users", 0) == 1


@pytest.mark.parametrize(("other", "errno"), [(UNUSED, "EBADF"), (CONTAINER_FD, "EINVAL"), (KV_FD, "EINVAL")])
def test_del_refuses_what_is_no_group_file(listed: Bench, other: int, errno: str) -> None:
    """EBADF where the fd is not open, EINVAL where it is another file: before the list is looked at."""
    assert listed.do("file_del", process=0, file=KV_FD, other=other) == Refused(errno)


def test_del_asks_whose_vm_it_is(listed: Bench) -> None:
    """EIO for another process that was given the device's fd, whatever it names."""
    listed.do("pass_file", process=0, file=KV_FD, to=1)

    assert listed.do("file_del", process=1, file=KV_FD, other=UNUSED) == Refused("EIO")


def test_del_refuses_a_group_in_no_container(listed: Bench) -> None:
    """EINVAL, from get, and not ENOENT."""
    listed.do("file_del", **DEL)
    listed.do("unset_container", process=0, file=GROUP_FD)

    assert listed.do("file_del", **DEL) == Refused("EINVAL")


def test_del_refuses_a_group_in_a_container_without_driver(listed: Bench) -> None:
    """EINVAL, from get; the use is given back."""
    listed.do("file_del", **DEL)
    listed.do("unset_container", process=0, file=GROUP_FD)
    listed.do("set_container", process=0, file=GROUP_FD, other=CONTAINER_FD)

    assert listed.do("file_del", **DEL) == Refused("EINVAL")
    assert listed.see("container_users", 0) == 1


def test_del_refuses_a_group_without_iommu(listed: Bench) -> None:
    """EPERM, from get."""
    listed.do("open_group", process=0, file=UNUSED, group=2)
    listed.do("set_container", process=0, file=UNUSED, other=2)

    assert listed.do("file_del", process=0, file=KV_FD, other=UNUSED) == Refused("EPERM")


@pytest.mark.parametrize(
    ("system", "answer", "left"), [(SYSTEM, Refused("EINVAL"), "vm0"), (COMPARING, Done(), "none")]
)
def test_del_of_a_group_that_is_not_viable(
    ready: Callable[[str], Bench], system: str, answer: object, left: str
) -> None:
    """Race K4: a driver has probed, and VFIO has not heard of it; by get that is refused, by comparing it is not."""
    bench = with_a_list(ready(system))
    of_g1 = {"process": 0, "file": KV_FD, "other": UNUSED}
    bench.do("open_group", process=0, file=UNUSED, group=1)
    bench.do("set_container", process=0, file=UNUSED, other=CONTAINER_FD)
    bench.do("file_add", **of_g1, entry=1)
    bench.do("unbind_driver", device=STUB_DEVICE)
    assert bench.begin("d2", "bind_driver", device=STUB_DEVICE, to=KERNEL) == Paused("bind_driver.bound")

    assert bench.do("file_del", **of_g1) == answer
    assert bench.see("entry_vm", 1) == left


def test_spapr_came_later(listed: Bench) -> None:
    """SET_SPAPR_TCE is of 4.12, and a guest maps through nothing else."""
    assert not listed.can("set_spapr_tce", **DEL)
