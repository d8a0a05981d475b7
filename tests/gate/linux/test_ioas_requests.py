"""Requests of IO address spaces: what is wrong with one is wrong alone, and what the kernel may choose has a name."""

from __future__ import annotations

import struct
from itertools import product

import pytest
from tests.gate.linux.playing_iommufd import Space

from tenure.gate.linux.edges import PAGE
from tenure.gate.linux.ioas_requests import EDGES, LARGEST, LONGEST, MIDDLE, Requests
from tenure.gate.subject import Written
from tenure.vocabulary.observables import ALLOW_REQUEST, AUTO_REQUEST

REQUESTS = Requests({f"a{n}": at for n, at in enumerate(EDGES)})
SPANS = [(low, high) for low, high in product(EDGES, EDGES) if low <= high]


def name(byte: int) -> str:
    """What an address is called."""
    return f"a{EDGES.index(byte)}"


def mapping(request: str, length: int, to: str = "both", made: str = "m0") -> dict[str, Written]:
    """The arguments of an IOAS_MAP that is told no address."""
    return {"table": "tb0", "request": request, "length": name(length), "to": to, "made": made}


def allowing(request: str, one: tuple[int, int], other: tuple[int, int] | None = None) -> dict[str, Written]:
    """The arguments of an IOAS_ALLOW_IOVAS."""
    ends = zip(("low", "high", "other_low", "other_high"), (*one, *(other or one)), strict=True)
    return {"table": "tb0", "request": request, **{end: name(at) for end, at in ends}}


@pytest.mark.parametrize("length", EDGES)
@pytest.mark.parametrize("request_", AUTO_REQUEST.values)
def test_what_is_wrong_with_a_map_that_is_told_no_address_is_wrong_alone(request_: str, length: int) -> None:
    """It has no flag that says that the address is the caller's."""
    args = mapping(request_, length)
    if not REQUESTS.able("ioas_map", args):
        assert length not in (PAGE - 1, PAGE) or request_ == "range"
        return

    _, flags, _, reserved, memory, size, address = struct.unpack("<IIIIQQQ", REQUESTS.map(args))

    wrong = {
        "unknown": bool(flags & ~6),
        "too large": LARGEST in (size, address),
        "target wraps": memory + size > LARGEST,
        "empty": not size or size > LONGEST["ioas_map"],
        "half": size >= LARGEST // 2,
    }
    assert (next((one for one in wrong if wrong[one]), "range"), reserved, flags & 1) == (request_, 0, 0)
    assert request_ != "range" or (size, memory // PAGE % 2, memory % PAGE) == (PAGE, 1, 0)


def test_what_is_wrong_with_it_is_so_in_one_way_or_in_another() -> None:
    """Lengths of nothing and of too much, of half and of all, and the length or the address that is too large."""

    def ways(request: str) -> set[tuple[int, ...]]:
        asked = (mapping(request, length) for length in (PAGE - 1, PAGE))
        return {struct.unpack("<24xQQ", REQUESTS.map(one)) for one in asked}

    assert ways("empty") == {(0, 0), (LONGEST["ioas_map"] + 1, 0)}
    assert ways("half") == {(LARGEST // 2, 0), (LONGEST["ioas_map"], 0)}
    assert ways("too large") == {(LARGEST, 0), (PAGE, LARGEST)}


@pytest.mark.parametrize("request_", ALLOW_REQUEST.values)
def test_a_range_that_is_allowed_ends_above_its_beginning_unless_that_is_what_is_wrong(request_: str) -> None:
    """A byte alone has one beside it that has no name; else a range is as it is named."""
    for one in SPANS:
        args = allowing(request_, one)
        if REQUESTS.able("ioas_allow_iovas", args):
            told = REQUESTS.allowed(args)
            assert all((low < high) == (request_ != "empty") for low, high in told)
            assert {low for low, high in told} | {high for _, high in told} <= {*one, one[0] - 1, one[0] + 1}
            assert len(told) == {"one": 1, "two": 2, "empty": 1}.get(request_, 0)


def test_ranges_have_a_byte_in_common_where_their_names_say_so() -> None:
    """Nothing comes of what was put beside a byte."""
    for one, other in product(SPANS, SPANS):
        args = allowing("two", one, other)
        if REQUESTS.able("ioas_allow_iovas", args):
            (low, high), (other_low, other_high) = REQUESTS.allowed(args)
            named = one[0] <= other[1] and other[0] <= one[1]
            assert (low <= other_high and other_low <= high) == named


def test_what_the_kernel_chooses_has_a_name_whatever_was_asked_before() -> None:
    """With one range allowed or none, one area of the caller's or none, and as many areas of its own as there are names for."""
    fixed = [one for one in SPANS if REQUESTS.able("ioas_map_fixed", {**allowing("range", one), "made": "m0"})]
    ranges = [allowing("one", one) for one in SPANS]
    allowed = [(), *(REQUESTS.allowed(one) for one in ranges if REQUESTS.able("ioas_allow_iovas", one))]
    chosen: set[int | None] = set()
    for area, told in product([None, *fixed], allowed):
        space = Space({area} if area else set(), [*told])
        for _ in range(1 if area else 2):
            begin = space.room(PAGE, PAGE)
            chosen.add(begin)
            if begin is not None:
                space.areas.add((begin, begin + PAGE - 1))

    assert any(MIDDLE in one for one in fixed)
    assert chosen == {None, PAGE, 2 * PAGE, LARGEST - 2 * PAGE + 1}
    assert all({begin, begin + PAGE - 1} <= {*EDGES} for begin in chosen if begin is not None)


def test_areas_begin_in_the_middle_of_the_address_space() -> None:
    """Of one byte, and up to each end that they may have; none ends there, behind which the kernel might choose."""
    fixed = [one for one in SPANS if REQUESTS.able("ioas_map_fixed", {**allowing("range", one), "made": "m0"})]

    assert {high for low, high in fixed if low == MIDDLE} == {at for at in EDGES if at >= MIDDLE}
    assert [low for low, high in fixed if high == MIDDLE] == [MIDDLE]


def test_a_hole_in_a_page_is_not_asked_for() -> None:
    """Both its ends have names, so that the rules would take it for whole."""
    before, after = (0, PAGE), (2 * PAGE - 1, 2 * PAGE)

    assert not REQUESTS.able("ioas_allow_iovas", allowing("two", before, after))
    assert not REQUESTS.able("ioas_allow_iovas", allowing("two", after, before))
    assert REQUESTS.able("ioas_allow_iovas", allowing("two", (0, PAGE - 1), (PAGE, 2 * PAGE - 1)))


def test_three_areas_are_never_chosen_at_once() -> None:
    """The third page would have no name."""
    assert [
        made for made in ("m0", "m1", "m2") if REQUESTS.able("ioas_map", mapping("range", PAGE - 1, made=made))
    ] == ["m0", "m1"]


def test_an_address_without_a_name_is_told_as_it_is() -> None:
    """Nobody mistakes it for another."""
    assert [REQUESTS.named(at) for at in (PAGE, 3 * PAGE)] == ["a1", "0x3000"]
