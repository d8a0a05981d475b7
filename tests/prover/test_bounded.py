"""Z3 finds the races at the length at which an explicit search does, and not before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenure.models import SYSTEMS
from tenure.properties import RACES
from tenure.prover.bounded import bounded
from tenure.prover.logic import SymbolicState
from tenure.prover.paths import Path, paths_of
from tenure.search.explorer import explore
from tenure.search.scopes import has_users, scope
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.properties import Race
from tenure.vocabulary.rules import Rule, Rules, rules_of
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.terms import FALSE, TRUE, Term

NAMED = {f"{race.system} {race.id}": race for race in RACES}
R1, R3 = NAMED["containers-2013 R1"], NAMED["containers-2013 R3"]
A, D = NAMED["external-v1 A"], NAMED["external-v1:misuse D"]


def rules_for(race: Race) -> Rules:
    """The rules of the system in which the race happens."""
    return rules_of(next(s for s in SYSTEMS if s.id == race.system), Granularity(race.granularity))


def tiny(rules: Rules) -> Scope:
    """Where calls interleave step by step, two threads and as little as they need; else three files, two containers."""
    steps = rules.granularity is Granularity.STEPS
    some = {"thread": 2, "file": 2, "container": 1} if steps else {"thread": 0, "file": 3, "container": 2}
    user = 1 if has_users(rules.system) else 0
    return scope({"process": 1, **some, "group": 1, "device": 1, "table": 1, "page": 0, "user": user})


def shortest(machine: Machine, goal: Term, calls: frozenset[str]) -> int:
    """The length at which the explicit search finds the goal."""
    parents = explore(machine, calls=calls, until=goal).parents
    state = next(s for s in parents if machine.function(goal)(s))
    length = 0
    while (before := parents[state]) is not None:
        state, length = before, length + 1
    return length


@pytest.mark.parametrize(
    ("race", "lowest"),
    [
        pytest.param(R1, True, id="R1"),
        pytest.param(R3, True, id="R3", marks=pytest.mark.wide),
        pytest.param(A, False, id="A, any names", marks=pytest.mark.wide),
        pytest.param(A, True, id="A"),
        pytest.param(D, False, id="D, any names"),
        pytest.param(D, True, id="D"),
    ],
)
def test_a_race_is_found_at_the_length_of_the_explicit_search_and_not_before(race: Race, lowest: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Both are exhaustive below that length, each by its own reading."""
    rules, calls = rules_for(race), frozenset(race.calls)
    goal = rules.lower(race.moment)
    machine = Machine(rules, tiny(rules))
    length = shortest(machine, goal, calls)

    found = bounded(rules, machine.scope, goal, length, calls=calls, lowest=lowest)

    assert (found.verdict, found.length) == ("sat", length)
    assert len(found.transitions) == length
    assert machine.function(goal)(found.states[-1])


def test_nothing_is_found_below_the_length_of_the_explicit_search() -> None:
    """The answer then says up to which length there is nothing."""
    rules, calls = rules_for(D), frozenset(D.calls)
    goal = rules.lower(D.moment)
    length = shortest(Machine(rules, tiny(rules)), goal, calls)

    found = bounded(rules, tiny(rules), goal, length - 1, calls=calls)

    assert (found.verdict, found.length, found.states) == ("unsat", length - 1, ())


def test_what_holds_at_the_start_is_reached_without_a_transition() -> None:
    """Z3's initial states are Python's."""
    rules = rules_for(D)

    found = bounded(rules, tiny(rules), TRUE, 3)

    assert (found.verdict, found.length, found.transitions) == ("sat", 0, ())
    assert set(found.states) <= set(found.machine.initial())


def test_a_limit_that_is_used_up_is_unknown() -> None:
    """It must not pass for the absence of a run."""
    rules = rules_for(D)

    found = bounded(rules, tiny(rules), rules.lower(D.moment), 5, calls=frozenset(D.calls), rlimit=2_000)

    assert found.verdict == "unknown"


def test_a_run_that_python_does_not_make_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The symbolic reading forgets what every path asks of the state before."""

    def careless(rule: Rule, before: SymbolicState) -> Iterator[Path]:
        for path in paths_of(rule, before):
            path.conditions.clear()
            yield path

    monkeypatch.setattr("tenure.prover.bounded.paths_of", careless)
    rules = rules_for(D)

    with pytest.raises(RuntimeError, match="the two readings disagree"):
        bounded(rules, tiny(rules), rules.lower(D.moment), 5, calls=frozenset(D.calls))


def test_a_goal_that_is_false_everywhere_is_never_reached() -> None:
    """However long the runs."""
    rules = rules_for(D)

    found = bounded(rules, tiny(rules), FALSE, 2)

    assert (found.verdict, found.length) == ("unsat", 2)
