"""The named races: each has a shortest trace in its whole scope, and harms as it says."""

from __future__ import annotations

from functools import cache

import pytest

from tenure.commands.recording import recorded
from tenure.commands.replaying import replay_on_reference
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES, RACES
from tenure.search.explorer import explore, step_check
from tenure.search.falsify import race_trace
from tenure.search.scopes import main_scope
from tenure.vocabulary.machine import Machine, State
from tenure.vocabulary.properties import Property, Race
from tenure.vocabulary.rules import Rules, rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity
from tenure.vocabulary.traces import Shown, Trace
from tenure.vocabulary.types import parsed

LENGTHS = {
    ("R1", "containers-2013"): 10,
    ("R2", "containers-2013"): 17,
    ("R3", "containers-2013"): 12,
    ("R4", "external-get-put:from-dev"): 14,
    ("R4", "external-get-put:notifiers"): 14,
    ("R5", "containers-2013"): 19,  # 17 steps end in the kernel's own BUG: then the driver did not bind unnoticed
    ("R1", "containers-2012"): 9,
    ("R2", "containers-2012"): 13,
    ("R3", "containers-2012"): 11,
    ("R5", "containers-2012"): 15,
    ("R6", "containers-2012"): 4,
    ("R1", "external-get-put"): 14,
    ("R3", "external-get-put"): 15,
    ("A", "external-v1"): 9,
    ("B", "external-v1"): 12,
    ("D", "external-v1:misuse"): 5,
    ("E", "external-v1:misuse"): 9,
    ("V1", "external-validate:check-then-count"): 8,
    ("V2", "external-validate:unbalanced-release"): 7,
    ("V3", "external-validate:release-by-fd"): 7,
    ("N1", "external-notify:late-register"): 11,
    ("N2", "external-notify:no-drain"): 10,
    ("N3", "external-notify:double-release"): 7,
    ("N4", "external-notify:on-close"): 6,
    ("N5", "external-notify:re-entrant"): 7,
    ("K1", "kvm-file:get-put"): 18,
    ("K2", "kvm-file:group-only"): 12,
    ("K3", "cdev-no-group:before-cycle-fix"): 9,
    ("K4", "kvm-file:del-by-get"): 19,
    ("D-G1-15", "rfc2011:D-G1-15"): 8,
    ("D-G1-20", "rfc2011:D-G1-20"): 6,
    ("D-G1-23", "rfc2011:D-G1-23"): 5,
    ("D-G1-25", "rfc2011:D-G1-25"): 7,
    ("P1", "dma-type1-v2:pins"): 30,
    ("P2", "dma-type1-v2:pins"): 15,
    ("P3", "dma-type1-v2:pins"): 12,
}
"""The transitions of a shortest trace to each moment of harm."""

BY_ANSWER = {"V3"}
"""Where an answer is the harm, and changes nothing."""

HARMFUL = [r for r in RACES if not r.harmless]
HARMLESS = [r for r in RACES if r.harmless]


def name_of(race: Race) -> str:
    """How a test of the race is called: some races happen in two systems."""
    return f"{race.id} in {race.system}"


def broken_by(race: Race) -> Property:
    """The property that falls, or for a harmless race stands."""
    (one,) = (p for p in PROPERTIES if p.id == race.property)
    return one


@cache
def rules_named(system_id: str, granularity: str) -> Rules:
    """The rules of a system, made once."""
    (system,) = (s for s in SYSTEMS if s.id == system_id)
    return rules_of(system, Granularity(granularity))


def rules_for(race: Race) -> Rules:
    """The rules of the race's system at its granularity."""
    return rules_named(race.system, race.granularity)


@cache
def machine_of(system_id: str, granularity: str, needs: tuple[tuple[str, int], ...]) -> Machine:
    """The machine of the main scope, with what is needed besides, made once."""
    rules = rules_named(system_id, granularity)
    return Machine(rules, main_scope(rules.system, rules.granularity, needs))


def machine_for(race: Race) -> Machine:
    """The machine of the race's main scope."""
    return machine_of(race.system, race.granularity, race.needs)


@cache
def traced(race_id: str, system_id: str) -> Trace:
    """The trace of a race that has one, searched once."""
    (race,) = (r for r in RACES if (r.id, r.system) == (race_id, system_id))
    trace = race_trace(rules_for(race), race, broken_by(race))
    assert trace is not None
    return trace


def found(race: Race) -> Trace:
    """The trace of a race that has one."""
    return traced(race.id, race.system)


def state_of(machine: Machine, shown: Shown) -> State:
    """The state that is written so; fields and places stand in the order in which they are laid out."""
    layout = machine.layout
    assert list(shown) == [f.name for f in layout.fields]
    return tuple(int(parsed(f.value, text)) for f in layout.fields for text in shown[f.name].values())


