"""One JSON object a line, as bytes: written for the subject, and read as strictly as the protocol is."""

from __future__ import annotations

import json

import msgspec

from tenure.gate.replies import SEE, object_of
from tenure.gate.subject import TargetFailed
from tenure.gate.wording import excerpt

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(request: dict[str, object]) -> bytes:
    """The object on a line."""
    return _encode(request) + b"\n"


def decode(line: bytes) -> dict[str, object]:
    """The object on a line; raises TargetFailed where there is none, or where a name occurs twice in one."""
    try:
        reply: object = _decode(line)
    except (ValueError, RecursionError) as wrong:
        what = "not UTF-8" if isinstance(wrong, UnicodeDecodeError) else "not JSON"
        raise TargetFailed(f"a line that is {what}: {said(line)}", SEE) from None
    found = object_of(reply, "the line")
    if line.count(b":") != _names(found):  # a colon for each name that was kept; more are in texts, or of lost names
        json.loads(line, object_pairs_hook=_unique)
    return found


def said(line: bytes | bytearray) -> str:
    """What is on a line, fit for a message."""
    return excerpt(bytes(line[:_LONGEST]).rstrip(b"\r\n").decode(errors="backslashreplace")) or "an empty line"


_LONGEST = 400


def _names(value: object) -> int:
    """How many names there are in an object and in all objects within."""
    if type(value) is dict:
        return len(value) + sum([_names(part) for part in value.values()])
    return sum([_names(part) for part in value]) if type(value) is list else 0


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name in found if sum(1 for other, _ in pairs if other == name) > 1)
        raise TargetFailed(f"an object has the name {excerpt(twice)} twice", SEE)
    return found
