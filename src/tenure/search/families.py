"""Families of systems that stand on address ranges alone: each with its own scopes, of searches, of the gate and of `conform`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tenure.search.paged_scopes import paged_scope
from tenure.search.range_scopes import range_scope
from tenure.vocabulary import observables as seen
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.symbols import Observable
from tenure.vocabulary.systems import Granularity, System

Sizes = dict[str, int]


@dataclass(frozen=True)
class Place:
    """A scope with a name; `full` where only a run without a budget looks at it."""

    name: str
    scope: Scope
    full: bool = False


@dataclass(frozen=True)
class Family:
    """Systems that are alike in what they speak of."""

    marks: Observable
    """What these systems show and no others do."""
    scope: Callable[[Sizes], Scope]
    main: Sizes
    """Where violations are searched; by two threads where calls interleave."""
    narrow: tuple[Scope, ...]
    """Where violations are searched besides."""
    witness: Scope
    """Where the rest of the cases can be reached."""
    gate: Scope
    plan: Scope
    whole: tuple[Place, ...]
    pairs: tuple[Place, ...]
    columns: tuple[tuple[str, str, str], ...] = field(default=())
    """What never changes, for the line protocol: the observable, the letter of its places, the field of the scope."""

    def main_scope(self, granularity: Granularity) -> Scope:
        """The scope of a search for violations."""
        return self.scope({**self.main, "thread": 2 if granularity is Granularity.STEPS else 1})


TYPE1 = Family(
    marks=seen.address_valid,
    scope=range_scope,
    main={"process": 2, "thread": 1, "table": 1, "address": 5, "mapping": 3},
    narrow=(),
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

RFC2011 = Family(
    marks=seen.mapping_memory,
    scope=paged_scope,
    main={"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2},
    narrow=(paged_scope({"process": 1, "thread": 1, "table": 1, "address": 3, "page": 2, "mapping": 3}),),
    witness=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 2, "page": 2, "mapping": 2}, limit=0),
    gate=paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 3, "mapping": 5}),
    plan=paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
    whole=(
        Place(
            "one address space",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 4, "page": 3, "mapping": 2}),
        ),
        Place(
            "two address spaces",
            paged_scope({"process": 2, "thread": 1, "table": 2, "address": 4, "page": 1, "mapping": 2}, limit=0),
        ),
        Place(
            "large",
            paged_scope({"process": 1, "thread": 1, "table": 1, "address": 8, "page": 4, "mapping": 5}),
            full=True,
        ),
    ),
    pairs=(),
    columns=(
        ("address_position", "a", "position"),
        ("page_number", "pg", "page number"),
        ("page_reserved", "pg", "reserved"),
        ("page_frame_0", "pg", "frame 0"),
        ("pages_most", "p", "page limit"),
        ("pages_unlimited", "p", "may exceed"),
    ),
)

FAMILIES = (TYPE1, RFC2011)


def family_of(system: System) -> Family | None:
    """The family of the system; None where it speaks of groups and files."""
    return next((one for one in FAMILIES if system.defines(one.marks)), None)
