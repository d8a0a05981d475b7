"""Exploration: shortest runs, honest limits, and one visit for each orbit of states."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.search import explorer
from tenure.search.explorer import Exploration, explore, trace_of, transitions_of
from tenure.search.interrupt_scopes import SIZES as INTERRUPT_SIZES
from tenure.search.interrupt_scopes import interrupt_scope
from tenure.search.scopes import narrow_areas, scope
from tenure.search.symmetry import RENAMED, orbit
from tenure.vocabulary.calls import Call, done, step
from tenure.vocabulary.machine import Event, Machine, Scope, State
from tenure.vocabulary.objects import CONTAINER, FILE, THREAD
from tenure.vocabulary.properties import Due, Property
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import Sentence, applies, sentence
from tenure.vocabulary.symbols import before, state
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import Term, both, no
from tenure.vocabulary.types import NONE, Choice, sort_of

PLACES = Choice("place", tuple(f"at{i}" for i in range(6)))
place = state("place", PLACES, meaning="where the token is")

Edges = frozenset[tuple[int, int]]
EDGES = st.frozensets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=14)


def is_at(number: int) -> Term:
    """The token is there."""
    return place.now == f"at{number}"


def ways(edges: Edges) -> Machine:
    """A token that moves along these edges, each by a call of its own; it starts at 0."""
    calls = tuple(
        Call(f"from{a}to{b}", "", "", "", THREAD, (), is_at(a), (step("move", done(place.now.becomes(f"at{b}"))),))
        for a, b in sorted(edges)
    )
    return Machine(rules_of(System("ways", "", "", "", calls, ()), Granularity.WHOLE), Scope({}))


def never(name: str, body: Term, due: Due = Due.ALWAYS) -> Sentence:
    """The sentence that this never happens."""
    return Sentence(Property(name, name, "", "", due, (), no(body), None), no(body))


NEVER_THERE = [never(f"at{i}", is_at(i)) for i in range(6)]


def distances(machine: Machine) -> dict[State, int]:
    """How far each state is from the start: a plain search, one state after the other."""
    found = dict.fromkeys(machine.initial(), 0)
    waiting = deque(found)
    while waiting:
        here = waiting.popleft()
        for made in machine.successors(here):
            if made.state not in found:
                found[made.state] = found[here] + 1
                waiting.append(made.state)
    return found


@given(EDGES)
def test_a_run_to_a_violation_is_a_shortest_one(edges: Edges) -> None:
    """As far as a plain search says, over transitions that exist; what cannot be reached does not fall."""
    machine = ways(edges)
    near = distances(machine)

    found = explore(machine, NEVER_THERE, exhaust=True)

    assert {name: len(transitions_of(machine, way)) for name, way in found.violations.items()} == {
        f"at{state[0]}": distance for state, distance in near.items()
    }
    for way in found.violations.values():
        for (_, made), after in zip(transitions_of(machine, way), way.states[1:], strict=True):
            assert made.state == after


@given(EDGES)
def test_everything_is_seen_when_nothing_limits_the_search(edges: Edges) -> None:
    """Every state and every transition of the scope, and the search says so."""
    machine = ways(edges)
    near = distances(machine)

    found = explore(machine)

    assert found.complete
    assert found.states == len(near)
    assert found.transitions == sum(len(machine.successors(state)) for state in near)
    assert set(found.parents) == set(near)


@given(EDGES, st.integers(0, 5))
def test_a_goal_ends_the_search_with_a_shortest_run(edges: Edges, goal: int) -> None:
    """Or the whole scope does not have it."""
    machine = ways(edges)
    near = {state[0]: distance for state, distance in distances(machine).items()}

    found = explore(machine, until=is_at(goal))

    if goal in near and goal != 0:
        assert len(transitions_of(machine, found.violations["until"])) == near[goal]
    elif goal != 0:
        assert found.complete
        assert "until" not in found.violations


CHAIN = frozenset((i, i + 1) for i in range(5))


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_search_that_stops_at_its_limit_is_not_complete(limit: int) -> None:
    """What it has not found by then may still be there."""
    found = explore(ways(CHAIN), NEVER_THERE[5:], limit=limit)

    assert not found.complete
    assert limit <= found.states < 6
    assert not found.violations


def test_a_search_with_a_limit_that_it_does_not_reach_is_complete() -> None:
    """The limit alone does not make it incomplete."""
    assert explore(ways(CHAIN), limit=7).complete


def test_a_search_ends_once_every_sentence_has_fallen() -> None:
    """Unless it is to exhaust the scope; only then is it complete."""
    early = explore(ways(CHAIN), NEVER_THERE[2:3])
    late = explore(ways(CHAIN), NEVER_THERE[2:3], exhaust=True)

    assert (early.complete, early.states) == (False, 3)
    assert (late.complete, late.states) == (True, 6)
    assert early.violations == late.violations


def test_a_search_by_some_calls_makes_no_others() -> None:
    """The rest of the scope is out of reach."""
    found = explore(ways(CHAIN), calls=frozenset({"from0to1", "from2to3"}))

    assert found.complete
    assert found.states == 2


def test_a_sentence_about_steps_is_judged_of_every_step() -> None:
    """Also of one that leads to a state that was seen before, and of one that changes nothing."""
    back = never("back", both(before(is_at(1)), is_at(0)), Due.EACH_STEP)
    stay = never("stay", both(before(is_at(1)), is_at(1)), Due.EACH_STEP)
    machine = ways(frozenset({(0, 1), (1, 0), (1, 1)}))

    found = explore(machine, [back, stay])

    calls = {name: [e.call for e in trace_of(machine, way, name, "").events] for name, way in found.violations.items()}
    assert calls == {"back": ["from0to1", "from1to0"], "stay": ["from0to1", "from1to1"]}


def test_every_case_that_is_taken_has_a_witness() -> None:
    """A shortest run that takes it, and none for a case that no run takes."""
    machine = ways(frozenset({(0, 1), (1, 2), (2, 0), (4, 5)}))

    found = explore(machine, witness=True)

    assert {name: len(transitions_of(machine, way)) for name, way in found.leaves.items()} == {
        "from0to1.move#0": 1,
        "from1to2.move#0": 2,
        "from2to0.move#0": 3,
    }


def test_every_two_cases_in_a_row_have_a_witness() -> None:
    """The first of a run stands after nothing."""
    machine = ways(frozenset({(0, 1), (1, 2), (1, 3)}))

    found = explore(machine, pairs=True)

    assert {pair: len(transitions_of(machine, way)) for pair, way in found.pairs.items()} == {
        ("", "from0to1.move#0"): 1,
        ("from0to1.move#0", "from1to2.move#0"): 2,
        ("from0to1.move#0", "from1to3.move#0"): 2,
    }


def test_a_trace_of_a_search_by_some_calls_names_no_other_call() -> None:
    """Two calls may do the same: the one that the search was allowed to make is told."""
    machine = ways(frozenset({(0, 1)}))
    rules = machine.rules
    (call,) = rules.system.calls
    twice = replace(rules.system, calls=(call.named("other"), call))
    both_ways = Machine(rules_of(twice, Granularity.WHOLE), Scope({}))

    found = explore(both_ways, NEVER_THERE[1:2], calls=frozenset({call.name}))

    assert [e.call for e in told(found, "at1")] == [call.name]


def told(found: Exploration, name: str) -> tuple[Event, ...]:
    """The events of the run to a violation."""
    return trace_of(found.machine, found.violations[name], name, "").events


def test_progress_is_told() -> None:
    """After each level, states and transitions so far."""
    heard: list[tuple[int, int]] = []

    explore(ways(CHAIN), progress=lambda s, t: heard.append((s, t)))

    assert heard == [(2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (6, 5)]


# Symmetry

SIZES = {
    "process": 1,
    "thread": 0,
    "file": 3,
    "group": 1,
    "container": 2,
    "device": 1,
    "table": 2,
    "page": 0,
    "user": 1,
}
SMALL = {**SIZES, "file": 2, "user": 0}


def named(system_id: str, sizes: dict[str, int]) -> Machine:
    """The machine of a system for whole calls."""
    (system,) = (s for s in SYSTEMS if s.id == system_id)
    return Machine(rules_of(system, Granularity.WHOLE), scope(sizes))


GET_PUT = named("external-get-put", {**SIZES, "user": 2})
CONTAINERS = named("containers-2013", SMALL)

Names = dict[str, tuple[int, ...]]
"""For each sort whose names mean nothing, the new name of each object."""


def under_other_names(machine: Machine, here: State, names: Names) -> State:
    """The same state with its objects renamed, place by place and value by value."""
    layout = machine.layout
    after = list(here)
    for one in layout.fields:
        base = layout.offset[one.name]
        places = layout.places(one)
        for number, at in enumerate(places):
            there = tuple(names[s.name][i] if s.name in names else i for s, i in zip(one.domain, at, strict=True))
            value = here[base + number]
            kept = sort_of(one.value)
            moved = names[kept.name][value] if kept is not None and kept.name in names and value != NONE else value
            after[base + places.index(there)] = moved
    return tuple(after)


def every_naming(machine: Machine) -> list[Names]:
    """All ways to rename the objects of a scope."""
    sorts = [s.name for s in RENAMED]
    choices = [list(itertools.permutations(range(machine.scope.sizes.get(s, 0)))) for s in sorts]
    return [dict(zip(sorts, chosen, strict=True)) for chosen in itertools.product(*choices)]


def smallest(machine: Machine, here: State, namings: list[Names]) -> State:
    """The orbit's own name, by brute force."""
    return min(under_other_names(machine, here, names) for names in namings)


