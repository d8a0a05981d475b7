"""Replies of subjects: from JSON's objects to answers and shown states, or to what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from tenure.gate import catalogue
from tenure.gate.subject import Shown, TargetFailed, Written
from tenure.gate.wording import did_you_mean, excerpt
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.types import Choice, Count, Flag, Maybe, Sort, Type, default, written

VERSION = 1
"""The version of the line protocol."""

SEE = "docs/adapters.md says what a reply looks like"

_Names = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Hello:
    """What a subject says of itself."""

    name: str
    version: str
    calls: frozenset[str]
    shows: frozenset[str]


def read_hello(reply: object) -> Hello:
    """The subject's introduction; raises TargetFailed where it is none, or is another version's."""
    given = object_of(reply, "the reply to hello")
    version = given.get("hello")
    if type(version) is int and version != VERSION:
        raise TargetFailed(f"it speaks version {version} of the protocol", f"this tool speaks version {VERSION}")
    _only(given, ("hello", "name", "version", "calls", "shows", "stepwise"), "the reply to hello")
    texts = [_text(given, name) for name in ("name", "version")]
    lists = [given.get(name) for name in ("calls", "shows")]
    if type(version) is not int or type(given.get("stepwise")) is not bool:
        raise TargetFailed("the reply to hello lacks hello, a number, or stepwise, a flag", SEE)
    if given["stepwise"]:
        raise TargetFailed("it says that it is stepwise", 'answer "stepwise": false: this tool makes whole calls only')
    return Hello(texts[0], texts[1], declared_calls(lists[0]), declared_observables(lists[1]))


def declared_calls(names: object) -> frozenset[str]:
    """The calls that a subject implements; raises TargetFailed where one does not exist."""
    return _declared(names, "calls", catalogue.returns())


def declared_observables(names: object) -> frozenset[str]:
    """The observables that a subject shows; raises TargetFailed where one does not exist."""
    return _declared(names, "shows", catalogue.OBSERVABLES)


def is_answer(reply: _Names, name: str) -> bool:
    """The reply is this one word and the value true."""
    return len(reply) == 1 and reply.get(name) is True


def read_answer(call: str, reply: _Names) -> Done | Refused | None:
    """What the call says when it ends; None where it never returned. Raises TargetFailed where it is no answer."""
    match reply:
        case {"refused": str(errno)} if len(reply) == 1:
            return Refused(errno)
        case {"died": True} if len(reply) == 1 and reply["died"] is True:
            return None
        case {"done": values} if len(reply) == 1:
            return Done(_values(call, values))
    raise TargetFailed(f"it has none of the shapes of an answer: {excerpt(str(dict(reply)))}", SEE)


class Showing:
    """What a subject may show in one scope: the declared observables, at the places that exist, with their values."""

    def __init__(self, declared: Iterable[str], objects: Mapping[str, int]) -> None:
        self._known = {name: _Cells(catalogue.OBSERVABLES[name], objects) for name in declared}
        self._owed = {name: len(cells.places) for name, cells in self._known.items() if cells.default is None}

    def read(self, shown: object) -> Shown:
        """The same state, with every default left out; raises TargetFailed where something is not of its type."""
        found: Shown = {}
        for name, values in object_of(shown, "shown").items():
            cells = self._known.get(name)
            if cells is None:
                advice = did_you_mean(name, self._known, "show only what the reply to hello declares")
                raise TargetFailed(f"it shows {excerpt(name)}, which it did not declare", advice)
            kept = cells.read(object_of(values, name))
            if kept:
                found[name] = kept
        for name, places in self._owed.items():
            if len(found.get(name, ())) != places:
                raise TargetFailed(f"it does not show {name} everywhere", "send it always: it has no default")
        return found


class _Cells:
    """The places of one observable, and the values that may stand there."""

    __slots__ = ("default", "name", "places", "type", "values")

    def __init__(self, observable: Observable, objects: Mapping[str, int]) -> None:
        kind = observable.value
        sorts = [[sort.element(i) for i in range(objects.get(sort.name, 0))] for sort in observable.domain]
        self.name = observable.name
        self.places = frozenset(map(",".join, product(*sorts)))
        self.type = _python_type(kind)
        self.values = _values_of(kind, objects)
        self.default = None if isinstance(kind, Sort) else written(kind, default(kind))

    def read(self, values: _Names) -> dict[str, Written]:
        """What differs from the default."""
        kept: dict[str, Written] = {}
        for place, value in values.items():
            if place not in self.places:
                raise TargetFailed(f"{self.name} has no place {excerpt(place)!r}", self._places_in_words())
            if type(value) is not self.type or (self.values is not None and value not in self.values):
                raise TargetFailed(f"{self.name} of {place!r} is {_seen(value)}", self._values_in_words())
            if value != self.default and isinstance(value, str | int):
                kept[place] = value
        return kept

    def _places_in_words(self) -> str:
        if not 0 < len(self.places) <= _FEW:
            return "name no object outside the scope"
        return f"its places are {', '.join(map(repr, sorted(self.places)))}"

    def _values_in_words(self) -> str:
        if self.values is None:
            return "true or false" if self.type is bool else "a count is a whole number"
        return f"one of {', '.join(sorted(map(str, self.values)))}"


_FEW = 12


def object_of(value: object, what: str) -> dict[str, object]:
    """The value, if it is a JSON object; raises TargetFailed where it is something else."""
    if type(value) is not dict:
        raise TargetFailed(f"{what} is no object: {_seen(value)}", SEE)
    for name in value:
        if type(name) is not str:
            raise TargetFailed(f"{what} has a name that is no text: {_seen(name)}", SEE)
    return value


def _values(call: str, values: object) -> tuple[tuple[str, Written], ...]:
    """The values of `done`; whether they are right is another question, but each is written as its type is."""
    given = object_of(values, "done")
    types = catalogue.returns().get(call, {})
    found: list[tuple[str, Written]] = []
    for name, value in sorted(given.items()):
        if not (type(value) is str or type(value) is int or type(value) is bool):
            raise TargetFailed(f"done has {excerpt(name)}: {_seen(value)}", SEE)
        if name in types and type(value) is not _python_type(types[name]):
            raise TargetFailed(f"{name} of {call} is {_seen(value)}", f"it is written as a {types[name]}")
        found.append((name, value))
    return tuple(found)


def _declared(names: object, where: str, known: Collection[str]) -> frozenset[str]:
    if not isinstance(names, list | tuple | set | frozenset):
        raise TargetFailed(f"{where} is no list: {_seen(names)}", SEE)
    for name in names:
        if not isinstance(name, str) or name not in known:
            advice = did_you_mean(str(name), known, "`tenure list calls` and docs/adapters.md have the names")
            raise TargetFailed(f"{where} has a name that does not exist: {_seen(name)}", advice)
    return frozenset(names)


def _only(given: _Names, names: Collection[str], what: str) -> None:
    for name in given:
        if name not in names:
            raise TargetFailed(f"{what} has an unknown name: {excerpt(name)}", did_you_mean(name, names, SEE))


def _text(given: _Names, name: str) -> str:
    value = given.get(name)
    if type(value) is not str:
        raise TargetFailed(f"the reply to hello lacks {name}, a text", SEE)
    return value


def _python_type(kind: Type) -> type:
    """How JSON's reading of a value of this type is stored."""
    match kind:
        case Flag():
            return bool
        case Count():
            return int
        case Maybe() | Sort() | Choice():
            return str


def _values_of(kind: Type, objects: Mapping[str, int]) -> frozenset[str] | None:
    """The values of a type in a scope; None where every value of its Python type is one."""
    match kind:
        case Flag() | Count():
            return None
        case Choice():
            return frozenset(kind.values)
        case Sort():
            return frozenset(kind.element(i) for i in range(objects.get(kind.name, 0)))
        case Maybe():
            return frozenset(kind.sort.element(i) for i in range(-1, objects.get(kind.sort.name, 0)))


def _seen(value: object) -> str:
    """A value in a message, as JSON writes it where it is simple."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
    return excerpt(repr(value))
