"""What a device file of 2011 tells of its device, in the bytes of the RFC's structures; and RESET."""

from __future__ import annotations

import pytest
from tests.reference.conftest import Bench
from tests.reference.rfc2011.calls import DEVICE, EINVAL, ENODEV, G0, G1, OK, get_device

from tenure.vocabulary.answers import Done
from tenure.vocabulary.observables import ROOM
from tenure.vocabulary.types import NONE

ENOUGH, TOO_LITTLE, MORE = map(ROOM.values.index, ("enough", "too little", "more"))
KEPT = "kept", True
FIRST, SECOND = (G0, 0), (G1, 1)
"""The devices d0 and d1, each with the group whose file hands it out."""


def told(bench: Bench, device: tuple[int, int], call: str, **what: int) -> object:
    """What the device's file answers to the call."""
    assert get_device(bench, *device) == OK
    return bench.do(call, process=0, file=DEVICE, **what)


def test_a_device_says_whether_it_can_be_reset_and_has_a_path(bench: Bench) -> None:
    """The flags RESET and DT."""
    assert told(bench, FIRST, "get_device_flags") == Done((("resets", True), ("in_tree", True)))


def test_holes_count_as_regions(bench: Bench) -> None:
    """Of two regions one is a hole."""
    assert told(bench, FIRST, "get_num_regions") == Done((("count", 2),))


def test_the_indexes_of_a_device_are_counted(bench: Bench) -> None:
    """Those of another device are not."""
    assert told(bench, SECOND, "get_num_irqs") == Done((("count", 1),))


def region(*, size: int, offset: int, mappable: bool = False, read_only: bool = False, phys: int | None = None) -> Done:
    """The answer to GET_REGION_INFO; `phys` is none where the address is not told."""
    where = (("phys_valid", phys is not None), ("phys", phys or 0))
    return Done((("size", size), ("offset", offset), ("mappable", mappable), ("read_only", read_only), *where, KEPT))


def test_a_hole_is_told_with_size_0(bench: Bench) -> None:
    """It is no error: the index is there."""
    hole = region(size=0, offset=1 << 40)
    assert told(bench, FIRST, "get_region_info", region=1, room=ENOUGH) == hole


def test_a_physical_address_is_told_where_it_is_said_to_be_valid(bench: Bench) -> None:
    """With the flag PHYS_VALID."""
    mapped = region(size=4096, offset=0, mappable=True, phys=1 << 20)
    assert told(bench, FIRST, "get_region_info", region=0, room=ENOUGH) == mapped


@pytest.mark.parametrize("room", [ENOUGH, MORE])
def test_who_has_more_room_is_told_the_same(bench: Bench, room: int) -> None:
    """What is behind the structure stays as it was; an address that is not told is 0."""
    whole = region(size=64, offset=1 << 41, read_only=True)
    assert told(bench, SECOND, "get_region_info", region=2, room=room) == whole


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("get_region_info", {"region": 0}),
        ("get_irq_info", {"index": 0}),
        ("get_dtpath", {}),
        ("get_dtindex", {"region": 0, "index": NONE}),
    ],
)
def test_who_has_too_little_room_is_refused(bench: Bench, call: str, what: dict[str, int]) -> None:
    """EINVAL, whatever is asked for."""
    assert told(bench, FIRST, call, room=TOO_LITTLE, **what) == EINVAL


@pytest.mark.parametrize(("call", "what"), [("get_region_info", {"region": 2}), ("get_irq_info", {"index": 1})])
def test_a_number_beyond_the_last_is_refused(bench: Bench, call: str, what: dict[str, int]) -> None:
    """What another device has, this one has not."""
    assert told(bench, FIRST, call, room=ENOUGH, **what) == EINVAL


def test_an_interrupt_index_is_told_by_its_count(bench: Bench) -> None:
    """Four lines, of edges."""
    assert told(bench, SECOND, "get_irq_info", index=1, room=ENOUGH) == Done((("count", 4), ("level", False), KEPT))


@pytest.mark.parametrize(("device", "answer"), [(FIRST, Done((KEPT,))), (SECOND, ENODEV)])
def test_a_path_is_told_where_there_is_a_device_tree(bench: Bench, device: tuple[int, int], answer: object) -> None:
    """ENODEV elsewhere, however much room there is."""
    assert told(bench, device, "get_dtpath", room=ENOUGH) == answer


@pytest.mark.parametrize(("device", "answer"), [(FIRST, OK), (SECOND, EINVAL)])
def test_a_device_is_reset_where_it_says_that_it_can_be(bench: Bench, device: tuple[int, int], answer: object) -> None:
    """EINVAL elsewhere."""
    assert told(bench, device, "reset_device") == answer


@pytest.mark.parametrize(
    ("asked", "answer"),
    [((0, NONE), ("ranges", 3)), ((NONE, 0), ("interrupts", 2))],
    ids=["region", "interrupts"],
)
def test_a_property_and_an_entry_are_told_of_a_region_or_an_index(
    bench: Bench, asked: tuple[int, int], answer: tuple[str, int]
) -> None:
    """Whichever the flags of the structure say."""
    property_, entry = answer
    found = Done((("property", property_), ("property_index", entry), KEPT))
    region, index = asked
    assert told(bench, FIRST, "get_dtindex", region=region, index=index, room=ENOUGH) == found


@pytest.mark.parametrize(
    "asked", [(NONE, NONE), (0, 0), (1, NONE), (2, NONE), (NONE, 1)], ids=["neither", "both", "hole", "region", "index"]
)
def test_no_property_is_told_of_nothing_of_two_of_a_hole_and_of_what_is_not_there(
    bench: Bench, asked: tuple[int, int]
) -> None:
    """EINVAL."""
    region, index = asked
    assert told(bench, FIRST, "get_dtindex", region=region, index=index, room=ENOUGH) == EINVAL


def test_no_property_is_told_of_a_device_in_no_tree(bench: Bench) -> None:
    """ENODEV, before anything else is looked at."""
    assert told(bench, SECOND, "get_dtindex", region=2, index=0, room=TOO_LITTLE) == ENODEV
