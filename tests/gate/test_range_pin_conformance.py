"""Pages that drivers pin, and unmaps that wait for them: each property has a mutant, and a fault planted in the reference is found."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import pytest
from tests.search.test_ioas_mutants import fallen_in
from tests.search.test_mutants import Fault, forgetful, on_step, unguarded

from tenure.commands.locking import locks_row
from tenure.commands.recording import recorded
from tenure.gate.campaign import Campaign
from tenure.gate.conform import Conformance, configuration
from tenure.gate.oracle import Oracle
from tenure.gate.pairs import conform_pairs
from tenure.gate.profiles import gate_scope, setup_of
from tenure.gate.reference_subject import ReferenceSubject
from tenure.gate.whole import conform_whole
from tenure.models import SYSTEMS
from tenure.models.locks import DEVICE_LIST_LOCK, TYPE1_LOCK
from tenure.prover.induction import prove
from tenure.prover.theory import claims_of
from tenure.reference import type1_pin_calls
from tenure.reference.calls import Task
from tenure.reference.dma import Range
from tenure.reference.dma.type1_state import Dma
from tenure.reference.kernel import Kernel
from tenure.reference.outcomes import Paused
from tenure.reference.pinned_spaces import PinnedSpace
from tenure.search.range_scopes import pin_scope
from tenure.vocabulary.answers import Done
from tenure.vocabulary.calls import Step
from tenure.vocabulary.lock_order import edges
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.terms import FALSE
from tenure.vocabulary.verdicts import Verdict

pytestmark = pytest.mark.ci

Plant = Callable[[pytest.MonkeyPatch], None]

SYSTEM = next(s for s in SYSTEMS if s.id == "dma-type1-v2:pins")
SIZES = {"process": 1, "thread": 1, "table": 1, "device": 1, "address": 2, "mapping": 2}
SMALL, TWO = pin_scope(SIZES), pin_scope({**SIZES, "device": 2, "mapping": 1})
CALM = pin_scope({**SIZES, "mapping": 1}, repeats=99)
"""One driver, which lets go of what it is told, and a kernel that hardly ever stops itself."""
PAIR = pin_scope({**SIZES, "thread": 2, "address": 1, "mapping": 1})


def case_of(step: str, why: str) -> int:
    """The number of the case that is told so."""
    call, _, name = step.partition(".")
    cases = next(s.cases for s in SYSTEM.call(call).steps if s.name == name)
    return next(n for n, one in enumerate(cases) if why in one.why)


def telling_nobody(step: str) -> Fault:
    """Mappings go whether a page of them is pinned or not: the three cases that look are never taken."""

    def change(old: Step) -> Step:
        return replace(old, cases=(*(replace(c, when=FALSE) for c in old.cases[:3]), *old.cases[3:]))

    return on_step(step, change)


def looking_once(step: str) -> Fault:
    """A mapping of which drivers were told goes, whether they have let go or not."""

    def change(old: Step) -> Step:
        _, again, told, goes, *rest = old.cases
        return replace(old, cases=(replace(again, effects=goes.effects, follow=goes.follow), told, goes, *rest))

    return on_step(step, change)


MUTANTS: tuple[tuple[str, Fault], ...] = (
    ("DMA-6", telling_nobody("unmap_dma.remove")),
    ("DMA-6", telling_nobody("unmap_all.remove")),
    ("DMA-6", looking_once("unmap_dma.remove")),
    ("DMA-6", looking_once("unmap_all.remove")),
    ("DMA-6", forgetful("pin_pages.pin", "pin references")),
    ("DMA-6", forgetful("unmap_dma.unpin", "pinned")),
    ("DMA-19", forgetful("unpin_pages.unpin", "pin references")),
    ("DMA-19", forgetful("pin_pages.undo", "pinned")),
    ("DMA-20", unguarded("pin_pages.undo", 0)),
    ("DMA-5", forgetful("unmap_dma.remove", "unmapped")),
    ("ACT-1", forgetful("pin_pages.pin", "charged")),
    ("ACT-1", forgetful("unmap_all.unpin", "pages")),
    ("ACT-3", unguarded("pin_pages.pin", case_of("pin_pages.pin", "too many pages"))),
)


@pytest.mark.parametrize(("property_", "fault"), MUTANTS, ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_fault_of_pins_breaks_its_property(property_: str, fault: Fault) -> None:
    """With the fault there is a run to where the property is false."""
    scopes = (SMALL, TWO)

    assert any(property_ in fallen_in(fault(SYSTEM), one, property_) for one in scopes)


def test_without_a_fault_only_the_kernel_s_own_end_is_found() -> None:
    """By one thread, a driver that keeps its page is told until the kernel stops itself."""
    assert fallen_in(SYSTEM, SMALL) == set()
    assert fallen_in(SYSTEM, TWO) == {"DMA-21"}


def test_every_property_of_pins_alone_has_a_mutant() -> None:
    """One that is proved here and of no other system of type1."""

    def proved(variant: str) -> set[str]:
        held = recorded().items()
        return {k[3] for k, (verdict, _) in held if k[:3] == ("dma-type1-v2", variant, "whole") and verdict == "proved"}

    alone = proved("pins") - proved("groups") - {"HARM-1", "HARM-2", "HARM-3"}
    assert alone == {"DMA-6", "DMA-19", "DMA-20"} <= {one for one, _ in MUTANTS}


def test_a_driver_that_lets_go_and_pins_nothing_again_stops_no_kernel() -> None:
    """Where nobody else is under way: of those that fall, only calls that wait for each other are left to two threads."""
    assert fallen_in(SYSTEM, CALM) == set()


@pytest.mark.parametrize("step", ["pin_pages.pin", "pin_pages.undo", "unpin_pages.unpin", "unmap_dma.unpin"])
def test_the_number_of_pins_is_not_proved_of_who_forgets_it(step: str) -> None:
    """`ref_count` goes with the drivers that have the page."""
    rules = rules_of(forgetful(step, "pin references")(SYSTEM), Granularity.WHOLE)

    assert "pins_are_counted" in prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped


def test_the_number_of_pins_is_proved_where_nobody_forgets_it() -> None:
    """Together with everything that it needs."""
    rules = rules_of(SYSTEM, Granularity.WHOLE)

    assert prove(rules, claims_of(rules), (), rlimit=1_000_000, whole=True).dropped == {}


def without_lock_in_callbacks(system: System) -> System:
    """A kernel in which the callbacks unpin without type1's lock."""
    found = system
    for call in ("unmap_dma", "unmap_all"):
        found = on_step(f"{call}.unpin", lambda old: replace(old, locks=(), waits=False))(found)
    return found


