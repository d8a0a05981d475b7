"""`tenure compare`: designs side by side, from what is recorded of each; nothing is searched or proved here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tenure.commands.locking import LOCKS, SENTENCE
from tenure.commands.naming import system_named
from tenure.commands.output import BadInput
from tenure.commands.recording import Key, rows_recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.report.documents import row_result
from tenure.vocabulary.properties import Due, Property, Race
from tenure.vocabulary.sentences import concerns
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import TRUE
from tenure.vocabulary.verdicts import Row, Verdict

MARKS: dict[Verdict, Callable[[Row], str]] = {
    Verdict.PROVED: lambda _: "P",
    Verdict.REFUTED: lambda row: str(row.length),
    Verdict.SEARCHED: lambda _: "s",
    Verdict.NOT_APPLICABLE: lambda _: ".",
    Verdict.NOT_RUN: lambda _: "-",
}
"""How the table writes a verdict."""

TO_A_USER: dict[Verdict, str] = {
    Verdict.PROVED: "gained with",
    Verdict.REFUTED: "lost with",
    Verdict.SEARCHED: "in doubt with",
    Verdict.NOT_APPLICABLE: "no question with",
    Verdict.NOT_RUN: "not recorded of",
}
"""What a verdict is to somebody who chooses between designs, in the order in which it is told."""

LEGEND = (
    "P proved for any number of objects; a number: refuted, transitions of a shortest trace in the scope of its search; "
    "s searched; . not applicable; - not recorded"
)

LOCK_ORDER = Property(LOCKS, "no_thread_waits_for_ever", SENTENCE, "the locks of each step", Due.ALWAYS, (), TRUE, None)
"""The row LOCKS as one to compare; every design is asked for it where its calls are made in steps."""

RACE_ID = re.compile(r"\bD-G1-[0-9]{2}\b|\b[A-Z][0-9]?\b")
"""How a reason names a race."""


@dataclass(frozen=True, slots=True)
class Line:
    """One property at one granularity, over all designs that are compared."""

    about: Property
    granularity: Granularity
    cells: tuple[Row, ...]

    @property
    def differs(self) -> bool:
        """The designs are not judged alike; a longer trace to the same loss is no difference."""
        return len({cell.verdict for cell in self.cells}) > 1

    @property
    def marks(self) -> list[str]:
        """The cells as the table writes them."""
        return [MARKS[cell.verdict](cell) for cell in self.cells]

    @property
    def is_a_question(self) -> bool:
        """It applies to some design; or nobody has judged whether it does."""
        return any(cell.verdict is not Verdict.NOT_APPLICABLE for cell in self.cells)

    @property
    def means(self) -> list[str]:
        """What the choice between the designs gains or loses a user here, and what a loss comes from where that is recorded."""
        alike: dict[tuple[Verdict, str], list[str]] = {}
        for cell in sorted(self.cells, key=lambda c: list(TO_A_USER).index(c.verdict)):
            alike.setdefault((cell.verdict, _cause(cell)), []).append(_named(cell))
        return [f"{TO_A_USER[verdict]} {', '.join(names)}{cause}" for (verdict, cause), names in alike.items()]


def designs_named(texts: Sequence[str]) -> list[System]:
    """The systems to compare, a bare name being the base variant; raises BadInput where there are not two."""
    found = list({s.id: s for s in map(system_named, texts)}.values())
    if len(found) < 2:  # noqa: PLR2004  # it takes two to compare
        one = found[0] if found else SYSTEMS[0]
        other = next(s for s in SYSTEMS if s.id != one.id)
        raise BadInput(f"compare takes two systems or more; name another, such as: tenure compare {one.id} {other.id}")
    return found


def compared(designs: Sequence[System], granularities: Iterable[Granularity]) -> list[Line]:
    """What is recorded of each property that concerns some design, whole before steps, the headline theorems first.

    What is missing is not run; where a design shows nothing of what the property speaks of, nothing is missing.
    """
    known = dict(rows_recorded(dict.fromkeys(d.name for d in designs)))
    levels = list(granularities)
    return [
        Line(one, level, tuple(_row(known, design, level, one) for design in designs))
        for one in (*PROPERTIES, LOCK_ORDER)
        if any(_concerns(design, one) for design in designs)
        for level in levels
        if one is not LOCK_ORDER or level is Granularity.STEPS
    ]


def _concerns(design: System, one: Property) -> bool:
    return one is LOCK_ORDER or concerns(design, one)


def differing(lines: Iterable[Line]) -> dict[Property, list[Line]]:
    """The rows in which the designs differ, by property."""
    found: dict[Property, list[Line]] = {}
    for one in lines:
        if one.differs:
            found.setdefault(one.about, []).append(one)
    return found


def races_behind(lines: Iterable[Line]) -> list[Race]:
    """The races that are recorded as reasons of what is lost, as they are named with these designs."""
    lost = (c for one in lines if one.differs for c in one.cells if c.verdict is Verdict.REFUTED)
    named = {(race_id, cell.system) for cell in lost for race_id in RACE_ID.findall(cell.reason)}
    systems = {system for _, system in named}
    found: dict[str, Race] = {}
    for race in sorted(RACES, key=lambda r: r.system.partition(":")[0] not in systems):
        if any(race.id == race_id for race_id, _ in named):
            found.setdefault(race.id, race)
    return [found[race_id] for race_id in sorted(found)]


def undivided(designs: Sequence[System]) -> dict[str, tuple[str, ...]]:
    """Where designs do not begin alike: by design, the calls that it makes in one step where another takes several."""
    found = {
        one.id: tuple(c.name for c in one.calls if c.name in one.indivisible and _is_in_steps(c.name, designs))
        for one in designs
    }
    return {name: calls for name, calls in found.items() if calls}


def _is_in_steps(call: str, designs: Sequence[System]) -> bool:
    """Some of the designs makes it step by step."""
    return any(
        c.name == call and len(c.steps) > 1 and c.name not in one.indivisible for one in designs for c in one.calls
    )


def unrecorded(lines: Iterable[Line]) -> list[str]:
    """What is to be done about each design of which something is not recorded."""
    lacking = dict.fromkeys(
        (c.system_id(), c.system) for one in lines for c in one.cells if c.verdict is Verdict.NOT_RUN
    )
    return [
        f"{id_}: not all is recorded of it; see what `tenure prove {id_}` finds, "
        f"and write what you can justify into properties/expected/{name}.toml"
        for id_, name in lacking
    ]


def results(lines: Iterable[Line]) -> list[dict[str, object]]:
    """The cells as results of the document, each with its sentence and whether the designs differ in it."""
    return [
        {**row_result(cell), "sentence": one.about.sentence, "differs": one.differs, "means": TO_A_USER[cell.verdict]}
        for one in lines
        for cell in one.cells
    ]


def _row(known: dict[Key, dict[str, Any]], design: System, level: Granularity, one: Property) -> Row:
    key = (design.name, design.variant, level.value, one.id)
    found = known.get(key)
    if found is None and not _concerns(design, one):
        return Row(*key, Verdict.NOT_APPLICABLE, "the system shows nothing of what it speaks of")
    if found is None:
        return Row(*key, Verdict.NOT_RUN, "not recorded")
    return Row(*key, Verdict(found["verdict"]), found.get("reason", ""), found.get("length"))


def _cause(cell: Row) -> str:
    return f": {cell.reason}" if cell.verdict is Verdict.REFUTED and cell.reason else ""


def _named(cell: Row) -> str:
    return cell.system_id() if cell.length is None else f"{cell.system_id()} ({cell.length})"
