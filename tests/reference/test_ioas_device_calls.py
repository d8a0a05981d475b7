"""Devices on IO address spaces: what they reserve, whole pages, and the errno of each refusal."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench
from tests.reference.test_ioas_calls import ioas_allow, ioas_map, ioas_map_anywhere, ioas_unmap, removed

from tenure.reference.configuration import Configuration
from tenure.reference.kernel import Kernel
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import RANGES_REQUEST

EADDRINUSE, EBUSY, EINVAL, EMSGSIZE, ENOENT, ENOSPC, EOPNOTSUPP = map(
    Refused, ("EADDRINUSE", "EBUSY", "EINVAL", "EMSGSIZE", "ENOENT", "ENOSPC", "EOPNOTSUPP")
)
EOVERFLOW = Refused("EOVERFLOW")


@pytest.fixture
def bench() -> Bench:
    """Pages of two addresses; d0 reserves a4 and a5, and d1 reserves nothing; tb0 is there, and tb1 is a free id."""
    sizes = dict.fromkeys(SIZES, 0) | {"thread": 1, "table": 2, "device": 2, "address": 8, "mapping": 4}
    reserves = (False,) * 4 + (True,) * 2 + (False,) * 10
    pages = (True, False) * 4
    nothing = (0, 0), (False, False), (), (), (0, 0)
    chosen = (True,) * 8
    known = Configuration(sizes, *nothing, may_be_chosen=chosen, begins_page=pages, reserves=reserves)
    made = Bench(Kernel("dma-ioas:devices", known))
    assert made.do("ioas_alloc", made=0) == Done()
    return made


def attach(bench: Bench, device: int, table: int = 0) -> object:
    """VFIO_DEVICE_ATTACH_IOMMUFD_PT."""
    return bench.do("attach", device=device, table=table)


def is_valid(bench: Bench, address: int, request: str = "room", table: int = 0) -> object:
    """IOAS_IOVA_RANGES."""
    return bench.do("ioas_iova_ranges", table=table, request=RANGES_REQUEST.values.index(request), address=address)


def test_what_a_device_reserves_is_mapped_by_nobody_while_it_is_attached(bench: Bench) -> None:
    """EINVAL, before an area that is there is looked at; afterwards the addresses are as any other."""
    assert attach(bench, 0) == Done()

    assert ioas_map(bench, 2, 5, 0) == EINVAL
    assert ioas_map(bench, 2, 3, 0) == Done()
    assert ioas_map(bench, 2, 5, 1) == EINVAL
    assert bench.do("detach", device=0) == Done()
    assert ioas_map(bench, 4, 5, 1) == Done()


def test_beside_a_device_an_area_is_of_whole_pages(bench: Bench) -> None:
    """EINVAL before the range is found to wrap or to be taken; what was asked for without a device may be of any bytes."""
    assert ioas_map(bench, 0, 0, 0) == Done()
    ioas_unmap(bench, 0, 7)
    attach(bench, 1)

    assert ioas_map(bench, 0, 0, 0) == EINVAL
    assert ioas_map(bench, 1, 2, 0) == EINVAL
    assert ioas_map(bench, 0, 0, 0, "wraps") == EOVERFLOW
    assert ioas_map_anywhere(bench, 0, 0) == EINVAL
    assert ioas_map_anywhere(bench, 0, 0, "half") == EOVERFLOW
    assert ioas_map(bench, 0, 1, 0) == Done()


def test_the_kernel_chooses_whole_pages_that_nobody_reserves(bench: Bench) -> None:
    """Behind an area of part of a page the next page is taken; where there is no room but the reserved, ENOSPC."""
    ioas_map(bench, 0, 1, 0)
    attach(bench, 0)

    assert ioas_map_anywhere(bench, 1, 1) == Done((("iova", "a2"),))
    assert ioas_map_anywhere(bench, 1, 2) == Done((("iova", "a6"),))
    assert ioas_map_anywhere(bench, 1, 3) == ENOSPC


def test_a_device_does_not_come_to_where_its_addresses_are_mapped_or_allowed(bench: Bench) -> None:
    """EADDRINUSE, and it stays where it was."""
    ioas_map(bench, 5, 5, 0)

    assert attach(bench, 0) == EADDRINUSE
    ioas_unmap(bench, 5, 5)
    ioas_allow(bench, (0, 7))
    assert attach(bench, 0) == EADDRINUSE
    ioas_allow(bench)
    assert attach(bench, 0) == Done()


def test_a_device_does_not_come_to_parts_of_pages(bench: Bench) -> None:
    """EADDRINUSE; another one beside it finds whole pages."""
    ioas_map(bench, 0, 0, 0)

    assert attach(bench, 1) == EADDRINUSE
    assert ioas_unmap(bench, 0, 0) == removed(1)
    assert attach(bench, 1) == Done()


def test_what_a_device_reserves_is_not_allowed(bench: Bench) -> None:
    """EADDRINUSE, after ranges that are wrong in themselves, and what was allowed before stays."""
    ioas_allow(bench, (0, 1))
    attach(bench, 0)

    assert ioas_allow(bench, (0, 5)) == EADDRINUSE
    assert ioas_allow(bench, (0, 1), (4, 7)) == EADDRINUSE
    assert ioas_allow(bench, (0, 5), (4, 7)) == EINVAL
    assert ioas_map_anywhere(bench, 1, 0) == Done((("iova", "a0"),))
    assert ioas_map_anywhere(bench, 1, 1) == ENOSPC
    assert ioas_allow(bench) == Done()


def test_an_address_space_with_a_device_is_not_destroyed(bench: Bench) -> None:
    """EBUSY, until the last one leaves; a device leaves by an attach elsewhere, too."""
    attach(bench, 1)
    assert bench.do("destroy", table=0) == EBUSY

    bench.do("ioas_alloc", made=1)
    assert attach(bench, 1, 1) == Done()
    assert bench.do("destroy", table=0) == Done()
    assert bench.do("destroy", table=1) == EBUSY


def test_an_attach_to_what_is_not_there_leaves_the_device_where_it_was(bench: Bench) -> None:
    """ENOENT; a device that is attached already finds nothing in the way."""
    attach(bench, 0)

    assert attach(bench, 0, 1) == ENOENT
    assert attach(bench, 0) == Done()
    assert ioas_map(bench, 4, 5, 0) == EINVAL


def test_the_ranges_are_those_that_no_device_reserves(bench: Bench) -> None:
    """The reserved field is looked at first, then the id; with no room for them, EMSGSIZE."""
    assert is_valid(bench, 4) == Done((("valid", True),))
    attach(bench, 0)

    assert is_valid(bench, 4) == Done((("valid", False),))
    assert is_valid(bench, 3) == Done((("valid", True),))
    assert is_valid(bench, 3, "unknown", 1) == EOPNOTSUPP
    assert is_valid(bench, 3, "too small", 1) == ENOENT
    assert is_valid(bench, 3, "too small") == EMSGSIZE