def test_the_locks_are_taken_both_ways_round_and_in_one_order_without_the_callbacks() -> None:
    """It is the callbacks under device_list_lock that make the order a circle."""
    pairs = {(e.first, e.then) for e in edges(SYSTEM)}

    assert pairs == {(TYPE1_LOCK, DEVICE_LIST_LOCK), (DEVICE_LIST_LOCK, TYPE1_LOCK)}
    assert locks_row(SYSTEM).verdict is Verdict.REFUTED
    assert locks_row(without_lock_in_callbacks(SYSTEM)).verdict is Verdict.PROVED


def whole() -> Conformance:
    """Whole calls in a small scope, until a first difference."""
    return conform_whole(SYSTEM, TWO, most=1)


def pairs() -> Conformance:
    """Two calls in flight, until a first difference."""
    return conform_pairs(SYSTEM, PAIR, most=1)


@pytest.mark.parametrize("compare", [whole, pairs])
def test_the_two_tellings_agree(compare: Callable[[], Conformance]) -> None:
    """In every state of the scope."""
    found = compare()

    assert found.complete
    assert found.differences == []
    assert found.transitions > 1000


def an_unmap_that_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a page is pinned."""
    monkeypatch.setattr(PinnedSpace, "is_pinned", lambda _, __: False)


def an_unmap_that_looks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping of which drivers were told goes, whether they have let go or not."""
    told: list[Dma] = []

    def is_pinned(_: PinnedSpace, dma: Dma) -> bool:
        if any(dma is one for one in told):
            return False
        told.append(dma)
        return bool(dma.pinned)

    monkeypatch.setattr(PinnedSpace, "is_pinned", is_pinned)


