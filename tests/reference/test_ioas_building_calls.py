"""Areas that are made and taken step by step in the reference: who meets one there, who waits, and what is translated meanwhile."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench

from tenure.reference.configuration import Configuration
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import WAITING, Paused
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import AUTO_REQUEST, MAP_REQUEST, MEMORY, UNMAP_REQUEST

EBUSY, EEXIST, EFAULT, ENOENT = map(Refused, ("EBUSY", "EEXIST", "EFAULT", "ENOENT"))
THERE, MISSING = range(len(MEMORY.values))
READ = 1
NOBODY = "none"


@pytest.fixture
def bench() -> Bench:
    """IO address spaces tb0 and tb1 of four addresses, and two devices."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 3, "table": 2, "device": 2, "address": 4, "mapping": 3}
    known = Configuration(sizes, (0, 0), (False, False), (), (), (0, 0), may_be_chosen=(True,) * 4)
    made = Bench(Kernel("dma-ioas:building", known))
    assert [made.do("ioas_alloc", made=table) for table in (0, 1)] == [Done(), Done()]
    return made


def of_map(low: int, high: int, made: int, memory: int = THERE) -> dict[str, int]:
    """IOAS_MAP into tb0, with FIXED_IOVA."""
    request = MAP_REQUEST.values.index("range")
    return {"table": 0, "request": request, "low": low, "high": high, "to": READ, "made": made, "memory": memory}


def ioas_map(bench: Bench, low: int, high: int, made: int, memory: int = THERE) -> object:
    """The same from its beginning to its end."""
    return bench.do("ioas_map_fixed", **of_map(low, high, made, memory))


def of_unmap(low: int, high: int) -> dict[str, int]:
    """IOAS_UNMAP in tb0."""
    return {"table": 0, "request": UNMAP_REQUEST.values.index("range"), "low": low, "high": high}


def translated(bench: Bench, table: int = 0) -> list[object]:
    """For which area each address is."""
    return [bench.see("address_translated", table, address) for address in range(4)]


def test_a_map_inserts_fills_and_publishes(bench: Bench) -> None:
    """It is translated from the fill on, and finished from the publication on."""
    bench.do("attach", device=0, table=0)

    assert bench.begin("th0", "ioas_map_fixed", **of_map(1, 2, 0)) == Paused("ioas_map_fixed.fill")
    assert (bench.see("mapping_stage", 0), translated(bench)) == ("inserted", [NOBODY] * 4)
    assert bench.step("th0") == Paused("ioas_map_fixed.publish")
    assert (bench.see("mapping_stage", 0), translated(bench)) == ("filled", [NOBODY, "m0", "m0", NOBODY])
    assert bench.see("mapping_workers", 0) == 1
    assert bench.step("th0") == Done()
    assert (bench.see("mapping_stage", 0), bench.see("mapping_workers", 0)) == ("finished", 0)


def test_a_map_that_chooses_says_at_its_end_where(bench: Bench) -> None:
    """The place is taken from its first step on."""
    asked = {"table": 0, "request": AUTO_REQUEST.values.index("range"), "length": 1, "to": READ, "memory": THERE}
    assert bench.begin("th0", "ioas_map", **asked, made=0) == Paused("ioas_map.fill")

    assert bench.do("ioas_map", **asked, made=1) == Done((("iova", "a2"),))
    assert bench.step("th0") == Paused("ioas_map.publish")
    assert bench.step("th0") == Done((("iova", "a0"),))


def test_an_area_that_is_being_made_is_in_the_way(bench: Bench) -> None:
    """Of an unmap (EBUSY), of another map (EEXIST), and of the end of its IO address space (EBUSY)."""
    bench.begin("th0", "ioas_map_fixed", **of_map(1, 1, 0))

    assert bench.do("ioas_unmap", **of_unmap(0, 3)) == EBUSY
    assert bench.do("ioas_unmap_all", table=0) == EBUSY
    assert bench.do("ioas_unmap", **of_unmap(0, 0)) == ENOENT
    assert ioas_map(bench, 0, 1, 1) == EEXIST
    assert bench.do("destroy", table=0) == EBUSY
    assert bench.step("th0") == Paused("ioas_map_fixed.publish")
    assert bench.do("ioas_unmap_all", table=0) == EBUSY


def test_an_unmap_that_is_refused_has_taken_what_was_below(bench: Bench) -> None:
    """And is EBUSY before it looks whether all of the area is in the range."""
    ioas_map(bench, 0, 0, 0)
    bench.begin("th0", "ioas_map_fixed", **of_map(2, 3, 1))

    assert bench.do("ioas_unmap", **of_unmap(0, 2)) == EBUSY
    assert bench.see("mapping_listed", 0) == NOBODY
    assert bench.see("unmap_counted", 0) == 0


