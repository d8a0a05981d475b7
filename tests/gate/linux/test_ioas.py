"""IO address spaces on a guest: what a call of the rules is in bytes, and what the kernel says of them."""

from __future__ import annotations

import struct
from itertools import product
from typing import cast

import pytest
from tests.gate.linux.playing_iommufd import Iommu, setup

from tenure.gate.linux import spaces
from tenure.gate.linux.batch import Batch, Round, There
from tenure.gate.linux.edges import PAGE
from tenure.gate.linux.facts import Facts
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.ioas import IoSpaces
from tenure.gate.linux.ioas_requests import EDGES, LARGEST, LONGEST
from tenure.gate.linux.iommufd import NO_OBJECT, IommuIoctl
from tenure.gate.subject import NotRun, TargetFailed, Written
from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.observables import MAP_REQUEST, UNMAP_REQUEST
from tenure.vocabulary.types import Choice


@pytest.fixture(autouse=True)
def _nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that has iommufds."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["iommu", "vfio"])


@pytest.fixture
def iommu() -> Iommu:
    """It does all as it should."""
    return Iommu()


@pytest.fixture
def adapter(iommu: Iommu, facts: Facts) -> IoSpaces:
    """An adapter after a reset."""
    made = IoSpaces(cast("Guest", iommu), facts)
    made.reset(setup())
    iommu.asked.clear()
    return made


def made(iommu: Iommu, adapter: IoSpaces, *calls: tuple[str, dict[str, Written]]) -> list[Answer | None]:
    """Make calls in one exchange; their answers."""
    using = Round()
    asked = [adapter.ask(call, args, using) for call, args in calls]
    iommu.asked.clear()
    iommu.ask(*using.batches)
    return [read() for read in asked]


def shown(iommu: Iommu, adapter: IoSpaces) -> dict[str, Written]:
    """Which IO address spaces are there."""
    using = Round()
    read = adapter.look(using)
    iommu.ask(*using.batches)
    return read()["space_exists"]


def about(request: str, low: int, high: int | None = None) -> dict[str, Written]:
    """The arguments of a map or an unmap in the first IO address space."""
    ends = {"low": f"a{EDGES.index(low)}", "high": f"a{EDGES.index(low if high is None else high)}"}
    return {"table": "tb0", "request": request, **ends, "to": "both", "made": "m0"}


ALLOC: tuple[str, dict[str, Written]] = ("ioas_alloc", {"made": "tb0"})
DESTROY: tuple[str, dict[str, Written]] = ("destroy", {"table": "tb0"})


def mapped(
    iommu: Iommu, adapter: IoSpaces, request: str, low: int, high: int | None = None, to: str = "both"
) -> tuple[int, ...]:
    """Flags, number, reserved, memory, length and address of the IOAS_MAP that a call becomes."""
    args = {**about(request, low, high), "to": to}
    made(iommu, adapter, ("ioas_map_fixed", args))
    ((request_, structure),) = iommu.asked
    size, *found = struct.unpack("<IIIIQQQ", structure)
    assert (request_, size) == (IommuIoctl.IOAS_MAP, 40)
    return tuple(found)


def unmapped(iommu: Iommu, adapter: IoSpaces, request: str, low: int, high: int | None = None) -> tuple[int, ...]:
    """Number, address and length of the IOAS_UNMAP that a call becomes."""
    made(iommu, adapter, ("ioas_unmap", about(request, low, high)))
    ((request_, structure),) = iommu.asked
    size, *found = struct.unpack("<IIQQ", structure)
    assert (request_, size) == (IommuIoctl.IOAS_UNMAP, 24)
    return tuple(found)


def test_a_range_is_all_bytes_from_the_first_to_the_last(iommu: Iommu, adapter: IoSpaces) -> None:
    """Both of them; the memory behind it is nowhere, and holds what it must."""
    made(iommu, adapter, ALLOC)
    low, high = LARGEST - PAGE, LARGEST

    flags, number, _, memory, size, address = mapped(iommu, adapter, "range", low, high)

    assert (flags, number, size, address) == (7, 1, PAGE + 1, low)
    assert memory + size <= LARGEST
    assert unmapped(iommu, adapter, "range", low, high) == (1, low, PAGE + 1)


@pytest.mark.parametrize(("to", "flags"), [("none", 1), ("write", 3), ("read", 5), ("both", 7)])
def test_an_access_is_two_flags(iommu: Iommu, adapter: IoSpaces, to: str, flags: int) -> None:
    """And a third says that the address is the caller's."""
    assert mapped(iommu, adapter, "range", 0, to=to)[0] == flags


