"""Plans: the runs with which every campaign begins. Each call, each case of each step, each property's near miss."""

from __future__ import annotations

from collections.abc import Iterator

from tenure.gate.oracle import Made, Oracle
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.sentences import Sentence, applies, sentence
from tenure.vocabulary.terms import Op, no

LIMIT = 30_000


def planned(oracle: Oracle) -> Iterator[tuple[Made, ...]]:
    """A shortest run to every case of every step, and to every state in which a property begins to say something."""
    near = [s for p in PROPERTIES if applies(oracle.system, p) and (s := _near_miss(oracle, p.id)) is not None]
    found = explore(oracle.machine, near, limit=LIMIT, witness=True, exhaust=True)
    goals = [*found.leaves.values(), *found.violations.values()]
    runs = {run_of(oracle.machine, states) for states in goals}
    yield from sorted((r for r in runs if r), key=lambda r: (len(r), [(m.call, m.args) for m in r]))


def run_of(machine: Machine, states: list[State]) -> tuple[Made, ...]:
    """The calls that a caller makes along these states; releases happen by themselves."""
    run = []
    for state, after in zip(states, states[1:], strict=False):
        for made in machine.successors(state):
            rule = machine.rules.rules[made.rule]
            if made.state == after:
                if rule.begins and not rule.call.internal:
                    run.append(Made(rule.call.name, made.args))
                break
    return tuple(run)


def _near_miss(oracle: Oracle, name: str) -> Sentence | None:
    """The sentence that falls where the property's premise is first met."""
    one = sentence(oracle.rules, next(p for p in PROPERTIES if p.id == name))
    if one.is_about_steps or one.open_body.op is not Op.IMPLIES:
        return None
    return Sentence(one.property, no(one.open_body.args[0]))


