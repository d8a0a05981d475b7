"""Areas that share memory in the reference: IOAS_COPY and the errno of each refusal, and what is pinned and charged when."""

from __future__ import annotations

import pytest
from tests.reference.conftest import SIZES, Bench

from tenure.reference.configuration import Configuration
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.observables import AUTO_COPY_REQUEST, COPY_REQUEST, MAP_REQUEST, UNMAP_REQUEST

EBUSY, EEXIST, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP, EOVERFLOW, EPERM = map(
    Refused, ("EBUSY", "EEXIST", "EINVAL", "ENOENT", "ENOSPC", "EOPNOTSUPP", "EOVERFLOW", "EPERM")
)
NONE, READ, WRITE = 0, 1, 2
ASKED = {"source_table": 0, "request": COPY_REQUEST.values.index("range"), "to": READ}


@pytest.fixture
def bench() -> Bench:
    """IO address spaces tb0 and tb1 of eight addresses, of which tb0 has an area m0 of a2 to a5 for reading; and a free id, tb2."""
    sizes = dict.fromkeys(SIZES, 0) | {
        "thread": 2,
        "table": 3,
        "device": 2,
        "address": 8,
        "mapping": 4,
        "iopt_pages": 2,
    }
    known = Configuration(sizes, (0, 0), (False, False), (), (), (0, 0), may_be_chosen=(True,) * 8)
    made = Bench(Kernel("dma-ioas:copies", known))
    assert [made.do("ioas_alloc", made=table) for table in (0, 1)] == [Done(), Done()]
    assert ioas_map(made, 2, 5, 0) == Done()
    return made


def ioas_map(bench: Bench, low: int, high: int, made: int, pages: int = 0, to: int = READ) -> object:
    """IOAS_MAP into tb0, with FIXED_IOVA."""
    request = MAP_REQUEST.values.index("range")
    return bench.do("ioas_map_fixed", table=0, request=request, low=low, high=high, to=to, made=made, pages=pages)


def ioas_copy(bench: Bench, low: int, length: int, begin: int, **others: int) -> object:
    """IOAS_COPY from tb0 to tb1, as m1, with FIXED_IOVA, of as many addresses as there are up to this one."""
    return bench.do(
        "ioas_copy_fixed", **{"table": 1, "made": 1, **ASKED, **others}, low=low, length=length, begin=begin
    )


def ioas_copy_anywhere(bench: Bench, low: int, length: int, **others: int) -> object:
    """The same without FIXED_IOVA."""
    request = AUTO_COPY_REQUEST.values.index("range")
    asked = {"table": 1, "made": 1, **ASKED, "request": request, **others}
    return bench.do("ioas_copy", **asked, low=low, length=length)


def ioas_unmap(bench: Bench, low: int, high: int, table: int = 0) -> object:
    """IOAS_UNMAP."""
    return bench.do("ioas_unmap", table=table, request=UNMAP_REQUEST.values.index("range"), low=low, high=high)


def charged(bench: Bench) -> list[object]:
    """How often each of the first four pages of ip0 is."""
    return [bench.see("memory_charged", 0, page) for page in range(4)]


def attach(bench: Bench, device: int, table: int) -> object:
    """VFIO_DEVICE_ATTACH_IOMMUFD_PT."""
    return bench.do("attach", device=device, table=table)


@pytest.mark.parametrize(
    ("asked", "to", "source", "errno"),
    [
        ("unknown", NONE, 2, EOPNOTSUPP),
        ("too large", NONE, 2, EOVERFLOW),
        ("empty", NONE, 2, EINVAL),
        ("empty", READ, 2, ENOENT),
        ("empty", READ, 0, EINVAL),
        ("source wraps", READ, 0, EOVERFLOW),
    ],
)
def test_a_copy_is_refused_for_the_first_of_its_mistakes(
    bench: Bench, asked: str, to: int, source: int, errno: Refused
) -> None:
    """Before the source's range is looked up, and where the copy is to be; nothing has changed."""
    before = bench.kernel.snapshot()
    mistakes = {"request": COPY_REQUEST.values.index(asked), "to": to, "source_table": source, "table": 2}

    assert ioas_copy(bench, 1, 1, 1, **mistakes) == errno

    assert bench.kernel.snapshot() == before


