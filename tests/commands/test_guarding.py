"""What a guard is for: a tiny system with guards of each kind, and two that mask one another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tenure.commands import guarding
from tenure.commands.guarding import GuardRow, Sound, Worth, classified, masked
from tenure.commands.judging import Judgement
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.prover.guards import kept_without, still_proved
from tenure.prover.induction import dead
from tenure.prover.theory import Theory, claims_of, stated
from tenure.search.explorer import explore
from tenure.search.guards import areas_of, fall, substitutes
from tenure.search.scopes import Area
from tenure.vocabulary.calls import Call, Steps, call, crash, done, go, refuse, step, without_case
from tenure.vocabulary.guards import guards_of, weakened
from tenure.vocabulary.machine import Machine, Scope
from tenure.vocabulary.properties import always, argument, called, each_step, refused
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import sentence
from tenure.vocabulary.symbols import observable, state
from tenure.vocabulary.systems import Granularity, System, claim, shows
from tenure.vocabulary.terms import Term, both, either, implies
from tenure.vocabulary.types import COUNT, FLAG, Sort
from tenure.vocabulary.verdicts import Verdict

TANK = Sort("tank", "t")
CREW = Sort("crew", "w")

level = state("level", TANK, COUNT, meaning="how full the tank is")
noted = state("noted", TANK, FLAG, meaning="somebody noted down that the tank is full")
shown_level = observable("tank_level", TANK, COUNT, meaning="how full the tank is")


@call("fill", actor=CREW, source="synthetic", tank=TANK)
def fill(tank: Term) -> Steps:
    """Without its guard the tank runs over."""
    yield step("pour", refuse(level[tank] == 1, "ENOSPC", "full"), done(level[tank].becomes(level[tank] + 1)))


@call("top up", actor=CREW, source="synthetic", tank=TANK)
def top_up(tank: Term) -> Steps:
    """The same, looked at twice: either guard alone is enough, and nothing gets to the second."""
    yield step("look", refuse(level[tank] == 1, "EBUSY", "full"), go())
    yield step("pour", refuse(level[tank] == 1, "EAGAIN", "full yet"), done(level[tank].becomes(level[tank] + 1)))


@call("refill", actor=CREW, source="synthetic", tank=TANK)
def refill(tank: Term) -> Steps:
    """Two guards that overlap: each refuses what the other lets through, and the second refuses more."""
    yield step(
        "pour",
        refuse(level[tank] == 1, "EBUSY", "full"),
        refuse(either(level[tank] == 1, noted[tank]), "EAGAIN", "full, or said to be"),
        done(level[tank].becomes(level[tank] + 1)),
    )


@call("drain", actor=CREW, source="synthetic", tank=TANK)
def drain(tank: Term) -> Steps:
    """To drain an empty tank changes nothing; the note stays."""
    yield step("open", refuse(level[tank] == 0, "EINVAL", "empty"), done(level[tank].becomes(0)))


@call("peek", actor=CREW, source="synthetic", tank=TANK)
def peek(tank: Term) -> Steps:
    """Two guards with one answer."""
    spoilt = either(level[tank] == 0, noted[tank])
    yield step("look", refuse(level[tank] == 0, "ENODATA", "empty"), refuse(spoilt, "ENODATA", "spoilt"), done())


@call("stamp", actor=CREW, source="synthetic", tank=TANK)
def stamp(tank: Term) -> Steps:
    """No property says that only a full tank is noted down."""
    yield step("note", refuse(level[tank] == 0, "EPERM", "empty"), done(noted[tank].becomes(value=True)))


@call("await", actor=CREW, source="synthetic", tank=TANK)
def await_full(tank: Term) -> Steps:
    """Sleep until the tank is full, and note it down."""
    yield step("sleep", done(noted[tank].becomes(value=True), when=level[tank] == 1), waits=True)


@call("knock", actor=CREW, source="synthetic", tank=TANK)
def knock(tank: Term) -> Steps:
    """Its answer is all that there is to it, and a property asks for the answer."""
    yield step("hear", crash(level[tank] > 1, why="it bursts"), refuse(level[tank] == 0, "ENOENT", "hollow"), done())


@claim(tank=TANK)
def a_tank_is_empty_or_full(tank: Term) -> Term:
    """A tank is empty or full."""
    return either(level[tank] == 0, level[tank] == 1)


@call("await room", actor=CREW, source="synthetic", tank=TANK)
def await_room(tank: Term) -> Steps:
    """Two sleeps for one thing: where nobody else fills the tank meanwhile, either is enough."""
    yield step("begin", go())
    yield step("first", go(when=level[tank] == 0), waits=True)
    yield step("second", done(level[tank].becomes(level[tank] + 1), when=level[tank] == 0), waits=True)


@always("T-1", "synthetic", tank=TANK)
def no_tank_runs_over(tank: Term) -> Term:
    """No tank runs over."""
    return shown_level[tank] <= 1


@each_step("T-2", "synthetic", tank=TANK)
def an_empty_tank_sounds_hollow(tank: Term) -> Term:
    """Whoever knocks at an empty tank is told so."""
    return implies(both(called("knock"), argument("tank", TANK) == tank, shown_level[tank] == 0), refused("ENOENT"))


SYSTEM = System(
    name="tanks",
    variant="",
    title="tanks",
    source="synthetic",
    calls=(fill, top_up, refill, drain, peek, stamp, await_full, await_room, knock),
    definitions=(shows(shown_level, lambda t: level[t]),),
    claims=(a_tank_is_empty_or_full,),
)
RULES = rules_of(SYSTEM, Granularity.WHOLE)
GUARDS = {g.name: g for g in guards_of(RULES)}
AREA = Area(Scope({"tank": 1, "crew": 1}))


@pytest.fixture(scope="module")
def sound() -> Sound:
    """The tanks with all their guards, and what the prover says is dead."""
    words = dead(Theory(RULES, claims_of(RULES)), frozenset(GUARDS))
    none = frozenset(name for name, word in words.items() if word == "unsat")
    held = (no_tank_runs_over, an_empty_tank_sounds_hollow)
    return Sound(RULES, (AREA,), held, (a_tank_is_empty_or_full.name,), none)


def alone(sound: Sound, name: str) -> GuardRow:
    """The row of one guard."""
    found, extent = substitutes(sound.rules, [GUARDS[name]], sound.held, sound.areas)
    return classified(sound, GUARDS[name], found[name], extent)


@pytest.mark.parametrize(
    ("name", "worth", "verdict", "evidence"),
    [
        ("fill.pour#0", Worth.PROTECTIVE, Verdict.WITNESSED, "T-1 falls in 2"),
        ("knock.hear#1", Worth.PROTECTIVE, Verdict.WITNESSED, "T-2 falls in 1"),
        ("top_up.pour#0", Worth.DEAD, Verdict.PROVED, "proved"),
        ("top_up.look#0", Worth.ANSWER_ONLY, Verdict.PROVED, "EAGAIN instead, proved"),
        ("refill.pour#0", Worth.ANSWER_ONLY, Verdict.PROVED, "EAGAIN instead, proved"),
        ("drain.open#0", Worth.ANSWER_ONLY, Verdict.PROVED, "ok instead, proved"),
        ("peek.look#0", Worth.REDUNDANT, Verdict.PROVED, "the same by peek.look#1, proved"),
        ("peek.look#1", Worth.ANSWER_ONLY, Verdict.PROVED, "ok instead, proved"),
        ("refill.pour#1", Worth.UNSPECIFIED, Verdict.PROVED, "ok instead, proved"),
        ("stamp.note#0", Worth.UNSPECIFIED, Verdict.PROVED, "ok instead, proved"),
        ("await_full.sleep", Worth.UNSPECIFIED, Verdict.PROVED, "ok instead, proved"),
    ],
)
def test_a_guard_is_what_is_lost_without_it(
    sound: Sound, name: str, worth: Worth, verdict: Verdict, evidence: str
) -> None:
    """A property, an answer, nothing, or a state that no property forbids."""
    row = alone(sound, name)

    assert (row.worth, row.verdict, row.evidence) == (worth, verdict, evidence)


def test_every_guard_is_listed_and_no_crash_that_just_happens(sound: Sound) -> None:
    """The last case of a step and what befalls the kernel are no guards."""
    assert list(GUARDS) == [g.name for g in guards_of(sound.rules)]
    assert set(GUARDS) == {
        *("fill.pour#0", "top_up.look#0", "top_up.pour#0", "refill.pour#0", "refill.pour#1", "drain.open#0"),
        *("peek.look#0", "peek.look#1", "stamp.note#0", "await_full.sleep", "knock.hear#1"),
        *("await_room.first", "await_room.second"),
    }


@pytest.mark.parametrize(
    ("one", "first", "second"),
    [(top_up, "top_up.look#0", "top_up.pour#0"), (refill, "refill.pour#0", "refill.pour#1")],
    ids=["dead", "alive"],
)
def test_guards_that_mask_one_another_are_taken_out_together(sound: Sound, one: Call, first: str, second: str) -> None:
    """Neither is missed alone; the two together have a row."""
    rows = [alone(sound, name) for name in GUARDS if GUARDS[name].call == one.name]

    (together,) = masked(sound, rows)

    assert [g.name for g in together.guards] == [first, second]
    assert (together.worth, together.evidence) == (Worth.MASKED, "T-1 falls in 2")


def test_sleeps_of_one_call_that_mask_one_another_are_taken_out_together(sound: Sound) -> None:
    """With the first nobody ever sleeps in the second, which comes after a pause and still catches what the first lets through."""
    lonely = replace(sound, areas=(replace(AREA, calls=frozenset({"await_room"})),))
    rows = [alone(lonely, name) for name in ("await_room.first", "await_room.second")]

    (together,) = masked(lonely, rows)

    assert [r.worth for r in rows] == [Worth.UNSPECIFIED, Worth.UNMET]
    assert together.evidence == "T-1 falls in 6"


@pytest.mark.parametrize("call_name", ["peek", "fill", "drain", "knock"])
def test_guards_that_protect_nothing_together_mask_nothing(sound: Sound, call_name: str) -> None:
    """No row where the loss of all of them costs no property, or one alone protects."""
    rows = [alone(sound, name) for name in GUARDS if GUARDS[name].call == call_name]

    assert list(masked(sound, rows)) == []


@pytest.mark.parametrize(
    ("name", "kept", "by"),
    [
        ("drain.open#0", True, {"drain.open#1"}),
        ("peek.look#0", True, {"peek.look#1"}),
        ("refill.pour#1", False, {"refill.pour#2"}),
        ("stamp.note#0", False, {"stamp.note#1"}),
        ("top_up.pour#0", False, set()),
    ],
)
def test_the_prover_says_what_takes_the_place_of_a_guard(name: str, kept: bool, by: set[str]) -> None:  # noqa: FBT001  # a parameter of the test
    """For any number of tanks: whether each way leaves the state that the guard leaves; a dead guard has no such way."""
    found = kept_without(RULES, claims_of(RULES), GUARDS[name])

    assert (found.states, set(found.by)) == (kept, by)


@pytest.mark.parametrize(("name", "kept"), [("stamp.note#0", True), ("fill.pour#0", False), ("knock.hear#1", False)])
def test_proofs_stand_unless_a_guard_protects(sound: Sound, name: str, kept: bool) -> None:  # noqa: FBT001  # as above
    """A claim falls with one guard, a property about steps with another."""
    stands = still_proved(RULES, claims_of(RULES), stated(sentence(RULES, p) for p in sound.held), [GUARDS[name]])

    assert stands is kept


def test_a_guard_that_no_run_meets_has_no_class(sound: Sound) -> None:
    """Where nobody fills, nobody finds the tank full."""
    dry = replace(sound, areas=(replace(AREA, calls=frozenset({"top_up"})),))

    row = alone(dry, "fill.pour#0")

    assert (row.worth, row.verdict) == (Worth.UNMET, Verdict.UNKNOWN)


def test_a_fall_beyond_the_limit_is_searched_and_no_more(sound: Sound) -> None:
    """A search that ends before the fall does not say that there is none."""
    short = replace(sound, limit=1)

    row = alone(short, "fill.pour#0")

    assert (row.worth, row.verdict) == (Worth.UNSPECIFIED, Verdict.SEARCHED)


@pytest.mark.parametrize("broken", ["fill.pour#0", "top_up.look#0", "unset_container.check#1"])
def test_rules_without_a_guard_are_the_rules_of_calls_without_it(broken: str) -> None:
    """Taking a case out of the rules is taking it out of the call."""
    system = SYSTEM if broken in GUARDS else next(s for s in SYSTEMS if s.id == "containers-2013")
    scope = AREA.scope if broken in GUARDS else areas_of(rules_of(system, Granularity.WHOLE))[1].scope
    step_name, number = broken.split("#")
    bare = replace(system, calls=without_case(system.calls, {step_name: int(number)}))

    one = explore(Machine(weakened(rules_of(system, Granularity.WHOLE), {broken}), scope), limit=2_000)
    other = explore(Machine(rules_of(bare, Granularity.WHOLE), scope), limit=2_000)

    assert (one.states, one.transitions, one.depth) == (other.states, other.transitions, other.depth)


def test_the_guard_of_a_real_call_protects_a_real_property() -> None:
    """Without EBUSY a group would have two files: two calls show it."""
    rules = rules_of(next(s for s in SYSTEMS if s.id == "containers-2013"), Granularity.WHOLE)
    held = [p for p in PROPERTIES if p.id == "GRP-1"]

    found, _ = fall(rules, {"open_group.claim#1"}, held, areas_of(rules)[:1], 100)

    assert found is not None
    assert (found.broken, found.length, found.trace.reason) == ("GRP-1", 2, "without open_group.claim#1")


def test_a_campaign_finds_every_guard_once(sound: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guard has a row, and each pair that masks one another."""
    monkeypatch.setattr(guarding, "sound_system", lambda *_: sound)
    told: list[tuple[str, int, int]] = []

    with ThreadPoolExecutor(max_workers=1) as pool:
        job = ("tanks", "whole")
        rows = [row for _, row in guarding.campaign(pool, {job: Judgement([])}, lambda *a: told.append(a))]

    single = [r.guards[0].name for r in rows if len(r.guards) == 1]
    assert sorted(single) == sorted(GUARDS)
    assert sum(r.worth is Worth.MASKED for r in rows) == 2
    assert told[-1][1] == told[-1][2]
