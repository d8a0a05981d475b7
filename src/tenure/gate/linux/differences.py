"""Intended differences: errnos by which versions of the kernel refuse otherwise than the rules, and are right to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tenure.vocabulary.answers import Answer, Refused

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One call that some versions refuse with another errno."""

    call: str
    rules: str
    kernel: str
    reason: str
    since: Version
    before: Version


_NEVER: Version = (1 << 16, 0)


@cache
def differences() -> tuple[Difference, ...]:
    """All that are recorded."""
    text = resources.files("tenure.gate.linux").joinpath("differences.toml").read_text(encoding="utf-8")
    return tuple(
        Difference(
            one["call"],
            one["rules"],
            one["kernel"],
            one["reason"],
            _version(one["since"]) if "since" in one else (0, 0),
            _version(one["before"]) if "before" in one else _NEVER,
        )
        for one in tomllib.loads(text)["difference"]
    )


def intended(call: str, given: Answer | None, version: Version) -> Answer | None:
    """The refusal of the rules in whose place this version's is recorded; None where it is of none."""
    for one in differences():
        if one.call == call and given == Refused(one.kernel) and one.since <= version < one.before:
            return Refused(one.rules)
    return None


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)
