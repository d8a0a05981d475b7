"""What a guard is for: a tiny system with one guard of each kind, and two that mask one another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.commands.guarding import WAIT, Guard, Loss, Losses, Worth, classified, guards_of, without
from tenure.models import SYSTEMS
from tenure.properties import PROPERTIES
from tenure.search.scopes import Area, main_area
from tenure.vocabulary.calls import Steps, call, done, go, refuse, step
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.properties import always
from tenure.vocabulary.symbols import observable, state
from tenure.vocabulary.systems import Granularity, System, shows
from tenure.vocabulary.terms import Term, implies
from tenure.vocabulary.types import COUNT, FLAG, Sort

TANK = Sort("tank", "t")
CREW = Sort("crew", "w")

level = state("level", TANK, COUNT, meaning="how full the tank is")
stamped = state("stamped", TANK, FLAG, meaning="somebody noted it down")
shown_level = observable("tank_level", TANK, COUNT, meaning="how full the tank is")


@call("fill", actor=CREW, source="synthetic", tank=TANK)
def fill(tank: Term) -> Steps:
    """Without its guard the tank runs over."""
    yield step("pour", refuse(level[tank] == 1, "ENOSPC", "full"), done(level[tank].becomes(level[tank] + 1)))


@call("top up", actor=CREW, source="synthetic", tank=TANK)
def top_up(tank: Term) -> Steps:
    """The same, looked at twice: either guard alone is enough, and nothing gets to the second."""
    yield step("look", refuse(level[tank] == 1, "EBUSY", "full"), go())
    yield step("pour", refuse(level[tank] == 1, "EAGAIN", "still full"), done(level[tank].becomes(level[tank] + 1)))


@call("drain", actor=CREW, source="synthetic", tank=TANK)
def drain(tank: Term) -> Steps:
    """To drain an empty tank changes nothing."""
    empty = level[tank].becomes(0), stamped[tank].becomes(value=False)
    yield step("open", refuse(level[tank] == 0, "EINVAL", "empty"), done(*empty))


@call("stamp", actor=CREW, source="synthetic", tank=TANK)
def stamp(tank: Term) -> Steps:
    """No property says that only a full tank is noted down."""
    yield step("note", refuse(level[tank] == 0, "EPERM", "empty"), done(stamped[tank].becomes(value=True)))


@call("await", actor=CREW, source="synthetic", tank=TANK)
def await_full(tank: Term) -> Steps:
    """Sleep until the tank is full, and note it down."""
    yield step("sleep", done(stamped[tank].becomes(value=True), when=level[tank] == 1), waits=True)


@always("T-1", "synthetic", tank=TANK)
def no_tank_runs_over(tank: Term) -> Term:
    """No tank runs over."""
    return shown_level[tank] <= 1


@always("T-2", "synthetic", tank=TANK)
def every_tank_is_empty(tank: Term) -> Term:
    """Every tank is empty: false with all guards."""
    return implies(shown_level[tank] <= 1, shown_level[tank] == 0)


SYSTEM = System(
    name="tanks",
    variant="",
    title="tanks",
    source="synthetic",
    calls=(fill, top_up, drain, stamp, await_full),
    definitions=(shows(shown_level, lambda t: level[t]),),
)
AREA = Area(Scope({"tank": 1, "crew": 1}))
LOSSES = Losses(SYSTEM, [no_tank_runs_over, every_tank_is_empty], [AREA])
DEAD = frozenset({"top_up.pour#0"})


@pytest.mark.parametrize(
    ("guard", "loss"),
    [
        (guards_of(fill)[0], Loss(Worth.PROTECTIVE, "T-1", 2)),
        (guards_of(top_up)[0], Loss(Worth.ANSWER_ONLY)),
        (guards_of(top_up)[1], Loss(Worth.ANSWER_ONLY)),
        (guards_of(drain)[0], Loss(Worth.ANSWER_ONLY)),
        (guards_of(stamp)[0], Loss(Worth.PERMISSIVE)),
        (guards_of(await_full)[0], Loss(Worth.PERMISSIVE)),
    ],
    ids=lambda part: part.case if isinstance(part, Guard) else "",
)
def test_a_guard_is_what_is_lost_without_it(guard: Guard, loss: Loss) -> None:
    """A property, an answer, or states that nothing forbids."""
    assert LOSSES.of([guard]) == loss


def test_two_guards_that_mask_one_another_are_protective_together() -> None:
    """Neither is missed alone; the pair has a row of its own."""
    rows = list(classified(LOSSES, DEAD, [top_up]))

    assert [(r.step, r.errno, r.worth) for r in rows] == [
        ("top_up.look", "EBUSY", Worth.ANSWER_ONLY),
        ("top_up.pour", "EAGAIN", Worth.DEAD),
        ("top_up.look + top_up.pour", "EBUSY + EAGAIN", Worth.PROTECTIVE),
    ]
    assert (rows[2].property, rows[2].length) == ("T-1", 2)


def test_two_guards_of_one_step_are_taken_out_together() -> None:
    """The numbers of cases stay true while earlier ones go."""
    full = level[TANK_TERM] == 1
    both_in_one = replace(fill, steps=(step("pour", refuse(full, "EBUSY", "a"), refuse(full, "EAGAIN", "b"), done()),))
    system = replace(SYSTEM, calls=(both_in_one,))

    left = without(system, guards_of(both_in_one))

    assert [case.why for case in left.calls[0].steps[0].cases] == [""]


TANK_TERM = fill.parameter("tank")


def test_a_wait_is_taken_out_by_going_on() -> None:
    """The step goes on by its last case, and sleeps no more."""
    left = without(SYSTEM, [Guard("await_full", "sleep", WAIT, "waits", "")])

    (changed,) = left.call("await_full").steps
    assert not changed.waits
    assert changed.cases[-1].effects == await_full.steps[0].cases[-1].effects


def test_what_was_not_searched_whole_is_searched_and_no_more() -> None:
    """A limit below the number of states leaves the question open."""
    losses = Losses(SYSTEM, [no_tank_runs_over], [AREA], limit=1)

    assert losses.of(guards_of(drain)).worth is Worth.SEARCHED


def test_the_guard_of_a_real_call_protects_a_real_property() -> None:
    """Without EBUSY a group would have two files: two calls show it."""
    system = next(s for s in SYSTEMS if s.id == "containers-2013")
    losses = Losses(system, PROPERTIES, [main_area(system, Granularity.WHOLE)])
    (guard,) = (g for g in guards_of(system.call("open_group")) if g.why == "the group is open already")

    assert losses.of([guard]) == Loss(Worth.PROTECTIVE, "GRP-1", 2)