def test_a_copy_looks_at_its_source_and_then_at_where_it_is_to_be(bench: Bench) -> None:
    """A gap in the source, the other address space, a range that wraps, one that is taken, memory that is not for writing."""
    wraps = COPY_REQUEST.values.index("wraps")
    before = bench.kernel.snapshot()

    assert ioas_copy(bench, 1, 2, 0, table=2) == ENOENT
    assert ioas_copy(bench, 2, 2, 0, table=2) == ENOENT
    assert ioas_copy(bench, 2, 2, 2, request=wraps, to=WRITE, table=0) == EOVERFLOW
    assert ioas_copy(bench, 2, 2, 0, table=0, to=WRITE) == EEXIST
    assert ioas_copy(bench, 2, 2, 0, to=WRITE) == EPERM
    assert ioas_copy_anywhere(bench, 2, 2, table=0, to=WRITE) == ENOSPC
    assert ioas_copy_anywhere(bench, 2, 2, to=WRITE) == EPERM
    assert ioas_copy_anywhere(bench, 2, 2, table=2) == ENOENT
    assert bench.kernel.snapshot() == before


def test_a_copy_leads_to_a_part_of_what_its_source_leads_to(bench: Bench) -> None:
    """Of a copy of a copy the part is counted from the first page of all."""
    assert ioas_copy(bench, 3, 2, 0) == Done()
    assert ioas_copy_anywhere(bench, 1, 1, source_table=1, made=2) == Done((("iova", "a3"),))

    assert [bench.see("mapping_pages_object", m) for m in range(3)] == ["ip0"] * 3
    assert [bench.see("mapping_offset", m) for m in range(3)] == [0, 1, 2]


def test_memory_is_charged_once_however_many_lead_to_it(bench: Bench) -> None:
    """From the first device of any of them to the last; of what only some of them have, just that part."""
    ioas_copy(bench, 3, 1, 0)
    assert charged(bench) == [0, 0, 0, 0]

    attach(bench, 0, 1)
    assert charged(bench) == [0, 1, 1, 0]
    attach(bench, 1, 0)
    assert charged(bench) == [1, 1, 1, 1]
    assert ioas_copy(bench, 2, 3, 4, made=2) == Done()
    assert charged(bench) == [1, 1, 1, 1]
    assert bench.do("detach", device=1) == Done()
    assert charged(bench) == [1, 1, 1, 1]
    ioas_unmap(bench, 4, 7, table=1)
    assert charged(bench) == [0, 1, 1, 0]


def test_an_unmap_gives_back_only_what_no_copy_uses(bench: Bench) -> None:
    """The copy outlives what it was copied from, and with it the pages object, until it goes itself."""
    attach(bench, 0, 0)
    attach(bench, 1, 1)
    ioas_copy(bench, 2, 1, 0)

    ioas_unmap(bench, 2, 5)
    assert charged(bench) == [1, 1, 0, 0]
    assert bench.see("memory_there", 0) is True
    ioas_unmap(bench, 0, 1, table=1)
    assert charged(bench) == [0, 0, 0, 0]
    assert bench.see("memory_there", 0) is False


def test_two_maps_are_two_pages_objects(bench: Bench) -> None:
    """Each is charged for itself; a name that is in use is no new one."""
    attach(bench, 0, 0)

    assert not bench.can("ioas_map_fixed", table=0, request=0, low=0, high=1, to=READ, made=1, pages=0)
    assert ioas_map(bench, 0, 1, 1, pages=1) == Done()
    assert [bench.see("memory_charged", 1, page) for page in range(3)] == [1, 1, 0]


def test_the_source_may_go_while_a_copy_is_under_way(bench: Bench) -> None:
    """The copy's reference keeps the pages object, and nobody else may have its name or the new area's."""
    copied = {"table": 1, "made": 1, **ASKED, "low": 2, "length": 3, "begin": 0}
    assert bench.begin("th0", "ioas_copy_fixed", **copied) == Paused("ioas_copy_fixed.map")

    ioas_unmap(bench, 2, 5)
    bench.do("destroy", table=0)
    assert bench.see("memory_there", 0) is True
    assert not bench.can("ioas_map_fixed", table=1, request=0, low=0, high=1, to=READ, made=1, pages=1)

    assert bench.step("th0") == Done()
    assert bench.see("mapping_pages_object", 1) == "ip0"


def test_an_address_space_with_a_device_is_not_destroyed(bench: Bench) -> None:
    """EBUSY; after it has left, all areas go, and what was shared stays where it is shared."""
    ioas_copy(bench, 2, 1, 0)
    attach(bench, 0, 0)

    assert bench.do("destroy", table=0) == EBUSY
    bench.do("detach", device=0)
    assert bench.do("destroy", table=0) == Done()
    assert bench.see("memory_there", 0) is True
    assert bench.do("destroy", table=1) == Done()
    assert bench.see("memory_there", 0) is False
