"""What the review of 2011 proposed."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_metagroups
from tests.reference.rfc2011.calls import (
    DEVICE,
    EBUSY,
    EINVAL,
    ENODEV,
    ENOENT,
    EPERM,
    G0,
    G1,
    G2,
    IOMMU,
    OK,
    close,
    get_device,
    get_iommu,
    merge,
    opened,
    share,
)

from tenure.reference.kernel import Kernel


def proposed(name: str) -> Bench:
    """A machine of a proposal, each group open."""
    return opened(Bench(Kernel(f"rfc2011:{name}", of_metagroups())))


def test_unmerge_itself_refuses_a_stranger_then_an_open_device_and_a_group_that_is_alone() -> None:
    """EPERM, EBUSY, EINVAL."""
    bench = proposed("unmerge-self")
    merge(bench, G0, G1)
    get_device(bench, G0, 1)
    share(bench, G1)

    assert bench.do("unmerge", process=1, file=G1, made=1, fails=0) == EPERM
    assert bench.do("unmerge", process=0, file=G1, made=1, fails=0) == EBUSY
    assert bench.do("unmerge", process=0, file=G2, made=1, fails=0) == EINVAL
    close(bench, DEVICE)
    assert bench.do("unmerge", process=0, file=G1, made=1, fails=0) == OK
    assert [bench.see("metagroup_of", g) for g in (0, 1)] == ["mg0", "mg1"]


def test_unmerge_itself_takes_along_what_nobody_has_a_file_of() -> None:
    """The rest of the metagroup was open because of the MERGE alone."""
    bench = proposed("unmerge-self")
    merge(bench, G1, G0)
    close(bench, G0)

    assert bench.do("unmerge", process=0, file=G1, made=0, fails=0) == OK
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
