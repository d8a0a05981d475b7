"""`tenure list` and `tenure explain`: what there is, and what it means, with its source."""

from __future__ import annotations

from typing import Any

from tenure.commands.judging import CASES
from tenure.commands.locking import LOCKS, SENTENCE
from tenure.commands.naming import unknown
from tenure.commands.recording import rows_recorded
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.vocabulary.calls import Call, Crash, Finish, Next, Refuse, Step
from tenure.vocabulary.locks import Queue
from tenure.vocabulary.systems import System
from tenure.vocabulary.verdicts import Verdict

Rows = list[tuple[str, ...]]

KINDS = ("systems", "properties", "races", "calls", "targets")

TARGETS: Rows = [
    ("reference:SYSTEM[:VARIANT]", "the executable reference"),
    ("python:MODULE:OBJECT", "an object in this process; docs/adapters.md says what it must do"),
    ("linux:PATH", "a kernel image, booted in QEMU; docs/kernels.md says how"),
    (
        "linux:debian[:VERSION]",
        "the newest stock kernel of Debian whose version begins so, or of this machine's own suite",
    ),
    ("linux:source:VERSION", "a minimal kernel with iommufd and device files, built of Debian's source and kept"),
    ("exec:COMMAND", "a program that speaks one JSON object per line; docs/adapters.md is the whole protocol"),
]


ROWS = {
    CASES: "Every case of every step is taken by some run, or no state that satisfies the claims can take it.",
    LOCKS: SENTENCE,
}
"""The rows of `tenure prove` that are about a system's calls and no property."""


def listing(kind: str) -> tuple[tuple[str, ...], Rows]:
    """The headings and rows of one kind of thing."""
    match kind:
        case "systems":
            return ("system", "what it is"), [(s.id, s.title) for s in SYSTEMS]
        case "properties":
            return ("id", "due", "sentence"), [(p.id, p.due.value, p.sentence) for p in PROPERTIES]
        case "races":
            return ("id", "system", "breaks"), [
                (r.id, r.system, "nothing" if r.harmless else r.property) for r in RACES
            ]
        case "calls":
            rows = [(c.name, s.name, c.doc) for s in SYSTEMS for c in s.calls]
            return ("call", "system", "what it does"), list(dict.fromkeys(rows))
        case "targets":
            return ("target", "what it is"), TARGETS
    raise unknown("kind of list", kind, KINDS)


def explanation(name: str) -> str:
    """A property, race, call, system or variant in words; raises UnknownName where `name` is none of these."""
    found = [*_row(name), *_property(name), *_race(name), *_system(name), *_call(name)]
    if not found:
        known = [*ROWS, *(p.id for p in PROPERTIES), *(r.id for r in RACES), *(s.id for s in SYSTEMS)]
        known += [s.variant for s in SYSTEMS if s.variant]
        raise unknown("name", name, [*known, *(c.name for s in SYSTEMS for c in s.calls)])
    return "\n\n".join(found)


def _row(name: str) -> list[str]:
    return [f"{name}\n  {ROWS[name]}\n  source: the steps of every call"] if name in ROWS else []


def _property(name: str) -> list[str]:
    return [
        f"{p.id}  {p.name}\n  {p.sentence}\n  due: {p.due.value}\n  source: {p.source}\n"
        f"  speaks of: {', '.join(o.name for o in p.observables)}"
        for p in PROPERTIES
        if name in (p.id, p.name)
    ]


def _race(name: str) -> list[str]:
    return [
        f"{r.id}  in {r.system}, {r.granularity}\n  {r.title}\n"
        f"  {'leaves standing' if r.harmless else 'breaks'}: {r.property}\n"
        f"  calls: {', '.join(r.calls)}\n  source: {r.source}"
        for r in RACES
        if r.id == name
    ]


def _system(name: str) -> list[str]:
    return [
        "\n".join(
            [
                f"{s.id}",
                f"  {s.title}",
                f"  source: {s.source}",
                *_broken(s),
                f"  calls: {', '.join(c.name for c in s.calls)}",
            ]
        )
        for s in SYSTEMS
        if name in (s.id, s.variant)
    ]


def _broken(system: System) -> list[str]:
    """What is recorded as false of the system, with the command that shows each; of a variant also what it shares with the base."""
    found = _recorded(system.name, system.variant, Verdict.REFUTED)
    of_base = _recorded(system.name, "", Verdict.REFUTED) if system.variant else {}
    own = {name: rows for name, rows in found.items() if not set(rows) <= set(of_base.get(name, {}))}
    lines = ["  breaks, as recorded:"] if own else [] if found else ["  breaks, as recorded: nothing"]
    for name, rows in own.items():
        lengths = ", ".join(f"{granularity} {row['length']}" for granularity, row in rows.items())
        first = next(iter(rows))
        reason = f": {rows[first]['reason']}" if "reason" in rows[first] else ""
        lines.append(f"    {name} ({lengths} transitions){reason}")
        lines.append(f"      tenure trace {system.id} {name} --granularity {first}")
    if shared := [name for name in found if name not in own]:
        lines.append(f"  breaks as {system.name} does: {', '.join(shared)}")
    proved = _recorded(system.name, system.variant, Verdict.PROVED)
    if kept := [name for name, rows in of_base.items() if set(rows) <= set(proved.get(name, {}))]:
        lines.append(f"  keeps, which {system.name} breaks: {', '.join(kept)}")
    return lines


def _recorded(name: str, variant: str, verdict: Verdict) -> dict[str, dict[str, dict[str, Any]]]:
    """The recorded rows with this verdict, by property and granularity."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (_, of, granularity, property_), row in rows_recorded([name]):
        if of == variant and row["verdict"] == verdict.value:
            found.setdefault(property_, {})[granularity] = row
    return found


def _call(name: str) -> list[str]:
    texts = dict.fromkeys(_told(c) for s in SYSTEMS for c in s.calls if c.name == name)
    return list(texts)


def _told(call: Call) -> str:
    lines = [f"{call.name}  {call.title}", f"  {call.doc}", f"  source: {call.source}"]
    shown = ", ".join(f"{p.name}: {p.type}{' (new)' if p.new else ''}" for p in call.parameters)
    lines.append(f"  parameters: {shown}")
    for step in call.steps:
        lines.append(f"  {call.qualified(step.name)}{_locking(step)}")
        for case in step.cases:
            match case.follow:
                case Refuse(errno):
                    lines.append(f"    {errno}: {case.why}")
                case Crash():
                    lines.append(f"    never returns: {case.why}")
                case Finish() | Next():
                    pass
    return "\n".join(lines)


def _locking(step: Step) -> str:
    """What the step does with locks, as far as it does anything."""
    on = f" on {step.waits}" if isinstance(step.waits, Queue) else ""
    return "".join(
        (
            f" under {' > '.join(map(str, step.locks))}" if step.locks else "",
            f", may drop the last {', '.join(map(str, step.drops))}" if step.drops else "",
            f", keeps {', '.join(map(str, step.keeps))}" if step.keeps else "",
            f", sleeps{on} until it can go on" if step.waits else "",
            f", wakes {', '.join(map(str, step.wakes))}" if step.wakes else "",
            f", then owes that to {', '.join(map(str, step.owes))}" if step.owes else "",
        )
    )
