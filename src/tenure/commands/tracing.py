"""`tenure trace` and `tenure replay`: one finding as a trace, and a trace made again elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenure.commands.locking import LOCKS, SENTENCE, locks_row
from tenure.commands.naming import UnknownName, property_named, races_named, unknown
from tenure.commands.output import BadInput
from tenure.commands.proving import jobs_for, judged
from tenure.gate.oracle import Made
from tenure.properties import IN_PLACE_OF, PROPERTIES, RACES
from tenure.search.falsify import race_trace
from tenure.vocabulary.properties import Property, Race
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, concerns
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.traces import Trace
from tenure.vocabulary.types import parsed
from tenure.vocabulary.verdicts import Verdict


@dataclass(frozen=True)
class Found:
    """A trace, or the reason why there is none."""

    trace: Trace | None
    sentence: str
    verdict: Verdict
    reason: str
    induction: Trace | None = None
    """A counterexample to induction, where there is no more: a step, and no run."""


def find_trace(system: System, name: str, granularity: str | None) -> Found:
    """The shortest trace to a property's fall, or the one to a race; raises UnknownName where `name` is neither."""
    races = [r for r in races_named(name) if r.system == system.id]
    if races:
        return _race(system, races[0])
    if name == LOCKS:
        row = locks_row(system)
        return Found(row.trace, SENTENCE, row.verdict, row.reason)
    try:
        one = property_named(name)
    except UnknownName:
        known = [LOCKS, *(p.id for p in PROPERTIES)] + [r.id for r in RACES if r.system == system.id]
        raise unknown("property or race", name, known) from None
    ones = in_its_place(system, one)
    nothing = "the system shows nothing of what it speaks of"
    last: tuple[Verdict, str, Trace | None] = (Verdict.NOT_APPLICABLE, nothing, None)
    jobs = jobs_for([system.id], granularity) if any(concerns(system, o) for o in ones) else []
    for job in jobs:  # one after the other: who asked for a trace waits for no proof that comes after it
        ((_, judgement),) = judged([job], 1, lambda *_: None)
        for asked in ones:
            row = next(r for r in judgement.rows if r.property == asked.id)
            shown = None if row.trace is None else replace(row.trace, reason=asked.sentence)
            if row.verdict is Verdict.REFUTED:
                return Found(shown, asked.sentence, row.verdict, row.reason)
            last = row.verdict, row.reason, shown
    return Found(None, " ".join(o.sentence for o in ones), *last)


def in_its_place(system: System, one: Property) -> tuple[Property, ...]:
    """The property, or where the system does not show what it speaks of, those that say the same there together."""
    if applies(system, one):
        return (one,)
    return tuple(p for p in PROPERTIES if IN_PLACE_OF.get(p.id) == one.id and applies(system, p)) or (one,)


def _race(system: System, race: Race) -> Found:
    """The run to the race's moment; a race that is no violation is answered by the property that holds."""
    broken = next(p for p in PROPERTIES if p.id == race.property)
    sentence = broken.sentence
    if race.harmless:
        return Found(None, sentence, Verdict.PROVED, f"{race.title} ({race.property})")
    rules = rules_of(system, Granularity(race.granularity))
    trace = race_trace(rules, race, broken)
    if trace is None:
        return Found(None, sentence, Verdict.SEARCHED, "its whole scope has no such run")
    return Found(replace(trace, reason=race.title), f"{race.property}: {sentence}", Verdict.REFUTED, race.title)


def run_of_trace(trace: Trace, system: System) -> tuple[Made, ...]:
    """The calls of a whole-call trace, as a caller makes them; raises BadInput for names that the system does not have."""
    run = []
    continuing = {rule.name for rule in rules_of(system, Granularity.WHOLE).rules if not rule.begins}
    for event in trace.events:
        try:
            call = system.call(event.call)
        except KeyError:
            message = f"the trace names the call {event.call!r}, which {system.id} does not have"
            raise BadInput(message) from None
        if call.internal or event.rule in continuing:
            continue
        given = dict(event.arguments)
        values = tuple(int(parsed(p.type, given[p.name])) for p in call.parameters if p.name in given)
        if len(values) != len(call.parameters):
            message = f"the trace's {event.call} lacks an argument; it takes {[p.name for p in call.parameters]}"
            raise BadInput(message)
        run.append(Made(event.call, values))
    return tuple(run)
