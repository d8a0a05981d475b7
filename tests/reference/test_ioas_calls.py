"""IO address spaces of an iommufd in the reference: areas made where the caller says, and taken whole, one by one."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench

from tenure.reference.kernel import Configuration, Kernel
from tenure.reference.outcomes import Paused
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.observables import ALLOW_REQUEST, AUTO_REQUEST, MAP_REQUEST, UNMAP_REQUEST

EBUSY, EEXIST, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP, EOVERFLOW = map(
    Refused, ("EBUSY", "EEXIST", "EINVAL", "ENOENT", "ENOSPC", "EOPNOTSUPP", "EOVERFLOW")
)
NONE, READ = 0, 1


@pytest.fixture
def bench() -> Bench:
    """A machine with one IO address space, tb0, of eight addresses, and a free id, tb1."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 2, "table": 2, "address": 8, "mapping": 4}
    may_be_chosen = (False, *(True,) * 6, False)
    made = Bench(Kernel("dma-ioas", Configuration(sizes, (), (), (), (), (), may_be_chosen=may_be_chosen)))
    assert made.do("ioas_alloc", made=0) == Done()
    return made


def ioas_map(  # noqa: PLR0913  # as the call has them
    bench: Bench, low: int, high: int, made: int, request: str = "range", to: int = READ, table: int = 0
) -> object:
    """IOAS_MAP with FIXED_IOVA."""
    number = MAP_REQUEST.values.index(request)
    return bench.do("ioas_map_fixed", table=table, request=number, low=low, high=high, to=to, made=made)


def ioas_map_anywhere(bench: Bench, length: int, made: int, request: str = "range", to: int = READ) -> object:
    """IOAS_MAP without FIXED_IOVA, of as many addresses as there are up to this one."""
    return bench.do("ioas_map", table=0, request=AUTO_REQUEST.values.index(request), length=length, to=to, made=made)


def ioas_unmap(bench: Bench, low: int, high: int, request: str = "range", table: int = 0) -> object:
    """IOAS_UNMAP."""
    return bench.do("ioas_unmap", table=table, request=UNMAP_REQUEST.values.index(request), low=low, high=high)


def ioas_allow(bench: Bench, *ranges: tuple[int, int], request: str = "", table: int = 0) -> object:
    """IOAS_ALLOW_IOVAS, of up to two ranges."""
    request = request or ("none", "one", "two")[len(ranges)]
    (low, high), (other_low, other_high) = (*ranges, *ranges[:1], (0, 0), (0, 0))[:2]
    number = ALLOW_REQUEST.values.index(request)
    args = {"low": low, "high": high, "other_low": other_low, "other_high": other_high}
    return bench.do("ioas_allow_iovas", table=table, request=number, **args)


def removed(size: int) -> Answer:
    """An unmap that went well says how much went."""
    return Done((("size", size),))


@pytest.mark.parametrize(
    ("asked", "to", "errno"),
    [
        ("unknown", NONE, EOPNOTSUPP),
        ("too large", NONE, EOVERFLOW),
        ("target wraps", NONE, EINVAL),
        ("target wraps", READ, EOVERFLOW),
        ("empty", READ, EINVAL),
        ("wraps", READ, EOVERFLOW),
        ("range", READ, EEXIST),
    ],
)
def test_a_map_is_refused_for_the_first_of_its_mistakes(bench: Bench, asked: str, to: int, errno: Refused) -> None:
    """Where the address is taken besides; and nothing has changed."""
    ioas_map(bench, 2, 2, 0)
    before = bench.kernel.snapshot()

    assert ioas_map(bench, 2, 2, 1, asked, to) == errno

    assert bench.kernel.snapshot() == before


def test_a_map_looks_the_address_space_up_before_it_looks_at_the_memory(bench: Bench) -> None:
    """But after the flags, the access and what ULONG_MAX would be."""
    assert ioas_map(bench, 2, 2, 0, "target wraps", table=1) == ENOENT
    assert ioas_map(bench, 2, 2, 0, to=NONE, table=1) == EINVAL
    assert ioas_map(bench, 2, 2, 0, "too large", table=1) == EOVERFLOW


