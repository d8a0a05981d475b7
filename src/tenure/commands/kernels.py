"""`tenure gate --matrix`: kernels side by side, each held to the rules of its version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tenure.commands.gating import GateResult
from tenure.commands.output import BadInput
from tenure.models import SYSTEMS
from tenure.vocabulary.systems import System
from tenure.vocabulary.verdicts import Verdict

PREFIX = "linux:debian:"

LAST = {"kvm-file:group-only": "6.1"}
"""The last versions of the kernel of variants that are named by something else."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Campaigns by version, the oldest first."""

    results: Mapping[str, GateResult]

    def table(self) -> list[tuple[str, ...]]:
        """A row for the answers and for each property, a column for each version."""
        cells = {version: _cells(result) for version, result in self.results.items()}
        names = dict.fromkeys(name for column in cells.values() for name in column)
        return [(name, *(column.get(name, "") for column in cells.values())) for name in names]

    def changes(self) -> list[str]:
        """What some versions answer otherwise than the rules, in which of them, and from which on it is no more so."""
        said: dict[str, list[str]] = {}
        for version, result in self.results.items():
            for one in dict.fromkeys(_otherwise(result)):
                said.setdefault(one, []).append(version)
        return [f"{one}: {', '.join(where)}{self._since(where)}" for one, where in said.items()]

    def _since(self, where: Sequence[str]) -> str:
        """The first later version that was tried and has it no more."""
        versions = [version for version, result in self.results.items() if result.report.calls]
        later = versions[versions.index(where[-1]) + 1 :] if where[-1] in versions else []
        return f"; not in {later[0]}" if later else ""


def targets(target: str) -> dict[str, str]:
    """The targets of a list of versions, by version, the oldest first; raises BadInput where it is no such list."""
    versions = target.removeprefix(PREFIX).split(",")
    if not target.startswith(PREFIX) or not all(re.fullmatch(r"[0-9]+(\.[0-9]+)+", version) for version in versions):
        message = f"a matrix is of Debian's kernels, and {target!r} names none; say {PREFIX}6.1,6.12"
        raise BadInput(message)
    return {version: f"{PREFIX}{version}" for version in sorted(set(versions), key=_numbers)}


def profile_for(profile: str, version: str) -> str:
    """The variant of a profile that ends with the oldest version not before this one; where there is none, the profile."""
    known = {s.id: last for s in SYSTEMS if s.name == profile and (last := _last(s))}
    fitting = [one for one, last in known.items() if _numbers(version)[:2] <= _numbers(last)]
    return min(fitting, key=lambda one: _numbers(known[one])) if fitting else profile


def _last(system: System) -> str:
    """The last version of the kernel that a variant is of: most are named by it; empty where it is of none, or of today's."""
    return LAST.get(system.id, system.variant if re.fullmatch(r"[0-9]+\.[0-9]+", system.variant) else "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _cells(result: GateResult) -> dict[str, str]:
    """Each row of a campaign that says something of the kernel: what was not shown or is not asked says nothing."""
    silent = (Verdict.NOT_APPLICABLE, *(() if result.report.missing else (Verdict.NOT_RUN,)))
    found = {row.property: row.verdict.value for row, _ in result.rows() if row.verdict not in silent}
    return {**found, "profile": result.system.id}


def _otherwise(result: GateResult) -> Iterable[str]:
    """What was answered otherwise than by the rules, excused or not."""
    yield from sorted(result.report.intended)
    for one in result.report.findings:
        call = one.run[-1].call if one.run else "boot"
        yield f"{call}: {one.known}" if one.known else f"{call}: {one.given} for {one.permitted or one.property}"
