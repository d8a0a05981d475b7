"""Each property of interrupts has a mutant: one broken step, after which a search finds a run that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.search.test_mutants import Fault, forgetful, on_case, on_step, unguarded
from tests.search.test_range_mutants import adding, assigning

from tenure.commands.recording import recorded
from tenure.models import SYSTEMS, interrupts
from tenure.models.interrupts import asserted, covers, delivering, events, level, line_index, masked, pending, trigger
from tenure.properties import PROPERTIES
from tenure.search.explorer import explore
from tenure.search.interrupt_scopes import SIZES, interrupt_scope
from tenure.vocabulary.calls import Step
from tenure.vocabulary.effects import each
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.objects import EVENTFD, LINE
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.sentences import applies, sentence
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import FALSE, TRUE, Term, both, either, is_none, no, variable, when

pytestmark = pytest.mark.ci

SOUND = next(s for s in SYSTEMS if s.id == "interrupts")
SCOPE = interrupt_scope({**SIZES, "thread": 2, "array": 3}, most=2)
INSTALL = "set_irq_eventfds.install"
ARRAY, INDEX = (SOUND.call("set_irq_eventfds").parameter(name) for name in ("array", "index"))
LINE_OF_CALL = SOUND.call("take_interrupt").parameter("line")
EACH_LINE = variable("each ln", LINE)
"""The line in an effect for each of them."""


def deaf_to_masks(system: System) -> System:
    """The host takes what is asserted, masked or not."""
    by_level = both(level[line_index[LINE_OF_CALL]], asserted[LINE_OF_CALL])
    by_edge = both(no(level[line_index[LINE_OF_CALL]]), pending[LINE_OF_CALL])
    due = both(no(is_none(trigger[LINE_OF_CALL])), either(by_level, by_edge))
    calls = (replace(c, requires=due) if c.name == "take_interrupt" else c for c in system.calls)
    return replace(system, calls=tuple(calls))


def installed(field: str, value: Term) -> Fault:
    """SET_IRQ_EVENTFDS leaves the lines of the index with this."""
    return assigning(INSTALL, 2, field, value)


def impatient(step: str) -> Fault:
    """The call does not wait for handlers."""

    def change(old: Step) -> Step:
        return replace(old, cases=tuple(replace(c, when=TRUE) for c in old.cases))

    return on_step(step, change)


TWICE = events[delivering[LINE_OF_CALL]] + 2
STAYS = when(covers(ARRAY, EACH_LINE), interrupts.array_eventfd[ARRAY, EACH_LINE], trigger[EACH_LINE])
OF_NOBODY = each(EVENTFD, lambda e: events[e].becomes(events[e] + 1))
LOWERED = SOUND.call("lower_line").parameter("line")
UNMASKED = SOUND.call("unmask_irq").parameter("index")
DROPPED = each(LINE, lambda ln: pending[ln].becomes(value=False), lambda ln: line_index[ln] == UNMASKED)
DISARMED = each(LINE, lambda ln: trigger[ln].becomes(None), lambda ln: line_index[ln] == INDEX)

MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("IRQ-1", deaf_to_masks),
    ("IRQ-2", forgetful("take_interrupt.signal", "events")),
    ("IRQ-3", forgetful("take_interrupt.take", "masked")),
    ("IRQ-4", installed("trigger", STAYS)),
    ("IRQ-5", adding("take_interrupt.take", 1, masked[LINE_OF_CALL].becomes(value=True))),
    ("IRQ-6", adding("raise_line.raise", 1, OF_NOBODY)),
    ("IRQ-7", assigning("take_interrupt.signal", 0, "events", TWICE)),
    ("IRQ-8", installed("pending", FALSE)),
    ("IRQ-9", adding("lower_line.lower", 0, masked[LOWERED].becomes(value=False))),
    ("IRQ-10", forgetful("unmask_irq.unmask", "masked")),
    ("IRQ-11", forgetful(INSTALL, "masked")),
    ("IRQ-12", forgetful("close_device.disable", "trigger")),
    ("IRQ-13", adding(INSTALL, 1, DISARMED)),
    ("IRQ-14", forgetful("take_interrupt.take", "masked")),
    ("IRQ-15", unguarded("close_device.disable", 0)),
    ("IRQ-16", unguarded(INSTALL, 1)),
    ("IRQ-17", on_case("unmask_irq.unmask", 1, lambda old: replace(old, when=TRUE))),
    ("IRQ-18", adding("unmask_irq.unmask", 1, DROPPED)),
)


def fallen(system: System, granularity: Granularity = Granularity.WHOLE, alone: str | None = None) -> set[str]:
    """The properties for which a search finds a run after which they are false; one `alone` is searched until it falls."""
    rules = rules_of(system, granularity)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(system, p) and alone in (None, p.id)]
    return set(explore(Machine(rules, SCOPE), stated, limit=10_000, exhaust=alone is None).violations)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[m[0] for m in MUTANTS])
def test_a_planted_fault_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    assert property_ in fallen(fault(SOUND), alone=property_)


def test_an_unmask_eventfd_that_unmasks_what_is_not_its_own_breaks_irq_9() -> None:
    """Two indexes have an unmask eventfd each; what is written to the one unmasks both."""
    two = interrupt_scope(
        {**SIZES, "thread": 1, "file": 1, "eventfd": 3, "array": 2},
        devices=(0, 0, 0),
        lines=(1, 0, 1),
        unmasking=2,
    )
    others = each(
        LINE,
        lambda ln: masked[ln].becomes(value=False),
        lambda ln: no(is_none(interrupts.unmask_eventfd[line_index[ln]])),
    )

    def falls(system: System) -> bool:
        rules = rules_of(system, Granularity.WHOLE)
        stated = [sentence(rules, p) for p in PROPERTIES if p.id == "IRQ-9"]
        return bool(explore(Machine(rules, two), stated, limit=40_000).violations)

    assert falls(adding("unmask_by_eventfd.unmask", 0, others)(SOUND))
    assert not falls(SOUND)


def test_a_handler_that_forgets_to_count_breaks_irq_7_in_steps_too() -> None:
    """Whoever it is that raised the line; an edge masks nothing, so that no other property would tell."""
    broken = forgetful("take_interrupt.signal", "events")(SOUND)

    assert "IRQ-7" in fallen(broken, Granularity.STEPS, alone="IRQ-7")


def test_a_reset_of_any_device_breaks_rfc_13() -> None:
    """The second device does not tell of the flag RESET."""
    two = interrupt_scope({**SIZES, "device": 2}, devices=(0, 1), lines=(1, 1))
    rules = rules_of(unguarded("reset_device.reset", 0)(SOUND), Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if applies(SOUND, p)]
    found = explore(Machine(rules, two), stated, limit=1_000, calls=frozenset({"open_device", "reset_device"}))

    assert set(found.violations) == {"RFC-13"}


@pytest.mark.parametrize("step", ["set_irq_eventfds.drain", "close_device.drain"])
def test_a_call_that_does_not_wait_breaks_its_property_in_steps_alone(step: str) -> None:
    """A handler signals what was taken away; where calls are whole it has done so before."""
    broken = impatient(step)(SOUND)

    assert fallen(broken) == set()
    assert fallen(broken, Granularity.STEPS) == {"IRQ-4"}


def careless(system: System) -> System:
    """A user has any eventfd unmask an index, also one that a line signals."""
    (kept,) = (c for c in system.calls if c.name == "set_unmask_irq_eventfd")
    is_open = no(is_none(interrupts.opens[kept.parameter("file")]))
    return replace(system, calls=tuple(replace(c, requires=is_open) if c is kept else c for c in system.calls))


@pytest.mark.parametrize("property_", ["IRQ-2", "IRQ-3"])
def test_a_user_that_does_not_keep_eventfds_apart_breaks_what_is_assumed_of_it(property_: str) -> None:
    """The signal of a line unmasks the line, and the host takes the next interrupt before anybody has read of the first."""
    rules = rules_of(careless(SOUND), Granularity.WHOLE)
    stated = [sentence(rules, p) for p in PROPERTIES if p.id == property_]
    user = frozenset({"open_device", "set_irq_eventfds", "set_unmask_irq_eventfd"})
    host = frozenset({"raise_line", "take_interrupt", "unmask_by_eventfd"})
    one = interrupt_scope({**SIZES, "file": 1})

    assert set(explore(Machine(rules, one), stated, limit=10_000, calls=user | host).violations) == {property_}
    assert not explore(Machine(rules, one), stated, limit=10_000, calls=user | host - {"unmask_by_eventfd"}).violations


@pytest.mark.parametrize("granularity", Granularity)
def test_without_a_fault_nothing_breaks(granularity: Granularity) -> None:
    """In the same scope."""
    assert fallen(SOUND, granularity) == set()


def test_every_property_of_interrupts_that_holds_has_a_mutant() -> None:
    """A property is added together with a fault that breaks it."""
    held = {
        key[3]
        for key, (verdict, _) in recorded().items()
        if key[0] == "interrupts" and key[1:3] == ("", "whole") and verdict == "proved" and key[3] != "CASES"
    }

    assert {"RFC-13", *(property_ for property_, _ in MUTANTS)} == held