def walked(machine: Machine, choices: list[int]) -> State:
    """The state after a random run that never ends in a crash's silence."""
    (here,) = machine.initial()
    for choice in choices:
        made = [t for n in range(len(machine.rules.rules)) for t in machine.exact(here, n)]
        if not made:
            return here
        here = made[choice % len(made)].state
    return here


RUNS = st.lists(st.integers(0, 10_000), max_size=14)
NAMINGS = st.fixed_dictionaries(
    {s.name: st.permutations(range(GET_PUT.scope.sizes.get(s.name, 0))).map(tuple) for s in RENAMED}
)


@settings(max_examples=150)
@given(RUNS, NAMINGS)
def test_a_state_under_other_names_is_in_the_same_orbit(choices: list[int], names: Names) -> None:
    """Whatever files, containers, tables and users are called; the two may be two pieces of one orbit, never of two."""
    here = walked(GET_PUT, choices)
    name_of, namings = orbit(GET_PUT), every_naming(GET_PUT)
    there = under_other_names(GET_PUT, here, names)

    orbits = {smallest(GET_PUT, state, namings) for state in (here, there, name_of(here), name_of(there))}

    assert len(orbits) == 1


@settings(max_examples=100)
@given(RUNS, NAMINGS)
def test_users_and_tables_have_one_name_an_orbit(choices: list[int], names: Names) -> None:
    """They are sorted last, by files and containers that have their names already: nothing is left open."""
    here = walked(GET_PUT, choices)
    kept = {sort.name: tuple(range(GET_PUT.scope.sizes[sort.name])) for sort in (CONTAINER, FILE)}
    there = under_other_names(GET_PUT, here, {**names, **kept})

    assert orbit(GET_PUT)(there) == orbit(GET_PUT)(here)


