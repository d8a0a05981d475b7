"""Words for messages: a name that may have been meant, and the text of others in a line of ours."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one; empty where none is."""
    return next(iter(get_close_matches(name, list(known), n=1)), "")


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The question that helps, or else `otherwise`."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else otherwise


def excerpt(text: str, most: int = 120) -> str:
    """Somebody else's text, safe in one line of ours: what does not print is escaped, what is long is cut."""
    cut = text if len(text) <= most else f"{text[: most - 3]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in cut)
