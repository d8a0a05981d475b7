"""`tenure draw`: the ranges of an address space, from a list in JSON, or from a trace where it shows any."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from tenure.commands.output import BadInput
from tenure.report.address_space import TOP, Hole, Kind, Region, Space
from tenure.report.itf import from_itf
from tenure.vocabulary.traces import Trace

FORM = (
    'a list of ranges is [{"first": "0x1000", "last": "0x1fff"}, ...], each with "kind" (mapped, reserved or valid), '
    '"owner", "access" (r, w or rw) and "target" where they are known'
)
HEXADECIMAL = re.compile("0[xX][0-9a-fA-F]+")

Address = int | str


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range as the file has it."""

    first: Address
    last: Address
    kind: Literal["mapped", "reserved", "valid"] = "mapped"
    owner: str = ""
    access: Literal["", "r", "w", "rw"] = ""
    target: Address | None = None


def given_in(text: str) -> tuple[Region, ...] | Trace:
    """The ranges that this text lists, or the trace that it is; BadInput or BadTrace where it is neither."""
    value = _parsed(text)
    if isinstance(value, dict) and ("vars" in value or "states" in value):
        return from_itf(text)
    if not isinstance(value, list):
        raise BadInput(f"neither a list of ranges nor a trace; {FORM}")
    if not value:
        raise BadInput("the list is empty, and there is nothing to draw; give it a range at least")
    regions = [_region(one, f"[{i}]") for i, one in enumerate(value)]
    _check_apart(regions)
    return tuple(regions)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise BadInput(f"no JSON: damaged or cut short at {where} ({fault.msg}); {FORM}") from None
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"no JSON that can be read here: {fault}; {FORM}") from None


def _region(value: object, where: str) -> Region:
    try:
        given = msgspec.convert(value, Given)
    except msgspec.ValidationError as fault:
        said, _, place = str(fault).partition(" - at ")
        said = said.encode("unicode_escape").decode()  # it may repeat what the file has
        raise BadInput(f"{where}{place.strip('`').removeprefix('$')}: {said}; {FORM}") from None
    first, last = _address(given.first, f"{where}.first"), _address(given.last, f"{where}.last")
    if last < first:
        raise BadInput(f"{where}: it ends at {last:#x}, before it begins at {first:#x}; exchange them")
    if not given.owner.isprintable():
        raise BadInput(f"{where}.owner: {given.owner!a} cannot be printed; give the owner a name that can")
    target = None if given.target is None else _address(given.target, f"{where}.target")
    if target is not None and target + (last - first) > TOP:
        raise BadInput(f"{where}.target: from {target:#x} on it leads beyond {TOP:#x}; no address is higher")
    return Region(first, last, Kind(given.kind), given.owner, given.access, target)


def _address(given: Address, where: str) -> int:
    if isinstance(given, str) and not HEXADECIMAL.fullmatch(given):
        raise BadInput(f'{where}: {given!a} is no address; write a number, or a text such as "0x1000"')
    address = given if isinstance(given, int) else int(given, 16)
    if not 0 <= address <= TOP:
        said = f"{address:#x}" if address.bit_length() <= MOST_BITS else f"a number of {address.bit_length()} bits"
        raise BadInput(f"{where}: {said} is no address; addresses go from 0 to {TOP:#x}")
    return address


MOST_BITS = 160
"""A number that is longer is not repeated in a message."""


def _check_apart(regions: Sequence[Region]) -> None:
    for kind in Kind:
        numbered = sorted((r.first, r.last, i) for i, r in enumerate(regions) if r.kind is kind)
        for (_, last, i), (first, _, j) in pairwise(numbered):
            if first <= last:
                raise BadInput(
                    f"[{i}] and [{j}], both {kind.value}, overlap at {first:#x}; "
                    "ranges of one kind may not: cut one, or leave it out"
                )


def results(drawn: Space, name: str = "") -> Iterator[dict[str, object]]:
    """What was drawn, range by range and hole by hole, for the JSON document: addresses are texts."""
    of = {"space": name} if name else {}
    for one in drawn.rows:
        result: dict[str, object] = {
            **of,
            "first": f"{one.first:#x}",
            "last": f"{one.last:#x}",
            "size": f"{one.size:#x}",
        }
        if isinstance(one, Hole):
            yield {**result, "kind": one.word}
            continue
        target = {} if one.target is None else {"target": f"{one.target:#x}"}
        yield {**result, "kind": one.kind.value, "owner": one.owner, "access": one.access, **target}
