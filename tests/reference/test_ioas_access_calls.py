"""Accesses in the reference: the errno of each refusal of a pin, and what an unmap does about pages that are pinned."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench

from tenure.reference.configuration import Configuration
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused, Waiting
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import MAP_REQUEST, PIN_REQUEST, UNMAP_REQUEST

EBUSY, EDEADLOCK, EINVAL, ENOENT, EOVERFLOW, EPERM = map(
    Refused, ("EBUSY", "EDEADLOCK", "EINVAL", "ENOENT", "EOVERFLOW", "EPERM")
)
READ, WRITE, BOTH = 1, 2, 3


@pytest.fixture
def bench() -> Bench:
    """tb0 has areas m0 of a2 and a3 for reading, m1 of a4 and a5 for both; tb1 has none. d0 and d1 are attached to tb0; d0's driver lets go."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 2, "table": 3, "device": 2, "address": 8, "mapping": 4}
    known = Configuration(
        *(sizes, (0, 0), (False, False), (), (), (0, 0)),
        may_be_chosen=(True,) * 8,
        lets_go=(True, False),
        most_tries=(2, 2, 2),
    )
    made = Bench(Kernel("dma-ioas:accesses", known))
    assert [made.do("ioas_alloc", made=table) for table in (0, 1)] == [Done(), Done()]
    assert ioas_map(made, 2, 3, 0, READ) == ioas_map(made, 4, 5, 1, BOTH) == Done()
    assert attach(made, 0, 0) == attach(made, 1, 0) == Done()
    return made


def ioas_map(bench: Bench, low: int, high: int, made: int, to: int) -> object:
    """IOAS_MAP into tb0, with FIXED_IOVA."""
    request = MAP_REQUEST.values.index("range")
    return bench.do("ioas_map_fixed", table=0, request=request, low=low, high=high, to=to, made=made)


def attach(bench: Bench, device: int, table: int) -> object:
    """ATTACH_IOMMUFD_PT."""
    return bench.do("attach", device=device, table=table)


def pin(bench: Bench, low: int, high: int, device: int = 0, to: int = READ, request: str = "range") -> object:
    """iommufd_access_pin_pages."""
    asked = PIN_REQUEST.values.index(request)
    return bench.do("pin_pages", device=device, request=asked, low=low, high=high, to=to)


def unmap(bench: Bench, low: int, high: int) -> object:
    """IOAS_UNMAP of tb0."""
    return bench.do("ioas_unmap", table=0, request=UNMAP_REQUEST.values.index("range"), low=low, high=high)


def pinned(bench: Bench, device: int = 0) -> set[int]:
    """The addresses that a driver has pinned."""
    return {address for address in range(8) if bench.see("page_pinned", device, address)}


def test_a_pin_of_areas_that_touch_has_pages_of_both(bench: Bench) -> None:
    """From inside the first one to inside the second."""
    assert pin(bench, 3, 4) == Done()

    assert pinned(bench) == {3, 4}
    assert [bench.see("area_pinned", 0, area) for area in (0, 1)] == [1, 1]


@pytest.mark.parametrize(
    ("low", "high", "to", "request_", "refused"),
    [
        (4, 4, READ, "empty", EINVAL),
        (4, 4, READ, "wraps", EOVERFLOW),
        (2, 2, WRITE, "range", EPERM),
        (3, 4, WRITE, "range", EPERM),
        (5, 6, READ, "range", ENOENT),
        (1, 2, WRITE, "range", ENOENT),
    ],
)
def test_a_pin_that_is_refused_leaves_nothing(  # what there is to ask
    bench: Bench, low: int, high: int, to: int, request_: str, refused: Refused
) -> None:
    """The first area with something against it says what, and a gap ahead of it that nothing is there."""
    assert pin(bench, low, high, to=to, request=request_) == refused

    assert pinned(bench) == set()


def test_an_access_that_is_attached_to_nothing_pins_nothing(bench: Bench) -> None:
    """ENOENT."""
    assert bench.do("detach", device=0) == Done()

    assert pin(bench, 4, 4) == ENOENT


def test_an_unmap_has_a_driver_let_go(bench: Bench) -> None:
    """Of the area, and of nothing else."""
    assert pin(bench, 3, 4) == Done()

    assert unmap(bench, 2, 3) == Done((("size", 2),))

    assert pinned(bench) == {4}


def test_an_unmap_gives_up_on_a_driver_that_does_not_let_go(bench: Bench) -> None:
    """EDEADLOCK; the area stays, and stays shut."""
    assert pin(bench, 4, 4, device=1) == pin(bench, 5, 5) == Done()

    assert unmap(bench, 4, 5) == EDEADLOCK

    assert (pinned(bench), pinned(bench, 1)) == (set(), {4})
    assert pin(bench, 5, 5) == EINVAL
    assert bench.do("unpin_pages", device=1, address=4) == Done()
    assert unmap(bench, 4, 5) == Done((("size", 2),))


def test_nothing_is_pinned_of_an_area_while_drivers_are_told(bench: Bench) -> None:
    """It was shut before its locks were let go."""
    assert pin(bench, 4, 4, device=1) == Done()
    asked = {"table": 0, "request": UNMAP_REQUEST.values.index("range"), "low": 4, "high": 5}
    assert bench.begin("th0", "ioas_unmap", **asked) == Paused("ioas_unmap.remove")
    assert bench.step("th0") == Paused("ioas_unmap.callback")

    assert pin(bench, 5, 5) == EINVAL

    assert bench.see("area_told", 1) == 1


def test_an_access_that_moves_pins_nothing_until_it_has(bench: Bench) -> None:
    """Neither in the old one nor in the new one, which both stay meanwhile; a second change waits."""
    assert pin(bench, 4, 4) == Done()
    assert bench.begin("th0", "attach", device=0, table=1) == Paused("attach.leave")

    assert pin(bench, 5, 5) == ENOENT
    assert bench.do("destroy", table=1) == EBUSY
    assert bench.begin("th1", "detach", device=0) == Waiting()
    assert pinned(bench) == {4}

    assert bench.step("th0") == Done()
    assert pinned(bench) == set()
    assert bench.see("device_told", 0) == "tb1"


def test_an_address_space_with_an_access_is_not_destroyed(bench: Bench) -> None:
    """EBUSY until the last one has left."""
    assert bench.do("destroy", table=0) == EBUSY

    assert [bench.do("detach", device=device) for device in (0, 1)] == [Done(), Done()]
    assert bench.do("destroy", table=0) == Done()
