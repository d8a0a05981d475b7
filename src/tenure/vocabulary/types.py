"""The types of the language: sorts of objects, choices, flags and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

Value = int | bool
"""How the Python reading stores a value: an element's index, NONE, a choice's index, a flag or a count."""

NONE = -1
"""No element: what a field of type Maybe holds when it points at nothing."""

Element = NewType("Element", str)
"""The written name of an object, such as ``g0`` for the first group."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of object of which there may be any number, such as groups or files."""

    name: str
    letter: str

    @property
    def maybe(self) -> Maybe:
        """The type of a pointer to an object of this sort that may be NULL."""
        return Maybe(self)

    def element(self, index: int) -> str:
        """The written name of the object with this index; ``none`` for NONE."""
        return "none" if index == NONE else f"{self.letter}{index}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Maybe:
    """An object of a sort, or nothing."""

    sort: Sort

    def __str__(self) -> str:
        return f"{self.sort.name} or none"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few named alternatives; the first is where a field of this type starts."""

    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def __str__(self) -> str:
        return "flag"


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number; counters of the kernel, compared and stepped by one."""

    def __str__(self) -> str:
        return "count"


Type = Sort | Maybe | Choice | Flag | Count
FLAG = Flag()
COUNT = Count()


def default(kind: Type) -> Value:
    """What a field of this type holds when nothing was said: false, zero, none, the first choice."""
    match kind:
        case Flag():
            return False
        case Maybe():
            return NONE
        case Sort() | Choice() | Count():
            return 0


def sort_of(kind: Type) -> Sort | None:
    """The sort that a value of this type points into, if it is a pointer."""
    match kind:
        case Maybe():
            return kind.sort
        case Sort():
            return kind
        case _:
            return None


def written(kind: Type, value: Value) -> str | int | bool:
    """A value as people and files write it: ``g0``, ``none``, a choice's name, a flag or a number."""
    match kind:
        case Flag():
            return bool(value)
        case Count():
            return int(value)
        case Choice():
            return kind.values[value]
        case Maybe():
            return kind.sort.element(value)
        case Sort():
            return kind.element(value)


class BadValue(ValueError):  # noqa: N818  # named for what it is
    """A text that writes no value of the type wanted."""


def parsed(kind: Type, text: str | int | bool) -> Value:  # noqa: FBT001  # a written value
    """The value that `text` writes; raises BadValue where it writes none of this type."""
    match kind:
        case Flag() if isinstance(text, bool):
            return text
        case Count() if isinstance(text, int) and not isinstance(text, bool):
            return text
        case Choice() if isinstance(text, str) and text in kind.values:
            return kind.values.index(text)
        case Maybe() if text == "none":
            return NONE
        case Maybe() | Sort() if isinstance(text, str):
            sort = sort_of(kind)
            digits = text.removeprefix(sort.letter) if sort else text
            if sort and text.startswith(sort.letter) and digits.isascii() and digits.isdigit():
                return int(digits)
    raise BadValue(f"{text!r} is no {kind}")
