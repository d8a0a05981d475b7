"""Subjects: what the gate holds to the rules, whatever it is and wherever it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tenure.vocabulary.answers import Answer, Done, Refused
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

Written = str | int | bool
"""A value as people and files write it: ``g0``, ``none``, a choice's name, a flag or a number."""

Shown = dict[str, dict[str, Written]]
"""A state by observable and place, such as ``container_users`` of ``g0``; two objects are joined by a comma."""

Configuration = dict[str, dict[str, int] | dict[str, dict[str, Written]]]
"""A Setup as `reset` sends it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The state that a reset starts from: how many objects, what never changes, what may be so at the start."""

    profile: str
    objects: Mapping[str, int]
    fixed: Shown
    initial: Shown

    def configuration(self) -> Configuration:
        """What stands under `reset` in docs/adapters.md; a copy that the subject may keep."""
        return {
            "objects": dict(self.objects),
            "fixed": {name: dict(values) for name, values in self.fixed.items()},
            "initial": {name: dict(values) for name, values in self.initial.items()},
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a call. Replies are shared: nobody changes what is shown."""

    answer: Done | Refused | None
    """The values of Done stand in the order of their names; None: the call never returned."""
    shown: Shown | None = None
    """Places that hold their default, and observables with no other places, are left out; None: nobody asked."""


class TargetFailed(Exception):  # noqa: N818 -- the name of the verdict
    """The subject broke, and not the rules: it is gone, silent, or its words are none of the protocol's."""

    def __init__(self, happened: str, advice: str, where: str = "") -> None:
        super().__init__(happened, advice, where)
        self.happened = happened
        self.advice = advice
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.happened}; {self.advice}"


class UnknownTarget(ValueError):  # noqa: N818 -- what it is, and it is the user's
    """The text names no target: nothing was started."""


class NotRun(Exception):  # noqa: N818 -- the name of the verdict
    """The target cannot be tried here: what is missing, and what to do about it."""

    def __init__(self, missing: str, advice: str) -> None:
        super().__init__(f"{missing}; {advice}")


class Fell(Exception):  # noqa: N818 -- what happened
    """The implementation itself fell, and not its transport: a kernel that panics, warns or hangs."""

    def __init__(self, kind: str, line: str, log: str) -> None:
        super().__init__(kind, line)
        self.kind = kind
        self.line = line
        self.log = log

    @property
    def sort(self) -> str:
        """What it has in common with others of its sort: the words, without their numbers."""
        return f"{self.kind}: {re.sub(r'0x[0-9a-f]+|[0-9]+', 'N', self.line)}"

    def __str__(self) -> str:
        return f"{self.kind}: {self.line}"


class Subject(Protocol):
    """An implementation that can be called, and that shows what it chooses to show."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def calls(self) -> frozenset[str]:
        """The calls that it implements; others are never made."""

    @property
    def shows(self) -> frozenset[str]:
        """The observables that it shows; properties that need others are not run."""

    def reset(self, setup: Setup) -> None:
        """Forget everything and start from there; raises TargetFailed."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        """Make a call, and all that follows from it before the next; raises TargetFailed."""

    def close(self) -> None:
        """Let it go; nothing of it runs on. Raises TargetFailed where it does not end as it should."""


@runtime_checkable
class Sited(Protocol):
    """A subject on a machine of its own, which decides where it is driven, and which can fall and be started again."""

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        """Where it is driven, and the part of it in which runs are planned."""

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        """The machine can make this call; one that it cannot make is not run."""

    def prepare(self, calls: Sequence[tuple[str, Mapping[str, Written]]]) -> None:
        """These calls come next, in this order, if they are answered as the rules foresee; they may be made at once."""

    def stands_for(self, call: str, given: Answer | None) -> Answer | None:
        """The answer of the rules in whose place this one is recorded as intended for this target; None: of none."""

    def known(self, call: str, args: Mapping[str, Written]) -> str:
        """The recorded fault of this target that this call meets; empty: none. What it breaks is a finding all the same."""

    def program(self, calls: int) -> str:
        """The last run, up to so many calls, as a program in C that makes it without Tenure."""

    def settle(self) -> str:
        """End all that a run began; what is left of it though nothing may be, empty: nothing. Raises Fell, TargetFailed."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """Bytes of a device that arrived: whether it read or wrote them, and on which page of whose memory; 0 is the first page."""

    way: str
    process: str
    page: int

    def __str__(self) -> str:
        return f"{self.way}s page {self.page} of {self.process}"


Hits = frozenset[Hit]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a device's bytes did at a place: what is to arrive by the rules, and what did."""

    place: str
    wanted: Hits
    found: Hits
    known: str = ""
    """The recorded fault of the target by which the two differ."""


@runtime_checkable
class Moving(Protocol):
    """A subject on whose machine devices can be made to move bytes."""

    @property
    def moves(self) -> bool:
        """It has such devices, and the profile is about what they reach."""

    def move(self, table: str, wanted: Mapping[str, Hits]) -> Sequence[Arrived]:
        """Have the device of an address space read and write at these addresses, and at one that is mapped for this alone.

        An address that the device cannot be told is left out.
        """
