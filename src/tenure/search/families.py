"""Families of systems that speak of no groups: each with its own scopes, of searches, of the gate and of `conform`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tenure.search.interrupt_scopes import SIZES, WIRED, interrupt_scope
from tenure.search.object_scopes import MAKES, object_scope
from tenure.search.range_scopes import range_scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System

Sizes = dict[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A scope with a name; `full` where only a run without a budget looks at it."""

    name: str
    scope: Scope
    full: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """Systems that are alike in what they speak of."""

    marks: Observable
    """What these systems show and no others do."""
    scope: Callable[[Sizes], Scope]
    main: Sizes
    """Where violations are searched; by two threads where calls interleave."""
    witness: Scope
    """Where the rest of the cases can be reached."""
    gate: Scope
    plan: Scope
    whole: tuple[Place, ...]
    pairs: tuple[Place, ...]
    columns: tuple[tuple[str, str, str], ...] = ()
    """What never changes, for the line protocol: its name, the letter of its places, the field of the scope."""
    far: tuple[tuple[Scope, frozenset[str]], ...] = ()
    """Where cases are reached that need more objects, each with the calls that it takes."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """The same, for observables of any places: the field of each."""

    def main_scope(self, granularity: Granularity) -> Scope:
        """The scope of a search for violations."""
        return self.scope({**self.main, "thread": 2} if granularity is Granularity.STEPS else self.main)


_WHOLE = {"thread": 1, "file": 2, "device": 1, "eventfd": 2, "array": 3}
_PAIRS = {"thread": 2, "file": 2, "device": 1, "eventfd": 2, "array": 2}

TYPE1 = Family(
    marks=seen.mapping_listed,
    scope=range_scope,
    main={"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3},
    witness=range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
    gate=range_scope({"process": 2, "thread": 1, "table": 2, "address": 8, "mapping": 5}, most=3),
    plan=range_scope({"process": 2, "thread": 1, "table": 1, "address": 4, "mapping": 3}),
    whole=(
        Place("one address space", range_scope({"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 1, "table": 2, "address": 3, "mapping": 2}, most=1),
        ),
        Place(
            "large", range_scope({"process": 2, "thread": 1, "table": 1, "address": 8, "mapping": 5}, most=4), full=True
        ),
    ),
    pairs=(
        Place("one address space", range_scope({"process": 2, "thread": 2, "table": 1, "address": 4, "mapping": 3})),
        Place(
            "two address spaces",
            range_scope({"process": 2, "thread": 2, "table": 2, "address": 3, "mapping": 3}),
            full=True,
        ),
    ),
    columns=(
        ("address_position", "a", "position"),
        ("address_valid", "a", "valid range"),
        ("mappings_most", "tb", "entry limit"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)

INTERRUPTS = Family(
    marks=seen.line_index,
    scope=interrupt_scope,
    main=SIZES,
    witness=interrupt_scope({**SIZES, "file": 1, "device": 2}, devices=(0, 0, 1), lines=(1, 1, 0)),
    gate=interrupt_scope(
        {"thread": 1, "file": 3, "device": 2, "eventfd": 4, "array": 4},
        devices=(0, 0, 1, 1),
        lines=(2, 3, 1, 0),
        most=3,
    ),
    plan=interrupt_scope(
        {"thread": 1, "file": 2, "device": 2, "eventfd": 2, "array": 3}, devices=(0, 0, 1), lines=(1, 1, 0)
    ),
    whole=(
        Place("one device", interrupt_scope(_WHOLE, most=2)),
        Place("several lines", interrupt_scope({**_WHOLE, "file": 1, "eventfd": 3}, lines=(2, 1))),
        Place("two devices", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 1, 1), lines=(1, 1, 0))),
        Place("large", interrupt_scope({**_WHOLE, "device": 2}, devices=(0, 0, 1), lines=(2, 1, 1)), full=True),
    ),
    pairs=(
        Place("one device", interrupt_scope(_PAIRS)),
        Place("several lines", interrupt_scope({**_PAIRS, "file": 1, "array": 3}, lines=(2,), devices=(0,))),
        Place("two devices", interrupt_scope({**_PAIRS, "device": 2}, devices=(0, 1), lines=(1, 1)), full=True),
    ),
    tables=WIRED,
)

_ONE = {"process": 1, "thread": 1, "file": 2, "object": 3, "device": 1}

OBJECTS = Family(
    marks=seen.object_users,
    scope=object_scope,
    main=_ONE,
    witness=object_scope({"process": 2, "thread": 1, "file": 2, "object": 2, "device": 1}),
    far=(
        (object_scope({**_ONE, "object": 5}), MAKES | {"attach", "hwpt_alloc"}),
        (object_scope({**_ONE, "object": 4}), MAKES | {"attach", "hwpt_alloc", "detach"}),
        (
            object_scope({**_ONE, "object": 4}),
            MAKES | {"attach", "hwpt_alloc", "close", "release_device", "destroy_left", "release_iommufd"},
        ),
        (object_scope({**_ONE, "file": 3, "device": 2}), MAKES | {"hwpt_alloc"}),
        (
            object_scope({**_ONE, "object": 4}, emulated=(True,)),
            MAKES | {"attach", "detach", "close", "release_device"},
        ),
    ),
    gate=object_scope({"process": 2, "thread": 1, "file": 6, "object": 6, "device": 4}),
    plan=object_scope({"process": 1, "thread": 1, "file": 3, "object": 4, "device": 2}),
    whole=(
        Place("one device", object_scope({**_ONE, "process": 2, "object": 4})),
        Place("two devices", object_scope({**_ONE, "file": 3, "device": 2})),
        Place("an emulated device", object_scope({**_ONE, "process": 2}, emulated=(True,))),
        Place(
            "two physical devices",
            object_scope({**_ONE, "file": 3, "object": 5, "device": 2}, emulated=(False, False)),
            full=True,
        ),
        Place("large", object_scope({**_ONE, "process": 2, "file": 3, "device": 2}), full=True),
    ),
    pairs=(
        Place("one device", object_scope({**_ONE, "thread": 2})),
        Place("an emulated device", object_scope({**_ONE, "thread": 2}, emulated=(True,))),
        Place("one device, four objects", object_scope({**_ONE, "thread": 2, "object": 4}), full=True),
    ),
    tables={"device_emulated": "emulated"},
)

FAMILIES = (TYPE1, INTERRUPTS, OBJECTS)


def family_of(system: System) -> Family | None:
    """The family of the system; None where it speaks of groups and files."""
    return next((one for one in FAMILIES if system.defines(one.marks)), None)
