"""Symmetry: states that differ only in the names of objects are one orbit; an orbit is visited once."""

from __future__ import annotations

from collections.abc import Callable

from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.objects import (
    CONTAINER,
    DEVICE,
    FILE,
    IOMMU_DRIVER,
    MAPPING,
    METAGROUP,
    OBJECT,
    PROCESS,
    TABLE,
    USER,
    VM,
)
from tenure.vocabulary.types import NONE, Sort, sort_of

RENAMED: tuple[Sort, ...] = (
    DEVICE,
    CONTAINER,
    FILE,
    TABLE,
    USER,
    MAPPING,
    VM,
    IOMMU_DRIVER,
    OBJECT,
    METAGROUP,
    PROCESS,
)
"""The sorts whose names mean nothing, in the order in which they are sorted; the names of all others are fixed.

An object takes the name only of one that is like it in all that never changes.
"""


def orbit(machine: Machine) -> Callable[[State], State]:
    """A function that gives equal states for states of one orbit wherever sorting by what objects hold can tell so.

    Two orbits never share a result: it is the state itself under other names. Objects that sorting cannot tell apart may
    leave an orbit in two pieces, which costs time and loses nothing.
    """
    plan = _Plan(machine)
    return plan.renamed


class _Plan:
    """Where the objects of each sort appear in a state: as a place, or as a value."""

    def __init__(self, machine: Machine) -> None:
        self.layout = machine.layout
        alike = {s.name: self._alike(s) for s in RENAMED}
        self.classes = {name: classes for name, classes in alike.items() if any(len(c) > 1 for c in classes)}
        self.sizes = {name: sum(map(len, classes)) for name, classes in self.classes.items()}
        self.fields = []
        for one in self.layout.fields:
            target = sort_of(one.value)
            named = target.name if target is not None and target.name in self.sizes else None
            axes = tuple(s.name if s.name in self.sizes else None for s in one.domain)
            places = [(p, self.layout.offset[one.name] + k) for k, p in enumerate(self.layout.places(one))]
            self.fields.append((axes, named, places))
        self.sorts = [(name, classes, self._views(name)) for name, classes in self.classes.items()]

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

    def _views(self, sort: str) -> list[list[list[tuple[int, str | None, str | None, int]]]]:
        """For each object of the sort: the cells in which it is a place, and those in which it may be the value."""
        views: list[list[list[tuple[int, str | None, str | None, int]]]] = [[[], []] for _ in range(self.sizes[sort])]
        for axes, named, places in self.fields:
            for position, axis in enumerate(axes):
                if axis == sort:
                    for place, cell in places:
                        other = next(((axes[i], place[i]) for i in range(len(axes)) if i != position), (None, 0))
                        views[place[position]][0].append((cell, named, other[0], other[1]))
            if named == sort:
                for object_ in range(self.sizes[sort]):
                    for place, cell in places:
                        axis = axes[0] if axes else None
                        views[object_][1].append((cell, None, axis, place[0] if place else 0))
        return views

    def renamed(self, state: State) -> State:
        """The state with the objects of each sort named in the order of what they hold."""
        ranks: dict[str, list[int]] = {}
        for name, classes, views in self.sorts:
            order = [0] * len(views)
            for alike in classes:
                signed = sorted((_signature(state, views[i], i, ranks), i) for i in alike)
                for rank, (_, i) in zip(alike, signed, strict=True):
                    order[i] = rank
            ranks[name] = order
        result = list(state)
        for axes, named, places in self.fields:
            target = ranks.get(named) if named else None
            if target is None and not any(a in ranks for a in axes):
                continue
            base = places[0][1] if places else 0
            strides = _strides(axes, places)
            for place, cell in places:
                at = base
                for axis, index, stride in zip(axes, place, strides, strict=True):
                    order_ = ranks.get(axis) if axis else None
                    at += (order_[index] if order_ else index) * stride
                value = state[cell]
                result[at] = target[value] if target is not None and value != NONE else value
        return tuple(result)


def _strides(axes: tuple[str | None, ...], places: list[tuple[tuple[int, ...], int]]) -> tuple[int, ...]:
    """How far apart neighbours along each axis are; row-major, so the last axis has stride one."""
    if not places:
        return (0,) * len(axes)
    last = places[-1][0]
    strides = [1] * len(axes)
    for i in range(len(axes) - 2, -1, -1):
        strides[i] = strides[i + 1] * (last[i + 1] + 1)
    return tuple(strides)


def _signature(
    state: State, view: list[list[tuple[int, str | None, str | None, int]]], me: int, ranks: dict[str, list[int]]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """What an object holds and who points at it, as far as those are named already."""
    held = []
    for cell, named, other, index in view[0]:
        value = state[cell]
        if named is not None and value != NONE:
            known = ranks.get(named)
            value = known[value] if known else 0
        known_other = ranks.get(other) if other else None
        position = index if other is None or known_other is None else known_other[index]
        held.append((position if other is None or known_other is not None else -1, value))
    pointed = []
    for cell, _, axis, index in view[1]:
        if state[cell] == me:
            known_axis = ranks.get(axis) if axis else None
            pointed.append(index if axis is None else known_axis[index] if known_axis else -1)
    if {c for c, *_ in view[0]} and any(o is not None and o not in ranks for _, _, o, _ in view[0]):
        held.sort()
    return tuple(held), tuple(sorted(pointed))
