"""The calls of 2011 in the reference: each refusal, in its order; files that go in any order; whose memory it is; who pays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_metagroups

from tenure.reference.groups import KERNEL, VFIO
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Waiting, WouldBlock
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.types import NONE

G0, G1, G2, IOMMU, DEVICE = range(5)
"""The files: of each group one, which the first process has; two more."""

EBADF, EBUSY, EFAULT, EINVAL, ENODEV, ENOENT, ENOMEM, EPERM = map(
    Refused, ("EBADF", "EBUSY", "EFAULT", "EINVAL", "ENODEV", "ENOENT", "ENOMEM", "EPERM")
)
OK = Done()


@pytest.fixture
def bench() -> Bench:
    """A machine on which p0 has a file of each group: g0 and g1 behind IOMMUs of one kind, g2 behind another."""
    return opened(Bench(Kernel("rfc2011", of_metagroups())))


def opened(made: Bench) -> Bench:
    """The same machine, each group open."""
    for group in (G0, G1, G2):
        assert made.do("open_group", process=0, file=group, group=group, made=group) == OK
    return made


def on_another_bus() -> Bench:
    """The last group is behind an IOMMU of the same kind, and on another bus."""
    there = replace(of_metagroups(), bus=(0, 0, 1), coherent=(True, True, True))
    return opened(Bench(Kernel("rfc2011", there)))


def get_iommu(bench: Bench, group: int, process: int = 0, made: int = IOMMU) -> object:
    """GET_IOMMU_FD."""
    return bench.do("get_iommu_fd", process=process, file=group, made=made)


def get_device(bench: Bench, group: int, device: int, process: int = 0) -> object:
    """GET_DEVICE_FD."""
    return bench.do("get_device_fd", process=process, file=group, device=device, made=DEVICE)


def merge(bench: Bench, into: int, other: int, process: int = 0) -> object:
    """MERGE."""
    return bench.do("merge", process=process, file=into, other=other)


def unmerge(bench: Bench, group: int, other: int, process: int = 0) -> object:
    """UNMERGE, into a metagroup of the name that MERGE freed."""
    return bench.do("unmerge", process=process, file=group, other=other, made=1)


def spoil(bench: Bench, device: int) -> None:
    """A driver of the kernel has the device instead of VFIO's."""
    bench.do("unbind_driver", device=device)
    assert bench.do("bind_driver", device=device, to=KERNEL) == OK


def close(bench: Bench, *files: int, process: int = 0) -> None:
    """Close them one after the other, and let each be released."""
    for file in files:
        assert bench.do("close", process=process, file=file) == OK
        bench.settle()


def share(bench: Bench, *files: int) -> None:
    """The second process has them too."""
    for file in files:
        assert bench.do("pass_file", process=0, file=file, to=1) == OK


def map_page(bench: Bench, page: int, process: int = 0, *, faulty: int = 0) -> object:
    """MAP_DMA of a page by the iommu file."""
    return bench.do("map_dma", process=process, file=IOMMU, page=page, faulty=faulty)


def unmap_page(bench: Bench, page: int, process: int = 0, *, contended: int = 0) -> object:
    """UNMAP_DMA of a page by the iommu file."""
    return bench.do("unmap_dma", process=process, file=IOMMU, page=page, contended=contended)


# Opening a group


def test_a_group_may_be_open_any_number_of_times(bench: Bench) -> None:
    """By anybody; the metagroup is the one of the first."""
    assert bench.do("open_group", process=1, file=IOMMU, group=0, made=1) == OK

    assert bench.see("file_metagroup", IOMMU) == bench.see("file_metagroup", G0) == "mg0"


def test_a_group_whose_devices_are_gone_is_unknown() -> None:
    """ENODEV, and nothing is made."""
    bench = Bench(Kernel("rfc2011", of_metagroups()))
    bench.do("unbind_driver", device=0)
    bench.do("remove_device", device=0)

    assert bench.do("open_group", process=0, file=G0, group=0, made=0) == ENODEV
    assert not bench.see("metagroup_exists", 0)


def test_a_group_that_is_open_is_known_without_a_device(bench: Bench) -> None:
    """It keeps its metagroup, and is viable: there is nothing that has no driver."""
    bench.do("unbind_driver", device=0)
    bench.do("remove_device", device=0)

    assert bench.do("open_group", process=0, file=IOMMU, group=0, made=0) == OK
    assert bench.do("get_flags", process=0, file=G0) == Done((("viable", True), ("mm_locked", False)))


