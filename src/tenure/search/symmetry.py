"""Symmetry: states that differ only in the names of objects are one orbit; an orbit is visited once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from tenure.vocabulary.emission import Layout
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.objects import (
    CONTAINER,
    DEVICE,
    FILE,
    IOMMU_DRIVER,
    IOPT_PAGES,
    MAPPING,
    METAGROUP,
    OBJECT,
    PROCESS,
    TABLE,
    THREAD,
    USER,
    VM,
)
from tenure.vocabulary.symbols import Field
from tenure.vocabulary.types import NONE, Sort, sort_of

RENAMED: tuple[Sort, ...] = (
    DEVICE,
    CONTAINER,
    FILE,
    TABLE,
    USER,
    MAPPING,
    IOPT_PAGES,
    VM,
    IOMMU_DRIVER,
    OBJECT,
    METAGROUP,
    PROCESS,
    THREAD,
)
"""The sorts whose names mean nothing, in the order in which they are sorted; the names of all others are fixed.

An object takes the name only of one that is like it in all that never changes.
"""


def orbit(machine: Machine) -> Callable[[State], State]:
    """A function that gives equal states for states of one orbit wherever sorting by what objects hold can tell so.

    Two orbits never share a result: it is the state itself under other names. Objects that sorting cannot tell apart may
    leave an orbit in two pieces, which costs time and loses nothing.
    """
    source = "\n    ".join(("def renamed(s):", *_Emission(machine.layout).lines()))
    renamed: Callable[[State], State] = machine.layout.compile(source)["renamed"]
    return renamed


class _Emission:
    """The function as Python text. `i_SORT` lists the objects of a sort in their new order; `n_SORT` is the new name of each."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        alike = {sort: self._alike(sort) for sort in RENAMED}
        self.classes = {sort: classes for sort, classes in alike.items() if any(len(c) > 1 for c in classes)}
        self.named: set[Sort] = set()
        """The sorts whose objects have their new names already."""

    def lines(self) -> Iterator[str]:
        """Sort by sort the new names, and then the state under them."""
        for sort, classes in self.classes.items():
            yield from self._naming(sort, classes)
            self.named.add(sort)
        cells = ", ".join(text for one in self.layout.fields for text in self._cells(one))
        yield f"return ({cells},)" if cells else "return s"

    def _naming(self, sort: Sort, classes: list[list[int]]) -> Iterator[str]:
        size = self.layout.sizes[sort.name]
        yield f"k = [{', '.join(self._signature(sort, i) for i in range(size))}]"
        yield f"i_{sort.name} = [*range({size})]"
        for alike in classes:
            if len(alike) > 1:
                places = ", ".join(f"i_{sort.name}[{i}]" for i in alike)
                yield f"{places} = sorted({tuple(alike)}, key=k.__getitem__)"
        yield f"n_{sort.name} = [{NONE}] * {size + 1}"  # the last is the name of none, which is -1
        yield f"for name, was in enumerate(i_{sort.name}): n_{sort.name}[was] = name"

    def _signature(self, sort: Sort, me: int) -> str:
        """What an object holds and who points at it, as far as those are named already."""
        parts = []
        for one in self.layout.fields:
            parts += [self._held(one, at, me) for at, axis in enumerate(one.domain) if axis == sort]
            if sort_of(one.value) == sort:
                parts.append(self._pointed(one, me))
        return f"({''.join(f'{part}, ' for part in parts)})"

    def _held(self, one: Field, at: int, me: int) -> str:
        """What the field says of the object, in the order of the names of all others; sorted while some have none."""
        values = [self._value(one, place) for place in self._places(one, {at: me})]
        text = "".join(f"{value}, " for value in values)
        others = {axis for k, axis in enumerate(one.domain) if k != at}
        return f"({text})" if self._known(others) else f"tuple(sorted(({text})))"

    def _pointed(self, one: Field, me: int) -> str:
        """From where the field points at the object; how often, while not every place has a name."""
        here = [f"({self._cell(one, place)} == {me})" for place in self._places(one, {})]
        return f"({''.join(f'{h}, ' for h in here)})" if self._known(set(one.domain)) else " + ".join(here) or "0"

    def _known(self, sorts: set[Sort]) -> bool:
        return all(sort in self.named or sort not in self.classes for sort in sorts)

    def _cells(self, one: Field) -> Iterator[str]:
        """The values of a field, place by place, under the new names."""
        return (self._value(one, place) for place in self._places(one, {}))

    def _places(self, one: Field, fixed: dict[int, int]) -> Iterator[tuple[str, ...]]:
        """The places of a field in the order of the new names as far as there are any, where some axes are `fixed` to an object."""
        sizes = [self.layout.sizes.get(axis.name, 0) for axis in one.domain]
        names = [
            [str(fixed[k])] if k in fixed else [self._named(axis, i) for i in range(size)]
            for k, (axis, size) in enumerate(zip(one.domain, sizes, strict=True))
        ]
        return product(*names)

    def _named(self, sort: Sort, name: int) -> str:
        return f"i_{sort.name}[{name}]" if sort in self.named else str(name)

    def _cell(self, one: Field, place: tuple[str, ...]) -> str:
        """Where the field has its value for a place; row-major, so that the last axis has stride one."""
        constant, stride = self.layout.offset[one.name], 1
        moving = []
        for axis, at in reversed(tuple(zip(one.domain, place, strict=True))):
            if at.isdigit():
                constant += int(at) * stride
            else:
                moving.append(f" + {at}" if stride == 1 else f" + {at} * {stride}")
            stride *= self.layout.sizes.get(axis.name, 0)
        return f"s[{constant}{''.join(moving)}]"

    def _value(self, one: Field, place: tuple[str, ...]) -> str:
        """The value there: an object under its new name; while that has none, whether there is one."""
        cell, target = self._cell(one, place), sort_of(one.value)
        if target is None or target not in self.classes:
            return cell
        return f"n_{target.name}[{cell}]" if target in self.named else f"({cell} != {NONE})"

    def _alike(self, sort: Sort) -> list[list[int]]:
        """The objects of the sort, together with those that are like them in all that never changes."""
        fixed = [(one, values) for one, values in self.layout.fixed.items() if sort in one.domain]
        pointed = [(one, values) for one, values in self.layout.fixed.items() if sort_of(one.value) == sort]
        found: dict[tuple[object, ...], list[int]] = {}
        for object_ in range(self.layout.sizes.get(sort.name, 0)):
            named: list[object] = [
                (place[:at], place[at + 1 :], value)
                for one, values in fixed
                for at in (one.domain.index(sort),)
                for place, value in zip(self.layout.places(one), values, strict=True)
                if place[at] == object_
            ]
            named += [
                (one.name, place)
                for one, values in pointed
                for place, value in zip(self.layout.places(one), values, strict=True)
                if value == object_
            ]
            found.setdefault(tuple(named), []).append(object_)
        return list(found.values())