@settings(max_examples=40)
@given(RUNS)
def test_an_orbits_name_is_the_state_itself_under_other_names(choices: list[int]) -> None:
    """So two orbits never share one."""
    here = walked(GET_PUT, choices)
    name = orbit(GET_PUT)(here)

    assert any(under_other_names(GET_PUT, here, names) == name for names in every_naming(GET_PUT))


@settings(max_examples=60)
@given(RUNS)
def test_an_orbits_name_is_its_own_name(choices: list[int]) -> None:
    """Naming it again changes nothing."""
    name_of = orbit(GET_PUT)
    name = name_of(walked(GET_PUT, choices))

    assert name_of(name) == name


def test_there_are_hardly_more_names_than_orbits() -> None:
    """In a small scope, compared with every permutation of every state."""
    namings = every_naming(CONTAINERS)
    name_of = orbit(CONTAINERS)
    states = explore(CONTAINERS).parents

    names = {name_of(s) for s in states}
    orbits = {smallest(CONTAINERS, s, namings) for s in states}

    assert len(states) > len(names) > 50
    assert len(orbits) <= len(names) <= len(orbits) * 1.05  # containers alike but for their files leave a few in two
    assert {smallest(CONTAINERS, n, namings) for n in names} == orbits


def test_a_scope_without_equal_objects_has_no_other_names() -> None:
    """Every state is its own orbit."""
    machine = named("containers-2013", {**SMALL, "file": 1, "container": 1, "table": 1})
    name_of = orbit(machine)

    assert all(name_of(s) == s for s in explore(machine).parents)


