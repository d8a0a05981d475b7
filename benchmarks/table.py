"""Figures as people and machines read them: one table, one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from benchmarks.figures import Clock, Figure
from tenure.report.json_text import json_text

SCHEMA = 1
LINES = 3
"""How deep each part of the document has a line of its own: a name of a result."""

_THREE_DIGITS = 100
_SMALL = 0.1
"""A ratio below it is told in two digits, wherever they are."""

_MET = {True: "met", False: "missed", None: ""}


def table(figures: Sequence[Figure]) -> Table:
    """One row a figure: the median, the spread, the goal, and the peer of the same run."""
    columns = ("what", "median", "from", "to", "by processor", "goal", "", "as fast as its peer", "peer", "remarks")
    found = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in figures:
        found.add_row(*_cells(one))
    return found


def _cells(one: Figure) -> tuple[str, ...]:
    low, high = one.spread
    ratio = "" if one.ratio is None else f"{one.ratio:{'.2f' if one.ratio >= _SMALL else '.2g'}} times"
    peer = "" if one.peer is None else f"{one.peer.name}: {_value(one.peers_typical, one.unit)}"
    runs = "1 run" if len(one.samples) == 1 else f"{len(one.samples)} runs"
    remarks = "; ".join(part for part in (one.spoiled, one.note, runs) if part)
    shown = f"{_value(one.typical(), one.unit)}{_by(one.clock)}"
    other = _value(one.typical(Clock.PROCESSOR), one.unit)
    spread = (_number(low, one.unit), _number(high, one.unit))
    return one.what, shown, *spread, other, _goal(one), _MET[one.met], ratio, peer, remarks


def line(one: Figure) -> str:
    """A figure on one line, as it comes."""
    met = _MET[one.met]
    return f"{one.what}: {_value(one.typical(), one.unit)}{_by(one.clock)}{f', goal {met}' if met else ''}"


def _goal(one: Figure) -> str:
    sign = ">=" if one.unit else "<"
    plain = "" if one.goal is None else f"{sign} {one.goal:,.0f} {_unit(one.unit)}{_by(one.clock)}"
    beside = "" if one.least_ratio is None else f">= {one.least_ratio:g} times its peer"
    return ", ".join(filter(None, (plain, beside)))


def _by(clock: Clock) -> str:
    return " of processor" if clock is Clock.PROCESSOR else ""


def _value(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_number(value, unit)} {_unit(unit)}"


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f}" if unit or value >= _THREE_DIGITS else f"{value:.3g}"


def _unit(unit: str) -> str:
    return f"{unit}/s" if unit else "s"


def document(machine: Mapping[str, str], figures: Sequence[Figure], missing: Mapping[str, str]) -> str:
    """The whole run as the text of one JSON document: every sample, by both clocks."""
    whole = {
        "schema": SCHEMA,
        "command": "bench",
        "machine": dict(machine),
        "results": [_result(one) for one in figures],
        "not measured": dict(missing),
    }
    return json_text(whole, LINES)


def _result(one: Figure) -> dict[str, object]:
    result: dict[str, object] = {
        "what": one.what,
        "figure": round(one.typical(), 4),
        "unit": _unit(one.unit),
        "clock": one.clock.value,
        "samples": [[s.wall, s.processor, s.work] for s in one.samples],
        "goal": one.goal,
        "least_ratio": one.least_ratio,
        "met": one.met,
        "note": one.note,
        "spoiled": one.spoiled,
    }
    if one.peer is not None:
        theirs = [[s.wall, s.processor, s.work] for s in one.peer.samples]
        result |= {"peer": one.peer.name, "peer_samples": theirs, "ratio": one.ratio}
    return result
