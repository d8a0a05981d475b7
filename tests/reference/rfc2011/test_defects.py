"""The defects of the code of 2011 in the reference: what each makes of calls that were meant otherwise, step by step where it takes that."""

from __future__ import annotations

from dataclasses import replace

from tests.reference.conftest import Bench, of_metagroups

from tenure.reference.groups import KERNEL
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Died, Paused
from tenure.vocabulary.answers import Done, Refused

G0, G1, G2, IOMMU, OTHER = range(5)
"""The files: of each group one, and two more."""

EBUSY, EINVAL, ENODEV, EPERM = map(Refused, ("EBUSY", "EINVAL", "ENODEV", "EPERM"))
OK = Done()


def with_defect(number: int) -> Bench:
    """A machine of that code, on which p0 has a file of each group; all are behind IOMMUs of one kind."""
    made = Bench(Kernel(f"rfc2011:D-G1-{number}", replace(of_metagroups(), coherent=(True,) * 3)))
    for group in (G0, G1, G2):
        assert made.do("open_group", process=0, file=group, group=group, made=group) == OK
    return made


def get_iommu(bench: Bench, group: int, made: int = IOMMU, process: int = 0) -> object:
    """GET_IOMMU_FD."""
    return bench.do("get_iommu_fd", process=process, file=group, made=made)


def map_page(bench: Bench, page: int, process: int = 0) -> object:
    """MAP_DMA of a page by the iommu file."""
    return bench.do("map_dma", process=process, file=IOMMU, page=page, faulty=0)


def test_12_whoever_unmaps_a_page_is_given_back_what_another_paid() -> None:
    """The payer pays for ever, and the other has paid less than nothing."""
    bench = with_defect(12)
    get_iommu(bench, G0)
    map_page(bench, 0)
    bench.do("pass_file", process=0, file=IOMMU, to=1)

    assert bench.do("unmap_dma", process=1, file=IOMMU, page=0, contended=0) == OK
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, -1]


def test_13_a_stranger_maps_its_own_memory() -> None:
    """Devices reach two processes."""
    bench = with_defect(13)
    get_iommu(bench, G0)
    bench.do("pass_file", process=0, file=IOMMU, to=1)

    assert map_page(bench, 0, process=1) == OK
    assert (bench.see("page_memory", 0), bench.see("metagroup_mm", 0)) == ("p1", "p0")


def test_14_what_cannot_be_given_back_at_once_is_lost() -> None:
    """No work item is left, and the page counts for ever."""
    bench = with_defect(14)
    get_iommu(bench, G0)
    map_page(bench, 0)

    bench.do("unmap_dma", process=0, file=IOMMU, page=0, contended=1)

    assert bench.kernel.pending() == []
    assert (bench.see("page_payer", 0), bench.see("pages_charged", 0)) == ("none", 1)


def test_15_two_maps_pass_the_limit_before_either_is_charged() -> None:
    """By the files of two metagroups, whose mutexes are two."""
    bench = with_defect(15)
    get_iommu(bench, G0)
    get_iommu(bench, G1, OTHER)

    for thread, file, page in (("th0", IOMMU, 0), ("th1", OTHER, 1)):
        begun = bench.begin(thread, "map_dma", process=0, file=file, page=page, faulty=0)
        assert begun == Paused("map_dma.map")
    assert [bench.step("th0"), bench.step("th1")] == [OK, OK]

    assert (bench.see("pages_charged", 0), bench.see("pages_most", 0)) == (2, 1)


def test_19_merge_frees_a_metagroup_under_a_group_that_it_leaves_there() -> None:
    """One group of two moves; the other looks into what is gone."""
    bench = with_defect(19)
    bench.do("merge", process=0, file=G0, other=G1)
    get_iommu(bench, G0)
    bench.do("close", process=0, file=IOMMU)
    bench.settle()

    assert bench.do("merge", process=0, file=G2, other=G1) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1, 2)] == ["mg0", "mg2", "mg2"]
    assert not bench.see("metagroup_exists", 0)
    assert bench.do("get_flags", process=0, file=G0) == Died("use_after_free")


def test_20_a_process_that_was_let_in_too_early_gets_a_file_of_another_ones_memory() -> None:
    """The next time it is refused."""
    bench = with_defect(20)
    bench.do("pass_file", process=0, file=G0, to=1)

    assert bench.begin("th0", "get_iommu_fd", process=1, file=G0, made=IOMMU) == Paused("get_iommu_fd.get")
    assert get_iommu(bench, G0, OTHER) == OK
    assert bench.step("th0") == OK

    assert (bench.see("file_metagroup", IOMMU), bench.see("metagroup_mm", 0)) == ("mg0", "p0")
    bench.do("close", process=1, file=IOMMU)
    bench.settle()
    assert get_iommu(bench, G0, process=1) == EPERM


def test_21_a_merge_that_fails_leaves_the_other_metagroup_open() -> None:
    """A second try says EINVAL, for it is in use."""
    bench = with_defect(21)
    bench.do("unbind_driver", device=0)

    assert bench.do("merge", process=0, file=G0, other=G1) == EBUSY
    assert (bench.see("metagroup_open", 1), bench.see("metagroup_mm", 1)) == (True, "p0")
    assert bench.do("merge", process=0, file=G0, other=G1) == EINVAL


def test_22_an_unknown_device_leaves_the_metagroup_open() -> None:
    """And bound, so that others are refused."""
    bench = with_defect(22)
    bench.do("pass_file", process=0, file=G0, to=1)

    assert bench.do("get_device_fd", process=0, file=G0, device=1, made=OTHER) == ENODEV
    assert bench.see("metagroup_open", 0)
    assert get_iommu(bench, G0, process=1) == EPERM


def test_23_get_device_fd_looks_into_a_metagroup_that_merge_freed() -> None:
    """It was looked up before the lock was had."""
    bench = with_defect(23)
    begun = bench.begin("th0", "get_device_fd", process=0, file=G1, device=1, made=OTHER)
    assert begun == Paused("get_device_fd.get")

    assert bench.do("merge", process=0, file=G0, other=G1) == OK
    assert bench.step("th0") == Died("use_after_free")


def test_24_a_driver_of_the_kernel_takes_a_device_of_an_open_metagroup() -> None:
    """Which goes on giving out files, but none of that device."""
    bench = with_defect(24)
    bench.do("merge", process=0, file=G0, other=G1)
    bench.do("unbind_driver", device=1)

    assert bench.do("bind_driver", device=1, to=KERNEL) == OK
    assert bench.see("device_attached", 1) == "mg0"
    assert get_iommu(bench, G0) == OK
    assert bench.do("get_device_fd", process=0, file=G0, device=1, made=OTHER) == ENODEV


def test_25_a_release_calls_a_driver_that_has_left() -> None:
    """The device counted as closed, so an unbind went on."""
    bench = with_defect(25)
    bench.do("get_device_fd", process=0, file=G0, device=0, made=OTHER)
    bench.do("close", process=0, file=OTHER)
    assert bench.begin(None, "release_device", file=OTHER) == Paused("release_device.drop")
    assert bench.step(f"f{OTHER}") == Paused("release_device.put")

    assert bench.do("unbind_driver", device=0) == OK
    assert bench.step(f"f{OTHER}") == Died("use_after_free")
