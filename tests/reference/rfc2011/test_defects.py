"""The defects of the code of 2011 in the reference: what each makes of calls that were meant otherwise, step by step where it takes that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_metagroups

from tenure.reference.groups import KERNEL
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Died, Paused
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import FAILS

G0, G1, G2, IOMMU, OTHER = range(5)
"""The files: of each group one, and two more."""

EBUSY, EINVAL, EIO, EMFILE, ENODEV, ENOMEM, EPERM = map(
    Refused, ("EBUSY", "EINVAL", "EIO", "EMFILE", "ENODEV", "ENOMEM", "EPERM")
)
OK = Done()
ATTACH, FD = map(FAILS.values.index, ("attach", "file"))
"""What fails."""


def with_defect(number: int) -> Bench:
    """A machine of that code, on which p0 has a file of each group; all are behind IOMMUs of one kind."""
    made = Bench(Kernel(f"rfc2011:D-G1-{number}", replace(of_metagroups(), coherent=(True,) * 3)))
    for group in (G0, G1, G2):
        assert made.do("open_group", process=0, file=group, group=group, made=group, fails=0) == OK
    return made


def get_iommu(bench: Bench, group: int, made: int = IOMMU, process: int = 0) -> object:
    """GET_IOMMU_FD."""
    return bench.do("get_iommu_fd", process=process, file=group, made=made, fails=0)


def map_page(bench: Bench, page: int, process: int = 0, *, contended: int = 0) -> object:
    """MAP_DMA of a page by the iommu file."""
    return bench.do("map_dma", process=process, file=IOMMU, page=page, faulty=0, contended=contended)


def test_12_whoever_unmaps_a_page_is_given_back_what_another_paid() -> None:
    """The payer pays for ever, and the other has paid less than nothing."""
    bench = with_defect(12)
    get_iommu(bench, G0)
    map_page(bench, 0)
    bench.do("pass_file", process=0, file=IOMMU, to=1)

    assert bench.do("unmap_dma", process=1, file=IOMMU, page=0, contended=0) == OK
    assert [bench.see("pages_charged", p) for p in (0, 1)] == [1, -1]


def test_12_who_has_paid_less_than_nothing_may_lock_no_page() -> None:
    """The number has no sign: below nothing it is beyond any limit, but for the page that brings it back to nothing."""
    rich = replace(of_metagroups(), page_limit=(2,) * 3, may_exceed=(False,) * 3)
    bench = Bench(Kernel("rfc2011:D-G1-12", rich))
    for process, group, made in ((0, G0, IOMMU), (1, G1, OTHER)):
        assert bench.do("open_group", process=process, file=group, group=group, made=group, fails=0) == OK
        get_iommu(bench, group, made, process)
    for page in (0, 1):
        assert map_page(bench, page) == OK
    bench.do("pass_file", process=0, file=IOMMU, to=1)

    mine = {"process": 1, "file": OTHER, "page": 2, "faulty": 0, "contended": 0}
    for page in (0, 1):
        assert bench.do("unmap_dma", process=1, file=IOMMU, page=page, contended=0) == OK
    assert (bench.see("pages_charged", 1), bench.do("map_dma", **mine)) == (-2, ENOMEM)


def test_12_a_work_item_takes_from_whoever_unmapped_too() -> None:
    """The page is left to the caller's account."""
    bench = with_defect(12)
    get_iommu(bench, G0)
    map_page(bench, 0)
    bench.do("pass_file", process=0, file=IOMMU, to=1)

    assert bench.do("unmap_dma", process=1, file=IOMMU, page=0, contended=1) == OK
    bench.settle()
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
    assert [bench.see(what, 0) for what in ("page_memory", "page_left", "page_payer", "pages_charged")] == [
        "none",
        False,
        "p0",
        1,
    ]