def test_an_area_that_is_being_taken_is_in_the_way(bench: Bench) -> None:
    """Until it is removed; what is mapped below it meanwhile is not touched."""
    bench.do("attach", device=0, table=0)
    ioas_map(bench, 1, 1, 0)
    ioas_map(bench, 2, 2, 1)
    assert bench.begin("th0", "ioas_unmap", **of_unmap(0, 3)) == Paused("ioas_unmap.select")

    assert bench.step("th0") == Paused("ioas_unmap.unfill")
    assert bench.do("ioas_unmap", **of_unmap(1, 1)) == EBUSY
    assert (bench.see("mapping_stage", 0), translated(bench)) == ("taken", [NOBODY, "m0", "m1", NOBODY])
    assert bench.step("th0") == Paused("ioas_unmap.remove")
    assert (bench.see("mapping_stage", 0), translated(bench)) == ("emptied", [NOBODY, NOBODY, "m1", NOBODY])
    assert ioas_map(bench, 1, 1, 2) == EEXIST
    assert bench.step("th0") == Paused("ioas_unmap.select")
    assert ioas_map(bench, 0, 0, 2) == Done()
    assert [bench.step("th0") for _ in range(4)] == [
        Paused("ioas_unmap.unfill"),
        Paused("ioas_unmap.remove"),
        Paused("ioas_unmap.select"),
        Done((("size", 2),)),
    ]
    assert translated(bench) == ["m2", NOBODY, NOBODY, NOBODY]


def test_a_device_that_comes_before_the_fill_is_filled_for_by_the_map(bench: Bench) -> None:
    """The attach skips what has no pages."""
    ioas_map(bench, 0, 0, 0)
    bench.begin("th0", "ioas_map_fixed", **of_map(1, 1, 1))

    assert bench.do("attach", device=0, table=0) == Done()
    assert translated(bench) == ["m0", NOBODY, NOBODY, NOBODY]
    assert bench.step("th0") == Paused("ioas_map_fixed.publish")
    assert translated(bench) == ["m0", "m1", NOBODY, NOBODY]


def test_a_device_waits_between_fill_and_publication(bench: Bench) -> None:
    """Else nobody filled for it."""
    bench.begin("th0", "ioas_map_fixed", **of_map(1, 1, 0))
    bench.step("th0")

    assert bench.begin("th1", "attach", device=0, table=0) is WAITING
    assert bench.step("th0") == Done()
    assert bench.step("th1") == Done()
    assert translated(bench) == [NOBODY, "m0", NOBODY, NOBODY]


def test_a_page_table_that_is_there_keeps_nobody_waiting(bench: Bench) -> None:
    """A second device uses it; it may leave again, but not the last one, nor move."""
    bench.do("attach", device=0, table=0)
    bench.begin("th0", "ioas_map_fixed", **of_map(1, 1, 0))
    bench.step("th0")

    assert bench.do("attach", device=1, table=0) == Done()
    assert bench.do("detach", device=1) == Done()
    assert bench.begin("th1", "attach", device=0, table=1) is WAITING
    assert bench.step("th1") is WAITING
    bench.step("th0")
    assert bench.step("th1") == Done()
    assert translated(bench) == [NOBODY] * 4


def test_memory_that_is_missing_is_found_when_it_is_to_be_pinned(bench: Bench) -> None:
    """EFAULT: by the attach, or by the map where a device is attached by the time of its fill; without one by nobody."""
    assert ioas_map(bench, 0, 0, 0, MISSING) == Done()
    assert bench.do("attach", device=0, table=0) == EFAULT
    bench.do("ioas_unmap_all", table=0)

    bench.begin("th0", "ioas_map_fixed", **of_map(1, 1, 1, MISSING))
    assert bench.do("attach", device=0, table=0) == Done()
    assert bench.step("th0") == Paused("ioas_map_fixed.abort")
    assert ioas_map(bench, 0, 1, 0) == EEXIST
    assert bench.step("th0") == EFAULT
    assert bench.see("mapping_listed", 1) == NOBODY
    assert ioas_map(bench, 0, 1, 0) == Done()


def test_a_device_that_is_refused_stays_where_it_is(bench: Bench) -> None:
    """With what is translated for it."""
    ioas_map(bench, 0, 0, 0, MISSING)
    bench.do("attach", device=0, table=1)

    assert bench.do("attach", device=0, table=0) == EFAULT
    assert bench.see("device_ioas", 0) == "tb1"
