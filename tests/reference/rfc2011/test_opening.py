"""The files of groups, metagroups and devices in 2011: who gets one, and each refusal in its order."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench, of_metagroups
from tests.reference.rfc2011.calls import (
    DEVICE,
    EBUSY,
    EFAULT,
    EIO,
    EMFILE,
    ENODEV,
    ENOMEM,
    EPERM,
    G0,
    G1,
    G2,
    IOMMU,
    OK,
    get_device,
    get_iommu,
    merge,
    share,
    spoil,
    unmerge,
)

from tenure.reference.kernel import Kernel
from tenure.vocabulary.answers import Done
from tenure.vocabulary.observables import FAILS
from tenure.vocabulary.types import NONE


def test_a_group_may_be_open_any_number_of_times(bench: Bench) -> None:
    """By anybody; the metagroup is the one of the first."""
    assert bench.do("open_group", process=1, file=IOMMU, group=0, made=1, fails=0) == OK

    assert bench.see("file_metagroup", IOMMU) == bench.see("file_metagroup", G0) == "mg0"


def test_a_group_whose_devices_are_gone_is_unknown() -> None:
    """ENODEV, and nothing is made."""
    bench = Bench(Kernel("rfc2011", of_metagroups()))
    bench.do("unbind_driver", device=0)
    bench.do("remove_device", device=0)

    assert bench.do("open_group", process=0, file=G0, group=0, made=0, fails=0) == ENODEV
    assert not bench.see("metagroup_exists", 0)


def test_a_group_that_is_open_is_known_without_a_device(bench: Bench) -> None:
    """It keeps its metagroup, and is viable: there is nothing that has no driver."""
    bench.do("unbind_driver", device=0)
    bench.do("remove_device", device=0)

    assert bench.do("open_group", process=0, file=IOMMU, group=0, made=0, fails=0) == OK
    assert bench.do("get_flags", process=0, file=G0) == Done((("viable", True), ("mm_locked", False)))


def test_get_flags_tells_anybody_of_viability_and_of_memory(bench: Bench) -> None:
    """A stranger may ask too."""
    share(bench, G0)
    get_iommu(bench, G0)

    assert bench.do("get_flags", process=1, file=G0) == Done((("viable", True), ("mm_locked", True)))
    spoil(bench, 1)
    assert bench.do("get_flags", process=0, file=G1) == Done((("viable", False), ("mm_locked", False)))


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


@pytest.mark.parametrize(("fails", "refused"), [("domain", EFAULT), ("driver", EIO), ("file", EMFILE)])
def test_a_get_iommu_fd_that_fails_leaves_the_metagroup_closed(bench: Bench, fails: str, refused: object) -> None:
    """EFAULT, EIO, EMFILE; nothing is attached, and it is anybody's."""
    assert get_iommu(bench, G0, fails=FAILS.values.index(fails)) == refused
    assert [bench.see(what, 0) for what in ("metagroup_open", "metagroup_mm", "device_attached")] == [
        False,
        "none",
        "none",
    ]


@pytest.mark.parametrize(
    ("fails", "refused"), [("domain", EFAULT), ("driver", EIO), ("device", EFAULT), ("file", EMFILE)]
)
def test_a_get_device_fd_that_fails_leaves_the_metagroup_closed(bench: Bench, fails: str, refused: object) -> None:
    """The same, and EFAULT where the device's driver does not open it; a device that is not there is ENODEV before."""
    number = FAILS.values.index(fails)

    assert get_device(bench, G0, 0, fails=number) == refused
    assert not bench.see("metagroup_open", 0)
    assert get_device(bench, G0, 1, fails=number) == (refused if fails in ("domain", "driver") else ENODEV)


def test_what_is_open_already_stays_open_where_a_call_fails(bench: Bench) -> None:
    """No domain is asked for, and none is closed."""
    get_iommu(bench, G0)

    assert get_device(bench, G0, 0, fails=FAILS.values.index("file")) == EMFILE
    assert bench.see("metagroup_open", 0)
    assert get_device(bench, G0, 0, fails=FAILS.values.index("domain")) == OK


def test_the_first_open_of_a_group_needs_memory_for_a_metagroup() -> None:
    """ENOMEM; any other open needs none."""
    bench = Bench(Kernel("rfc2011", of_metagroups()))
    opens = {"process": 0, "group": 0, "made": 0}
    none = FAILS.values.index("memory")

    assert bench.do("open_group", file=G0, fails=none, **opens) == ENOMEM
    assert bench.do("open_group", file=G0, fails=0, **opens) == OK
    assert bench.do("open_group", file=IOMMU, fails=none, **opens) == OK