def test_14_what_cannot_be_charged_at_once_lets_others_pass_the_limit() -> None:
    """The work item takes the process over it."""
    bench = with_defect(14)
    get_iommu(bench, G0)

    assert map_page(bench, 0, contended=1) == OK
    assert (bench.see("page_payer", 0), bench.kernel.pending()) == ("none", [("charge", {"page": 0})])
    assert map_page(bench, 1) == OK
    bench.settle()
    assert (bench.see("pages_charged", 0), bench.see("pages_most", 0)) == (2, 1)


def test_14_what_was_unmapped_before_it_was_charged_never_is() -> None:
    """What the work item would add, UNMAP_DMA takes away."""
    bench = with_defect(14)
    get_iommu(bench, G0)
    map_page(bench, 0, contended=1)

    assert bench.do("unmap_dma", process=0, file=IOMMU, page=0, contended=0) == OK
    assert (bench.kernel.pending(), bench.see("pages_charged", 0)) == ([], 0)


def test_14_a_close_leaves_what_is_to_be_charged_to_two_work_items() -> None:
    """The one charges, the other gives back."""
    bench = with_defect(14)
    get_iommu(bench, G0)
    map_page(bench, 0, contended=1)
    bench.do("close", process=0, file=IOMMU)
    bench.settle()

    assert (bench.see("pages_charged", 0), bench.see("page_payer", 0)) == (0, "none")


def test_15_two_maps_pass_the_limit_before_either_is_charged() -> None:
    """By the files of two metagroups, whose mutexes are two."""
    bench = with_defect(15)
    get_iommu(bench, G0)
    get_iommu(bench, G1, OTHER)

    for thread, file, page in (("th0", IOMMU, 0), ("th1", OTHER, 1)):
        begun = bench.begin(thread, "map_dma", process=0, file=file, page=page, faulty=0, contended=0)
        assert begun == Paused("map_dma.map")
    assert [bench.step("th0"), bench.step("th1")] == [OK, OK]

    assert (bench.see("pages_charged", 0), bench.see("pages_most", 0)) == (2, 1)


def test_19_merge_frees_a_metagroup_under_a_group_that_it_leaves_there() -> None:
    """One group of two moves; the other looks into what is gone."""
    bench = with_defect(19)
    bench.do("merge", process=0, file=G0, other=G1, fails=0)
    get_iommu(bench, G0)
    bench.do("close", process=0, file=IOMMU)
    bench.settle()

    assert bench.do("merge", process=0, file=G2, other=G1, fails=0) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1, 2)] == ["mg0", "mg2", "mg2"]
    assert not bench.see("metagroup_exists", 0)
    assert bench.do("get_flags", process=0, file=G0) == Died("use_after_free")


def test_19_merge_of_a_fellow_without_devices_frees_what_both_are_in() -> None:
    """Nothing has to be attached to a domain that is gone, so nothing fails."""
    bench = with_defect(19)
    bench.do("merge", process=0, file=G0, other=G1, fails=0)
    get_iommu(bench, G0)
    bench.do("close", process=0, file=IOMMU)
    bench.settle()

    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == EINVAL
    bench.do("unbind_driver", device=1)
    bench.do("remove_device", device=1)
    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == OK
    assert bench.do("get_flags", process=0, file=G0) == Died("use_after_free")


def test_20_a_process_that_was_let_in_too_early_gets_a_file_of_another_ones_memory() -> None:
    """The next time it is refused."""
    bench = with_defect(20)
    bench.do("pass_file", process=0, file=G0, to=1)

    assert bench.begin("th0", "get_iommu_fd", process=1, file=G0, made=IOMMU, fails=0) == Paused("get_iommu_fd.get")
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

    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == EBUSY
    assert (bench.see("metagroup_open", 1), bench.see("metagroup_mm", 1)) == (True, "p0")
    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == EINVAL


def test_21_a_merge_whose_attach_fails_leaves_this_metagroup_open() -> None:
    """The other one is closed, and where it was."""
    bench = with_defect(21)

    assert bench.do("merge", process=0, file=G0, other=G1, fails=ATTACH) == EIO
    assert [bench.see("metagroup_open", m) for m in (0, 1)] == [True, False]
    assert bench.see("metagroup_of", 1) == "mg1"


