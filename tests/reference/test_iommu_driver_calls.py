"""IOMMU drivers: registered and removed, chosen by SET_IOMMU, kept by a reference to their module, asked by CHECK_EXTENSION."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.kernel import Died
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

TYPE1, NO_IOMMU, UNSUPPORTED = range(3)
FIRST, OF_NO_IOMMU, SECOND = range(3)
"""dr0, dr1 and dr2 of the bench."""

REAL, BESIDE, MADE_UP = range(3)
"""The files by which g1, its container and g2, which no IOMMU isolates, are open; then come those of g2's container and of g0."""


@pytest.fixture(params=["containers-2013", "containers-2022"])
def bench(request: pytest.FixtureRequest, new: Callable[[str], Bench]) -> Bench:
    """Put g1 and, without IOMMU, g2 into containers of their own (f1, f3)."""
    bench = new(request.param)
    bench.do("unbind_driver", device=4)
    bench.do("open_group", process=0, file=REAL, group=1)
    bench.do("open_container", process=0, file=BESIDE, made=0)
    bench.do("open_group", process=0, file=MADE_UP, group=2)
    bench.do("open_container", process=0, file=3, made=1)
    bench.do("set_container", process=0, file=REAL, other=BESIDE)
    bench.do("set_container", process=0, file=MADE_UP, other=3)
    return bench


@pytest.fixture
def chosen(bench: Bench) -> Bench:
    """The container of g1 has dr0 for its driver, and g0 is open (f4)."""
    bench.do("set_iommu", process=0, file=BESIDE, type=TYPE1, made=0)
    bench.do("open_group", process=0, file=4, group=0)
    return bench


def test_set_iommu_keeps_the_module_of_the_driver_that_it_chooses(bench: Bench) -> None:
    """The first of the type that is registered; the modules of those that do not fit are let go again."""
    assert bench.do("set_iommu", process=0, file=BESIDE, type=TYPE1, made=0) == Done()

    assert bench.see("container_driver", 0) == "dr0"
    assert [bench.see("driver_references", driver) for driver in range(3)] == [1, 0, 0]


def test_set_iommu_takes_another_driver_of_the_type_where_the_first_is_gone(bench: Bench) -> None:
    """The list is in the order of registration: what comes again comes last."""
    bench.do("unregister_iommu_driver", driver=FIRST)
    bench.do("register_iommu_driver", driver=FIRST)

    bench.do("set_iommu", process=0, file=BESIDE, type=TYPE1, made=0)

    assert bench.see("container_driver", 0) == "dr2"


def test_set_iommu_that_is_refused_keeps_no_module(bench: Bench) -> None:
    """EPERM of the driver's open: the reference is given back."""
    bench.do("pass_file", process=0, file=3, to=1)

    assert bench.do("set_iommu", process=1, file=3, type=NO_IOMMU, made=0) == Refused("EPERM")

    assert bench.see("driver_references", OF_NO_IOMMU) == 0


@pytest.mark.parametrize(("file", "kind", "gone"), [(BESIDE, TYPE1, (FIRST, SECOND)), (3, NO_IOMMU, (OF_NO_IOMMU,))])
def test_set_iommu_refuses_a_type_whose_driver_is_gone(
    bench: Bench, file: int, kind: int, gone: tuple[int, ...]
) -> None:
    """ENODEV, before anybody asks for CAP_SYS_RAWIO; and the type of the other kind of groups is refused as ever."""
    for driver in gone:
        assert bench.do("unregister_iommu_driver", driver=driver) == Done()
    bench.do("pass_file", process=0, file=file, to=1)

    assert bench.do("set_iommu", process=1, file=file, type=kind, made=0) == Refused("ENODEV")
    assert bench.do("set_iommu", process=1, file=file, type=NO_IOMMU - kind, made=0) == Refused("ENODEV")


def test_the_last_group_to_leave_gives_the_module_back(chosen: Bench) -> None:
    """With it go table and driver, and the module may be removed."""
    chosen.do("set_container", process=0, file=4, other=BESIDE)

    chosen.do("unset_container", process=0, file=REAL)
    assert chosen.see("driver_references", FIRST) == 1
    chosen.do("unset_container", process=0, file=4)

    assert chosen.see("driver_references", FIRST) == 0
    assert chosen.see("container_driver", 0) == "none"
    assert chosen.do("unregister_iommu_driver", driver=FIRST) == Done()


def test_a_driver_that_a_container_uses_is_not_removed(chosen: Bench) -> None:
    """EWOULDBLOCK by delete_module, and the driver stays registered."""
    assert chosen.do("unregister_iommu_driver", driver=FIRST) == Refused("EWOULDBLOCK")

    assert chosen.see("driver_registered", FIRST)


def test_a_driver_comes_when_it_is_gone_and_goes_when_it_is_there(bench: Bench) -> None:
    """Nobody loads a module that is loaded, or removes one that is not."""
    assert not bench.can("register_iommu_driver", driver=FIRST)

    bench.do("unregister_iommu_driver", driver=FIRST)

    assert not bench.can("unregister_iommu_driver", driver=FIRST)
    assert bench.do("register_iommu_driver", driver=FIRST) == Done()


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("unset_container", {"process": 0, "file": REAL}),
        ("set_container", {"process": 0, "file": 4, "other": BESIDE}),
        ("check_extension", {"process": 0, "file": BESIDE, "type": TYPE1}),
    ],
)
def test_a_driver_that_is_called_after_its_removal_is_freed_memory(
    chosen: Bench, call: str, args: dict[str, int]
) -> None:
    """What the module reference is for: somebody steals it, and the next call of the driver is the last."""
    chosen.kernel.machine.iommu_drivers[FIRST].put()
    chosen.do("unregister_iommu_driver", driver=FIRST)

    assert chosen.do(call, **args) == Died("use_after_free")


@pytest.mark.parametrize(
    ("file", "supported"), [(BESIDE, (True, False, False)), (3, (False, True, False)), (5, (True, True, False))]
)
def test_check_extension_asks_the_registered_drivers_for_the_groups_of_the_container(
    bench: Bench, file: int, supported: tuple[bool, ...]
) -> None:
    """An empty container (f5) may still become of either kind; a driver that is gone is not asked."""
    bench.do("open_container", process=0, file=5, made=2)

    answers = [bench.do("check_extension", process=0, file=file, type=kind) for kind in range(3)]

    assert answers == [Done((("supported", yes),)) for yes in supported]
    bench.do("unregister_iommu_driver", driver=FIRST)
    bench.do("unregister_iommu_driver", driver=SECOND)
    assert bench.do("check_extension", process=0, file=file, type=TYPE1) == Done((("supported", False),))


def test_check_extension_asks_the_containers_own_driver(chosen: Bench) -> None:
    """Whatever else is registered, or is not any more."""
    chosen.do("unregister_iommu_driver", driver=SECOND)

    answers = [chosen.do("check_extension", process=0, file=BESIDE, type=kind) for kind in range(3)]

    assert answers == [Done((("supported", yes),)) for yes in (True, False, False)]