def test_the_start_is_its_own_orbit() -> None:
    """Nothing has a name there that means anything."""
    (start,) = GET_PUT.initial()

    assert {under_other_names(GET_PUT, start, names) for names in every_naming(GET_PUT)} == {start}
    assert orbit(GET_PUT)(start) == start


def test_only_devices_of_one_group_may_change_names() -> None:
    """With d0 and d2 in one group and d1 in another: whose driver is gone matters, but not between d0 and d2."""
    sizes = {**SMALL, "group": 2, "container": 1, "device": 3}
    (system,) = (s for s in SYSTEMS if s.id == "containers-2013")
    machine = Machine(rules_of(system, Granularity.WHOLE), scope(sizes, vfio_devices=3))
    (start,) = machine.initial()
    number = next(i for i, r in enumerate(machine.rules.rules) if r.call.name == "unbind_driver" and r.begins)
    unbound = {made.args[0]: made.state for made in machine.exact(start, number)}

    names = {device: orbit(machine)(state) for device, state in unbound.items()}

    assert names[0] == names[2]
    assert names[0] in (unbound[0], unbound[2])
    assert names[1] == unbound[1]


def test_what_something_fixed_points_at_is_like_nothing_else() -> None:
    """Of two devices one has a level-triggered index, the other one of edges: to have the one open is not to have the other open."""
    system = next(s for s in SYSTEMS if s.id == "interrupts")
    where = interrupt_scope({**INTERRUPT_SIZES, "device": 2}, devices=(0, 1), lines=(1, 1))
    alike = replace(where, fixed={**where.fixed, "resets": (True, True)})
    machine = Machine(rules_of(system, Granularity.WHOLE), alike)
    (start,) = machine.initial()
    name_of = orbit(machine)

    opened = {d: machine.begin(start, "open_device", {"file": 0, "device": d})[0].state for d in (0, 1)}

    assert name_of(opened[0]) != name_of(opened[1])


def narrow(system_id: str) -> tuple[Machine, frozenset[str] | None]:
    """The smallest part of a system's steps that is searched deeper."""
    (system,) = (s for s in SYSTEMS if s.id == system_id)
    area = narrow_areas(system, Granularity.STEPS)[-1]
    return Machine(rules_of(system, Granularity.STEPS), area.scope), area.calls


@pytest.mark.parametrize(
    ("machine", "calls"),
    [
        pytest.param(CONTAINERS, None, id="whole calls"),
        pytest.param(
            named("external-get-put", {**SIZES, "process": 2, "file": 2, "container": 1}), None, id="processes"
        ),
        pytest.param(*narrow("external-get-put"), id="steps"),
    ],
)
def test_one_state_of_each_orbit_shows_all_that_the_others_show(machine: Machine, calls: frozenset[str] | None) -> None:
    """Every case of a step and every property that falls, and each after as few transitions."""
    system = machine.rules.system
    stated = [sentence(machine.rules, p) for p in PROPERTIES if applies(system, p)]

    def shown(found: Exploration) -> dict[str, int]:
        return {name: len(transitions_of(machine, way)) for name, way in (found.violations | found.leaves).items()}

    every = explore(machine, stated, calls=calls, witness=True, exhaust=True)
    few = explore(machine, stated, calls=calls, witness=True, exhaust=True, orbits=True)

    assert shown(few) == shown(every)
    assert few.complete
    assert few.states < every.states / 1.5
    assert few.states == len({orbit(machine)(state) for state in few.parents})


def test_an_orbit_that_swallows_another_hides_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when any two states were said to be one but for names: cases are lost, which the test above would tell."""
    every = explore(CONTAINERS, witness=True)
    monkeypatch.setattr(explorer, "orbit", lambda _: lambda state: state[:4])

    assert set(explore(CONTAINERS, witness=True, orbits=True).leaves) < set(every.leaves)
