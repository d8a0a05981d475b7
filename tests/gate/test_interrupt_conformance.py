"""Interrupts compared with their model, and a subject of them held to the rules: planted faults are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance
from tenure.gate.oracle import Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.reference import interrupt_calls
from tenure.reference.interrupts import EventFd, Index, Line
from tenure.search.interrupt_scopes import SIZES, interrupt_scope
from tenure.vocabulary.calls import without_case
from tenure.vocabulary.systems import System

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "interrupts")
SCOPE = interrupt_scope({**SIZES, "file": 1, "thread": 2, "array": 3}, most=2)


def whole(system: System = SYSTEM) -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(system, SCOPE, most=1)


def pairs(system: System = SYSTEM) -> Conformance:
    """Pairs of calls in flight, step by step, until a first difference."""
    return conform_pairs(system, interrupt_scope({**SIZES, "file": 1, "thread": 2}), most=1)


def test_the_two_tellings_agree() -> None:
    """In every state of the scope; `tenure conform` compares calls in flight in a larger one."""
    found = whole()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def a_line_that_is_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler signals, and leaves the line as it is."""
    monkeypatch.setattr(Line, "masked", property(lambda _: False, lambda *_: None))


def an_unmask_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the lines of an index only the first is unmasked; of lines that have one each, that is all."""
    monkeypatch.setattr(Index, "unmask", lambda self, **how: [line.unmask(**how) for line in self.lines[:1]])


def an_eventfd_that_overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full eventfd goes on counting from zero."""
    monkeypatch.setattr(EventFd, "signal", lambda self: setattr(self, "count", (self.count + 1) % (self.most + 1)))


def an_edge_that_is_kept_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge of a line that is off waits until somebody enables it."""

    def interrupt(line: Line) -> None:
        line.asserted, line.pending = (True, False) if line.level else (False, True)

    monkeypatch.setattr(Line, "interrupt", interrupt)


def an_array_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """SET_IRQ_EVENTFDS takes more eventfds than the index has lines."""
    sound = interrupt_calls._find  # noqa: SLF001  # the fault is planted inside

    def find(*args: object) -> Index | None:
        found = sound(*args)  # type: ignore[arg-type]  # as it was called
        if found is not None:
            found.count = 9
        return found

    monkeypatch.setattr(interrupt_calls, "_find", find)


@pytest.mark.parametrize(
    "plant",
    [
        a_line_that_is_not_masked,
        an_eventfd_that_overflows,
        an_edge_that_is_kept_for_the_next,
        an_array_of_any_length,
    ],
)
def test_a_fault_in_the_reference_is_found_by_whole_calls(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a small scope."""
    plant(monkeypatch)

    assert whole().differences


def test_a_fault_of_several_lines_needs_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each index has one line an unmask of the first is an unmask of all."""
    an_unmask_of_one_line(monkeypatch)

    assert whole().differences == []
    assert conform_whole(SYSTEM, interrupt_scope({**SIZES, "file": 1, "array": 3}, lines=(2, 0)), most=1).differences


def nobody_waits_for_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that take eventfds away end while a handler has yet to signal one."""

    def synchronize(_: Callable[[], bool]) -> Iterator[str]:
        yield from ()

    monkeypatch.setattr(interrupt_calls, "_synchronize", synchronize)


def test_who_does_not_wait_for_handlers_is_found_by_pairs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where calls are whole there is nothing to wait for."""
    nobody_waits_for_handlers(monkeypatch)

    assert whole().differences == []
    (one,) = pairs().differences
    assert (one.model, one.reference) == ("waiting", "done {}")
    assert any("take_interrupt" in call for call in one.calls)


@pytest.mark.parametrize(
    ("step", "number", "answered"),
    [("set_irq_eventfds.install", 1, "EINVAL"), ("take_interrupt.take", 0, "line_masked")],
)
def test_a_fault_in_the_model_is_found_by_whole_calls(step: str, number: int, answered: str) -> None:
    """The reference refuses what the model lets pass, or masks what the model does not."""
    faulty = replace(SYSTEM, calls=without_case(SYSTEM.calls, {step: number}))

    assert answered in whole(faulty).differences[0].reference


# The gate


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """One for all campaigns."""
    return Oracle(SYSTEM, gate_scope(SYSTEM))


def played(oracle: Oracle) -> Campaign:
    """Random runs of the reference as a subject."""
    campaign = Campaign(ReferenceSubject("interrupts"), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())
    campaign.play((), seconds=None, calls=1500)
    return campaign


def test_the_gate_finds_nothing_in_the_reference(oracle: Oracle) -> None:
    """Every property is checked, and refusals are met."""
    report = played(oracle).report

    assert report.findings == []
    assert report.not_run == ()
    assert "set_irq_eventfds EINVAL" in report.refusals


def test_the_gate_finds_an_unmask_that_does_nothing(oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asserted still does not interrupt again."""
    monkeypatch.setattr(Index, "unmask", lambda _, **_how: None)

    found = played(oracle).report.findings

    assert found
    assert min(len(f.run) for f in found) <= 6


def a_signal_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler masks, and tells nobody."""
    monkeypatch.setattr(EventFd, "signal", lambda _: None)


def a_line_that_is_never_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count 0 and close take no eventfd away, though the user believes so."""
    sound = Line.install

    def install(line: Line, eventfd: EventFd | None) -> None:
        sound(line, eventfd or line.eventfd)
        line.given = eventfd

    monkeypatch.setattr(Line, "install", install)


@pytest.mark.parametrize(
    ("plant", "property_"),
    [
        (a_signal_that_is_lost, "IRQ-2"),
        (an_edge_that_is_kept_for_the_next, "IRQ-11"),
        (a_line_that_is_never_switched_off, "IRQ-4"),
    ],
)
def test_the_gate_says_which_property_a_faulty_subject_breaks(
    plant: Plant, property_: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In few calls."""
    plant(monkeypatch)

    found = [f for f in played(oracle).report.findings if f.kind == "violates"]

    assert property_ in {f.property for f in found}
    assert min(len(f.run) for f in found) <= 6
