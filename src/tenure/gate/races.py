"""Races: pairs of calls that do not commute, found in the rules, and every outcome that the rules allow of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tenure.gate.findings import worded
from tenure.gate.interleavings import Asked, End, Interleavings
from tenure.search.symmetry import orbit
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.calls import Finish, Parameter, Refuse
from tenure.vocabulary.machine import State
from tenure.vocabulary.types import sort_of

STATES = 120
"""From how many states on pairs are looked for, the nearest first."""

MOST = 24
"""How many races are run, at most: first one of each two calls, then others of them."""

Outcome = tuple[str, ...]
"""What two calls made at once were answered, what calls that change nothing were answered after them, and what is shown."""

Look = Callable[[State], str]
"""What of a state is shown after a race, in words."""


@dataclass(frozen=True, slots=True)
class Race:
    """Calls that are made alone, two that are made at once, calls that look at what came of it, and what may come of it."""

    before: tuple[Asked, ...]
    pair: tuple[Asked, Asked]
    looks: tuple[Asked, ...]
    allowed: frozenset[Outcome]
    answers: frozenset[tuple[Answer | None, ...]]
    """What the two may be answered."""


def races(rules: Interleavings, able: Callable[[Asked], bool], look: Look, most: int = MOST) -> list[Race]:
    """Pairs that do not commute in some state near the start: as many, each with other answers or other calls."""
    quiet = frozenset(
        rule.call.name for rule in rules.rules.rules if rule.begins and _changes_nothing(rules, rule.call.name)
    )
    by_calls: dict[tuple[str, str], dict[frozenset[tuple[Answer | None, ...]], Race]] = {}
    for before, state in _states(rules, able):
        for first, second, ends in _pairs(rules, state, able, quiet):
            answers = frozenset(said for said, _ in ends)
            known = by_calls.setdefault((first.call, second.call), {})
            if answers not in known:
                looks = _looks(rules, ends, quiet, able)
                allowed = frozenset(_outcomes(rules, ends, looks, look))
                if len(allowed) > 1:
                    known[answers] = Race(before, (first, second), looks, allowed, answers)
    return _varied([list(found.values()) for found in by_calls.values()])[:most]


def _varied(found: list[list[Race]]) -> list[Race]:
    """The first of each kind, then the second of each, and so on."""
    longest = max((len(one) for one in found), default=0)
    return [one[n] for n in range(longest) for one in found if n < len(one)]


def _states(rules: Interleavings, able: Callable[[Asked], bool]) -> Iterator[tuple[tuple[Asked, ...], State]]:
    """One state of each orbit with the calls that lead there, each done and with no choice of what comes of it."""
    named = orbit(rules.machine)
    start = rules.start()
    nothing: tuple[Asked, ...] = ()
    seen, frontier = {named(start)}, [(nothing, start)]
    for before, state in islice(frontier, STATES):
        yield before, state
        for one in filter(able, rules.ways(state)):
            ends = rules.ends(state, (one,))
            for (answer,), after in ends:
                if len(ends) == 1 and str(answer).startswith("ok") and named(after) not in seen:
                    seen.add(named(after))
                    frontier.append(((*before, one), after))


def _pairs(
    rules: Interleavings, state: State, able: Callable[[Asked], bool], quiet: frozenset[str]
) -> Iterator[tuple[Asked, Asked, frozenset[End]]]:
    """Two calls from a state that do not commute: not every order of their steps comes to the same."""
    ways = list(filter(able, rules.ways(state)))
    for position, first in enumerate(ways):
        for other in ways[position:]:
            if first.call in quiet and other.call in quiet:
                continue
            second = _beside(rules, state, first, other)
            if second is None or _names(rules, first, second) or _names(rules, second, first):
                continue
            if len(ends := rules.ends(state, (first, second))) > 1:
                yield first, second, ends


def _beside(rules: Interleavings, state: State, first: Asked, second: Asked) -> Asked | None:
    """The second call with names for what it makes that the first does not take; None where there are none."""
    given, named = dict(first.args), dict(second.args)
    taken = {(str(p.type), given[p.name]) for p in _parameters(rules, first) if p.new}
    for parameter in _parameters(rules, second):
        while parameter.new and (str(parameter.type), named[parameter.name]) in taken:
            named[parameter.name] += 1
            if named[parameter.name] >= rules.machine.scope.sizes.get(str(parameter.type), 0):
                return None
    free = rules.machine.begin(state, second.call, named)
    return Asked(second.call, tuple(named.items())) if free else None


def _names(rules: Interleavings, one: Asked, other: Asked) -> bool:
    """The first call names what the second makes: on a machine that has no name yet."""
    made = {(p.type, dict(other.args)[p.name]) for p in _parameters(rules, other) if p.new}
    given = dict(one.args)
    return any((sort_of(p.type), given[p.name]) in made for p in _parameters(rules, one) if not p.new)


def _parameters(rules: Interleavings, one: Asked) -> list[Parameter]:
    rule = rules.rules.rules[rules.machine.beginning(one.call)]
    return [p for p in rule.variables if p.name != "actor"]


def _changes_nothing(rules: Interleavings, call: str) -> bool:
    """No case of the call has an effect."""
    of_it = [n for n, rule in enumerate(rules.rules.rules) if rule.call.name == call]
    leaves = [leaf for n in of_it for leaf in rules.machine.leaves[n]]
    return all(
        isinstance(leaf.outcome, Finish | Refuse) and not any(branch.effects for branch in leaf.path) for leaf in leaves
    )


def _looks(
    rules: Interleavings, ends: frozenset[End], quiet: frozenset[str], able: Callable[[Asked], bool]
) -> tuple[Asked, ...]:
    """The calls that change nothing, and can be made whatever came of the race."""
    common: set[Asked] | None = None
    for _, state in ends:
        here = {one for one in rules.ways(state) if one.call in quiet and able(one)}
        common = here if common is None else common & here
    return tuple(sorted(common or ()))


def _outcomes(rules: Interleavings, ends: frozenset[End], looks: Sequence[Asked], look: Look) -> Iterator[Outcome]:
    for answers, state in ends:
        seen = [next(iter(rules.ends(state, (one,))))[0][0] for one in looks]
        yield (*map(worded, (*answers, *seen)), look(state))


def in_words(rules: Interleavings, one: Asked) -> str:
    """A call as people read it."""
    return " ".join([one.call, *(f"{name}={value}" for name, value in rules.written(one).items())])