# GET_FLAGS


def test_get_flags_tells_anybody_of_viability_and_of_memory(bench: Bench) -> None:
    """A stranger may ask too."""
    share(bench, G0)
    get_iommu(bench, G0)

    assert bench.do("get_flags", process=1, file=G0) == Done((("viable", True), ("mm_locked", True)))
    spoil(bench, 1)
    assert bench.do("get_flags", process=0, file=G1) == Done((("viable", False), ("mm_locked", False)))


# GET_IOMMU_FD and GET_DEVICE_FD


def test_get_iommu_fd_opens_the_metagroup_and_binds_it_to_the_caller(bench: Bench) -> None:
    """Its devices are attached."""
    assert get_iommu(bench, G0) == OK

    assert (bench.see("metagroup_open", 0), bench.see("metagroup_mm", 0)) == (True, "p0")
    assert bench.see("device_attached", 0) == "mg0"


def test_a_bound_metagroup_refuses_another_process_before_it_looks_at_anything(bench: Bench) -> None:
    """EPERM, though devices are missing and fds wrong."""
    merge(bench, G0, G1)
    share(bench, G0)
    bench.do("unbind_driver", device=0)

    assert get_iommu(bench, G0, process=1, made=DEVICE) == EPERM
    assert get_device(bench, G0, 3, process=1) == EPERM
    assert merge(bench, G0, NONE, process=1) == EPERM
    assert unmerge(bench, G0, NONE, process=1) == EPERM


def test_a_metagroup_that_is_not_viable_gives_out_no_file(bench: Bench) -> None:
    """EBUSY, before it is asked which device; nothing is opened."""
    spoil(bench, 2)

    assert get_iommu(bench, G2) == EBUSY
    assert get_device(bench, G2, 3) == EBUSY
    assert get_device(bench, G2, 0) == EBUSY
    assert not bench.see("metagroup_open", 2)


def test_a_device_without_a_driver_spoils_its_metagroup_too(bench: Bench) -> None:
    """Nobody has it, and so not VFIO."""
    bench.do("unbind_driver", device=0)

    assert get_iommu(bench, G0) == EBUSY


def test_get_device_fd_finds_no_device_of_another_metagroup(bench: Bench) -> None:
    """ENODEV, and the metagroup stays closed, for whoever comes next."""
    assert get_device(bench, G0, 1) == ENODEV

    assert (bench.see("metagroup_open", 0), bench.see("metagroup_mm", 0)) == (False, "none")


def test_get_device_fd_finds_every_device_of_the_metagroup(bench: Bench) -> None:
    """Through a file of any group of it."""
    merge(bench, G0, G1)

    assert get_device(bench, G0, 1) == OK
    assert bench.see("file_metagroup", DEVICE) == "mg0"


# MERGE


def test_merge_looks_at_the_second_fd_in_order(bench: Bench) -> None:
    """EINVAL for none, EBADF for one that is not open, EINVAL for one that is no group's."""
    get_iommu(bench, G1)

    assert merge(bench, G0, NONE) == EINVAL
    assert merge(bench, G0, DEVICE) == EBADF
    assert merge(bench, G0, IOMMU) == EINVAL


def test_merge_refuses_a_file_that_only_another_process_has(bench: Bench) -> None:
    """EBADF: an fd is the caller's."""
    share(bench, G0)

    assert merge(bench, G0, G1, process=1) == EBADF


def test_merge_refuses_what_is_here_already_and_what_is_in_use(bench: Bench) -> None:
    """EINVAL: the same group, one of the same metagroup, one whose metagroup is open."""
    assert merge(bench, G0, G0) == EINVAL
    assert get_iommu(bench, G1) == OK
    assert merge(bench, G0, G1) == EINVAL
    close(bench, IOMMU)
    assert merge(bench, G0, G1) == OK
    assert merge(bench, G0, G1) == EINVAL
    assert merge(bench, G1, G0) == EINVAL


def test_merge_refuses_a_group_on_another_bus() -> None:
    """EINVAL, before it is looked at drivers."""
    bench = on_another_bus()
    spoil(bench, 2)

    assert merge(bench, G0, G2) == EINVAL


