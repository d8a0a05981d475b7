"""VFIO's calls on an iommufd in the reference: version 2 takes whole areas, version 1 just what it is asked for."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench

from tenure.reference.kernel import Configuration, Kernel
from tenure.reference.outcomes import Paused
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.observables import TYPE1_VERSION, VFIO_MAP_REQUEST, VFIO_UNMAP_REQUEST

EEXIST, EINVAL, ENODEV, ENOENT, EOVERFLOW = map(Refused, ("EEXIST", "EINVAL", "ENODEV", "ENOENT", "EOVERFLOW"))
NONE, READ = 0, 1


@pytest.fixture
def bench() -> Bench:
    """A machine with one IO address space, tb0, of eight addresses, and a free id, tb1."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 2, "table": 2, "address": 8, "mapping": 6}
    made = Bench(Kernel("dma-ioas-compat", Configuration(sizes, (), (), (), (), ())))
    assert made.do("ioas_alloc", made=0) == Done()
    return made


def set_iommu(bench: Bench, version: str, table: int = 0) -> object:
    """SET_IOMMU."""
    return bench.do("set_iommu", table=table, version=TYPE1_VERSION.values.index(version))


def map_dma(  # noqa: PLR0913  # as the call has them
    bench: Bench, low: int, high: int, made: int, request: str = "range", to: int = READ, table: int = 0
) -> object:
    """MAP_DMA."""
    number = VFIO_MAP_REQUEST.values.index(request)
    return bench.do("map_dma", table=table, request=number, low=low, high=high, to=to, made=made)


def asked(low: int, high: int, request: str = "range", table: int = 0) -> dict[str, int]:
    """What UNMAP_DMA is given; its cuts make the last two areas."""
    number = VFIO_UNMAP_REQUEST.values.index(request)
    return {"table": table, "request": number, "low": low, "high": high, "behind": 5, "inside": 4}


def unmap_dma(bench: Bench, low: int, high: int, request: str = "range", table: int = 0) -> object:
    """UNMAP_DMA."""
    return bench.do("unmap_dma", **asked(low, high, request, table))


def removed(size: int) -> Answer:
    """An unmap that went well says how much went."""
    return Done((("size", size),))


def areas(bench: Bench) -> dict[int, tuple[object, object]]:
    """The ends of each area, by its number."""
    there = (m for m in range(6) if bench.see("mapping_listed", m) != "none")
    return {m: (bench.see("mapping_first", m), bench.see("mapping_last", m)) for m in there}


@pytest.mark.parametrize(
    ("form", "errno"),
    [("unknown", EINVAL), ("target wraps", EOVERFLOW), ("empty", EINVAL), ("wraps", EOVERFLOW), ("range", EEXIST)],
)
def test_a_map_is_refused_for_the_first_of_its_mistakes(bench: Bench, form: str, errno: Refused) -> None:
    """Where the address is taken besides; and nothing has changed."""
    map_dma(bench, 2, 2, 0)
    before = bench.kernel.snapshot()

    assert map_dma(bench, 2, 2, 1, form) == errno

    assert bench.kernel.snapshot() == before


def test_an_area_to_which_nobody_has_access_is_no_mistake(bench: Bench) -> None:
    """Nobody asks here for what devices may do, where IOAS_MAP and type1 do."""
    assert map_dma(bench, 2, 2, 0, to=NONE) == Done()


def test_where_no_io_address_space_stands_for_a_container_there_is_no_device(bench: Bench) -> None:
    """ENODEV, after what is wrong with flags and types."""
    assert set_iommu(bench, "v1", table=1) == ENODEV
    assert set_iommu(bench, "other", table=1) == EINVAL
    assert map_dma(bench, 2, 2, 0, "target wraps", table=1) == ENODEV
    assert map_dma(bench, 2, 2, 0, "unknown", table=1) == EINVAL
    assert unmap_dma(bench, 2, 2, "empty", table=1) == ENODEV
    assert unmap_dma(bench, 2, 2, "unknown", table=1) == EINVAL
    assert bench.do("unmap_all", table=1) == ENODEV


def test_version_2_takes_whole_areas_until_one_is_in_the_way(bench: Bench) -> None:
    """As IOAS_UNMAP does; type1 refuses with EINVAL, and before it has taken anything."""
    map_dma(bench, 1, 1, 0)
    map_dma(bench, 2, 5, 1)

    assert unmap_dma(bench, 1, 3) == ENOENT

    assert areas(bench) == {1: ("a2", "a5")}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_unmap_of_nothing_is_no_mistake(bench: Bench, version: str) -> None:
    """Neither of a range nor of everything."""
    set_iommu(bench, version)

    assert unmap_dma(bench, 1, 3) == removed(0)
    assert bench.do("unmap_all", table=0) == removed(0)


def test_version_1_takes_just_what_it_is_asked_for(bench: Bench) -> None:
    """Out of the middle of an area; the upper part that stays is a new one."""
    set_iommu(bench, "v1")
    map_dma(bench, 1, 6, 0)

    assert unmap_dma(bench, 3, 4) == removed(2)

    assert areas(bench) == {0: ("a1", "a2"), 5: ("a5", "a6")}
    assert bench.see("mapping_access", 5) == "read"


def test_version_1_cuts_two_areas(bench: Bench) -> None:
    """That in which the range begins, and that in which it ends."""
    set_iommu(bench, "v1")
    map_dma(bench, 0, 2, 0)
    map_dma(bench, 3, 6, 1)

    assert unmap_dma(bench, 1, 4) == removed(4)

    assert areas(bench) == {0: ("a0", "a0"), 5: ("a5", "a6")}


def test_where_an_area_begins_or_ends_nothing_is_cut(bench: Bench) -> None:
    """Nor below the lowest address."""
    set_iommu(bench, "v1")
    map_dma(bench, 0, 2, 0)

    assert unmap_dma(bench, 0, 2) == removed(3)

    assert areas(bench) == {}


@pytest.mark.parametrize(("form", "errno"), [("empty", EINVAL), ("wraps", EOVERFLOW)])
def test_a_request_that_is_refused_has_cut_all_the_same(bench: Bench, form: str, errno: Refused) -> None:
    """What is wrong with the range is looked at when the areas are cut."""
    set_iommu(bench, "v1")
    map_dma(bench, 1, 6, 0)

    assert unmap_dma(bench, 3, 3, form) == errno

    assert areas(bench) == {0: ("a1", "a2"), 4: ("a3", "a6")}


def test_version_1_is_for_good(bench: Bench) -> None:
    """Who asks for version 2 later gets what he has."""
    assert [set_iommu(bench, version) for version in ("v2", "v1", "v2")] == [Done()] * 3
    map_dma(bench, 1, 6, 0)

    assert unmap_dma(bench, 3, 6) == removed(4)
    assert areas(bench) == {0: ("a1", "a2")}


def test_what_is_cut_out_may_be_taken_by_another_first(bench: Bench) -> None:
    """Between the cuts and the first area others may come."""
    set_iommu(bench, "v1")
    map_dma(bench, 1, 6, 0)
    assert bench.begin("th0", "unmap_dma", **asked(3, 4)) == Paused("unmap_dma.remove")

    assert bench.do("unmap_all", table=0) == removed(6)

    assert bench.step("th0") == removed(0)