@pytest.mark.parametrize("call", ["get_iommu_fd", "get_device_fd"])
def test_22_who_gets_no_fd_leaves_the_metagroup_open(call: str) -> None:
    """EMFILE, and bound."""
    bench = with_defect(22)
    what = {"device": 0} if call == "get_device_fd" else {}

    assert bench.do(call, process=0, file=G0, made=OTHER, fails=FD, **what) == EMFILE
    assert (bench.see("metagroup_open", 0), bench.see("metagroup_mm", 0)) == (True, "p0")


def test_22_an_unknown_device_leaves_the_metagroup_open() -> None:
    """And bound, so that others are refused."""
    bench = with_defect(22)
    bench.do("pass_file", process=0, file=G0, to=1)

    assert bench.do("get_device_fd", process=0, file=G0, device=1, made=OTHER, fails=0) == ENODEV
    assert bench.see("metagroup_open", 0)
    assert get_iommu(bench, G0, process=1) == EPERM


def test_23_get_device_fd_looks_into_a_metagroup_that_merge_freed() -> None:
    """It was looked up before the lock was had."""
    bench = with_defect(23)
    begun = bench.begin("th0", "get_device_fd", process=0, file=G1, device=1, made=OTHER, fails=0)
    assert begun == Paused("get_device_fd.get")

    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == OK
    assert bench.step("th0") == Died("use_after_free")


def test_23_a_release_looks_into_a_metagroup_that_merge_freed() -> None:
    """The group has another file, by which it was merged meanwhile."""
    bench = with_defect(23)
    bench.do("open_group", process=0, file=OTHER, group=1, made=1, fails=0)
    bench.do("close", process=0, file=OTHER)
    assert bench.begin(None, "release_group", file=OTHER) == Paused("release_group.drop")

    assert bench.do("merge", process=0, file=G0, other=G1, fails=0) == OK
    assert bench.step(f"f{OTHER}") == Died("use_after_free")


def test_24_a_driver_of_the_kernel_takes_a_device_of_an_open_metagroup() -> None:
    """Which goes on giving out files, but none of that device."""
    bench = with_defect(24)
    bench.do("merge", process=0, file=G0, other=G1, fails=0)
    bench.do("unbind_driver", device=1)

    assert bench.do("bind_driver", device=1, to=KERNEL) == OK
    assert bench.see("device_attached", 1) == "mg0"
    assert get_iommu(bench, G0) == OK
    assert bench.do("get_device_fd", process=0, file=G0, device=1, made=OTHER, fails=0) == ENODEV


def test_24_a_device_that_is_plugged_into_an_open_group_may_get_a_driver_of_the_kernel() -> None:
    """Nobody looks again: GET_IOMMU_FD gives out another file."""
    bench = with_defect(24)
    bench.do("unbind_driver", device=0)
    bench.do("remove_device", device=0)
    assert get_iommu(bench, G0) == OK

    bench.do("add_device", device=0)
    assert bench.do("bind_driver", device=0, to=KERNEL) == OK
    assert bench.see("device_attached", 0) == "mg0"
    assert get_iommu(bench, G0, OTHER) == OK


def test_25_a_release_calls_a_driver_that_has_left() -> None:
    """The device counted as closed, so an unbind went on."""
    bench = with_defect(25)
    bench.do("get_device_fd", process=0, file=G0, device=0, made=OTHER, fails=0)
    bench.do("close", process=0, file=OTHER)
    assert bench.begin(None, "release_device", file=OTHER) == Paused("release_device.drop")
    assert bench.step(f"f{OTHER}") == Paused("release_device.put")

    assert bench.do("unbind_driver", device=0) == OK
    assert bench.step(f"f{OTHER}") == Died("use_after_free")
