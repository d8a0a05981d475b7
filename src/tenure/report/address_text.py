"""An address space in lines: strips of bars, in which holes are short, and a list that names every range and every hole."""

from __future__ import annotations

import string
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from rich.text import Text

from tenure.report.address_space import Hole, Kind, Placed, Region, Space, size_text

LETTERS = string.ascii_lowercase + string.ascii_uppercase
MANY = "*"
"""The mark of an owner for whom no letter is left; the list has the name."""

NOBODY = "="
"""The mark of a mapped range without owner."""

COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
EMPTY = 5
"""Columns of a stretch with nothing in it, however long it is."""

LEAST = 3
"""Columns of a range: two ends, and a mark between."""

STRETCHED = 6
"""How much wider than it must be a stretch is drawn, where there is room."""

HEAD = 10
"""Columns of a lane's name."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a drawing."""

    ends: tuple[str, str]
    reserved: str
    valid: str
    nothing: str
    leads: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a range is filled, and its colour."""

    mark: str
    style: str


UNICODE = Glyphs(ends=("▐", "▌"), reserved="▒", valid="─", nothing="·", leads="→")
ASCII = Glyphs(ends=("[", "]"), reserved="#", valid="-", nothing=".", leads="->")


def glyphs_for(encoding: str) -> Glyphs:
    """Those that can be written in this encoding."""
    try:
        "".join((*UNICODE.ends, UNICODE.reserved, UNICODE.valid, UNICODE.nothing, UNICODE.leads)).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


@dataclass(frozen=True, slots=True)
class Strip:
    """So many stretches as fit side by side: the number of the first, and the columns of each."""

    first: int
    widths: tuple[int, ...]

    @property
    def beyond(self) -> int:
        """The number of the first stretch that is not in it."""
        return self.first + len(self.widths)

    def columns(self, begin: int, beyond: int) -> int:
        """The columns from one stretch to another."""
        return sum(self.widths[begin - self.first : beyond - self.first])


def to_lines(drawn: Space, width: int, glyphs: Glyphs = UNICODE) -> Iterator[Text]:
    """The strips of bars, then a row for each range and each hole."""
    looks = {owner: _look(i, owner) for i, owner in enumerate(drawn.owners)}
    yield Text(_head(drawn))
    ends = {kind: [placed.end for placed in lane] for kind, lane in drawn.lanes.items()}
    for strip in strips(drawn, width - HEAD):
        yield Text()
        yield _ruler(drawn, strip)
        for kind, lane in drawn.lanes.items():
            met = islice(lane, bisect_left(ends[kind], strip.first), bisect_left(ends[kind], strip.beyond) + 1)
            yield _lane(kind, met, strip, looks, glyphs)
    yield Text()
    yield from _rows(drawn, looks, glyphs)


def _look(number: int, owner: str) -> Look:
    mark = LETTERS[number] if number < len(LETTERS) else MANY
    return Look(mark if owner else NOBODY, COLOURS[number % len(COLOURS)])


def _head(drawn: Space) -> str:
    counts = [f"{len(lane)} {kind.value}" for kind, lane in drawn.lanes.items()]
    mapped = sum(placed.region.size for placed in drawn.lanes.get(Kind.MAPPED, ()))
    return f"{', '.join(counts)}{f': {size_text(mapped)} mapped' if mapped else ''}"


def strips(drawn: Space, room: int) -> Iterator[Strip]:
    """The stretches, as many in a strip as fit; what holds more bytes is wider, but not in proportion."""
    taken = {i for lane in drawn.lanes.values() for p in lane for i in range(p.begin, p.end + 1)}
    least = [
        LEAST + stretch.size.bit_length() // 8 if i in taken else EMPTY for i, stretch in enumerate(drawn.stretches)
    ]
    room = max(room, *least)
    wider = max(1, min(STRETCHED, room // sum(least)))
    first, widths = 0, list[int]()
    for i, columns in enumerate(wider * columns if i in taken else columns for i, columns in enumerate(least)):
        if sum(widths) + columns > room:
            yield Strip(first, tuple(widths))
            first, widths = i, []
        widths.append(columns)
    yield Strip(first, tuple(widths))


def _ruler(drawn: Space, strip: Strip) -> Text:
    """The first and the last address of a strip, above its ends."""
    first = f"{drawn.stretches[strip.first].first:#x}"
    last = f"{drawn.stretches[strip.beyond - 1].last:#x}"
    room = max(sum(strip.widths) - len(first), len(last) + 2)
    return Text(" " * HEAD + first + last.rjust(room), style="bold")


def _lane(kind: Kind, met: Iterable[Placed], strip: Strip, looks: Mapping[str, Look], glyphs: Glyphs) -> Text:
    """What of a kind meets a strip."""
    line = Text(kind.value.ljust(HEAD))
    at = strip.first
    for placed in met:
        begin, beyond = max(placed.begin, strip.first), min(placed.end + 1, strip.beyond)
        if begin < beyond:
            line.append(glyphs.nothing * strip.columns(at, begin), style="dim")
            look = _fill(placed.region, looks, glyphs)
            line.append(_bar(placed, strip, look.mark, glyphs), style=look.style)
            at = beyond
    line.append(glyphs.nothing * strip.columns(at, strip.beyond), style="dim")
    return line


def _bar(placed: Placed, strip: Strip, fill: str, glyphs: Glyphs) -> str:
    """A range, with its ends where they are in this strip."""
    begin, beyond = max(placed.begin, strip.first), min(placed.end + 1, strip.beyond)
    opening = glyphs.ends[0] if begin == placed.begin else ""
    closing = glyphs.ends[1] if beyond == placed.end + 1 else ""
    return f"{opening}{fill * (strip.columns(begin, beyond) - len(opening) - len(closing))}{closing}"


def _fill(region: Region, looks: Mapping[str, Look], glyphs: Glyphs) -> Look:
    match region.kind:
        case Kind.RESERVED:
            return Look(glyphs.reserved, "red")
        case Kind.VALID:
            return Look(glyphs.valid, "dim")
        case Kind.MAPPED:
            return looks[region.owner]


def _rows(drawn: Space, looks: Mapping[str, Look], glyphs: Glyphs) -> Iterator[Text]:
    rows = [("", "first", "last", "size", "what", "access", "owner"), *(_row(r, looks, glyphs) for r in drawn.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    for number, (mark, first, last, size, *words) in enumerate(rows):
        numbers = (mark.ljust(widths[0]), first.rjust(widths[1]), last.rjust(widths[2]), size.rjust(widths[3]))
        more = (words[0].ljust(widths[4]), words[1].ljust(widths[5]), words[2])
        style = "bold" if number == 0 else "dim" if words[0] in HOLES else ""
        yield Text("  ".join((*numbers, *more)).rstrip(), style=style)


HOLES = ("hole", "not valid")


def _row(one: Region | Hole, looks: Mapping[str, Look], glyphs: Glyphs) -> tuple[str, ...]:
    ends = (f"{one.first:#x}", f"{one.last:#x}", size_text(one.size))
    if isinstance(one, Hole):
        return "", *ends, one.word, "", ""
    leads = f"{glyphs.leads} {one.target:#x}" if one.target is not None else ""
    mark = looks[one.owner].mark if one.kind is Kind.MAPPED else ""
    return mark, *ends, one.kind.value, " ".join(filter(None, (one.access, leads))), one.owner


def plain(lines: Iterable[Text]) -> str:
    """The lines without colour, for a file."""
    return "".join(f"{line.plain}\n" for line in lines)
