"""JSON laid out for people and for `diff`: a line for each thing that is looked at by itself, and no more lines."""

from __future__ import annotations

import json


def json_text(value: object, depth: int) -> str:
    """The JSON text of a value: down to `depth` each part has a line of its own, what lies deeper is on one line."""
    return f"{_laid_out(value, depth, '')}\n"


def _laid_out(value: object, depth: int, indent: str) -> str:
    inner = f"{indent} "
    if depth and isinstance(value, dict) and value:
        parts = [f"{_flat(str(key))}: {_laid_out(part, depth - 1, inner)}" for key, part in value.items()]
        return _joined("{", parts, "}", indent)
    if depth and isinstance(value, list) and value:
        return _joined("[", [_laid_out(part, depth - 1, inner) for part in value], "]", indent)
    return _flat(value)


def _joined(opening: str, parts: list[str], closing: str, indent: str) -> str:
    between = f",\n{indent} "
    return f"{opening}\n{indent} {between.join(parts)}\n{indent}{closing}"


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