@pytest.mark.parametrize("low", EDGES)
@pytest.mark.parametrize("request_", MAP_REQUEST.values)
def test_what_is_wrong_with_a_map_is_wrong_and_nothing_else_is(
    iommu: Iommu, adapter: IoSpaces, request_: str, low: int
) -> None:
    """At whatever address it can be asked for."""
    if not adapter.able("ioas_map_fixed", about(request_, low)):
        assert low == LARGEST or request_ == "range"
        return

    flags, _, reserved, memory, size, address = mapped(iommu, adapter, request_, low)

    wrong = {
        "unknown": bool(flags & ~7),
        "too large": LARGEST in (address, size),
        "target wraps": memory + size > LARGEST,
        "empty": not size or size > LONGEST["ioas_map_fixed"],
        "wraps": address + size - 1 > LARGEST,
    }
    first = next((name for name in wrong if wrong[name]), "range")
    assert (first, reserved) == (request_, 0)
    if request_ in ("target wraps", "range"):
        assert not wrong["wraps"]


@pytest.mark.parametrize("low", EDGES)
@pytest.mark.parametrize("request_", UNMAP_REQUEST.values)
def test_what_is_wrong_with_an_unmap_is_wrong_and_nothing_else_is(
    iommu: Iommu, adapter: IoSpaces, request_: str, low: int
) -> None:
    """It never asks for all of the address space by mistake."""
    if not adapter.able("ioas_unmap", about(request_, low)):
        assert low == LARGEST
        return

    _, address, size = unmapped(iommu, adapter, request_, low)

    wrong = {
        "too large": LARGEST in (address, size),
        "empty": not size,
        "wraps": address + size - 1 > LARGEST,
    }
    assert next((name for name in wrong if wrong[name]), "range") == request_
    assert (address, size) != (0, LARGEST)


def test_what_is_wrong_is_wrong_in_one_way_or_in_another(iommu: Iommu, adapter: IoSpaces) -> None:
    """Length and memory of each request, or which of its numbers is too large: by the address at which it is made."""

    def ways(request: str) -> list[tuple[int, ...]]:
        able = [low for low in EDGES if adapter.able("ioas_map_fixed", about(request, low))]
        return [mapped(iommu, adapter, request, low)[3:] for low in able]

    longest = LONGEST["ioas_map_fixed"]
    assert {size for _, size, _ in ways("empty")} == {0, longest + 1}
    assert {memory + size - LARGEST for memory, size, _ in ways("target wraps")} == {1, 2}
    assert {address + size - LARGEST for _, size, address in ways("wraps")} > {2}
    assert longest in {size for _, size, _ in ways("wraps")}
    assert {(size == LARGEST, address == LARGEST) for _, size, address in ways("too large")} == {
        (True, False),
        (False, True),
    }


@pytest.mark.parametrize(("call", "requests"), [("ioas_map_fixed", MAP_REQUEST), ("ioas_unmap", UNMAP_REQUEST)])
def test_every_request_is_made_in_some_way(adapter: IoSpaces, call: str, requests: Choice) -> None:
    """At the first address each, at the last byte only what does not look at it."""
    assert [one for one in requests.values if adapter.able(call, about(one, EDGES[0]))] == [*requests.values]
    last = {one for one in requests.values if adapter.able(call, about(one, LARGEST))}
    assert last == {"too large", "unknown"} & set(requests.values)


def test_a_length_that_no_call_takes_is_not_asked_for(adapter: IoSpaces) -> None:
    """Behind what is mapped a page must fit, and ULONG_MAX bytes are too many for both."""
    long, beyond = about("range", PAGE - 1, LARGEST - PAGE), about("range", PAGE - 1, LARGEST)

    assert adapter.able("ioas_map_fixed", long)
    assert not adapter.able("ioas_map_fixed", beyond)
    assert adapter.able("ioas_unmap", beyond)
    assert not adapter.able("ioas_unmap", about("range", 0, LARGEST))


def test_no_areas_that_can_be_asked_for_are_all_of_the_address_space(adapter: IoSpaces) -> None:
    """The kernel would say that none of it went: not by what the caller places, and not with pages that the kernel chooses."""
    spans = [(a, b) for a, b in product(EDGES, EDGES) if a <= b]
    fixed = [one for one in spans if adapter.able("ioas_map_fixed", about("range", *one))]
    chosen = [(a, a + PAGE - 1) for a in EDGES if a % PAGE == 0 and a + PAGE - 1 in EDGES]
    begun, reached = {0}, set[int]()
    while begun:
        reached |= (ends := {last for first, last in (*fixed, *chosen) if first in begun} - reached)
        begun = {last + 1 for last in ends}

    assert max(reached) == 3 * PAGE - 1
    assert {first for first, _ in fixed} >= {0, PAGE}
    assert {(PAGE - 1, LARGEST - 2 * PAGE), (LARGEST - PAGE, LARGEST)} <= {*fixed}