def test_where_the_caller_does_not_say_the_first_hole_is_taken(bench: Bench) -> None:
    """Never the first page or the last; where there is no hole, ENOSPC."""
    ioas_map(bench, 2, 3, 0)

    assert ioas_map_anywhere(bench, 1, 1) == Done((("iova", "a4"),))
    assert ioas_map_anywhere(bench, 0, 2) == Done((("iova", "a1"),))
    assert ioas_map_anywhere(bench, 1, 3) == ENOSPC
    assert ioas_map_anywhere(bench, 0, 3) == Done((("iova", "a6"),))


@pytest.mark.parametrize(
    ("asked", "errno"),
    [
        ("unknown", EOPNOTSUPP),
        ("too large", EOVERFLOW),
        ("target wraps", EOVERFLOW),
        ("empty", EINVAL),
        ("half", EOVERFLOW),
    ],
)
def test_a_length_that_is_none_is_refused_before_a_hole_is_looked_for(bench: Bench, asked: str, errno: Refused) -> None:
    """There is none either."""
    ioas_map(bench, 0, 7, 0)

    assert ioas_map_anywhere(bench, 0, 1, asked) == errno


def test_where_the_caller_does_not_say_only_what_is_allowed_is_taken(bench: Bench) -> None:
    """Two ranges that touch are one; where nothing is allowed any more, anything is again."""
    assert ioas_allow(bench, (5, 6), (3, 4)) == Done()

    assert ioas_map_anywhere(bench, 3, 0) == Done((("iova", "a3"),))
    assert ioas_map_anywhere(bench, 0, 1) == ENOSPC
    assert ioas_map(bench, 0, 0, 1) == Done()
    assert ioas_allow(bench) == Done()
    assert ioas_map_anywhere(bench, 0, 2) == Done((("iova", "a1"),))


def test_what_is_allowed_takes_the_place_of_what_was(bench: Bench) -> None:
    """All of it at once; the first page and the last are never chosen, allowed or not."""
    assert ioas_allow(bench, (2, 2), (4, 4)) == Done()
    assert ioas_allow(bench, (0, 1)) == Done()

    assert [bench.see("address_allowed", 0, a) for a in range(3)] == [True, True, False]
    assert ioas_map_anywhere(bench, 1, 0) == ENOSPC
    assert ioas_map_anywhere(bench, 0, 0) == Done((("iova", "a1"),))


def test_ranges_are_refused_for_the_first_of_their_mistakes(bench: Bench) -> None:
    """What was allowed before is allowed still."""
    ioas_allow(bench, (3, 4))
    before = bench.kernel.snapshot()

    assert ioas_allow(bench, (2, 2), request="unknown", table=1) == EOPNOTSUPP
    assert ioas_allow(bench, (2, 2), request="empty", table=1) == ENOENT
    assert ioas_allow(bench, (2, 2), request="empty") == EINVAL
    assert ioas_allow(bench, (1, 3), (3, 5)) == EINVAL
    assert bench.kernel.snapshot() == before


def test_an_unmap_looks_the_address_space_up_before_anything_else(bench: Bench) -> None:
    """Then it looks at the range."""
    assert ioas_unmap(bench, 2, 2, "too large", table=1) == ENOENT
    assert [ioas_unmap(bench, 2, 2, request) for request in ("too large", "empty", "wraps")] == [
        EOVERFLOW,
        EINVAL,
        EOVERFLOW,
    ]


def test_an_unmap_takes_whole_areas_and_says_how_much(bench: Bench) -> None:
    """All that the range covers; nothing at all is ENOENT."""
    ioas_map(bench, 1, 2, 0)
    ioas_map(bench, 4, 4, 1)

    assert ioas_unmap(bench, 0, 5) == removed(3)
    assert ioas_unmap(bench, 0, 5) == ENOENT


