"""MERGE and UNMERGE of 2011: each refusal in its order, and what becomes of both metagroups."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reference.conftest import Bench, of_metagroups
from tests.reference.rfc2011.calls import (
    DEVICE,
    EBADF,
    EBUSY,
    EFAULT,
    EINVAL,
    EIO,
    ENOMEM,
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
    on_another_bus,
    opened,
    share,
    spoil,
    unmerge,
)

from tenure.reference.groups import VFIO
from tenure.reference.kernel import Kernel
from tenure.vocabulary.observables import FAILS
from tenure.vocabulary.types import NONE


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


@pytest.mark.parametrize(
    ("fails", "refused"),
    [("domain", EFAULT), ("driver", EIO), ("own domain", EFAULT), ("own driver", EIO), ("attach", EIO)],
)
def test_a_merge_that_fails_leaves_both_closed(bench: Bench, fails: str, refused: object) -> None:
    """EFAULT for a domain of either side, EIO for a device that is not attached; a second try goes well."""
    assert merge(bench, G0, G1, fails=FAILS.values.index(fails)) == refused
    assert [bench.see("metagroup_open", m) for m in (0, 1)] == [False, False]
    assert merge(bench, G0, G1) == OK


def test_a_merge_into_what_is_open_needs_no_domain_of_its_own(bench: Bench) -> None:
    """That of the other is tried all the same."""
    get_iommu(bench, G0)

    assert merge(bench, G0, G1, fails=FAILS.values.index("domain")) == EFAULT
    assert merge(bench, G0, G1, fails=FAILS.values.index("own domain")) == OK


def test_merge_opens_the_other_before_it_looks_at_its_own_side(bench: Bench) -> None:
    """EIO of the other's driver comes before EBUSY, EBUSY before EIO of its own driver."""
    spoil(bench, 0)

    assert merge(bench, G0, G1, fails=FAILS.values.index("driver")) == EIO
    assert merge(bench, G0, G1, fails=FAILS.values.index("own driver")) == EBUSY


def test_unmerge_needs_memory_before_it_looks_at_the_second_fd(bench: Bench) -> None:
    """EINVAL for none, then ENOMEM, then EBADF."""
    number = FAILS.values.index("memory")
    merge(bench, G0, G1)

    assert unmerge(bench, G0, NONE, fails=number) == EINVAL
    assert unmerge(bench, G0, DEVICE, fails=number) == ENOMEM
    assert unmerge(bench, G0, DEVICE) == EBADF