def test_all_is_asked_for_by_the_largest_length(iommu: Iommu, adapter: IoSpaces) -> None:
    """From 0 on; what went is told in bytes."""
    first = {**about("range", LARGEST - PAGE, LARGEST), "to": "read"}
    second = {**about("range", 0), "to": "read", "made": "m1"}

    answers = made(
        iommu,
        adapter,
        ALLOC,
        ("ioas_map_fixed", first),
        ("ioas_map_fixed", second),
        ("ioas_unmap_all", {"table": "tb0"}),
    )

    assert answers == [Done(()), Done(()), Done(()), Done((("size", PAGE + 2),))]
    assert struct.unpack("<IIQQ", iommu.asked[-1][1]) == (24, 1, 0, LARGEST)


def test_a_number_is_what_the_kernel_wrote_also_in_a_run_that_is_made_ahead(iommu: Iommu, adapter: IoSpaces) -> None:
    """One that is gone keeps its own until another may get this, and then it has one that nobody has."""
    other: tuple[str, dict[str, Written]] = ("ioas_alloc", {"made": "tb1"})

    answers = made(iommu, adapter, DESTROY, ALLOC, DESTROY, DESTROY, other, DESTROY, ("destroy", {"table": "tb1"}))

    assert not any(adapter.last(call) for call in adapter.calls)
    numbers = [struct.unpack("<II", said)[1] for request, said in iommu.asked if request == IommuIoctl.DESTROY]
    assert numbers == [NO_OBJECT, 1, 1, NO_OBJECT, 1]
    gone, ok = Refused("ENOENT"), Done(())
    assert answers == [gone, ok, ok, gone, ok, gone, ok]


@pytest.mark.parametrize("offset", [0, 4, 8, 12])
def test_a_number_of_another_place_is_put_alone(iommu: Iommu, offset: int) -> None:
    """What is before it and behind it stays, and what is put next."""
    batch = Batch("0")
    there = batch.put_last(struct.pack("<I", 7), 8)
    at = batch.put_with_number(bytes([1] * 16), offset, There(there.offset))
    after = batch.put(bytes([2] * 16))

    iommu.ask(batch)

    told = bytes(iommu.arena[at.offset : at.offset + 16])
    assert told == bytes([1] * offset) + struct.pack("<I", 7) + bytes([1] * (12 - offset))
    assert bytes(iommu.arena[after.offset : after.offset + 16]) == bytes([2] * 16)
    assert after.offset >= at.offset + offset + 8


def test_what_is_there_is_what_the_kernel_finds(iommu: Iommu, adapter: IoSpaces) -> None:
    """It is asked for the ranges of each, and another refusal is told as it is."""
    assert shown(iommu, adapter) == {"tb0": False, "tb1": False}
    made(iommu, adapter, ALLOC)
    assert shown(iommu, adapter) == {"tb0": True, "tb1": False}
    iommu.ranges = ()
    assert shown(iommu, adapter) == {"tb0": True, "tb1": False}
    iommu.keeps = True
    made(iommu, adapter, DESTROY)
    assert shown(iommu, adapter) == {"tb0": True, "tb1": False}
    iommu.files.clear()
    assert shown(iommu, adapter) == {"tb0": "errno 9", "tb1": "errno 9"}


def test_a_run_begins_with_an_iommufd_that_has_nothing(iommu: Iommu, adapter: IoSpaces) -> None:
    """Whatever an earlier one left, and however it called it."""
    made(iommu, adapter, ALLOC)
    adapter.reset(setup())

    assert shown(iommu, adapter) == {"tb0": False, "tb1": False}
    assert iommu.spaces == {}


def test_pages_that_stay_pinned_are_told(iommu: Iommu, adapter: IoSpaces) -> None:
    """When everything is closed."""
    assert adapter.settle() == ""
    assert not iommu.files
    iommu.pinned = 4
    assert adapter.settle() == "pages are pinned though everything is closed"


def test_an_iommufd_that_reserves_addresses_is_none_that_the_rules_are_about(facts: Facts) -> None:
    """Without a device it has no reason to."""
    with pytest.raises(
        TargetFailed, match="without a device only 0x0-0xfedfffff, 0xfef00000-0x7fffffffff can be mapped"
    ):
        IoSpaces(cast("Guest", Iommu(ranges=((0, 0xFEDFFFFF), (0xFEF00000, 0x7FFFFFFFFF)))), facts)


def test_an_iommufd_that_tells_no_ranges_is_none_to_be_tried(facts: Facts) -> None:
    """What it returned is said."""
    with pytest.raises(TargetFailed, match=r"an iommufd gives no IO address space: \[4, 0, 0\]"):
        IoSpaces(cast("Guest", Iommu(ranges=())), facts)


def test_a_guest_without_iommufd_cannot_be_tried(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock kernels have none."""
    monkeypatch.setattr(spaces, "folder", lambda *_: ["vfio"])

    with pytest.raises(NotRun, match="has no iommufd; it needs CONFIG_IOMMUFD"):
        IoSpaces(cast("Guest", Iommu()), facts)
