"""Plans: the runs with which every campaign begins. Each case of each step, each two in a row, each property's near miss."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.gate.oracle import Made, Oracle
from tenure.properties import PROPERTIES
from tenure.search.explorer import Progress, Way, explore, transitions_of
from tenure.search.families import family_of
from tenure.vocabulary.answers import Done
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.properties import Property
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.sentences import Sentence, applies, sentence
from tenure.vocabulary.systems import System
from tenure.vocabulary.terms import Op, no

LIMIT = 20_000
"""Orbits of states in which cases and near misses are looked for, and states in which two in a row are."""


def planned(
    system: System, rules: Rules, scope: Scope, told: Progress = lambda *_: None
) -> tuple[tuple[Made, ...], ...]:
    """A shortest run to every case of every step, to every two in a row, and to where each property begins to say something.

    Two in a row are seen from where a state is first reached. Where a family wants it, runs that come back go on, too.
    """
    near = [s for p in PROPERTIES if applies(system, p) and (s := _near_miss(rules, p)) is not None]
    machine = Machine(rules, scope)
    deep = explore(machine, near, limit=LIMIT, witness=True, exhaust=True, orbits=True, progress=told)
    wide = explore(machine, limit=LIMIT, pairs=True, exhaust=True, progress=told)
    goals = [*deep.leaves.values(), *deep.violations.values(), *wide.pairs.values()]
    runs = {run_of(machine, way) for way in goals}
    if (family := family_of(system)) is not None and family.returns:
        oracle = Oracle(system, scope)
        runs |= {more for way in deep.leaves.values() for more in _returning(oracle, run_of(machine, way))}
    return tuple(sorted((r for r in runs if r), key=lambda r: (len(r), [(m.call, m.args) for m in r])))


def _returning(oracle: Oracle, run: tuple[Made, ...]) -> Iterator[tuple[Made, ...]]:
    """A run whose last call is done and leads back to where it was, followed by every call there, once for each answer."""
    passed = [oracle.start()]
    answers = []
    for made in run:
        ends = [(answer, state) for answer, states in oracle.outcomes(passed[-1], made).items() for state in states]
        if len(ends) != 1:
            return
        answers.append(ends[0][0])
        passed.append(ends[0][1])
    if not answers or not isinstance(answers[-1], Done) or passed[-1] not in passed[:-1]:
        return
    seen = set()
    for ways in map(oracle.offers(passed[-1]).__getitem__, oracle.offered):
        for made in ways:
            kind = made.call, frozenset(oracle.outcomes(passed[-1], made))
            if kind not in seen:
                seen.add(kind)
                yield (*run, made)


def run_of(machine: Machine, way: Way) -> tuple[Made, ...]:
    """The calls that a caller makes along a way; releases happen by themselves."""
    run = []
    for _, made in transitions_of(machine, way):
        rule = machine.rules.rules[made.rule]
        if rule.begins and not rule.call.internal:
            run.append(Made(rule.call.name, made.args))
    return tuple(run)


def _near_miss(rules: Rules, stated: Property) -> Sentence | None:
    """The sentence that falls where the property's premise is first met."""
    one = sentence(rules, stated)
    if one.is_about_steps or one.open_body.op is not Op.IMPLIES:
        return None
    return Sentence(one.about, no(one.open_body.args[0]))