def test_merge_refuses_what_is_not_viable_and_opens_nothing(bench: Bench) -> None:
    """EBUSY for either side; both stay closed, and a second try says the same."""
    spoil(bench, 0)

    assert [merge(bench, G0, G1), merge(bench, G1, G0), merge(bench, G0, G1)] == [EBUSY] * 3
    assert not any(bench.see("metagroup_open", one) for one in (0, 1))


def test_merge_into_an_open_metagroup_asks_for_viability_of_the_other_alone() -> None:
    """Here a device may have lost its driver since the metagroup was opened; there EBUSY."""
    bench = opened(Bench(Kernel("rfc2011", replace(of_metagroups(), coherent=(True,) * 3))))
    merge(bench, G0, G1)
    bench.do("unbind_driver", device=0)
    spoil(bench, 2)

    assert merge(bench, G0, G2) == EBUSY
    bench.do("unbind_driver", device=2)
    bench.do("bind_driver", device=2, to=VFIO)
    assert merge(bench, G0, G2) == OK


def test_merge_refuses_another_kind_of_iommu_last(bench: Bench) -> None:
    """EINVAL only where both are viable, else EBUSY."""
    assert merge(bench, G0, G2) == EINVAL
    spoil(bench, 0)

    assert merge(bench, G0, G2) == EBUSY


def test_merge_frees_the_other_metagroup_and_leaves_this_one_open(bench: Bench) -> None:
    """With every device attached, bound to the caller."""
    assert merge(bench, G0, G1) == OK

    assert (bench.see("metagroup_of", 1), bench.see("metagroup_exists", 1)) == ("mg0", False)
    assert [bench.see("device_attached", d) for d in (0, 1)] == ["mg0", "mg0"]
    assert (bench.see("metagroup_mm", 0), bench.see("metagroup_asked", 0)) == ("p0", True)


def test_merge_into_what_is_mapped_leads_the_new_devices_there(bench: Bench) -> None:
    """What this costs is what the proposal `no-merge-into-open` is about."""
    get_iommu(bench, G0)
    map_page(bench, 0)

    assert merge(bench, G0, G1) == OK
    assert bench.see("page_metagroup", 0) == bench.see("device_attached", 1) == "mg0"
    assert not bench.see("metagroup_asked", 0)


def test_merge_takes_every_group_of_the_metagroup_that_it_frees() -> None:
    """Three groups of one kind end in one metagroup."""
    bench = opened(Bench(Kernel("rfc2011", replace(of_metagroups(), coherent=(True,) * 3))))
    get_iommu(bench, G1)
    merge(bench, G1, G2)
    close(bench, IOMMU)

    assert merge(bench, G0, G1) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1, 2)] == ["mg0"] * 3


# UNMERGE


def test_unmerge_looks_at_the_second_fd_in_order(bench: Bench) -> None:
    """EINVAL for none, EBADF for one that is not open, EINVAL for one that is no group's."""
    merge(bench, G0, G1)
    get_iommu(bench, G0)

    assert unmerge(bench, G0, NONE) == EINVAL
    assert unmerge(bench, G0, DEVICE) == EBADF
    assert unmerge(bench, G0, IOMMU) == EINVAL


def test_unmerge_refuses_itself_and_a_group_of_another_metagroup(bench: Bench) -> None:
    """EINVAL: a group cannot take itself out."""
    merge(bench, G0, G1)

    assert unmerge(bench, G0, G0) == EINVAL
    assert unmerge(bench, G0, G2) == EINVAL


def test_unmerge_refuses_a_group_of_which_a_device_is_open(bench: Bench) -> None:
    """EBUSY; a device of a group that stays does not count."""
    merge(bench, G0, G1)
    get_device(bench, G0, 1)

    assert unmerge(bench, G0, G1) == EBUSY
    assert unmerge(bench, G1, G0) == OK


def test_unmerge_leaves_the_domain_and_its_memory_to_the_rest(bench: Bench) -> None:
    """Who was taken out is alone, closed, and its device attached to nothing."""
    merge(bench, G0, G1)
    get_iommu(bench, G0)
    map_page(bench, 0)

    assert unmerge(bench, G0, G1) == OK
    assert (bench.see("metagroup_of", 1), bench.see("metagroup_open", 1)) == ("mg1", False)
    assert [bench.see("device_attached", d) for d in (0, 1)] == ["mg0", "none"]
    assert (bench.see("page_metagroup", 0), bench.see("file_metagroup", IOMMU)) == ("mg0", "mg0")


# Releases, in any order


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


# Drivers and devices


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
    assert bench.do("get_iommu_fd", process=0, file=G2, made=DEVICE) == EBUSY
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