def a_second_pin_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who pins what is pinned already is not counted."""
    pin = PinnedSpace.pin

    def forgets(self: PinnedSpace, device: int, page: int, access: int) -> None:
        if self.references(page):
            self.pages[device].add(page)
        else:
            pin(self, device, page, access)

    monkeypatch.setattr(PinnedSpace, "pin", forgets)


def pages_that_stay_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vfio_pin_pages that is refused has pinned what came before."""

    def leaves(_: PinnedSpace, __: int, ___: Range) -> Generator[str, None, None]:
        yield "pin_pages.undo"

    monkeypatch.setattr(type1_pin_calls, "_unwind", leaves)


def a_page_that_is_paid_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given back for a page that is pinned no more."""
    monkeypatch.setattr(Dma, "discharge", lambda _, __: None)


PLANTED = (
    an_unmap_that_tells_nobody,
    an_unmap_that_looks_once,
    a_second_pin_that_does_not_count,
    pages_that_stay_after_an_error,
    a_page_that_is_paid_for_ever,
)


@pytest.mark.parametrize("plant", PLANTED)
def test_a_fault_in_the_reference_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole calls."""
    plant(monkeypatch)

    assert whole().differences


def callbacks_without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that unpins from its callback does not wait for type1's lock."""

    def let_go(space: PinnedSpace, _: Task, device: int, r: Range, call: str) -> Generator[str, None, None]:
        while found := space.pages_within(device, r):
            yield f"{call}.unpin"
            if found[0] in space.pages[device]:
                space.unpin(device, found[0])
            yield f"{call}.callback"

    monkeypatch.setattr(type1_pin_calls, "_let_go", let_go)


def test_a_driver_that_does_not_wait_for_the_lock_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By calls in flight: it goes on where it must wait."""
    callbacks_without_the_lock(monkeypatch)

    assert pairs().differences


def test_a_mapping_that_comes_while_drivers_are_told_ends_the_unmap_well() -> None:
    """It reaches out of the range: success, with what is gone by then, and neither mapping is touched."""
    kernel = Kernel(SYSTEM.id, configuration(pin_scope({**SIZES, "thread": 2, "address": 3, "process": 2})))
    request = {"table": 0, "request": 0}
    kernel.do("map_dma", {"process": 0, **request, "low": 0, "high": 0, "to": 3, "made": 0})
    kernel.do("register_device", {"device": 0, "table": 0})
    kernel.do("pin_pages", {"device": 0, **request, "low": 0, "high": 0, "to": 1})
    outcome = kernel.begin("unmap_dma", {**request, "low": 0, "high": 1}, "th0")
    while outcome != Paused("unmap_dma.callback"):
        outcome = kernel.step("th0")

    assert kernel.do("map_dma", {"process": 0, **request, "low": 1, "high": 2, "to": 3, "made": 1}) == Done()
    while isinstance(outcome, Paused):
        outcome = kernel.step("th0")

    assert outcome == Done((("size", 0),))
    (space,) = kernel.machine.spaces
    assert sorted(space.named()) == [0, 1]


def gate() -> Campaign:
    """Random runs of the reference as a subject."""
    oracle = Oracle(SYSTEM, gate_scope(SYSTEM))
    campaign = Campaign(ReferenceSubject(SYSTEM.id), oracle, setup_of(SYSTEM, oracle.machine), 1, frozenset())
    campaign.play((), seconds=None, calls=4000)
    return campaign


def test_the_gate_finds_nothing_in_the_reference() -> None:
    """Which shows what is pinned, and how often."""
    assert gate().report.findings == []


def test_the_gate_finds_a_subject_that_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it shows."""
    an_unmap_that_tells_nobody(monkeypatch)

    assert gate().report.findings