def test_an_unmap_that_is_refused_has_taken_what_comes_below(bench: Bench) -> None:
    """Type1 would look first."""
    ioas_map(bench, 1, 2, 0)
    ioas_map(bench, 3, 5, 1)

    assert ioas_unmap(bench, 1, 4) == ENOENT

    assert bench.see("mapping_listed", 0) == "none"
    assert bench.see("mapping_listed", 1) == "tb0"


def test_an_area_that_reaches_in_from_below_is_in_the_way_at_once(bench: Bench) -> None:
    """And what comes above it stays."""
    ioas_map(bench, 1, 2, 0)
    ioas_map(bench, 3, 3, 1)

    assert ioas_unmap(bench, 2, 4) == ENOENT

    assert bench.see("mapping_listed", 1) == "tb0"


def test_to_unmap_all_of_nothing_is_no_mistake(bench: Bench) -> None:
    """Unlike a range with nothing in it."""
    assert bench.do("ioas_unmap_all", table=0) == removed(0)
    ioas_map(bench, 0, 7, 0)
    assert bench.do("ioas_unmap_all", table=0) == removed(8)
    assert bench.do("ioas_unmap_all", table=1) == ENOENT


def test_what_is_made_behind_an_unmap_stays(bench: Bench) -> None:
    """Between two areas others may come; what lies below the one taken last is looked at no more."""
    ioas_map(bench, 1, 2, 0)
    assert bench.begin("th0", "ioas_unmap", table=0, request=0, low=1, high=6) == Paused("ioas_unmap.remove")
    assert bench.step("th0") == Paused("ioas_unmap.remove")

    assert ioas_map(bench, 1, 1, 1) == Done()
    assert ioas_map(bench, 5, 5, 2) == Done()

    assert bench.step("th0") == Paused("ioas_unmap.remove")
    assert bench.step("th0") == removed(3)
    assert bench.see("mapping_listed", 1) == "tb0"


def test_what_is_made_across_the_place_that_an_unmap_has_reached_is_in_its_way(bench: Bench) -> None:
    """Only a part of it is in what is left of the range."""
    ioas_map(bench, 1, 2, 0)
    bench.begin("th0", "ioas_unmap", table=0, request=0, low=1, high=6)
    bench.step("th0")

    ioas_map(bench, 2, 3, 1)

    assert bench.step("th0") == ENOENT


@pytest.mark.parametrize(
    ("call", "asked", "ended"),
    [("ioas_unmap", {"request": 0, "low": 1, "high": 2}, removed(2)), ("ioas_unmap_all", {}, ENOENT)],
)
def test_an_unmap_that_has_reached_the_end_of_its_range_looks_no_further(
    bench: Bench, call: str, asked: dict[str, int], ended: Answer
) -> None:
    """What was made across that end is not in its way; in the way of all it is."""
    ioas_map(bench, 1, 2, 0)
    bench.begin("th0", call, table=0, **asked)
    bench.step("th0")

    ioas_map(bench, 2, 3, 1)

    assert bench.step("th0") == ended


def test_destroy_takes_every_area_and_waits_for_nobody(bench: Bench) -> None:
    """EBUSY while another call works on it; then the id is free, and nothing is mapped."""
    ioas_map(bench, 1, 2, 0)
    bench.begin("th0", "ioas_unmap", table=0, request=0, low=5, high=6)

    assert bench.do("destroy", table=0) == EBUSY
    assert not bench.can("ioas_alloc", made=0)
    assert bench.step("th0") == ENOENT
    assert bench.do("destroy", table=0) == Done()
    assert bench.do("destroy", table=0) == ENOENT

    assert bench.see("mapping_listed", 0) == "none"
    assert bench.do("ioas_alloc", made=0) == Done()
    assert bench.do("ioas_unmap_all", table=0) == removed(0)