def test_a_group_without_devices_stays_in_a_metagroup_that_is_used(bench: Bench) -> None:
    """Though nobody has it open."""
    merge(bench, G0, G1)
    bench.do("unbind_driver", device=1)
    bench.do("remove_device", device=1)
    get_iommu(bench, G0)
    close(bench, G1)
    bench.do("add_device", device=1)

    assert bench.do("remove_device", device=1) == OK
    assert bench.see("metagroup_of", 1) == "mg0"


# Memory, and who pays


def test_map_dma_refuses_a_stranger_then_the_limit_then_the_address(bench: Bench) -> None:
    """EPERM, ENOMEM, EFAULT; what is refused is not charged."""
    get_iommu(bench, G0)
    share(bench, IOMMU)

    assert map_page(bench, 0, process=1, faulty=1) == EPERM
    assert map_page(bench, 0, faulty=1) == EFAULT
    assert bench.see("pages_charged", 0) == 0
    assert map_page(bench, 0) == OK
    assert map_page(bench, 1, faulty=1) == ENOMEM
    assert bench.see("pages_charged", 0) == 1


def test_unmap_dma_refuses_a_stranger_and_takes_no_offence_at_a_hole(bench: Bench) -> None:
    """EPERM; and nothing where nothing is mapped, or another metagroup leads there."""
    get_iommu(bench, G0)
    map_page(bench, 0)
    get_iommu(bench, G1, made=DEVICE)
    share(bench, IOMMU)

    assert unmap_page(bench, 0, process=1) == EPERM
    assert unmap_page(bench, 1) == OK
    assert bench.do("unmap_dma", process=0, file=DEVICE, page=0, contended=0) == OK
    assert bench.see("page_metagroup", 0) == "mg0"
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, 0]
    assert unmap_page(bench, 0) == OK
    assert bench.see("pages_charged", 0) == 0


def test_what_cannot_be_given_back_at_once_is_given_back_by_a_work_item(bench: Bench) -> None:
    """Until then it is paid for, and counts against the limit."""
    get_iommu(bench, G0)
    map_page(bench, 0)

    assert unmap_page(bench, 0, contended=1) == OK
    assert (bench.see("page_metagroup", 0), bench.see("page_payer", 0)) == ("none", "p0")
    assert map_page(bench, 1) == ENOMEM
    assert bench.kernel.pending() == [("give_back", {"page": 0})]

    bench.settle()
    assert (bench.see("pages_charged", 0), bench.see("page_memory", 0)) == (0, "none")
    assert map_page(bench, 1) == OK


def test_a_metagroup_leads_to_the_memory_of_the_process_that_opened_it(bench: Bench) -> None:
    """The second process pays for its own, by a metagroup of its own, without limit."""
    get_iommu(bench, G0)
    map_page(bench, 0)
    share(bench, G1)
    assert get_iommu(bench, G1, process=1, made=DEVICE) == OK

    for page in (1, 2):
        assert bench.do("map_dma", process=1, file=DEVICE, page=page, faulty=0) == OK
    assert [bench.see("page_memory", page) for page in range(3)] == ["p0", "p1", "p1"]
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, 2]


# Processes that go


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


# What the review proposed


def proposed(name: str) -> Bench:
    """A machine of a proposal, each group open."""
    return opened(Bench(Kernel(f"rfc2011:{name}", of_metagroups())))


def test_unmerge_itself_refuses_a_stranger_then_an_open_device_and_a_group_that_is_alone() -> None:
    """EPERM, EBUSY, EINVAL."""
    bench = proposed("unmerge-self")
    merge(bench, G0, G1)
    get_device(bench, G0, 1)
    share(bench, G1)

    assert bench.do("unmerge", process=1, file=G1, made=1) == EPERM
    assert bench.do("unmerge", process=0, file=G1, made=1) == EBUSY
    assert bench.do("unmerge", process=0, file=G2, made=1) == EINVAL
    close(bench, DEVICE)
    assert bench.do("unmerge", process=0, file=G1, made=1) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["mg0", "mg1"]


def test_unmerge_itself_takes_along_what_nobody_has_a_file_of() -> None:
    """The rest of the metagroup was open because of the MERGE alone."""
    bench = proposed("unmerge-self")
    merge(bench, G1, G0)
    close(bench, G0)

    assert bench.do("unmerge", process=0, file=G1, made=0) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["none", "mg0"]
    assert [bench.see("metagroup_exists", one) for one in (0, 1)] == [True, False]


