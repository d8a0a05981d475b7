"""What mutation testing found, held to the list of mutants that are equivalent: neither may have one that the other lacks."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ENDS = ("killed", "survived", "left", "left out")
"""What may become of a mutant without anything being wrong."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """A changed line: in which file and function, what it was, and what it became."""

    file: str
    within: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.file}, {self.within or 'not in a function'}: `{self.was}` became `{self.now}`"


@dataclass(frozen=True, slots=True)
class Tried:
    """The mutants of one file: how many met which end, those that survived, and how many were not tried yet."""

    file: str
    ends: Mapping[str, int]
    survivors: frozenset[Mutant]

    @property
    def left(self) -> int:
        """How many wait for another run."""
        return self.ends.get("left", 0)


def tried(file: str, lines: Iterable[str]) -> Tried:
    """Read what `cosmic-ray dump` prints: a mutant and what became of it on each line."""
    ends: Counter[str] = Counter()
    survivors = set()
    for line in lines:
        work, result = json.loads(line)
        end = _end(result)
        ends[end] += 1
        if end == "survived":
            survivors.add(mutant(file, work["mutations"][0]["definition_name"] or "", result["diff"]))
    return Tried(file, ends, frozenset(survivors))


def _end(result: Mapping[str, str] | None) -> str:
    """A mutant that is neither tried nor left out is left; what cannot be run at all is no survivor and no kill either."""
    if result is None:
        return "left"
    if result["worker_outcome"] == "skipped":
        return "left out"
    return result["test_outcome"] or result["worker_outcome"]


def mutant(file: str, within: str, diff: str) -> Mutant:
    """The mutant of this diff, known by its text: line numbers move."""
    lines = diff.splitlines()
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---"))
    now = " ".join(line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++"))
    return Mutant(file, within, was, now)


def listed(text: str) -> dict[Mutant, str]:
    """The equivalent mutants, each with the reason; ValueError where one has none, or is listed twice."""
    found: dict[Mutant, str] = {}
    for row in tomllib.loads(text).get("equivalent", []):
        one = Mutant(row["file"], row["within"], row["was"], row["now"])
        if not row.get("reason", "").strip():
            raise ValueError(f"no reason is given for {one}; say why nothing can tell it from the code")
        if one in found:
            raise ValueError(f"listed twice: {one}; leave one out")
        found[one] = row["reason"]
    return found


def faults(all_tried: Sequence[Tried], equivalent: Mapping[Mutant, str]) -> list[str]:
    """Survivors that nobody explained, and explanations of what is no survivor, where the whole file was tried."""
    found = []
    for one in all_tried:
        found += [f"survives, and is not listed: {m}" for m in sorted(one.survivors - equivalent.keys())]
        if not one.left:
            gone = {m for m in equivalent if m.file == one.file} - one.survivors
            found += [f"listed as equivalent, and killed or no more a mutant: {m}" for m in sorted(gone)]
        odd = {end: count for end, count in one.ends.items() if end not in ENDS}
        found += [f"{count} in {one.file} could not be tried: {end}" for end, count in odd.items()]
    return found


def score(one: Tried) -> str:
    """How many were killed of those that were tried."""
    killed, survived = one.ends.get("killed", 0), one.ends.get("survived", 0)
    rest = [f"{one.ends[end]} {end}" for end in sorted(one.ends) if end not in ("killed", "survived")]
    share = f" ({killed / (killed + survived):.1%})" if killed + survived else ""
    return ", ".join([f"{one.file}: {killed} of {killed + survived} killed{share}", *rest])