def holds(machine: Machine, race: Race, trace: Trace) -> bool:
    """The property is true at the end of the trace, or of its last step."""
    rule = sentence(machine.rules, broken_by(race))
    before, end = (state_of(machine, step.after) for step in trace.steps[-2:])
    if not rule.is_about_steps:
        return bool(machine.function(rule.closed)(end))
    (made,) = (t for t in machine.successors(before) if machine.event(before, t) == trace.steps[-1].event)
    check = step_check(machine, made.rule, made.leaf, [rule])
    return check is None or check(made, before)


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_has_a_trace_of_its_known_length(race: Race) -> None:
    """Shorter or longer, and the model or the moment has changed."""
    assert len(found(race)) == LENGTHS[race.id, race.system]


def test_every_harmful_race_has_a_known_length() -> None:
    """A race that is added is measured, too."""
    assert {(r.id, r.system) for r in HARMFUL} == set(LENGTHS)


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_is_found_in_its_whole_scope_by_its_own_calls(race: Race) -> None:
    """Nothing is cut from the main scope, and no call helps that the race does not name."""
    machine = machine_for(race)

    trace = found(race)

    assert trace.scope == tuple(machine.scope.sizes.items())
    assert (trace.system, trace.granularity, trace.subject, trace.reason) == (
        race.system,
        race.granularity,
        race.id,
        race.title,
    )
    assert {event.call for event in trace.events} <= set(race.calls)


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_needs_each_of_its_calls(race: Race) -> None:
    """A call that the shortest run does without is not involved."""
    assert {event.call for event in found(race).events} == set(race.calls)


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_ends_where_its_moment_holds_and_its_property_is_false(race: Race) -> None:
    """The moment is the harm that the property forbids; one step before, it has not come, but where an answer alone is the harm."""
    machine = machine_for(race)
    trace = found(race)
    end = state_of(machine, trace.steps[-1].after)
    before = state_of(machine, trace.steps[-2].after)
    moment = machine.function(machine.rules.lower(race.moment))

    assert moment(end)
    assert (before == end) == (race.id in BY_ANSWER)
    assert moment(before) == (race.id in BY_ANSWER)
    assert not holds(machine, race, trace)


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_is_a_run_of_the_rules(race: Race) -> None:
    """It starts at the start, and each of its steps is one that some rule makes."""
    machine = machine_for(race)
    trace = found(race)
    state = state_of(machine, trace.initial)

    assert state in set(machine.initial())
    for step in trace.steps:
        made = [t for t in machine.successors(state) if machine.event(state, t) == step.event]
        after = state_of(machine, step.after)
        assert after in {t.state for t in made}
        state = after


@pytest.mark.parametrize("race", HARMFUL, ids=name_of)
def test_a_race_is_a_run_of_the_reference(race: Race) -> None:
    """Each of its steps can be made there, and is answered as the trace says."""
    replayed = replay_on_reference(found(race), rules_for(race).system)

    assert replayed.parted is None
    assert len(replayed.steps) == LENGTHS[race.id, race.system]


@pytest.mark.parametrize(
    ("race", "instead"),
    [(race, race.system.partition(":")[0]) for race in HARMFUL if race.id.startswith("D-G1-")],
    ids=lambda one: getattr(one, "id", one),
)
def test_a_race_of_2011_is_no_run_of_what_was_meant(race: Race, instead: str) -> None:
    """Without the defect the reference answers some step otherwise, or does not make it; nothing is harmed by then."""
    replayed = replay_on_reference(found(race), rules_named(instead, race.granularity).system)

    assert replayed.parted is not None
    assert replayed.harm == "none"


@pytest.mark.parametrize("race", HARMLESS, ids=name_of)
def test_a_harmless_race_has_no_trace_and_its_property_is_proved(race: Race) -> None:
    """The whole scope is seen, and what the race would break is recorded as proved."""
    machine = machine_for(race)

    searched = explore(machine, calls=frozenset(race.calls), until=machine.rules.lower(race.moment))

    assert race_trace(machine.rules, race, broken_by(race)) is None
    assert searched.complete
    assert not searched.violations
    name, _, variant = race.system.partition(":")
    assert recorded()[name, variant, race.granularity, race.property] == ("proved", None)


def test_c_is_the_harmless_race() -> None:
    """It stands beside A, to say that the other order is safe."""
    assert [r.id for r in HARMLESS] == ["C"]


@pytest.mark.parametrize("race", RACES, ids=name_of)
def test_a_race_names_what_exists(race: Race) -> None:
    """Its system, its calls and its property; and the system shows what the property speaks of."""
    rules = rules_for(race)

    assert set(race.calls) <= {c.name for c in rules.system.calls}
    assert applies(rules.system, broken_by(race))
