"""An address space as a picture: SVG that needs nothing else, with the lowest address on top and a lane for each kind."""

from __future__ import annotations

from itertools import accumulate
from xml.etree import ElementTree as ET

from tenure.report.address_space import Hole, Kind, Placed, Region, Space, Stretch, size_text

NAMESPACE = "http://www.w3.org/2000/svg"
ADDRESSES = 170
"""Where the lanes begin, right of the addresses."""

NARROW, WIDE, GAP = 104, 470, 6
"""Widths of the lanes: those of valid and of reserved ranges, that of mapped ones, and what lies between two."""

MARGIN, HEADING = 16, 44
LEAST, MOST = 36, 76
"""Heights of a stretch: room for two addresses; and however many bytes it has, no more than this."""

NAMED = 60
"""Characters of a label; what is longer is cut there, and whole in the title."""

OWNERS = 6
"""Colours for owners; the seventh has that of the first."""

STYLE = """
svg { background: #ffffff; }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; }
.address, .size { fill: #59636e; }
.hole { fill: none; stroke: #afb8c1; stroke-dasharray: 3 4; }
.outside { fill: #eaeef2; stroke: #d1d9e0; }
.valid { fill: #dafbe1; stroke: #1a7f37; }
.reserved { fill: #ffd8d3; stroke: #cf222e; }
.o0 { fill: #cfe4ff; stroke: #0969da; } .o1 { fill: #fdeab8; stroke: #9a6700; } .o2 { fill: #ead9ff; stroke: #8250df; }
.o3 { fill: #c4f0ec; stroke: #1b7c83; } .o4 { fill: #ffd9ee; stroke: #bf3989; } .o5 { fill: #e2e8d8; stroke: #57701f; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; }
text { fill: #f0f6fc; }
.address, .size { fill: #9198a1; }
.hole { stroke: #59636e; }
.outside { fill: #161b22; stroke: #2f3742; }
.valid { fill: #12361f; stroke: #3fb950; }
.reserved { fill: #4b1a1c; stroke: #f85149; }
.o0 { fill: #10325f; stroke: #4493f8; } .o1 { fill: #4a3508; stroke: #d29922; } .o2 { fill: #382158; stroke: #ab7df8; }
.o3 { fill: #0d3f42; stroke: #39c5cf; } .o4 { fill: #50203d; stroke: #f778ba; } .o5 { fill: #2f3a1d; stroke: #a3b87c; }
}
"""


class _Picture:
    """The picture that is being made: where each stretch begins, where each lane is, and what stands there already."""

    def __init__(self, drawn: Space) -> None:
        self.drawn = drawn
        self.y = list(accumulate(map(_height, drawn.stretches), initial=HEADING))
        lanes = list(dict.fromkeys((*drawn.lanes, Kind.MAPPED)))
        self.x = {kind: ADDRESSES + i * (NARROW + GAP) for i, kind in enumerate(lanes)}
        width, height = self.x[Kind.MAPPED] + WIDE + MARGIN, self.y[-1] + MARGIN
        size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
        self.root = ET.Element("svg", {"xmlns": NAMESPACE, "role": "img", **size})
        self.owner = {owner: f"o{i % OWNERS}" for i, owner in enumerate(drawn.owners)}

    def text(self, x: int, y: int, words: str, **attributes: str) -> None:
        """Words at a place."""
        ET.SubElement(self.root, "text", {"x": str(x), "y": str(y), **attributes}).text = words

    def box(self, kind: Kind, begin: int, end: int, look: str, title: str) -> None:
        """A box in a lane, from one stretch to another, that tells all about itself where somebody points at it."""
        top, bottom = self.y[begin] + 1, self.y[end + 1] - 1
        place = {"x": str(self.x[kind]), "y": str(top), "height": str(bottom - top)}
        width = str(WIDE if kind is Kind.MAPPED else NARROW)
        rect = ET.SubElement(self.root, "rect", {**place, "width": width, "rx": "3", "class": look})
        ET.SubElement(rect, "title").text = title

    def label(self, kind: Kind, begin: int, end: int, words: str, look: str = "") -> None:
        """Words in the middle of a box, cut where it ends."""
        most = NAMED if kind is Kind.MAPPED else NAMED // 5
        short = words if len(words) <= most else f"{words[: most - 1]}…"
        middle = (self.y[begin] + self.y[end + 1]) // 2 + 4
        self.text(self.x[kind] + 8, middle, short, **({"class": look} if look else {}))


def to_svg(drawn: Space) -> str:
    """The text of an SVG file: each range a box in the lane of its kind, each hole a dashed one, its height compressed."""
    picture = _Picture(drawn)
    ET.SubElement(picture.root, "title").text = "an address space: " + ", ".join(
        f"{len(lane)} {kind.value}" for kind, lane in drawn.lanes.items()
    )
    ET.SubElement(picture.root, "style").text = STYLE
    for kind, x in picture.x.items():
        picture.text(x, HEADING - 14, kind.value)
    for i, stretch in enumerate(drawn.stretches):
        ends = {"class": "address", "text-anchor": "end"}
        picture.text(ADDRESSES - 12, picture.y[i] + 14, f"{stretch.first:#x}", **ends)
        picture.text(ADDRESSES - 12, picture.y[i + 1] - 5, f"{stretch.last:#x}", **ends)
    _holes(picture)
    for placed in (placed for lane in drawn.lanes.values() for placed in lane):
        _range(picture, placed)
    ET.indent(picture.root)
    return f"{ET.tostring(picture.root, encoding='us-ascii', xml_declaration=True).decode('ascii')}\n"


def _height(stretch: Stretch) -> int:
    return min(LEAST + max(0, stretch.size.bit_length() - 12), MOST)


def _holes(picture: _Picture) -> None:
    begins = {stretch.first: i for i, stretch in enumerate(picture.drawn.stretches)}
    ends = {stretch.last: i for i, stretch in enumerate(picture.drawn.stretches)}
    for hole in picture.drawn.holes:
        begin, end = begins[hole.first], ends[hole.last]
        picture.box(Kind.MAPPED, begin, end, "outside" if hole.outside else "hole", told(hole))
        picture.label(Kind.MAPPED, begin, end, f"{hole.word}, {size_text(hole.size)}", "size")


def _range(picture: _Picture, placed: Placed) -> None:
    region = placed.region
    mapped = region.kind is Kind.MAPPED
    look = f"mapped {picture.owner[region.owner]}" if mapped else region.kind.value
    picture.box(region.kind, placed.begin, placed.end, look, told(region))
    leads = "" if region.target is None else f"→ {region.target:#x}"
    words = filter(None, (size_text(region.size), region.access, leads, region.owner))
    picture.label(region.kind, placed.begin, placed.end, " ".join(words))


def told(one: Region | Hole) -> str:
    """All that is known of a range or of a hole, in one line."""
    ends = f"[{one.first:#x}, {one.last:#x}] {size_text(one.size)}"
    if isinstance(one, Hole):
        return f"{one.word} {ends}"
    leads = "" if one.target is None else f"→ {one.target:#x}"
    return " ".join(filter(None, (one.kind.value, ends, one.owner, one.access, leads)))