def test_no_merge_into_open_refuses_it_before_it_looks_at_drivers() -> None:
    """EBUSY, but after EINVAL for what does not fit; a metagroup that was closed may take groups in again."""
    bench = proposed("no-merge-into-open")
    get_iommu(bench, G0)

    assert merge(bench, G0, G0) == EINVAL
    assert merge(bench, G0, G1) == EBUSY
    assert merge(bench, G0, G2) == EBUSY
    close(bench, IOMMU)
    assert merge(bench, G0, G1) == OK


@pytest.fixture
def empty() -> Bench:
    """A machine on which an administrator made metagroups mg0 and mg1, and nothing else happened."""
    made = Bench(Kernel("rfc2011:metagroups-from-outside", of_metagroups()))
    for one in (0, 1):
        assert made.do("create_metagroup", made=one) == OK
    return made


def assign(bench: Bench, group: int, metagroup: int = 0) -> object:
    """An administrator puts a group into a metagroup."""
    return bench.do("assign_group", group=group, metagroup=metagroup)


def test_a_group_in_no_metagroup_cannot_be_opened(empty: Bench) -> None:
    """ENODEV; once it is assigned, it can be, and MERGE and UNMERGE are no calls at all."""
    assert empty.do("open_group", process=0, file=G0, group=0) == ENODEV
    assert assign(empty, 0) == OK
    assert empty.do("open_group", process=0, file=G0, group=0) == OK

    assert empty.see("file_metagroup", G0) == "mg0"
    assert not any(empty.can(call, process=0, file=G0, other=G0) for call in ("merge", "unmerge"))


def test_assign_refuses_what_is_not_there_then_what_is_taken(empty: Bench) -> None:
    """ENOENT, ENODEV, EBUSY."""
    empty.do("unbind_driver", device=1)
    empty.do("remove_device", device=1)
    assign(empty, 0)

    assert assign(empty, 1, 2) == ENOENT
    assert assign(empty, 1) == ENODEV
    assert assign(empty, 0) == EBUSY
    assert assign(empty, 0, 1) == EBUSY


@pytest.mark.parametrize("kept", [G0, IOMMU, DEVICE])
def test_groups_come_and_go_only_while_no_file_of_the_metagroup_is_open(empty: Bench, kept: int) -> None:
    """EBUSY, whether the file is a group's, the metagroup's or a device's, and before it is asked what fits."""
    assign(empty, 0)
    empty.do("open_group", process=0, file=G0, group=0)
    get_iommu(empty, G0)
    get_device(empty, G0, 0)
    close(empty, *({G0, IOMMU, DEVICE} - {kept}))

    assert [assign(empty, g) for g in (1, 2)] == [EBUSY, EBUSY]
    assert empty.do("withdraw_group", group=0) == EBUSY
    close(empty, kept)
    assert assign(empty, 1) == OK
    assert empty.do("withdraw_group", group=0) == OK


def test_assign_refuses_a_group_that_does_not_fit_those_that_are_there(empty: Bench) -> None:
    """EINVAL for another kind of IOMMU; alone in a metagroup it fits."""
    assign(empty, 0)

    assert assign(empty, 2) == EINVAL
    assert assign(empty, 2, 1) == OK


def test_withdraw_refuses_a_group_that_is_in_none(empty: Bench) -> None:
    """EINVAL."""
    assert empty.do("withdraw_group", group=0) == EINVAL


def test_a_metagroup_is_ended_by_an_administrator_alone_and_only_when_it_is_empty(empty: Bench) -> None:
    """ENOENT, EBUSY; neither the last file nor the last device takes it, or a group of it, along."""
    assign(empty, 0)
    empty.do("open_group", process=0, file=G0, group=0)
    get_iommu(empty, G0)
    close(empty, G0, IOMMU)
    empty.do("unbind_driver", device=0)
    empty.do("remove_device", device=0)

    assert (empty.see("metagroup_of", 0), empty.see("metagroup_open", 0)) == ("mg0", False)
    assert empty.do("destroy_metagroup", metagroup=2) == ENOENT
    assert empty.do("destroy_metagroup", metagroup=0) == EBUSY
    empty.do("withdraw_group", group=0)
    assert empty.do("destroy_metagroup", metagroup=0) == OK
    assert not empty.see("metagroup_exists", 0)
