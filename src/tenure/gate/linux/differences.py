"""What is recorded of kernels: errnos that some versions refuse with and are right to, and rules that some versions break."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tenure.vocabulary.answers import Answer, Refused

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Versions:
    """From a version on, up to another one that is not meant any more."""

    since: Version
    before: Version

    def has(self, version: Version) -> bool:
        """The version is one of them."""
        return self.since <= version < self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """One call that some versions refuse with another errno, and are right to."""

    call: str
    rules: str
    kernel: str
    reason: str
    versions: Versions


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that some versions break, where a call has some mark."""

    mark: str
    reason: str
    versions: Versions


@cache
def differences() -> tuple[Difference, ...]:
    """All that are recorded."""
    rows = _recorded()["difference"]
    return tuple(Difference(one["call"], one["rules"], one["kernel"], one["reason"], _versions(one)) for one in rows)


@cache
def faults() -> tuple[Fault, ...]:
    """All that are recorded."""
    return tuple(Fault(one["mark"], one["reason"], _versions(one)) for one in _recorded()["fault"])


def intended(call: str, given: Answer | None, version: Version) -> Answer | None:
    """The refusal of the rules in whose place this version's is recorded; None where it is of none."""
    for one in differences():
        if one.call == call and given == Refused(one.kernel) and one.versions.has(version):
            return Refused(one.rules)
    return None


def known(marks: frozenset[str], version: Version) -> str:
    """The fault of this version that a call with these marks meets; empty: none that is recorded."""
    met = (one for one in faults() if one.mark in marks and one.versions.has(version))
    return next((f"{one.mark}: {one.reason}" for one in met), "")


@cache
def _recorded() -> dict[str, list[dict[str, str]]]:
    text = resources.files("tenure.gate.linux").joinpath("differences.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _versions(row: dict[str, str]) -> Versions:
    since = _version(row["since"]) if "since" in row else (0, 0)
    return Versions(since, _version(row["before"]) if "before" in row else _NEVER)


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)


_NEVER: Version = (1 << 16, 0)
