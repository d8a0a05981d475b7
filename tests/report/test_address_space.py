"""An address space in words and as a picture: no range is lost, and nothing is there that was not given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from xml.etree import ElementTree as ET

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tenure.report.address_space import TOP, Hole, Kind, Region, size_text, space
from tenure.report.address_svg import ADDRESSES, to_svg, told
from tenure.report.address_text import ASCII, HEAD, UNICODE, Glyphs, glyphs_for, plain, to_lines

EDGES = st.sampled_from([0, 1, 0xFFF, 0x1000, 1 << 32, (1 << 63) - 1, 1 << 63, TOP - 0xFFF, TOP - 1, TOP])
SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def lanes(draw: st.DrawFn, kind: Kind) -> list[Region]:
    """Ranges of one kind, of which no two overlap: some touch, some are one byte, some reach to the top."""
    ends = sorted(draw(st.sets(EDGES | st.integers(0, TOP) | st.integers(0, 40), max_size=12)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    touching = [(a, c - 1) if draw(st.booleans()) else (a, b) for (a, b), (c, _) in pairwise([*pairs, (TOP + 1, 0)])]
    shrunk = [(a, a) if draw(st.booleans()) and draw(st.booleans()) else (a, b) for a, b in touching]
    owners = st.sampled_from(["", "vm0", "vm1", "<&>\"'", "ü"])
    access, target = st.sampled_from(["", "r", "rw"]), st.none() | EDGES
    return [Region(a, b, kind, draw(owners), draw(access), draw(target)) for a, b in shrunk]


REGIONS = st.tuples(*(lanes(kind) for kind in Kind)).map(lambda parts: [r for part in parts for r in part])
SOME = REGIONS.filter(bool)
FEW = settings(max_examples=60, derandomize=True, database=None)


@FEW
@given(REGIONS)
def test_stretches_part_the_space_at_the_ends_of_its_ranges(regions: list[Region]) -> None:
    """From 0 to the top without a gap; each range is whole stretches."""
    drawn = space(regions)

    assert [one.first for one in drawn.stretches] == [0, *(one.last + 1 for one in drawn.stretches[:-1])]
    assert drawn.stretches[-1].last == TOP
    for placed in (placed for lane in drawn.lanes.values() for placed in lane):
        ends = drawn.stretches[placed.begin].first, drawn.stretches[placed.end].last
        assert ends == (placed.region.first, placed.region.last)
    assert sorted(map(told, drawn.regions)) == sorted(map(told, regions))


@FEW
@given(REGIONS)
def test_a_byte_is_in_a_hole_exactly_if_nothing_takes_it(regions: list[Region]) -> None:
    """And the hole says whether a valid range holds it. The bytes looked at are all ends, and their neighbours."""
    drawn = space(regions)
    valid = [r for r in regions if r.kind is Kind.VALID]

    ranges: list[Region | Hole] = [*regions, *drawn.holes]
    for byte in {b + d for r in ranges for b in (r.first, r.last) for d in (-1, 0, 1)} | {0, TOP}:
        if 0 <= byte <= TOP:
            taken = is_in(byte, (r for r in regions if r.kind is not Kind.VALID))
            assert is_in(byte, drawn.holes) != taken
            within = [hole for hole in drawn.holes if hole.first <= byte <= hole.last]
            assert [hole.outside for hole in within] in ([], [bool(valid) and not is_in(byte, valid)])


def is_in(byte: int, ranges: Iterable[Region | Hole]) -> bool:
    """Some range holds it."""
    return any(r.first <= byte <= r.last for r in ranges)


@FEW
@given(SOME, st.integers(1, 200), st.sampled_from([UNICODE, ASCII]))
def test_a_drawing_in_text_loses_no_range(regions: list[Region], width: int, glyphs: Glyphs) -> None:
    """However narrow it is: each range begins and ends once among the bars of its kind, and has its row with both ends."""
    drawn = space(regions)
    lines = plain(to_lines(drawn, width, glyphs)).splitlines()
    rows = lines[max(i for i, line in enumerate(lines) if not line) + 2 :]

    for kind in Kind:
        bars = "".join(line[HEAD:] for line in lines if re.match(rf"{kind.value} ", line))
        count = len(drawn.lanes.get(kind, ()))
        ends = [c for c in bars if c in glyphs.ends]
        assert ends == list(glyphs.ends) * count
    shown = [re.findall(r"0x[0-9a-f]+", row)[:2] for row in rows]
    assert shown == [[f"{one.first:#x}", f"{one.last:#x}"] for one in drawn.rows]


@FEW
@given(SOME)
def test_lanes_of_a_strip_are_of_one_width(regions: list[Region]) -> None:
    """What lies side by side in the space lies side by side in the drawing."""
    lines = plain(to_lines(space(regions), 80)).splitlines()
    blocks = "\n".join(lines).split("\n\n")[1:-1]

    assert all(len({len(line) for line in block.splitlines()[1:]}) == 1 for block in blocks)


@FEW
@given(SOME)
def test_a_picture_loses_no_range(regions: list[Region]) -> None:
    """One box a range and a hole, told whole in its title; boxes of a lane lie in the order of their ranges and apart."""
    drawn = space(regions)
    root = ET.fromstring(to_svg(drawn))  # noqa: S314  # our own
    boxes = {}
    for rect in root.iter(f"{SVG}rect"):
        boxes[rect.findtext(f"{SVG}title")] = rect

    assert boxes.keys() == {told(one) for one in drawn.rows}
    assert len(list(root.iter(f"{SVG}rect"))) == len(drawn.rows)
    for lane in drawn.lanes.values():
        placed = [boxes[told(one.region)] for one in lane]
        assert all(int(a.attrib["y"]) + int(a.attrib["height"]) < int(b.attrib["y"]) for a, b in pairwise(placed))
        assert len({rect.attrib["x"] for rect in placed}) <= 1


def test_a_whole_space_with_one_byte_at_either_end_stays_small() -> None:
    """Holes are compressed: sixteen exbibytes are no wider than a few columns, and no higher than a few lines."""
    drawn = space([Region(0, 0), Region(TOP, TOP)])

    lines = plain(to_lines(drawn, 80)).splitlines()
    root = ET.fromstring(to_svg(drawn))  # noqa: S314  # our own

    assert lines[3].startswith("mapped    ▐")
    assert len(lines) == 9
    assert "~16 EiB" in lines[7]
    assert int(root.attrib["height"]) < 300
    assert min(int(rect.attrib["height"]) for rect in root.iter(f"{SVG}rect")) > 20


def test_a_picture_needs_nothing_else_and_knows_light_and_dark() -> None:
    """No link, no font to load, no script."""
    picture = to_svg(space([Region(0, 4095, owner="vm0", access="rw", target=0)]))

    assert set(re.findall(r'\w+://[^"<]*', picture)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"href|url\(|@import|<script|<image", picture)
    assert "@media (prefers-color-scheme: dark)" in picture
    assert picture.isascii()


def test_addresses_stand_left_of_the_lanes() -> None:
    """The longest one too: eighteen characters of twelve points."""
    picture = ET.fromstring(to_svg(space([Region(TOP, TOP)])))  # noqa: S314  # our own

    ends = [t for t in picture.iter(f"{SVG}text") if t.get("class") == "address"]
    assert {t.text for t in ends} == {"0x0", f"{TOP - 1:#x}", f"{TOP:#x}"}
    assert all(int(t.attrib["x"]) - 18 * 8 > 0 and int(t.attrib["x"]) < ADDRESSES for t in ends)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (4097, "~4 KiB"),
        ((1 << 20) - 1, "~1 MiB"),
        (1 << 48, "256 TiB"),
        ((1 << 64) - 4096, "~16 EiB"),
        (1 << 64, "16 EiB"),
        ((1 << 60) - 1, "~1 EiB"),
    ],
)
def test_sizes_are_in_binary_units(size: int, text: str) -> None:
    """What is rounded says so."""
    assert size_text(size) == text


def test_more_owners_than_letters_keep_their_names() -> None:
    """Those without a letter of their own share a mark; the list tells them apart."""
    text = plain(to_lines(space(Region(i, i, owner=f"vm{i}") for i in range(60)), 80))

    assert all(re.search(rf"  vm{i}$", text, re.MULTILINE) for i in range(60))
    assert text.count("▐*▌") == 8


def test_what_an_encoding_lacks_is_not_drawn() -> None:
    """Plain ASCII has bars too."""
    assert glyphs_for("ascii") is ASCII
    assert glyphs_for("utf-8") is UNICODE
