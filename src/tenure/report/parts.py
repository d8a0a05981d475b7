"""Parts of a file that somebody else may have written: each is looked at by type, and a fault is named by its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

SAFE = 2**53 - 1
"""The largest integer that readers in JavaScript keep exact."""

REPAIR = "write the trace anew with `tenure trace SYSTEM SUBJECT --format itf`"


class BadTrace(ValueError):  # noqa: N818  # it says of a trace what it is
    """The text is no trace that can be read here; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a JSON document, and where in the document it stands."""

    value: object
    where: str = ""

    def has(self, key: str) -> bool:
        """The part is an object that has this key."""
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str) -> Part:
        """What stands under `key`."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise BadTrace(f"missing: `{key}` in {self.place}; {REPAIR}")
        return Part(self.value[key], f"{self.where}.{key}" if self.where else key)

    def entries(self) -> Iterator[tuple[str, Part]]:
        """Each key of an object, in the order of the file, with what stands under it."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key in self.value:
            yield key, self.at(key)

    def elements(self) -> tuple[Part, ...]:
        """Each element of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return tuple(Part(value, f"{self.where}[{i}]") for i, value in enumerate(self.value))

    def pair(self) -> tuple[Part, Part]:
        """Both elements of a list of two."""
        match self.elements():
            case (first, second):
                return first, second
        raise self.wrong("a list of two")

    def text(self) -> str:
        """The text that this is."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def integer(self) -> int:
        """The integer that this is, written plainly or, where it is large, as ``{"#bigint": "..."}``."""
        match self.value:
            case bool():
                raise self.wrong("an integer")
            case int():
                return self.value
            case {"#bigint": str(digits)}:
                try:
                    return int(digits)
                except ValueError:
                    raise self.wrong("an integer") from None
        raise self.wrong("an integer")

    def scalar(self) -> str | int | bool:
        """The text, flag or integer that this is."""
        if isinstance(self.value, str | bool):
            return self.value
        if not isinstance(self.value, int | dict):
            raise self.wrong("a text, a flag or an integer")
        return self.integer()

    @property
    def place(self) -> str:
        """Where the part stands, in words."""
        return f"`{self.where}`" if self.where else "the file"

    def wrong(self, wanted: str) -> BadTrace:
        """The complaint that here stands something else than what is wanted."""
        found = json.dumps(self.value, ensure_ascii=False)
        short = found if len(found) <= 40 else f"{found[:37]}..."  # noqa: PLR2004  # enough to find it again
        return BadTrace(f"ill-typed: {self.place} is {short}, not {wanted}; {REPAIR}")


def number(value: int) -> int | dict[str, str]:
    """An integer as ITF writes it: plain where every reader keeps it exact, in digits where some would not."""
    return value if -SAFE <= value <= SAFE else {"#bigint": str(value)}


def scalar(value: str | int | bool) -> object:  # noqa: FBT001  # a written value may be a flag
    """A written value as ITF writes it."""
    return value if isinstance(value, str | bool) else number(value)
